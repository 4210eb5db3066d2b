"""The dask backend of the accessor; dask is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.exceptions import MDIOError, ShapeError

if TYPE_CHECKING:
    from mdio.api.arrays import RegionArray
    from mdio.api.indexing import Item

__all__ = ["lazy_array", "take"]


def lazy_array(array: RegionArray, chunks: Sequence[int], label: str) -> Any:
    """Return a dask array that reads when it is computed.

    Parameters
    ----------
    array
        What it reads from.
    chunks
        Cells a task, one length a dimension.
    label
        Name of the dataset, for messages.

    Raises
    ------
    MDIOError
        dask is not installed.
    ShapeError
        Not one chunk length a dimension.
    """
    try:
        dask_array: Any = import_module("dask.array")
    except ImportError as error:
        raise MDIOError(
            f"{label}: backend 'dask' needs dask, which is not installed", hint="pip install 'dask[array]'"
        ) from error
    if len(chunks) != array.ndim:
        raise ShapeError(f"{label}: {len(chunks)} chunk lengths for {array.ndim} dimensions", hint="see new_chunks")
    clipped = tuple(max(1, min(chunk, size)) for chunk, size in zip(chunks, array.shape, strict=True))
    # The meta is given: dask would read a piece to find it out. Records stay what they are.
    meta = np.empty((0,) * array.ndim, dtype=array.dtype).view(array.kind)
    return dask_array.from_array(array, chunks=clipped, name=False, asarray=False, meta=meta)


def take(array: Any, items: Sequence[Item]) -> Any:
    """Index an array by one item an axis; dask takes one list at a time, so it gets them one after the other."""
    if not hasattr(array, "dask"):
        return array[tuple(items)]
    for axis in reversed(range(len(items))):
        array = array[(slice(None),) * axis + (items[axis],)]
    return array
