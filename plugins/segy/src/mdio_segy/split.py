"""Gives every file of a dataset that was made from several SEG-Y files back under its own name."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.volume import SourceFile
from mdio.exceptions import ConfigError, FormatError, StorageError
from mdio.storage.local import LocalStore, pread, preallocate, pwrite
from mdio.storage.staging import StagedTree
from mdio_segy.binary import decode_binary
from mdio_segy.outline import outline_for
from mdio_segy.pool import Pool
from mdio_segy.sink import SegySink
from mdio_segy.text import decode_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mdio.core.volume import Schema
    from mdio.storage.store import Store
    from mdio_segy.options import SegyWriteOptions

__all__ = ["SplitFiles", "SplitSink"]

_TEXT, _BINARY = 3200, 400


@dataclass(frozen=True, slots=True)
class _Part:
    """One file to be written: its name below the folder, what stands around its traces, and which they are."""

    name: str
    head: bytes
    trailer: bytes
    start: int
    stop: int


class SplitSink(SegySink):
    """As :class:`SegySink`, for a folder of the original files instead of one file."""

    def _staged(self, store: Store, size: int) -> SplitFiles:  # noqa: ARG002 - every file has a size of its own
        parts = list(_parts(self._like.schema, self._options, self._places.before, self._places.count))
        files = SplitFiles(store, parts, len(self.outline.head), self.outline.trace_bytes)
        if self.creation.overwrite:
            files.require_ours()
        return files


class SplitFiles:
    """Several files that are written as if they were one; stands where a ``StagedFile`` does.

    Offsets are those of the one file. File headers and trailers written to it are left out, every file has its own.

    Parameters
    ----------
    store
        The folder, claimed before.
    parts
        The files.
    base
        Bytes before the first trace of the one file.
    trace_bytes
        Bytes of a trace.

    Raises
    ------
    ConfigError
        The folder is not local.
    """

    def __init__(self, store: Store, parts: Sequence[_Part], base: int, trace_bytes: int) -> None:
        if store.path is None:
            raise ConfigError(f"{store.url}: a remote folder of files cannot be written", hint="name a local folder")
        self._target = store.path.absolute()
        self._tree = StagedTree(store)
        self._folder = Path(str(self._tree.work.path))
        self._parts = parts
        self._edges = np.array([0, *(part.stop for part in parts)], np.int64)
        self._base = base
        self._trace_bytes = trace_bytes
        self._pool = Pool(self._open)

    def _open(self, number: int) -> _Output:
        return _Output(self._folder / self._parts[number].name)

    def begin(self, *, fresh: bool) -> None:
        """Make all files, at their full sizes, so that a full disk shows before the work."""
        if fresh:
            self._tree.work.delete()
        self._tree.begin(fresh=False)
        try:
            for number, part in enumerate(self._parts):
                with self._pool.using(number) as file:
                    file.reserve(self._size(part))
        except BaseException:
            if fresh:
                self.abort()
            raise

    def _size(self, part: _Part) -> int:
        return len(part.head) + (part.stop - part.start) * self._trace_bytes + len(part.trailer)

    def require_ours(self) -> None:
        """Refuse to put the files in the place of a folder that holds something else.

        Raises
        ------
        StorageError
            It does.
        """
        if not self._target.exists():
            return
        ours = {part.name for part in self._parts}
        others = (key for key, _ in LocalStore(self._target).list() if key not in ours)
        other = next(others, None) if self._target.is_dir() else self._target.name
        if other is not None:
            raise StorageError(
                f"{self._target}: {other} is none of the files to be written, and is not overwritten",
                hint="name another folder, or delete it first",
            )

    def write(self, offset: int, data: memoryview | bytes) -> None:
        """Write whole traces to the files they belong to."""
        view = memoryview(data)
        for number, at, piece in self._pieces(offset, len(view)):
            with self._pool.using(number) as file:
                file.write(at, view[piece])

    def read(self, offset: int, length: int) -> bytes:
        """Return what was written, for checks on resume."""
        found = []
        for number, at, piece in self._pieces(offset, length):
            with self._pool.using(number) as file:
                found.append(file.read(at, piece.stop - piece.start))
        return b"".join(found)

    def _pieces(self, offset: int, length: int) -> Iterator[tuple[int, int, slice]]:
        """Yield ``(file, offset in it, piece of the data)`` of a run of whole traces."""
        first, size = (offset - self._base) // self._trace_bytes, self._trace_bytes
        if offset < self._base or first >= self._edges[-1]:
            return
        last = first + length // size
        trace = first
        while trace < last:
            number = int(np.searchsorted(self._edges, trace, "right")) - 1
            part = self._parts[number]
            stop = min(last, part.stop)
            at = len(part.head) + (trace - part.start) * size
            yield number, at, slice((trace - first) * size, (stop - first) * size)
            trace = stop

    def commit(self) -> None:
        """Write all file headers and trailers; then the folder appears under its name."""
        for number, part in enumerate(self._parts):
            with self._pool.using(number) as file:
                file.write(0, part.head)
                if part.trailer:
                    file.write(self._size(part) - len(part.trailer), part.trailer)
        self._pool.close()
        self._tree.commit(())

    def close(self) -> None:
        """Close the files and keep what was written for a resume."""
        self._pool.close()

    def abort(self) -> None:
        """Leave nothing of the unfinished folder."""
        self._pool.close()
        self._tree.abort()


class _Output:
    """One file below the folder, open for writing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
        except OSError as error:
            raise self._error(error) from error

    def _error(self, error: OSError) -> StorageError:
        return StorageError(f"{self._path}: writing failed: {error.strerror or error}")

    def reserve(self, size: int) -> None:
        """Take room on the disk."""
        try:
            preallocate(self._fd, size)
        except OSError as error:
            raise self._error(error) from error

    def write(self, offset: int, data: memoryview | bytes) -> None:
        """Write at an offset."""
        try:
            pwrite(self._fd, data, offset)
        except OSError as error:
            raise self._error(error) from error

    def read(self, offset: int, length: int) -> bytes:
        """Return what is at an offset."""
        return pread(self._fd, length, offset)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


