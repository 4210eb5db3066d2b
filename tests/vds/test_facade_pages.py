"""Pages of the OpenVDS API: what is written through them, in which layout, and when it is there."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mdio_vds as openvds
from mdio_vds import (
    CompressionMethod,
    DimensionsND,
    MetadataContainer,
    VolumeDataAxisDescriptor,
    VolumeDataChannelDescriptor,
    VolumeDataComponents,
    VolumeDataFormat,
    VolumeDataLayoutDescriptor,
    VolumeDataPageAccessor,
)

PEER = os.environ.get("MDIO_PEER_OPENVDS", "")
Mode = VolumeDataPageAccessor.AccessMode
GROUP = DimensionsND.Dimensions_012
SHAPE = (45, 40, 33)


def descriptor(lods=1, margins=(0, 0), size="BrickSize_32"):
    kind = VolumeDataLayoutDescriptor
    levels = getattr(kind.LODLevels, f"LODLevels_{lods or 'None'}")
    return kind(getattr(kind.BrickSize, size), *margins, 4, levels, kind.Options.Options_None)


def axes(shape=SHAPE):
    names = ["Sample", "Crossline", "Inline", "Offset", "Five", "Six"]
    return [VolumeDataAxisDescriptor(n, names[i], "", 0.0, n - 1.0) for i, n in enumerate(shape)]


def channel(format="R32", components=1, *more):
    return VolumeDataChannelDescriptor(
        getattr(VolumeDataFormat, f"Format_{format}"),
        getattr(VolumeDataComponents, f"Components_{components}"),
        "Amplitude", "", 0.0, 255.0, *more,
    )  # fmt: skip


def create(url, *, kind=None, made=None, layout=None, shape=SHAPE, method="None"):
    return openvds.create(
        str(url), "", layout or descriptor(), axes(shape), [made or channel(kind or "R32")], MetadataContainer(),
        getattr(CompressionMethod, method), 0.01,
    )  # fmt: skip


def pages(handle, mode, lod=0, limit=8):
    return openvds.getAccessManager(handle).createVolumeDataPageAccessor(GROUP, lod, 0, limit, mode)


def write(accessor, volume):
    """Write a volume, slowest axis first."""
    for chunk in range(accessor.getChunkCount()):
        page = accessor.createPage(chunk)
        low, high = page.getMinMax()
        box = tuple(slice(a, b) for a, b in zip(low[:3][::-1], high[:3][::-1], strict=True))
        np.asarray(page.getWritableBuffer())[...] = volume[box]
        page.release()


def read(url, lod=0, shape=SHAPE):
    with openvds.open(str(url)) as handle:
        data = openvds.getAccessManager(handle).requestVolumeSubset((0, 0, 0), shape, lod=lod).data
        return data.reshape([-(-n >> 0) if not lod else (n + (1 << lod) - 1) >> lod for n in shape[::-1]])


@pytest.fixture
def volume():
    return np.random.default_rng(3).normal(size=SHAPE[::-1]).astype(np.float32)


def test_import_takes_nothing_heavy():
    code = "import sys, mdio_vds; dir(mdio_vds); print([m for m in ('numpy', 'fsspec', 'zarr') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_core_has_the_same_names():
    assert openvds.core.open is openvds.open and openvds.core.VDS is openvds.VDS
    with pytest.raises(AttributeError):
        _ = openvds.core.Nothing


@pytest.mark.parametrize("url", ["a.vds", "memory://facade-objects/a", "inmemory://facade-one"])
def test_a_volume_comes_back_from_every_place(tmp_path, volume, url):
    where = url if "://" in url else tmp_path / url
    with create(where, method="Zip", layout=descriptor(2, (2, 3))) as handle:
        write(pages(handle, Mode.AccessMode_Create), volume)
    np.testing.assert_array_equal(read(where), volume)
    np.testing.assert_array_equal(read(where, 1), volume[::2, ::2, ::2])
    np.testing.assert_array_equal(read(where, 2), volume[::4, ::4, ::4])


def test_a_directory_of_objects_opens(tmp_path, volume):
    store = openvds.IOManager(str(tmp_path / "tree")).store
    from mdio_vds.facade.handle import begun
    from mdio_vds.facade.records import record_of

    record = record_of(descriptor(), axes(), [channel()])
    from mdio_vds.enums import CompressionMethod as Method

    with begun(store, record, {}, Method.Zip, 0.01, frozenset(), objects=True) as handle:
        write(pages(handle, Mode.AccessMode_Create), volume)
    assert (tmp_path / "tree/LayerStatus").is_file()
    np.testing.assert_array_equal(read(tmp_path / "tree"), volume)
    np.testing.assert_array_equal(read(f"file://{tmp_path}/tree"), volume)
    with openvds.open(openvds.IOManager(str(tmp_path / "tree"))) as handle:
        edited = pages(handle, Mode.AccessMode_ReadWrite)
        page = edited.readPage(0)
        np.asarray(page.getWritableBuffer())[0, 0, 0] = 99
        page.release()
    assert read(tmp_path / "tree")[0, 0, 0] == 99
    assert read(tmp_path / "tree", 1)[0, 0, 0] == 99


@pytest.mark.parametrize("format", ["1Bit", "U8", "U16", "R32", "U32", "R64", "U64"])
@pytest.mark.parametrize("components", [1, 2, 4])
@pytest.mark.parametrize("method", ["None", "Zip", "RLE"])
def test_all_formats_come_back_page_by_page(tmp_path, format, components, method):
    if format == "1Bit" and components > 1:
        with pytest.raises(RuntimeError, match="1Bit channels have one component"):
            create(tmp_path / "a.vds", made=channel(format, components), method=method)
        return
    rng, written = np.random.default_rng(4), []
    with create(tmp_path / "a.vds", made=channel(format, components), method=method) as handle:
        accessor = pages(handle, Mode.AccessMode_Create)
        for chunk in range(accessor.getChunkCount()):
            page = accessor.createPage(chunk)
            buffer = np.asarray(page.getWritableBuffer())
            for part in [buffer[name] for name in buffer.dtype.names] if buffer.dtype.names else [buffer]:
                part[...] = rng.integers(0, 200, part.shape)
            written.append(buffer.copy())
            page.release()
    with openvds.open(str(tmp_path / "a.vds")) as handle:
        accessor = pages(handle, Mode.AccessMode_ReadOnly)
        for chunk, expected in enumerate(written):
            found = np.asarray(accessor.readPage(chunk).getBuffer())
            if format == "1Bit":  # bits behind the end of a row are nobody's
                low, high = (end[0] for end in accessor.getChunkMinMax(chunk))
                expected = np.unpackbits(expected, axis=-1, count=high - low, bitorder="little")
                found = np.unpackbits(found, axis=-1, count=high - low, bitorder="little")
            np.testing.assert_array_equal(found, expected)
        assert pages(handle, Mode.AccessMode_ReadOnly, 1).getChunkVolumeDataHash(0) != 0


def test_pages_that_leave_the_cache_are_written(tmp_path, volume):
    with create(tmp_path / "a.vds") as handle:
        accessor = pages(handle, Mode.AccessMode_Create, limit=1)
        write(accessor, volume)
        assert len(accessor._pages) == 1
        assert [accessor.getChunkVolumeDataHash(i) != 0 for i in range(accessor.getChunkCount())].count(False) == 1
    np.testing.assert_array_equal(read(tmp_path / "a.vds"), volume)


def test_pages_in_use_stay_whatever_the_limit(tmp_path):
    with create(tmp_path / "a.vds") as handle:
        accessor = pages(handle, Mode.AccessMode_Create, limit=1)
        held = [accessor.createPage(chunk) for chunk in range(3)]
        for number, page in enumerate(held):
            np.asarray(page.getWritableBuffer())[...] = number + 1
        for page in held:
            page.release()
        assert [np.asarray(accessor.readPage(i).getBuffer())[0, 0, 0] for i in range(3)] == [1, 2, 3]


def test_a_new_vds_appears_when_it_is_flushed_and_goes_on(tmp_path, volume):
    path = tmp_path / "a.vds"
    handle = create(path)
    accessor = pages(handle, Mode.AccessMode_Create)
    write(accessor, volume)
    accessor.commit()
    assert not path.exists()
    openvds.getAccessManager(handle).flush()
    np.testing.assert_array_equal(read(path), volume)
    page = accessor.readPage(0)
    np.asarray(page.getWritableBuffer())[0, 0, 0] = 7
    page.release()
    openvds.getMetadataWriteAccessInterface(handle).setMetadataInt("a", "b", 3)
    openvds.close(handle)
    assert read(path)[0, 0, 0] == 7 and read(path, 1)[0, 0, 0] == 7
    with openvds.open(str(path)) as again:
        assert openvds.getLayout(again).getMetadataInt("a", "b") == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.vds"]


def test_close_without_flush_leaves_what_was_there(tmp_path, volume):
    path = tmp_path / "a.vds"
    with create(path) as handle:
        write(pages(handle, Mode.AccessMode_Create), volume)
    before = path.read_bytes()
    for begin in (lambda: create(path), lambda: openvds.open(str(path))):
        handle = begin()
        write(pages(handle, Mode.AccessMode_Create, limit=1), volume + 1)
        openvds.close(handle, flush=False)
        assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.vds"]


def test_levels_follow_each_change_and_only_those_that_have_to(tmp_path, volume):
    with create(tmp_path / "a.vds", layout=descriptor(2, (2, 2))) as handle:
        accessor = pages(handle, Mode.AccessMode_Create)
        write(accessor, volume)
        accessor.commit()
        manager = openvds.getAccessManager(handle)
        coarse = manager.requestVolumeSubset((0, 0, 0), SHAPE, lod=2).data.reshape(9, 10, 12)
        np.testing.assert_array_equal(coarse, volume[::4, ::4, ::4])
        last = accessor.getChunkCount() - 1
        page = accessor.readPage(last)
        np.asarray(page.getWritableBuffer())[...] = 5
        page.release()
        accessor.commit()
        assert manager.requestVolumeSubset((0, 0, 0), SHAPE, lod=2).data[-1] == 5
        assert manager.requestVolumeSubset((0, 0, 0), SHAPE, lod=2).data[0] == volume[0, 0, 0]


def test_unwritten_chunks_have_no_coarser_ones(tmp_path):
    with create(tmp_path / "a.vds", shape=(200, 40, 33)) as handle:
        accessor = pages(handle, Mode.AccessMode_Create)
        page = accessor.createPage(0)
        np.asarray(page.getWritableBuffer())[...] = 1
        page.release()
    with openvds.open(str(tmp_path / "a.vds")) as handle:
        coarser = pages(handle, Mode.AccessMode_ReadOnly, 1)
        assert [coarser.getChunkVolumeDataHash(i) != 0 for i in range(4)] == [True, False, False, False]


def test_a_copy_is_the_same_to_the_byte_where_both_are_stored_alike(tmp_path, volume):
    for name, method in (("zip", "Zip"), ("same", "Zip"), ("rle", "RLE")):
        with create(tmp_path / f"{name}.vds", method=method) as handle:
            accessor = pages(handle, Mode.AccessMode_Create)
            if name == "zip":
                write(accessor, volume)
                continue
            with openvds.open(str(tmp_path / "zip.vds")) as source:
                other = pages(source, Mode.AccessMode_ReadOnly)
                for chunk in range(accessor.getChunkCount()):
                    accessor.copyPage(chunk, other)
                hashes = [other.getChunkVolumeDataHash(i) for i in range(4)]
                copied = [accessor.getChunkVolumeDataHash(i) for i in range(4)]
                assert (hashes == copied) == (name == "same")
        np.testing.assert_array_equal(read(tmp_path / f"{name}.vds"), volume)
        np.testing.assert_array_equal(read(tmp_path / f"{name}.vds", 1), volume[::2, ::2, ::2])
    with (
        create(tmp_path / "other.vds", layout=descriptor(size="BrickSize_64")) as handle,
        openvds.open(str(tmp_path / "zip.vds")) as source,
        pytest.raises(openvds.InvalidOperation),
    ):
        pages(handle, Mode.AccessMode_Create).copyPage(0, pages(source, Mode.AccessMode_ReadOnly))


def test_what_cannot_be_is_refused(tmp_path, volume):
    with create(tmp_path / "a.vds") as handle:
        accessor = pages(handle, Mode.AccessMode_Create)
        write(accessor, volume)
        with pytest.raises(openvds.InvalidArgument):
            accessor.readPage(99)
        held = accessor.createPage(0)
        with pytest.raises(openvds.InvalidOperation, match="already exists"):
            accessor.createPage(0)
        np.asarray(held.getWritableBuffer())[...] = 0
        held.release()
    with openvds.open(str(tmp_path / "a.vds")) as handle:
        reading = pages(handle, Mode.AccessMode_ReadOnly)
        for call in (lambda: reading.createPage(0), lambda: reading.copyPage(0, reading)):
            with pytest.raises(openvds.InvalidOperation, match="read-only"):
                call()
        with pytest.raises(RuntimeError, match="read-only"):
            reading.readPage(0).getWritableBuffer()
        assert np.asarray(reading.readPage(0).getBuffer()).flags.writeable is False
    for call in (lambda: openvds.getLayout(handle), lambda: openvds.close(handle), lambda: reading.readPage(1)):
        with pytest.raises(openvds.InvalidOperation, match="closed"):
            call()


def test_a_damaged_chunk_is_a_read_error(tmp_path, volume):
    path = tmp_path / "a.vds"
    with create(path, method="Zip") as handle:
        write(pages(handle, Mode.AccessMode_Create), volume)
    raw = bytearray(path.read_bytes())
    raw[60:90] = bytes(30)
    path.write_bytes(raw)
    with openvds.open(str(path)) as handle, pytest.raises(openvds.ReadErrorException, match="Dimensions_012LOD0"):
        pages(handle, Mode.AccessMode_ReadOnly).readPage(0)


def test_changes_of_an_accessor_that_was_let_go_are_kept(tmp_path):
    with create(tmp_path / "a.vds") as handle:
        accessor = pages(handle, Mode.AccessMode_Create)
        page = accessor.createPage(0)
        np.asarray(page.getWritableBuffer())[...] = 4
        page.release()
        del accessor, page
        gc.collect()
    assert read(tmp_path / "a.vds")[0, 0, 0] == 4


WRITTEN = """
import sys, numpy, openvds
for path in sys.argv[1:]:
    handle = openvds.open(path)
    manager = openvds.getAccessManager(handle)
    pages = manager.createVolumeDataPageAccessor(
        openvds.DimensionsND.Dimensions_012, 0, 0, 8, openvds.VolumeDataPageAccessor.AccessMode.AccessMode_ReadOnly)
    for chunk in range(pages.getChunkCount()):
        page = pages.readPage(chunk)
        numpy.save(f"{path}.{chunk}.npy", numpy.array(page.getBuffer()))
        page.release()
    openvds.close(handle)
