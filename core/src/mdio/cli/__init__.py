"""The command ``mdio``."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    Parameters
    ----------
    argv
        Arguments after the program name; those of the process by default.
    """
    import sys

    from mdio.cli.app import run

    return run(list(sys.argv[1:] if argv is None else argv))
