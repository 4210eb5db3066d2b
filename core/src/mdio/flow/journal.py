"""What a run has finished, kept beside the target, so that a stopped run goes on where it was.

Lines of JSON: a header that names the run, then one line for each finished slab. Writing a line comes after the data
it speaks of; a line that is torn, or lost with the last second before a power cut, only means that its slab is
written again, which is harmless.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from mdio.core.region import Region
from mdio.exceptions import JournalMismatchError
from mdio.flow.lines import FileLines, Lines, MemoryLines, SegmentLines
from mdio.storage.claiming import REMOTE_STATE, journal_path

if TYPE_CHECKING:
    from mdio.storage.store import Store

__all__ = ["Journal"]

VERSION = 1


class Journal:
    """Finished slabs of one run; use :meth:`of_target` or one of the other class methods.

    Safe to use from several threads.
    """

    def __init__(self, lines: Lines, name: str) -> None:
        self.name = name
        self._lines = lines
        self._lock = threading.Lock()
        self._closed = False
        self._header = self._begun()

    @classmethod
    def local(cls, path: str | os.PathLike[str], target: str = "") -> Self:
        """Open or begin a journal in a local file and lock it.

        Parameters
        ----------
        path
            The file; its directory must exist.
        target
            Name of what is written, for messages; the path by default.

        Raises
        ------
        WriterLockedError
            Another process, or another sink of this one, holds it.
        """
        return cls(FileLines(Path(path), target or str(path)), target or str(path))

    @classmethod
    def on_store(cls, store: Store, prefix: str) -> Self:
        """Open or begin a journal of segment objects below ``prefix``. Stores offer no lock, so it takes none."""
        return cls(SegmentLines(store, prefix), store.url)

    @classmethod
    def of(cls, store: Store, key: str) -> Self:
        """Return the journal that suits a store: a locked file where the store is local, else segments."""
        if store.path is None:
            return cls.on_store(store, key)
        path = store.path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        return cls.local(path, store.url)

    @classmethod
    def of_target(cls, store: Store) -> Self:
        """Return the journal of a target that later runs go on with, wherever it is.

        It lies beside a local target and locks it, and in segments below a remote one.
        """
        return cls.on_store(store, REMOTE_STATE) if store.path is None else cls._beside(store.path, store)

    @classmethod
    def of_local_target(cls, store: Store) -> Self:
        """Return the journal of a target that is only gone on with where it is local; a remote one ends with us."""
        return cls.in_memory() if store.path is None else cls._beside(store.path, store)

    @classmethod
    def _beside(cls, path: Path, store: Store) -> Self:
        return cls.local(journal_path(path.absolute()), store.url)

    @classmethod
    def in_memory(cls, lines: list[bytes] | None = None) -> Self:
        """Return a journal that ends with the process, for targets that do as well; ``lines`` are those of another."""
        return cls(MemoryLines([] if lines is None else lines), "memory")

    @property
    def header(self) -> Mapping[str, Any] | None:
        """The header of the run that began this journal, or None when it is fresh."""
        return self._header

    def begin(self, header: Mapping[str, Any]) -> Mapping[str, Any]:
        """Begin a run, or go on with the one that is journalled.

        Parameters
        ----------
        header
            JSON-able. ``fingerprint`` tells whether a run is the same; everything else (``created``, ``slab``, …) is
            taken from the journal when the run goes on.

        Returns
        -------
        Mapping
            The header in force, as JSON gives it back (lists for tuples).

        Raises
        ------
        JournalMismatchError
            The journal belongs to a run of another fingerprint; the message names the first difference.
        """
        asked: dict[str, Any] = json.loads(_encode({"version": VERSION, **header}))
        with self._lock:
            if self._header is None:
                self._lines.append(_encode(asked))
                self._header = asked
            for key in ("version", "fingerprint"):
                self._compare(key, self._header.get(key), asked.get(key))
            return self._header

    def restart(self) -> None:
        """Forget the run that is journalled: the target is begun anew."""
        with self._lock:
            self._lines.keep(0)
            self._header = None

    def finished(self) -> dict[Region, dict[str, Any]]:
        """Return the entry of every slab recorded so far, read anew: a run keeps none in memory."""
        finished: dict[Region, dict[str, Any]] = {}
        with self._lock:
            for number, line in enumerate(self._lines.read()):
                if not number:
                    continue
                try:
                    value = json.loads(line)
                    finished[Region(value["region"])] = dict(value["entry"])
                except (ValueError, TypeError, KeyError):
                    # Torn by a power cut: this slab and those after it are simply done again.
                    self._lines.keep(number)
                    break
        return finished

    def record(self, region: Region, entry: Mapping[str, Any]) -> None:
        """Keep that a slab is finished; its data must be on their way to the disk already.

        Parameters
        ----------
        region
            The slab.
        entry
            What to remember of it, JSON-able.
        """
        line = _encode({"region": region, "entry": entry})
        with self._lock:
            if self._closed:
                raise ValueError(f"{self.name}: the journal is closed")
            self._lines.append(line)

    def close(self) -> None:
        """Make all lines durable and let go of file and lock; may be called again."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._lines.close()

    def remove(self) -> None:
        """Delete the journal, once the target is complete or given up; may be called again."""
        with self._lock:
            self._closed = True
            self._lines.remove()

    def _begun(self) -> dict[str, Any] | None:
        for line in self._lines.read():
            with contextlib.suppress(ValueError, TypeError):
                return {**json.loads(line)}
            self._lines.keep(0)
            break
        return None

    def _compare(self, path: str, begun: Any, asked: Any) -> None:
        if isinstance(begun, dict) and isinstance(asked, dict):
            for key in sorted(begun.keys() | asked.keys()):
                self._compare(f"{path}.{key}", begun.get(key), asked.get(key))
        elif begun != asked:
            raise JournalMismatchError(
                f"{self.name} was begun with {path.removeprefix('fingerprint.')} = {json.dumps(begun)}, "
                f"but this run has {json.dumps(asked)}",
                hint="resume with the same source and options, or start anew with --overwrite",
            )


def _encode(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
