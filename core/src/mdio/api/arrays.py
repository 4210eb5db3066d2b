"""Arrays of a dataset that read when they are indexed and write when an index is assigned to, as those of MDIO v0."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.api.compressors import codec_of
from mdio.api.indexing import gather, parse_key
from mdio.exceptions import StorageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mdio.core.region import Region
    from mdio.native.picking import Item

__all__ = ["RegionArray"]


class RegionArray:
    """An array that reads what its index selects, and stores what is assigned to one where it can.

    Parameters
    ----------
    fetch
        Returns a region in C order.
    shape, dtype, chunks
        Of the array.
    compressor
        Configuration of the codec of its chunks; None when they are not compressed, or it is not known.
    kind
        Class of the arrays that come out.
    store
        Stores values, given one item an axis; None where nothing can be written.
    """

    def __init__(
        self,
        fetch: Callable[[Region], NDArray[Any]],
        shape: Sequence[int],
        dtype: np.dtype[Any],
        chunks: Sequence[int],
        compressor: Mapping[str, Any] | None = None,
        kind: type[np.ndarray[Any, Any]] = np.ndarray,
        store: Callable[[tuple[Item, ...], NDArray[Any]], None] | None = None,
    ) -> None:
        self.shape = tuple(shape)
        self.dtype = dtype
        self.chunks = tuple(chunks)
        self.kind = kind
        self._fetch = fetch
        self._store = store
        self._compressor = compressor

    @property
    def compressor(self) -> Any:
        """Codec of its chunks, of numcodecs; its configuration where that does not know it, None without any."""
        return codec_of(self._compressor)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of cells."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Bytes of all cells, uncompressed."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        """Read a selection; lists act on their own axis each (outer indexing).

        Returns
        -------
        ndarray or scalar
            In memory; a scalar where integers select one cell (a 0-D array for records).
        """
        found = gather(parse_key(key, self.shape), self.shape, self.chunks, self._fetch, self._empty)
        found = found.view(self.kind)
        return found[()] if found.ndim == 0 and self.kind is np.ndarray else found

    def __setitem__(self, key: Any, values: Any) -> None:
        """Store values in a selection; they broadcast to it by the rules of numpy.

        Raises
        ------
        StorageError
            The array is for reading only.
        ShapeError
            The values do not broadcast.
        ValueError
            A value has no place in the type of the array; nothing is written.
        """
        if self._store is None:
            raise StorageError("an array for reading only", hint="open the dataset with mdio.MDIOWriter")
        self._store(parse_key(key, self.shape), np.asarray(values))

    def _empty(self, shape: tuple[int, ...]) -> NDArray[Any]:
        return np.zeros(shape, dtype=self.dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("reading makes a new array; copy=False is not possible")
        whole = np.asarray(self[...])
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def __repr__(self) -> str:
        kind = "records" if self.dtype.names else str(self.dtype)
        return f"RegionArray({kind}, shape {self.shape}, chunks {self.chunks})"
