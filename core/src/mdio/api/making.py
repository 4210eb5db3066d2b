"""Datasets made from nothing but a grid, or from an array in memory, under the names of MDIO 0.9."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.api.convenience import copy_mdio
from mdio.convert import Stores, time_stamp
from mdio.core.dimension import Dimension
from mdio.core.factory import MDIOCreateConfig, MDIOVariableConfig
from mdio.core.headers import HeaderField, HeaderLayout
from mdio.core.region import Region
from mdio.core.trace_header import standard_layout
from mdio.core.volume import Metadata, Schema
from mdio.exceptions import ConfigError, ShapeError, WrongTypeError
from mdio.flow.engine import available_cores
from mdio.flow.statistics import Partial, measure
from mdio.native.arrays import ArraySpec
from mdio.native.chunk_writer import ChunkWriter
from mdio.native.codecs import default_codec, resolve_codec
from mdio.native.dataset import Contents, default_pattern
from mdio.native.patterns import checked_codec
from mdio.native.records import FIELDS_09, RecordPacker, record_dtype
from mdio.native.staged import staged_dataset
from mdio.native.v0 import V0Layout

if TYPE_CHECKING:
    import zarr
    from numpy.typing import DTypeLike, NDArray

    from mdio.storage.staging import StagedTree
    from mdio.storage.store import Store

__all__ = ["MDIOCreateConfig", "MDIOVariableConfig", "create_empty", "create_empty_like", "numpy_to_mdio"]

_LAYOUT = "v0.9"
"""These are functions of 0.9, whose users know header fields as words and records of 240 bytes."""
_MASK_CELLS = 1 << 24


def create_empty(
    config: MDIOCreateConfig,
    overwrite: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    consolidate_meta: bool = True,
) -> zarr.Group:
    """Make a dataset without a trace: dimensions, empty arrays, an empty live mask and statistics of zeros.

    It is filled with :class:`mdio.MDIOWriter`, which also sets the live mask.

    Parameters
    ----------
    config
        Path, grid and arrays.
    overwrite
        Replace what is there.
    storage_options
        Options of the store.
    consolidate_meta
        Taken for the sake of old calls: metadata are always consolidated, no reader opens a dataset without.

    Returns
    -------
    zarr.Group
        The root of the dataset, open for writing.

    Raises
    ------
    MDIOAlreadyExistsError
        Something is there, and ``overwrite`` was not asked for.
    ConfigError, ShapeError, WrongTypeError
        No array, or one that cannot be made: its name, type, chunks or codec.
    """
    del consolidate_meta
    dims = tuple(config.grid.dims)
    variables = [_variable(variable, tuple(dim.size for dim in dims)) for variable in config.variables]
    if not variables:
        raise ConfigError("no array", path="variables", hint="e.g. MDIOVariableConfig('chunked_012', 'float32')")
    _write(_store(config.path, storage_options), dims, variables, overwrite, None)
    import zarr as zarr_python

    return zarr_python.open_group(
        config.path, mode="r+", zarr_format=2, storage_options=dict(storage_options) if storage_options else None
    )


def create_empty_like(
    source_path: str | os.PathLike[str],
    dest_path: str | os.PathLike[str],
    overwrite: bool = False,
    storage_options_input: Mapping[str, Any] | None = None,
    storage_options_output: Mapping[str, Any] | None = None,
) -> None:
    """Make an empty dataset with the structure of another: grid, arrays, codecs, textual and binary header.

    Parameters
    ----------
    source_path, storage_options_input
        The other one, and options of its store.
    dest_path, storage_options_output
        The new one, and options of its store.
    overwrite
        Replace what is there.
    """
    copy_mdio(
        os.fspath(source_path),
        os.fspath(dest_path),
        overwrite,
        storage_options_input=storage_options_input,
        storage_options_output=storage_options_output,
    )


def numpy_to_mdio(
    array: NDArray[Any],
    mdio_path_or_buffer: str | os.PathLike[str],
    chunksize: Sequence[int],
    index_names: Sequence[str] | None = None,
    index_coords: Mapping[str, Any] | None = None,
    header_dtype: DTypeLike | None = None,
    lossless: bool = True,
    compression_tolerance: float = 0.01,
    storage_options: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> None:
    """Write an array to a new dataset: every cell of its grid is a live trace with a header of zeros.

    Parameters
    ----------
    array
        Real numbers, two dimensions or more, the samples along the last one.
    mdio_path_or_buffer
        Path or URL.
    chunksize
        Chunk shape.
    index_names
        Names of the dimensions; ``dim_0``, ``dim_1``, …, ``sample`` by default.
    index_coords
        Coordinates of every dimension by its name; 0, 1, 2, … by default.
    header_dtype
        Structured type of a header record; the standard one by default.
    lossless
        False for ZFP.
    compression_tolerance
        Largest absolute error of ZFP.
    storage_options
        Options of the store.
    overwrite
        Replace what is there.

    Raises
    ------
    ShapeError
        Chunks, names or coordinates do not fit the array.
    WrongTypeError
        An array of something else than real numbers.
    MDIOAlreadyExistsError
        Something is there, and ``overwrite`` was not asked for.
    CodecError
        A sample that ZFP cannot hold to the tolerance.

    Examples
    --------
    >>> numpy_to_mdio(  # doctest: +SKIP
    ...     np.random.rand(100, 200, 300),
    ...     "output/file.mdio",
    ...     chunksize=(64, 64, 64),
    ...     index_names=["inline", "crossline", "sample"],
    ... )
    """
    array = np.asarray(array)
    if array.ndim < 2 or not array.size:
        raise ShapeError(f"an array of shape {array.shape}", hint="two dimensions or more, none of them empty")
    dims = _dimensions(array.shape, index_names, index_coords)
    codec: Any = "auto"
    if not lossless:
        codec = resolve_codec({"id": "zfpy", "mode": 4, "tolerance": compression_tolerance}, array.dtype.itemsize)
    name = f"chunked_{default_pattern(array.ndim)}"
    config = MDIOVariableConfig(name, array.dtype.str, tuple(chunksize), codec, header_dtype)
    variable = _variable(config, array.shape)
    _write(_store(mdio_path_or_buffer, storage_options), dims, [variable], overwrite, array)


# -- what is made ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Variable:
    """The two arrays of an access pattern, and how its records follow from raw ones."""

    samples: ArraySpec
    headers: ArraySpec
    packer: RecordPacker


def _store(url: str | os.PathLike[str], options: Mapping[str, Any] | None) -> Store:
    return Stores(options or {}).open(os.fspath(url))


def _dimensions(
    shape: tuple[int, ...], names: Sequence[str] | None, coords: Mapping[str, Any] | None
) -> tuple[Dimension, ...]:
    if names is None:
        names = [*(f"dim_{axis}" for axis in range(len(shape) - 1)), "sample"]
    if len(names) != len(shape) or len(set(names)) != len(names):
        raise ShapeError(
            f"names {list(names)} for an array of {len(shape)} dimensions", hint="one for each, no two equal"
        )
    if coords is None:
        return tuple(Dimension.regular(name, 0, 1, size) for name, size in zip(names, shape, strict=True))
    dims = []
    for name, size in zip(names, shape, strict=True):
        if name not in coords:
            raise ShapeError(f"no coordinates of {name!r}", hint=f"there are those of {', '.join(map(repr, coords))}")
        values = np.asarray(coords[name])
        if values.shape != (size,):
            raise ShapeError(f"coordinates of {name!r} have shape {values.shape}, the dimension has {size} cells")
        dims.append(Dimension(values, name))
    return tuple(dims)


def _variable(config: MDIOVariableConfig, shape: tuple[int, ...]) -> _Variable:
    """Return the arrays that a configuration describes."""
    if not config.name.startswith("chunked_") or "/" in config.name:
        raise ConfigError(f"{config.name!r} is no name of an array", path="name", hint="e.g. chunked_012")
    dtype = np.dtype(config.dtype)
    if dtype.kind not in "iuf":
        raise WrongTypeError(f"samples of type {dtype} are no real numbers")
    chunks = tuple(config.chunks) if config.chunks is not None else V0Layout(_LAYOUT).default_chunks(len(shape))
    if len(chunks) != len(shape) or min(chunks) < 1:
        raise ShapeError(f"chunks {chunks} for an array of shape {shape}", hint=f"give {len(shape)} positive lengths")
    samples = ArraySpec(
        f"data/{config.name}", shape, chunks, dtype.newbyteorder("<"), _codec(config.compressors, dtype)
    )
    record, packer = _records(config.header_dtype)
    path = f"metadata/{config.name}_trace_headers"
    return _Variable(samples, ArraySpec(path, shape[:-1], chunks[:-1], record, default_codec(record.itemsize)), packer)


def _codec(given: Any, dtype: np.dtype[Any]) -> Any:
    if isinstance(given, list | tuple):
        if len(given) > 1:
            raise ConfigError("several codecs for one array", path="compressors", hint="give one")
        given = given[0] if given else None
    if given is None:
        return None
    if isinstance(given, Mapping):
        given = resolve_codec(given, dtype.itemsize)
    return checked_codec(None if isinstance(given, str) and given == "auto" else given, dtype)


def _records(header_dtype: DTypeLike | None) -> tuple[np.dtype[Any], RecordPacker]:
    if header_dtype is None:
        return record_dtype(FIELDS_09, words=True), RecordPacker(standard_layout(False), FIELDS_09)
    given = np.dtype(header_dtype)
    kinds = {name: field[0].newbyteorder("<") for name, field in (given.fields or {}).items()}
    if not kinds or given.hasobject or any(kind.shape for kind in kinds.values()):
        raise WrongTypeError(f"{given} is no type of header records", hint="a structured one with plain numbers")
    record = np.dtype(list(kinds.items()))
    offsets = np.cumsum([0, *(kind.itemsize for kind in kinds.values())])
    fields = tuple(
        HeaderField(name, int(offset), kind.str) for (name, kind), offset in zip(kinds.items(), offsets, strict=False)
    )
    return record, RecordPacker(HeaderLayout(fields, record.itemsize), FIELDS_09)


# -- writing -----------------------------------------------------------------------------------------------------


def _write(
    store: Store, dims: tuple[Dimension, ...], variables: Sequence[_Variable], overwrite: bool, array: Any
) -> None:
    """Write a dataset; without an array it has no traces."""
    layout, first = V0Layout(_LAYOUT), variables[0]
    schema = Schema(dims, first.samples.dtype, first.packer.layout, first.samples.chunks, Metadata())
    mask = layout.mask(schema, _mask_chunks(schema.shape[:-1]), default_codec(1))
    total = Partial()
    with staged_dataset(store, overwrite=overwrite, origin={"shape": list(schema.shape)}) as tree:
        if array is not None:
            total = _fill(tree, first.samples, array)
            writer = ChunkWriter(tree.put, tree.discard, mask)
            for box in _boxes(mask):
                writer.write(box, np.ones(box.shape, dtype=bool))
        arrays = [mask, *(spec for variable in variables for spec in (variable.samples, variable.headers))]
        contents = Contents(
            schema=schema.with_metadata(trace_count=total.traces),
            arrays=tuple(arrays),
            packer=first.packer,
            statistics=total.summary(),
            created=time_stamp(),
        )
        tree.commit(layout.documents(contents))


def _fill(tree: StagedTree, spec: ArraySpec, array: NDArray[Any]) -> Partial:
    """Write all chunks in threads; return what was measured, merged in their order."""
    writer = ChunkWriter(tree.put, tree.discard, spec)
    total = Partial()
    with ThreadPoolExecutor(available_cores(), "mdio-array") as pool:
        try:
            for part in pool.map(partial(_store_chunk, writer, array), _boxes(spec)):
                total = total.merge(part)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return total


def _store_chunk(writer: ChunkWriter, array: NDArray[Any], box: Region) -> Partial:
    values = array[box.slices]
    writer.write(box, values)
    measured = measure(values, np.ones(values.shape[:-1], dtype=bool))
    if box.start[-1]:
        return replace(measured, traces=0)  # counted with the first part of these traces
    return measured


def _boxes(spec: ArraySpec) -> Iterator[Region]:
    for index in Region.whole(spec.shape).chunks(spec.chunks):
        yield Region.of_chunk(index, spec.chunks, spec.shape)


def _mask_chunks(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return whole trailing axes, bounded in cells."""
    chunks = [1] * len(shape)
    room = _MASK_CELLS
    for axis in reversed(range(len(shape))):
        chunks[axis] = max(1, min(shape[axis], room))
        room //= chunks[axis]
    return tuple(chunks)
