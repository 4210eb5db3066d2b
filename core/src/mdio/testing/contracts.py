"""What codecs, grid overrides, stores and plugin modules must keep; readers and writers have modules of their own."""

from __future__ import annotations

import copy
import importlib
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest

from mdio.core.table import HeaderTable
from mdio.exceptions import MDIOError, MDIONotFoundError, StorageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.storage.store import Store

__all__ = ["CodecContract", "GridOverrideContract", "PluginContract", "StorageContract"]


class CodecContract:
    """Subclass it and give the fixture ``codec``: an instance as ``Codec.load()(**options)`` makes it.

    Attributes
    ----------
    dtypes
        Sample types it takes.
    tolerance
        Largest error of a decoded sample; 0 for lossless codecs.
    registered
        Whether Zarr finds it by its configuration: by an entry point of the group ``numcodecs.codecs``.
    """

    dtypes: ClassVar[tuple[str, ...]] = ("f4",)
    tolerance: ClassVar[float] = 0.0
    registered: ClassVar[bool] = True

    @pytest.fixture
    def codec(self) -> Any:
        """Return the codec under test."""
        raise NotImplementedError("give a fixture 'codec'")

    @pytest.mark.parametrize("shape", [(1,), (3, 5), (16, 16, 16), (4, 3, 70_000)])
    def test_round_trip(self, codec: Any, shape: tuple[int, ...]) -> None:
        """Decoding gives back what was encoded, for noise, zeros and smooth data of every type."""
        for dtype in self.dtypes:
            for name, chunk in _chunks(shape, dtype).items():
                decoded = _decode(codec, codec.encode(chunk), chunk)
                if self.tolerance:
                    assert np.abs(decoded.astype(float) - chunk.astype(float)).max() <= self.tolerance, (dtype, name)
                else:
                    assert decoded.tobytes() == chunk.tobytes(), (dtype, name)

    def test_input_stays_as_it_is(self, codec: Any) -> None:
        """Encoding does not write into its input, which may be read-only."""
        chunk = _chunks((8, 8, 8), self.dtypes[0])["noise"]
        before = chunk.tobytes()
        chunk.flags.writeable = False
        codec.encode(chunk)
        assert chunk.tobytes() == before

    def test_decodes_into_a_buffer(self, codec: Any) -> None:
        """Decoding fills a buffer that is given."""
        chunk = _chunks((8, 8, 8), self.dtypes[0])["smooth"]
        frame = codec.encode(chunk)
        out = np.empty_like(chunk)
        codec.decode(frame, out=out)
        assert out.tobytes() == _decode(codec, frame, chunk).tobytes()

    def test_same_input_same_bytes(self, codec: Any) -> None:
        """Encoding does not depend on time, thread or earlier chunks."""
        chunks = list(_chunks((8, 8, 8), self.dtypes[0]).values()) * 4
        alone = [bytes(codec.encode(chunk)) for chunk in chunks]
        with ThreadPoolExecutor(4) as pool:
            assert [bytes(frame) for frame in pool.map(codec.encode, chunks)] == alone

    def test_configuration_makes_the_same_codec(self, codec: Any) -> None:
        """The configuration in Zarr metadata leads back to an equal codec, and so does a pickle."""
        chunk = _chunks((8, 8, 8), self.dtypes[0])["noise"]
        frame = bytes(codec.encode(chunk))
        others = [pickle.loads(pickle.dumps(codec))]  # noqa: S301 - our own bytes
        if self.registered:
            others.append(_found_by_zarr(codec.get_config()))
        for other in others:
            assert bytes(_decode(other, frame, chunk)) == bytes(_decode(codec, frame, chunk))

    @pytest.mark.parametrize("keep", [0, 1, 0.5])
    def test_a_cut_frame_is_an_error(self, codec: Any, keep: float) -> None:
        """A frame that ends early raises, and gives no wrong samples."""
        chunk = _chunks((16, 16, 16), self.dtypes[0])["noise"]
        frame = bytes(codec.encode(chunk))
        size = int(keep * len(frame)) if keep < 1 else len(frame) - 1
        with pytest.raises(Exception):  # noqa: B017 - codecs of others have errors of their own
            _decode(codec, frame[:size], chunk)


def _found_by_zarr(config: Mapping[str, Any]) -> Any:
    """Return the codec that Zarr finds for a configuration; an error that says how it is made known."""
    from numcodecs import get_codec
    from numcodecs.registry import codec_registry

    name = config["id"]
    try:
        return get_codec(dict(config))
    except ValueError as error:
        assert name in codec_registry, (
            f"Zarr does not find {name!r} ({error}): name its class under "
            f'[project.entry-points."numcodecs.codecs"] of pyproject.toml, as {name} = "package.module:Class", '
            "and install again; or say registered = False"
        )
        raise


