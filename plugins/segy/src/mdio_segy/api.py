"""The documented Python calls: ``segy_to_mdio`` and ``mdio_to_segy``."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from mdio.convert import Conversion
from mdio.exceptions import ConfigError, EnvironmentFormatError
from mdio.flow import selecting
from mdio.flow.cast import Cast
from mdio_segy.filelist import listed_files

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mdio.flow.engine import CancelToken
    from mdio.flow.events import Observer, Report

__all__ = ["export_conversion", "import_conversion", "mdio_to_segy", "segy_to_mdio"]


def segy_to_mdio(
    segy_path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    mdio_path_or_buffer: str | os.PathLike[str],
    index_bytes: Sequence[int | str | None] | None = None,
    index_names: Sequence[str] | None = None,
    index_types: Sequence[str] | None = None,
    chunksize: Sequence[int] | None = None,
    endian: str | None = None,
    lossless: bool = True,
    compression_tolerance: float = 0.01,
    storage_options: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    grid_overrides: Mapping[str, Any] | Sequence[Any] | None = None,
    *,
    index_lengths: Sequence[int | None] | None = None,
    storage_options_input: Mapping[str, Any] | None = None,
    storage_options_output: Mapping[str, Any] | None = None,
    layout: str | None = None,
    shards: bool | Sequence[int] | str | None = None,
    dtype: str | None = None,
    on_nonfinite: str = "error",
    resume: bool = False,
    codec: str | Mapping[str, Any] | None = None,
    workers: int | None = None,
    memory: int | None = None,
    reader_options: Mapping[str, Any] | None = None,
    observers: Sequence[Observer] = (),
    cancel: CancelToken | None = None,
    client: Any = None,
) -> Report:
    """Import a SEG-Y file, or several as one dataset.

    Parameters
    ----------
    segy_path
        The SEG-Y file, path or URL. Several files, or a pattern such as ``lines/*.sgy``, make one dataset; their
        traces follow each other in the given order, those of a pattern in natural order of the names.
    mdio_path_or_buffer
        The dataset to make.
    index_bytes
        Index words, slowest dimension first: 1-based first bytes, or texts such as ``"181:int32"`` and ``"inline"``;
        names of the file's own header mapping (rev 2.1) win. None finds the geometry, or makes a
        (trace, sample) dataset.
    index_names
        Names of the dimensions; by default ``dim_0`` … for bytes, and names as given.
    index_types
        Types of the words, e.g. ``"int32"`` (default), ``"int16"``, ``"float32"``, ``"ibm32"``.
    chunksize
        Chunk shape, one length a dimension, the sample axis included; 64×64×64 for 3-D by default.
    endian
        ``"big"``, ``"little"``; None finds it.
    lossless
        False compresses with ZFP.
    compression_tolerance
        Largest absolute error of a lossy import.
    storage_options
        Options of the stores.
    overwrite
        Replace a dataset that is there.
    grid_overrides
        Rules that rework the index words, e.g. ``{"HasDuplicates": True}``.
    index_lengths
        Bytes of the index words, 2 or 4: the older way to say their types.
    storage_options_input, storage_options_output
        Options of the SEG-Y file's and of the dataset's store, where they differ.
    layout
        Spelling of the dataset: ``"v0"`` (default), ``"v0.9"`` or ``"v1"``.
    shards
        v1: several chunks in one object, True or a shape.
    dtype
        Type to store samples in, e.g. ``"float32"``; what the file's own values need by default.
    on_nonfinite
        What a lossy import does with NaN, infinity and what ZFP cannot hold to the tolerance: ``"error"`` refuses and
        names the place, ``"lossless"`` stores the chunk bit for bit.
    resume
        Go on with an unfinished import.
    codec
        Codec of the samples, ``"zfp:tolerance=0.1"`` or a mapping with ``name``; wins over ``lossless``.
    workers
        Threads; ``MDIO__IMPORT__CPU_COUNT`` or all cores by default.
    memory
        Bytes that slabs in flight may take.
    reader_options
        Further options of the SEG-Y reader (``mdio plugins show segy``).
    observers
        Called with every event of the run.
    cancel
        Token that stops the run between slabs.
    client
        A ``dask.distributed.Client``, or the address of a scheduler, whose workers do the work; ``workers`` are then
        slabs at once, and ``memory`` is that of each worker process.

    Returns
    -------
    Report
        What was done.
    """
    own = storage_options if storage_options_input is None else storage_options_input
    conversion = import_conversion(
        listed_files(segy_path, own),
        os.fspath(mdio_path_or_buffer),
        header_locations=index_bytes,
        header_names=index_names,
        header_types=index_types if index_types is not None else _types_of(index_lengths),
        chunks=chunksize,
        endian=endian,
        codec=codec if codec is not None else lossless_codec(lossless, compression_tolerance, on_nonfinite),
        grid_overrides=grid_overrides,
        layout=layout,
        shards=shards,
        dtype=dtype,
        reader_options=reader_options or {},
        storage_options=own or {},
        target_storage_options=storage_options_output if storage_options_output is not None else storage_options,
        overwrite=overwrite,
        resume=resume,
        workers=workers,
        memory=memory,
        client=client,
    )
    return conversion.run(observers=observers, cancel=cancel)


def lossless_codec(lossless: bool, tolerance: float, on_nonfinite: str = "error") -> dict[str, Any] | None:
    """Return the codec choice that the documented pair of arguments means."""
    return None if lossless else {"name": "zfp", "tolerance": tolerance, "on_nonfinite": on_nonfinite}


def _types_of(lengths: Sequence[int | None] | None) -> list[str] | None:
    """Return the types that words of these lengths have.

    Raises
    ------
    ConfigError
        A length that no integer word has.
    """
    if lengths is None:
        return None
    kinds = {2: "int16", 4: "int32", None: "int32"}  # a word that is not there is made by a grid override
    for length in lengths:
        if length not in kinds:
            raise ConfigError(f"{length!r} is no length of an index word", path="index_lengths", hint="use 2 or 4")
    return [kinds[length] for length in lengths]


def import_conversion(
    files: Sequence[str],
    target: str,
    *,
    header_locations: Sequence[int | str | None] | str | None,
    header_names: Sequence[str] | str | None,
    header_types: Sequence[str] | str | None,
    chunks: Sequence[int] | str | None,
    endian: str | None,
    codec: str | Mapping[str, Any] | None,
    grid_overrides: Mapping[str, Any] | Sequence[Any] | str | None,
    reader_options: Mapping[str, Any],
    workers: int | None,
    layout: str | None = None,
    shards: bool | Sequence[int] | str | None = None,
    dtype: str | None = None,
    **settings: Any,
) -> Conversion:
    """Return the conversion that an import is; arguments left out are found by the reader."""
    source, *others = files
    given = {
        "header_locations": _list(header_locations),
        "header_names": _list(header_names),
        "header_types": _list(header_types),
        "grid_overrides": _overrides(grid_overrides) if grid_overrides else None,
        "endian": None if endian in (None, "auto") else endian,
    }
    options = {key: value for key, value in given.items() if value is not None}
    target_options = {
        "chunks": _list(chunks),
        "codec": codec,
        "layout": layout,
        "shards": shards if shards is None or isinstance(shards, bool) else _list(shards),
    }
    return Conversion(
        source=source,
        target=target,
        source_format="segy",
        target_format="mdio",
        source_options={**options, **reader_options, **({"files": others} if others else {})},
        target_options={key: value for key, value in target_options.items() if value is not None},
        transforms=[partial(Cast, dtype=_numpy_type(dtype))] if dtype is not None else (),
        workers=workers if workers is not None else _count("MDIO__IMPORT__CPU_COUNT"),
        **settings,
    )


def mdio_to_segy(
    mdio_path_or_buffer: str | os.PathLike[str],
    output_segy_path: str | os.PathLike[str],
    endian: str | None = None,
    access_pattern: str | None = None,
    out_sample_format: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
    new_chunks: Sequence[int] | None = None,
    selection_mask: NDArray[np.bool_] | None = None,
    client: Any = None,
    *,
    select: Mapping[str, Any] | str | None = None,
    split: bool = False,
    overwrite: bool = False,
    resume: bool = False,
    workers: int | None = None,
    memory: int | None = None,
    observers: Sequence[Observer] = (),
    cancel: CancelToken | None = None,
) -> Report:
    """Export a dataset to SEG-Y; what came from SEG-Y comes back byte for byte.

    Parameters
    ----------
    mdio_path_or_buffer
        The dataset.
    output_segy_path
        The file to make.
    endian
        ``"big"`` or ``"little"`` forces a byte order; None keeps the source's.
    access_pattern
        Which array to read; the first one by default.
    out_sample_format
        ``"ibm32"``, ``"float32"``, … forces a sample format; None keeps the source's.
    storage_options
        Options of the stores.
    new_chunks
        Taken for compatibility: what is read at once follows from ``memory``.
    selection_mask
        bool, shape of the grid without samples: True where traces are to be exported. They are written in the order
        of the original file.
    client
        A ``dask.distributed.Client``, or the address of a scheduler, whose workers do the work; ``workers`` are then
        slabs at once, and ``memory`` is that of each worker process. A file that is not on a disk they share is
        written by the threads of this process.
    select
        The same by coordinates: dimension to a list of coordinates or to text like ``"100:200"`` and ``"100:200:2"``
        (both ends included), or all of it as text, ``"inline=100:200,crossline=7,9"``.
    split
        The dataset was made from several files: ``output_segy_path`` is a folder to make, and every file comes back
        in it under its own name. Otherwise all traces go to one file with the file headers of the first.
    overwrite
        Replace a file that is there.
    resume
        Go on with an unfinished export.
    workers
        Threads; ``MDIO__EXPORT__CPU_COUNT`` or all cores by default.
    memory
        Bytes that slabs in flight may take.
    observers
        Called with every event of the run.
    cancel
        Token that stops the run between slabs.

    Returns
    -------
    Report
        What was done.

    Raises
    ------
    ConfigError, ShapeError
        The selection is empty, or does not fit the grid; both are ValueError.
    """
    del new_chunks
    conversion = export_conversion(
        os.fspath(mdio_path_or_buffer),
        os.fspath(output_segy_path),
        access_pattern=access_pattern,
        segy_format=out_sample_format or "source",
        endian=endian or "source",
        select=select,
        mask=selection_mask,
        split=split,
        storage_options=storage_options or {},
        overwrite=overwrite,
        resume=resume,
        workers=workers,
        memory=memory,
        client=client,
    )
    return conversion.run(observers=observers, cancel=cancel)


def export_conversion(
    source: str,
    target: str,
    *,
    access_pattern: str | None,
    segy_format: str,
    endian: str,
    select: Mapping[str, Any] | str | None,
    mask: NDArray[np.bool_] | None,
    split: bool,
    workers: int | None,
    **settings: Any,
) -> Conversion:
    """Return the conversion that an export is."""
    transforms = []
    if select:
        transforms.append(partial(selecting.select, wanted=_selection(select)))
    if mask is not None:
        transforms.append(partial(selecting.select_masked, mask=selecting.GridMask(mask)))
    return Conversion(
        source=source,
        target=target,
        target_format="segy",
        source_options={"access_pattern": access_pattern} if access_pattern is not None else {},
        target_options={"segy_format": segy_format, "endian": endian, **({"split": True} if split else {})},
        transforms=transforms,
        workers=workers if workers is not None else _count("MDIO__EXPORT__CPU_COUNT"),
        **settings,
    )


def _selection(given: Mapping[str, Any] | str) -> Mapping[str, selecting.Coordinates]:
    """Return the coordinates per dimension; text is read as on the command line."""
    if isinstance(given, str):
        return selecting.parse_selection(given)
    wanted: dict[str, selecting.Coordinates] = {}
    for name, coords in given.items():
        if isinstance(coords, str):
            wanted |= selecting.parse_selection(f"{name}={coords}")
        else:
            wanted[name] = coords if isinstance(coords, Sequence) else list(coords)
    return wanted


def _overrides(given: Mapping[str, Any] | Sequence[Any] | str) -> dict[str, Any]:
    """Return the canonical spelling of grid overrides; text is JSON."""
    from mdio.overriding import normalise

    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError as error:
            raise ConfigError(
                f"not JSON: {error}", path="grid_overrides", hint='write {"HasDuplicates": true}'
            ) from None
    return normalise(given)


def _numpy_type(name: str) -> np.dtype[Any]:
    import numpy as np

    try:
        return np.dtype(name)
    except TypeError:
        raise ConfigError(f"no type {name!r}", path="dtype", hint="for example float32 or int16") from None


def _list(value: Sequence[Any] | str | None) -> Any:
    return value if value is None or isinstance(value, str) else list(value)


def _count(name: str) -> int | None:
    text = os.environ.get(name)
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise EnvironmentFormatError(f"{name}={text!r} is not a number of workers")
    return int(text)
