"""Changes and choices made on the command line: ``--set path=value`` and ``--only NAME``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from mdio.config.document import Document, KeyPath
from mdio.config.models import Run, RunFile
from mdio.exceptions import ConfigError
from mdio.plugins.registry import near

__all__ = ["apply_settings", "chosen", "name_of"]

_PATH: Final = re.compile(r"[^.\[\]]+(\[\d+\])*(\.[^.\[\]]+(\[\d+\])*)*")
_PART: Final = re.compile(r"[^.\[\]]+|\[\d+\]")


def name_of(index: int, name: str = "") -> str:
    """Return the name of a run; ``run-1``, ``run-2``, … for those without."""
    return name or f"run-{index + 1}"


def chosen(names: Sequence[str], only: Iterable[str]) -> list[int]:
    """Return the positions of the runs that ``--only`` names, in the order of the file; all when it names none.

    Raises
    ------
    ConfigError
        There is no such run; the hint suggests near names.
    """
    wanted = set(only)
    for name in only:
        if name not in names:
            raise ConfigError(f"--only {name}: no such run", hint=near(name, names) or f"runs: {', '.join(names)}")
    return [index for index, name in enumerate(names) if not wanted or name in wanted]


def apply_settings(document: Document, settings: Iterable[str], only: Iterable[str]) -> None:
    """Put the values of ``--set`` options into a document.

    A path begins with a key of the file (``runs[0].output.url``, ``defaults.run.workers``), with the name of a run
    (``stack.output.url``), or with a key of a run (``output.url``), which then means every selected run.

    Raises
    ------
    ConfigError
        It is not of the form ``path=value``, or its path leads nowhere.
    """
    only = set(only)
    for text in settings:
        path, equals, value = text.partition("=")
        path = path.strip()
        if not equals or not _PATH.fullmatch(path):
            raise ConfigError(f"--set {path}: expected path=value, e.g. output.url=out/new.mdio")
        for target in _targets(document, path, only):
            document.put(target, value.strip(), f"--set {path}")


def _targets(document: Document, path: str, only: set[str]) -> list[KeyPath]:
    names = _names(document.values)
    for name in sorted(names, key=len, reverse=True):
        if path.startswith(f"{name}."):
            return [("runs", names.index(name), *_parts(path.removeprefix(f"{name}.")))]
    parts = _parts(path)
    if parts[0] in RunFile.model_fields:
        return [parts]
    if parts[0] not in Run.model_fields:
        hint = near(str(parts[0]), [*Run.model_fields, *RunFile.model_fields, *names])
        raise ConfigError(f"--set {path}: {parts[0]!r} is no key of a run, no key of the file and no run", hint=hint)
    return [("runs", index, *parts) for index, name in enumerate(names) if not only or name in only]


def _parts(path: str) -> KeyPath:
    return tuple(int(part[1:-1]) if part.startswith("[") else part for part in _PART.findall(path))


def _names(values: Any) -> list[str]:
    """Return the names of the runs of a file that was not validated yet."""
    runs = values.get("runs") if isinstance(values, dict) else None
    found = [run.get("name") if isinstance(run, dict) else None for run in runs or ()] if isinstance(runs, list) else []
    return [name_of(index, name if isinstance(name, str) else "") for index, name in enumerate(found)]