def _chunks(shape: tuple[int, ...], dtype: str) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(1)
    size = int(np.prod(shape))
    smooth = (100 * np.sin(np.arange(size) / 20)).reshape(shape)
    if np.dtype(dtype).kind == "u":
        smooth += 100
    return {
        "noise": rng.integers(0, 100, shape).astype(dtype),
        "zeros": np.zeros(shape, dtype),
        "smooth": smooth.astype(dtype),
    }


def _decode(codec: Any, frame: Any, like: NDArray[Any]) -> NDArray[Any]:
    decoded = np.frombuffer(memoryview(codec.decode(frame)).cast("B"), dtype=like.dtype)
    return decoded.reshape(like.shape)


class GridOverrideContract:
    """Subclass it and give the fixtures ``apply``, ``table`` and ``params``.

    Attributes
    ----------
    keys
        Index keys that it needs, those of its descriptor. A run looks for them first, so that ``apply`` may rely on
        them; the contract sees whether it needs each.
    adds
        Dimension that it makes, empty for none.
    """

    keys: ClassVar[tuple[str, ...]] = ()
    adds: ClassVar[str] = ""

    @pytest.fixture
    def apply(self) -> Callable[[HeaderTable, Any], HeaderTable]:
        """Return the override: ``apply(table, params) -> table``."""
        raise NotImplementedError("give a fixture 'apply'")

    @pytest.fixture
    def table(self) -> HeaderTable:
        """Return a table that it can be applied to."""
        raise NotImplementedError("give a fixture 'table'")

    @pytest.fixture
    def params(self) -> Any:
        """Return its parameters."""
        return {}

    def test_is_a_pure_function(self, apply: Any, table: HeaderTable, params: Any) -> None:
        """The input is not modified, and the same input gives the same result."""
        columns, notes = _copied(table), copy.deepcopy(dict(table.notes))
        first = apply(table, params)
        assert _copied(table) == columns, "the input was modified"
        assert dict(table.notes) == notes
        second = apply(table, params)
        assert _copied(first) == _copied(second)
        assert dict(first.notes) == dict(second.notes)

    def test_gives_a_whole_table(self, apply: Any, table: HeaderTable, params: Any) -> None:
        """All columns keep the number of traces, and the promised dimension is there."""
        result = apply(table, params)
        assert isinstance(result, HeaderTable)
        assert {len(column) for column in result.columns.values()} == {table.count}
        if self.adds:
            assert self.adds in result.names

    def test_a_missing_key_is_named(self, apply: Any, table: HeaderTable, params: Any) -> None:
        """Without a key that it needs there is an error that says which: its own, or that of the look-up."""
        for key in self.keys:
            rest = HeaderTable({name: column for name, column in table.columns.items() if name != key})
            with pytest.raises((MDIOError, KeyError), match=key):
                apply(rest, params)


def _copied(table: HeaderTable) -> Mapping[str, bytes]:
    return {name: np.asarray(column).tobytes() for name, column in table.columns.items()}


