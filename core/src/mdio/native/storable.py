"""Whether values fit the type of a stored array; numpy would wrap, or store what nobody meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.exceptions import WrongTypeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["require_storable"]


def require_storable(values: NDArray[Any], dtype: np.dtype[Any], named: Callable[[int], str]) -> None:
    """Check values before anything is written.

    Floats are rounded to the nearest float or integer of the type, integers to the nearest float: that is no error.

    Parameters
    ----------
    values
        Of any shape.
    dtype
        Real numbers or truth values.
    named
        Returns where a value is to go, for messages; gets its flat position.

    Raises
    ------
    ValueError
        A value lies outside the range of the type, or is not finite and the type is one of integers; the message
        names the first one.
    WrongTypeError
        The values are no real numbers.
    """
    if values.dtype.kind not in "biuf":
        raise WrongTypeError(f"values of type {values.dtype} are no real numbers")
    if not values.size or values.dtype.kind == "b":
        return
    if values.dtype.kind == dtype.kind and values.dtype.itemsize <= dtype.itemsize:
        return
    wrong = _outside_integers if dtype.kind in "iu" else _outside_floats if dtype.kind == "f" else _no_truth_value
    ends = _extremes(values)
    # All values lie between their extremes, unless these are none.
    if dtype.kind != "b" and np.isfinite(ends).all() and not wrong(ends, dtype).any():
        return
    flags = wrong(values.reshape(-1), dtype)
    if flags.any():
        at = int(flags.argmax())
        raise ValueError(f"{named(at)}: {values.reshape(-1)[at]} has no place in {dtype.newbyteorder('=').name}")


def _extremes(values: NDArray[Any]) -> NDArray[Any]:
    """Return the least and the largest value; NaN where there is any."""
    with np.errstate(invalid="ignore"):
        return np.array([values.min(), values.max()], dtype=values.dtype)


def _outside_integers(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[np.bool_]:
    info = np.iinfo(dtype)
    if values.dtype.kind in "iu":
        flags: NDArray[np.bool_] = (values < info.min) | (values > info.max)
        return flags
    # The bound above the largest integer is a power of two, which every float type holds exactly or cannot reach.
    whole = np.rint(values, dtype=np.result_type(values.dtype, np.float64))
    outside: NDArray[np.bool_] = ~((whole >= float(info.min)) & (whole < float(info.max) + (info.max < 2**53)))
    return outside


def _outside_floats(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[np.bool_]:
    with np.errstate(over="ignore"):
        stored = values.astype(dtype.newbyteorder("="))
    flags: NDArray[np.bool_] = np.isinf(stored) & np.isfinite(values)
    return flags


def _no_truth_value(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[np.bool_]:
    del dtype
    flags: NDArray[np.bool_] = (values != 0) & (values != 1)
    return flags
