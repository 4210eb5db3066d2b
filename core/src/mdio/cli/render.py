"""How results look: every use of rich apart from progress bars. Rich is imported when something is drawn."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["key_values", "lines", "output_json", "table"]

_PIPED_WIDTH = 32_767
"""Columns where nothing is a terminal: wide enough that no line is broken for the next program."""


def output_json(value: Any) -> None:
    """Print a value as JSON, two blanks a level, to standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def lines(*texts: str) -> None:
    """Print lines as they are to standard output."""
    sys.stdout.writelines(f"{text}\n" for text in texts)


def table(
    rows: Iterable[Sequence[object]],
    columns: Sequence[str],
    *,
    title: str = "",
    styles: Mapping[str, str] | None = None,
    right: Iterable[str] = (),
) -> None:
    """Print a table to standard output.

    Parameters
    ----------
    rows
        Cells, in the order of the columns; shown with ``str``, markup is not interpreted.
    columns
        Headings.
    title
        A line above the table.
    styles
        Text of a cell to the rich style it is shown in, e.g. ``{"broken": "red"}``.
    right
        Headings of the columns that are aligned right.
    """
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    right = set(right)
    for column in columns:
        drawn.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(str(cell), style=(styles or {}).get(str(cell), "")) for cell in row))
    _heading(title)
    _print(drawn)


def key_values(pairs: Mapping[str, object] | Iterable[tuple[str, object]], *, title: str = "") -> None:
    """Print names and values below each other, the values aligned, to standard output."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    drawn.add_column(style="bold", no_wrap=True)
    drawn.add_column(overflow="fold")
    for name, value in pairs.items() if isinstance(pairs, Mapping) else pairs:
        drawn.add_row(Text(name), Text(str(value)))
    _heading(title)
    _print(drawn)


def _heading(title: str) -> None:
    """Print a title so that it stands out among bold names, where there are colours."""
    from rich.text import Text

    if title:
        _print(Text(title, style="bold underline"))


def _print(what: RenderableType) -> None:
    from rich.console import Console

    console = Console(file=sys.stdout, highlight=False)
    if not console.is_terminal:
        console.width = _PIPED_WIDTH
        with console.capture() as captured:
            console.print(what)
        sys.stdout.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())
        return
    console.print(what)