class StorageContract:
    """Subclass it and give the fixture ``store``: an empty place that may be written to."""

    @pytest.fixture
    def store(self) -> Store:
        """Return the store under test."""
        raise NotImplementedError("give a fixture 'store'")

    @pytest.mark.parametrize("data", [b"", b"\0\1\2" * 1000, memoryview(b"view")])
    def test_gives_back_what_was_written(self, store: Store, data: bytes | memoryview) -> None:
        """An object is read whole as it was written, the empty one included."""
        store.write("a/b.bin", data)
        assert store.read("a/b.bin") == bytes(data)
        assert store.get("a/b.bin") == bytes(data)
        store.write("a/b.bin", b"other")
        assert store.read("a/b.bin") == b"other", "an object is replaced"

    def test_ranges(self, store: Store) -> None:
        """Ranges come from where they lie; one beyond the end is an error."""
        data = bytes(range(256)) * 40
        store.write("ranges", data)
        file = store.open("ranges")
        try:
            assert file.size == len(data)
            for offset, length in ((0, 1), (255, 300), (len(data) - 1, 1), (7, 0), (0, len(data))):
                assert file.read(offset, length) == data[offset : offset + length]
                buffer = bytearray(length)
                file.read_into(offset, memoryview(buffer))
                assert buffer == data[offset : offset + length]
            with pytest.raises(StorageError):
                file.read(len(data) - 5, 6)
            with pytest.raises(StorageError):
                file.read_into(len(data), memoryview(bytearray(1)))
            with ThreadPoolExecutor(4) as pool:
                parts = list(pool.map(lambda start: file.read(start, 100), range(0, len(data) - 100, 100)))
            assert b"".join(parts) == data[: 100 * len(parts)]
        finally:
            file.close()
        file.close()

    def test_missing_objects(self, store: Store) -> None:
        """What is not there is said to be so, by the error or the value of each method."""
        store.write("there", b"1")
        assert store.get("missing") is None
        assert store.get("there/below") is None
        assert not store.exists("missing")
        assert not store.is_dir("missing")
        assert list(store.list("missing")) == []
        with pytest.raises(MDIONotFoundError, match="missing"):
            store.read("missing")
        with pytest.raises(MDIONotFoundError, match="missing"):
            store.open("missing")
        store.delete("missing")

    def test_lists_keys_from_the_root(self, store: Store) -> None:
        """Listing gives whole keys with sizes, of a prefix as of a folder."""
        for key, size in (("a/x", 1), ("a/b/y", 2), ("ab/z", 3), ("top", 4)):
            store.write(key, b"." * size)
        assert sorted(store.list()) == [("a/b/y", 2), ("a/x", 1), ("ab/z", 3), ("top", 4)]
        assert sorted(store.list("a")) == [("a/b/y", 2), ("a/x", 1)]
        assert store.is_dir("a")
        assert store.exists("a")
        assert store.exists("a/x")
        assert not store.is_dir("a/x")

    def test_deletes_an_object_or_a_prefix(self, store: Store) -> None:
        """Deleting takes an object, or everything below a prefix, and nothing beside it."""
        for key in ("a/x", "a/b/y", "ab/z"):
            store.write(key, b"1")
        store.delete("a/x")
        assert sorted(key for key, _ in store.list()) == ["a/b/y", "ab/z"]
        store.delete("a")
        assert [key for key, _ in store.list()] == ["ab/z"]
        store.delete("a")

    def test_a_joined_store_is_the_part_below(self, store: Store) -> None:
        """Keys of a joined store are relative to its prefix."""
        below = store.join("deep/er")
        below.write("x", b"1")
        assert store.read("deep/er/x") == b"1"
        assert list(below.list()) == [("x", 1)]
        assert below.url.startswith(store.url.rstrip("/"))

    def test_writers_of_one_object_do_not_mix(self, store: Store) -> None:
        """Of several writers at once one wins whole."""
        values = [bytes([number]) * 100_000 for number in range(8)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda value: store.write("same", value), values))
        assert store.read("same") in values
        assert [key for key, _ in store.list()] == ["same"], "no temporary object is left"


class PluginContract:
    """Subclass it and set ``module`` to the import string of the entry-point module.

    Attributes
    ----------
    module
        Value of the entry point, e.g. ``"mdio_npz.plugin"``.
    heavy
        Modules that importing it must not load, so that ``mdio --help`` stays instant.
    """

    module: ClassVar[str] = ""
    heavy: ClassVar[tuple[str, ...]] = ("numpy", "zarr", "pydantic", "numcodecs", "fsspec", "rich")

    def _contributions(self) -> tuple[Any, ...]:
        from mdio.plugins.manager import Host

        return Host(strict=True).register(importlib.import_module(self.module), "under-test").contributions

    def test_hooks_give_what_they_are_for(self) -> None:
        """Every hook yields descriptors of its kind, well formed, with unique names; there is at least one."""
        assert self._contributions()

    def test_every_target_can_be_imported(self) -> None:
        """What the import strings name is there; options are pydantic models."""
        from pydantic import BaseModel

        for item in self._contributions():
            if item.target:
                assert item.load() is not None
            if item.options:
                assert issubclass(item.options_model(), BaseModel), item.options

    def test_says_what_it_offers(self) -> None:
        """Listings show one line for each contribution."""
        for item in self._contributions():
            assert item.summary, f"{item.kind} {item.name!r} has no summary"
            assert "\n" not in item.summary

    def test_importing_it_is_light(self) -> None:
        """Neither the module nor its hooks load anything heavy."""
        code = (
            "import importlib, sys\n"
            "from mdio.plugins.manager import Host\n"
            "Host(strict=True).register(importlib.import_module(sys.argv[1]), 'under-test')\n"
            "print(*sorted(set(sys.argv[2:]) & sys.modules.keys()))"
        )
        done = subprocess.run(  # noqa: S603 - our own interpreter and code
            [sys.executable, "-c", code, self.module, *self.heavy], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        loaded = ", ".join(done.stdout.split())
        assert not loaded, f"importing {self.module} loads {loaded}; import them in the functions that use them"
