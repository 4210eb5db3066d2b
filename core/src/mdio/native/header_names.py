"""Header words under both names that releases of MDIO have for them: byte numbers (``"189"``) and words."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from functools import cache

from mdio.native.records import FIELDS_09

__all__ = ["held_name", "other_name"]


@cache
def _others() -> dict[str, str]:
    return {str(byte): name for byte, name, _ in FIELDS_09} | {name: str(byte) for byte, name, _ in FIELDS_09}


def other_name(name: str) -> str | None:
    """Return the word of a byte number, or the byte number of a word; None for a name that is neither."""
    return _others().get(name)


def held_name(name: str, names: Collection[str]) -> str:
    """Return the name under which records hold a field.

    Parameters
    ----------
    name
        Byte number or word.
    names
        Of the fields of the records.

    Raises
    ------
    ValueError
        They have no such field; the message names near ones.
    """
    if name in names:
        return name
    other = other_name(name)
    if other is not None and other in names:
        return other
    known = {*names, *filter(None, map(other_name, names))}
    near = difflib.get_close_matches(name, known, 3)
    hint = f"did you mean {' or '.join(near)}?" if near else "names are byte numbers (189) or words (inline)"
    raise ValueError(f"no header field {name!r}; {hint}")
