"""Storage options: which of them are for a URL, and those of the environment and of files.

What stands on a command line can be seen by every user of the machine. ``MDIO_STORAGE_OPTIONS`` and files cannot.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mdio.exceptions import ConfigError, EnvironmentFormatError
from mdio.storage.urls import scheme

__all__ = ["DEADLINE_OPTION", "VARIABLE", "environment_options", "options_for", "parse_options", "split_deadline"]

VARIABLE = "MDIO_STORAGE_OPTIONS"

DEADLINE_OPTION = "mdio_deadline"
"""The one storage option that is ours: seconds for a request with all its attempts."""


def parse_options(text: str) -> dict[str, Any]:
    """Return storage options given as a JSON object, or as ``@FILE`` that holds one.

    Raises
    ------
    ConfigError
        It is not JSON, or not an object, or there is no such file; the text, which may hold keys, is not repeated.
    """
    where = ""
    if text.startswith("@"):
        path = Path(text[1:]).expanduser()
        where = f"{path}: "
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            said = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise ConfigError(
                f"{where}{said or 'cannot be read'}", hint="@FILE names a file with a JSON object"
            ) from None
    hint = """write it like '{"key": "value"}', or @FILE for a file that holds it"""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{where}not JSON at character {error.pos + 1}: {error.msg}", hint=hint) from None
    if not isinstance(value, dict):
        raise ConfigError(f"{where}expected a JSON object", hint=hint)
    return value


def environment_options() -> dict[str, Any]:
    """Return the options in ``MDIO_STORAGE_OPTIONS``, a JSON object or ``@FILE``; none where it is not set.

    Raises
    ------
    EnvironmentFormatError
        It holds something else; the text is not repeated.
    """
    text = os.environ.get(VARIABLE, "")
    if not text:
        return {}
    try:
        return parse_options(text)
    except ConfigError as error:
        raise EnvironmentFormatError(f"{VARIABLE}: {error.message}", hint=error.hint) from None


def options_for(url: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the options for a URL: all of flat ones, its own where they are keyed by protocol.

    A chained URL takes those of all its protocols by name.
    """
    from fsspec.registry import known_implementations

    keyed = any(isinstance(value, Mapping) and name in known_implementations for name, value in options.items())
    if not keyed or "::" in url:
        return options
    own: Mapping[str, Any] = options.get(scheme(url), {})
    return own


def split_deadline(options: Mapping[str, Any]) -> tuple[dict[str, Any], float | None]:
    """Take the deadline out of options for a filesystem, which would not know it.

    Raises
    ------
    ConfigError
        It is no positive number.
    """
    rest = dict(options)
    deadline = rest.pop(DEADLINE_OPTION, None)
    if deadline is None:
        return rest, None
    if isinstance(deadline, bool) or not isinstance(deadline, int | float) or not 0 < deadline < float("inf"):
        raise ConfigError("expected a number of seconds above 0", path=DEADLINE_OPTION)
    return rest, float(deadline)
