"""Names places of a volume by their coordinates, as people look for them: "inline 100–163, sample 0–252 ms"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mdio.core.dimension import Dimension
    from mdio.core.region import Region

__all__ = ["cell_text", "region_text"]


def region_text(dims: Sequence[Dimension], region: Region) -> str:
    """Return the coordinates of the ends of a region; ``region`` may leave out the last dimensions."""
    parts = []
    for dim, (start, stop) in zip(dims, region, strict=False):
        first, last = dim.between(start, start + 1), dim.between(max(start, stop - 1), stop)
        if not first.size or not last.size:
            return f"no {dim.name}"
        span = _number(first[0]) + (f"–{_number(last[0])}" if stop - start > 1 else "")
        parts.append(f"{dim.name} {span}" + (f" {dim.unit}" if dim.unit else ""))
    return ", ".join(parts)


def cell_text(dims: Sequence[Dimension], cell: Sequence[int]) -> str:
    """Return the coordinates of one cell; ``cell`` may leave out the last dimensions."""
    parts = []
    for dim, position in zip(dims, cell, strict=False):
        text = _number(dim.between(position, position + 1)[0])
        parts.append(f"{dim.name} {text}" + (f" {dim.unit}" if dim.unit else ""))
    return ", ".join(parts)


def _number(value: Any) -> str:
    return f"{value:.12g}" if hasattr(value, "dtype") and value.dtype.kind == "f" else str(value)
