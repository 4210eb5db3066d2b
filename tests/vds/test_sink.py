"""The writer: its contract in both layouts, on disk and on an object store, killed runs, and what it refuses."""

import contextlib
import hashlib
import itertools
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import ClassVar

import fsspec
import numpy as np
import pytest

import mdio
from mdio.cli import main
from mdio.convert import create
from mdio.core.dimension import Dimension
from mdio.core.region import Region
from mdio.core.trace_header import standard_layout
from mdio.core.volume import Creation, Patches
from mdio.exceptions import ConfigError, SlabError
from mdio.flow.engine import run
from mdio.testing import ReaderContract, WriterContract, synthetic
from mdio_vds import VdsError
from mdio_vds.appending import Places
from mdio_vds.sink import VdsSink

HEADERS = standard_layout()


def holed(**more):
    return synthetic.volume((70, 9, 71), live=lambda i, x: (i * x) % 7 != 3, headers=HEADERS, **more)


class OnDisk(WriterContract):
    name: ClassVar[str] = "x.vds"
    options: ClassVar[dict] = {"brick_size": 32}

    @pytest.fixture
    def source(self):
        return holed()

    @pytest.fixture
    def make_sink(self, tmp_path):
        with contextlib.ExitStack() as stack:

            def make(like, creation):
                sink = create(tmp_path / self.name, like, format="vds", options=self.options, creation=creation)
                stack.callback(sink.close)
                return sink

            yield make

    @pytest.fixture
    def reopen(self, tmp_path):
        return lambda: mdio.open(tmp_path / self.name)


class TestContainer(OnDisk):
    pass


class TestContainerWithMargins(OnDisk):
    options: ClassVar[dict] = {"brick_size": 32, "margin": [4, 3], "compression": "rle", "lods": 2}


class TestObjects(OnDisk):
    name = "x"
    options: ClassVar[dict] = {"brick_size": 32, "compression": "none"}

    # A folder that holds a VDS is not known as a dataset to storage.staging, which hence refuses to replace it.
    test_a_complete_target_is_not_replaced_unasked = None


class OnAStore(WriterContract):
    url: ClassVar[str] = ""

    @pytest.fixture
    def source(self):
        return holed()

    @pytest.fixture
    def make_sink(self):
        filesystem = fsspec.filesystem("memory")
        filesystem.store.clear()
        with contextlib.ExitStack() as stack:

            def make(like, creation):
                sink = create(self.url, like, format="vds", options={"brick_size": 32}, creation=creation)
                stack.callback(sink.close)
                return sink

            yield make
        filesystem.store.clear()
        filesystem.pseudo_dirs[:] = [""]

    @pytest.fixture
    def reopen(self):
        return lambda: mdio.open(self.url, format="vds")


class TestContainerOnAStore(OnAStore):
    url = "memory://c/x.vds"
    resumes = False


class TestObjectsOnAStore(OnAStore):
    url = "memory://c/x"


class Written(ReaderContract):
    """What was written is read by the reader's contract."""

    options: ClassVar[dict] = {"brick_size": 32}

    def made(self):
        return holed()

    @pytest.fixture
    def volume(self, tmp_path):
        source = self.made()
        run(source, create(tmp_path / "x.vds", source, options=self.options), workers=2)
        opened = mdio.open(tmp_path / "x.vds")
        yield opened
        opened.close()


class TestReadHoles(Written):
    pass


class TestReadMappedAndPatched(Written):
    def made(self):
        order = np.random.default_rng(1).permutation(40 * 35).reshape(40, 35).astype(np.int64)
        index = np.array([0, 5, 40 * 35 * 20 - 1, 7000])
        index.sort()
        patches = Patches(index.astype(np.int64), np.arange(1, 5, dtype=np.uint32))
        return synthetic.volume((40, 35, 20), headers=HEADERS, order=order, patches=patches)


class TestReadOfFiveAxes(Written):
    def made(self):
        return synthetic.volume((2, 3, 4, 35, 9), "i2", headers=(("inline", ">i4"),))


class TestReadMargins(Written):
    options: ClassVar[dict] = {"brick_size": 32, "margin": 5, "compression": "none"}


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"])
def test_every_sample_type_comes_back(tmp_path, dtype):
    kind = np.dtype(dtype)
    source = synthetic.volume((5, 40, 33), kind)
    limits = np.iinfo(kind) if kind.kind in "iu" else np.finfo(kind)
    source._samples[0, 0, :2] = limits.min, limits.max
    if kind.kind == "f":
        source._samples[0, 0, 2:5] = np.nan, np.inf, -0.0
    run(source, create(tmp_path / "x.vds", source), workers=1)
    volume = mdio.open(tmp_path / "x.vds")
    assert volume.schema.dtype == kind
    assert volume.samples(volume.schema.region).tobytes() == source._samples.tobytes()