def _parts(schema: Schema, options: SegyWriteOptions, before: Any, count: int) -> Iterator[_Part]:
    """Yield the files that get traces; traces that no file had go to the last one.

    Parameters
    ----------
    schema, options
        What is written, and how.
    before
        Positions in the original files → traces that lie before them now.
    count
        All traces.
    """
    source = schema.metadata.source
    files = source.facts.get("files") if source is not None and source.format == "segy" else None
    if source is None or not files:
        raise ConfigError(
            "the dataset was not made from several SEG-Y files", path="split", hint="leave it out to write one file"
        )
    edges: NDArray[np.int64] = before(np.cumsum([0, *(int(entry["traces"]) for entry in files)], dtype=np.int64))
    edges[-1] = count
    heads: dict[str, tuple[bytes, bytes]] = {}
    for entry, start, stop in zip(files, edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if start == stop:
            continue
        key = repr([entry.get(name) for name in ("head", "trailer", "text_offset")])
        if key not in heads:
            outline = outline_for(_as_one_file(schema, source, entry), options)
            heads[key] = outline.head, outline.trailer
        yield _Part(_safe(entry["name"]), *heads[key], start, stop)


def _as_one_file(schema: Schema, source: SourceFile, entry: Mapping[str, Any]) -> Schema:
    """Return the schema with the file headers of one file; what was edited in the dataset's is edited in them."""
    blob = source.blobs["files"]
    first_at = int(source.facts.get("text_offset", 0))
    at = int(entry.get("text_offset", first_at))
    head = blob[slice(*entry["head"])]
    big = bool(source.facts["big_endian"])
    text, binary = _words(head, at, big)
    first_text, first_binary = _words(source.blobs["head"], first_at, big)
    now = schema.metadata.text or first_text
    padded = [*now, *first_text[len(now) :]]
    lines = tuple(mine if line == was else line for mine, line, was in zip(text, padded, first_text, strict=False))
    edited = {name: value for name, value in schema.metadata.binary.items() if first_binary.get(name) != value}
    facts = {**source.facts, "text_offset": at}
    blobs = {"head": head, "trailer": blob[slice(*entry["trailer"])] if "trailer" in entry else b""}
    return schema.with_metadata(
        source=replace(source, facts=facts, blobs=blobs), text=lines, binary={**binary, **edited}
    )


def _words(head: bytes, at: int, big: bool) -> tuple[tuple[str, ...], Mapping[str, Any]]:
    return decode_text(head[at : at + _TEXT]), decode_binary(head[at + _TEXT : at + _TEXT + _BINARY], big)


def _safe(name: str) -> str:
    """Return a stored name that stays below the folder.

    Raises
    ------
    FormatError
        It would not.
    """
    parts = name.split("/")
    if any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts):
        raise FormatError(f"the file name {name!r} in the dataset leads out of the folder")
    return name
