"""The MDIO v1 layout, read: one flat group of named variables, in Zarr format 3 (or 2, where multidimio was told so).

Variables mean what their names say: ``trace_mask``, ``headers``, ``segy_file_header``, one a dimension, and the
default variable, mostly ``amplitude``. Little of it has to be there; what is missing is told from what is. What is ours
stands in the group ``source/`` and under the attribute ``mdio``, where multidimio does not look.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mdio.core.dimension import Dimension
from mdio.core.region import Region
from mdio.exceptions import CodecError, InvalidMDIOError
from mdio.native import binary, source, v1_header
from mdio.native.arrays import ArraySpec
from mdio.native.axes import axis_of
from mdio.native.chunks import ChunkCache, ChunkReader
from mdio.native.dataset import Description, Revision, default_pattern
from mdio.native.presence import OBJECTS, presence_of
from mdio.native.templates import DOMAINS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.native.v1_nodes import Nodes
    from mdio.storage.store import Store

__all__ = [
    "DEFAULT",
    "HEADERS",
    "MASK",
    "MDIO_KEY",
    "STATISTICS",
    "V1Dataset",
    "file_header_spec",
    "other_words",
    "spelled",
    "sums_of",
]

MDIO_KEY: Final = "mdio"
"""Root attribute that holds what is ours."""
DEFAULT: Final = "amplitude"
MASK: Final = "trace_mask"
HEADERS: Final = "headers"
STATISTICS: Final = ("mean", "std", "rms", "min", "max")
_FAST: Final = "fast_"
"""Prefix of the variables that ``optimize_access_patterns`` adds."""
_RESERVED: Final = frozenset((MASK, HEADERS, v1_header.NAME, "raw_headers", source.GROUP))
_TAKEN: Final = "chunked_"
"""Prefix of an access pattern's variable where its own name is taken."""


def sums_of(statistics: Mapping[str, Any]) -> str:
    """Return the attribute ``statsV1``: sums over non-zero samples of live traces, empty where they are not known.

    The number of these samples follows from both senses of the root mean square, whose sums are the same.
    """
    honest = statistics.get("honest") or {}
    if not {"count", "rms"} <= honest.keys() or not {*STATISTICS} <= statistics.keys():
        return ""
    rms = float(statistics["rms"])
    count = round(int(honest["count"]) * (float(honest["rms"]) / rms) ** 2) if rms else 0
    document = {
        "count": count,
        "sum": float(statistics["mean"]) * count,
        "sumSquares": rms * rms * count,
        "min": float(statistics["min"]),
        "max": float(statistics["max"]),
        "histogram": {"counts": [], "binCenters": []},
    }
    return json.dumps(document, separators=(",", ":"), allow_nan=False) if math.isfinite(rms * rms * count) else ""


def _from_sums(text: Any) -> dict[str, Any]:
    """Return the five statistics of an attribute ``statsV1``, empty where it holds none."""
    try:
        sums = json.loads(text) if isinstance(text, str) else dict(text or {})
        count, total, squares = int(sums["count"]), float(sums["sum"]), float(sums["sumSquares"])
        mean = total / count if count else 0.0
        square = squares / count if count else 0.0
        return {
            "mean": mean,
            "std": math.sqrt(max(square - mean * mean, 0.0)),
            "rms": math.sqrt(square),
            "min": float(sums["min"]),
            "max": float(sums["max"]),
        }
    except (KeyError, TypeError, ValueError):
        return {}


