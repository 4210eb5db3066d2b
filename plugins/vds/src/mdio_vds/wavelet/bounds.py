"""Steps fine enough for what was promised: coefficients are quantised, and taken back as readers do it, until they are.

The reference implementation promises nothing: a few voxels of a chunk are off by half a step more than they should be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from mdio_vds.enums import VolumeDataFormat
from mdio_vds.wavelet.forward import LOW_GAIN, forward, forward_rounded
from mdio_vds.wavelet.stream import Flags
from mdio_vds.wavelet.transform import LOW_SCALE, inverse, inverse_rounded
from mdio_vds.wavelet.tree_section import quantised

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio_vds.descriptors import ChannelDescriptor
    from mdio_vds.wavelet.bands import Pyramid
    from mdio_vds.wavelet.tree_section import Quantised

__all__ = [
    "LEAST_CODES",
    "PLAIN",
    "ROUNDED",
    "SMALLEST",
    "WHOLE",
    "Bound",
    "Kind",
    "bound_coefficients",
    "free_coefficients",
]

_PLANES: Final = 22  # below the largest coefficient; single precision has nothing to say beyond
_MOST_PLANES: Final = 26  # where a promise has to be kept
SMALLEST: Final = float(np.finfo(np.float32).tiny) * 4
"""Least step: half of it is a normal number."""
LEAST_CODES: Final = 3
"""Step of integers below which bounds are hardly kept, and exact coefficients take little more."""
_ATTEMPTS: Final = 40
_WAIT: Final = 4  # attempts in which the voxels that are too far off should become half as many
_FIRST: Final = 0.995  # of the step of a layer, so that fewer voxels are off
_FIRST_CODES: Final = 1.1  # the same for integers, which are rounded and have room to the bound
_PUSH: Final = 0.25  # of what is allowed
_FEW: Final = 0.01  # share of voxels
_FINER: Final = 0.97  # of the step that the error asks for
_COARSEST: Final = 0.25  # share of a step to which one attempt goes


class Kind(NamedTuple):
    """A kind of transform."""

    forward: Callable[..., None]
    inverse: Callable[..., None]
    gain: float
    scale: float
    flags: Flags

    def coefficients(
        self, values: NDArray[np.float32], shape: Pyramid
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the coefficients that go into trees, zeros elsewhere, and those that are stored raw."""
        coefficients = values.reshape(-1)
        self.forward(coefficients, shape.sizes, shape.masks, self.gain)
        raw = coefficients[shape.starts]
        coefficients[shape.starts] = 0
        return coefficients, raw


PLAIN: Final = Kind(forward, inverse, LOW_GAIN, LOW_SCALE, Flags(0))
ROUNDED: Final = Kind(forward_rounded, inverse_rounded, LOW_GAIN, LOW_SCALE, Flags.INTEGER)
WHOLE: Final = Kind(forward_rounded, inverse_rounded, 1.0, 1.0, Flags.INTEGER | Flags.LOSSLESS_INTEGER)


def free_coefficients(values: NDArray[np.float32], shape: Pyramid, kind: Kind, step: float) -> Quantised:
    """Encode without a promise: the tree is one part of what makes the voxels exact, or all there is to integers."""
    coefficients, raw = kind.coefficients(values, shape)
    if kind is WHOLE:
        step = 1.0
    else:
        finest = float(np.abs(coefficients).max()) * 2.0**-_PLANES
        step = float(np.float32(max(step, finest)))
    return quantised(coefficients, raw, shape, step, integer=bool(kind.flags))


def bound_coefficients(
    values: NDArray[np.float32], shape: Pyramid, kind: Kind, step: float, bound: Bound
) -> Quantised | None:
    """Encode so that no voxel is further off than a bound; None where that cannot be done.

    Few voxels are off too far, where many small coefficients happen to add up. Something is added to these, and they
    are transformed once more; nearly always that is enough. Finer steps for all are the last resort.
    """
    original = aim = values.reshape(-1)
    step = bound.first(step)
    counts: list[int] = []
    for _ in range(_ATTEMPTS):
        coefficients, raw = kind.coefficients(aim.copy(), shape)
        if not np.abs(coefficients).max() < step * 2.0**_MOST_PLANES or step < bound.least:
            break
        tree = quantised(coefficients, raw, shape, step, integer=bool(kind.flags))
        kind.inverse(tree.known, shape.sizes, shape.masks, kind.scale)
        lacking = bound.lacking(tree.known)
        off = np.flatnonzero(~(np.abs(lacking) < bound.limit))
        if not off.size:
            return tree
        counts.append(off.size)
        if off.size > _FEW * aim.size or (len(counts) > _WAIT and 2 * off.size > counts[-1 - _WAIT]):
            step, aim, counts = bound.finer(step, float(np.abs(lacking[off]).max())), original, []
        else:
            aim = aim.copy() if aim is original else aim
            aim[off] += bound.push(lacking[off])
    return None


class Bound:
    """How far off lossy voxels may be.

    Parameters
    ----------
    original
        Stored codes of the chunk.
    missing
        Voxels that do not count.
    channel
        Of the codes.
    step
        Of the layer.
    """

    def __init__(
        self, original: NDArray[Any], missing: NDArray[np.bool_] | None, channel: ChannelDescriptor, step: float
    ) -> None:
        self._original = original.reshape(-1)
        self._missing = None if missing is None else missing.reshape(-1)
        self._single = channel.format is VolumeDataFormat.Format_R32
        self._most = None if self._single else np.iinfo(original.dtype).max - (channel.no_value is not None)
        self.limit = step if self._single else step + 1
        """What errors have to be less than."""
        self.least = SMALLEST if self._single else LEAST_CODES
        """Least step that makes sense."""

    def lacking(self, decoded: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what readers lack of every voxel.

        Rounding keeps the order: a difference that is less than the limit in single precision is less than it.
        """
        # Readers cut fractions of integers off (section 9.8, step 5).
        codes = decoded if self._single else np.trunc(np.clip(decoded, 0, self._most))
        lacking: NDArray[np.float32] = self._original - codes
        if self._missing is not None:
            lacking[self._missing] = 0
        return lacking

    def push(self, lacking: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what to add to voxels that lack too much: what is too much, and a little more.

        All that they lack would be too much of a change: it wakes up coefficients that push others off.
        """
        push = np.sign(lacking) * (np.abs(lacking) - np.float32((1 - _PUSH) * self.limit))
        return push if self._single else np.rint(push)

    def first(self, step: float) -> float:
        """Return the step to begin with."""
        return float(np.float32(_FIRST * step) if self._single else np.rint(_FIRST_CODES * step))

    def finer(self, step: float, error: float) -> float:
        """Return the step to try after one that leads to an error, or to none that can be told."""
        share = _FINER * self.limit / error if error > 0 else _FINER
        finer = step * min(max(share, _COARSEST), _FINER)
        return float(np.float32(finer) if self._single else np.floor(finer))
