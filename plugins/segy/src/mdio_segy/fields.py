"""Where the words of trace headers lie, what they are called, and how to index by any bytes of them.

SEG-Y rev 1, section 6; word names and types as MDIO v0 has them, so that ``"inline"``, ``"189"`` and old datasets
agree.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.headers import HeaderField, HeaderLayout
from mdio.core.trace_header import STANDARD_FIELDS, standard_layout
from mdio.exceptions import ConfigError
from mdio_segy import ibm
from mdio_segy.binary import BINARY_FIELDS, BinaryField, decode_binary, encode_binary

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "BINARY_FIELDS",
    "KEY_TYPES",
    "TRACE_FIELDS",
    "BinaryField",
    "KeyField",
    "decode_binary",
    "encode_binary",
    "trace_header_layout",
]

_UNASSIGNED = 233

TRACE_FIELDS: dict[int, tuple[str, str]] = {
    **{byte: (name, kind) for byte, name, kind in STANDARD_FIELDS},
    _UNASSIGNED: ("unassigned", "i8"),
}
"""1-based byte to word name and numpy type without byte order: 89 fields, and bytes 233-240 as one."""


@cache
def trace_header_layout(big_endian: bool, itemsize: int = 240) -> HeaderLayout:
    """Return the standard layout of a trace header, bytes 233-240 as a word of their own.

    Parameters
    ----------
    big_endian
        Byte order of the records.
    itemsize
        Bytes a record: 240, or more where the file has trace header extensions (rev 2).
    """
    name, kind = TRACE_FIELDS[_UNASSIGNED]
    rest = HeaderField(name, _UNASSIGNED - 1, (">" if big_endian else "<") + kind, (str(_UNASSIGNED),))
    return standard_layout(big_endian, itemsize).with_fields([rest])


KEY_TYPES: dict[str, str] = {
    "int8": "i1",
    "int16": "i2",
    "int32": "i4",
    "int64": "i8",
    "uint8": "u1",
    "uint16": "u2",
    "uint32": "u4",
    "uint64": "u8",
    "float32": "f4",
    "float64": "f8",
    "ibm32": "u4",
}
"""Types a key can be declared with, and the numpy type of its bytes."""

_NAMES = {kind: name for name, kind in KEY_TYPES.items() if name != "ibm32"}


@dataclass(frozen=True, slots=True)
class KeyField:
    """A header word to index by.

    Parameters
    ----------
    name
        What the key is called.
    byte
        Its first byte in the trace header, 1-based; need not be even.
    type
        One of :data:`KEY_TYPES`.

    Raises
    ------
    ConfigError
        Unknown type, or a byte below 1.
    """

    name: str
    byte: int
    type: str = "int32"

    def __post_init__(self) -> None:
        if self.type not in KEY_TYPES:
            near = difflib.get_close_matches(self.type, KEY_TYPES, 3) or list(KEY_TYPES)
            raise ConfigError(
                f"key {self.name!r}: no header type {self.type!r}", hint=f"known types: {', '.join(near)}"
            )
        if self.byte < 1:
            raise ConfigError(f"key {self.name!r}: bytes count from 1, not {self.byte}")

    @classmethod
    def parse(cls, text: str, name: str | None = None, type: str | None = None) -> KeyField:
        """Return the key that ``"189"``, ``"181:int32"`` or ``"inline"`` means.

        A byte where a standard word begins takes that word's name and type; any other byte is an int32 named after
        the byte. A name or type given apart, or a type after the colon, wins.

        Raises
        ------
        ConfigError
            Unknown name or type; the message suggests near ones.
        """
        place, _, declared = text.strip().partition(":")
        if place.isdecimal():
            byte = int(place)
            word, kind = TRACE_FIELDS.get(byte, (f"byte_{byte}", "i4"))
        else:
            layout = trace_header_layout(big_endian=True)
            try:
                field = layout.field(place)
            except KeyError as error:
                raise ConfigError(str(error.args[0]), hint="or give the byte, e.g. 189 or 181:int32") from None
            byte, word, kind = field.offset + 1, place, field.dtype[1:]
        return cls(name or word, byte, type or declared or _NAMES[kind])

    @property
    def stop(self) -> int:
        """First byte behind the word, 0-based: the bytes a record must have."""
        return self.byte - 1 + np.dtype(KEY_TYPES[self.type]).itemsize

    def header_field(self, big_endian: bool) -> HeaderField:
        """Return the key as a field of a layout; an ibm32 key is its raw word there."""
        return HeaderField(self.name, self.byte - 1, (">" if big_endian else "<") + KEY_TYPES[self.type])

    def read(self, records: NDArray[np.uint8], big_endian: bool) -> NDArray[Any]:
        """Return the key of each record, native byte order, (n,); ibm32 as float32.

        Parameters
        ----------
        records
            uint8, (n, bytes), any strides along the first axis.
        big_endian
            Their byte order.

        Raises
        ------
        ConfigError
            The key lies behind the end of the record.
        """
        if self.stop > records.shape[1]:
            raise ConfigError(
                f"key {self.name!r}: bytes {self.byte} to {self.stop} lie outside the trace header of"
                f" {records.shape[1]} bytes"
            )
        kind = np.dtype((">" if big_endian else "<") + KEY_TYPES[self.type])
        values = np.ascontiguousarray(records[:, self.byte - 1 : self.stop]).view(kind)[:, 0]
        if self.type != "ibm32":
            return values.astype(kind.newbyteorder("="))
        out = np.empty(values.shape, np.float32)
        ibm.decode_words(values, out)
        return out
