"""Functions of the API that are called with one of several lists of arguments."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

__all__ = ["overloaded"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def overloaded(*signatures: str, method: bool | None = None) -> Callable[[_Function], _Function]:
    """Check and convert the arguments of a function, which gets those of the first signature that fits, by name.

    Parameters
    ----------
    signatures
        Each ``"name: type, name: type = default"``. A type is ``str``, ``int`` (32 bits), ``float``, ``bool``, or the
        name of a class; ``list[…]`` takes any sequence. Arguments with defaults may be left out; the function has them.
    method
        Whether the first argument is ``self``; by default where the function's qualified name says that it is one.
    """
    parsed = [_Signature(text) for text in signatures]

    def decorate(function: _Function) -> _Function:
        bound = "." in function.__qualname__ if method is None else method

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            own, given = (args[:1], args[1:]) if bound else ((), args)
            for signature in parsed:
                arguments = signature.bind(given, kwargs)
                if arguments is not None:
                    return function(*own, **arguments)
            raise TypeError(_refusal(function.__name__, signatures, given, kwargs))

        listed = "\n".join(f"    {function.__name__}({text})" for text in signatures)
        call.__doc__ = f"{function.__doc__ or ''}\n\n    Overloads::\n\n{listed}\n"
        return call  # type: ignore[return-value]

    return decorate


class _Refused(Exception):
    """An argument is not of the type of a signature."""


class _Signature:
    def __init__(self, text: str) -> None:
        self.kinds: dict[str, str] = {}
        self.required: list[str] = []
        for part in filter(None, (part.strip() for part in text.split(", "))):
            name, _, kind = part.partition(": ")
            kind, _, default = kind.partition(" = ")
            self.kinds[name] = kind
            if not default:
                self.required.append(name)

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the arguments by name, or None when they are not those of this signature."""
        given = dict(zip(self.kinds, args, strict=False))
        if len(args) > len(self.kinds) or given.keys() & kwargs.keys() or kwargs.keys() - self.kinds.keys():
            return None
        given |= kwargs
        if not all(name in given for name in self.required):
            return None
        try:
            return {name: _converted(self.kinds[name], value) for name, value in given.items()}
        except _Refused:
            return None


def _converted(kind: str, value: Any) -> Any:
    if kind.startswith("list["):
        if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Sequence):
            raise _Refused
        return [_converted(kind[5:-1], part) for part in value]
    basic = _BASIC.get(kind)
    if basic is not None:
        return basic(value)
    if kind in (base.__name__ for base in type(value).__mro__):
        return value
    raise _Refused


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode()
    if not isinstance(value, str):
        raise _Refused
    return value


def _whole(value: Any) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise _Refused from None
    if not -(2**31) <= number < 2**31:
        raise _Refused
    return number


def _number(value: Any) -> float:
    if isinstance(value, (str, bytes)) or _is_enumeration(value):
        raise _Refused
    try:
        return float(value)
    except (TypeError, ValueError):
        raise _Refused from None


def _flag(value: Any) -> bool:
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return bool(value)
    raise _Refused


def _is_enumeration(value: Any) -> bool:
    return hasattr(type(value), "__members__")


_BASIC: dict[str, Callable[[Any], Any]] = {"str": _text, "int": _whole, "float": _number, "bool": _flag}


def _refusal(name: str, signatures: Sequence[str], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    lines = [f"    {number}. ({text})" for number, text in enumerate(signatures, 1)]
    shown = [type(value).__name__ for value in args]
    shown += [f"{key}={type(value).__name__}" for key, value in kwargs.items()]
    what = "constructor" if name == "__init__" else "function"
    return "\n".join(
        [
            f"{name}(): incompatible {what} arguments. The following argument types are supported:",
            *lines,
            "",
            f"Invoked with: {', '.join(shown) or 'nothing'}",
        ]
    )
