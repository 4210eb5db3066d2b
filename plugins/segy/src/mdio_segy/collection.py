"""Several SEG-Y files as one: a survey that came as one file a line, an hour or a tape is one dataset.

Traces are numbered through all files in the order in which the files were given. The files must have traces of one
form; their file headers may differ and are kept, so that every file can be given back.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.volume import SourceFile
from mdio.exceptions import ConfigError, StorageError
from mdio_segy.errors import FilesDiffer, NoTraces, VaryingTraceLength
from mdio_segy.filehead import SegyLayout, read_layout
from mdio_segy.pool import Pool
from mdio_segy.tracefile import TraceFile
from mdio_segy.volume import source_facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mdio.storage.store import RangeReader, Storage, Store
    from mdio_segy.claims import LayoutOverrides

__all__ = ["SegyCollection", "open_collection"]

_WINDOW = 64 << 20
"""Bytes of traces whose headers are scanned at once."""


@dataclass(frozen=True, slots=True)
class _Member:
    """One of the files: where it is and where its traces begin."""

    store: Store
    size: int
    data_offset: int
    traces: int


class _OpenMember:
    """A file that is open."""

    def __init__(self, reader: RangeReader, layout: SegyLayout) -> None:
        self.traces = TraceFile(reader, layout)
        self.close = reader.close


@dataclass(frozen=True)
class _Opener:
    """Opens members by number."""

    members: tuple[_Member, ...]
    layout: SegyLayout

    def __call__(self, number: int) -> _OpenMember:
        member = self.members[number]
        reader = member.store.open()
        if reader.size != member.size:
            reader.close()
            raise StorageError(
                f"{member.store.url}: {reader.size} bytes, it had {member.size} when the files were looked at",
                hint="the file is still being written, or was replaced; begin again",
            )
        end = member.data_offset + member.traces * self.layout.trace_bytes
        layout = replace(self.layout, data_offset=member.data_offset, data_end=end, trace_count=member.traces)
        return _OpenMember(reader, layout)


class SegyCollection(TraceFile):
    """The traces of several files, numbered through.

    Parameters
    ----------
    opener
        Knows the files.
    source
        Facts and bytes of all files, for the dataset.
    identity
        What tells these files from others.
    """

    def __init__(self, opener: _Opener, source: SourceFile, identity: Mapping[str, Any]) -> None:
        self.layout = opener.layout
        self.source = source
        self.identity = identity
        self._opener = opener
        self._pool = Pool(opener)
        counts = [member.traces for member in opener.members]
        self._starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])

    @cached_property
    def batch(self) -> int:
        """Bytes of records worth fetching before they are decoded."""
        with self._pool.using(0) as file:
            return file.traces.batch

    def fetch(self, traces: NDArray[np.int64], out: NDArray[np.uint8]) -> None:
        """Fill ``out``, uint8 ``(n, trace bytes)``, with whole records; ``traces`` ascend."""
        for member, numbers, rows in self._by_member(traces):
            with self._pool.using(member) as file:
                file.traces.fetch(numbers, out[rows])

    def fetch_part(self, traces: NDArray[np.int64], low: int, high: int) -> NDArray[np.uint8]:
        """Return bytes ``low`` to ``high`` of records, uint8 ``(n, high-low)``; ``traces`` ascend."""
        out = np.empty((len(traces), high - low), dtype=np.uint8)
        for member, numbers, rows in self._by_member(traces):
            with self._pool.using(member) as file:
                out[rows] = file.traces.fetch_part(numbers, low, high)
        return out

    def look(self, traces: NDArray[np.int64], low: int, high: int) -> NDArray[np.uint8]:
        """Return what :meth:`fetch_part` returns: maps that are kept would keep the files open."""
        return self.fetch_part(traces, low, high)

    def scan(self, low: int, high: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield ``(first trace, bytes low to high of each record)`` over all traces, in windows."""
        step = max(1, _WINDOW // self.layout.trace_bytes)
        for first in range(0, self.layout.trace_count, step):
            last = min(first + step, self.layout.trace_count)
            yield first, self.fetch_part(np.arange(first, last), low, high)

    def _by_member(self, traces: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64], slice]]:
        """Yield ``(file, trace numbers in it, rows)`` for the files that hold some of the traces."""
        start = 0
        while start < len(traces):
            member = int(np.searchsorted(self._starts, traces[start], "right")) - 1
            stop = int(np.searchsorted(traces, self._starts[member + 1]))
            yield member, traces[start:stop] - self._starts[member], slice(start, stop)
            start = stop

    def close(self) -> None:
        """Close the files; may be called again."""
        self._pool.close()

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self._opener, self.source, self.identity)


