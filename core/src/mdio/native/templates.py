"""The templates of MDIO v1: which dimensions a kind of survey has, its coordinates and its chunks.

Datasets of a kind look alike whoever made them; see the MDIO v1 compatibility specification, section 8.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from mdio.exceptions import ConfigError

__all__ = ["ADDED", "COORDINATE_WORDS", "DOMAINS", "TEMPLATES", "Coordinate", "Template", "template_for"]

DOMAINS: Final = ("time", "depth")
"""Names of the sample axis."""

ADDED: Final = "trace"
"""Dimension that grid overrides insert before the sample axis."""

COORDINATE_WORDS: Final[Mapping[str, str]] = {
    "receiver_x": "group_coord_x",
    "receiver_y": "group_coord_y",
}
"""Coordinates whose header word has another name."""


@dataclass(frozen=True, slots=True)
class Coordinate:
    """A coordinate variable: over some of the spatial dimensions, from a header word.

    Parameters
    ----------
    name
        Of the variable.
    dims
        Names of its dimensions, in the order of the template's.
    dtype
        ``"float64"`` for places, which are scaled; integers are taken as they are.
    """

    name: str
    dims: tuple[str, ...]
    dtype: str = "float64"

    @property
    def word(self) -> str:
        """Name of the header word."""
        return COORDINATE_WORDS.get(self.name, self.name)


@dataclass(frozen=True, slots=True)
class Template:
    """A kind of survey.

    Parameters
    ----------
    name
        As stored in the root attribute ``name``.
    dims
        Spatial dimensions, slowest first.
    domain
        ``"time"`` or ``"depth"``.
    chunks
        Chunk shape of the samples, not clipped to the shape.
    coordinates
        Coordinate variables.
    survey, gather
        Values of ``surveyType`` and ``gatherType``.
    types
        Type of the axis variables that are not int32.
    survey_key
        Name of the first of the two.
    """

    name: str
    dims: tuple[str, ...]
    domain: str
    chunks: tuple[int, ...]
    coordinates: tuple[Coordinate, ...] = ()
    survey: str = ""
    gather: str = ""
    types: Mapping[str, str] = field(default_factory=dict)
    survey_key: str = "surveyType"

    def with_added(self) -> Template:
        """Return the template for a grid with a further dimension of traces that share a cell.

        Coordinates over all spatial dimensions get the new one, as releases 1.1 write them.
        """
        coordinates = tuple(
            Coordinate(c.name, (*c.dims, ADDED), c.dtype) if c.dims == self.dims else c for c in self.coordinates
        )
        chunks = (*self.chunks[:-1], 1, self.chunks[-1])
        return Template(
            self.name,
            (*self.dims, ADDED),
            self.domain,
            chunks,
            coordinates,
            self.survey,
            self.gather,
            self.types,
            self.survey_key,
        )


def _places(prefix: str, *dims: str) -> tuple[Coordinate, ...]:
    return tuple(Coordinate(f"{prefix}_{axis}", dims) for axis in "xy")


def _numbers(dims: tuple[str, ...], *names: str) -> tuple[Coordinate, ...]:
    return tuple(Coordinate(name, dims, "uint32") for name in names)


_LINES: Final = ("inline", "crossline")
_CDP2: Final = _places("cdp", "cdp")
_CDP3: Final = _places("cdp", *_LINES)
_RECORDS: Final = ("sail_line", "gun", "shot_index")
_SHOTS: Final = ("shot_line", "gun", "shot_index")

_BOTH: Final[tuple[tuple[str, tuple[str, ...], tuple[int, ...], tuple[Coordinate, ...], str, str], ...]] = (
    ("PostStack2D", ("cdp",), (1024, 1024), _CDP2, "2D", "stacked"),
    ("PostStack3D", _LINES, (128, 128, 128), _CDP3, "3D", "stacked"),
    ("CdpOffsetGathers2D", ("cdp", "offset"), (16, 64, 1024), _CDP2, "2D", "cdp"),
    ("CdpAngleGathers2D", ("cdp", "angle"), (16, 64, 1024), _CDP2, "2D", "cdp"),
    ("CdpOffsetGathers3D", (*_LINES, "offset"), (8, 8, 32, 512), _CDP3, "3D", "cdp"),
    ("CdpAngleGathers3D", (*_LINES, "angle"), (8, 8, 32, 512), _CDP3, "3D", "cdp"),
    (
        "CocaGathers3D",
        (*_LINES, "offset", "azimuth"),
        (8, 8, 32, 1, 1024),
        _CDP3,
        "3D",
        "common_offset_common_azimuth",
    ),
    (
        "OffsetTiles3D",
        (*_LINES, "inline_offset_tile", "crossline_offset_tile"),
        (4, 4, 6, 6, 4096),
        _CDP3,
        "3D",
        "offset_tiles",
    ),
)
"""Kinds that there are in time and in depth: name without domain, dims, chunks, coordinates, survey, gather."""

_TYPES: Final = {
    "CocaGathers3D": {"azimuth": "float32"},
    "OffsetTiles3D": {"inline_offset_tile": "int16", "crossline_offset_tile": "int16"},
}

TEMPLATES: Final = (
    *(
        Template(f"{name}{domain.title()}", dims, domain, chunks, coordinates, survey, gather, _TYPES.get(name, {}))
        for name, dims, chunks, coordinates, survey, gather in _BOTH
        for domain in DOMAINS
    ),
    Template(
        "ReceiverGathers3D",
        ("receiver", "shot_line", "shot_index"),
        "time",
        (1, 1, 512, 4096),
        (
            *_places("receiver", "receiver"),
            *_numbers(("shot_line", "shot_index"), "shot_point"),
            *_places("source_coord", "shot_line", "shot_index"),
        ),
        "3D",
        "receiver_gathers",
        {"receiver": "uint32", "shot_line": "uint32"},
    ),
    # The same name in releases 1.2, whose third dimension is the shot point.
    Template(
        "ReceiverGathers3D",
        ("receiver", "shot_line", "shot_point"),
        "time",
        (1, 1, 512, 4096),
        (*_places("receiver", "receiver"), *_places("source_coord", "shot_line", "shot_point")),
        "3D",
        "receiver_gathers",
        {"receiver": "uint32", "shot_line": "uint32", "shot_point": "uint32"},
    ),
    Template(
        "StreamerShotGathers2D",
        ("shot_point", "channel"),
        "time",
        (16, 32, 2048),
        (*_places("source_coord", "shot_point"), *_places("group_coord", "shot_point", "channel")),
        "2D",
        "common_source",
    ),
    Template(
        "StreamerShotGathers3D",
        ("shot_point", "cable", "channel"),
        "time",
        (8, 1, 128, 2048),
        (
            Coordinate("gun", ("shot_point",), "uint8"),
            *_places("source_coord", "shot_point"),
            *_places("group_coord", "shot_point", "cable", "channel"),
        ),
        "3D",
        "common_source",
    ),
    Template(
        "StreamerFieldRecords3D",
        (*_RECORDS, "cable", "channel"),
        "time",
        (1, 1, 16, 1, 32, 1024),
        (
            *_numbers(_RECORDS, "orig_field_record_num", "shot_point"),
            *_places("source_coord", *_RECORDS),
            *_places("group_coord", *_RECORDS, "cable", "channel"),
        ),
        "3D",
        "common_source",
        {"sail_line": "uint32", "gun": "uint8", "cable": "uint8", "channel": "uint16"},
        survey_key="surveyDimensionality",
    ),
    Template(
        "ObnReceiverGathers3D",
        ("component", "receiver", *_SHOTS),
        "time",
        (1, 1, 1, 1, 512, 4096),
        (
            *_places("group_coord", "receiver"),
            *_numbers(_SHOTS, "shot_point", "orig_field_record_num"),
            *_places("source_coord", *_SHOTS),
        ),
        "3D",
        "common_receiver",
        {"component": "uint8", "receiver": "uint32", "shot_line": "uint32", "gun": "uint8"},
    ),
    Template(
        "ShotReceiverLineGathers3D",
        ("shot_line", "shot_point", "receiver_line", "receiver"),
        "time",
        (1, 32, 1, 32, 2048),
        (
            *_places("source_coord", "shot_line", "shot_point"),
            *_numbers(("shot_line", "shot_point"), "orig_field_record_num"),
            *_places("group_coord", "receiver_line", "receiver"),
        ),
        "3D",
        "common_source",
        dict.fromkeys(("shot_line", "shot_point", "receiver_line", "receiver"), "uint32"),
    ),
    Template(
        "SingleNodeContRecvrGathers",
        ("component", "epoch"),
        "time",
        (1, 140, 15001),
        _places("group_coord", "component"),
        "3D",
        "continuous_receiver",
        {"component": "uint8", "epoch": "int64"},
    ),
)
"""All templates of releases 1.1 and 1.2."""

_FREE_CHUNKS: Final = {
    1: (1 << 20,),
    2: (1024, 1024),
    3: (128, 128, 128),
    4: (8, 8, 32, 512),
    5: (8, 8, 8, 8, 512),
    6: (4, 4, 4, 8, 8, 256),
}


def template_for(dims: Sequence[str], domain: str, name: str | None = None) -> Template:
    """Return the template of these dimensions; one of our own where there is none.

    Parameters
    ----------
    dims
        Names of the spatial dimensions.
    domain
        ``"time"``, ``"depth"``, or another name of the sample axis.
    name
        The template that is meant, where a user says so.

    Raises
    ------
    ConfigError
        There is no such template, or its dimensions are others.
    """
    spatial = tuple(dims)
    known = [template for template in TEMPLATES if name in (None, template.name)]
    if not known:
        names = sorted({template.name for template in TEMPLATES})
        near = difflib.get_close_matches(str(name), names, 1)
        raise ConfigError(
            f"no template {name!r}",
            path="template",
            hint=f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names)}",
        )
    for template in known:
        if template.domain == domain or name is not None:
            for candidate in (template, template.with_added()):
                if candidate.dims == spatial:
                    return candidate
    if name is not None:
        raise ConfigError(
            f"template {name} has the dimensions {', '.join(known[0].dims)}, the volume {', '.join(spatial)}",
            path="template",
            hint="leave it out, and a name is made from the dimensions",
        )
    ndim = len(spatial) + 1
    chunks = _FREE_CHUNKS.get(ndim) or (1,) * (ndim - 6) + _FREE_CHUNKS[6]
    coordinates = _places("cdp", *spatial) if spatial else ()
    survey = "2D" if ndim <= 2 else "3D"
    return Template(f"Volume{ndim}D{domain.title()}", spatial, domain, chunks, coordinates, survey)
