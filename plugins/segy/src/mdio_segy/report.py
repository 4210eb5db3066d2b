"""``mdio segy scan``: what a file holds, what varies in its headers, and what an import would make of it."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.convert import Stores
from mdio.plugins.registry import registry
from mdio.validation import validated
from mdio_segy.fields import trace_header_layout
from mdio_segy.mapping import find_mapping
from mdio_segy.numbers import FORMATS
from mdio_segy.opening import open_segy
from mdio_segy.options import SegyReadOptions
from mdio_segy.report_view import show_report
from mdio_segy.sampling import look_at_samples
from mdio_segy.scan import weigh_candidates
from mdio_segy.sharing import Shared, shared_cells
from mdio_segy.spec import KIND, VERSION, file_identity, import_options
from mdio_segy.summary import keep_summary, summarise
from mdio_segy.varyingfile import open_traces

__all__ = ["format_facts", "scan_report", "show_report", "trace_facts"]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mdio.core.volume import Volume
    from mdio_segy.filehead import SegyLayout
    from mdio_segy.scan import Candidate
    from mdio_segy.summary import HeaderSummary
    from mdio_segy.tracefile import TraceFile
    from mdio_segy.volume import SegyVolume

_SUPERSEDED = {"sample-counts-differ": "trace headers state "}
"""Check to the beginning of the layout's warning of the same defect, which has no count."""
_FEW = 0.05
"""Part of the traces that may be one too many in their cell and still be called duplicates."""


