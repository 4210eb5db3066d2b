"""The compiled inner loops of :mod:`mdio_compression.blosc` and :mod:`mdio_compression.zfp`, where there are any.

Frames are taken apart and put together without the interpreter's lock and without a Python call a stream, so that
threads do not queue for it. Without a compiler at installation, or without a zstd library whose functions can be
found, the Python code does everything, and samples come out the same. So do frames, but for chunks of two dimensions
and more at level 1: there the compiled loops look for repeats where the shape of the chunk says (``_repeats.h``). ZFP
streams are written in a fifth of the time that zfpy takes, which writes them where this is not compiled; these are the
same bytes.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["finds_repeats", "frames", "is_compiled", "zfp_streams"]

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
    return frames() is not None and _zfp() is not None


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


@cache
def zfp_streams() -> Any | None:
    """Return the module with ``encode``, or None, also where zfpy writes other streams: those of another version."""
    import numpy as np
    import zfpy

    module = _zfp()
    if module is None:
        return None
    for dims in (1, 2, 3):
        array = np.arange(5**dims, dtype=np.float32).reshape((5,) * dims)
        if module.encode(array, -3, math.inf) != bytes(zfpy.compress_numpy(array, tolerance=0.125)):
            return None
    return module


def _zfp() -> Any | None:
    try:
        from mdio_compression import _zfp
    except ImportError:
        return None
    return _zfp


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
