"""Opens SEG-Y files as volumes: headers, then geometry – the one asked for, the one found, or (trace, sample)."""

from __future__ import annotations

import hashlib
import shlex
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.dimension import Dimension
from mdio.core.gridding import build_grid
from mdio.core.index import AffineIndex, TraceIndex
from mdio.core.volume import SourceFile
from mdio.exceptions import ConfigError, GridTraceCountError, GridTraceSparsityError
from mdio.storage.urls import redact
from mdio_segy.claims import LayoutOverrides
from mdio_segy.collection import open_collection
from mdio_segy.errors import SegyError
from mdio_segy.fields import KEY_TYPES
from mdio_segy.filehead import SegyLayout, read_layout
from mdio_segy.look import refuse_nonsense
from mdio_segy.mapping import find_mapping, is_name
from mdio_segy.misplaced import misplaced_words
from mdio_segy.scan import SegyKeys, find_geometry, scan_keys
from mdio_segy.varyingfile import open_traces
from mdio_segy.volume import SegyVolume, source_facts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mdio.core.table import KeyStream
    from mdio.storage.store import RangeReader, Storage
    from mdio_segy.options import SegyReadOptions
    from mdio_segy.tracefile import TraceFile

__all__ = ["SegyWarning", "layout_overrides", "open_segy", "sample_axis"]


class SegyWarning(UserWarning):
    """A defect of a file that was read all the same."""


def open_segy(url: str, options: SegyReadOptions, storage: Storage) -> SegyVolume:
    """Open a SEG-Y file.

    Without index keys geometry is no reason to fail: where no usual header words make a plausible grid, the volume
    is (trace, sample). Two kinds of headers that cannot be true are refused all the same, see
    :func:`mdio_segy.look.refuse_nonsense`.

    Raises
    ------
    SegyError
        It is not SEG-Y, or damaged; see ``mdio_segy.errors``.
    GridError
        The keys that were given do not make a grid; or none were given, and the headers claim what cannot be.
    """
    if options.files:
        return _open_several([url, *options.files], options, storage)
    store = storage.open(url)
    reader = store.open()
    try:
        layout = read_layout(reader, layout_overrides(options), url=store.url)
        if options.strict and layout.warnings:
            raise SegyError(layout.warnings[0], url=store.url, hint="without strict this is a warning")
        for message in layout.warnings:
            warnings.warn(f"{store.url}: {message}", SegyWarning, stacklevel=2)
        traces = open_traces(reader, layout)
        dims, index, attributes = _geometry(traces, layout, options, store.url)
        place = str(store.path.resolve()) if store.path is not None else store.url
        identity = _identity(place, reader, layout, dims)
        trailer = reader.read(layout.data_end, layout.trailer_bytes) if layout.trailer_bytes else b""
        source = SourceFile("segy", source_facts(layout), {"head": layout.head, "trailer": trailer})
        return SegyVolume(traces, layout, source, (*dims, sample_axis(layout)), index, identity, attributes)
    except BaseException:
        reader.close()
        raise


def _open_several(urls: Sequence[str], options: SegyReadOptions, storage: Storage) -> SegyVolume:
    traces, notes = open_collection(urls, layout_overrides(options), storage)
    try:
        if options.strict and notes:
            raise SegyError(notes[0], hint="without strict this is a warning")
        for message in notes:
            warnings.warn(message, SegyWarning, stacklevel=3)
        layout = traces.layout
        dims, index, attributes = _geometry(traces, layout, options, f"{len(urls)} files")
        digest = hashlib.sha256(str(traces.identity["headers"]).encode())
        _add_coordinates(digest, dims)
        identity = {**traces.identity, "headers": digest.hexdigest()}
        dims = (*dims, sample_axis(layout))
        return SegyVolume(traces, layout, traces.source, dims, index, identity, attributes)
    except BaseException:
        traces.close()
        raise


def layout_overrides(options: SegyReadOptions) -> LayoutOverrides:
    """Return what the user knows better than the file."""
    return LayoutOverrides(
        format=options.sample_format,
        samples=options.samples,
        interval=options.interval,
        extended_text=options.extended_headers,
        endian=None if options.endian == "auto" else options.endian,
        data_endian=None if options.data_endian == "auto" else options.data_endian,
        strict=options.strict,
    )


def sample_axis(layout: SegyLayout) -> Dimension:
    """Return the sample axis, in milliseconds from 0; sample numbers where the file does not say its interval."""
    if not layout.interval_us:
        return Dimension.regular("sample", 0, 1, layout.samples)
    step = layout.interval_us / 1000
    whole = int(step) if step == int(step) else step
    return Dimension.regular("sample", 0, whole, layout.samples, "ms")


