"""Textual and binary file headers as people set them, checked and spelled as their dataset spells them."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Mapping, Sequence
from typing import Any

from mdio.exceptions import WrongTypeError
from mdio.native import binary

__all__ = ["checked_binary", "checked_text"]

_LINES, _WIDTH = 40, 80
_LONG = frozenset({"JobID", "LineNumber", "ReelNumber"})
"""Words of 4 bytes; those of rev 2 (``Ext…``) are as well, all others have 2 (SEG-Y rev 1, section 5)."""


def checked_text(lines: Sequence[str]) -> list[str]:
    """Return the lines of a textual header, padded.

    Parameters
    ----------
    lines
        40 strings of up to 80 characters.

    Raises
    ------
    ValueError
        Another number of lines, or a longer one.
    WrongTypeError
        Not strings.
    """
    given = [lines] if isinstance(lines, str) else list(lines)
    for number, line in enumerate(given, 1):
        if not isinstance(line, str):
            raise WrongTypeError(f"line {number} of the text header is {type(line).__name__}, not a string")
    if len(given) != _LINES:
        raise ValueError(f"a text header has {_LINES} lines, not {len(given)}")
    for number, line in enumerate(given, 1):
        if len(line) > _WIDTH:
            raise ValueError(f"line {number} of the text header has {len(line)} characters, there is room for {_WIDTH}")
    return [line.ljust(_WIDTH) for line in given]


def checked_binary(words: Mapping[str, Any], held: Mapping[str, Any], layout: str) -> dict[str, int]:
    """Return a binary header with some words changed.

    Parameters
    ----------
    words
        New values under names of segyio or the words of MDIO 0.8 and later.
    held
        All words of the dataset.
    layout
        Of the dataset; says the names of words that it does not hold yet.

    Raises
    ------
    ValueError
        No such word, or a value has no place in it; the message names near words.
    WrongTypeError
        A value is no integer.
    """
    result = dict(held)
    names = {_segyio(name): name for name in held}
    as_words = layout != "v0" if not held else any(_segyio(name) != name for name in held)
    for name, value in words.items():
        target = name if name in held else names.get(_segyio(name)) or _new_name(name, as_words=as_words)
        if not target:
            raise ValueError(f"no binary header word {name!r}{_near(name, held)}")
        result[target] = _checked(name, value)
    return result


def _segyio(name: str) -> str:
    """Return the name that segyio has for a word, the name itself where it has none."""
    return next(iter(binary.as_segyio({name: 0})), name)


def _new_name(name: str, *, as_words: bool) -> str:
    return next(iter((binary.as_words if as_words else binary.as_segyio)({name: 0})), "")


def _near(name: str, held: Mapping[str, Any]) -> str:
    known = {*held, *binary.as_words(held), *binary.as_segyio(held)}
    near = difflib.get_close_matches(name, known, 3)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _checked(name: str, value: Any) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise WrongTypeError(f"binary header word {name!r} is {value!r}, not an integer") from None
    held_by = _segyio(name)
    bits = 32 if held_by in _LONG or (held_by.startswith("Ext") and held_by != "ExtendedHeaders") else 16
    if not -(1 << (bits - 1)) <= number < 1 << bits:
        raise ValueError(f"binary header word {name!r}: {number} has no place in {bits} bits")
    return number
