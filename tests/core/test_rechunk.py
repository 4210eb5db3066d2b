"""Further access patterns: the same values by every reader, visible when complete, and never half of one."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections import Counter

import fsspec
import numpy as np
import pytest
import zarr

from mdio import MDIOReader, rechunk, rechunk_batch
from mdio.api.accessor import MDIOAccessor
from mdio.api.convenience import add_patterns
from mdio.convert import create
from mdio.core.dimension import Dimension
from mdio.core.trace_header import STANDARD_FIELDS
from mdio.exceptions import (
    CodecError,
    ConfigError,
    MDIOAlreadyExistsError,
    MDIOError,
    ShapeError,
    WriterLockedError,
    WrongTypeError,
)
from mdio.flow import engine
from mdio.flow.events import RunFinished, RunStarted, RunStopped, SlabDone
from mdio.flow.journal import Journal
from mdio.native.dataset import Revision
from mdio.native.patterns import ADDING
from mdio.storage.local import LocalStore
from mdio.testing import synthetic

SHAPE = (13, 17, 60)
PATTERNS = {"fast_il": (1, 512, 512), "fast_xl": (512, 2, 512), "fast_z": (512, 512, 7)}
CLIPPED = {"fast_il": (1, 17, 60), "fast_xl": (13, 2, 60), "fast_z": (13, 17, 7)}
FIELDS = [(name, f">{kind}") for _, name, kind in STANDARD_FIELDS]


@pytest.fixture(autouse=True)
def quiet_terminal(monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)


def cube(shape=SHAPE, dtype="f4"):
    dims = [
        Dimension(np.array([5, 7, 11, 12, 13, 20, 21, 22, 23, 24, 25, 30, 31])[: shape[0]], "inline"),
        Dimension.regular("crossline", 100, 2, shape[1]),
        Dimension.regular("sample", 0, 4, shape[2], "ms"),
    ]
    return synthetic.volume(shape, dtype, dims=dims, live=lambda i, j: (i + j) % 5 != 2, headers=FIELDS)


def make(url, volume=None, chunks=(4, 5, 16), **options):
    volume = volume or cube()
    sink = create(url, volume, format="mdio", options={"chunks": list(chunks), **options})
    engine.run(volume, sink, workers=2)
    sink.close()
    return volume


@pytest.fixture
def path(tmp_path):
    make(tmp_path / "a.mdio")
    return tmp_path / "a.mdio"


def writable(path, pattern=None):
    return MDIOAccessor(path, "w", pattern)


def batch(path, patterns=PATTERNS, **settings):
    rechunk_batch(writable(path), list(patterns.values()), list(patterns), **settings)


def files(path):
    return {p.relative_to(path).as_posix(): p.read_bytes() for p in path.rglob("*") if p.is_file()}


@pytest.mark.parametrize("memory", [None, 60_000])
@pytest.mark.parametrize("dtype", ["f4", "i2", "f8"])
def test_values_by_zarr_and_by_us(tmp_path, dtype, memory):
    volume = make(tmp_path / "a.mdio", cube(dtype=dtype))
    batch(tmp_path / "a.mdio", memory=memory)
    group = zarr.open_consolidated(tmp_path / "a.mdio", mode="r")
    samples, records = volume.samples(volume.schema.region), group["metadata/chunked_012_trace_headers"][:]
    assert records["189"].any()
    for name, chunks in CLIPPED.items():
        array, headers = group[f"data/chunked_{name}"], group[f"metadata/chunked_{name}_trace_headers"]
        assert (array.chunks, headers.chunks, array.dtype) == (chunks, chunks[:-1], np.dtype(dtype))
        assert array[:].tobytes() == samples.tobytes()
        assert headers[:].tobytes() == records.tobytes()
        live, words, values = MDIOReader(tmp_path / "a.mdio", access_pattern=name, return_metadata=True)[:]
        assert values.tobytes() == samples.tobytes()
        assert np.array_equal(live, volume.live(volume.schema.region.spatial))
        assert np.array_equal(words["inline"], records["189"])


@pytest.mark.parametrize("shape", [(20, 30), (3, 4, 5, 20), (2, 3, 2, 4, 11)])
def test_other_numbers_of_dimensions(tmp_path, shape):
    volume = synthetic.volume(shape, live=lambda *i: sum(i) % 3 != 1)
    make(tmp_path / "a.mdio", volume, chunks=[2] * len(shape))
    rechunk(writable(tmp_path / "a.mdio"), [3] * len(shape), "threes", memory=5_000)
    array = zarr.open_consolidated(tmp_path / "a.mdio", mode="r")["data/chunked_threes"]
    assert array.chunks == tuple(min(3, n) for n in shape)
    assert np.array_equal(array[:], volume.samples(volume.schema.region))


class Counted(Counter):
    """Reads of every object of a local store."""

    def __init__(self, monkeypatch):
        super().__init__()
        real, lock = LocalStore.get, threading.Lock()

        def get(store, key):
            with lock:
                self[key] += 1
            return real(store, key)

        monkeypatch.setattr(LocalStore, "get", get)


@pytest.mark.parametrize(
    ("memory", "origins", "most"),
    [(None, {"source"}, 1), (60_000, {"source", "scratch"}, 1)],
)
def test_reads_are_those_of_the_plan(path, monkeypatch, memory, origins, most):
    job = add_patterns(writable(path), list(PATTERNS.values()), list(PATTERNS), memory=memory, workers=2)
    plan = job.describe()
    assert {pattern["from"] for pattern in plan["patterns"]} == origins
    counted = Counted(monkeypatch)
    job.run()
    reads = [count for key, count in counted.items() if key.startswith("data/chunked_012/")]
    assert len(reads) == 4 * 4 * 4  # all chunks of 4 × 5 × 16 in 13 × 17 × 60
    assert max(reads) == plan["source_reads"]["max"] == most
    assert sum(reads) / len(reads) == plan["source_reads"]["mean"]
    headers = [count for key, count in counted.items() if key.startswith("metadata/chunked_012_trace_headers/")]
    assert max(headers) == plan["headers"]["source_reads"]["max"] <= 2


def test_two_passes_read_twice(path, monkeypatch):
    patterns = {"a": (1, 17, 60), "b": (13, 17, 1)}
    job = add_patterns(writable(path), list(patterns.values()), list(patterns), memory=35_000, workers=1)
    assert [pattern["from"] for pattern in job.describe()["patterns"]] == ["source", "source"]
    counted = Counted(monkeypatch)
    job.run()
    reads = {count for key, count in counted.items() if key.startswith("data/chunked_012/")}
    assert reads == {2}
    a, b = (MDIOReader(path, access_pattern=name)[:] for name in "ab")
    assert np.array_equal(a, b)


def test_nothing_else_changes(path):
    before = files(path)
    batch(path)
    after = files(path)
    added = {
        f"{kind}/chunked_{name}{end}"
        for name in PATTERNS
        for kind, end in (("data", ""), ("metadata", "_trace_headers"))
    }
    assert {key for key in after if key not in before and not key.startswith(tuple(f"{a}/" for a in added))} == set()
    assert {key for key in before if before[key] != after[key]} == {".zmetadata"}
    old, new = (json.loads(found[".zmetadata"])["metadata"] for found in (before, after))
    assert old == {key: value for key, value in new.items() if key in old}
    assert {key for key in new if key not in old} == {f"{array}/.zarray" for array in added}
    assert MDIOReader(path).access_pattern == "012"


def test_a_name_that_is_there(path):
    rechunk(writable(path), (1, 17, 60), "fast")
    before = files(path)
    with pytest.raises(MDIOAlreadyExistsError, match="'fast' already exists"):
        rechunk(writable(path), (2, 17, 60), "fast")
    assert files(path) == before
    rechunk(writable(path), (2, 17, 60), "fast", overwrite=True)
    group = zarr.open_consolidated(path, mode="r")
    assert group["data/chunked_fast"].chunks == (2, 17, 60)
    assert np.array_equal(group["data/chunked_fast"][:], group["data/chunked_012"][:])
    # Of the old one nothing stays, though it had more chunks.
    assert len(list((path / "data" / "chunked_fast").iterdir())) == 7 + 1


def test_what_cannot_be_asked_for(path):
    writer = writable(path)
    with pytest.raises(NameError, match="'012' is the access pattern that is read"):
        rechunk(writer, (1, 17, 60), "012", overwrite=True)
    with pytest.raises(MDIOError):
        rechunk(writer, (1, 17, 60), "012")
    for name in ("", "a/b", "../x", ".hidden"):
        with pytest.raises(ConfigError, match="no name"):
            rechunk(writer, (1, 17, 60), name)
    for chunks in ((1, 17), (0, 17, 60), (1, -1, 60), 5, ("a", 1, 1)):
        with pytest.raises((ShapeError, TypeError)):
            rechunk(writer, chunks, "fast")
    with pytest.raises(ConfigError, match="twice"):
        rechunk_batch(writer, [(1, 17, 60)] * 2, ["a", "a"])
    with pytest.raises(ShapeError, match="1 chunk shapes for 2 names"):
        rechunk_batch(writer, [(1, 17, 60)], ["a", "b"])
    with pytest.raises(ConfigError, match="no codec"):
        rechunk(writer, (1, 17, 60), "fast", compressor="zstd")
    with pytest.raises(WrongTypeError, match="MDIOAccessor"):
        rechunk(str(path), (1, 17, 60), "fast")
    with pytest.raises(ConfigError, match="mode") as caught:
        rechunk(MDIOReader(path), (1, 17, 60), "fast")
    assert 'MDIOAccessor(…, mode="w")' in caught.value.hint
    assert MDIOReader(path).volume.access_patterns == ("012",)


def test_from_another_pattern(path):
    rechunk(writable(path), (1, 17, 60), "fast")
    rechunk(writable(path, "fast"), (13, 17, 1), "slow")
    assert np.array_equal(MDIOReader(path, "slow")[:], MDIOReader(path)[:])


def test_a_codec_of_numcodecs(path):
    from numcodecs import Blosc, Zlib

    for name, codec in (("z", Zlib(1)), ("b", Blosc("lz4", clevel=3, shuffle=2))):
        rechunk(writable(path), (1, 17, 60), name, compressor=codec)
        array = zarr.open_consolidated(path, mode="r")[f"data/chunked_{name}"]
        assert array.compressors[0].get_config() == codec.get_config()
        assert np.array_equal(array[:], MDIOReader(path)[:])
        assert np.array_equal(MDIOReader(path, name)[:], MDIOReader(path)[:])


def test_one_accessor_edits_and_rechunks_and_reads(path):
    """As on the documented page: one accessor for several calls; edits before and between them count."""
    with writable(path) as source:
        source[3] = 7.5
        rechunk(source, (1, 17, 60), "fast")
        source[4] = 8.5
        rechunk(source, (13, 17, 7), "slow")
        with pytest.raises(MDIOAlreadyExistsError):
            rechunk(source, (1, 17, 60), "fast")
    exact = MDIOReader(path)[:]
    assert (exact[3] == 7.5).all()
    assert (exact[4] == 8.5).all()
    for name in ("fast", "slow"):
        assert np.array_equal(MDIOReader(path, name)[:], exact)


def test_while_another_edits(path):
    with writable(path) as other:
        other[3] = 7.5
        with pytest.raises(WriterLockedError):
            rechunk(writable(path), (1, 17, 60), "fast")
    rechunk(writable(path), (1, 17, 60), "fast")
    assert (MDIOReader(path, "fast")[3] == 7.5).all()


@pytest.mark.parametrize("memory", [None, 60_000])
def test_the_layout_of_v1(tmp_path, memory):
    volume = make(tmp_path / "a.mdio", layout="v1")
    batch(tmp_path / "a.mdio", memory=memory)
    samples, live = volume.samples(volume.schema.region), volume.live(volume.schema.region.spatial)
    group = zarr.open_group(tmp_path / "a.mdio", mode="r", use_consolidated=False)
    for name, chunks in CLIPPED.items():
        assert group[name].chunks == chunks
        assert np.array_equal(group[name][:][live], samples[live])
        assert np.array_equal(np.nan_to_num(MDIOReader(tmp_path / "a.mdio", name)[:]), samples)


def test_dead_traces_of_v1_do_not_stop_zfp(tmp_path):
    volume = make(tmp_path / "a.mdio", layout="v1")
    assert np.isnan(zarr.open_group(tmp_path / "a.mdio", mode="r")["amplitude"][:]).any()
    rechunk(writable(tmp_path / "a.mdio"), (4, 17, 60), "lossy", zfpy_codec(0.5))
    live = volume.live(volume.schema.region.spatial)
    exact, lossy = volume.samples(volume.schema.region), MDIOReader(tmp_path / "a.mdio", "lossy")[:]
    assert 0 < np.abs(lossy - exact)[live].max() <= 0.5


# -- lossy -------------------------------------------------------------------------------------------------------


def zfpy_codec(tolerance):
    pytest.importorskip("zfpy")
    from numcodecs import ZFPY

    return ZFPY(mode=4, tolerance=tolerance)


def test_zfp_keeps_its_tolerance(path):
    rechunk(writable(path), (1, 17, 60), "lossy", compressor=zfpy_codec(0.5))
    array = zarr.open_consolidated(path, mode="r")["data/chunked_lossy"]
    exact = MDIOReader(path)[:]
    assert 0 < np.abs(array[:] - exact).max() <= 0.5
    assert np.array_equal(MDIOReader(path, "lossy")[:], array[:])


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_what_zfp_cannot_hold(tmp_path, value):
    pytest.importorskip("mdio_compression")
    volume = cube()
    volume._samples[6, 3, 44] = value  # inline 21, crossline 106, 176 ms; alive, as (6 + 3) % 5 is 4
    make(tmp_path / "a.mdio", volume)
    before = files(tmp_path / "a.mdio")
    events = []
    with pytest.raises(CodecError) as caught:
        rechunk(writable(tmp_path / "a.mdio"), (4, 5, 9), "lossy", zfpy_codec(0.5), observers=[events.append])
    text = str(caught.value)
    assert "\n" not in text
    assert "access pattern 'lossy', inline 21, crossline 106, sample 176" in text
    assert "lossless" in text
    assert files(tmp_path / "a.mdio") == before
    assert isinstance(events[-1], RunStopped)


def test_zfp_of_integers(tmp_path):
    make(tmp_path / "a.mdio", cube(dtype="i4"))
    with pytest.raises(ConfigError, match="the samples are int32"):
        rechunk(writable(tmp_path / "a.mdio"), (1, 17, 60), "lossy", zfpy_codec(0.5))


# -- whole or not there ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("there", [False, True])
def test_a_store_that_fails_leaves_the_dataset_as_it_was(path, monkeypatch, there):
    if there:
        rechunk(writable(path), (4, 17, 60), "fast_z")
    before = files(path)
    from mdio.storage.staging import StagedTree

    real, count = StagedTree.put, iter(range(1000))

    def put(tree, key, *pieces):
        if next(count) == 20:
            raise OSError(28, "No space left on device")
        real(tree, key, *pieces)

    monkeypatch.setattr(StagedTree, "put", put)
    with pytest.raises(OSError, match="No space"):
        batch(path, overwrite=True)
    assert files(path) == before


def test_objects_of_one_chunking_never_meet_metadata_of_another(path, monkeypatch):
    """Between the swap of the objects and the new metadata a pattern that is replaced is not there at all."""
    from mdio.native.v0 import V0Dataset

    rechunk(writable(path), (2, 17, 60), "fast")

    def refuse(*_):
        assert MDIOReader(path).volume.access_patterns == ("012",)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(V0Dataset, "add_arrays", refuse)
    with pytest.raises(OSError, match="Input/output"):
        rechunk(writable(path), (1, 17, 60), "fast", overwrite=True)
    assert MDIOReader(path).volume.access_patterns == ("012",)
    assert not any("chunked_fast" in key for key in files(path))


KILLED = """
    import os, signal, sys
    from mdio import rechunk_batch
    from mdio.api.accessor import MDIOAccessor
    from mdio.storage.staging import StagedTree

    real, count = StagedTree.put, iter(range(10_000))

    def put(tree, key, *pieces):
        real(tree, key, *pieces)
        if next(count) == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)

    StagedTree.put = put
    source = MDIOAccessor(sys.argv[1], "w")
    rechunk_batch(source, [(1, 17, 60), (13, 17, 7)], ["fast", "slow"], overwrite=True, workers=1)
