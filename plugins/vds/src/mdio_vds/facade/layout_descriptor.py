"""``VolumeDataLayoutDescriptor``: how a VDS is cut into bricks."""

from __future__ import annotations

from mdio_vds.facade.enumerations import BrickSize as _BrickSize
from mdio_vds.facade.enumerations import LODLevels as _LODLevels
from mdio_vds.facade.enumerations import Options as _Options
from mdio_vds.facade.overloads import overloaded

__all__ = ["VolumeDataLayoutDescriptor"]


class VolumeDataLayoutDescriptor:
    """Brick size, margins and levels of detail; without arguments one that is not valid.

    Parameters
    ----------
    brickSize
        Edge of a brick, both margins included.
    negativeMargin, positiveMargin
        Overlap with the brick before and after, in voxels.
    brickSize2DMultiplier
        Bricks of two-dimensional groups are this many times longer.
    lodLevels
        The highest level of detail.
    options
        Whether two-dimensional groups have levels of detail, and one dimension is never decimated.
    fullResolutionDimension
        Which one that is.
    """

    BrickSize = _BrickSize
    LODLevels = _LODLevels
    Options = _Options

    @overloaded(
        "",
        "brickSize: BrickSize, negativeMargin: int, positiveMargin: int, brickSize2DMultiplier: int, "
        "lodLevels: LODLevels, options: Options, fullResolutionDimension: int = 0",
    )
    def __init__(
        self,
        brickSize: _BrickSize | None = None,
        negativeMargin: int = 0,
        positiveMargin: int = 0,
        brickSize2DMultiplier: int = 0,
        lodLevels: _LODLevels = _LODLevels.LODLevels_None,
        options: _Options = _Options.Options_None,
        fullResolutionDimension: int = 0,
    ) -> None:
        self._valid = brickSize is not None
        self._brick = _BrickSize(0) if brickSize is None else brickSize
        self._margins = negativeMargin, positiveMargin
        self._multiplier, self._levels, self._options = brickSize2DMultiplier, lodLevels, options
        self._full = fullResolutionDimension

    def getBrickSize(self) -> _BrickSize:
        """Return the edge of a brick."""
        return self._brick

    def getNegativeMargin(self) -> int:
        """Return the overlap with the brick before."""
        return self._margins[0]

    def getPositiveMargin(self) -> int:
        """Return the overlap with the brick after."""
        return self._margins[1]

    def getBrickSizeMultiplier2D(self) -> int:
        """Return how many times longer bricks of two-dimensional groups are."""
        return self._multiplier

    def getLODLevels(self) -> _LODLevels:
        """Return the highest level of detail."""
        return self._levels

    def getOptions(self) -> _Options:
        """Return the options."""
        return self._options

    def getFullResolutionDimension(self) -> int:
        """Return the dimension that is never decimated; of no meaning unless that is forced."""
        return self._full

    def isCreate2DLODs(self) -> bool:
        """Whether two-dimensional groups have levels of detail."""
        return bool(self._options & _Options.Options_Create2DLODs)

    def isForceFullResolutionDimension(self) -> bool:
        """Whether a dimension is never decimated."""
        return bool(self._options & _Options.Options_ForceFullResolutionDimension)

    def isValid(self) -> bool:
        """Whether it was made with arguments; what they are is looked at when a VDS is created."""
        return self._valid

    brickSize = property(getBrickSize)
    negativeMargin = property(getNegativeMargin)
    positiveMargin = property(getPositiveMargin)
    brickSizeMultiplier2D = property(getBrickSizeMultiplier2D)
    options = property(getOptions)
    fullResolutionDimension = property(getFullResolutionDimension)
    create2DLODs = property(isCreate2DLODs)
    forceFullResolutionDimension = property(isForceFullResolutionDimension)
    valid = property(isValid)