def open_collection(
    urls: Sequence[str], overrides: LayoutOverrides, storage: Storage
) -> tuple[SegyCollection, list[str]]:
    """Look at the file headers of several files; all are closed again.

    Parameters
    ----------
    urls
        The files, in the order of their traces.
    overrides
        What the user knows better than the files.
    storage
        Resolves the URLs.

    Returns
    -------
    SegyCollection, list
        The files, and what was odd about them, one line each.

    Raises
    ------
    SegyError
        A file is refused, or differs from the first in what all must have in common.
    ConfigError
        A file is given twice.
    """
    stores = [storage.open(url) for url in urls]
    _refuse_repeats(stores)
    members, entries = [], []
    notes: dict[str, list[str]] = {}
    pieces = _Pieces()
    first: SegyLayout | None = None
    trailer = b""
    digest = hashlib.sha256()
    for store, name in zip(stores, _names(stores), strict=True):
        with contextlib.closing(store.open()) as reader:
            layout = read_layout(reader, overrides, url=store.url)
            _require_alike(layout, store.url, first, stores[0].url)
            for note in layout.warnings:
                notes.setdefault(note, []).append(store.url)
            end = reader.read(layout.data_end, layout.trailer_bytes) if layout.trailer_bytes else b""
            if first is None:
                first, trailer = layout, end
            entry = {"name": name, "traces": layout.trace_count, "head": pieces.add(layout.head)}
            entry |= {"trailer": pieces.add(end)} if end else {}
            entry |= {"text_offset": layout.tape_label} if layout.tape_label != first.tape_label else {}
            entries.append(entry)
            members.append(_Member(store, reader.size, layout.data_offset, layout.trace_count))
            digest.update(f"{_place(store)} {reader.size} {getattr(reader, 'modified', '')}\n".encode())
            digest.update(layout.head)
            for trace in {0, layout.trace_count - 1}:
                digest.update(reader.read(layout.data_offset + trace * layout.trace_bytes, layout.header_bytes))
    if first is None:
        raise ConfigError("no file given", path="files")
    total = sum(member.traces for member in members)
    end_of_data = first.data_offset + total * first.trace_bytes
    layout = replace(first, trace_count=total, data_end=end_of_data, trailer_bytes=0, warnings=())
    facts = {**source_facts(layout), "files": entries}
    source = SourceFile("segy", facts, {"head": first.head, "trailer": trailer, "files": pieces.data})
    identity = {
        "url": _place(stores[0]),
        "files": len(members),
        "size": sum(member.size for member in members),
        "headers": digest.hexdigest(),
    }
    return SegyCollection(_Opener(tuple(members), layout), source, identity), [
        f"{where[0]}{f' and {len(where) - 1} more' if len(where) > 1 else ''}: {note}" for note, where in notes.items()
    ]


class _Pieces:
    """File headers and trailers one behind the other, equal ones once: thousands of lines often share theirs."""

    def __init__(self) -> None:
        self._places: dict[bytes, list[int]] = {}
        self._size = 0

    def add(self, data: bytes) -> list[int]:
        """Return start and stop of the bytes."""
        if data not in self._places:
            self._places[data] = [self._size, self._size + len(data)]
            self._size += len(data)
        return self._places[data]

    @property
    def data(self) -> bytes:
        """All bytes."""
        return b"".join(self._places)


def _require_alike(layout: SegyLayout, url: str, first: SegyLayout | None, first_url: str) -> None:
    """Refuse a file whose traces have another form than those of the first file."""
    if layout.varying:
        raise VaryingTraceLength(
            "traces differ in length; such a file cannot be one of several",
            url=url,
            hint="import it alone, or --samples reads all traces with one length",
        )
    if not layout.trace_count:
        raise NoTraces("file headers without traces cannot be one of several files", url=url, hint="leave it out")
    if first is None:
        return
    for what, mine, others, option in (
        ("sample format", layout.format.code, first.format.code, "--sample-format"),
        ("samples a trace", layout.samples, first.samples, "--samples"),
        ("byte order of headers", _order(layout.big_endian), _order(first.big_endian), "--endian"),
        ("byte order of samples", _order(layout.data_big_endian), _order(first.data_big_endian), "--data-endian"),
        ("bytes a trace header", layout.header_bytes, first.header_bytes, ""),
        ("sample interval in µs", layout.interval_us, first.interval_us, "--interval"),
    ):
        if mine != others:
            raise FilesDiffer(
                f"{what} {mine}, but {others} in {first_url}",
                url=url,
                hint=f"import it alone, or give {option} if a header is wrong" if option else "import it alone",
            )


def _order(big_endian: bool) -> str:
    return "big" if big_endian else "little"


def _place(store: Store) -> str:
    return str(store.path.resolve()) if store.path is not None else store.url


def _refuse_repeats(stores: Sequence[Store]) -> None:
    seen = set()
    for store in stores:
        place = _place(store)
        if place in seen:
            raise ConfigError(f"{store.url} is given twice", path="files", hint="its traces would be there twice")
        seen.add(place)


def _names(stores: Sequence[Store]) -> list[str]:
    """Return names to give the files back under: the last names, or paths below the common folder if those clash."""
    paths = [_place(store).replace(os.sep, "/") for store in stores]
    names = [path.rpartition("/")[2] for path in paths]
    if len(set(names)) == len(names):
        return names
    parts = [path.split("/") for path in paths]
    common = 0
    while len({tuple(path[: common + 1]) for path in parts}) == 1:
        common += 1
    return ["/".join(path[common:]) for path in parts]
