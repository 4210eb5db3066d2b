"""Wavelet chunks through everything that reads a VDS: volumes, the API, checks, copies and conversions."""

import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from vds_streams import coefficients_of, encode, inverse, levels_of

pytest.importorskip("numba")
import mdio
import mdio_vds
from mdio.cli.app import run
from mdio.core.region import Region
from mdio.exceptions import ConfigError
from mdio.storage.local import LocalStore
from mdio_vds import VdsError
from mdio_vds.cache import ChunkCache
from mdio_vds.container_target import ContainerTarget
from mdio_vds.entries import level_totals
from mdio_vds.enums import CompressionMethod
from mdio_vds.hashes import payload_hash
from mdio_vds.layout import parse_layout
from mdio_vds.object_target import ObjectTarget
from mdio_vds.volume import open_source
from mdio_vds.voxels import VoxelReader
from mdio_vds.wavelet.adaptive import prefix_length
from mdio_vds.wavelet.quality import Quality

SHAPE = (9, 17, 40)  # one chunk of 32 samples, one of 8
NAME = "Dimensions_012LOD0"
TOLERANCE = 0.5
STEP = 1.5
LAYOUTS = ("container", "objects")


@pytest.fixture(scope="module")
def streams():
    """Return each chunk's stream, its level bytes, and what its voxels are by level."""
    found = []
    for length in (32, 8):
        shape = (length, 17, 9)
        stream, meant, ends = encode(coefficients_of(shape, length), 3, STEP)
        found.append((stream, levels_of(stream, ends), [inverse(meant(level), shape, 3) for level in range(4)]))
    return found


@pytest.fixture(scope="module")
def expected(streams):
    """Return the voxels of the volume by level."""
    found = [np.concatenate([voxels[level] for _, _, voxels in streams], axis=2) for level in range(4)]
    assert len({voxels.tobytes() for voxels in found}) == 4
    return found


@pytest.fixture
def store_vds(tmp_path, vds, streams, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def make(layout="container"):
        name = "x.vds" if layout == "container" else "tree"
        kind = ContainerTarget if layout == "container" else ObjectTarget
        target = kind.create(LocalStore(tmp_path / name))
        layer = target.add_layer(NAME, CompressionMethod.Wavelet, TOLERANCE, 2)
        for index, (stream, levels, voxels) in enumerate(streams):
            layer.put(index, payload_hash(stream), stream, levels, voxels[0].nbytes)
        target.commit(json.dumps(vds.layout_json(SHAPE, [vds.channel()])).encode())
        target.close()
        return name

    return make


def samples(path, **options):
    with mdio.open(path, options=options) as volume:
        return volume.samples(volume.schema.region)


def spoil(path, data, at):
    """Change a byte of a payload where it lies."""
    raw = bytearray(path.read_bytes())
    start = raw.index(data)
    raw[start + at] ^= 0x55
    path.write_bytes(raw)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_volumes(store_vds, expected, layout):
    path = store_vds(layout)
    with mdio.open(path) as volume:
        assert volume.schema.dtype == np.float32
        np.testing.assert_array_equal(volume.samples(volume.schema.region), expected[0])
        np.testing.assert_array_equal(volume.samples(Region([(2, 5), (3, 4), (30, 35)])), expected[0][2:5, 3:4, 30:35])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("tolerance", "level"), [(0.1, 0), (0.5, 0), (0.99, 0), (1, 1), (2, 2), (3.9, 2), (4, 3)])
def test_volumes_of_a_tolerance(store_vds, expected, layout, tolerance, level):
    np.testing.assert_array_equal(samples(store_vds(layout), adaptive_tolerance=tolerance), expected[level])


def test_volumes_of_a_ratio(store_vds, expected, streams):
    path = store_vds()
    lengths = np.array([len(stream) for stream, _, _ in streams], "<i4")
    sizes = level_totals(lengths, np.frombuffer(b"".join(levels for _, levels, _ in streams), "V16"))
    ratios = 4 * np.prod(SHAPE) / sizes[:4]
    for level in range(4):
        np.testing.assert_array_equal(samples(path, adaptive_ratio=float(ratios[level]) + 1e-9), expected[level])
    np.testing.assert_array_equal(samples(path, adaptive_ratio=1e-3), expected[0])


