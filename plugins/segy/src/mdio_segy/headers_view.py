"""``mdio segy header``: textual, binary and trace headers of a file, as facts for programs and rows for people."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.convert import Stores
from mdio.exceptions import ConfigError
from mdio.validation import validated
from mdio_segy.binary import BINARY_FIELDS
from mdio_segy.fields import KEY_TYPES, TRACE_FIELDS, KeyField
from mdio_segy.filehead import SegyLayout, read_layout
from mdio_segy.mapping import HeaderMapping
from mdio_segy.meanings import binary_meaning
from mdio_segy.opening import layout_overrides
from mdio_segy.options import SegyReadOptions
from mdio_segy.text import decode_text
from mdio_segy.varyingfile import open_traces

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.storage.store import RangeReader
    from mdio_segy.tracefile import TraceFile

__all__ = ["HeaderFile", "all_words", "open_headers", "parse_fields", "parse_traces"]

_NO_NAMES = HeaderMapping()
_BATCH = 1 << 14
"""Trace headers held at once, some 4 MB."""
_TYPE_NAMES = {kind: name for name, kind in KEY_TYPES.items() if name != "ibm32"}


@dataclass(frozen=True)
class HeaderFile:
    """The headers of an open file.

    Parameters
    ----------
    layout
        What the file headers say.
    url
        The file, for messages.
    """

    layout: SegyLayout
    url: str
    _traces: TraceFile

    def extended(self) -> list[list[str]]:
        """Return the extended textual records, each as lines of 80 characters."""
        raw = self.layout.extended_raw
        count = min(self.layout.extended_text, len(raw) // 3200)
        return [list(decode_text(raw[at : at + 3200])) for at in range(0, count * 3200, 3200)]

    def binary(self, *, nonzero: bool = False) -> list[dict[str, Any]]:
        """Return the words of the binary header: byte, both names, value, meaning."""
        order = ">" if self.layout.big_endian else "<"
        rows = []
        for item in BINARY_FIELDS:
            value = struct.unpack_from(order + item.type, self.layout.binary_raw, item.offset)[0]
            if value or not nonzero:
                meaning = binary_meaning(item.word, value)
                facts = {"byte": item.byte, "word": item.word, "segyio": item.segyio, "value": value}
                rows.append({**facts, "meaning": meaning})
        return rows

    def batches(self, numbers: range, fields: Sequence[KeyField]) -> Iterator[tuple[range, dict[str, NDArray[Any]]]]:
        """Yield trace numbers and their words, some thousand traces at once.

        Parameters
        ----------
        numbers
            Traces, from 0, in any direction.
        fields
            Words, any bytes of the trace header.

        Raises
        ------
        ConfigError
            A word lies behind the trace header.
        """
        low = min((field.byte - 1 for field in fields), default=0)
        high = max((field.stop for field in fields), default=1)
        for field in fields:
            if field.stop > self.layout.header_bytes:
                raise ConfigError(
                    f"bytes {field.byte} to {field.stop} of {field.name!r} lie behind the trace header of"
                    f" {self.layout.header_bytes} bytes",
                    path="--fields",
                )
        shifted = [KeyField(field.name, field.byte - low, field.type) for field in fields]
        for start in range(0, len(numbers), _BATCH):
            part = numbers[start : start + _BATCH]
            ascending = np.arange(part[0], part[-1] + np.sign(part.step), part.step, dtype=np.int64)
            if part.step < 0:
                ascending = ascending[::-1]
            records = self._traces.fetch_part(ascending, low, high)
            if part.step < 0:
                records = records[::-1]
            yield part, {field.name: field.read(records, self.layout.big_endian) for field in shifted}

    def varying(self, numbers: range, fields: Sequence[KeyField]) -> tuple[set[str], set[str]]:
        """Return the names of the words that differ between traces, and of those that are not zero in all."""
        first: dict[str, Any] = {}
        differ: set[str] = set()
        filled: set[str] = set()
        for _, words in self.batches(numbers, fields):
            for name, values in words.items():
                base = first.setdefault(name, values[0])
                if (values != base).any():
                    differ.add(name)
                if values.any():
                    filled.add(name)
        return differ, filled


@contextlib.contextmanager
def open_headers(url: str, options: Mapping[str, Any], storage_options: Mapping[str, Any]) -> Iterator[HeaderFile]:
    """Open a file to look into its headers; its geometry is not asked for.

    Parameters
    ----------
    url
        The file.
    options
        Fields of ``SegyReadOptions`` that describe the file.
    storage_options
        Options of the store.
    """
    checked = validated(SegyReadOptions, options, "header")
    store = Stores(storage_options).open(url)
    reader: RangeReader
    with contextlib.closing(store.open()) as reader:
        layout = read_layout(reader, layout_overrides(checked), url=store.url)
        yield HeaderFile(layout, store.url, open_traces(reader, layout))


def all_words() -> list[KeyField]:
    """Return all standard words of a trace header, bytes 233-240 as the last."""
    return [KeyField(name, byte, _TYPE_NAMES[kind]) for byte, (name, kind) in TRACE_FIELDS.items()]


def parse_fields(text: str, mapping: HeaderMapping = _NO_NAMES) -> list[KeyField]:
    """Return the words that ``inline,193,181:int32`` means; names of the file's own mapping win.

    Raises
    ------
    ConfigError
        An unknown name, or the same word twice.
    """
    fields = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            fields.append(mapping.key(part))
        except ConfigError as error:
            raise ConfigError(error.message, path="--fields", hint=error.hint) from None
    names = [field.name for field in fields]
    twice = [name for name in names if names.count(name) > 1]
    if twice or not fields:
        raise ConfigError(f"{twice[0]} is named twice" if twice else "no word is named", path="--fields")
    return fields


def parse_traces(text: str, count: int) -> range:
    """Return the traces that ``N`` or ``A:B[:STEP]`` means, as slices of Python do: from 0, the end left out.

    Raises
    ------
    ConfigError
        No numbers, or a trace that the file does not have.
    """
    parts = text.split(":")
    try:
        numbers = [int(part) if part.strip() else None for part in parts]
    except ValueError:
        numbers = []
    if not 1 <= len(numbers) <= 3 or numbers == [None] or (len(numbers) == 3 and numbers[2] == 0):
        raise ConfigError(
            f"{text!r} is neither a trace number nor A:B[:STEP]", path="--trace", hint="traces count from 0"
        )
    if len(numbers) > 1:
        found = range(count)[slice(*numbers)]
    else:
        at = numbers[0] or 0
        if not -count <= at < count:
            raise ConfigError(f"there is no trace {at}", path="--trace", hint=f"the file has {count}, numbered from 0")
        at %= count
        found = range(at, at + 1)
    if not found:
        raise ConfigError(f"{text!r} selects no trace", path="--trace", hint=f"the file has {count}, numbered from 0")
    return found
