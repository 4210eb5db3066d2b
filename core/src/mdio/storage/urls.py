"""URLs as users type them: scheme, path, and a form without secrets for messages."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

__all__ = ["beside", "local_path", "redact", "redact_text", "scheme", "split_name", "suffix"]

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+)(?=://|::)")


def scheme(url: str) -> str:
    """Return the scheme in lower case; ``"file"`` for plain paths (drive letters are paths)."""
    match = _SCHEME.match(url)
    return match.group(1).lower() if match else "file"


def local_path(url: str) -> Path | None:
    """Return the path of a local URL, or None for a remote one."""
    if scheme(url) != "file":
        return None
    if url.startswith("file://"):
        url = url.removeprefix("file://")
        return Path(url.removeprefix("localhost") if url.startswith("localhost/") else url)
    return Path(url).expanduser() if url.startswith("~") else Path(url)


def redact(url: str) -> str:
    """Return the URL without user information and query, where access keys hide."""
    if scheme(url) == "file":
        return url
    prefix, _, rest = url.rpartition("::")
    parts = urlsplit(rest)
    host = parts.netloc.rpartition("@")[2]
    clean = urlunsplit((parts.scheme, host, parts.path, "", ""))
    return f"{prefix}::{clean}" if prefix else clean


def redact_text(text: str) -> str:
    """Return a message of a third party with user information and query cut out of every URL in it."""
    text = re.sub(r"(\w://)[^\s/@'\"]*@", r"\1", text)
    return re.sub(r"(\w://[^\s?'\"<>]*)\?[^\s'\"<>]*", r"\1", text)


def split_name(url: str) -> tuple[str, str]:
    """Split a URL in the part before its last name and the name."""
    head, _, name = url.rstrip("/").rpartition("/")
    return head, name


def beside(url: str, name: str) -> str:
    """Return where a file lies that the file at a URL names: beside it, where the name says no more.

    Parameters
    ----------
    url
        Path or URL of the file that names the other.
    name
        Relative path, absolute path or URL, as it stands there.
    """
    if name.startswith(("/", "~")) or scheme(name) != "file":
        return name
    folder, slash, _ = (url if scheme(url) == "file" else url.partition("?")[0]).rpartition("/")
    return f"{folder}{slash}{name}"


def suffix(url: str) -> str:
    """Return the lower-case ending of the last name with its dot, or an empty string."""
    name = split_name(url.split("?", 1)[0])[1]
    return Path(name).suffix.lower()