def test_one_wish_at_a_time(store_vds):
    with pytest.raises(ConfigError, match="only one of them"):
        mdio.open(store_vds(), options={"adaptive_tolerance": 1, "adaptive_ratio": 2})


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_level_reads_its_first_bytes_only(store_vds, streams, layout):
    source = open_source(LocalStore(store_vds(layout)))
    layer = source.layers[NAME]
    for index, (stream, levels, _) in enumerate(streams):
        assert layer.payload(index) == layer.payload(index, -1) == stream
        for level in range(4):
            part = layer.payload(index, level)
            assert part == stream[: prefix_length(len(stream), levels, level)]
            assert len(part) < len(stream) or level == 0
    source.close()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_chunk_under_construction_gives_the_same_bytes(store_vds, streams, tmp_path, layout):
    kind = ContainerTarget if layout == "container" else ObjectTarget
    target = kind.edit(LocalStore(tmp_path / store_vds(layout)))
    layer = target.layer(NAME)
    recorded = layer.level_sizes
    for touched in (False, True):
        for index, (stream, levels, voxels) in enumerate(streams):
            if touched:
                layer.put(index, payload_hash(stream), stream, levels, voxels[0].nbytes)
            assert layer.payload(index, 2) == stream[: prefix_length(len(stream), levels, 2)]
        assert list(layer.level_sizes) == list(recorded)
        assert layer.uncompressed_size == 4 * np.prod(SHAPE)
    target.abort()


def test_coarser_layers_go_with_the_level_of_full_resolution(vds):
    """By hand from section 9.9: layers of twice the tolerance at each level of detail, from 8 at the first."""
    layout = parse_layout(json.dumps(vds.layout_json(SHAPE, [vds.channel()])).encode())
    layers = {f"Dimensions_012LOD{lod}": layer(CompressionMethod.Wavelet, t) for lod, t in enumerate((1.0, 8.0, 16.0))}
    levels = [
        [Quality(tolerance).level(SimpleNamespace(layers=layers), layout, layout.channels[0], (0, 1, 2), lod)
         for lod in range(3)]
        for tolerance in (None, 1.0, 16.0, 512.0)
    ]  # fmt: skip
    assert levels == [[-1, -1, -1], [0, 0, 0], [4, 1, 0], [9, 4, 4]]
    layers["Dimensions_012LOD0"] = layer(CompressionMethod.Zip, 0.0)
    assert Quality(64.0).level(SimpleNamespace(layers=layers), layout, layout.channels[0], (0, 1, 2)) == -1


def layer(method, tolerance):
    return SimpleNamespace(method=method, tolerance=tolerance, uncompressed_size=0, level_sizes=())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_a_level_leaves_out_is_not_read(store_vds, expected, streams, tmp_path, layout):
    path = store_vds(layout)
    stream = streams[0][0]
    spoil(tmp_path / path if layout == "container" else tmp_path / path / NAME / "0", stream, len(stream) - 1)
    with pytest.raises(VdsError, match="does not match its check"):
        samples(path)
    np.testing.assert_array_equal(samples(path, adaptive_tolerance=2), expected[2])


def test_the_identity_of_a_volume_tells_how_much_of_it_is_read(store_vds):
    path = store_vds()
    seen = set()
    for options in ({}, {"adaptive_tolerance": 1}, {"adaptive_tolerance": 2}, {"adaptive_ratio": 2}):
        with mdio.open(path, options=options) as volume:
            seen.add(str(volume.schema.metadata.identity))
    assert len(seen) == 4


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_api(store_vds, expected, streams, layout):
    path = store_vds(layout)
    options = mdio_vds.VDSFileOpenOptions(path)
    options.waveletAdaptiveMode = mdio_vds.WaveletAdaptiveMode.Tolerance
    options.waveletAdaptiveTolerance = 4.0
    opened = {
        0: [mdio_vds.open(path, ""), mdio_vds.openWithAdaptiveCompressionRatio(path, "", 0.5)],
        1: [mdio_vds.openWithAdaptiveCompressionTolerance(path, "", 1)],
        2: [mdio_vds.open(path, "waveletadaptivetolerance=2;WaveletAdaptiveMode=BestQuality")],
        3: [mdio_vds.open(options)],
    }
    for level, handles in opened.items():
        for handle in handles:
            request = mdio_vds.getAccessManager(handle).requestVolumeSubset((0,) * 6, (*SHAPE[::-1], 1, 1, 1))
            np.testing.assert_array_equal(request.data.reshape(SHAPE), expected[level])
            assert mdio_vds.getWaveletUncompressedSize(handle) == 4 * np.prod(SHAPE)
            assert mdio_vds.getWaveletCompressedSize(handle) == sum(
                len(stream) * levels[0] // 255 for stream, levels, _ in streams
            )
            second = mdio_vds.getWaveletAdaptiveLevels(handle)[1]
            assert second.compressedSize == sum(
                len(stream) * levels[0] // 255 * levels[1] // 255 * levels[2] // 255 for stream, levels, _ in streams
            )
            assert second.compressionTolerance == 2 * TOLERANCE
            assert second.compressionRatio == pytest.approx(4 * np.prod(SHAPE) / second.compressedSize)
            page = (
                mdio_vds.getAccessManager(handle)
                .createVolumeDataPageAccessor(
                    mdio_vds.DimensionsND.Dimensions_012,
                    0,
                    0,
                    10,
                    mdio_vds.IVolumeDataAccessManager.AccessMode.AccessMode_ReadOnly,
                )
                .readPage(1)
            )
            np.testing.assert_array_equal(
                np.array(page.getBuffer())[: SHAPE[0], : SHAPE[1], :8], expected[level][..., 32:]
            )
            mdio_vds.close(handle)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("WaveletAdaptiveTolerance=1;WaveletAdaptiveRatio=2", "exclude each other"),
        ("WaveletAdaptiveTolerance=x", "'x' is not a number"),
    ],
)
def test_connection_strings_that_say_nothing(store_vds, text, message):
    with pytest.raises(RuntimeError, match=message):
        mdio_vds.open(store_vds(), text)


