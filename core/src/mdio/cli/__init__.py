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
    import atexit
    import gc
    import os
    import sys

    # Threads are one a core and ours; numpy would start those of its linear algebra, which nothing here uses.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Modules are not garbage: looking at them again and again while they load costs a twentieth of the start.
    gc.set_threshold(50_000, 20, 20)
    # Nor at the end, when everything goes at once.
    atexit.register(gc.freeze)

    from mdio.cli.app import run

    return run(list(sys.argv[1:] if argv is None else argv))
