"""Typed look-ups over what the installed plugins offer; the one door through which the toolkit asks for them.

::

    from mdio.plugins.registry import registry

    registry().reader("segy")                 # by name
    registry().reader_for(url, head, is_dir, storage)   # by content, ending, or asking
    registry().codec("zfp").load()            # imports the thing itself
"""

from __future__ import annotations

import difflib
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from mdio.exceptions import (
    ConfigError,
    GridOverrideUnknownError,
    MDIOError,
    NoReaderError,
    NoWriterError,
    PluginLoadError,
    PluginNotInstalledError,
    StorageError,
)
from mdio.plugins import detection, install
from mdio.plugins.contributions import (
    KINDS,
    Check,
    Codec,
    Command,
    Contribution,
    GridOverride,
    Observer,
    Reader,
    StorageBackend,
    Template,
    Writer,
)
from mdio.plugins.manager import BROKEN, INCOMPATIBLE, OK, Host, Plugin

if TYPE_CHECKING:
    from mdio.storage.store import Storage

__all__ = ["Conflict", "Registry", "registry"]

C = TypeVar("C", bound=Contribution)


@dataclass(frozen=True, slots=True)
class Conflict:
    """One name that several plugins contribute.

    Parameters
    ----------
    kind, name
        What they contribute; for storage backends the name is the URL scheme.
    holder
        Distribution that has the bare name.
    others
        ``distribution:name`` under which the others are reached.
    """

    kind: str
    name: str
    holder: str
    others: tuple[str, ...]

    def __str__(self) -> str:
        others = ", ".join(self.others)
        return f"{self.kind} {self.name!r} comes from several plugins: {self.holder} has the name, also {others}"


