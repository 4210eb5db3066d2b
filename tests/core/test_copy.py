"""Copies of datasets in both documented forms: bytes are bytes, and what is left out is empty."""

import json

import fsspec
import numpy as np
import pytest
import zarr

from mdio import MDIOReader, copy_mdio, rechunk
from mdio.api.accessor import MDIOAccessor
from mdio.convert import create
from mdio.core.trace_header import STANDARD_FIELDS
from mdio.core.volume import Creation
from mdio.exceptions import ConfigError, MDIOAlreadyExistsError, StorageError, WrongTypeError
from mdio.flow import engine
from mdio.storage.staging import StagedTree
from mdio.testing import synthetic

FIELDS = [(name, f">{kind}") for _, name, kind in STANDARD_FIELDS]
ZEROS = dict.fromkeys(("mean", "std", "rms", "min", "max"), 0.0)


def make(url, layout="v0"):
    volume = synthetic.volume((9, 7, 30), live=lambda i, j: (i + j) % 5 != 2, headers=FIELDS)
    created = Creation(created="2024-01-01T00:00:00.000000+00:00")
    sink = create(url, volume, format="mdio", options={"chunks": [4, 4, 16], "layout": layout}, creation=created)
    engine.run(volume, sink, workers=2)
    sink.close()


@pytest.fixture(params=["v0", "v1"])
def path(request, tmp_path):
    make(tmp_path / "a.mdio", request.param)
    rechunk(MDIOAccessor(tmp_path / "a.mdio", "w"), (1, 7, 30), "fast_il")
    return tmp_path / "a.mdio"


def files(path):
    return {p.relative_to(path).as_posix(): p.read_bytes() for p in path.rglob("*") if p.is_file()}


def objects(path, array):
    return [key for key in files(path) if key.startswith(f"{array}/") and not key.endswith((".zarray", "zarr.json"))]


def test_everything(path, tmp_path):
    copy_mdio(MDIOReader(path), tmp_path / "b.mdio")
    assert files(tmp_path / "b.mdio") == files(path)
    assert MDIOReader(tmp_path / "b.mdio").volume.access_patterns == ("012", "fast_il")


def test_without_samples_and_headers(path, tmp_path):
    copy_mdio(MDIOReader(path), str(tmp_path / "b.mdio"), excludes=default(path))
    source, copy = (MDIOReader(where, return_metadata=True) for where in (path, tmp_path / "b.mdio"))
    live, headers, samples = copy[:]
    assert np.array_equal(live, source[:][0])
    assert live.any()
    assert not headers["189"].any()
    assert not holds(samples)
    assert copy.stats == ZEROS
    assert copy.trace_count == source.trace_count == live.sum()
    assert copy.chunks == source.chunks == (4, 4, 16)
    assert copy.binary_header == source.binary_header
    fast = MDIOReader(tmp_path / "b.mdio", "fast_il")
    assert np.array_equal(fast[:], source[:][2])
    assert source.stats != ZEROS


def holds(samples):
    """Whether there is anything but fill, which is NaN in the v1 layout."""
    return bool(np.nan_to_num(samples).any())


def default(path):
    """Return what the samples of the default pattern, and its headers, have in their keys."""
    return "chunked_012" if (path / ".zgroup").exists() else "^(amplitude|headers)/"


def test_without_samples_but_with_headers(tmp_path):
    make(tmp_path / "a.mdio")
    copy_mdio(MDIOReader(tmp_path / "a.mdio"), tmp_path / "b.mdio", "chunked_012", "trace_headers")
    group = zarr.open_consolidated(tmp_path / "b.mdio", mode="r")
    assert group["data/chunked_012"].shape == (9, 7, 30)
    assert not group["data/chunked_012"][:].any()
    original = zarr.open_consolidated(tmp_path / "a.mdio", mode="r")
    name = "metadata/chunked_012_trace_headers"
    assert group[name][:].tobytes() == original[name][:].tobytes() != bytes(group[name].nbytes)
    assert (group.attrs["mean"], group.attrs["max"]) == (0, 0)
    assert group.attrs["mdio"]["statistics"] == {}
    assert group.attrs["dimension"] == original.attrs["dimension"]


