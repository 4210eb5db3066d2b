"""Writing with wavelet methods through every door: what is promised of each sample and of each level of detail."""

import contextlib
import tempfile
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import mdio
import mdio_vds as openvds
from mdio.cli import main
from mdio.convert import Stores, create
from mdio.core.trace_header import standard_layout
from mdio.core.volume import Creation
from mdio.exceptions import CodecError, SlabError
from mdio.flow.engine import run
from mdio.testing import WriterContract, synthetic
from mdio_vds.channel import ChannelReader
from mdio_vds.descriptors import ChannelDescriptor
from mdio_vds.enums import CompressionMethod, VolumeDataFormat
from mdio_vds.layer_encoding import layer_encoding
from mdio_vds.layout import parse_layout
from mdio_vds.volume import open_source

pytest.importorskip("numba")

HEADERS = standard_layout()
SHAPE = (70, 40, 71)
ENDS = (-2.0, 3.0)
STEP = (ENDS[1] - ENDS[0]) / 255  # section 9.10: a tolerance of 1
Method = CompressionMethod


def waves(seed=3):
    """Smooth and noisy at once, with a muted beginning and odd zeros."""
    i, j, k = np.indices(SHAPE, "f4")
    noise = np.random.default_rng(seed).standard_normal(SHAPE, "f4")
    data = np.sin(0.3 * k + 0.05 * i) * np.cos(0.1 * j) + 0.1 * noise
    data[..., :5] = 0
    data[::7, ::3, ::5] = 0
    return data.astype("f4")


def source(data):
    volume = synthetic.volume(data.shape, headers=HEADERS)
    volume._samples[...] = data
    records = volume._headers.view(HEADERS.struct)
    records["inline"], records["crossline"] = 100 + np.indices(records.shape)
    return volume


def write(path, data, *, lods=3, creation=None, **options):
    given = {"brick_size": 32, "lods": lods, "value_range": list(ENDS), **options}
    volume = source(data)
    sink = create(path, volume, format="vds", options=given, creation=creation or Creation())
    run(volume, sink)


def level(path, lod):
    """Return all voxels of a level, decoded."""
    with contextlib.closing(open_source(Stores({}).open(str(path)))) as opened:
        layout = parse_layout(opened.layout_json())
        reader = ChannelReader(opened, layout, layout.channels[0], (0, 1, 2), lod)
        return reader.read(tuple((0, -(-n >> lod)) for n in reversed(SHAPE))), reader.layer


