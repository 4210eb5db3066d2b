"""Typed key/value metadata of a VDS: what the values are in Python and how the JSON holds them."""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral, Real

from mdio_vds.enums import MetadataType

__all__ = ["MetadataItem", "MetadataValue", "json_value", "metadata_value"]

MetadataValue = int | float | str | bytes | tuple[int, ...] | tuple[float, ...]
"""A scalar, a string, raw bytes (BLOB) or the components of a vector."""

_INT = range(-(2**31), 2**31)


@dataclass(frozen=True, slots=True)
class MetadataItem:
    """One entry; the same category and name may exist with several types (VDS specification section 4).

    Parameters
    ----------
    category, name
        The key.
    type
        Declared type.
    value
        Int types hold 32-bit whole numbers, Float types single precision (to which values are rounded), Double types
        double precision, vectors as many of them as the name says, String text, BLOB bytes.

    Raises
    ------
    ValueError
        The value does not fit the type.
    """

    category: str
    name: str
    type: MetadataType
    value: MetadataValue

    def __post_init__(self) -> None:
        for key in (self.category, self.name):
            _text(key, "key")
        object.__setattr__(self, "value", _checked(self.type, self.value))


def metadata_value(kind: MetadataType, raw: object) -> MetadataValue:
    """Turn the JSON value of a metadata entry into its Python value.

    Parameters
    ----------
    kind
        Declared type.
    raw
        What the JSON holds: number, string, array of numbers, or base64 text for a BLOB. The reference
        implementation writes null for a number that is none (NaN).

    Raises
    ------
    ValueError
        The value does not fit the type.
    """
    if kind is MetadataType.BLOB:
        if not isinstance(raw, str):
            raise ValueError(f"a BLOB must be text, not {raw!r}")
        try:
            return base64.b64decode(raw, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueError(f"a BLOB must be base64: {error}") from None
    if kind is MetadataType.String:
        return _checked(kind, raw)
    if kind.length > 1 and not isinstance(raw, list):
        raise ValueError(f"a {kind.name} must have {kind.length} component(s), not {raw!r}")
    if _whole(kind):
        return _checked(kind, [_integral(part) for part in raw] if isinstance(raw, list) else _integral(raw))
    return _checked(kind, [_number(part) for part in raw] if isinstance(raw, list) else _number(raw))


def json_value(item: MetadataItem) -> object:
    """Return the value of an entry as the JSON holds it; the inverse of :func:`metadata_value`."""
    if isinstance(item.value, bytes):
        return base64.b64encode(item.value).decode()
    return list(item.value) if isinstance(item.value, tuple) else item.value


def _integral(part: object) -> object:
    """Return whole numbers that JSON spells with a decimal point as what they are."""
    return int(part) if isinstance(part, float) and part.is_integer() else part


def _number(part: object) -> object:
    return math.nan if part is None else part


def _checked(kind: MetadataType, value: object) -> MetadataValue:
    if kind is MetadataType.String:
        return _text(value, "String")
    if kind is MetadataType.BLOB:
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise ValueError(f"a BLOB must be bytes, not {value!r}")
        return bytes(value)
    one = _whole_number if _whole(kind) else _single if kind.name.startswith("Float") else _double
    if kind.length == 1:
        return one(kind, value)
    parts = tuple(value) if isinstance(value, Iterable) and not isinstance(value, (str, bytes)) else ()
    if len(parts) != kind.length:
        raise ValueError(f"a {kind.name} must have {kind.length} component(s), not {value!r}")
    return tuple(one(kind, part) for part in parts)


def _whole(kind: MetadataType) -> bool:
    return kind.name.startswith("Int")


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"a {what} must be text, not {value!r}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"a {what} must be text that UTF-8 can hold, not {value!r}") from None
    return value


def _whole_number(kind: MetadataType, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ValueError(f"a {kind.name} must hold whole numbers, not {value!r}")
    if int(value) not in _INT:
        raise ValueError(f"a {kind.name} must hold 32-bit numbers, not {value}")
    return int(value)


def _double(kind: MetadataType, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"a {kind.name} must hold numbers, not {value!r}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"a {kind.name} must hold numbers of its precision, not {value}") from None


def _single(kind: MetadataType, value: object) -> float:
    try:
        single: float = struct.unpack("<f", struct.pack("<f", _double(kind, value)))[0]
    except OverflowError:
        raise ValueError(f"a {kind.name} must hold numbers of single precision, not {value}") from None
    return single