def scan_report(url: str, options: Mapping[str, Any], storage_options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a scan finds, as plain data that :mod:`mdio_segy.spec` reads again.

    Parameters
    ----------
    url
        The file.
    options
        Fields of ``SegyReadOptions``.
    storage_options
        Options of the store.

    Returns
    -------
    dict
        ``kind``, ``version``, ``identity`` (what tells the file from others), ``file``, ``format``, ``traces``,
        ``evidence`` (why this format and byte order), ``mapping`` (names of the file's own for header words, and
        what is wrong with them), ``geometry`` (what an import takes), ``varying`` (word, byte,
        min, max), ``candidates`` (ranked; traces that share cells are counted), ``findings`` (of all checks),
        ``warnings``, ``sizes`` in bytes, ``suggestions``, ``import`` (options of the reader), ``text``.
    """
    checked = validated(SegyReadOptions, options, "scan")
    storage = Stores(storage_options)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        volume = open_segy(url, checked, storage)
    store = storage.open(url)
    with contextlib.closing(volume), contextlib.closing(store.open()) as reader:
        layout = volume.layout
        traces = open_traces(reader, layout)
        summary = summarise(_batches(traces), trace_header_layout(layout.big_endian, 240))
        keep_summary(volume, summary)
        varying = _varying(summary)
        candidates = _candidates(traces, layout, {row["byte"] for row in varying})
        geometry = _geometry(volume)
        findings = _findings(volume)
        other = [str(item.message).removeprefix(f"{store.url}: ") for item in caught]
        return {
            "kind": KIND,
            "version": VERSION,
            "identity": file_identity(reader, layout),
            "file": {"url": store.url, "bytes": reader.size},
            "format": format_facts(layout),
            "traces": trace_facts(layout),
            "evidence": _evidence(layout),
            "mapping": find_mapping(layout.extended_raw).facts(),
            "geometry": geometry,
            "varying": varying,
            "candidates": candidates,
            "findings": findings,
            "warnings": _warnings([*dict.fromkeys((*layout.warnings, *other))], findings),
            "sizes": _sizes(volume, reader.size),
            "suggestions": _suggestions(geometry, candidates, layout),
            "import": import_options(volume, checked),
            "text": list(layout.text),
        }


def format_facts(layout: SegyLayout) -> dict[str, Any]:
    """Return the format of a file as plain data."""
    return {
        "sample_format": layout.format.name,
        "code": layout.format.code,
        "revision": f"{layout.revision >> 8}.{layout.revision & 0xFF}",
        "endian": "big" if layout.big_endian else "little",
        "data_endian": "big" if layout.data_big_endian else "little",
        "trace_header_bytes": layout.header_bytes,
        "file_header_bytes": layout.data_offset,
    }


def trace_facts(layout: SegyLayout) -> dict[str, Any]:
    """Return count, length and place of the traces as plain data."""
    return {
        "count": layout.trace_count,
        "samples": layout.samples,
        "interval_us": layout.interval_us,
        "record_bytes": layout.trace_bytes,
        "first_at_byte": layout.data_offset,
        "trailing_bytes": layout.trailer_bytes,
    }


def _batches(traces: TraceFile) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
    for first, records in traces.scan(0, 240):
        yield np.arange(first, first + len(records)), records


def _evidence(layout: SegyLayout) -> list[str]:
    """Say what speaks for the byte order, the format and the number of samples."""
    raw = layout.binary_raw
    order, other = ("big", "little") if layout.big_endian else ("little", "big")
    stated, swapped = (int.from_bytes(raw[24:26], kind) for kind in (order, other))  # type: ignore[arg-type]
    said = []
    if raw[96:100] in (b"\1\2\3\4", b"\4\3\2\1"):
        said.append(f"the byte-order constant (bytes 3297-3300) says {order} endian")
    elif stated in FORMATS and swapped not in FORMATS:
        said.append(f"the format code is {stated} in {order} endian, and undefined ({swapped}) in {other} endian")
    if stated != layout.format.code:
        said.append(f"the format code was given; the file says {stated}")
    if layout.trace_count and not layout.varying:
        left = f"all but {layout.trailer_bytes} bytes of" if layout.trailer_bytes else "exactly"
        said.append(
            f"{layout.trace_count} traces of {layout.header_bytes} + {layout.samples} × {layout.format.item} bytes"
            f" fill {left} the file"
        )
    return said


def _geometry(volume: SegyVolume) -> dict[str, Any]:
    """Return the grid that an import with the same options makes."""
    schema = volume.schema
    noted = schema.metadata.attributes.get("geometry", {})
    cells = int(np.prod(schema.shape[:-1], dtype=np.int64))
    return {
        "names": list(schema.names),
        "shape": list(schema.shape),
        "locations": [key[1] for key in noted.get("keys", [])],
        "found": bool(noted.get("found", False)),
        "fill": round(schema.metadata.trace_count / cells, 4) if cells else 0.0,
    }


def _varying(summary: HeaderSummary) -> list[dict[str, Any]]:
    """Return the standard words that differ between traces, with their ranges."""
    words = (word for word in summary.words.values() if word.varies)
    return [{"word": word.name, "byte": word.byte, "min": word.low, "max": word.high} for word in words]


def _candidates(traces: TraceFile, layout: SegyLayout, varying: Set[int]) -> list[dict[str, Any]]:
    """Return the usual geometries that make a grid, fullest first, then those that do not, with the reason.

    Shared cells are counted only where every word varies.
    """
    weighed = [candidate for candidate, _ in weigh_candidates(traces, layout)] if layout.trace_count else []
    ranked = sorted(weighed, key=lambda one: (not one.plausible, bool(one.problem), -one.fill))
    doubtful = [one.keys for one in weighed if one.problem and {byte for _, byte in one.keys} <= varying]
    shared = shared_cells(traces, layout, doubtful)
    return [_candidate(one, layout.samples, shared.get(one.keys)) for one in ranked]


def _candidate(candidate: Candidate, samples: int, shared: Shared | None) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "names": [name for name, _ in candidate.keys],
        "locations": [byte for _, byte in candidate.keys],
    }
    if not candidate.problem:
        return facts | {"shape": [*candidate.shape, samples], "fill": round(candidate.fill, 4)}
    facts["problem"] = candidate.problem
    if shared is not None:
        facts["shared"] = {
            "traces": shared.traces,
            "cells": shared.cells,
            "most": shared.most,
            "cells_taken": shared.taken,
        }
    return facts


def _findings(volume: Volume) -> list[dict[str, Any]]:
    """Return what the checks of all plugins find in this volume, in the order in which they are registered."""
    return [
        {
            "check": check.name,
            "severity": finding.severity,
            "message": finding.message,
            "count": finding.count,
            "where": finding.where,
        }
        for check in registry().checks("segy")
        for finding in check.load()(volume)
    ]


def _warnings(messages: list[str], findings: list[dict[str, Any]]) -> list[str]:
    """Return the warnings of defects that no check has counted."""
    counted = tuple(_SUPERSEDED[one["check"]] for one in findings if one["check"] in _SUPERSEDED)
    return [message for message in messages if not message.startswith(counted)] if counted else messages


def _sizes(volume: SegyVolume, size: int) -> dict[str, Any]:
    """Return the size of the file, decoded, and an estimate of the lossless dataset."""
    schema = volume.schema
    look = look_at_samples(volume)
    decoded = schema.metadata.trace_count * (schema.shape[-1] * schema.dtype.itemsize + schema.headers.itemsize)
    ratio = look.packed_bytes / look.raw_bytes if look.raw_bytes else 1.0
    return {
        "segy": size,
        "decoded": decoded,
        "mdio_lossless": round(decoded * ratio),
        "estimated_from_traces": look.traces,
        "sample_range": None if look.low is None else [look.low, look.high],
    }


def _suggestions(
    geometry: Mapping[str, Any], candidates: list[dict[str, Any]], layout: SegyLayout
) -> list[dict[str, str]]:
    """Return what a user may want to say that nobody can find out: options, and what they are for."""
    found = []
    if layout.trace_count and not layout.interval_us:
        found.append({"options": "--interval MICROSECONDS", "why": "the file does not say its sample interval"})
    if len(geometry["locations"]) > 1:
        return found
    several = [one for one in candidates if "shared" in one and len(one["names"]) > 1]
    if several:
        one = several[0]
        shared, count = one["shared"], layout.trace_count
        cells = f"{shared['cells']} cell{'s' if shared['cells'] > 1 else ''}"
        few = shared["traces"] - shared["cells"] <= _FEW * count
        override = (
            '{"HasDuplicates": true}' if few else f'{{"NonBinned": true, "chunksize": {min(64, shared["most"])}}}'
        )
        found.append(
            {
                "options": f"--header-locations {','.join(map(str, one['locations']))}"
                f" --header-names {','.join(one['names'])} --grid-overrides '{override}'",
                "why": f"{shared['traces']} of {count} traces share {cells} of"
                f" {' × '.join(one['names'])}, at most {shared['most']} each",
            }
        )
    return found
