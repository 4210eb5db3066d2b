"""Descriptors that hooks return: what a plugin offers, without importing any of it.

A descriptor is small and frozen. Its ``target`` is an import string ``"package.module:attribute"`` that is
resolved when the contribution is first used, so that listing plugins and ``mdio --help`` stay instant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from mdio.exceptions import PluginLoadError

__all__ = [
    "KINDS",
    "Check",
    "Codec",
    "Command",
    "Contribution",
    "GridOverride",
    "Observer",
    "Reader",
    "StorageBackend",
    "Template",
    "Writer",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """What all contributions share.

    Parameters
    ----------
    name
        Unique within its kind; what users type.
    summary
        One line for listings.
    target
        Import string of the thing itself.
    options
        Import string of a pydantic model of the accepted options; empty for none.
    requires
        What to install when the target cannot be imported, e.g. ``"pip install zfpy"``.
    """

    kind: ClassVar[str] = ""

    name: str
    summary: str = ""
    target: str = ""
    options: str = ""
    requires: str = ""

    def load(self) -> Any:
        """Import and return the target.

        Raises
        ------
        PluginLoadError
            The module or the attribute is missing; the message carries ``requires``.
        """
        return _import(self, self.target)

    def options_model(self) -> Any | None:
        """Import and return the pydantic model of the options, or None where the contribution takes none."""
        return _import(self, self.options) if self.options else None


def _import(what: Contribution, path: str) -> Any:
    import importlib

    module, _, attribute = path.partition(":")
    try:
        value: Any = importlib.import_module(module)
        for part in attribute.split(".") if attribute else ():
            value = getattr(value, part)
    except (ImportError, AttributeError) as error:
        raise PluginLoadError(
            f"{what.kind} {what.name!r}: cannot load {path!r}: {error}", hint=what.requires
        ) from error
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader(Contribution):
    """Opens a format. ``target``: ``open(url, options, storage) -> Volume``.

    Parameters
    ----------
    suffixes
        Lower-case file endings with the dot.
    magic
        ``(offset, bytes)`` pairs; one match within the first 4 KiB is enough.
    sniff
        Import string of ``sniff(url, head: bytes, storage) -> bool``, asked last.
    directories
        Whether the format lives in a directory (or key prefix) rather than in one file.
    """

    kind: ClassVar[str] = "reader"

    suffixes: tuple[str, ...] = ()
    magic: tuple[tuple[int, bytes], ...] = ()
    sniff: str = ""
    directories: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer(Contribution):
    """Creates a format. ``target``: ``create(url, like: Volume, options, storage, creation) -> Sink``.

    Parameters
    ----------
    suffixes
        Lower-case file endings with the dot.
    directories
        Whether the format lives in a directory (or key prefix) rather than in one file.
    prepare
        Import string of ``prepare(volume, options) -> Volume``: what is to be written in the volume's place, e.g. one
        with missing lines filled in for a format that knows regular axes only; empty when any volume will do.
    """

    kind: ClassVar[str] = "writer"

    suffixes: tuple[str, ...] = ()
    directories: bool = False
    prepare: str = ""

    def prepared(self, volume: Any, options: Any) -> Any:
        """Return the volume that is written in the place of this one."""
        return _import(self, self.prepare)(volume, options) if self.prepare else volume


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec(Contribution):
    """Encodes chunks. ``target``: a factory called with the options as keywords, returning a numcodecs codec.

    Parameters
    ----------
    lossy
        Whether decoding may differ from what was encoded.
    dtypes
        Names of the sample types it takes; empty for any.
    releases_gil
        Whether threads run it in parallel. The engine uses threads whatever it says; keep it true for those to come.
    numcodecs_id
        Identifier under which Zarr metadata names it.
    """

    kind: ClassVar[str] = "codec"

    lossy: bool = False
    dtypes: tuple[str, ...] = ()
    releases_gil: bool = True
    numcodecs_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GridOverride(Contribution):
    """Reworks index keys before the grid is built. ``target``: ``apply(table, params) -> table``.

    Parameters
    ----------
    keys
        Names of the index keys it needs.
    adds
        Name of the dimension it makes, inserted before the sample axis; empty for none.
    after
        Names of overrides that run before this one, whatever order the user wrote.
    excludes
        Names of overrides it cannot be combined with.
    """

    kind: ClassVar[str] = "grid override"

    keys: tuple[str, ...] = ()
    adds: str = ""
    after: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageBackend(Contribution):
    """Reaches a kind of store. ``target``: ``filesystem(url, options) -> fsspec.AbstractFileSystem``."""

    kind: ClassVar[str] = "storage backend"

    schemes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Template(Contribution):
    """A kind of survey, as pure data.

    Parameters
    ----------
    dims
        Dimension names, slowest first, the sample axis last.
    keys
        Dimension name to ``"byte"`` or ``"byte:type"`` of the header word that indexes it, e.g. ``"189:int32"``.
    chunks
        Default chunk shape, one entry a dimension.
    units
        Dimension name to unit.
    """

    kind: ClassVar[str] = "template"

    dims: tuple[str, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)
    chunks: tuple[int, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check(Contribution):
    """A rule for ``mdio verify`` and ``mdio segy scan``. ``target``: ``check(volume) -> Iterable[Finding]``.

    ``formats`` names the readers whose volumes it looks at; empty for all.
    """

    kind: ClassVar[str] = "check"

    formats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Contribution):
    """A command (group) below ``mdio``. ``target``: a ``typer.Typer``."""

    kind: ClassVar[str] = "command"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observer(Contribution):
    """Listens to the events of runs. ``target``: ``observe(event) -> None``."""

    kind: ClassVar[str] = "observer"


KINDS: tuple[type[Contribution], ...] = (
    Reader,
    Writer,
    Codec,
    GridOverride,
    StorageBackend,
    Template,
    Check,
    Command,
    Observer,
)
"""All kinds, in the order in which listings show them."""
