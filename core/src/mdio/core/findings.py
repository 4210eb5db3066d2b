"""What a check says about a volume: the one form in which ``mdio segy scan`` and ``mdio verify`` report defects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["SEVERITIES", "Finding", "Severity"]

Severity = Literal["info", "warning", "error"]

SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "error")
"""Mildest first: worth knowing, a defect that costs nothing but attention, and one that makes the data wrong."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect or oddity, said once however often it occurs.

    Parameters
    ----------
    severity
        One of :data:`SEVERITIES`.
    message
        One line: what is odd, and what that means for the reader.
    count
        Number of traces (or samples, as the message says) it concerns; 0 when it is a matter of the whole volume.
    where
        The first place, e.g. ``"trace 17"``; may be empty.

    Raises
    ------
    ValueError
        A severity that does not exist.
    """

    severity: Severity
    message: str
    count: int = 0
    where: str = ""

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise ValueError(f"severity is {self.severity!r}; known: {', '.join(SEVERITIES)}")
