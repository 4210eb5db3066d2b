"""Which coefficients a stream tells about, and when: the significance trees, written as they are read by ``tree``.

VDS specification sections 9.4 to 9.6 and 9.10. A walk writes the tree bits, notes where the value bits of each plane
lie between them, and lists the coefficients in the order of the stream; :mod:`mdio_vds.wavelet.planes_out` fills in.

A node in a list carries how many bits its descendants need, so that a pass reads nothing but the list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mdio_vds.wavelet.bands import FIELD_BITS, LEVEL_SHIFT, SECTOR_SHIFT
from mdio_vds.wavelet.compiled import compiled, inlined
from mdio_vds.wavelet.depths import DEEPER, DEPTH
from mdio_vds.wavelet.tree import BITS, KNOWN, SIGNS, child_block

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["grow_irregular", "grow_regular", "tree_room"]

_FIELD: Final = (1 << FIELD_BITS) - 1
_SECTORS: Final = 7
_STEP: Final = 1 << LEVEL_SHIFT
_TAG: Final = 40  # from here on: bits of all descendants, and eight bits higher of those that are not children
_NODE: Final = (1 << _TAG) - 1


def tree_room(nodes: int, values: int, levels: int, planes: int) -> int:
    """Return bytes that suffice for the planes of a stream: every node twice and every value once a plane, the signs.

    Parameters
    ----------
    nodes, values, levels
        Of the pyramid.
    planes
        Number of bit planes.
    """
    passes = 2 * levels + 4  # each ends on a whole byte
    return planes * (2 * nodes // 8 + values // 8 + passes) + values // 8 + planes + 8


@inlined
def _tagged(node: int, depths: NDArray[np.uint16], deep_y: int, deep_z: int) -> int:
    """Return a node with its depths."""
    x, y, z = node & _FIELD, (node >> FIELD_BITS) & _FIELD, (node >> (2 * FIELD_BITS)) & _FIELD
    return node | int(depths[x + deep_y * y + deep_z * z]) << _TAG


@inlined
def _tell(
    out: NDArray[np.uint8],
    at: int,
    nodes: NDArray[np.int64],
    begin: int,
    count: int,
    shift: int,
    plane: int,
    hits: NDArray[np.int64],
) -> int:
    """Write which of ``nodes[begin:count]`` need a plane, and take these out; return how many."""
    keep = begin
    n_hits = 0
    for start in range(begin, count, 8):
        byte = 0
        for k in range(start, min(start + 8, count)):
            node = nodes[k]
            bit = int(((node >> shift) & DEPTH) > plane)
            byte |= bit << (k - start)
            nodes[keep] = node  # both are written and one is kept, as in reading
            hits[n_hits] = node
            n_hits += bit
            keep += 1 - bit
        out[at] = byte
        at += 1
    return n_hits


@inlined
def _reserve(out: NDArray[np.uint8], notes: NDArray[np.int64], plane: int, at: int, known: int) -> int:
    """Keep room for the values of a plane from a byte on; return the byte behind their signs, which are cleared."""
    notes[KNOWN, plane] = known
    notes[BITS, plane] = at
    at += (known + 7) >> 3
    notes[SIGNS, plane] = at
    new = known - int(notes[KNOWN, plane + 1])
    behind = at + ((new + 7) >> 3)
    out[at:behind] = 0
    return behind


@compiled(
    "int64(uint8[::1], int64, int64, int64[::1], int64, int64, int64, int64, int64, int64[::1], uint16[::1],"
    " int64[:, ::1], int32[::1], int64[:, ::1], int64[::1])"
)
def grow_regular(
    out: NDArray[np.uint8],
    at: int,
    top: int,
    roots: NDArray[np.int64],
    pitch_y: int,
    pitch_z: int,
    deep_y: int,
    deep_z: int,
    doubled: int,
    corners: NDArray[np.int64],
    depths: NDArray[np.uint16],
    lists: NDArray[np.int64],
    groups: NDArray[np.int32],
    notes: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> int:
    """Write the trees of a chunk in which the children of every node are those at twice its position.

    Parameters
    ----------
    out, at
        Memory of at least :func:`tree_room`, and the byte from which on it is filled.
    top
        Highest plane.
    roots
        Root nodes.
    pitch_y, pitch_z
        Voxels from one row and one plane to the next.
    deep_y, deep_z
        The same in ``depths``.
    doubled
        The bits of a node that hold coordinates along which the chunk is split.
    corners
        Offsets of the members of a group, as coordinates of a node.
    depths
        Of :mod:`mdio_vds.wavelet.depths`.
    lists
        Three rows of memory for lists of nodes, each as long as there are nodes.
    groups
        Receives the place of the first member of each group.
    notes
        Receives the rows of :mod:`mdio_vds.wavelet.tree`. Zeros; one plane more than there are.
    ends
        Receives the byte behind each plane.

    Returns
    -------
    int
        The byte behind the stream.
    """
    size = corners.size
    waiting, found, hits = lists[0], lists[1], lists[2]
    n_waiting = roots.size
    for k in range(n_waiting):
        waiting[k] = _tagged(roots[k], depths, deep_y, deep_z)
    n_found = n_groups = 0
    for plane in range(top, -1, -1):
        done_waiting = done_found = 0
        while done_waiting < n_waiting or done_found < n_found:
            if done_waiting < n_waiting:
                n_hits = _tell(out, at, waiting, done_waiting, n_waiting, _TAG, plane, hits)
                at += (n_waiting - done_waiting + 7) >> 3
                n_waiting -= n_hits
                done_waiting = n_waiting
                for k in range(n_hits):
                    node = hits[k] & _NODE
                    if node >= 2 * _STEP:
                        found[n_found] = hits[k]
                        n_found += 1
                    child = node + (node & doubled)
                    x, y, z = child & _FIELD, (child >> FIELD_BITS) & _FIELD, (child >> (2 * FIELD_BITS)) & _FIELD
                    groups[n_groups] = x + pitch_y * y + pitch_z * z
                    n_groups += 1
            if done_found < n_found:
                n_hits = _tell(out, at, found, done_found, n_found, _TAG + DEEPER, plane, hits)
                at += (n_found - done_found + 7) >> 3
                n_found -= n_hits
                done_found = n_found
                for k in range(n_hits):
                    node = hits[k] & _NODE
                    child = node + (node & doubled) - _STEP
                    for corner in range(size):
                        waiting[n_waiting + corner] = _tagged(child + corners[corner], depths, deep_y, deep_z)
                    n_waiting += size
        at = _reserve(out, notes, plane, at, n_groups * size)
        ends[plane] = at
    return at


@compiled(
    "int64(uint8[::1], int64, int64, int64[::1], int64, int64, int64, int64, int64[:, :, :, ::1], int64[:, ::1], int64,"
    " uint16[::1], int64[:, ::1], int32[::1], int32[::1], int64[:, ::1], int64[:, ::1], int64[::1])"
)
def grow_irregular(
    out: NDArray[np.uint8],
    at: int,
    top: int,
    roots: NDArray[np.int64],
    pitch_y: int,
    pitch_z: int,
    deep_y: int,
    deep_z: int,
    children: NDArray[np.int64],
    band_counts: NDArray[np.int64],
    size: int,
    depths: NDArray[np.uint16],
    lists: NDArray[np.int64],
    groups: NDArray[np.int32],
    singles: NDArray[np.int32],
    group_notes: NDArray[np.int64],
    single_notes: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> int:
    """Write the trees of a chunk of any shape (section 9.5); see :func:`grow_regular` for what is not listed.

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
    waiting, found, hits = lists[0], lists[1], lists[2]
    n_waiting = roots.size
    for k in range(n_waiting):
        waiting[k] = _tagged(roots[k], depths, deep_y, deep_z)
    n_found = n_groups = n_singles = 0
    block = np.empty(7, np.int64)
    block[6] = size
    for plane in range(top, -1, -1):
        done_waiting = done_found = 0
        while done_waiting < n_waiting or done_found < n_found:
            if done_waiting < n_waiting:
                n_hits = _tell(out, at, waiting, done_waiting, n_waiting, _TAG, plane, hits)
                at += (n_waiting - done_waiting + 7) >> 3
                n_waiting -= n_hits
                done_waiting = n_waiting
                for k in range(n_hits):
                    node = hits[k] & _NODE
                    level, sector = node >> LEVEL_SHIFT, (node >> SECTOR_SHIFT) & _SECTORS
                    if level > 1:
                        found[n_found] = hits[k]
                        n_found += 1
                    for number in range(band_counts[level, sector]):
                        if child_block(node, children[level, sector, number], block):
                            groups[n_groups] = block[0] + pitch_y * block[1] + pitch_z * block[2]
                            n_groups += 1
                            continue
                        for z in range(block[2], block[5]):
                            for y in range(block[1], block[4]):
                                for x in range(block[0], block[3]):
                                    singles[n_singles] = x + pitch_y * y + pitch_z * z
                                    n_singles += 1
            if done_found < n_found:
                n_hits = _tell(out, at, found, done_found, n_found, _TAG + DEEPER, plane, hits)
                at += (n_found - done_found + 7) >> 3
                n_found -= n_hits
                done_found = n_found
                for k in range(n_hits):
                    node = hits[k] & _NODE
                    level, sector = node >> LEVEL_SHIFT, (node >> SECTOR_SHIFT) & _SECTORS
                    for number in range(band_counts[level, sector]):
                        band = children[level, sector, number]
                        child_block(node, band, block)
                        kind = band[0] << SECTOR_SHIFT | (level - 1) << LEVEL_SHIFT
                        for z in range(block[2], block[5]):
                            for y in range(block[1], block[4]):
                                for x in range(block[0], block[3]):
                                    child = kind | x | y << FIELD_BITS | z << (2 * FIELD_BITS)
                                    waiting[n_waiting] = _tagged(child, depths, deep_y, deep_z)
                                    n_waiting += 1
        at = _reserve(out, group_notes, plane, at, n_groups * size)
        at = _reserve(out, single_notes, plane, at, n_singles)
        ends[plane] = at
    return at
