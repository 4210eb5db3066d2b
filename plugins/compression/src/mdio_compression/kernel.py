"""The compiled inner loop of :mod:`mdio_compression.blosc`, where there is one.

Frames are taken apart and put together without the interpreter's lock and without a Python call a stream, so that
threads do not queue for it. Without a compiler at installation, or without a zstd library whose functions can be
found, the Python code does everything, and samples come out the same. So do frames, but for chunks of two dimensions
and more at level 1: there the compiled loops look for repeats where the shape of the chunk says (``_repeats.h``).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["finds_repeats", "frames", "is_compiled"]

_FUNCTIONS = (
    "ZSTD_createDCtx",
    "ZSTD_decompressDCtx",
    "ZSTD_createCCtx",
    "ZSTD_CCtx_setParameter",
    "ZSTD_compress2",
    "ZSTD_compressBound",
    "ZSTD_isError",
)
"""Of the stable interface of zstd (zstd.h), in the order in which ``connect`` takes them."""
_SEQUENCES = "ZSTD_compressSequences"
"""Of its experimental interface; without it zstd finds itself what repeats."""


def is_compiled() -> bool:
    """Whether the compiled loops are there and in use."""
    return frames() is not None


def finds_repeats() -> bool:
    """Whether repeats are looked for where the shape of a chunk says."""
    loops = frames()
    return loops is not None and bool(loops.finds_repeats())


@cache
def frames() -> Any | None:
    """Return the module with ``decode`` and ``encode``, or None."""
    try:
        from mdio_compression import _frames
    except ImportError:
        return None
    addresses = _zstd()
    if addresses is None:
        return None
    _frames.connect(*addresses)
    return _frames


def _zstd() -> list[int] | None:
    """Return where the functions of zstd are, in the first library that shows all of them."""
    import ctypes

    for name in _libraries():
        try:
            library = ctypes.CDLL(name)
            found = [getattr(library, name) for name in _FUNCTIONS]
        except (OSError, AttributeError):
            continue
        found.append(getattr(library, _SEQUENCES, None))
        return [ctypes.cast(function, ctypes.c_void_p).value or 0 for function in found]
    return None


def _libraries() -> Iterator[str]:
    """Yield libraries that may hold zstd: those of packages that are installed anyway, then the system's.

    The packages are not imported for that.
    """
    for package, pattern in (("zstandard", "_cffi.*"), ("numcodecs", "zstd.*")):
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations if spec is not None else None) or ():
            yield from map(str, sorted(Path(folder).glob(pattern)))
    yield from ("libzstd.so.1", "libzstd.1.dylib")
