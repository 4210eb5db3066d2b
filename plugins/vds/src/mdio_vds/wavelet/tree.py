"""Which coefficients a stream knows: the significance trees of all bit planes (VDS specification sections 9.4 to 9.6).

Tree bits and value bits of a plane follow each other. A walk collects the places of the values in the order of the
stream, and notes for each plane how many are known and where their bits lie: :mod:`mdio_vds.wavelet.planes` reads them.
A node is in one list at a time and every pass over a list consumes payload: both bound the work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mdio_vds.wavelet.bands import FIELD_BITS, LEVEL_SHIFT, SECTOR_SHIFT
from mdio_vds.wavelet.compiled import PAYLOAD, compiled, inlined

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BITS", "CUT_OFF", "KNOWN", "OVERFULL", "SIGNS", "child_block", "walk_irregular", "walk_regular"]

CUT_OFF: Final = 1
"""The stream ends before what it announces."""
OVERFULL: Final = 2
"""The trees have more nodes than the chunk."""

KNOWN: Final = 0
"""Row of the notes on planes: how many values are known after each."""
BITS: Final = 1
"""Row of the notes on planes: where the bits of the values start."""
SIGNS: Final = 2
"""Row of the notes on planes: where the signs of the new values start."""

_FIELD: Final = (1 << FIELD_BITS) - 1
_SECTORS: Final = 7
_STEP: Final = 1 << LEVEL_SHIFT


@inlined
def _sift(
    data: NDArray[np.uint8], at: int, nodes: NDArray[np.int64], begin: int, count: int, hits: NDArray[np.int64]
) -> int:
    """Take the nodes whose bit is set out of ``nodes[begin:count]``; return how many."""
    keep = begin
    n_hits = 0
    for start in range(begin, count, 8):
        byte = int(data[at])
        at += 1
        for k in range(start, min(start + 8, count)):
            node = nodes[k]
            # Both are written and one is kept: a branch would be mispredicted every other time.
            nodes[keep] = node
            hits[n_hits] = node
            n_hits += byte & 1
            keep += 1 - (byte & 1)
            byte >>= 1
    return n_hits


@inlined
def _note(notes: NDArray[np.int64], plane: int, at: int, known: int) -> int:
    """Note the values of a plane whose bits start at a byte; return the byte behind its signs."""
    notes[KNOWN, plane] = known
    notes[BITS, plane] = at
    at += (known + 7) >> 3
    notes[SIGNS, plane] = at
    new = known - int(notes[KNOWN, plane + 1])
    return at + ((new + 7) >> 3)


@compiled(
    f"int64({PAYLOAD}, int64, int64, int64, int64, int64[::1], int64, int64, int64, int64[::1],"
    " int64[:, ::1], int32[::1], int64[:, ::1])"
)
def walk_regular(
    data: NDArray[np.uint8],
    at: int,
    end: int,
    top: int,
    bottom: int,
    roots: NDArray[np.int64],
    pitch_y: int,
    pitch_z: int,
    doubled: int,
    corners: NDArray[np.int64],
    lists: NDArray[np.int64],
    groups: NDArray[np.int32],
    notes: NDArray[np.int64],
) -> int:
    """Walk the trees of a chunk in which the children of every node are those at twice its position.

    Parameters
    ----------
    data
        Payload.
    at, end
        Where the tree bits start, and the first byte behind the tree stream.
    top, bottom
        First and last plane to read.
    roots
        Root nodes.
    pitch_y, pitch_z
        Voxels from one row and one plane to the next.
    doubled
        The bits of a node that hold coordinates along which the chunk is split.
    corners
        Offsets of the members of a group, as coordinates of a node.
    lists
        Three rows of memory for lists of nodes, each as long as there are nodes.
    groups
        Receives the place of the first member of each group.
    notes
        Receives, by plane, the rows :data:`KNOWN`, :data:`BITS` and :data:`SIGNS`. Zeros; one plane more than needed.

    Returns
    -------
    int
        0, or what is wrong: :data:`CUT_OFF`, :data:`OVERFULL`.
    """
    size = corners.size
    room = lists.shape[1]
    waiting, found, hits = lists[0], lists[1], lists[2]
    n_waiting = roots.size
    waiting[:n_waiting] = roots
    n_found = n_groups = 0
    for plane in range(top, bottom - 1, -1):
        done_waiting = done_found = 0
        while done_waiting < n_waiting or done_found < n_found:
            if done_waiting < n_waiting:
                behind = at + ((n_waiting - done_waiting + 7) >> 3)
                if behind > end:
                    return CUT_OFF
                n_hits = _sift(data, at, waiting, done_waiting, n_waiting, hits)
                at = behind
                n_waiting -= n_hits
                done_waiting = n_waiting
                if n_groups + n_hits > groups.size or n_found + n_hits > room:
                    return OVERFULL
                for k in range(n_hits):
                    node = hits[k]
                    if node >= 2 * _STEP:
                        found[n_found] = node
                        n_found += 1
                    child = node + (node & doubled)
                    x, y, z = child & _FIELD, (child >> FIELD_BITS) & _FIELD, (child >> (2 * FIELD_BITS)) & _FIELD
                    groups[n_groups] = x + pitch_y * y + pitch_z * z
                    n_groups += 1
            if done_found < n_found:
                behind = at + ((n_found - done_found + 7) >> 3)
                if behind > end:
                    return CUT_OFF
                n_hits = _sift(data, at, found, done_found, n_found, hits)
                at = behind
                n_found -= n_hits
                done_found = n_found
                if n_waiting + n_hits * size > room:
                    return OVERFULL
                for k in range(n_hits):
                    child = hits[k] + (hits[k] & doubled) - _STEP
                    for corner in range(size):
                        waiting[n_waiting + corner] = child + corners[corner]
                    n_waiting += size
        at = _note(notes, plane, at, n_groups * size)
        if at > end:
            return CUT_OFF
    return 0


@inlined
def child_block(node: int, band: NDArray[np.int64], block: NDArray[np.int64]) -> bool:
    """Set the first corner and the end of a node's children in a band; return whether they are a group of two each.

    ``band`` is a row of :attr:`mdio_vds.wavelet.bands.Pyramid.children`, ``block`` three starts, three ends, and the
    number of voxels that a group has.
    """
    volume = 1
    whole = True
    for d in range(3):
        at = (node >> (d * FIELD_BITS)) & _FIELD
        extent = band[7 + d] + (1 if at == band[13 + d] else 0)
        start = band[1 + d] + (at - band[10 + d]) * band[7 + d]
        volume *= extent
        whole = whole and start + extent <= band[4 + d]
        block[d] = start
        block[3 + d] = min(start + extent, band[4 + d])
    return whole and volume == block[6]


@compiled(
    f"int64({PAYLOAD}, int64, int64, int64, int64, int64[::1], int64, int64, int64[:, :, :, ::1], int64[:, ::1], int64,"
    " int64[:, ::1], int32[::1], int32[::1], int64[:, ::1], int64[:, ::1])"
)
def walk_irregular(
    data: NDArray[np.uint8],
    at: int,
    end: int,
    top: int,
    bottom: int,
    roots: NDArray[np.int64],
    pitch_y: int,
    pitch_z: int,
    children: NDArray[np.int64],
    band_counts: NDArray[np.int64],
    size: int,
    lists: NDArray[np.int64],
    groups: NDArray[np.int32],
    singles: NDArray[np.int32],
    group_notes: NDArray[np.int64],
    single_notes: NDArray[np.int64],
) -> int:
    """Walk the trees of a chunk of any shape (section 9.5); see :func:`walk_regular` for what is not listed.

    Parameters
    ----------
    children, band_counts
        Where the children of a node lie (:class:`mdio_vds.wavelet.bands.Pyramid`).
    size
        Values of a group.
    groups, singles
        Receive the places of the groups, and of the values that are in none.
    group_notes, single_notes
        Receive the notes on both.
    """
    room = lists.shape[1]
    waiting, found, hits = lists[0], lists[1], lists[2]
    n_waiting = roots.size
    waiting[:n_waiting] = roots
    n_found = n_groups = n_singles = 0
    block = np.empty(7, np.int64)
    block[6] = size
    for plane in range(top, bottom - 1, -1):
        done_waiting = done_found = 0
        while done_waiting < n_waiting or done_found < n_found:
            if done_waiting < n_waiting:
                behind = at + ((n_waiting - done_waiting + 7) >> 3)
                if behind > end:
                    return CUT_OFF
                n_hits = _sift(data, at, waiting, done_waiting, n_waiting, hits)
                at = behind
                n_waiting -= n_hits
                done_waiting = n_waiting
                if n_found + n_hits > room:
                    return OVERFULL
                for k in range(n_hits):
                    node = hits[k]
                    level, sector = node >> LEVEL_SHIFT, (node >> SECTOR_SHIFT) & _SECTORS
                    if level > 1:
                        found[n_found] = node
                        n_found += 1
                    for number in range(band_counts[level, sector]):
                        if child_block(node, children[level, sector, number], block):
                            if n_groups == groups.size:
                                return OVERFULL
                            groups[n_groups] = block[0] + pitch_y * block[1] + pitch_z * block[2]
                            n_groups += 1
                            continue
                        for z in range(block[2], block[5]):
                            for y in range(block[1], block[4]):
                                for x in range(block[0], block[3]):
                                    if n_singles == singles.size:
                                        return OVERFULL
                                    singles[n_singles] = x + pitch_y * y + pitch_z * z
                                    n_singles += 1
            if done_found < n_found:
                behind = at + ((n_found - done_found + 7) >> 3)
                if behind > end:
                    return CUT_OFF
                n_hits = _sift(data, at, found, done_found, n_found, hits)
                at = behind
                n_found -= n_hits
                done_found = n_found
                for k in range(n_hits):
                    node = hits[k]
                    level, sector = node >> LEVEL_SHIFT, (node >> SECTOR_SHIFT) & _SECTORS
                    for number in range(band_counts[level, sector]):
                        band = children[level, sector, number]
                        child_block(node, band, block)
                        kind = band[0] << SECTOR_SHIFT | (level - 1) << LEVEL_SHIFT
                        for z in range(block[2], block[5]):
                            for y in range(block[1], block[4]):
                                for x in range(block[0], block[3]):
                                    if n_waiting == room:
                                        return OVERFULL
                                    waiting[n_waiting] = kind | x | y << FIELD_BITS | z << (2 * FIELD_BITS)
                                    n_waiting += 1
        at = _note(group_notes, plane, at, n_groups * size)
        at = _note(single_notes, plane, at, n_singles)
        if at > end:
            return CUT_OFF
    return 0
