"""Volumes whose every sample is a formula of its coordinates, so that a wrong byte has an address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.dimension import Dimension
from mdio.core.headers import HeaderField, HeaderLayout
from mdio.core.volume import Metadata, Schema, TraceOrder
from mdio.testing.memory import MemoryVolume

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from mdio.core.volume import Patches

__all__ = ["formula", "packed", "records", "volume"]

_NAMES = ("sample", "crossline", "inline", "offset", "azimuth", "angle")


def formula(shape: Sequence[int], dtype: DTypeLike = "f4") -> NDArray[Any]:
    """Return samples that tell where they lie: exact in every type, never 0, neighbours differ along each axis.

    The value at flat position ``p`` (C order) is ``1 + p mod 8191``, with alternating sign in signed types, and
    modulo 113 in types of one byte.
    """
    kind = np.dtype(dtype)
    modulus = 113 if kind.itemsize == 1 else 2039 if kind.itemsize == 2 else 8191
    position = np.arange(int(np.prod(shape)), dtype=np.int64)
    values = 1 + position % modulus
    if kind.kind != "u":
        values *= 1 - 2 * (position % 2)
    return values.reshape(tuple(shape)).astype(kind)


def packed(fields: Sequence[tuple[str, str]]) -> HeaderLayout:
    """Return the layout of a record of fields without gaps, given as name and numpy type string."""
    offset, placed = 0, []
    for name, kind in fields:
        placed.append(HeaderField(name, offset, kind))
        offset += np.dtype(kind).itemsize
    return HeaderLayout(tuple(placed), offset)


def records(shape: Sequence[int], layout: HeaderLayout) -> NDArray[Any]:
    """Return raw records in which field ``k`` of trace ``t`` (C order) holds ``t + 1000 * k``, wrapped to its type."""
    filled = np.zeros(tuple(shape), dtype=layout.struct)
    trace = np.arange(filled.size).reshape(filled.shape)
    for number, field in enumerate(layout.fields):
        filled[field.name] = (trace + 1000 * number).astype(np.dtype(field.dtype))
    return filled.view(layout.record)


def volume(
    shape: Sequence[int],
    dtype: DTypeLike = "f4",
    dims: Sequence[Dimension] | None = None,
    live: NDArray[np.bool_] | Callable[..., NDArray[np.bool_]] | None = None,
    headers: HeaderLayout | Sequence[tuple[str, str]] = (("inline", ">i4"), ("crossline", ">i4"), ("odd", ">i2")),
    *,
    chunks: Sequence[int] | None = None,
    order: NDArray[np.int64] | None = None,
    patches: Patches | None = None,
) -> MemoryVolume:
    """Return a volume in memory with the samples of :func:`formula`.

    Parameters
    ----------
    shape
        Length of each axis, the sample axis last.
    dtype
        Sample type.
    dims
        Axes; by default ``…, inline, crossline, sample`` with coordinates 100 + position (sample: 4 · position ms).
    live
        Which traces there are: a mask, or a function of the index arrays of the grid; all by default.
    headers
        Layout of a header record, or name and type string of its fields without gaps; see :func:`records`.
    chunks
        What the volume says it reads cheaply; whole traces by default.
    order
        File position of each trace, -1 where dead; grid order by default.
    patches
        Raw words of the whole volume.
    """
    shape = tuple(shape)
    if dims is None:
        names = _NAMES[: len(shape)][::-1]
        dims = [
            *(Dimension.regular(name, 100, 1, n) for name, n in zip(names[:-1], shape[:-1], strict=True)),
            Dimension.regular("sample", 0, 4, shape[-1], "ms"),
        ]
    samples = formula(shape, dtype)
    layout = headers if isinstance(headers, HeaderLayout) else packed(headers)
    raw = records(shape[:-1], layout)
    if live is None:
        mask = np.ones(shape[:-1], dtype=np.bool_)
    else:
        mask = np.asarray(live(*np.indices(shape[:-1])) if callable(live) else live, dtype=np.bool_)
    samples[~mask] = 0
    raw[~mask] = np.zeros((), dtype=raw.dtype)
    metadata = Metadata(
        text=("C 1 SYNTHETIC".ljust(80),),
        order=TraceOrder() if order is None else TraceOrder("mapped"),
        trace_count=int(np.count_nonzero(mask)),
        identity={"synthetic": list(shape)},
    )
    schema = Schema(
        dims=tuple(dims),
        dtype=np.dtype(dtype),
        headers=layout,
        chunks=tuple(chunks or (*(1 for _ in shape[:-1]), shape[-1])),
        metadata=metadata,
    )
    return MemoryVolume(schema, samples, raw, mask, order, patches)