def test_excluding_a_further_pattern_keeps_the_statistics(path, tmp_path):
    copy_mdio(MDIOReader(path), tmp_path / "b.mdio", excludes="fast_il")
    copy = MDIOReader(tmp_path / "b.mdio")
    assert np.array_equal(copy[:], MDIOReader(path)[:])
    assert copy.stats == MDIOReader(path).stats
    assert not holds(MDIOReader(tmp_path / "b.mdio", "fast_il")[:])


def test_what_belongs_to_samples_goes_with_them(tmp_path):
    """Raw words that samples cannot give back are of no use in a copy without samples."""
    make(tmp_path / "a.mdio")
    (tmp_path / "a.mdio" / "source" / "patches" / "0" / "0").mkdir(parents=True)
    (tmp_path / "a.mdio" / "source" / "patches" / "0" / "0" / "0").write_bytes(b"x")
    copy_mdio(MDIOReader(tmp_path / "a.mdio"), tmp_path / "b.mdio", "chunked_012", "trace_headers")
    assert not objects(tmp_path / "b.mdio", "source/patches")
    copy_mdio(MDIOReader(tmp_path / "a.mdio"), tmp_path / "c.mdio")
    assert objects(tmp_path / "c.mdio", "source/patches")


@pytest.mark.parametrize(("traces", "headers"), [(False, False), (True, False), (False, True), (True, True)])
def test_the_form_of_0_9(path, tmp_path, traces, headers):
    copy_mdio(str(path), tmp_path / "b.mdio", copy_traces=traces, copy_headers=headers)
    source, copy = (MDIOReader(where, return_metadata=True)[:] for where in (path, tmp_path / "b.mdio"))
    for pattern in ("012", "fast_il"):
        reader = MDIOReader(tmp_path / "b.mdio", pattern)
        assert holds(reader[:]) == traces
        assert reader.chunks == MDIOReader(path, pattern).chunks
    assert np.array_equal(copy[2], source[2]) == traces
    assert np.array_equal(copy[1], source[1]) == headers
    # As that release does: the mask is copied with either of the two.
    assert np.array_equal(copy[0], source[0] & (traces or headers))
    reader = MDIOReader(tmp_path / "b.mdio")
    assert reader.stats == (MDIOReader(path).stats if traces else ZEROS)
    assert reader.trace_count == (source[0].sum() if traces or headers else 0)


def test_a_target_that_is_there(path, tmp_path):
    (tmp_path / "b.mdio").mkdir()
    (tmp_path / "b.mdio" / "notes.txt").write_text("mine")
    with pytest.raises(MDIOAlreadyExistsError, match="already exists"):
        copy_mdio(MDIOReader(path), tmp_path / "b.mdio")
    with pytest.raises(StorageError, match="other things than a dataset"):
        copy_mdio(MDIOReader(path), tmp_path / "b.mdio", overwrite=True)
    assert (tmp_path / "b.mdio" / "notes.txt").read_text() == "mine"
    make(tmp_path / "c.mdio", "v0")
    copy_mdio(MDIOReader(path), tmp_path / "c.mdio", overwrite=True)
    assert files(tmp_path / "c.mdio") == files(path)


@pytest.mark.parametrize("there", [False, True])
def test_a_copy_that_fails_is_not_there(path, tmp_path, monkeypatch, there):
    target = tmp_path / "b.mdio"
    if there:
        make(target)
    before = files(target) if there else {}
    real, count = StagedTree.put, iter(range(1000))

    def put(tree, key, *pieces):
        if next(count) == 5:
            raise OSError(28, "No space left on device")
        real(tree, key, *pieces)

    monkeypatch.setattr(StagedTree, "put", put)
    with pytest.raises(OSError, match="No space"):
        copy_mdio(MDIOReader(path), target, overwrite=True)
    assert (files(target) if there else {}) == before
    assert target.exists() == there
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mdio"] + ["b.mdio"] * there


