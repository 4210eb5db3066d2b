"""Typed key/value metadata of a VDS: how the JSON holds them and what they are in Python."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from mdio_vds.enums import MetadataType

__all__ = ["MetadataItem", "MetadataValue", "metadata_value"]

MetadataValue = int | float | str | bytes | tuple[int, ...] | tuple[float, ...]
"""A scalar, a string, raw bytes (BLOB) or the components of a vector."""


@dataclass(frozen=True, slots=True)
class MetadataItem:
    """One entry; the same category and name may exist with several types (VDS specification section 4)."""

    category: str
    name: str
    type: MetadataType
    value: MetadataValue


def metadata_value(kind: MetadataType, raw: object) -> MetadataValue:
    """Turn the JSON value of a metadata entry into its Python value.

    Parameters
    ----------
    kind
        Declared type.
    raw
        What the JSON holds: number, string, array of numbers, or base64 text for a BLOB.

    Raises
    ------
    ValueError
        The value does not fit the type.
    """
    if kind in (MetadataType.String, MetadataType.BLOB):
        if not isinstance(raw, str):
            raise ValueError(f"a {kind.name} must be text, not {raw!r}")
        if kind is MetadataType.String:
            return raw
        try:
            return base64.b64decode(raw, validate=True)
        except binascii.Error as error:
            raise ValueError(f"a BLOB must be base64: {error}") from None
    number = int if kind.name.startswith("Int") else float
    parts = raw if isinstance(raw, list) else [raw]
    if len(parts) != kind.length or isinstance(raw, list) != (kind.length > 1):
        raise ValueError(f"a {kind.name} must have {kind.length} component(s), not {raw!r}")
    values = []
    for part in parts:
        if isinstance(part, bool) or not isinstance(part, (int, float)):
            raise ValueError(f"a {kind.name} must hold numbers, not {part!r}")
        values.append(number(part))
    return tuple(values) if kind.length > 1 else values[0]
