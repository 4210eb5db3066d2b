"""The kind of enumeration that the OpenVDS API has.

Python's own will not do: a member is called ``None``, and numbers without a name, such as combined flags, are
values too.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

__all__ = ["Enumeration"]

_Kind = TypeVar("_Kind", bound="Enumeration")


class _Type(type):
    if TYPE_CHECKING:

        def __getattr__(cls: type[_Kind], name: str) -> _Kind: ...  # type: ignore[misc]  # members


class Enumeration(int, metaclass=_Type):
    """A number with a name; members are attributes of the class.

    Equal to the same number of its own type and to plain integers, not to members of other enumerations.

    Parameters
    ----------
    value
        Any integer.
    """

    __members__: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls, members: dict[str, int] | None = None) -> None:
        super().__init_subclass__()
        cls.__members__ = {}
        for name, value in (members or {}).items():
            cls.__members__[name] = cls(value)
            setattr(cls, name, cls.__members__[name])

    def __new__(cls, value: int) -> Self:
        """Return the value of a number."""
        return super().__new__(cls, operator.index(value))

    @property
    def value(self) -> int:
        """The number."""
        return int(self)

    @property
    def name(self) -> str:
        """The name; ``"???"`` for a number without one."""
        return next((name for name, member in self.__members__.items() if int(member) == int(self)), "???")

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Enumeration) and type(other) is not type(self):
            return False
        return isinstance(other, int) and int(self) == int(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(int(self))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}.{self.name}: {int(self)}>"

    def __str__(self) -> str:
        return f"{type(self).__name__}.{self.name}"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (int(self),)
