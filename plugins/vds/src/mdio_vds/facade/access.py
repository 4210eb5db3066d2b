"""``VolumeDataAccessManager``: the data requests of the OpenVDS Python API."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio_vds import interpolation
from mdio_vds.conversion import convert_codes, convert_reals
from mdio_vds.facade.arguments import Buffer, checked_positions, six
from mdio_vds.facade.enumerations import AccessMode as _AccessMode
from mdio_vds.facade.enumerations import DimensionsND, InterpolationMethod, VolumeDataFormat, group_of
from mdio_vds.facade.exceptions import InvalidArgument, InvalidOperation
from mdio_vds.facade.queries import LayerQueries, stored_format
from mdio_vds.facade.requests import VolumeDataRequest, Work
from mdio_vds.sampling import BATCH, Sampler, plane_positions, trace_positions
from mdio_vds.voxels import subset_shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio_vds.facade.handle_protocol import VdsHandle
    from mdio_vds.sampling import Boundary
    from mdio_vds.voxels import Piece

__all__ = ["IVolumeDataAccessManager", "VolumeDataAccessManager"]

_SMALLEST_BATCH = 256
_012, _12 = DimensionsND.Dimensions_012, DimensionsND.Dimensions_12
_R32, _CUBIC = VolumeDataFormat.Format_R32, InterpolationMethod.Cubic


class VolumeDataAccessManager(LayerQueries):
    """Asynchronous requests for the data of an open VDS, as numpy arrays.

    All requests return at once; ``request.data`` waits. Arrays are flat, dimension 0 fastest, unless ``data_out`` has a
    shape. Coordinates are given as up to six numbers, dimension 0 first.

    Parameters
    ----------
    handle
        The open VDS.
    boundary
        ``"volume"``: interpolation goes on across bricks. ``"openvds"``: it stops at the border of each brick and its
        margins, as the reference implementation does, whose results it gives bit for bit.

    Raises
    ------
    InvalidOperation
        By every method: the VDS was closed; by those with a group, level of detail and channel: there is no such data.
    InvalidArgument
        By every method: a channel, box, dimension or position that the VDS does not have.
    """

    AccessMode = _AccessMode

    def __init__(self, handle: VdsHandle, *, boundary: Boundary = "volume") -> None:
        super().__init__(handle)
        self.boundary: Boundary = boundary

    @property
    def manager(self) -> VolumeDataAccessManager:
        """The manager itself; the reference implementation wraps another object here."""
        return self

    def createVolumeDataPageAccessor(
        self,
        dimensionsND: DimensionsND,
        lod: int,
        channel: int,
        maxPages: int,
        accessMode: _AccessMode,
        chunkMetadataPageSize: int = 1024,
    ) -> Any:
        """Return an accessor of single chunks: see :class:`mdio_vds.facade.pages.VolumeDataPageAccessor`."""
        from importlib import import_module

        pages = import_module("mdio_vds.facade.pages")
        return pages.VolumeDataPageAccessor(
            self._handle, dimensionsND, lod, channel, maxPages, accessMode, chunkMetadataPageSize
        )

    def requestVolumeSubset(
        self,
        min: Sequence[int],
        max: Sequence[int],
        data_out: NDArray[Any] | None = None,
        dimensionsND: DimensionsND = _012,
        lod: int = 0,
        channel: int = 0,
        format: VolumeDataFormat = _R32,
        replacementNoValue: float | None = None,
    ) -> VolumeDataRequest:
        """Request the voxels of a box.

        Parameters
        ----------
        min, max
            First voxel and the one after the last, in voxels of full resolution.
        data_out
            Array to write to; its memory is filled from the start. None makes one.
        dimensionsND, lod, channel
            Which layer.
        format
            Type of the elements. U8 and U16 are codes; see :func:`mdio_vds.conversion.convert_codes`.
        replacementNoValue
            What stands for "no value" in R32, U32, R64 and U64. On a channel without "no value" 0 is replaced then, and
            the largest code of U8 and U16, as in the reference implementation.

        Returns
        -------
        VolumeDataRequest
            Voxels in the order of the volume, components of a voxel side by side; 1Bit packed, lowest bit first.
        """
        box = self._box(min, max, channel)
        reader = self._reader(dimensionsND, lod, channel)
        stored = stored_format(format)
        shape = reader.shape(box)
        buffer = Buffer(prod(shape), stored, data_out)
        out = buffer.flat.reshape(shape)
        reader = reader.passing(box)

        def job(piece: Piece) -> Callable[[], None]:
            def run() -> None:
                out[piece.target] = convert_codes(reader.load(piece), reader.channel, stored, replacementNoValue)

            return run

        jobs = (job(piece) for piece in reader.pieces(box))
        return self._start(
            jobs,
            reader.piece_count(box),
            buffer,
            format=VolumeDataFormat(format),
            min=six(min, 0),
            max=six(max, 1),
            lod=lod,
            channel=channel,
            dimensionsND=dimensionsND,
            replacementNoValue=replacementNoValue,
        )

    def requestProjectedVolumeSubset(
        self,
        min: Sequence[int],
        max: Sequence[int],
        data_out: NDArray[Any] | None = None,
        dimensionsND: DimensionsND = _012,
        lod: int = 0,
        channel: int = 0,
        voxelPlane: Sequence[float] = (1, 1, 0, 0),
        projectedDimensions: DimensionsND = _12,
        format: VolumeDataFormat = _R32,
        interpolationMethod: InterpolationMethod = _CUBIC,
        replacementNoValue: float | None = None,
    ) -> VolumeDataRequest:
        """Request the voxels where a plane cuts a box, seen along one dimension.

        Parameters
        ----------
        min, max, data_out, dimensionsND, lod, channel, format, replacementNoValue
            As for :meth:`requestVolumeSubset`; the group has three dimensions.
        voxelPlane
            a, b, c, t of the plane a·x + b·y + c·z + t = 0 over the dimensions of the group.
        projectedDimensions
            The two dimensions of the group that span the picture. The plane must not be parallel to the third.
        interpolationMethod
            Kernel.

        Returns
        -------
        VolumeDataRequest
            A picture, its lower dimension fastest.
        """
        reader = self._reader(dimensionsND, lod, channel)
        stored = stored_format(format)
        method = interpolation.InterpolationMethod(int(interpolationMethod))
        group, projected = group_of(dimensionsND), self._projected(projectedDimensions)
        if len(group) != 3 or not set(projected) < set(group):
            raise InvalidArgument("The projected dimensions must be two of the three dimensions of the group.")
        plane = tuple(float(number) for number in voxelPlane)
        (depth,) = set(group) - set(projected)
        if len(plane) != 4 or not np.isfinite(plane).all() or plane[group.index(depth)] == 0:
            raise InvalidArgument(f"Plane {plane} cannot be seen along dimension {depth}.")
        box = self._box(min, max, channel)
        width, height = (subset_shape(reader.partition, box)[dim] for dim in projected)
        components = reader.channel.components
        buffer = Buffer(width * height * components, stored, data_out)
        out = buffer.flat.reshape(height, width * components)
        sampler = Sampler(reader, method, replacementNoValue, self.boundary)

        def job(rows: slice) -> Callable[[], None]:
            def run() -> None:
                at = plane_positions(box, group, projected, plane, lod, reader.partition.samples, rows)
                out[rows] = convert_reals(sampler.values(at), reader.channel, stored).reshape(-1, width * components)

            return run

        step = self._batch(width * height) // width or 1
        jobs = (job(slice(row, row + step)) for row in range(0, height, step))
        return self._start(
            jobs,
            -(-height // step),
            buffer,
            format=VolumeDataFormat(format),
            min=six(min, 0),
            max=six(max, 1),
            lod=lod,
            channel=channel,
            dimensionsND=dimensionsND,
            replacementNoValue=replacementNoValue,
            interpolationMethod=InterpolationMethod(interpolationMethod),
            voxelPlane=plane,
            projectedDimensions=projectedDimensions,
        )

    def requestVolumeSamples(
        self,
        samplePositions: Any,
        data_out: NDArray[Any] | None = None,
        dimensionsND: DimensionsND = _012,
        lod: int = 0,
        channel: int = 0,
        interpolationMethod: InterpolationMethod = _CUBIC,
        replacementNoValue: float | None = None,
    ) -> VolumeDataRequest:
        """Request values at positions, as float32.

        Parameters
        ----------
        samplePositions
            Shape (n, up to 6): in voxels of full resolution, where voxel i covers [i, i + 1) and its centre is i + 0.5.
        data_out, dimensionsND, lod, channel, replacementNoValue
            As for :meth:`requestVolumeSubset`.
        interpolationMethod
            Kernel; discrete channels take Nearest.

        Returns
        -------
        VolumeDataRequest
            n values, or n times the components of the channel.
        """
        sampler = self._sampler(dimensionsND, lod, channel, interpolationMethod, replacementNoValue)
        positions = checked_positions(samplePositions)
        components = sampler.reader.channel.components
        buffer = Buffer(len(positions) * components, stored_format(_R32), data_out)
        out = buffer.flat.reshape(-1, components)
        step = self._batch(len(positions))

        def sample(rows: NDArray[np.intp]) -> None:
            out[rows] = sampler.sorted_values(positions[rows])

        return self._start(
            _batches(sampler, positions, step, sample),
            -(-len(positions) // step),
            buffer,
            lod=lod,
            channel=channel,
            dimensionsND=dimensionsND,
            replacementNoValue=replacementNoValue,
            interpolationMethod=InterpolationMethod(interpolationMethod),
        )

    def requestVolumeTraces(
        self,
        tracePositions: Any,
        traceDimension: int,
        data_out: NDArray[Any] | None = None,
        dimensionsND: DimensionsND = _012,
        lod: int = 0,
        channel: int = 0,
        interpolationMethod: InterpolationMethod = _CUBIC,
        replacementNoValue: float | None = None,
    ) -> VolumeDataRequest:
        """Request values along lines parallel to a dimension, as float32.

        Parameters
        ----------
        tracePositions
            A position on each trace, as for :meth:`requestVolumeSamples`.
        traceDimension
            Along which the traces go, through the whole volume.
        data_out, dimensionsND, lod, channel, interpolationMethod, replacementNoValue
            As for :meth:`requestVolumeSamples`.

        Returns
        -------
        VolumeDataRequest
            Trace after trace.
        """
        sampler = self._sampler(dimensionsND, lod, channel, interpolationMethod, replacementNoValue, absent=0.0)
        length = self._trace_length(traceDimension, lod, channel)
        starts = checked_positions(tracePositions)
        starts[:, traceDimension] = 0.5
        partition, components = sampler.reader.partition, sampler.reader.channel.components
        buffer = Buffer(len(starts) * length * components, stored_format(_R32), data_out)
        out = buffer.flat.reshape(len(starts), length * components)
        step = 1 if traceDimension == partition.full_resolution_dimension else 1 << lod
        centre = step / 2 if partition.decimated(traceDimension) else 0.5
        traces = self._batch(len(starts) * length) // length or 1

        def sample(rows: NDArray[np.intp]) -> None:
            at = trace_positions(starts[rows], traceDimension, length, step, centre)
            out[rows] = sampler.values(at).reshape(len(rows), -1)

        return self._start(
            _batches(sampler, starts, traces, sample),
            -(-len(starts) // traces),
            buffer,
            lod=lod,
            channel=channel,
            dimensionsND=dimensionsND,
            replacementNoValue=replacementNoValue,
            interpolationMethod=InterpolationMethod(interpolationMethod),
            traceDimension=traceDimension,
        )

    def prefetchVolumeChunk(
        self, chunkIndex: int, dimensionsND: DimensionsND = _012, lod: int = 0, channel: int = 0
    ) -> VolumeDataRequest:
        """Decode a chunk, so that later requests find it in memory; the request's ``data`` is None."""
        if not 0 <= channel < len(self._handle.layout.channels):
            raise InvalidOperation("Specified channel doesn't exist")
        reader = self._reader(dimensionsND, lod, channel)
        if not 0 <= chunkIndex < reader.partition.total:
            raise InvalidArgument("The requested chunk doesn't exist")

        def run() -> None:
            reader.chunk(reader.partition.position(chunkIndex))

        described = {"lod": lod, "channel": channel, "dimensionsND": dimensionsND, "chunkIndex": chunkIndex}
        return self._start(iter((run,)), 1, None, **described)

    # ---- parts of the above --------------------------------------------------------------------------------------

    def _start(
        self, jobs: Iterator[Callable[[], None]], total: int, buffer: Buffer | None, **described: Any
    ) -> VolumeDataRequest:
        handle = self._handle
        finish = buffer.finish if buffer is not None else (lambda: None)
        work = Work(jobs, total, finish, lambda: handle.closed)
        array, size = (None, 0) if buffer is None else (buffer.array, buffer.bytes)
        return VolumeDataRequest(work, handle.executor, handle.threads, data_out=array, byte_size=size, **described)

    def _batch(self, positions: int) -> int:
        """Return how many positions a job takes: enough jobs for all threads, none too small to be worth it."""
        share = -(-positions // (4 * self._open.threads))
        return int(np.clip(share, _SMALLEST_BATCH, BATCH))

    def _sampler(
        self,
        dimensionsND: DimensionsND,
        lod: int,
        channel: int,
        method: InterpolationMethod,
        replacement: float | None,
        absent: float = 0.5,
    ) -> Sampler:
        reader = self._reader(dimensionsND, lod, channel)
        return Sampler(reader, interpolation.InterpolationMethod(int(method)), replacement, self.boundary, absent)


def _batches(
    sampler: Sampler, positions: NDArray[Any], most: int, sample: Callable[[NDArray[np.intp]], None]
) -> Iterator[Callable[[], None]]:
    """Yield jobs that sample at most so many positions each, near ones together."""
    order = sampler.order(positions)
    for start in range(0, len(order), most):
        yield partial(sample, order[start : start + most])


IVolumeDataAccessManager = VolumeDataAccessManager
"""The name of the interface, under which programs find the access modes."""
