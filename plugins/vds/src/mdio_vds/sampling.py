"""Values at positions between voxels: single samples, traces and planes (VDS specification sections 12.2 to 12.5).

Positions are sorted by the chunk that they lie in, so that each chunk is decoded once and all its positions are
gathered together; the kernels then run over thousands of positions from many chunks at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mdio_vds.conversion import has_value, real_values
from mdio_vds.enums import VolumeDataFormat
from mdio_vds.interpolation import InterpolationMethod, Neighbourhood, interpolate, tap_offsets
from mdio_vds.partition import DIMENSIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mdio_vds.partition import Box
    from mdio_vds.voxels import VoxelReader

__all__ = ["BATCH", "Boundary", "Sampler", "plane_positions", "trace_positions"]

Boundary = Literal["volume", "openvds"]
"""Where kernels stop: at the end of the volume, or, as the reference implementation does, at that of each chunk."""

_FAR = np.float32(2**30)
"""Positions further outside than this are taken for this far, so that they fit into integers."""

BATCH = 16384
"""Positions whose neighbourhoods are in memory at a time: 4 MB of float32 for the largest kernel."""


class Sampler:
    """Interpolates in one channel at one level of detail.

    Parameters
    ----------
    reader
        The channel.
    method
        Kernel; discrete channels, and 1Bit, always take Nearest (section 12.2).
    replacement
        What stands for "no value"; the channel's own value when None.
    boundary
        See :data:`Boundary`. With ``"openvds"`` results are those of the reference implementation bit for bit, with its
        errors at brick borders when the margins are narrower than the kernel.
    absent
        Fraction that kernels take along dimensions which the group lacks, where all voxels are the same one. Only
        rounding depends on it: the reference implementation has 0.5 for samples and 0 for traces.
    """

    def __init__(
        self,
        reader: VoxelReader,
        method: InterpolationMethod = InterpolationMethod.Cubic,
        replacement: float | None = None,
        boundary: Boundary = "volume",
        absent: float = 0.5,
    ) -> None:
        channel = reader.channel
        if channel.discrete or channel.format is VolumeDataFormat.Format_1Bit:
            method = InterpolationMethod.Nearest
        self.reader = reader
        self.method = method
        self._replacement = float((channel.no_value or 0.0) if replacement is None else replacement)
        self._boundary = boundary
        self._absent = absent
        # Kernels have x, y and z; groups may have fewer dimensions.
        self._axes: tuple[int, ...] = reader.partition.group
        self._offsets = tap_offsets(method)
        self.dtype: np.dtype[Any] = real_values(np.zeros(0, reader.dtype), channel).dtype

    def order(self, positions: NDArray[np.float32]) -> NDArray[np.intp]:
        """Return the order of positions by chunk, so that batches of neighbours can be taken from it."""
        return np.argsort(self._owners(positions)[0], kind="stable")

    def values(self, positions: NDArray[np.float32]) -> NDArray[Any]:
        """Return the values at positions.

        Parameters
        ----------
        positions
            Shape (n, 6), float32, dimension 0 first, in voxels of full resolution: voxel i covers [i, i + 1). What lies
            outside of the volume takes the nearest chunk.

        Returns
        -------
        ndarray
            Shape (n, components); float64 for U32, R64 and U64, else float32.
        """
        out = np.empty((len(positions), self.reader.channel.components), self.dtype)
        order = self.order(positions)
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            out[rows] = self.sorted_values(positions[rows])
        return out

    def sorted_values(self, positions: NDArray[np.float32]) -> NDArray[Any]:
        """Return what :meth:`values` does; quick for positions in :meth:`order`, and takes memory for all at once."""
        keys, owners = self._owners(positions)
        count = len(positions)
        components = self.reader.channel.components
        taps = tuple(len(self._offsets[i]) for i in (2, 1, 0))
        codes = np.empty((components, *taps, count), self.reader.dtype)
        nearest = np.empty((components, count), self.reader.dtype)
        fractions = np.full((3, count), self._absent, np.float32)
        starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
        for start, stop in zip(starts, [*starts[1:], count], strict=True):
            here = slice(start, stop)
            at = tuple(int(row[start]) for row in owners)
            self._gather(at, positions[here], codes[..., here], nearest[:, here], fractions[:, here])
        out = np.empty((count, components), self.dtype)
        channel = self.reader.channel
        for component in range(components):
            cells = Neighbourhood(
                values=real_values(codes[component], channel),
                nearest=real_values(nearest[component], channel),
                fractions=(fractions[0], fractions[1], fractions[2]),
                valid=has_value(codes[component], channel, None),
                nearest_valid=has_value(nearest[component], channel, None),
            )
            out[:, component] = interpolate(self.method, cells, self._replacement, channel.value_range)
        return out

    def _owners(self, positions: NDArray[np.float32]) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
        """Return the number of the chunk that each position lies in, and its place in the grid by dimension."""
        partition = self.reader.partition
        keys = np.zeros(len(positions), np.int64)
        owners: list[NDArray[np.int64]] = []
        for dim in range(DIMENSIONS):
            voxel = np.floor(np.clip(positions[:, dim], 0, partition.samples[dim] - 1)).astype(np.int64)
            if dim in partition.group:
                voxel = (voxel - partition.negative_margin) // partition.edge[dim]
                np.clip(voxel, 0, partition.count[dim] - 1, out=voxel)
            owners.append(voxel)
        for voxel, count in zip(reversed(owners), reversed(partition.count), strict=True):
            keys = keys * count + voxel
        return keys, owners

    def _gather(
        self,
        at: tuple[int, ...],
        positions: NDArray[np.float32],
        codes: NDArray[Any],
        nearest: NDArray[Any],
        fractions: NDArray[np.float32],
    ) -> None:
        """Copy what the kernel needs of one chunk's positions into slices of the batch."""
        partition = self.reader.partition
        box = partition.box(at)
        sizes = [hi - lo for lo, hi in partition.in_voxels(box)]
        half = np.float32(0.5)
        taps: list[NDArray[np.int64]] = []
        own: list[NDArray[np.int64]] = []
        for i, dim in enumerate(self._axes):
            lo = box[dim][0]
            shift = partition.lod if partition.decimated(dim) else 0
            local = (positions[:, dim] - np.float32(lo)) * np.float32(2.0**-shift)
            low, high = 0, sizes[dim] - 1
            if self._boundary == "volume":
                low, high = -(lo >> shift), ((partition.samples[dim] - 1) >> shift) - (lo >> shift)
            np.clip(local, -_FAR, _FAR, out=local)
            before = np.floor(local - half)
            fractions[i] = (local - before) - half
            inside = np.clip(np.floor(local), low, high).astype(np.int64)
            offsets = np.asarray(self._offsets[i], np.int64)[:, None]
            near = inside if len(offsets) == 1 else before.astype(np.int64)
            taps.append(np.clip(near + offsets, low, high))
            own.append(inside)
        block, origin = self._block(at, box, sizes, taps, own)
        flat = block.reshape(-1, *block.shape[DIMENSIONS:])
        strides = [
            int(np.prod(block.shape[DIMENSIONS - dim : DIMENSIONS], dtype=np.int64)) for dim in range(DIMENSIONS)
        ]
        index: Any = np.zeros((len(self._offsets[2]), len(self._offsets[1]), len(self._offsets[0]), 1), np.int64)
        single: Any = np.zeros(len(positions), np.int64)
        for i, dim in enumerate(self._axes):
            places = [None, None, None, slice(None)]
            places[2 - i] = slice(None)
            index = index + ((taps[i] - origin[dim]) * strides[dim])[tuple(places)]
            single = single + (own[i] - origin[dim]) * strides[dim]
        if flat.ndim == 1:
            codes[0], nearest[0] = flat[index], flat[single]
        else:
            codes[...], nearest[...] = np.moveaxis(flat[index], -1, 0), flat[single].T

    def _block(
        self,
        at: tuple[int, ...],
        box: Box,
        sizes: Sequence[int],
        taps: Sequence[NDArray[np.int64]],
        own: Sequence[NDArray[np.int64]],
    ) -> tuple[NDArray[Any], list[int]]:
        """Return voxels that hold all taps, and where their first one is, counted from the chunk's first."""
        partition = self.reader.partition
        origin = [0] * DIMENSIONS
        needed = [(int(min(t.min(), o.min())), int(max(t.max(), o.max())) + 1) for t, o in zip(taps, own, strict=True)]
        if all(lo >= 0 and hi <= sizes[dim] for dim, (lo, hi) in zip(self._axes, needed, strict=True)):
            return self.reader.chunk(at), origin
        wanted = list(box)
        for dim, (lo, hi) in zip(self._axes, needed, strict=True):
            shift = partition.lod if partition.decimated(dim) else 0
            first = (box[dim][0] >> shift) + lo
            wanted[dim] = (first << shift, min((first + hi - lo) << shift, partition.samples[dim]))
            origin[dim] = lo
        return self.reader.read(tuple(wanted)), origin