def test_to_an_object_store_and_back(path, tmp_path):
    filesystem = fsspec.filesystem("memory")
    copy_mdio(MDIOReader(path), "memory://copies/b.mdio")
    copy_mdio("memory://copies/b.mdio", tmp_path / "c.mdio", copy_traces=True, copy_headers=True)
    assert files(tmp_path / "c.mdio") == files(path)
    with pytest.raises(MDIOAlreadyExistsError):
        copy_mdio(MDIOReader(path), "memory://copies/b.mdio")
    copy_mdio(MDIOReader(path), "memory://copies/b.mdio", excludes=default(path), overwrite=True)
    assert not holds(MDIOReader("memory://copies/b.mdio")[:])
    filesystem.rm("/copies", recursive=True)


def test_what_opens_a_remote_copy_comes_last(tmp_path, monkeypatch):
    make(tmp_path / "a.mdio")
    from mdio.storage.remote import RemoteStore

    real, keys = RemoteStore.write, []

    def write(store, key, data):
        keys.append(key)
        real(store, key, data)

    monkeypatch.setattr(RemoteStore, "write", write)
    copy_mdio(MDIOReader(tmp_path / "a.mdio"), "memory://copies/last.mdio")
    assert keys[-3:] == [".zattrs", ".zmetadata", ".zgroup"]
    fsspec.filesystem("memory").rm("/copies", recursive=True)


def test_what_a_killed_rechunk_left_is_not_copied(path, tmp_path):
    before = files(path)
    half = path / "data" / ".chunked_x.part"
    half.mkdir(parents=True)
    (half / "0").write_bytes(b"half")
    (path / ".mdio-adding").write_bytes(b"{}\n")
    copy_mdio(MDIOReader(path), tmp_path / "b.mdio")
    assert files(tmp_path / "b.mdio") == before


def test_onto_itself(path, tmp_path):
    (tmp_path / "link.mdio").symlink_to(path)
    for target in (path, tmp_path / "link.mdio", path / "inner.mdio"):
        with pytest.raises(ConfigError, match="the same"):
            copy_mdio(MDIOReader(path), target, overwrite=True)


def test_arguments_of_the_other_form(path, tmp_path):
    target = tmp_path / "b.mdio"
    with pytest.raises(WrongTypeError, match="neither True nor False"):
        copy_mdio(str(path), str(target), "chunked_012")
    with pytest.raises(TypeError):
        copy_mdio(MDIOReader(path), str(target), copy_traces=True)
    with pytest.raises(WrongTypeError, match="MDIOReader, or a path"):
        copy_mdio(5, str(target))
    with pytest.raises(WrongTypeError):
        copy_mdio()
    with pytest.raises(ConfigError, match="no regular expression"):
        copy_mdio(MDIOReader(path), str(target), excludes="(")
    assert not target.exists()


def test_by_keyword(path, tmp_path):
    copy_mdio(source=MDIOReader(path), dest_path_or_buffer=str(tmp_path / "b.mdio"), overwrite=False)
    copy_mdio(source_path=str(path), target_path=str(tmp_path / "c.mdio"), copy_traces=True, copy_headers=True)
    assert files(tmp_path / "b.mdio") == files(tmp_path / "c.mdio") == files(path)


def test_consolidated_metadata_say_the_same_as_the_documents(tmp_path):
    make(tmp_path / "a.mdio")
    copy_mdio(tmp_path / "a.mdio", tmp_path / "b.mdio")
    found = json.loads((tmp_path / "b.mdio" / ".zmetadata").read_text())["metadata"]
    for key, document in found.items():
        assert json.loads((tmp_path / "b.mdio" / key).read_text()) == document
    assert found[".zattrs"]["trace_count"] == 0
