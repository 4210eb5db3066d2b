"""An array in memory as a volume that every writer takes, with the trace headers that a SEG-Y file needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.region import Region
from mdio.core.trace_header import standard_layout
from mdio.core.volume import Block, Metadata, Schema
from mdio.exceptions import ShapeError, WrongTypeError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from mdio.core.dimension import Dimension

__all__ = ["ArrayVolume"]

_CHUNK = 64
_MICROSECONDS = {"ms": 1000.0, "s": 1e6, "us": 1.0}


class ArrayVolume:
    """A volume over an array, without a copy of it; trace headers are made when they are asked for.

    Every header has the numbers of its trace and of the axes that are named as a word is (``inline`` at byte 189,
    ``crossline`` at 193, ``offset`` at 37, …), sample count and interval, and the words given.

    Parameters
    ----------
    array
        Real numbers, the samples along the last axis.
    dims
        An axis for each of the array.
    live
        bool, shape without samples: where traces are; everywhere by default.
    headers
        Word, by name or byte number, to integers that broadcast to the grid.
    text
        Lines of the textual file header.

    Raises
    ------
    ShapeError
        Axes, mask or words do not fit the array.
    WrongTypeError
        No real numbers, or words that are no integers or too large for their place.
    KeyError
        There is no such word; the message names near ones.
    """

    def __init__(
        self,
        array: NDArray[Any],
        dims: Sequence[Dimension],
        live: ArrayLike | None = None,
        headers: Mapping[str, ArrayLike] | Mapping[int, ArrayLike] | None = None,
        text: Sequence[str] = (),
    ) -> None:
        if array.dtype.kind not in "iuf":
            raise WrongTypeError(f"samples of type {array.dtype} are no real numbers")
        if array.ndim < 2 or not array.size or array.shape != tuple(dim.size for dim in dims):
            lengths = " × ".join(f"{dim.name} {dim.size}" for dim in dims)
            raise ShapeError(
                f"an array of shape {array.shape} for {lengths}", hint="two dimensions or more, none empty"
            )
        grid = array.shape[:-1]
        self._array = array
        self._live = None if live is None else np.asarray(live)
        if self._live is not None and (self._live.dtype != np.bool_ or self._live.shape != grid):
            raise ShapeError(f"a live mask of {self._live.dtype} {self._live.shape}", hint=f"bool, of shape {grid}")
        self._rank = None if self._live is None else np.cumsum(self._live, dtype=np.int64).reshape(grid) - 1
        layout = standard_layout(big_endian=True)
        named = {str(name): values for name, values in (headers or {}).items()}
        self._words = {layout.field(name).name: _word(name, values, grid) for name, values in named.items()}
        self.schema = Schema(
            dims=tuple(dims),
            dtype=array.dtype.newbyteorder("="),
            headers=layout,
            chunks=tuple(min(_CHUNK, size) for size in array.shape),
            metadata=Metadata(
                text=tuple(text),
                trace_count=int(np.prod(grid)) if self._live is None else int(np.count_nonzero(self._live)),
                identity={"array": list(array.shape)},
            ),
        )
        self._check_words()

    def samples(self, region: Region) -> NDArray[Any]:
        """Return the samples of a region; dead traces are 0."""
        found = np.array(self._array[region.slices], dtype=self.schema.dtype, order="C")
        if self._live is not None:
            found[~self._live[region.spatial.slices]] = 0
        return found

    def live(self, region: Region) -> NDArray[np.bool_]:
        """Return which cells of a region without sample axis hold a trace."""
        return np.ones(region.shape, dtype=np.bool_) if self._live is None else self._live[region.slices].copy()

    def order(self, region: Region) -> NDArray[np.int64]:
        """Return the position of each trace in grid order, -1 where dead."""
        if self._rank is not None:
            return np.where(self.live(region), self._rank[region.slices], -1)
        places = np.ix_(*(np.arange(start, stop) for start, stop in region))
        return np.asarray(np.ravel_multi_index(np.broadcast_arrays(*places), self._array.shape[:-1]), dtype=np.int64)

    def headers(self, region: Region) -> NDArray[Any]:
        """Return the header records of a region without sample axis; dead cells are zero bytes."""
        layout = self.schema.headers
        records = np.zeros(region.shape, dtype=layout.struct)
        for name, values in self._values(region).items():
            records[name] = values
        records[~self.live(region)] = np.zeros((), dtype=layout.struct)
        return records.view(layout.record)

    def read(self, region: Region) -> Block:
        """Return everything about a region."""
        traces = region.spatial
        return Block(region, self.samples(region), self.headers(traces), self.live(traces), order=self.order(traces))

    def close(self) -> None:
        """Nothing to let go of."""

    def _values(self, region: Region) -> dict[str, Any]:
        """Return the words of the headers of a region."""
        number = self.order(region) + 1
        found: dict[str, Any] = {
            "trace_seq_num_line": number,
            "trace_seq_num_reel": number,
            "trace_id_code": 1,
            **self._sampling(),
        }
        for axis, (name, (start, stop)) in enumerate(self._axes(region)):
            shape = [1] * len(region)
            shape[axis] = stop - start
            if name is not None:
                found[name] = self.schema.dims[axis].between(start, stop).reshape(shape)
        return found | {name: values[region.slices] for name, values in self._words.items()}

    def _axes(self, region: Region) -> list[tuple[str | None, tuple[int, int]]]:
        """Return the word of each spatial axis, None for those that no word is named as, and its part of a region."""
        known = self.schema.headers.by_name
        names = [known[dim.name].name if dim.name in known else None for dim in self.schema.dims[:-1]]
        return list(zip(names, region, strict=True))

    def _sampling(self) -> dict[str, int]:
        """Return the words about samples that have a place in 16 bits; longer counts stand in the file header."""
        dim = self.schema.dims[-1]
        first = dim.between(0, 2).astype(np.float64) * _MICROSECONDS.get(dim.unit, 0.0)
        step = round(float(first[1] - first[0])) if first.size > 1 else 0
        words = {
            "samples_per_trace": dim.size,
            "sample_interval": step,
            "delay_recording_time": round(float(first[0]) / 1000),
        }
        return {name: value for name, value in words.items() if abs(value) < 1 << 15}

    def _check_words(self) -> None:
        """Refuse numbers that have no place in their word, before anything is written."""
        layout = self.schema.headers
        axes: dict[str, NDArray[Any]] = {
            name: dim.coords
            for dim, (name, _) in zip(self.schema.dims, self._axes(self.schema.region.spatial), strict=False)
            if name is not None
        }
        for name, values in (axes | self._words).items():
            limits = np.iinfo(np.dtype(layout.by_name[name].dtype))
            whole = values.dtype.kind in "iu" or bool((values == np.round(values)).all())
            if not whole or values.min() < limits.min or values.max() > limits.max:
                raise WrongTypeError(
                    f"{name}: values from {values.min()} to {values.max()} are no {limits.bits}-bit integers",
                    hint="scale them, e.g. coordinates by 100 with coordinate_scalar -100",
                )


def _word(name: str, values: ArrayLike, grid: tuple[int, ...]) -> NDArray[Any]:
    given = np.asarray(values)
    if given.dtype.kind not in "iuf":
        raise WrongTypeError(f"{name}: {given.dtype} is no number")
    try:
        return np.broadcast_to(given, grid)
    except ValueError:
        raise ShapeError(f"{name}: shape {given.shape} does not broadcast to the grid {grid}") from None