def trace_positions(
    starts: NDArray[np.float32], dimension: int, length: int, step: int, centre: float
) -> NDArray[np.float32]:
    """Return the positions of all samples of traces, trace after trace (section 12.4).

    Parameters
    ----------
    starts
        A position on each trace, shape (n, 6); what it says about ``dimension`` is not used.
    dimension
        Along which the traces go.
    length
        Samples of a trace.
    step
        From sample to sample, in voxels of full resolution.
    centre
        Where the first sample is.
    """
    positions = np.repeat(starts, length, axis=0)
    along = np.arange(length, dtype=np.float64) * step + centre
    positions[:, dimension] = np.tile(along.astype(np.float32), len(starts))
    return positions


def plane_positions(
    box: Box,
    group: Sequence[int],
    projected: Sequence[int],
    plane: Sequence[float],
    lod: int,
    samples: Sequence[int],
    rows: slice,
) -> NDArray[np.float32]:
    """Return where the pixels of a projected subset lie (section 12.5).

    Parameters
    ----------
    box
        The request, six dimensions, voxels of full resolution.
    group
        The three dimensions of the plane equation.
    projected
        The two of them that span the picture, ascending.
    plane
        a, b, c, t of ``a·x + b·y + c·z + t = 0`` over the dimensions of the group.
    lod
        Level of detail.
    samples
        Voxels of the volume per dimension.
    rows
        Which rows of the picture, that is, which values of the second projected dimension.

    Returns
    -------
    ndarray
        Shape (pixels, 6), float32; the first projected dimension varies fastest.
    """
    step = 1 << lod
    spans = [np.arange(-(-(box[dim][1] - box[dim][0]) // step)) for dim in projected]
    spans[1] = spans[1][rows]
    first, second = (
        (box[dim][0] // step * step + span * step + step / 2).astype(np.float32)
        for dim, span in zip(projected, spans, strict=True)
    )
    positions = np.empty((len(second), len(first), DIMENSIONS), np.float32)
    for dim in range(DIMENSIONS):
        positions[..., dim] = np.float32(box[dim][0] + 0.5)
    positions[..., projected[0]] = first
    positions[..., projected[1]] = second[:, None]
    (depth,) = set(group) - set(projected)
    factors = {dim: np.float32(value) for dim, value in zip(group, plane[:3], strict=True)}
    solved = np.float32(plane[3]) + sum(factors[dim] * positions[..., dim] for dim in projected)
    solved = -solved / factors[depth]
    positions[..., depth] = np.clip(solved, 0, samples[depth] - 1)
    return positions.reshape(-1, DIMENSIONS)