class Registry:
    """What the plugins of a host offer.

    Names are unique per kind. Where two plugins contribute the same name, the first (built-in, then by name of
    plugin and distribution) keeps it and the other is reached as ``distribution:name``; both are flagged in
    :attr:`conflicts`. A preference decides otherwise.

    Parameters
    ----------
    host
        Where the plugins are.
    prefer
        ``"kind:name"`` to the distribution that shall have the name, e.g. ``{"reader:npz": "mdio-npz"}``.
    """

    def __init__(self, host: Host, prefer: Mapping[str, str] | None = None) -> None:
        self._host = host
        self._prefer = _preferences(prefer or {})
        self._names: dict[type[Contribution], dict[str, Contribution]] = {}
        self._conflicts: list[Conflict] = []
        self._owners: dict[int, Plugin] = {}
        self._index()

    # -- plugins ---------------------------------------------------------------------------------------------

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        """Every plugin that was found, whatever its state, in the order in which names are given out."""
        return tuple(self._host.plugins)

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """Names that several plugins contribute."""
        return tuple(self._conflicts)

    def plugin(self, name: str) -> Plugin:
        """Return a plugin by its name, its distribution or ``distribution:name``.

        Raises
        ------
        PluginNotInstalledError
            There is none; the hint suggests near names.
        """
        for attribute in ("qualified", "name", "distribution"):
            for plugin in self._host.plugins:
                if getattr(plugin, attribute) == name:
                    return plugin
        known = [plugin.name for plugin in self._host.plugins]
        distributions = {plugin.distribution for plugin in self._host.plugins}
        hint = near(name, known) or near(name, distributions) or f"installed: {', '.join(known)}"
        for distribution, short in install.DISTRIBUTIONS.items():
            if name in {distribution, short}:
                hint = install.install_hint(distribution)
        raise PluginNotInstalledError(f"no plugin named {name!r}", hint=hint)

    def provider(self, contribution: Contribution) -> Plugin:
        """Return the plugin that contributed this descriptor."""
        return self._owners[id(contribution)]

    def register(self, module: Any, name: str = "", *, distribution: str = "in-process", version: str = "") -> Plugin:
        """Take in a plugin module that is already imported; what it did wrong is in the returned plugin."""
        name = name or getattr(module, "__name__", type(module).__name__)
        plugin = self._host.register(module, name, distribution=distribution, version=version)
        self._index()
        return plugin

    def unregister(self, plugin: Plugin) -> None:
        """Forget a plugin and what it contributed."""
        self._host.unregister(plugin)
        self._index()

    @contextmanager
    def registered(self, module: Any, name: str = "", *, distribution: str = "in-process") -> Iterator[Plugin]:
        """Take in a plugin module for the length of a ``with`` block; for tests and notebooks."""
        plugin = self.register(module, name, distribution=distribution)
        try:
            yield plugin
        finally:
            self.unregister(plugin)

    @contextmanager
    def preferring(self, prefer: Mapping[str, str]) -> Iterator[Registry]:
        """Decide name conflicts otherwise for the length of a ``with`` block (``plugins.prefer`` of a run file).

        Raises
        ------
        ConfigError
            A key is not ``kind:name``, or the distribution contributes nothing of that name.
        """
        before = self._prefer
        try:
            self._prefer = {**before, **_preferences(prefer)}
            self._index()
            self._check_preferences()
            yield self
        finally:
            self._prefer = before
            self._index()

    # -- by name ---------------------------------------------------------------------------------------------

    def names(self, kind: type[C]) -> Mapping[str, C]:
        """Return all contributions of a kind by name, conflicting ones as ``distribution:name`` too."""
        return self._names[kind]  # type: ignore[return-value]

    def reader(self, name: str) -> Reader:
        """Return a reader; :class:`~mdio.exceptions.NoReaderError` when there is none of this name."""
        return self._get(Reader, name, NoReaderError)

    def writer(self, name: str) -> Writer:
        """Return a writer; :class:`~mdio.exceptions.NoWriterError` when there is none of this name."""
        return self._get(Writer, name, NoWriterError)

    def codec(self, name: str) -> Codec:
        """Return a codec; :class:`~mdio.exceptions.PluginNotInstalledError` when there is none of this name."""
        return self._get(Codec, name, PluginNotInstalledError)

    def grid_override(self, name: str) -> GridOverride:
        """Return a grid override; :class:`~mdio.exceptions.GridOverrideUnknownError` when there is none."""
        return self._get(GridOverride, name, GridOverrideUnknownError)

    def storage_backend(self, scheme: str) -> StorageBackend:
        """Return the backend of a URL scheme; :class:`~mdio.exceptions.StorageError` when there is none."""
        return self._get(StorageBackend, scheme, StorageError)

    def template(self, name: str) -> Template:
        """Return a template; :class:`~mdio.exceptions.ConfigError` when there is none of this name."""
        return self._get(Template, name, ConfigError)

    def command(self, name: str) -> Command:
        """Return a command; :class:`~mdio.exceptions.PluginNotInstalledError` when there is none."""
        return self._get(Command, name, PluginNotInstalledError)

    def readers(self) -> tuple[Reader, ...]:
        """Return every reader."""
        return tuple(self._all(Reader))

    def writers(self) -> tuple[Writer, ...]:
        """Return every writer."""
        return tuple(self._all(Writer))

    def codecs(self) -> tuple[Codec, ...]:
        """Return every codec."""
        return tuple(self._all(Codec))

    def grid_overrides(self) -> tuple[GridOverride, ...]:
        """Return every grid override."""
        return tuple(self._all(GridOverride))

    def templates(self) -> tuple[Template, ...]:
        """Return every template."""
        return tuple(self._all(Template))

    def commands(self) -> tuple[Command, ...]:
        """Return every command."""
        return tuple(self._all(Command))

    def observers(self) -> tuple[Observer, ...]:
        """Return every observer; two of one name both listen."""
        return tuple(self._all(Observer))

    def checks(self, format: str = "") -> tuple[Check, ...]:
        """Return the checks that look at volumes of a format (all checks for an empty one)."""
        return tuple(check for check in self._all(Check) if not format or not check.formats or format in check.formats)

    # -- by content ------------------------------------------------------------------------------------------

    def reader_for(self, url: str, head: bytes, is_dir: bool = False, storage: Storage | None = None) -> Reader:
        """Return the reader that knows an input.

        The first rung that finds one decides: magic bytes, the ending of the name among the formats that are
        directories (or files) as the input is, asking the readers (``sniff``), the ending alone.

        Parameters
        ----------
        url
            Of the input.
        head
            Its first 4 KiB; empty for directories.
        is_dir
            Whether it is a directory or key prefix.
        storage
            Handed to ``sniff``.

        Raises
        ------
        NoReaderError
            None does. The message lists the installed readers, the hint says what to install.
        """
        readers = self._all(Reader)
        found = detection.by_content(readers, url, head, is_dir=is_dir, storage=storage)
        if found is not None:
            return found
        what = "directory" if is_dir else "file"
        installed = ", ".join(self.names(Reader)) or "none"
        raise NoReaderError(
            f"{detection.shown(url)}: no installed reader recognises this {what} (installed: {installed})",
            hint=self._missing(url) or "name the format with --from, or see mdio plugins list",
        )

    def writer_for(self, url: str) -> Writer:
        """Return the writer for an output by the ending of its name.

        Raises
        ------
        NoWriterError
            None has this ending. The message lists the installed writers, the hint says what to install.
        """
        found = detection.by_suffix(self._all(Writer), url)
        if found:
            return found[0]
        installed = ", ".join(
            f"{name} ({', '.join(item.suffixes)})" if item.suffixes else name
            for name, item in self.names(Writer).items()
        )
        raise NoWriterError(
            f"{detection.shown(url)}: no installed writer has this ending (installed: {installed or 'none'})",
            hint=self._missing(url) or self._near_ending(url) or "name the format with --to, or see mdio plugins list",
        )

    def _near_ending(self, url: str) -> str:
        """Return a hint that suggests an ending close to the one of a name that no writer has."""
        _, dot, ending = url.rstrip("/").rpartition("/")[2].rpartition(".")
        return near(dot + ending, {suffix for item in self._all(Writer) for suffix in item.suffixes}) if dot else ""

    def remedy(self, distribution: str) -> str:
        """Say what to do about a plugin of this project whose contribution is missing.

        Install it, or look at what became of it; an empty string when it is there and well.
        """
        for plugin in self._host.plugins:
            if plugin.distribution == distribution:
                if plugin.state == OK:
                    return ""
                return f"plugin {plugin.name} is {plugin.state}; see: mdio plugins show {plugin.name}"
        return install.install_hint(distribution)

    # -- inside ----------------------------------------------------------------------------------------------

    def _index(self) -> None:
        self._names = {kind: {} for kind in KINDS}
        self._conflicts = []
        self._owners = {}
        claims: dict[tuple[type[Contribution], str], list[tuple[Plugin, Contribution]]] = {}
        for plugin in self._host.plugins:
            for item in plugin.contributions:
                self._owners[id(item)] = plugin
                for name in _names_of(item):
                    claims.setdefault((type(item), name), []).append((plugin, item))
        for (kind, name), claimants in claims.items():
            wanted = self._prefer.get(f"{kind.kind}:{name}")
            claimants.sort(key=lambda claim: claim[0].distribution != wanted)
            (holder, item), *others = claimants
            self._names[kind][name] = item
            if others:
                for plugin, item in claimants:
                    self._names[kind][f"{plugin.distribution}:{name}"] = item
                rest = tuple(f"{plugin.distribution}:{name}" for plugin, _ in others)
                self._conflicts.append(Conflict(kind.kind, name, holder.distribution, rest))

    def _all(self, kind: type[C]) -> list[C]:
        """Every contribution of a kind once, those that have their bare name first."""
        unique = {id(item): item for item in self.names(kind).values()}
        return list(unique.values())

    def _get(self, kind: type[C], name: str, error: type[MDIOError]) -> C:
        names = self.names(kind)
        if name in names:
            return names[name]
        distribution, _, bare = name.rpartition(":")
        for item in self._all(kind):  # the qualified form works without a conflict too
            if bare in _names_of(item) and self.provider(item).distribution == distribution:
                return item
        what = "storage backend for the scheme" if kind is StorageBackend else kind.kind
        missing = install.NAMES.get(f"{kind.kind}:{name}")
        hint = (
            (self.remedy(missing) if missing else "") or near(name, names) or f"installed: {', '.join(names) or 'none'}"
        )
        raise error(f"no {what} named {name!r}", hint=hint)

    def _missing(self, url: str) -> str:
        """Say which of our plugins would know this ending."""
        distribution = install.SUFFIXES.get(detection.ending(url))
        return self.remedy(distribution) if distribution else ""

    def _check_preferences(self) -> None:
        for key, distribution in self._prefer.items():
            kind, _, name = key.partition(":")
            owners = [
                plugin.distribution
                for plugin in self._host.plugins
                for item in plugin.contributions
                if item.kind == kind and name in _names_of(item)
            ]
            if distribution not in owners:
                raise ConfigError(
                    f"distribution {distribution!r} contributes no {kind} {name!r}",
                    path="plugins.prefer",
                    hint=f"it comes from: {', '.join(owners)}" if owners else "see mdio plugins list",
                )


