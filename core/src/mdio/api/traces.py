"""Traces and their headers by number in the original file, as users of segyio type them, of every format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.api.arrays import RegionArray
from mdio.api.cells import read_cells, write_cells
from mdio.api.lines import Lines, lines_along, refuse_writing
from mdio.api.stacks import LazyStack
from mdio.core.region import Region
from mdio.exceptions import ShapeError
from mdio.native.header_names import held_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.api.trace_numbers import TraceNumbers
    from mdio.core.headers import HeaderLayout

__all__ = ["Attributes", "Headers", "TraceHeader", "Traces"]

_MANY = 1 << 16
"""Traces read together at most."""


class Traces:
    """Samples of traces: ``trace[7]``, ``trace[-1]``, ``trace[10:20]``, ``trace[7, 100:200]``, ``trace.raw[:]``.

    Parameters
    ----------
    numbers
        Where each trace lies.
    editor
        Stores samples by positions, ``editor[items] = values``; None where nothing can be written.
    """

    def __init__(self, numbers: TraceNumbers, editor: Any = None) -> None:
        schema = numbers.volume.schema
        self._numbers = numbers
        self._editor = editor
        self._array = RegionArray(numbers.volume.samples, schema.shape, schema.dtype, schema.chunks)

    @property
    def raw(self) -> RawTraces:
        """The same, where ranges give one 2-D array at once."""
        return RawTraces(self)

    def __len__(self) -> int:
        return self._numbers.count

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return iter(self[:])

    def __getitem__(self, key: Any) -> Any:
        """Read one trace, 1-D, or several, one after the other.

        Raises
        ------
        IndexError
            There is no such trace.
        """
        key, samples = key if isinstance(key, tuple) and len(key) == 2 else (key, slice(None))
        wanted = _wanted(key, len(self))
        if isinstance(wanted, int):
            return self._read(np.array([wanted]))[0][samples]
        if samples != slice(None):
            return self._read(np.asarray(wanted, dtype=np.int64))[:, samples]
        return LazyStack(self._read, wanted, self._array.shape[-1:], self._array.dtype, _MANY)

    def __setitem__(self, key: Any, value: Any) -> None:
        """Store one trace or several in place; values broadcast to (traces, samples).

        Raises
        ------
        StorageError
            The dataset is open for reading only.
        ShapeError
            The values do not broadcast.
        """
        if self._editor is None:
            refuse_writing()
        wanted = np.atleast_1d(np.asarray(_wanted(key, len(self)), dtype=np.int64))
        values = _broadcast(value, (wanted.size, self._array.shape[-1]))
        write_cells(self._editor, self._numbers.cells(wanted), values)

    def __repr__(self) -> str:
        return f"<{len(self)} traces of {self._array.shape[-1]} samples, {self._array.dtype}>"

    def _read(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        return read_cells(self._array, self._numbers.cells(numbers))


class RawTraces:
    """Traces as arrays: ``raw[10:20]`` has the shape (10, samples)."""

    def __init__(self, traces: Traces) -> None:
        self._traces = traces

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Return one trace, 1-D, or several, 2-D."""
        return np.asarray(self._traces[key])

    def __len__(self) -> int:
        return len(self._traces)


class TraceHeader(Mapping[str, Any]):
    """The words of one trace header, by name (``"inline"``) or by first byte (``189``, ``"189"``, 1-based).

    Parameters
    ----------
    layout
        Of the record.
    record
        Raw, ``V<itemsize>``.
    """

    def __init__(self, layout: HeaderLayout, record: Any) -> None:
        self._layout = layout
        self._record = np.asarray(record, dtype=layout.record).reshape(1)

    @property
    def buf(self) -> bytes:
        """The record as it is."""
        return self._record.tobytes()

    def __getitem__(self, word: int | str) -> Any:
        """Return a word as a Python number; a KeyError names near ones."""
        return self._layout.values(self._record, word_of(self._layout, word))[0].item()

    def __iter__(self) -> Iterator[str]:
        return (field.name for field in self._layout.fields)

    def __len__(self) -> int:
        return len(self._layout.fields)

    def __repr__(self) -> str:
        words = ", ".join(f"{name}: {value}" for name, value in self.items() if value)
        return f"<TraceHeader {words or 'all 0'}>"


class EditedHeader(TraceHeader):
    """The words of one trace header that are stored when they are set: ``header[7][189] = 2``.

    Parameters
    ----------
    headers
        Those of the dataset.
    number
        Of the trace.
    """

    def __init__(self, headers: Headers, number: int) -> None:
        super().__init__(headers.layout, headers.records(np.array([number]))[0])
        self._headers = headers
        self._number = number

    def __setitem__(self, word: int | str, value: Any) -> None:
        self.update({word: value})

    def update(self, words: Mapping[Any, Any]) -> None:
        """Store several words; nothing is stored where one is not known."""
        self._headers[self._number] = words
        self._record = self._headers.records(np.array([self._number]))