def thinned(data):
    """Section 10, a voxel at a time: the first of a cell, x fastest, that is not zero."""
    out = np.zeros([-(-n // 2) for n in data.shape], data.dtype)
    for z, y, x in np.ndindex(out.shape):
        cell = data[2 * z : 2 * z + 2, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2].ravel()
        found = np.flatnonzero(cell)
        out[z, y, x] = cell[found[0]] if found.size else 0
    return out


class TestContract(WriterContract):
    """A lossless wavelet is a writer as good as any."""

    options: ClassVar[dict] = {"brick_size": 32, "compression": "WaveletLossless", "lods": 1}

    @pytest.fixture
    def source(self):
        return synthetic.volume((40, 9, 41), live=lambda i, x: (i * x) % 7 != 3, headers=HEADERS)

    @pytest.fixture
    def make_sink(self, tmp_path):
        with contextlib.ExitStack() as stack:

            def make(like, creation):
                sink = create(tmp_path / "x.vds", like, format="vds", options=self.options, creation=creation)
                stack.callback(sink.close)
                return sink

            yield make

    @pytest.fixture
    def reopen(self, tmp_path):
        return lambda: mdio.open(tmp_path / "x.vds")


@pytest.mark.parametrize("margin", [[0, 0], [3, 2]])
@pytest.mark.parametrize("name", ["x.vds", "x"])
def test_samples_and_levels_keep_their_tolerances(tmp_path, name, margin):
    """Levels are made of the original samples: their error is that of one compression, not of several."""
    data = waves()
    write(tmp_path / name, data, compression="wavelet", tolerance=1, margin=margin)
    original = data
    for lod, tolerance in enumerate([1, 4, 8, 8]):  # section 8.4
        got, layer = level(tmp_path / name, lod)
        assert (layer.method, layer.tolerance) == (Method.Wavelet, tolerance)
        assert np.abs(got - original).max() < tolerance * STEP
        assert layer.uncompressed_size > 0
        assert list(layer.level_sizes) == sorted(layer.level_sizes, reverse=True)
        original = thinned(original)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert main(["verify", str(tmp_path / name), "--quiet"]) == 0


def test_lossless_wavelets_give_every_bit_back_and_lossy_levels(tmp_path):
    data = waves()
    data[3, 4, 5], data[3, 4, 6] = np.nan, -0.0
    write(tmp_path / "x.vds", data, compression="wavelet-lossless", lods=1)
    got, layer = level(tmp_path / "x.vds", 0)
    assert got.tobytes() == data.tobytes()
    assert (layer.method, layer.tolerance) == (Method.WaveletLossless, np.float32(0.01))
    _, layer = level(tmp_path / "x.vds", 1)
    assert (layer.method, layer.tolerance) == (Method.Wavelet, 4)


def test_a_segy_file_comes_back_from_lossless_wavelets(tmp_path):
    volume = source(waves())
    run(volume, create(tmp_path / "a.sgy", volume, creation=Creation()))
    vds, again = str(tmp_path / "x.vds"), tmp_path / "b.sgy"
    assert main(["convert", str(tmp_path / "a.sgy"), vds, "-o", "compression=waveletlossless", "--quiet"]) == 0
    assert main(["convert", vds, str(again), "--quiet"]) == 0
    assert again.read_bytes() == (tmp_path / "a.sgy").read_bytes()


def test_the_extremes_are_found_when_no_range_was_given(tmp_path):
    data = waves()
    write(tmp_path / "x.vds", data, compression="wavelet", tolerance=2, value_range=None)
    got, _ = level(tmp_path / "x.vds", 0)
    assert np.abs(got - data).max() < 2 * (float(data.max()) - float(data.min())) / 255


@pytest.mark.parametrize("format", ["u8", "u16"])
def test_quantised_samples_are_wavelets_too(tmp_path, format):
    data = waves()
    write(tmp_path / "x.vds", data, compression="waveletlossless", format=format)
    write(tmp_path / "y.vds", data, compression="zip", format=format)
    np.testing.assert_array_equal(level(tmp_path / "x.vds", 0)[0], level(tmp_path / "y.vds", 0)[0])


def test_what_no_lossy_stream_holds_is_refused_by_name(tmp_path):
    data = waves()
    data[60, 4, 5] = np.inf
    with pytest.raises(SlabError) as caught:
        write(tmp_path / "x.vds", data, compression="wavelet", tolerance=1)
    assert isinstance(caught.value.__cause__, CodecError)
    assert "Amplitude chunk" in str(caught.value)
    assert "WaveletLossless" in str(caught.value) + caught.value.hint
    assert not (tmp_path / "x.vds").exists()
    write(tmp_path / "x.vds", waves(), compression="zip", creation=Creation(overwrite=True))
    assert [path.name for path in tmp_path.iterdir()] == ["x.vds"]  # nothing of the run before is left


def test_a_tolerance_needs_a_method_that_loses(tmp_path, capsys):
    volume = source(waves())
    run(volume, create(tmp_path / "a.sgy", volume, creation=Creation()))
    assert main(["convert", str(tmp_path / "a.sgy"), str(tmp_path / "x.vds"), "-o", "tolerance=1"]) == 2
    assert "zip loses nothing" in capsys.readouterr().err
    assert main(["convert", str(tmp_path / "a.sgy"), str(tmp_path / "x.vds"), "-o", "compression=wavlet"]) == 2
    assert "wavelet" in capsys.readouterr().err


def test_the_tools_take_the_names_of_openvds(tmp_path, capsys):
    volume = source(waves())
    run(volume, create(tmp_path / "a.sgy", volume, creation=Creation()))
    told = ["--compression-method", "Wavelet", "--tolerance", "2", "--brick-size", "32", "--quiet"]
    assert main(["vds", "import", str(tmp_path / "a.sgy"), str(tmp_path / "x.vds"), *told]) == 0
    assert level(tmp_path / "x.vds", 0)[1].tolerance == 2
    copy = ["vds", "copy", str(tmp_path / "x.vds"), "--quiet", "--compression-method"]
    assert main([*copy, "Zip", str(tmp_path / "y.vds")]) == 0
    np.testing.assert_array_equal(level(tmp_path / "y.vds", 0)[0], level(tmp_path / "x.vds", 0)[0])
    assert main([*copy, "Wavelet", "--tolerance", "8", str(tmp_path / "z.vds")]) == 0
    coarse, layer = level(tmp_path / "z.vds", 0)
    fine, _ = level(tmp_path / "x.vds", 0)
    low, high = float(waves().min()), float(waves().max())
    assert layer.tolerance == 8
    assert 2 * (high - low) / 255 < np.abs(coarse - fine).max() < 8 * (high - low) / 255
    assert [level(tmp_path / "z.vds", lod)[1].tolerance for lod in (1, 2)] == [16, 32]
    capsys.readouterr()


def test_pages_of_the_openvds_api(tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    data = waves()
    kind = openvds.VolumeDataLayoutDescriptor
    layout = kind(kind.BrickSize.BrickSize_32, 0, 0, 4, kind.LODLevels.LODLevels_2, kind.Options.Options_None)
    axes = [openvds.VolumeDataAxisDescriptor(n, a, "", 0.0, n - 1.0) for n, a in zip(SHAPE[::-1], "xyz", strict=True)]
    made = openvds.VolumeDataChannelDescriptor(
        openvds.VolumeDataFormat.Format_R32, openvds.VolumeDataComponents.Components_1, "Amplitude", "", *ENDS
    )
    path = str(tmp_path / "x.vds")
    with openvds.create(
        path, "", layout, axes, [made], openvds.MetadataContainer(), openvds.CompressionMethod.Wavelet, 1.0
    ) as handle:
        accessor = openvds.getAccessManager(handle).createVolumeDataPageAccessor(
            openvds.DimensionsND.Dimensions_012, 0, 0, 8, openvds.VolumeDataPageAccessor.AccessMode.AccessMode_Create
        )
        for index in range(accessor.getChunkCount()):
            page = accessor.createPage(index)
            low, high = page.getMinMax()
            box = tuple(slice(lo, hi) for lo, hi in zip(low[2::-1], high[2::-1], strict=True))
            np.asarray(page.getWritableBuffer())[...] = data[box]
            page.release()
        accessor.commit()
    with openvds.open(path) as handle:
        assert openvds.getCompressionMethod(handle) == openvds.CompressionMethod.Wavelet
        got = openvds.getAccessManager(handle).requestVolumeSubset((0, 0, 0), SHAPE[::-1]).data.reshape(SHAPE)
    assert 0 < np.abs(got - data).max() < STEP
    assert np.abs(level(path, 1)[0] - thinned(data)).max() < 4 * STEP
    assert np.abs(level(path, 2)[0] - thinned(thinned(data))).max() < 8 * STEP
    with openvds.open(path) as handle:  # one brick again: what is beside it is known by what it decodes to
        accessor = openvds.getAccessManager(handle).createVolumeDataPageAccessor(
            openvds.DimensionsND.Dimensions_012, 0, 0, 8, openvds.VolumeDataPageAccessor.AccessMode.AccessMode_ReadWrite
        )
        page = accessor.readPage(0)
        np.asarray(page.getWritableBuffer())[...] = data[:32, :32, :32] + 1
        page.updateWrittenRegion((0,) * 6, (32, 32, 32, 1, 1, 1))
        page.release()
        accessor.commit()
    changed = data.copy()
    changed[:32, :32, :32] += 1
    corner = level(path, 1)[0][:16, :16, :16]
    assert np.abs(corner - thinned(changed[:32, :32, :32])).max() < 4 * STEP
    plain = level(path, 0)[0]
    assert np.abs(plain - changed).max() < 2 * STEP
    assert not list(Path(tempfile.gettempdir()).glob("mdio-levels-*"))


WIDE = ChannelDescriptor("a", "", VolumeDataFormat.Format_R64, 1, (0.0, 1.0))
PLAIN = ChannelDescriptor("a", "", VolumeDataFormat.Format_R32, 1, (0.0, 1.0))
PAIRS = ChannelDescriptor("a", "", VolumeDataFormat.Format_U16, 2, (0.0, 1.0))
CLASSES = ChannelDescriptor("a", "", VolumeDataFormat.Format_U8, 1, (0.0, 1.0), discrete=True)
LEAST = np.float32(0.01)


@pytest.mark.parametrize(
    ("channel", "method", "tolerance", "lod", "expected"),
    [
        (PLAIN, Method.Wavelet, 1.0, 0, (Method.Wavelet, 1.0)),
        (PLAIN, Method.Wavelet, 0.0, 0, (Method.Wavelet, LEAST)),
        (PLAIN, Method.Wavelet, 3.0, 2, (Method.Wavelet, 12.0)),
        (PLAIN, Method.WaveletLossless, 3.0, 0, (Method.WaveletLossless, LEAST)),
        (PLAIN, Method.WaveletLossless, 3.0, 1, (Method.Wavelet, 4.0)),
        (PLAIN, Method.WaveletNormalizeBlockLossless, 3.0, 3, (Method.WaveletNormalizeBlock, 8.0)),
        (PLAIN, Method.Zip, 0.0, 0, (Method.Zip, LEAST)),
        (PLAIN, Method.Zip, 0.0, 1, (Method.Zip, 4.0)),
        (WIDE, Method.Wavelet, 1.0, 0, (Method.RLE, 0.0)),
        (PAIRS, Method.WaveletLossless, 1.0, 0, (Method.RLE, LEAST)),  # nobody could read such streams back
        (CLASSES, Method.Wavelet, 1.0, 2, (Method.RLE, 0.0)),
        (CLASSES, Method.NONE, 0.0, 0, (Method.NONE, 0.0)),
    ],
)
def test_layers_get_what_readers_can_read(channel, method, tolerance, lod, expected):
    encoding = layer_encoding(channel, method, tolerance, lod)
    assert (encoding.method, encoding.tolerance) == expected


def test_zip_instead_of_runs():
    assert layer_encoding(WIDE, Method.Wavelet, 1.0, instead=Method.Zip).method is Method.Zip