class V1Dataset:
    """An existing dataset of the v1 layout; see :class:`mdio.native.dataset.Dataset`.

    Parameters
    ----------
    store
        Its root.
    nodes
        Its arrays and attributes.

    Raises
    ------
    InvalidMDIOError
        It has no variable of samples with named dimensions.
    """

    layout = "v1"
    mask = MASK

    def __init__(self, store: Store, nodes: Nodes) -> None:
        self.store = store
        self._nodes = nodes
        self._default = self._choose_default()
        dims = nodes.dims(self._default)
        shape = nodes.shape(self._default)
        if dims is None or shape is None or len(dims) != len(shape) or len(dims) < 2:
            raise InvalidMDIOError(
                f"variable {self._default!r} has no named dimensions", url=store.url, hint="give it dimension_names"
            )
        self._dims = dims
        self._shape = shape
        self._names = self._find_names()

    def _ours(self) -> dict[str, Any]:
        ours = self._nodes.attributes("").get(MDIO_KEY)
        return dict(ours) if isinstance(ours, Mapping) else {}

    def _choose_default(self) -> str:
        inner = self._nodes.attributes("").get("attributes")
        named = inner.get("defaultVariableName") if isinstance(inner, Mapping) else None
        for name in (named, DEFAULT):
            if name and self._nodes.shape(str(name)) is not None:
                return str(name)
        spatial = self._nodes.dims(MASK)
        fitting = [
            name
            for name in self._nodes.names() or ()
            if name not in _RESERVED and spatial and (self._nodes.dims(name) or ())[:-1] == spatial
        ]
        if len(fitting) != 1:
            said = f"variable {named!r} is missing" if named else "no root attribute says which variable is the default"
            raise InvalidMDIOError(
                said,
                url=self.store.url,
                hint=f"set attributes.defaultVariableName of the root, e.g. to {fitting[0]!r}" if fitting else "",
            )
        return fitting[0]

    def _find_names(self) -> tuple[str, ...]:
        """Return the names of all variables; those that nothing lists are found by what refers to them."""
        names = self._nodes.names()
        if names is not None:
            return names
        coordinates = str(self._nodes.attributes(self._default).get("coordinates", "")).split()
        patterns = [str(name) for name in self._ours().get("patterns", ())]
        fast = [_FAST + dim for dim in self._dims]
        known = [self._default, *self._dims, *coordinates, MASK, HEADERS, v1_header.NAME, *patterns, *fast]
        return tuple(name for name in dict.fromkeys(known) if self._nodes.shape(name) is not None)

    @property
    def identity(self) -> int:
        """Checksum of all metadata."""
        for name in self._names:
            self._nodes.shape(name)
        return self._nodes.identity

    @property
    def other_variables(self) -> tuple[str, ...]:
        """Names of the variables that a read of the volume does not touch, such as coordinates."""
        read = {*map(self.samples, self.patterns()), MASK, HEADERS, v1_header.NAME}
        return tuple(name for name in self._names if name not in read)

    # -- access patterns -----------------------------------------------------------------------------------------

    def _is_pattern(self, name: str) -> bool:
        own = self._ours().get("patterns", ())
        fits = self._nodes.dims(name) == self._dims and self._nodes.shape(name) == self._shape
        return fits and name != self._default and (name in own or name.startswith(_FAST))

    def patterns(self) -> tuple[str, ...]:
        """Return the names of the access patterns: that of the default variable, then variables with other chunks."""
        others = sorted(name.removeprefix(_TAKEN) for name in self._names if self._is_pattern(name))
        return (default_pattern(len(self._dims)), *others)

    def samples(self, pattern: str) -> str:
        """Return the path of the samples of an access pattern; other variables answer to their names."""
        if pattern == default_pattern(len(self._dims)):
            return self._default
        taken = _TAKEN + pattern
        return taken if taken in self._names else pattern

    def headers(self, pattern: str) -> str:
        """Return the path of the header records, which all access patterns share."""
        del pattern
        return HEADERS

    def array(self, path: str) -> ArraySpec | None:
        """Return an array by its path, None where there is none."""
        try:
            spec = self._nodes.spec(path)
        except CodecError as error:
            raise CodecError(f"{self.store.url}: {error.message}", hint=error.hint) from error
        # Dead traces hold NaN, zeros, or what a lossy codec made of them.
        if spec is None:
            return None
        presence = presence_of(self._nodes.attributes(source.GROUP).get(OBJECTS), spec)
        return replace(spec, presence=presence, masked=spec.dimension_names == self._dims)

    # -- metadata ------------------------------------------------------------------------------------------------

    def describe(self) -> Description:
        """Return what the metadata say."""
        root, ours = self._nodes.attributes(""), self._ours()
        file_header = self._nodes.attributes(v1_header.NAME)
        group = self._nodes.attributes(source.GROUP)
        original, order = source.read_source(self.store.url, group, self._whole)
        attributes = dict(ours.get("attributes", {}))
        if "crs" in root:
            attributes["crs"] = root["crs"]
        return Description(
            dims=self._axes(ours),
            text=self._text(file_header, ours),
            binary={**ours.get("binary", {}), **(file_header.get("binaryHeader") or {})},
            statistics=self._statistics(ours),
            trace_count=int(ours.get("trace_count", -1)),
            source=original if group else v1_header.source_file(file_header, self._shape),
            order=order,
            header=group,
            stale=tuple(ours.get("stale", ())),
            attributes=attributes,
            facts=_facts(root),
        )

    def _axes(self, ours: Mapping[str, Any]) -> tuple[Dimension, ...]:
        names, units = ours.get("names", {}), ours.get("units", {})
        axes = []
        for dim, length in zip(self._dims, self._shape, strict=True):
            name = str(names.get(dim, dim))
            unit = str(units[name]) if name in units else self._unit(dim)
            coords = self._whole(dim) if self._nodes.shape(dim) == (length,) else None
            if coords is None:
                axes.append(Dimension.regular(name, 0, 1, length, unit))
                continue
            wide = coords.astype(np.int64 if coords.dtype.kind in "iu" else np.float64)
            axes.append(axis_of(name, wide, unit))
        return tuple(axes)

    def _unit(self, dim: str) -> str:
        stated = self._nodes.attributes(dim).get("unitsV1")
        if isinstance(stated, Mapping) and stated:
            return str(next(iter(stated.values()))).replace("\u03bc", "µ")
        return "ms" if dim == DOMAINS[0] and dim == self._dims[-1] else ""

    def _text(self, file_header: Mapping[str, Any], ours: Mapping[str, Any]) -> tuple[str, ...]:
        stored = file_header.get("textHeader")
        own = ours.get("text")  # of another form than 40 rows of 80; holds while nobody has edited the rows
        if own is not None and v1_header.joined(own) == stored:
            return tuple(own)
        return v1_header.parted(stored)

    def _statistics(self, ours: Mapping[str, Any]) -> dict[str, Any] | None:
        found: dict[str, Any] = dict(ours.get("nonzero") or ())
        if not found:
            found = _from_sums(self._nodes.attributes(self._default).get("statsV1"))
        if ours.get("statistics"):
            found["honest"] = ours["statistics"]
        return found or None

    def _whole(self, path: str) -> NDArray[Any] | None:
        spec = self.array(path)
        if spec is None:
            return None
        return ChunkReader(self.store, spec, ChunkCache()).read(Region.whole(spec.shape))

    def revise(self, revision: Revision) -> None:
        """Change metadata; every document is replaced in one step, that of the root last."""
        root, ours = self._nodes.attributes(""), self._ours()
        changed: dict[str, dict[str, Any]] = {}
        arrays = []
        if revision.text is not None or revision.binary is not None:
            file_header = self._nodes.attributes(v1_header.NAME)
            if revision.text is not None:
                file_header["textHeader"] = v1_header.joined(revision.text)
                ours["text"] = list(revision.text)
            if revision.binary is not None:
                file_header["binaryHeader"] = {**file_header.get("binaryHeader", {}), **_words(revision.binary)}
                ours["binary"] = other_words(revision.binary)
            if self._nodes.shape(v1_header.NAME) is None:
                arrays.append(file_header_spec())
            changed[v1_header.NAME] = file_header
        if revision.trace_count is not None:
            ours["trace_count"] = revision.trace_count
        if revision.statistics is not None:
            ours["nonzero"] = {key: revision.statistics[key] for key in STATISTICS if key in revision.statistics}
            ours["statistics"] = dict(revision.statistics.get("honest", {}))
            attributes = self._nodes.attributes(self._default)
            sums = sums_of(revision.statistics)
            changed[self._default] = {**attributes, "statsV1": sums} if sums else _without(attributes, "statsV1")
        if revision.stale is not None:
            ours["stale"] = list(revision.stale)
        changed |= self._forgotten(revision.emptied or ())
        self._nodes.change({**changed, "": {**root, MDIO_KEY: ours}}, arrays)

    def _forgotten(self, paths: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return the attributes of the group ``source/`` without the objects of arrays, if that changes them."""
        group = self._nodes.attributes(source.GROUP)
        kept = source.without_objects(group, paths)
        return {} if kept == group else {source.GROUP: kept}

    # -- arrays --------------------------------------------------------------------------------------------------

    def pattern_specs(
        self, pattern: str, chunks: tuple[int, ...], dtype: np.dtype[Any], codec: Any
    ) -> tuple[ArraySpec, ArraySpec | None]:
        """Return the samples of an access pattern that is to be added; headers are those there are."""
        taken = {*self._names, *_RESERVED, *self._dims, self._default}
        name = pattern if pattern not in taken or self._is_pattern(pattern) else _TAKEN + pattern
        kept = _without(self._nodes.attributes(self._default), "_FillValue", "statsV1")
        return (
            ArraySpec(
                name,
                self._shape,
                chunks,
                dtype,
                codec,
                prefix="c/",
                attributes=kept,
                dimension_names=self._dims,
                masked=True,
            ),
            None,
        )

    def add_arrays(self, specs: Iterable[ArraySpec]) -> None:
        """Make arrays part of the dataset whose objects are stored already."""
        specs = tuple(specs)
        names = [spec.path for spec in specs if spec.dimension_names == self._dims and spec.path != self._default]
        root, ours = self._nodes.attributes(""), self._ours()
        ours["patterns"] = [*dict.fromkeys([*ours.get("patterns", ()), *names])]
        forgotten = self._forgotten(spec.path for spec in specs)
        self._nodes.change({**forgotten, "": {**root, MDIO_KEY: ours}}, specs)
        self._names = tuple(dict.fromkeys([*self._names, *(spec.path for spec in specs if "/" not in spec.path)]))

    def remove_arrays(self, paths: Iterable[str]) -> None:
        """Take arrays out of the dataset, metadata first, and delete their objects."""
        gone = [path for path in paths if self._nodes.shape(path) is not None]
        root, ours = self._nodes.attributes(""), self._ours()
        ours["patterns"] = [name for name in ours.get("patterns", ()) if name not in gone]
        self._names = tuple(name for name in self._names if name not in gone)
        forgotten = self._forgotten(gone)
        if forgotten:
            self._nodes.change(forgotten)
        self._nodes.remove(gone, {**root, MDIO_KEY: ours})


def file_header_spec(attributes: Mapping[str, Any] | None = None) -> ArraySpec:
    """Return the scalar that carries the file headers; nothing is stored in it."""
    return ArraySpec(
        v1_header.NAME, (), (), np.dtype("<U1"), prefix="c", attributes=attributes or {}, dimension_names=()
    )


def other_words(words: Mapping[str, Any]) -> dict[str, Any]:
    """Return the words of a binary header that the 31 of revision 1 do not hold."""
    return {name: value for name, value in words.items() if not binary.as_words({name: value})}


def _words(words: Mapping[str, Any]) -> dict[str, int]:
    return {name: int(value) for name, value in binary.as_words(words).items()}


def _without(attributes: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in attributes.items() if key not in names}


def _facts(root: Mapping[str, Any]) -> dict[str, Any]:
    names = {"apiVersion": "api_version", "createdOn": "created", "name": "template"}
    return {ours: root[theirs] for theirs, ours in names.items() if theirs in root}


def spelled(names: Sequence[str], reserved: Iterable[str] = ()) -> tuple[str, ...]:
    """Return dimension names as variables can bear them: no folder, no name that means something else."""
    taken = {*_RESERVED, DEFAULT, *reserved}
    out: list[str] = []
    for name in names:
        plain = name.replace("/", "_").replace("\\", "_").lstrip("._") or "dim"
        while plain in taken:
            plain += "_"
        taken.add(plain)
        out.append(plain)
    return tuple(out)
