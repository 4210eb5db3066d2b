"""Where the traces of a volume go in a SEG-Y file when they had lengths of their own and keep them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.volume import has_lengths, lengths_of
from mdio_segy.places import bands
from mdio_segy.records import dense_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.volume import Volume
    from mdio_segy.outline import SegyOutline
    from mdio_segy.places import TracePlaces
    from mdio_segy.records import RecordTable

__all__ = ["keeps_lengths", "outgoing_records", "state_lengths"]

_COUNT = slice(114, 116)
"""Bytes 115-116 of a trace header: the number of its samples (SEG-Y rev 1, section 6)."""


def keeps_lengths(volume: Volume) -> bool:
    """Whether traces of a volume are written with lengths of their own, as they were in the original file.

    Only where every sample is still there: what was cropped or decimated has one length.
    """
    source = volume.schema.metadata.source
    if source is None or source.format != "segy" or not source.facts.get("varying"):
        return False
    if volume.schema.shape[-1] != source.facts.get("samples"):
        return False
    return has_lengths(volume)


def outgoing_records(volume: Volume, outline: SegyOutline, places: TracePlaces) -> RecordTable | None:
    """Return length and offset of every trace of the file, or None where all have the length of the outline.

    Holds 2 bytes a trace. A trace without a known length, which somebody made, gets the longest.
    """
    if not keeps_lengths(volume) or not places.count:
        return None
    # The counts were read from words of 16 bits.
    lengths = np.full(places.count, min(outline.count, 0xFFFF), dtype=np.uint16)
    for band in bands(volume.schema.region.spatial):
        found = lengths_of(volume, band)
        rows = np.flatnonzero(volume.live(band))
        if found is None or not rows.size:
            continue
        known = found.reshape(-1)[rows]
        rows, known = rows[known > 0], known[known > 0]
        lengths[places.of(band, rows, volume.order(band).reshape(-1)[rows])] = known
    return dense_table(lengths, len(outline.head), outline.header_bytes, outline.format.item)


def state_lengths(headers: NDArray[np.uint8], lengths: NDArray[np.int64], *, big_endian: bool) -> None:
    """Make trace headers, uint8 ``(n, bytes)``, state the lengths that place the records: a reader goes by them.

    Changes nothing unless somebody edited the word.
    """
    words: NDArray[Any] = lengths.astype(">u2" if big_endian else "<u2")
    headers[:, _COUNT] = words.view(np.uint8).reshape(-1, 2)
