"""Whether header words that somebody sets have a place in the stored records, and come back from there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.native.header_names import held_name, other_name
from mdio.native.records import FIELDS_09, record_dtype
from mdio.native.storable import require_storable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.headers import HeaderLayout
    from mdio.native.picking import Selection

__all__ = ["held_words", "require_places", "require_words"]


def require_words(selection: Selection, records: NDArray[Any], kind: np.dtype[Any]) -> None:
    """Check header words against the type of stored records.

    Raises
    ------
    ValueError
        These do not have one, or have it with another size, or a value does not fit; see
        :func:`~mdio.native.storable.require_storable`.
    """
    for name in records.dtype.names or ():
        held = held_name(name, kind.names or ())
        say = selection.naming(records[name])
        if not _has_word(name, kind):
            raise ValueError(f"header word {name!r} is stored with another size than the standard's, {kind[held].name}")
        require_storable(records[name], kind[held], partial(_of_word, name, say))


def held_words(records: NDArray[Any], kinds: Sequence[np.dtype[Any]]) -> NDArray[Any]:
    """Leave words out that are 0 because stored records do not have them, or not as the standard has them."""
    names = [
        name
        for name in records.dtype.names or ()
        if np.any(records[name]) or all(_has_word(name, kind) for kind in kinds)
    ]
    return records[names]


def _has_word(name: str, kind: np.dtype[Any]) -> bool:
    standard = record_dtype(FIELDS_09, words=False)
    for held in (name, other_name(name)):
        if held is not None and held in (kind.names or ()):
            byte = held if held in standard.names else other_name(held)  # type: ignore[operator]  # it has names
            return byte is None or kind[held].itemsize == standard[byte].itemsize
    return False


def require_places(records: NDArray[Any], layout: HeaderLayout) -> None:
    """Check that records of the original file have the words; what they do not have is read as 0."""
    for name in records.dtype.names or ():
        names = {name, other_name(name)}
        # Bytes behind the standard words are no field of a raw record, but stand in it.
        if names & layout.by_name.keys() or "233" in names or not np.any(records[name]):
            continue
        raise ValueError(f"header word {name!r} has no place in the trace headers of this dataset")


def _of_word(name: str, say: Callable[[int], str], at: int) -> str:
    return f"header word {name!r}, {say(at)}"
