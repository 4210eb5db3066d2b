"""Which files are meant: names as they are, and patterns, whose files come in natural order."""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdio.exceptions import ConfigError, MDIONotFoundError

if TYPE_CHECKING:
    from mdio.storage.store import Storage

__all__ = ["listed_files", "natural_order"]

_LOCAL_PATTERN = re.compile(r"[*?\[]")
_REMOTE_PATTERN = re.compile(r"[*\[]")
"""A question mark in a URL begins its query."""


def listed_files(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], storage_options: Mapping[str, Any] | None = None
) -> list[str]:
    """Return the files that paths, URLs and patterns name.

    Parameters
    ----------
    paths
        One or several. ``*``, ``?`` and ``[…]`` stand for parts of a name, ``**`` for folders; of URLs the last name
        may be a pattern. The files of a pattern come in natural order, ``line_2`` before ``line_10``; otherwise the
        order is the given one.
    storage_options
        Options of the stores.

    Raises
    ------
    MDIONotFoundError
        No file fits a pattern.
    ConfigError
        No path at all.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not given:
        raise ConfigError("no SEG-Y file given")
    return [file for path in given for file in _matches(os.fspath(path), storage_options)]


def natural_order(name: str) -> tuple[tuple[bool, int, str], ...]:
    """Return a sort key under which numbers in names count as numbers."""
    return tuple((not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in _parts(name))


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r"(\d+)", name) if part]


def _matches(path: str, storage_options: Mapping[str, Any] | None) -> list[str]:
    from mdio.convert import Stores
    from mdio.storage.urls import local_path

    local = local_path(path)
    if local is not None:
        if not _LOCAL_PATTERN.search(str(local)) or local.exists():
            return [path]
        found = [name for name in glob.glob(str(local), recursive=True) if not Path(name).is_dir()]  # noqa: PTH207
    else:
        if not _REMOTE_PATTERN.search(path.rpartition("/")[2]):
            return [path]
        found = _remote(path, Stores(storage_options or {}))
    if not found:
        raise MDIONotFoundError(f"{path}: no file fits this pattern")
    return sorted(found, key=natural_order)


def _remote(url: str, storage: Storage) -> list[str]:
    folder, _, pattern = url.rpartition("/")
    names = (key for key, _ in storage.open(folder).list() if "/" not in key)
    return [f"{folder}/{name}" for name in names if fnmatch.fnmatchcase(name, pattern)]