"""


@pytest.mark.interop
@pytest.mark.skipif(not PEER, reason="MDIO_PEER_OPENVDS is not set")
def test_openvds_reads_pages_of_all_formats(tmp_path):
    written = {}
    for format in ("U8", "U16", "R32", "U32", "R64", "U64"):
        for components in (1, 2, 4):
            for method in ("None", "Zip", "RLE"):
                path = tmp_path / f"{format}-{components}-{method}.vds"
                rng = np.random.default_rng(4)
                with create(path, made=channel(format, components), method=method) as handle:
                    accessor = pages(handle, Mode.AccessMode_Create)
                    for chunk in range(accessor.getChunkCount()):
                        page = accessor.createPage(chunk)
                        buffer = np.asarray(page.getWritableBuffer())
                        for part in [buffer[name] for name in buffer.dtype.names] if buffer.dtype.names else [buffer]:
                            part[...] = rng.integers(0, 200, part.shape)
                        written[f"{path}.{chunk}.npy"] = buffer.copy()
                        page.release()
    files = sorted({name.rsplit(".", 2)[0] for name in written})
    subprocess.run([PEER, "-c", WRITTEN, *files], check=True)
    assert len(written) > 50
    for name, expected in written.items():
        np.testing.assert_array_equal(np.load(Path(name)), expected)


@pytest.mark.parametrize("format", ["R32", "1Bit"])
def test_changes_in_margins_reach_all_chunks_that_have_the_voxel(tmp_path, format):
    path, bits = tmp_path / "a.vds", format == "1Bit"
    with create(path, kind=format, layout=descriptor(1, (2, 3))) as handle:
        accessor = pages(handle, Mode.AccessMode_Create)
        for chunk in range(accessor.getChunkCount()):
            page = accessor.createPage(chunk)
            np.asarray(page.getWritableBuffer())[...] = 0
            page.release()
    with openvds.open(str(path)) as handle:
        accessor = pages(handle, Mode.AccessMode_ReadWrite)
        first, second = accessor.readPage(0), accessor.readPage(1)
        assert accessor.getChunkMinMax(1)[0][0] == 27
        for page, at in ((first, 30), (second, 28)):  # each changes a voxel that the other owns
            x = at - page.getMinMax()[0][0]
            buffer = np.asarray(page.getWritableBuffer())[5, 5]
            if bits:
                buffer[x // 8] |= 1 << x % 8
            else:
                buffer[x] = at
        for page in (first, second):
            page.release()
    with openvds.open(str(path)) as handle:
        accessor = pages(handle, Mode.AccessMode_ReadOnly)
        for chunk in (0, 1):
            low, high = (end[0] for end in accessor.getChunkMinMax(chunk))
            row = np.asarray(accessor.readPage(chunk).getBuffer())[5, 5]
            values = np.unpackbits(row, count=high - low, bitorder="little") if bits else row
            assert {low + int(i): int(values[i]) for i in np.flatnonzero(values)} == (
                {28: 1, 30: 1} if bits else {28: 28, 30: 30}
            )


def test_per_trace_channels_of_several_components_have_levels(tmp_path):
    """Renderable, so that closing makes their coarser levels: every second trace."""
    kind = VolumeDataChannelDescriptor
    pair = kind.traceMappedVolumeDataChannelDescriptor(
        VolumeDataFormat.Format_U16, VolumeDataComponents.Components_2, "Pair", "", 0.0, 1.0, 1, kind.Flags.Default
    )
    path = tmp_path / "a.vds"
    handle = openvds.create(str(path), "", descriptor(1), axes(), [channel(), pair], MetadataContainer())
    with handle:
        accessor = openvds.getAccessManager(handle).createVolumeDataPageAccessor(GROUP, 0, 1, 8, Mode.AccessMode_Create)
        for chunk in range(accessor.getChunkCount()):
            page = accessor.createPage(chunk)
            buffer = np.asarray(page.getWritableBuffer())
            for at, name in enumerate(buffer.dtype.names):
                buffer[name] = chunk * 2 + at + 1
            page.release()
    with openvds.open(str(path)) as handle:
        assert "PairDimensions_012LOD1" in handle.source.layers


def test_the_interface_has_the_name_that_programs_use():
    assert openvds.IVolumeDataAccessManager.AccessMode is openvds.VolumeDataAccessManager.AccessMode
    assert openvds.core.IVolumeDataAccessManager is openvds.IVolumeDataAccessManager