@pytest.mark.parametrize(("form", "steps"), [("u8", 255), ("u16", 65535)])
@pytest.mark.parametrize("ends", [None, (-3.0, 2.5)])
def test_quantised(tmp_path, form, steps, ends):
    source = synthetic.volume((6, 7, 20))
    source._samples[...] = np.random.default_rng(1).normal(size=source._samples.shape)
    options = {"format": form} | ({"value_range": ends} if ends else {})
    convert_from(source, tmp_path / "x.vds", options)
    volume = mdio.open(tmp_path / "x.vds")
    low, high = volume.layout.channels[0].value_range
    found = volume.samples(volume.schema.region)
    expected = np.clip(source._samples, low, high)
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() <= 0.51 * (high - low) / steps
    if ends:
        assert (low, high) == ends


def convert_from(source, path, options=None, **more):
    sink = create(path, source, options=options or {}, creation=Creation(created="2024-01-01T00:00:00+00:00"))
    return run(source, sink, workers=more.pop("workers", 1), **more)


def test_a_chunk_of_ours_that_was_damaged_is_refused(tmp_path):
    source = synthetic.volume((40, 5, 30))
    convert_from(source, tmp_path / "x.vds", {"compression": "none", "brick_size": 32})
    volume = mdio.open(tmp_path / "x.vds")
    name, offset = volume._source.layers["Dimensions_012LOD0"].place(1)
    volume.close()
    data = bytearray((tmp_path / "x.vds").read_bytes())
    data[offset + 24 + 100] ^= 1
    (tmp_path / "x.vds").write_bytes(data)
    volume = mdio.open(tmp_path / "x.vds")
    assert volume.samples(Region([(0, 32), (0, 5), (0, 30)])).any()
    with pytest.raises(VdsError, match="check") as caught:
        volume.samples(volume.schema.region)
    assert name in str(caught.value)


def test_axes_that_are_not_regular_are_counted_and_kept(tmp_path):
    dims = [
        Dimension(np.array([3, 4, 9, 11]), "inline"),
        Dimension.regular("crossline", 16777217, 1, 5),
        Dimension.regular("sample", 0, 0.1, 30, "ms"),
    ]
    source = synthetic.volume((4, 5, 30), dims=dims)
    convert_from(source, tmp_path / "x.vds")
    volume = mdio.open(tmp_path / "x.vds")
    for one, other in zip(dims, volume.schema.dims, strict=True):
        assert one == other
        assert one.unit == other.unit
    sample, crossline, inline = volume.layout.axes
    assert (inline.name, inline.coordinate_min, inline.coordinate_max) == ("Inline", 1, 4)
    assert (crossline.coordinate_min, crossline.coordinate_max) == (1, 5)
    assert sample.unit == "ms"


def test_workers_and_completion_do_not_change_the_bytes(tmp_path):
    source = holed()
    found = set()
    for workers in (1, 2, 5):
        path = tmp_path / f"{workers}.vds"
        convert_from(source, path, {"brick_size": 32}, workers=workers, memory=(workers + 1) * 400_000)
        found.add(hashlib.sha256(path.read_bytes()).hexdigest())
    assert len(found) == 1
    layers = mdio.open(path)._source.layers.values()
    spans = sorted((layer.place(i)[1], len(layer.payload(i))) for layer in layers for i in range(layer.chunk_count))
    spans = [span for span in spans if span[1]]
    assert spans[0][0] == 32
    assert all(a + n == b for (a, n), (b, _) in itertools.pairwise(spans)), "there are gaps"


def test_a_slab_that_cannot_be_encoded_holds_nobody_up(tmp_path, monkeypatch):
    source, encode = holed(), VdsSink._encode

    def failing(self, block, inner):
        if inner.start[0] == 0:
            time.sleep(0.2)  # the next one waits for its turn by now
            raise ValueError("made to fail")
        return encode(self, block, inner)

    monkeypatch.setattr(VdsSink, "_encode", failing)
    sink = create(tmp_path / "x.vds", source, options={"brick_size": 32})
    with pytest.raises(SlabError, match="made to fail"):
        run(source, sink, workers=2, memory=3 * 32 * 9 * (71 * 4 + 249))


