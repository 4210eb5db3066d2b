"""Whether a disk has room for what is to be written, asked before the work begins."""

from __future__ import annotations

import os
from pathlib import Path

from mdio.exceptions import StorageError

__all__ = ["free_bytes", "no_space", "require_space"]


def free_bytes(path: Path) -> int | None:
    """Return the bytes that may be written where a path is or will be; None where the system does not tell."""
    if not hasattr(os, "statvfs"):
        import shutil

        try:
            return shutil.disk_usage(_existing(path)).free
        except OSError:
            return None
    try:
        found = os.statvfs(_existing(path))
    except OSError:
        return None
    return found.f_bavail * found.f_frsize


def _existing(path: Path) -> Path:
    path = path.absolute()
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def require_space(path: Path, needed: int) -> None:
    """Check that there is room for a number of bytes.

    Raises
    ------
    StorageError
        There is not; names the path, what is needed and what is free, in bytes.
    """
    free = free_bytes(path)
    if needed and free is not None and free < needed:
        raise no_space(str(path), needed, free)


def no_space(path: str, needed: int = 0, free: int | None = None) -> StorageError:
    """Return the error for a disk that is full."""
    wanted = f" for {needed} bytes" if needed else ""
    there = f", {free} are free" if free is not None else ""
    return StorageError(f"{path}: no space left on the device{wanted}{there}", hint="free space, or write elsewhere")
