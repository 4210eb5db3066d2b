"""Which of several formats is this? Magic bytes first, then the ending of the name, then asking the readers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from mdio.exceptions import MDIONotFoundError, PluginLoadError, StorageError
from mdio.plugins.contributions import Reader, Writer
from mdio.storage import urls

if TYPE_CHECKING:
    from mdio.storage.store import Storage

__all__ = ["HEAD", "by_content", "by_magic", "by_suffix", "ending", "shown"]

HEAD = 4096
"""Bytes from the start of a file in which magic bytes are looked for."""

F = TypeVar("F", Reader, Writer)


def by_content(
    readers: Sequence[Reader], url: str, head: bytes, *, is_dir: bool, storage: Storage | None
) -> Reader | None:
    """Return the reader that knows an input, or None; where a rung finds several, the next one chooses."""
    named = by_suffix(readers, url)
    marked = by_magic(readers, head)
    fitting = [reader for reader in named if reader.directories == is_dir]
    rung = [reader for reader in marked if reader in named] or marked or fitting
    if len(rung) == 1:
        return rung[0]
    candidates = rung or named  # of the last rung: the reader itself says best what it does not like
    return _ask(rung or readers, url, head, storage) or (candidates[0] if candidates else None)


def by_magic(readers: Iterable[Reader], head: bytes) -> list[Reader]:
    """Return the readers one of whose marks is in the head, the longest mark first."""
    head = head[:HEAD]
    found: list[tuple[int, Reader]] = []
    for reader in readers:
        lengths = [len(mark) for offset, mark in reader.magic if mark and head[offset:].startswith(mark)]
        if lengths:
            found.append((max(lengths), reader))
    longest = max((length for length, _ in found), default=0)
    return [reader for length, reader in found if length == longest]


def by_suffix(formats: Iterable[F], url: str) -> list[F]:
    """Return the formats one of whose endings the name has, the longest ending first."""
    name = _name(url)
    found = [
        (max(len(suffix) for suffix in item.suffixes if name.endswith(suffix)), item)
        for item in formats
        if name.endswith(tuple(item.suffixes))
    ]
    return [item for _, item in sorted(found, key=lambda pair: -pair[0])]


def ending(url: str) -> str:
    """Return the ending of the last name of a URL with its dot, lower case."""
    _, dot, last = _name(url).rpartition(".")
    return dot + last if dot else ""


def shown(url: str) -> str:
    """Return a URL as messages show it, without secrets."""
    return urls.redact(url)


def _name(url: str) -> str:
    # In a local name a question mark is a wildcard; elsewhere the query begins there.
    path = url if urls.scheme(url) == "file" else url.split("?", 1)[0]
    return urls.split_name(path)[1].lower()


def _ask(readers: Iterable[Reader], url: str, head: bytes, storage: Any) -> Reader | None:
    for reader in readers:
        if reader.sniff and _sniffs(reader, url, head, storage):
            return reader
    return None


def _sniffs(reader: Reader, url: str, head: bytes, storage: Any) -> bool:
    """Ask one reader; one that fails does not know the input, but a store that fails is an error of its own."""
    try:
        return bool(replace(reader, target=reader.sniff).load()(url, head, storage))
    except (MDIONotFoundError, PluginLoadError):
        return False
    except StorageError:
        raise
    except Exception:
        import logging

        logging.getLogger("mdio.plugins").debug("sniff of reader %s failed", reader.name, exc_info=True)
        return False