def _geometry(
    traces: TraceFile, layout: SegyLayout, options: SegyReadOptions, url: str
) -> tuple[tuple[Dimension, ...], TraceIndex, dict[str, Any]]:
    if options.header_locations is not None:
        return _declared(traces, layout, options, url)
    if options.header_names is not None or options.header_types is not None or options.grid_overrides:
        raise ConfigError(
            "header names, types and grid overrides need header locations",
            path="header_locations",
            hint="give the first byte of each index word, e.g. 189,193",
        )
    found = find_geometry(traces, layout)
    if found is not None:
        candidate, (dims, index) = found
        return dims, index, {"geometry": {"keys": [list(key) for key in candidate.keys], "found": True}}
    refuse_nonsense(traces, layout)
    count = layout.trace_count
    trace = Dimension.regular("trace", 1, 1, count)
    return (trace,), AffineIndex((count,)), {"geometry": {"keys": [], "found": True}}


def _declared(
    traces: TraceFile, layout: SegyLayout, options: SegyReadOptions, url: str
) -> tuple[tuple[Dimension, ...], TraceIndex, dict[str, Any]]:
    locations = options.header_locations or []
    if not locations:
        raise ConfigError(
            "no index word given", path="header_locations", hint="leave it out, and usual words are looked at"
        )
    names = options.header_names or [
        str(place).partition(":")[0] if is_name(place) else f"dim_{axis}" for axis, place in enumerate(locations)
    ]
    types = options.header_types or [None] * len(locations)
    for label, given in (("header_names", names), ("header_types", types)):
        if len(given) != len(locations):
            raise ConfigError(f"{len(given)} given for {len(locations)} header locations", path=label)
    if len(set(names)) != len(names):
        raise ConfigError("the same name twice", path="header_names")
    mapping = find_mapping(layout.extended_raw)
    try:
        keys = [
            None if place is None else mapping.key(place, name, None if kind is None else _TYPE_ALIASES.get(kind, kind))
            for place, name, kind in zip(locations, names, types, strict=True)
        ]
    except ConfigError as error:
        raise ConfigError(error.message, path="header_locations", hint=error.hint) from None
    for key in keys:
        if key is not None and key.stop > layout.header_bytes:
            raise ConfigError(
                f"bytes {key.byte} to {key.stop} of {key.name!r} lie behind the trace header of"
                f" {layout.header_bytes} bytes",
                path="header_locations",
            )
    notes: dict[str, Any] = {}
    stream: KeyStream
    if options.grid_overrides:
        from mdio.overriding import apply_overrides

        table = apply_overrides(scan_keys(traces, layout, keys, names), options.grid_overrides)
        notes = {"overrides": dict(options.grid_overrides), **table.notes}
        stream = table
    else:
        stream = SegyKeys(traces, layout, keys, names)
    try:
        dims, index, warning = build_grid(stream)
    except (GridTraceCountError, GridTraceSparsityError) as error:
        file = shlex.quote(redact((options.files or [""])[0]) or url)
        hint = f"mdio segy scan {file} shows the words that may index it; or {error.hint}"
        raise type(error)(error.message, hint=hint) from None
    for message in filter(None, (warning, *misplaced_words(dims, keys, layout.big_endian))):
        warnings.warn(f"{url}: {message}", SegyWarning, stacklevel=4)
    words = [[name, key and key.byte] for name, key in zip(names, keys, strict=True)]
    return dims, index, {"geometry": {"keys": words, **notes}}


_TYPE_ALIASES = {"ibm": "ibm32", **{kind: name for name, kind in KEY_TYPES.items() if name != "ibm32"}}


def _identity(url: str, reader: RangeReader, layout: SegyLayout, dims: tuple[Dimension, ...]) -> dict[str, Any]:
    """Return what tells this file from another: a resume refuses to go on with another source."""
    digest = hashlib.sha256(layout.head)
    for trace in {0, layout.trace_count - 1} if layout.trace_count else ():
        digest.update(reader.read(layout.record_at(trace), layout.header_bytes))
    _add_coordinates(digest, dims)
    identity: dict[str, Any] = {"url": url, "size": reader.size, "headers": digest.hexdigest()}
    modified = getattr(reader, "modified", None)
    return identity | ({"modified": modified} if modified is not None else {})


def _add_coordinates(digest: Any, dims: tuple[Dimension, ...]) -> None:
    for dim in dims:
        digest.update(np.ascontiguousarray(dim.between(0, min(dim.size, 1 << 16))).tobytes())