def test_the_range_of_offsets_is_that_of_all_slabs_also_of_those_of_an_earlier_run(tmp_path):
    source = synthetic.volume((4, 5, 6, 20), headers=HEADERS)
    dims = [
        Dimension.regular(name, 1, 1, n) for name, n in zip(("inline", "crossline", "offset"), (4, 5, 6), strict=True)
    ]
    source.schema = replace(source.schema, dims=(*dims, source.schema.dims[-1]))
    words = source._headers.view(HEADERS.struct)
    words["source_to_receiver_distance"] = 100 * np.arange(1, 7)
    words["source_to_receiver_distance"][0, 0, 0] = -700

    def sink(resume):
        creation = Creation(resume=resume, fingerprint={"a": 1})
        return create(tmp_path / "x.vds", source, creation=creation)

    first = sink(False)
    first.commit = lambda statistics: 1 / 0
    with pytest.raises(ZeroDivisionError):
        run(source, first, workers=1)
    assert run(source, sink(True), workers=1).resumed
    layout = mdio.open(tmp_path / "x.vds").layout
    offset = layout.by_channel["Offset"]
    assert (offset.value_range, offset.unit, offset.format.label) == ((-700.0, 600.0), "m", "R32")
    assert [axis.name for axis in layout.axes] == ["Sample", "Trace (offset)", "Crossline", "Inline"]
    assert (layout.axes[1].coordinate_min, layout.axes[1].coordinate_max) == (1, 6)


def test_a_slab_that_was_left_out_and_can_be_read_later_moves_the_others(tmp_path):
    """The run that goes on does not believe the places of the first one."""
    source, bad = holed(), [True]

    class Sick:
        schema = source.schema

        def __getattr__(self, name):
            return getattr(source, name)

        def read(self, region):
            if bad[0] and region.start[0] == 32:
                raise OSError("bad block")
            return source.read(region)

    def sink(path, resume=False):
        creation = Creation(resume=resume, fingerprint={"a": 1}, created="2024-01-01T00:00:00+00:00")
        return create(path, source, options={"brick_size": 32}, creation=creation)

    memory = 2 * 32 * 9 * (71 * 4 + 249)
    first = sink(tmp_path / "x.vds")
    first.commit = lambda statistics: 1 / 0
    with pytest.raises(ZeroDivisionError):
        run(Sick(), first, workers=1, memory=memory, on_error="skip")
    bad[0] = False
    run(Sick(), sink(tmp_path / "x.vds", resume=True), workers=1, memory=memory)
    run(source, sink(tmp_path / "y.vds"), workers=1, memory=memory)
    assert (tmp_path / "x.vds").read_bytes() == (tmp_path / "y.vds").read_bytes()


def test_a_slab_that_cannot_be_read_reads_as_dead(tmp_path):
    source = holed()

    class Sick:
        schema = source.schema

        def __getattr__(self, name):
            return getattr(source, name)

        def read(self, region):
            if region.start[0] == 32:
                raise OSError("bad block")
            return source.read(region)

    memory = 3 * 32 * 9 * (71 * 4 + 249)
    sink = create(tmp_path / "x.vds", source, options={"brick_size": 32})
    report = run(Sick(), sink, workers=2, memory=memory, on_error="skip")
    assert len(report.skipped) == 1
    volume = mdio.open(tmp_path / "x.vds")
    live = volume.live(volume.schema.region.spatial)
    assert not live[32:64].any()
    assert np.array_equal(live[:32], source._live[:32])
    assert np.array_equal(volume.samples(volume.schema.region)[64:], source._samples[64:])


def test_places_follow_the_plan_whoever_is_first():
    regions = [Region([(i, i + 1), (0, 4)]) for i in range(4)]
    places = Places(regions, 32)
    assert places.recheck(regions[0], 32, 40, lambda: True)
    assert not places.recheck(regions[1], 50, 60, lambda: True), "it was stored elsewhere"
    with places.of(regions[1]) as turn:
        assert turn.start == 40
        turn.end = 45
    assert not places.recheck(regions[2], 45, 50, lambda: False), "it is damaged"
    places.left_out(regions[2])
    with places.of(places.region((3, 0))) as turn:
        assert turn.start == 45


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"brick_size": 60}, "brick_size"),
        ({"brick_size": 32, "margin": [8, 8]}, "margins"),
        ({"value_range": [1.0, 1.0]}, "value_range"),
        ({"channel": "Trace"}, "channel"),
        ({"full_resolution_dimension": 3}, "full_resolution_dimension"),
        ({"format": "u8"}, "quantised"),
        ({"chunks": 4}, "chunks"),
    ],
)
def test_options_that_do_not_fit_are_refused_before_anything_is_written(tmp_path, options, word):
    source = synthetic.volume((4, 5, 6), "i4")
    with pytest.raises(ConfigError) as caught:
        create(tmp_path / "x.vds", source, options=options)
    assert word in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_margins_from_text(tmp_path):
    source = synthetic.volume((4, 5, 6))
    for given, expected in (("4", (4, 4)), ("2,3", (2, 3)), ("1:0", (1, 0)), (2, (2, 2))):
        sink = create(tmp_path / "x.vds", source, options={"margin": given})
        layout = sink._layout.layout
        assert (layout.negative_margin, layout.positive_margin) == expected
        sink.abort()