"""


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("at", [0, 15])
def test_killed_half_way(path, there, at):
    if there:
        rechunk(writable(path), (2, 17, 60), "fast")
    before = files(path)
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(KILLED), str(path), str(at)], check=False, timeout=60
    )
    assert run.returncode == -signal.SIGKILL
    left = files(path)
    assert {key: left[key] for key in before} == before
    assert any(".part/" in key for key in left)  # something was half-made
    expected = ("012", "fast") if there else ("012",)
    assert MDIOReader(path).volume.access_patterns == expected
    group = zarr.open_group(path, mode="r", use_consolidated=False)
    assert sorted(group["data"].array_keys()) == sorted(f"chunked_{name}" for name in expected)
    exact = group["data/chunked_012"][:]
    # The next call, for another pattern, cleans up.
    rechunk(writable(path), (13, 1, 60), "other")
    assert not any(".part" in key or ADDING in key for key in files(path))
    assert MDIOReader(path).volume.access_patterns == (*expected, "other")
    batch(path, {"fast": (1, 17, 60), "slow": (13, 17, 7)}, overwrite=True)
    for name in ("fast", "slow", "other"):
        assert np.array_equal(MDIOReader(path, name)[:], exact)


def test_a_second_run_waits_outside(path):
    journal = Journal.of(LocalStore(path), ADDING)
    try:
        with pytest.raises(WriterLockedError):
            rechunk(writable(path), (1, 17, 60), "fast")
    finally:
        journal.remove()
    rechunk(writable(path), (1, 17, 60), "fast")


def test_in_an_object_store(monkeypatch):
    url = "memory://rechunk/a.mdio"
    filesystem = fsspec.filesystem("memory")
    make(url)
    batch(url)
    exact = MDIOReader(url)[:]
    for name in PATTERNS:
        assert np.array_equal(MDIOReader(url, name)[:], exact)
    # What a run that was killed had written is known by its journal.
    journal = Journal.of(MDIOReader(url).volume.dataset.store, ADDING)
    journal.begin({"paths": ["data/chunked_lost", "data/chunked_fast_z"]})
    filesystem.pipe_file("/rechunk/a.mdio/data/chunked_lost/0/0/0", b"half")
    rechunk(writable(url), (2, 17, 60), "fast_il", overwrite=True)
    assert not filesystem.exists("/rechunk/a.mdio/data/chunked_lost")
    assert not filesystem.exists(f"/rechunk/a.mdio/{ADDING}")
    assert MDIOReader(url, "fast_il").chunks == (2, 17, 60)
    for name in PATTERNS:
        assert np.array_equal(MDIOReader(url, name)[:], exact)
    filesystem.rm("/rechunk", recursive=True)


def test_a_full_disk_for_the_temporary_file(path, monkeypatch):
    from mdio.core import scratch

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(scratch, "_IN_MEMORY", 0)
    monkeypatch.setattr(scratch, "_pwrite", refuse)
    before = files(path)
    with pytest.raises(OSError, match="No space left on device") as caught:
        batch(path, memory=60_000)
    assert "TMPDIR" in str(caught.value)
    assert files(path) == before


# -- what is told ------------------------------------------------------------------------------------------------


def test_events(path):
    events = []
    batch(path, observers=[events.append])
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], RunFinished)
    slabs = [event for event in events if isinstance(event, SlabDone)]
    assert len(slabs) == events[0].slabs
    assert slabs[-1].bytes_done == slabs[-1].bytes_total == 3 * (13 * 17 * 60 * 4 + 13 * 17 * 232)


def test_an_observer_that_fails(path):
    def bad(_):
        raise ValueError("no")

    rechunk(writable(path), (1, 17, 60), "fast", observers=[bad])
    assert MDIOReader(path, "fast").chunks == (1, 17, 60)


def test_a_new_pattern_is_not_stale(path):
    rechunk(writable(path), (1, 17, 60), "fast")
    writer = writable(path)
    writer.volume.dataset.revise(Revision(stale=["fast", "statistics"]))
    rechunk(writable(path), (1, 17, 60), "fast", overwrite=True)
    assert MDIOReader(path).volume.description.stale == ("statistics",)


def test_memory_of_a_real_run(tmp_path):
    """A survey of 50 MB in a budget of 8 MiB: what the process grows by is a fraction of the survey."""
    make(tmp_path / "a.mdio", synthetic.volume((160, 160, 512)), chunks=(32, 32, 64))
    script = """
        import resource, sys
        from mdio.api.accessor import MDIOAccessor
        from mdio.api.convenience import add_patterns
        from mdio.cli.memory import give_slabs_back
        give_slabs_back()
        source = MDIOAccessor(sys.argv[1], "w")
        job = add_patterns(source, [(4, 160, 512), (160, 4, 512), (160, 160, 4)], ["a", "b", "c"], memory=8 << 20)
        assert job.plan.fits and job.plan.scratch_bytes
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        job.run()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script), str(tmp_path / "a.mdio")],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    assert int(run.stdout) < 30_000  # kB
