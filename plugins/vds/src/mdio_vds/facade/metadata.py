"""Metadata of the API: typed values under category and name, in the order in which they came."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mdio_vds import enums
from mdio_vds.facade.enumerations import MetadataType
from mdio_vds.facade.overloads import overloaded
from mdio_vds.metadata import MetadataItem

if TYPE_CHECKING:
    from mdio_vds.metadata import MetadataValue

__all__ = [
    "BLOB",
    "MetadataContainer",
    "MetadataKey",
    "MetadataKeyRange",
    "MetadataReadAccess",
    "MetadataWriteAccess",
    "Values",
]

Values = dict[tuple[str, str, int], "MetadataValue"]
"""What a container holds: category, name and number of the type lead to the value."""


class BLOB(bytes):
    """Bytes."""


class MetadataKey:
    """Type, category and name of a value."""

    __hash__ = None  # type: ignore[assignment]

    @overloaded("", "type: MetadataType, category: str, name: str")
    def __init__(self, type: MetadataType = MetadataType.Int, category: str = "", name: str = "") -> None:
        self._type, self._category, self._name = MetadataType(type), category, name

    def getCategory(self) -> str:
        """Return the category."""
        return self._category

    def getName(self) -> str:
        """Return the name."""
        return self._name

    def getType(self) -> MetadataType:
        """Return the type."""
        return self._type

    category = property(getCategory)
    name = property(getName)
    type = property(getType)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MetadataKey) and _triple(self) == _triple(other)

    def __repr__(self) -> str:
        return f"MetadataKey(category={self._category!r}, name={self._name!r}, type={self._type})"


class MetadataKeyRange:
    """Keys of a container, in order.

    Parameters
    ----------
    begin, end
        The first key, and the one behind the last.
    """

    def __init__(self, begin: MetadataKey, end: MetadataKey) -> None:
        self._keys, self._end = [begin] if begin != end else [], end

    @classmethod
    def _of(cls, values: Values) -> MetadataKeyRange:
        keys = [MetadataKey(MetadataType(kind), category, name) for category, name, kind in values]
        made = cls(MetadataKey(), MetadataKey())
        made._keys = keys
        return made

    def begin(self) -> MetadataKey:
        """Return the first key."""
        return self._keys[0] if self._keys else self._end

    def end(self) -> MetadataKey:
        """Return an empty key, which stands behind the last."""
        return self._end

    def __iter__(self) -> Iterator[MetadataKey]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


class MetadataReadAccess:
    """Reads values; what is not there reads as 0, empty text, or no bytes.

    For each type there are ``getMetadata…(category, name)`` and ``isMetadata…Available(category, name)``.
    """

    def __init__(self) -> None:
        self._values: Values = {}

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...  # getMetadata…, isMetadata…Available

    def getMetadataKeys(self) -> MetadataKeyRange:
        """Return all keys."""
        return MetadataKeyRange._of(self._values)

    metadataKeys = property(getMetadataKeys)

    @overloaded("key: MetadataKey", "category: str, name: str, type: MetadataType")
    def getMetadata(
        self,
        key: MetadataKey | None = None,
        category: str = "",
        name: str = "",
        type: MetadataType = MetadataType.Int,
    ) -> Any:
        """Return a value of any type; a BLOB as bytearray."""
        where = (category, name, int(type)) if key is None else _triple(key)
        value = _get(self._values, enums.MetadataType(where[2]), *where[:2])
        return bytearray(value) if isinstance(value, bytes) else value


class MetadataWriteAccess:
    """Sets and clears values.

    For each type there is ``setMetadata…(category, name, value)``; numbers are checked and rounded to the type.
    """

    def __init__(self, values: Values, changed: Callable[[], None] = lambda: None) -> None:
        self._values, self._changed = values, changed

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...  # setMetadata…

    @overloaded("category: str, name: str", "category: str")
    def clearMetadata(self, category: str, name: str | None = None) -> None:
        """Remove a category, or all types of one name in it."""
        for key in [key for key in self._values if key[0] == category and name in (None, key[1])]:
            del self._values[key]
        self._changed()

    @overloaded("category: str, metadataReadAccess: MetadataReadAccess")
    def copyMetadata(self, category: str, metadataReadAccess: MetadataReadAccess) -> None:
        """Copy a category from elsewhere; other values of the category stay."""
        source = metadataReadAccess._values
        self._values.update({key: value for key, value in source.items() if key[0] == category})
        self._changed()


class MetadataContainer(MetadataReadAccess, MetadataWriteAccess):
    """Values of one's own, to create a VDS with."""

    def __init__(self) -> None:
        MetadataReadAccess.__init__(self)
        MetadataWriteAccess.__init__(self, self._values)


def _triple(key: MetadataKey) -> tuple[str, str, int]:
    return key._category, key._name, int(key._type)


def _get(values: Mapping[tuple[str, str, int], MetadataValue], kind: enums.MetadataType, *key: str) -> Any:
    value = values.get((key[0], key[1], int(kind)), _EMPTY[kind])
    return BLOB(value) if isinstance(value, bytes) else value


def _empty(kind: enums.MetadataType) -> MetadataValue:
    if kind is enums.MetadataType.String:
        return ""
    if kind is enums.MetadataType.BLOB:
        return b""
    zero: int | float = 0 if kind.name.startswith("Int") else 0.0
    return (zero,) * kind.length if kind.length > 1 else zero


_EMPTY: dict[enums.MetadataType, MetadataValue] = {kind: _empty(kind) for kind in enums.MetadataType}


def _add_accessors(kind: enums.MetadataType) -> None:
    def get(self: MetadataReadAccess, category: str, name: str) -> Any:
        return _get(self._values, kind, _text(category), _text(name))

    def available(self: MetadataReadAccess, category: str, name: str) -> bool:
        return (_text(category), _text(name), int(kind)) in self._values

    def put(self: MetadataWriteAccess, category: str, name: str, value: Any) -> None:
        try:
            item = MetadataItem(_text(category), _text(name), kind, _plain(kind, value))
        except ValueError as error:
            raise TypeError(f"setMetadata{kind.name}(): {error}") from None
        self._values[item.category, item.name, int(kind)] = item.value
        self._changed()

    def put_bytes(self: MetadataWriteAccess, category: str, name: str, data: Any) -> None:
        put(self, category, name, data)

    written = put_bytes if kind is enums.MetadataType.BLOB else put
    for owner, function, name, says in (
        (MetadataReadAccess, get, f"getMetadata{kind.name}", f"Return a {kind.name}."),
        (MetadataReadAccess, available, f"isMetadata{kind.name}Available", f"Whether there is such a {kind.name}."),
        (MetadataWriteAccess, written, f"setMetadata{kind.name}", f"Set a {kind.name}."),
    ):
        function.__name__, function.__doc__ = name, says
        function.__qualname__ = f"{owner.__name__}.{name}"
        setattr(owner, name, function)


for _kind in enums.MetadataType:
    _add_accessors(_kind)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode()
    if not isinstance(value, str):
        raise TypeError(f"category and name are text, not {value!r}")
    return value


def _plain(kind: enums.MetadataType, value: Any) -> Any:
    if kind is enums.MetadataType.String:
        return value.decode() if isinstance(value, bytes) else value
    if kind is enums.MetadataType.BLOB:
        return memoryview(value).tobytes()  # rows of an array one after the other, whatever its strides
    if kind.name.startswith("Float"):  # beyond the range of singles lies infinity
        import numpy as np

        with np.errstate(over="ignore"):
            parts = np.asarray(value, np.float64).astype(np.float32).tolist()
        return tuple(parts) if isinstance(parts, list) else parts
    return value