class Headers:
    """Trace headers: ``header[7][189]``, ``header[10:20]``, ``header["inline"][:]``, ``header.iline[278]``.

    Parameters
    ----------
    numbers
        Where each trace lies.
    editor
        Stores words by positions, ``editor[word][items] = values``; None where nothing can be written.
    """

    def __init__(self, numbers: TraceNumbers, editor: Any = None) -> None:
        volume = numbers.volume
        self._numbers = numbers
        self._editor = editor
        self.layout = volume.schema.headers
        self._array = RegionArray(
            volume.headers, volume.schema.shape[:-1], self.layout.record, volume.schema.chunks[:-1]
        )

    @property
    def iline(self) -> LineHeaders:
        """Headers of the traces of an inline, by its number."""
        return LineHeaders(self, "inline")

    @property
    def xline(self) -> LineHeaders:
        """Headers of the traces of a crossline, by its number."""
        return LineHeaders(self, "crossline")

    def __len__(self) -> int:
        return self._numbers.count

    def __iter__(self) -> Iterator[TraceHeader]:
        return iter(self[:])

    def __getitem__(self, key: Any) -> Any:
        """Return the header of one trace, those of several, or by a text one word of all traces.

        Raises
        ------
        IndexError
            There is no such trace.
        KeyError
            There is no such word; the message names near ones.
        """
        if isinstance(key, str):
            return Attributes(self, key)
        wanted = _wanted(key, len(self))
        if isinstance(wanted, int) and self._editor is not None:
            return EditedHeader(self, wanted)
        if isinstance(wanted, int):
            return TraceHeader(self.layout, self.records(np.array([wanted]))[0])
        return LazyStack(self.records, wanted, (), self.layout.record, _MANY, self.told)

    def __setitem__(self, key: Any, words: Mapping[Any, Any]) -> None:
        """Store words of one header or several in place, ``header[7] = {189: 2, "cdp_x": 5}``; values broadcast.

        Raises
        ------
        StorageError
            The dataset is open for reading only.
        KeyError
            There is no such word.
        """
        if self._editor is None:
            refuse_writing()
        wanted = np.atleast_1d(np.asarray(_wanted(key, len(self)), dtype=np.int64))
        self.store({word_of(self.layout, word): value for word, value in words.items()}, wanted)

    def store(self, words: Mapping[str, Any], numbers: NDArray[np.int64]) -> None:
        """Store words, by name, of traces by number."""
        if self._editor is None:
            refuse_writing()
        cells = self._numbers.cells(numbers)
        broadcast = {word: _broadcast(value, (numbers.size,)) for word, value in words.items()}
        for word, values in broadcast.items():
            write_cells(self._editor[word], cells, values)

    def records(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """Return raw records of traces by number."""
        return read_cells(self._array, self._numbers.cells(numbers))

    def told(self, record: Any) -> TraceHeader:
        """Return a raw record as words."""
        return TraceHeader(self.layout, record)

    def __repr__(self) -> str:
        return f"<{len(self)} trace headers of {self.layout.itemsize} bytes, {len(self.layout.fields)} words>"


class LineHeaders:
    """Headers of the live traces of a line by its number."""

    def __init__(self, headers: Headers, kind: str) -> None:
        self._headers = headers
        self._volume = headers._numbers.volume
        self._lines: Lines = lines_along(self._volume, kind)

    def __getitem__(self, number: Any) -> list[TraceHeader]:
        """Return the headers of one line in grid order.

        Raises
        ------
        NoLineError
            There is no such line.
        """
        axis, at = self._lines.place_of(number)
        region = Region(
            (at, at + 1) if each == axis else (0, size) for each, size in enumerate(self._volume.schema.shape[:-1])
        )
        records = self._volume.headers(region)[self._volume.live(region)]
        return [self._headers.told(record) for record in records]


class Attributes:
    """One header word of all traces, in file order: ``header["189"][:]``, ``header["cdp_x"][10:20]``."""

    def __init__(self, headers: Headers, word: int | str) -> None:
        self._headers = headers
        self._word = word_of(headers.layout, word)

    def __len__(self) -> int:
        return len(self._headers)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Return the word of one trace or of several, an array in either case, as in segyio."""
        wanted = np.atleast_1d(np.asarray(_wanted(key, len(self)), dtype=np.int64))
        return self._headers.layout.values(self._headers.records(wanted), self._word)

    def __setitem__(self, key: Any, value: Any) -> None:
        """Store the word of one trace or of several in place; values broadcast."""
        wanted = np.atleast_1d(np.asarray(_wanted(key, len(self)), dtype=np.int64))
        self._headers.store({self._word: value}, wanted)

    def __iter__(self) -> Iterator[Any]:
        return iter(self[:])


def _broadcast(value: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    try:
        return np.broadcast_to(value, shape)
    except ValueError:
        raise ShapeError(f"values of shape {np.shape(value)} for {shape}") from None


def word_of(layout: HeaderLayout, word: int | str) -> str:
    """Return the name of a header word given by name or first byte.

    Raises
    ------
    KeyError
        There is no such word; the message names near ones.
    """
    name = str(int(word)) if not isinstance(word, str) else word
    if name in layout.by_name:
        return name
    try:
        return held_name(name, layout.by_name)
    except ValueError as error:
        raise KeyError(str(error)) from None


def _wanted(key: Any, count: int) -> int | range | NDArray[np.int64]:
    """Return the trace numbers that a key means, inside the count."""
    if isinstance(key, slice):
        return range(*key.indices(count))
    values = np.asarray(key)
    if values.ndim == 1 and not values.size:
        return np.zeros(0, dtype=np.int64)
    if values.dtype.kind not in "iu" or values.ndim > 1:
        raise IndexError(f"{key!r} is no trace number; use integers, slices or lists of integers")
    if values.min() < -count or values.max() >= count:
        raise IndexError(f"trace {key} of {count}; numbers go from 0 to {count - 1}")
    found = np.where(values < 0, values + count, values).astype(np.int64)
    return int(found) if found.ndim == 0 else found
