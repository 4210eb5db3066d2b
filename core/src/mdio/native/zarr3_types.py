"""Data types and fill values of Zarr format 3, as zarr-python 3.1 and later spell them.

zarr-python 3.1 knows a record as ``structured`` only, 3.2 and later write ``struct``; one record that it does not know
makes zarr 3.1 refuse a whole group. So ``structured`` is what is written, and both are read.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mdio.exceptions import CodecError

if TYPE_CHECKING:
    from mdio.native.arrays import ArraySpec

__all__ = ["data_type_of", "dtype_of", "fill_json", "fill_of"]

_PLAIN: Final = frozenset(
    ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64")
)
_BYTES: Final = {"raw_bytes": "V", "null_terminated_bytes": "S"}
_WORDS: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def dtype_of(data_type: Any, path: str) -> np.dtype[Any]:
    """Return the numpy type of a ``data_type`` entry, little endian; records are packed.

    Raises
    ------
    CodecError
        A type that is not read; the message names the array.
    """
    return _dtype_of(data_type, path).newbyteorder("<")


def _dtype_of(data_type: Any, path: str) -> np.dtype[Any]:
    name, settings = (data_type, {}) if isinstance(data_type, str) else _named(data_type, path)
    if name in _PLAIN:
        return np.dtype(name)
    try:
        if name in _BYTES:
            return np.dtype(f"{_BYTES[name]}{int(settings['length_bytes'])}")
        if name == "fixed_length_utf32":
            return np.dtype(f"U{int(settings['length_bytes']) // 4}")
        if name == "structured":
            return np.dtype([(str(field), _dtype_of(kind, path)) for field, kind in settings["fields"]])
        if name == "struct":
            return np.dtype([(str(row["name"]), _dtype_of(row["data_type"], path)) for row in settings["fields"]])
    except (KeyError, TypeError, ValueError) as error:
        raise CodecError(f"array {path} has a data type {name!r} that cannot be read: {error}") from error
    raw = re.fullmatch(r"r(\d+)", name)
    if raw and int(raw[1]) % 8 == 0:
        return np.dtype(f"V{int(raw[1]) // 8}")
    raise CodecError(
        f"array {path} has the data type {name!r}, which is not read here", hint="read this array with zarr-python"
    )


def _named(data_type: Any, path: str) -> tuple[str, Mapping[str, Any]]:
    if not isinstance(data_type, Mapping) or "name" not in data_type:
        raise CodecError(f"array {path} has no data type")
    return str(data_type["name"]), data_type.get("configuration") or {}


def data_type_of(dtype: np.dtype[Any]) -> Any:
    """Return the ``data_type`` entry of a numpy type."""
    if dtype.fields:
        fields = [[name, data_type_of(field[0])] for name, field in dtype.fields.items()]
        return {"name": "structured", "configuration": {"fields": fields}}
    if dtype.kind in "VS":
        name = "raw_bytes" if dtype.kind == "V" else "null_terminated_bytes"
        return {"name": name, "configuration": {"length_bytes": dtype.itemsize}}
    if dtype.kind == "U":
        return {"name": "fixed_length_utf32", "configuration": {"length_bytes": dtype.itemsize}}
    return dtype.name


def fill_of(value: Any, dtype: np.dtype[Any], path: str) -> Any:
    """Return a ``fill_value`` entry as something that numpy takes for this type; None for zeros.

    Raises
    ------
    CodecError
        It does not fit the type.
    """
    if value is None or dtype.kind in "US":
        return None
    try:
        if dtype.fields and isinstance(value, Mapping):
            record = np.zeros((), dtype=dtype)
            for name, entry in value.items():
                part = fill_of(entry, dtype[name], path)
                if part is not None:
                    record[name] = part
            return record[()]
        if dtype.kind == "V":
            raw = base64.standard_b64decode(value) if isinstance(value, str) else bytes(value)
            return np.frombuffer(raw, dtype=dtype)[0]
        if isinstance(value, str) and dtype.kind == "f":
            # "0x7fc00000": the bits, highest first (Zarr version 3 core specification, "Fill value list").
            if value.startswith("0x"):
                return np.array(int(value, 16), dtype=f"<u{dtype.itemsize}").view(dtype.newbyteorder("<"))[()]
            return _WORDS[value]
        return dtype.type(value)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, binascii.Error) as error:
        raise CodecError(f"array {path} has a fill value {value!r} that does not fit {dtype}") from error


def fill_json(spec: ArraySpec) -> Any:
    """Return the ``fill_value`` entry of an array."""
    cell = spec.fill_cell if spec.fill_cell is not None else np.zeros((), dtype=spec.dtype)
    if cell.dtype.kind == "U":
        return ""
    if cell.dtype.kind in "VS":
        return base64.standard_b64encode(cell.tobytes()).decode()
    value = cell.item()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
