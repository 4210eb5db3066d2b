"""Keeps secrets out of text: what was given as a key or password is cut out of whatever others say.

Clients repeat their settings in messages, and web clients the whole signed request. Values become known when a store
is opened; they are kept in the memory of this process only.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from mdio.storage.urls import redact_text

__all__ = ["keep_secret", "scrub"]

HIDDEN: Final = "***"

_SHORTEST = 6
"""Shorter values are found in ordinary words."""

_TELLING = re.compile(
    r"key|secret|token|passw|pwd|credential|auth|sas|signature|sig$|connection_?string|private|cookie|pass$", re.I
)
_ORDINARY = re.compile(r"^(key_?id|anon|profile|endpoint(_url)?|region(_name)?|signature_?version)$", re.I)
_PARTS = re.compile(r"[;\n]")

_known: set[str] = set()
_lock = threading.Lock()


def keep_secret(options: Mapping[str, Any], url: str = "") -> None:
    """Remember what is secret in storage options and in a URL, for :func:`scrub`."""
    found: set[str] = set()
    _collect(options, found, telling=False)
    parts = urlsplit(url.rpartition("::")[2])
    if "@" in parts.netloc:
        found |= {unquote(part) for part in parts.netloc.rpartition("@")[0].split(":")}
        found |= set(parts.netloc.rpartition("@")[0].split(":"))
    found |= {value for name, value in parse_qsl(parts.query) if _is_telling(name)}
    found = {value for value in found if len(value) >= _SHORTEST}
    if not found <= _known:
        with _lock:
            _known.update(found)


def scrub(text: str) -> str:
    """Return text with known secrets, and user information and queries of URLs, cut out."""
    for value in sorted(_known, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    return redact_text(text)


def _is_telling(name: str) -> bool:
    return _TELLING.search(name) is not None and _ORDINARY.match(name) is None


def _collect(value: Any, found: set[str], *, telling: bool) -> None:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _collect(inner, found, telling=telling or _is_telling(str(name)))
    elif isinstance(value, list | tuple):
        for inner in value:
            _collect(inner, found, telling=telling)
    elif isinstance(value, str) and telling:
        found.add(value)
        for part in _PARTS.split(value):  # connection strings: AccountKey=…;EndpointSuffix=…
            name, equals, inner = part.partition("=")
            if equals and _is_telling(name):
                found.add(inner)
