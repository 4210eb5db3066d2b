"""Quality names of lossy compression, as multiples of the standard deviation of a volume."""

from __future__ import annotations

import difflib
import math
from enum import Enum

from mdio.exceptions import CodecError

__all__ = ["MdioZfpQuality", "tolerance_for"]


class MdioZfpQuality(float, Enum):
    """Largest error as a multiple of the standard deviation (MDIO documentation, "Compression (Lossy)")."""

    VERY_LOW = 6
    LOW = 3
    MEDIUM = 1
    HIGH = 0.1
    VERY_HIGH = 0.01
    ULTRA = 0.001

    @classmethod
    def named(cls, name: str) -> MdioZfpQuality:
        """Return the quality of a name such as ``very_high``; case, ``-`` and blanks do not matter.

        Raises
        ------
        CodecError
            No such name.
        """
        wanted = name.strip().upper().replace("-", "_").replace(" ", "_")
        if wanted in cls.__members__:
            return cls[wanted]
        near = difflib.get_close_matches(wanted, cls.__members__, 1)
        names = ", ".join(member.lower() for member in cls.__members__)
        raise CodecError(
            f"no quality {name!r}",
            hint=f"did you mean {near[0].lower()!r}?" if near else f"choose one of {names}",
        )


def tolerance_for(quality: str | float, std: float) -> float:
    """Return the largest error of a sample, in the unit of the samples.

    Parameters
    ----------
    quality
        A name of `MdioZfpQuality`, or a multiple of the standard deviation.
    std
        Standard deviation of the whole volume.

    Raises
    ------
    CodecError
        An unknown name, or the product is not a positive number (a constant volume has no deviation).
    """
    multiple = float(MdioZfpQuality.named(quality) if isinstance(quality, str) else quality)
    tolerance = multiple * float(std)
    if not (math.isfinite(tolerance) and tolerance > 0):
        raise CodecError(
            f"quality {quality!r} of data with standard deviation {std} gives no tolerance",
            hint="give the tolerance itself, or use lossless compression",
        )
    return tolerance
