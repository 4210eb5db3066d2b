"""Times reads in whatever Python runs it: a fresh handle for every request, the same read again, a digest.

Lies beside the drivers, which run in environments of other packages: numpy and the standard library only.
"""

from __future__ import annotations

import json
import sys
import time
import zlib
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

__all__ = ["Handle", "Span", "digest", "main"]

Span = tuple[int, int]


class Handle(Protocol):
    """An open dataset."""

    def read(self, region: list[Span]) -> Any:
        """Return a region: ``[start, stop)`` of each axis, samples last, in C order."""
        ...

    def close(self) -> None: ...


def digest(array: Any) -> int:
    """Return the CRC-32 of samples as little-endian float32; missing ones (NaN) and -0 count as 0."""
    flat = np.ascontiguousarray(array).reshape(-1)
    crc = 0
    for first in range(0, flat.size, 1 << 22):
        part = flat[first : first + (1 << 22)].astype("<f4") + np.float32(0)
        part[np.isnan(part)] = 0
        crc = zlib.crc32(part.tobytes(), crc)
    return crc


def main(opening: Callable[[str, dict[str, Any]], Handle]) -> None:
    """Run the requests of the JSON argument and print what each took as JSON.

    The argument has ``store``, ``requests`` (``[[name, region], …]``), ``repeat``, and ``dump``, a file to save the
    last result in. Results: ``{"open": [ms, …], "reads": {name: {"fresh": [ms], "again": [ms], "digest": n}}}``.
    """
    arguments = json.loads(sys.argv[1])
    opened: list[float] = []
    reads: dict[str, dict[str, Any]] = {}
    opening(arguments["store"], arguments).close()  # imports are the process's cost, not the read's
    for name, region in arguments["requests"]:
        began = time.perf_counter()
        handle = opening(arguments["store"], arguments)
        opened.append(1e3 * (time.perf_counter() - began))
        began = time.perf_counter()
        found = handle.read(region)
        fresh = 1e3 * (time.perf_counter() - began)
        again = []
        for _ in range(arguments.get("repeat", 0)):
            began = time.perf_counter()
            handle.read(region)
            again.append(1e3 * (time.perf_counter() - began))
        handle.close()
        reads[name] = {"fresh": [fresh], "again": again, "digest": digest(found)}
        if arguments.get("dump"):
            np.save(arguments["dump"], np.ascontiguousarray(found))
        del found
    json.dump({"open": opened, "reads": reads}, sys.stdout)
