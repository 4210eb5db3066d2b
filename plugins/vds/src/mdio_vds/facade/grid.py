"""Where voxels lie in the world (VDS specification section 4, "world position")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mdio_vds.facade.overloads import overloaded

if TYPE_CHECKING:
    from mdio_vds.facade.layout import VolumeDataLayout

__all__ = ["IJKGridDefinition", "VDSIJKGridDefinition", "grid_definition"]

Vector = tuple[float, float, float]

_ZERO: Vector = (0.0, 0.0, 0.0)
_SURVEY = "SurveyCoordinateSystem"
_ROLES = {"Inline": 0, "I": 0, "Crossline": 1, "J": 1, "Sample": 2, "Time": 2, "Depth": 2, "K": 2}
"""Which of i, j and k a dimension of this name is."""
_MISSING: Vector = (0.0, 0.0, -1.0)


def _vector(value: Sequence[float]) -> Vector:
    x, y, z = (float(part) for part in value)
    return x, y, z


class IJKGridDefinition:
    """Origin and steps of a grid in the world.

    Parameters
    ----------
    origin
        Position of the voxel (0, 0, 0).
    iUnitStep, jUnitStep, kUnitStep
        Step to the next voxel along i, j and k.
    """

    __hash__ = None  # type: ignore[assignment]

    @overloaded("", "origin: object, iUnitStep: object, jUnitStep: object, kUnitStep: object")
    def __init__(
        self,
        origin: Sequence[float] = _ZERO,
        iUnitStep: Sequence[float] = _ZERO,
        jUnitStep: Sequence[float] = _ZERO,
        kUnitStep: Sequence[float] = _ZERO,
    ) -> None:
        self.origin = _vector(origin)
        self.iUnitStep, self.jUnitStep, self.kUnitStep = _vector(iUnitStep), _vector(jUnitStep), _vector(kUnitStep)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IJKGridDefinition) and vars(self) == vars(other)


class VDSIJKGridDefinition(IJKGridDefinition):
    """A grid, and which dimensions of a VDS i, j and k are.

    Parameters
    ----------
    ijkGridDefinition
        The grid.
    dimensionMap
        Dimensions of i, j and k; -1 for one that the VDS lacks.
    """

    @overloaded("", "ijkGridDefinition: IJKGridDefinition, dimensionMap: object")
    def __init__(
        self, ijkGridDefinition: IJKGridDefinition | None = None, dimensionMap: Sequence[int] = (0, 0, 0)
    ) -> None:
        grid = ijkGridDefinition or IJKGridDefinition()
        super().__init__(grid.origin, grid.iUnitStep, grid.jUnitStep, grid.kUnitStep)
        i, j, k = dimensionMap
        self.dimensionMap: tuple[int, int, int] = (int(i), int(j), int(k))


def grid_definition(layout: VolumeDataLayout) -> VDSIJKGridDefinition:
    """Return the grid that the metadata of a layout describe.

    Inline and crossline axes take Origin and the spacings, I, J and K axes the three-dimensional origin and steps, X, Y
    and Z are the coordinates themselves. Where spacings are missing they are 1 along X and Y.
    """
    names = [layout.getDimensionName(dim) or "" for dim in range(layout.getDimensionality())]
    dimensions = _dimension_map(names)
    origin = _origin(layout, names)
    steps = []
    for dim in dimensions:
        if dim < 0:
            steps.append(_MISSING)
            continue
        axis = layout.getAxisDescriptor(dim)
        unit = _unit_step(layout, names[dim])
        origin = _vector([a + b * axis.getCoordinateMin() for a, b in zip(origin, unit, strict=True)])
        length = axis.getCoordinateStep() if axis.getNumSamples() > 1 else 1.0
        steps.append(_vector([part * length for part in unit]))
    return VDSIJKGridDefinition(IJKGridDefinition(origin, *steps), dimensions)


def _dimension_map(names: Sequence[str]) -> tuple[int, int, int]:
    found = [-1, -1, -1]
    for dim, name in enumerate(names):
        if _ROLES.get(name, -1) >= 0 and found[_ROLES[name]] < 0:
            found[_ROLES[name]] = dim
    left = [dim for dim in range(min(len(names), 3)) if dim not in found]
    for role in range(3):
        if found[role] < 0 and left and len(names) >= 3 - role:
            found[role] = left.pop()
    return found[0], found[1], found[2]


def _origin(layout: VolumeDataLayout, names: Sequence[str]) -> Vector:
    if {"I", "J", "K"} & set(names):
        return _vector(layout.getMetadataDoubleVector3(_SURVEY, "Origin3D"))
    if layout.isMetadataDoubleVector2Available(_SURVEY, "Origin"):
        return _vector([*layout.getMetadataDoubleVector2(_SURVEY, "Origin"), 0.0])
    return _ZERO


def _unit_step(layout: VolumeDataLayout, name: str) -> Vector:
    """Return the step along a dimension for one unit of its coordinate."""
    if name in ("Inline", "Crossline"):
        if layout.isMetadataDoubleVector2Available(_SURVEY, f"{name}Spacing"):
            return _vector([*layout.getMetadataDoubleVector2(_SURVEY, f"{name}Spacing"), 0.0])
        return (1.0, 0.0, 0.0) if name == "Inline" else (0.0, 1.0, 0.0)
    if name in ("I", "J", "K"):
        return _vector(layout.getMetadataDoubleVector3(_SURVEY, f"{name}StepVector"))
    if name in ("Sample", "Time", "Depth"):
        return (0.0, 0.0, -1.0)
    along = {"X": (1.0, 0.0, 0.0), "Y": (0.0, 1.0, 0.0), "Z": (0.0, 0.0, 1.0)}
    return along.get(name, _ZERO)