def near(name: str, names: Iterable[str]) -> str:
    """Return a hint that suggests names close to one that is unknown, or an empty string."""
    known = list(names)
    folded = {other.lower(): other for other in known}
    found = difflib.get_close_matches(name.lower(), folded, 3)
    return f"did you mean {' or '.join(folded[item] for item in found)}?" if found else ""


def _names_of(item: Contribution) -> tuple[str, ...]:
    return item.schemes if isinstance(item, StorageBackend) else (item.name,)


def _preferences(prefer: Mapping[str, str]) -> dict[str, str]:
    kinds = {kind.kind for kind in KINDS}
    result = {}
    for key, distribution in prefer.items():
        kind, colon, name = key.partition(":")
        kind = kind.replace("_", " ").replace("-", " ")
        if not colon or kind not in kinds:
            raise ConfigError(
                f"{key!r} is not of the form 'kind:name'",
                path="plugins.prefer",
                hint=f"kinds: {', '.join(kind.kind for kind in KINDS)}",
            )
        result[f"{kind}:{name}"] = distribution
    return result


_lock = threading.RLock()
_registry: Registry | None = None
_loading = False


def registry() -> Registry:
    """Return the registry of this process; the first call finds and loads the plugins.

    Broken and incompatible plugins, warnings and name conflicts are logged once under ``mdio.plugins``.
    """
    global _registry, _loading
    if _registry is not None:
        return _registry
    with _lock:
        if _registry is None:
            if _loading:
                raise PluginLoadError("a plugin asked for the registry while being loaded; do that on first use")
            _loading = True
            try:
                host = Host.from_environment()
                host.discover()
                _registry = Registry(host)
            finally:
                _loading = False
            _report(_registry)
        return _registry


def _report(found: Registry) -> None:
    problems = [
        f"plugin {plugin.name} ({plugin.distribution} {plugin.version}) is {plugin.state}: {plugin.problem}; "
        f"see: mdio plugins show {plugin.name}"
        if plugin.state in {BROKEN, INCOMPATIBLE}
        else f"plugin {plugin.name} ({plugin.distribution} {plugin.version}): {plugin.problem}"
        for plugin in found.plugins
        if plugin.problem and plugin.state in {BROKEN, INCOMPATIBLE, OK}
    ]
    problems += [str(conflict) for conflict in found.conflicts]
    if problems:
        import logging

        for problem in problems:
            logging.getLogger("mdio.plugins").warning("%s", problem)
