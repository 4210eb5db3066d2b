"""Machine code from the loops of this package, and the only place that knows numba.

Wavelet streams are read bit by bit, which numpy cannot do. Loops are compiled when their module is imported, once for
each machine: numba keeps the code next to the module, or in the user's cache where that is read-only.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, TypeVar

from mdio.exceptions import PluginNotInstalledError

__all__ = ["PAYLOAD", "compiled", "inlined", "spliced"]

PAYLOAD: Final = "Array(uint8, 1, 'C', True)"
"""The type of bytes in signatures: an array that may be read-only."""

F = TypeVar("F", bound=Callable[..., Any])

_LOG = logging.getLogger("mdio_vds.wavelet")

# Results have to be those of the reference implementation to the last bit: no reordering, no fused multiply-add, and
# IEEE division instead of Python's.
_OPTIONS = {"nogil": True, "fastmath": False, "error_model": "numpy"}


def _numba() -> Any:
    try:
        return import_module("numba")
    except ImportError as error:
        raise PluginNotInstalledError(
            f"wavelet chunks need numba, which cannot be imported: {error}", hint="pip install 'mdio-vds[wavelet]'"
        ) from error


def compiled(signature: str) -> Callable[[F], F]:
    """Compile a function for arguments of one signature, or load what an earlier process compiled.

    Parameters
    ----------
    signature
        In numba's notation, e.g. ``"int64(uint8[::1], int64)"``.

    Raises
    ------
    PluginNotInstalledError
        numba is missing. It is an ``ImportError``: the module of the function is not imported.
    """
    numba = _numba()
    _announce_once()

    def build(function: F) -> F:
        try:
            kept: F = numba.njit(signature, cache=True, **_OPTIONS)(function)
        except numba.errors.NumbaError:
            raise
        except Exception as error:  # noqa: BLE001 - a cache that cannot be used fails in more ways than can be named
            _LOG.info("compiled code of %s is not kept: %s", function.__name__, error)
            kept = numba.njit(signature, **_OPTIONS)(function)
        return kept

    return build


def inlined(function: F) -> F:
    """Make a function part of the compiled functions that call it.

    Those of other modules are not compiled anew when only this function changes: after an edit, delete what was kept.
    """
    kept: F = _numba().njit(**_OPTIONS)(function)
    return kept


def spliced(function: F) -> F:
    """Make a function part of those that call it before they are compiled; see :func:`inlined`.

    For short loops over several arrays, where handing these over would cost a quarter as much as the loops.
    """
    kept: F = _numba().njit(inline="always", **_OPTIONS)(function)
    return kept


_announced: list[object] = []


def _announce_once() -> None:
    """Say so when anything of this package has to be compiled, which takes some seconds; once a process."""
    if _announced:
        return
    events = import_module("numba.core.event")

    class Announcement(events.Listener):  # type: ignore[misc, name-defined]
        def on_start(self, event: Any) -> None:
            module = getattr(getattr(event.data["dispatcher"], "py_func", None), "__module__", "")
            if module.startswith("mdio_vds.wavelet") and len(_announced) == 1:
                _announced.append(module)
                _LOG.warning("compiling wavelet code; this takes some seconds, once on this machine")

        def on_end(self, event: Any) -> None:
            pass

    listener = Announcement()
    _announced.append(listener)
    events.register("numba:compile", listener)