def test_a_cache_keeps_levels_apart(store_vds, expected):
    source = open_source(LocalStore(store_vds()))
    layout, cache = parse_layout(source.layout_json()), ChunkCache()
    box = (*((0, n) for n in reversed(SHAPE)), (0, 1), (0, 1), (0, 1))
    for tolerance, level in ((None, 0), (2.0, 2), (None, 0), (1.0, 1)):
        reader = VoxelReader(source, layout, layout.channels[0], (0, 1, 2), 0, cache, Quality(tolerance))
        np.testing.assert_array_equal(reader.read(box).reshape(SHAPE), expected[level])
    source.close()


@pytest.mark.parametrize("method", ["Zip", "None", "RLE"])
def test_copies_without_wavelets(store_vds, expected, method):
    assert run(["vds", "copy", store_vds(), "copy.vds", "--compression-method", method, "--quiet"]) == 0
    np.testing.assert_array_equal(samples("copy.vds"), expected[0])


def test_conversions(store_vds, expected, tmp_path):
    path = store_vds()
    assert run(["convert", path, "x.mdio", "--quiet"]) == 0
    np.testing.assert_array_equal(samples("x.mdio"), expected[0])
    assert run(["convert", path, "rough.mdio", "-i", "adaptive_tolerance=2", "--quiet"]) == 0
    np.testing.assert_array_equal(samples("rough.mdio"), expected[2])
    assert run(["convert", path, "x.sgy", "--quiet"]) == 0
    traces = np.frombuffer((tmp_path / "x.sgy").read_bytes()[3600:], "u1").reshape(-1, 240 + 4 * SHAPE[2])
    np.testing.assert_array_equal(traces[:, 240:].copy().view(">f4").reshape(SHAPE), expected[0])


def test_verify_decodes(store_vds, streams, tmp_path, capsys):
    path = store_vds()
    for command in (["verify", path], ["vds", "verify", path]):
        assert run(command) == 0
    assert "not decoded" not in capsys.readouterr().out
    # A stream that no longer matches its hash, and one of others, whose hash says nothing, that does not decode.
    target = ContainerTarget.edit(LocalStore(tmp_path / path))
    stream, levels, voxels = streams[1]
    cut = stream[:-8]
    target.layer(NAME).put(1, 12345, cut, levels, voxels[0].nbytes)
    target.commit(target.layout_json())
    target.close()
    assert run(["vds", "verify", path]) == 4
    assert "Dimensions_012LOD0 chunk 1" in (said := capsys.readouterr().out)
    assert f"the payload has {len(cut)} bytes, its stream {len(stream)}" in said


WITHOUT_NUMBA = "import sys; sys.modules['numba'] = None; from mdio.cli.app import run; sys.exit(run(sys.argv[1:]))"


@pytest.mark.parametrize("command", [("vds", "verify", "x.vds"), ("convert", "x.vds", "y.mdio", "--quiet")])
def test_without_numba_one_line_says_what_to_install(store_vds, tmp_path, command):
    store_vds()
    done = subprocess.run([sys.executable, "-c", WITHOUT_NUMBA, *command], capture_output=True, text=True)
    assert done.returncode == 3
    error, hint = done.stderr.splitlines()[-2:]
    assert "wavelet chunks need numba" in error
    assert hint == "hint: pip install 'mdio-vds[wavelet]'"
    assert not (tmp_path / "y.mdio").exists()


THREADS = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
sys.modules["numba"] = None
from mdio.exceptions import PluginNotInstalledError
from mdio_vds.descriptors import ChannelDescriptor
from mdio_vds.enums import CompressionMethod, VolumeDataFormat
from mdio_vds.payloads import decode_payload
channel = ChannelDescriptor("A", "", VolumeDataFormat.Format_R32, 1, (-1.0, 1.0))
def attempt(number):
    try:
        decode_payload(b"", CompressionMethod.Wavelet, channel, (8, 8, 8))
    except PluginNotInstalledError:
        return True
    except ImportError:
        return False
sys.setswitchinterval(1e-5)
with ThreadPoolExecutor(8) as pool:
    sys.exit(not all(pool.map(attempt, range(200))))
"""


def test_all_threads_are_told_of_a_missing_numba():
    assert subprocess.run([sys.executable, "-c", THREADS]).returncode == 0
