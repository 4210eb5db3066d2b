"""Decides whether the traces of a file have lengths of their own (SEG-Y rev 1, bytes 3503-3504: flag not set).

The flag alone says little, as revision 0 left it 0 in every file, and so do counts in trace headers, which are junk in
many. Lengths vary where following the counts from header to header explains the file, and one length does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mdio.core.gridding import sparsity_limit
from mdio_segy.detect import stanza_bytes
from mdio_segy.errors import VaryingTraceLength
from mdio_segy.probe import counts_agree
from mdio_segy.walking import walk

if TYPE_CHECKING:
    from mdio_segy.claims import Head
    from mdio_segy.detect import Fit
    from mdio_segy.probe import Probe
    from mdio_segy.records import RecordTable
    from mdio_segy.walking import Walk

__all__ = ["Varying", "find_varying"]

_MUCH = 1 << 30
"""Bytes of padded samples below which no file is too uneven."""
_PIECE = 1 << 20


@dataclass(frozen=True)
class Varying:
    """Traces of different lengths.

    Parameters
    ----------
    table
        Length and place of each.
    left
        Bytes behind the last one.
    warnings
        What is odd, one line each.
    """

    table: RecordTable
    left: int
    warnings: tuple[str, ...]


def find_varying(found: Fit, seen: Probe, head: Head, *, strict: bool) -> Varying | None:
    """Return the traces of a file whose lengths vary, or None where one length does.

    Parameters
    ----------
    found
        The best reading with one length.
    seen
        Headers of some traces under that reading.
    head
        The file.
    strict
        Whether bytes behind the last trace have to be explained.

    Raises
    ------
    VaryingTraceLength
        Lengths vary, but following them does not lead to the end of the file; or so much that padding makes the grid
        more than ten times the size of the data (``MDIO_IGNORE_CHECKS=1`` allows it).
    """
    agree = counts_agree(found, head) if found.exact else 0.0
    if agree == 1.0 and not set(seen.samples) - {0, found.samples}:
        return None
    went = walk(found, head)
    if went.table is None or went.kinds < 2:
        return None
    note = _explained(found, went, head, strict=strict)
    if note is None:
        if agree > 0.5:  # a few counts are wrong, as one length explains the file
            return None
        raise VaryingTraceLength(
            f"traces differ in length, each as its own header says, but {went.reason} where trace {went.table.count}"
            " should begin",
            url=head.url,
            byte=went.stopped_at,
            hint="--samples reads all of them with one length",
        )
    table = went.table
    _refuse_uneven(table, head)
    said = (
        f"traces differ in length, {table.shortest} to {table.longest} samples in {table.count} traces of {went.kinds}"
        f" lengths: {_shorter(table)} are padded with zeros to {table.longest}, true lengths are kept"
    )
    return Varying(table, head.size - went.stopped_at, (said, note) if note else (said,))


def _explained(found: Fit, went: Walk, head: Head, *, strict: bool) -> str | None:
    """Return what to say about the bytes behind the last trace, maybe nothing; None where the walk went astray."""
    left = head.size - went.stopped_at
    if left in (0, stanza_bytes(found.claims, found.data_offset, head), found.left if found.exact else 0):
        return ""
    if found.exact and not found.left:
        return None
    if _zeros(went.stopped_at, head):
        return f"{left} zero bytes of padding follow the traces; they are kept"
    if strict or went.table is None or left >= went.table.record_bytes:
        return None
    return (
        f"{left} bytes follow the {went.table.count} whole traces; they are kept, but the file may have been cut"
        " (--strict refuses it)"
    )


def _zeros(start: int, head: Head) -> bool:
    if head.size - start > _PIECE:
        return False
    return not any(head.read(start, head.size - start))


def _shorter(table: RecordTable) -> int:
    """Return the number of traces shorter than the longest."""
    count = 0
    for first in range(0, table.count, _PIECE):
        lengths = table.lengths(np.arange(first, min(first + _PIECE, table.count)))
        count += int(np.count_nonzero(lengths < table.longest))
    return count


def _refuse_uneven(table: RecordTable, head: Head) -> None:
    cells = table.count * table.longest
    if cells * table.item > _MUCH and cells > sparsity_limit() * table.samples:
        raise VaryingTraceLength(
            f"traces have {table.shortest} to {table.longest} samples, {table.samples} in all; padding the"
            f" {table.count} traces to {table.longest} makes {cells}",
            url=head.url,
            byte=table.base,
            hint="check the sample counts in the trace headers; MDIO_IGNORE_CHECKS=1 reads the file all the same",
        )
