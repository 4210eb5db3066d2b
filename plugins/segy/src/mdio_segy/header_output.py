"""How ``mdio segy header`` looks: tables for a terminal, JSON and CSV in a stream for everything else."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence, Set
from typing import TYPE_CHECKING, Any

from mdio.cli import render
from mdio.exceptions import ConfigError
from mdio_segy.fields import KeyField
from mdio_segy.headers_view import HeaderFile, all_words, parse_fields, parse_traces
from mdio_segy.mapping import find_mapping
from mdio_segy.meanings import trace_meaning

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["show_binary", "show_extended", "show_headers", "show_text", "show_traces", "write_csv", "write_json"]

_MOST_ROWS = 1000
"""Rows of a table for people; the streams have no limit."""
_FIRST = (
    "inline",
    "crossline",
    "ensemble_num",
    "source_to_receiver_distance",
    "orig_field_record_num",
    "trace_num_orig_record",
    "energy_source_point_num",
    "cdp_x",
    "cdp_y",
)
"""Words that people look for first, when not all fit."""
_MOST_NAMES = 6


def show_text(file: HeaderFile) -> None:
    """Print the textual header without the blank lines at its end."""
    _text("Textual header", file.layout.text)


def show_extended(file: HeaderFile) -> None:
    """Print the extended textual records."""
    records = file.extended()
    if not records:
        render.lines("No extended textual records.")
    for number, record in enumerate(records, 1):
        if number > 1:
            render.lines("")
        _text(f"Extended textual record {number} of {len(records)}", record)


def _text(title: str, lines: Sequence[str]) -> None:
    shown = [line.rstrip() for line in lines]
    while shown and not shown[-1]:
        shown.pop()
    render.lines(title, *(shown or ["(blank)"]))


def show_binary(file: HeaderFile, *, nonzero: bool) -> None:
    """Print the words of the binary header."""
    rows = [
        (row["byte"], row["word"], row["segyio"], row["value"], row["meaning"]) for row in file.binary(nonzero=nonzero)
    ]
    title = "Binary header" + (", words that are not zero" if nonzero else "")
    columns = ["Byte", "Word", "segyio", "Value", "Meaning"]
    render.table(rows, columns, title=title, right=["Byte", "Value"])


def show_traces(file: HeaderFile, numbers: range, fields: Sequence[KeyField] | None, *, nonzero: bool) -> None:
    """Print trace headers: the words of one trace below each other, several traces as rows."""
    if len(numbers) == 1:
        _one(file, numbers, fields or all_words(), nonzero)
    else:
        _several(file, numbers, fields, nonzero)


def _one(file: HeaderFile, numbers: range, fields: Sequence[KeyField], nonzero: bool) -> None:
    _, words = next(file.batches(numbers, fields))
    rows = []
    for field in fields:
        value = words[field.name][0].item()
        if value or not nonzero:
            rows.append((field.byte, field.name, field.type, value, trace_meaning(field.name, value)))
    title = f"Trace {numbers[0]} of {file.layout.trace_count}" + (", words that are not zero" if nonzero else "")
    render.table(rows, ["Byte", "Word", "Type", "Value", "Meaning"], title=title, right=["Byte", "Value"])


def _several(file: HeaderFile, numbers: range, fields: Sequence[KeyField] | None, nonzero: bool) -> None:
    shown = numbers[:_MOST_ROWS]
    left: list[str] = []
    if fields is None:
        fields, left = _fitting(file, shown)
    elif nonzero:
        fields = _filled(file, shown, fields)
    rows: list[Sequence[object]] = []
    for part, words in file.batches(shown, fields):
        rows += zip(part, *(values.tolist() for values in words.values()), strict=True)
    columns = ["Trace", *(f"{field.name}\n{field.byte}" for field in fields)]
    title = f"Traces {numbers[0]} to {numbers[-1]} of {file.layout.trace_count}"
    render.table(rows, columns, title=title + (f", every {numbers.step}" if numbers.step != 1 else ""), right=columns)
    notes = []
    if left:
        more = f" and {len(left) - _MOST_NAMES} more" if len(left) > _MOST_NAMES else ""
        names = ", ".join(left[:_MOST_NAMES])
        notes.append(f"Not shown, though they vary: {names}{more} (--fields chooses, --csv has all)")
    if len(numbers) > len(shown):
        notes.append(f"{len(numbers) - len(shown)} more traces; --csv and --json print all")
    if notes:
        render.lines("", *notes)


def _fitting(file: HeaderFile, numbers: range) -> tuple[list[KeyField], list[str]]:
    """Return the words that vary, as many as the terminal has room for, and the names of the others."""
    words = all_words()
    differ, filled = file.varying(numbers, words)
    wanted = [word for word in words if word.name in (differ or filled)] or words[:1]
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 120
    room = width - 8
    kept: list[KeyField] = []
    rank = {name: place for place, name in enumerate(_FIRST)}
    for word in sorted(wanted, key=lambda word: (rank.get(word.name, len(rank)), word.byte)):
        room -= max(len(word.name), 11) + 2
        if room < 0 and kept:
            break
        kept.append(word)
    kept.sort(key=lambda word: word.byte)
    return kept, [word.name for word in wanted if word not in kept]


def _filled(file: HeaderFile, numbers: range, fields: Sequence[KeyField]) -> list[KeyField]:
    _, filled = file.varying(numbers, fields)
    return [field for field in fields if field.name in filled]


def write_csv(file: HeaderFile, numbers: range, fields: Sequence[KeyField] | None, *, nonzero: bool) -> None:
    """Write trace headers as CSV: a line with the names, then one line a trace, in batches."""
    fields = fields or all_words()
    if nonzero:
        fields = _filled(file, numbers, fields)
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["trace", *(field.name for field in fields)])
    for part, words in file.batches(numbers, fields):
        out.writerows(zip(part, *(values.tolist() for values in words.values()), strict=True))


def write_json(
    parts: dict[str, Any], file: HeaderFile, numbers: range | None, fields: Sequence[KeyField] | None, *, nonzero: bool
) -> None:
    """Write headers as one JSON object; traces follow each other in ``traces``, one a line, in batches.

    Parameters
    ----------
    parts
        What comes before the traces.
    file, numbers, fields
        Trace headers to write; None for no traces, and for all words.
    nonzero
        Leave out the words of a trace that are 0.
    """
    if numbers is None:
        render.output_json(parts)
        return
    head = json.dumps(parts, indent=2, ensure_ascii=False)
    sys.stdout.write((head[:-2] + ",\n" if parts else "{\n") + '  "traces": [')
    for place, row in enumerate(_rows(file, numbers, fields or all_words(), nonzero)):
        sys.stdout.write(("," if place else "") + "\n    " + json.dumps(row))
    sys.stdout.write("\n  ]\n}\n")


def _rows(file: HeaderFile, numbers: range, fields: Sequence[KeyField], nonzero: bool) -> Iterator[dict[str, Any]]:
    for part, words in file.batches(numbers, fields):
        names = ["trace", *words]
        columns: list[Any] = [part, *(_plain(values) for values in words.values())]
        for row in zip(*columns, strict=True):
            facts = dict(zip(names, row, strict=True))
            yield {key: value for key, value in facts.items() if value or key == "trace"} if nonzero else facts


def _plain(values: NDArray[Any]) -> list[Any]:
    """Return values as JSON has them: what is no number becomes null."""
    if values.dtype.kind != "f":
        plain: list[Any] = values.tolist()
        return plain
    import numpy as np

    return [value if known else None for value, known in zip(values.tolist(), np.isfinite(values), strict=True)]


def show_headers(
    file: HeaderFile, *, parts: Set[str], trace: str | None, fields: str | None, nonzero: bool, form: str
) -> None:
    """Print what was asked for; when nothing was, text, and the words of binary and first trace that are not 0.

    Parameters
    ----------
    file
        The open file.
    parts
        Any of ``"text"``, ``"binary"``, ``"extended"``.
    trace, fields
        Traces and words as they are written on the command line.
    nonzero
        Leave out words that are 0.
    form
        ``"table"``, ``"json"`` or ``"csv"``.

    Raises
    ------
    ConfigError
        A trace or a word that does not exist, or parts that CSV has no place for.
    """
    count = file.layout.trace_count
    words = parse_fields(fields, find_mapping(file.layout.extended_raw)) if fields is not None else None
    if form == "csv":
        if parts:
            raise ConfigError(f"--{min(parts)} has no CSV form", path="--csv", hint="--json prints all parts")
        write_csv(file, parse_traces(trace or ":", count) if count else range(0), words, nonzero=nonzero)
        return
    default = not parts and trace is None
    if default:
        # Words asked for by name are those of the first trace, and nothing else.
        parts = {"text", "binary", "extended"} if words is None else set()
        trace, nonzero = ("0" if count else None), nonzero or words is None
    numbers = parse_traces(trace, count) if trace is not None else None
    if form == "json":
        write_json(_facts(file, parts, nonzero), file, numbers, words, nonzero=nonzero)
        return
    shown: list[Callable[[], None]] = []
    if "text" in parts:
        shown.append(lambda: show_text(file))
    if "binary" in parts:
        shown.append(lambda: show_binary(file, nonzero=nonzero))
    if "extended" in parts and (file.layout.extended_text or not default):
        shown.append(lambda: show_extended(file))
    if numbers is not None:
        shown.append(lambda: show_traces(file, numbers, words, nonzero=nonzero))
    for place, show in enumerate(shown):
        if place:
            render.lines("")
        show()


def _facts(file: HeaderFile, parts: Set[str], nonzero: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {"file": file.url}
    if "text" in parts:
        facts["text"] = list(file.layout.text)
    if "binary" in parts:
        facts["binary"] = file.binary(nonzero=nonzero)
    if "extended" in parts:
        facts["extended"] = file.extended()
    return facts
