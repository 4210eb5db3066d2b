"""Which command the tab key is pressed behind: only that one is imported, as when it runs.

The shells' scripts, and ``--install-completion`` and ``--show-completion`` that set them up, are Typer's.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Container, Mapping

__all__ = ["completed_command"]


def completed_command(commands: Container[str], environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return the command on the line that a shell wants completed, as arguments; empty when there is none yet.

    Parameters
    ----------
    commands
        The commands there are.
    environ
        Where a shell says so: ``_MDIO_COMPLETE`` that it asks, and the line in ``COMP_WORDS`` (bash) or
        ``_TYPER_COMPLETE_ARGS`` (others).
    """
    if not environ.get("_MDIO_COMPLETE"):
        return []
    line = environ.get("COMP_WORDS") or environ.get("_TYPER_COMPLETE_ARGS", "")
    try:
        words = shlex.split(line)
    except ValueError:  # within quotes: the words before them are enough
        words = line.split()
    return [word for word in words[1:] if word in commands][:1]