def test_more_axes_than_a_vds_has(tmp_path):
    dims = [Dimension.regular(f"d{number}", 0, 1, 1) for number in range(7)]
    with pytest.raises(ConfigError, match="2 to 6 axes"):
        create(tmp_path / "x.vds", synthetic.volume((1,) * 7, dims=dims))


# -- runs that are killed ------------------------------------------------------------------------------------------

DRIVER = """
import importlib, itertools, os, signal, sys
module, name, when, count = sys.argv[1:5]
holder = importlib.import_module(module)
*path, name = name.split(".")
for part in path:
    holder = getattr(holder, part)
inner = getattr(holder, name)
calls = itertools.count(1)

def outer(*args, **more):
    call = next(calls)  # its own, whatever other threads count meanwhile
    if call == int(count) and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = inner(*args, **more)
    if call == int(count):
        os.kill(os.getpid(), signal.SIGKILL)
    return result

setattr(holder, name, outer)
from mdio.cli import main
sys.exit(main(sys.argv[5:]))
"""
MOMENTS = {
    "before the first record": ("mdio.flow.journal", "Journal.record", "before", 1),
    "after some records": ("mdio.flow.journal", "Journal.record", "after", 2),
    "in a later slab": ("mdio_vds.chunk_codes", "Encoding.chunk", "after", 10),
    "between the levels of detail": ("mdio_vds.lods", "coarser_chunk", "after", 2),
    "before the tables": ("mdio_vds.sink", "write_layout", "before", 1),
}
SLOW = ["-o", "brick_size=32", "--workers", "1", "--memory", "400kB", "--quiet"]
WAYS = {"x.vds": [], "x": [], "w.vds": ["-o", "compression=wavelet", "-o", "tolerance=1"]}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    source = synthetic.volume((100, 30, 70), headers=HEADERS)
    records = source._headers.view(HEADERS.struct)
    il, xl = np.indices(records.shape)
    records["inline"], records["crossline"] = 100 + il, 100 + xl
    sink = create(folder / "in.sgy", source)
    run(source, sink)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", "1700000000")
        for name, way in WAYS.items():
            assert main(["convert", str(folder / "in.sgy"), str(folder / name), "--to", "vds", *SLOW, *way]) == 0
    return folder


def content(path):
    if path.is_file():
        return path.read_bytes()
    return {str(f.relative_to(path)): f.read_bytes() for f in path.rglob("*") if f.is_file()}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no SIGKILL")
@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_does_not_open_and_is_resumed_to_the_same_bytes(
    unbroken, tmp_path, capsys, moment, name, monkeypatch
):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    target = tmp_path / name
    command = ["convert", str(unbroken / "in.sgy"), str(target), "--to", "vds", *SLOW, *WAYS[name]]
    point = [str(part) for part in MOMENTS[moment]]
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, *point, *command], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not target.exists()
    capsys.readouterr()
    assert main(["info", str(target)]) == 4
    assert "--resume" in capsys.readouterr().err
    assert main(command) == 4
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")  # what counts is when it was begun
    assert main([*command, "--resume"]) == 0
    assert content(target) == content(unbroken / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_chunks_that_a_power_cut_took_are_written_again(unbroken, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    command = ["convert", str(unbroken / "in.sgy"), str(tmp_path / "x.vds"), *SLOW]
    point = ["mdio.flow.journal", "Journal.record", "after", "3"]
    subprocess.run([sys.executable, "-c", DRIVER, *point, *command], capture_output=True, timeout=60, check=False)
    part = tmp_path / ".x.vds.part"
    data = bytearray(part.read_bytes())
    data[100:5000] = bytes(4900)
    part.write_bytes(data)
    assert main([*command, "--resume"]) == 0
    assert (tmp_path / "x.vds").read_bytes() == (unbroken / "x.vds").read_bytes()
