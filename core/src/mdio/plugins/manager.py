"""Finds plugins, loads each on its own, and keeps what became of it: one bad plugin never takes others down.

Only this module talks to pluggy; the rest of the code asks :mod:`mdio.plugins.registry`.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pluggy

from mdio.exceptions import IncompatiblePluginError, PluginError, PluginLoadError
from mdio.plugins import hookspecs
from mdio.plugins.contributions import Command, Contribution, Reader, StorageBackend, Template, Writer
from mdio.plugins.hookspecs import API_VERSION, HOOKS, PROJECT

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["BROKEN", "BUILTIN", "DISABLED", "GROUP", "INCOMPATIBLE", "OK", "Host", "Plugin"]

GROUP = "mdio.plugins"
"""Entry point group; each value is a module that holds ``@hookimpl`` functions."""

BUILTIN = "builtin"
"""Name of the plugin that holds the core's own contributions; it cannot be disabled."""

OK = "ok"
BROKEN = "broken"
INCOMPATIBLE = "incompatible"
DISABLED = "disabled"


@dataclass(slots=True)
class Plugin:
    """A plugin and what became of it.

    Parameters
    ----------
    name
        Name of its entry point.
    distribution, version
        Where it comes from; empty version when unknown.
    module
        Import string of the entry point.
    api
        Version of the plugin API it was written for.
    state
        ``"ok"``, ``"broken"``, ``"incompatible"`` or ``"disabled"``.
    problem
        What is wrong, in one line; also set to the warning of a plugin that loaded.
    traceback
        Of the error that broke it.
    contributions
        What it offers; empty unless ``ok``.
    """

    name: str
    distribution: str = ""
    version: str = ""
    module: str = ""
    api: str = ""
    state: str = OK
    problem: str = ""
    traceback: str = ""
    contributions: tuple[Contribution, ...] = ()

    @property
    def qualified(self) -> str:
        """``distribution:name``, unique among the plugins."""
        return f"{self.distribution}:{self.name}"

    @property
    def provides(self) -> dict[str, list[str]]:
        """Names of the contributions by kind."""
        found: dict[str, list[str]] = {}
        for item in self.contributions:
            found.setdefault(item.kind, []).append(item.name)
        return found


class Host:
    """The plugins of a process.

    Parameters
    ----------
    disabled
        Plugin or distribution names to list but not to load.
    strict
        Raise the error of a plugin instead of keeping it, for authors and continuous integration.
    """

    def __init__(self, *, disabled: Iterable[str] = (), strict: bool = False) -> None:
        self.disabled = frozenset(disabled)
        self.strict = strict
        self.plugins: list[Plugin] = []
        self._pm = pluggy.PluginManager(PROJECT)
        self._pm.add_hookspecs(hookspecs)

    @classmethod
    def from_environment(cls) -> Host:
        """Return a host with the switches ``MDIO_PLUGINS_DISABLE=a,b`` and ``MDIO_PLUGINS_STRICT=1``."""
        names = os.environ.get("MDIO_PLUGINS_DISABLE", "").split(",")
        strict = os.environ.get("MDIO_PLUGINS_STRICT", "").strip().lower() in {"1", "true", "yes", "on"}
        return cls(disabled=(name.strip() for name in names if name.strip()), strict=strict)

    def discover(self) -> None:
        """Load the core's own contributions, then every installed plugin by name."""
        from importlib.metadata import entry_points

        from mdio import __version__
        from mdio.plugins import builtin

        self.register(builtin, BUILTIN, distribution="mdio-core", version=__version__)
        found = [(point.name, _distribution(point)[0], point) for point in entry_points(group=GROUP)]
        for _, _, point in sorted(found, key=lambda item: item[:2]):
            self._load(point)

    def register(self, module: Any, name: str, *, distribution: str = "in-process", version: str = "") -> Plugin:
        """Take in a module (or any object with ``@hookimpl`` functions) that is already imported."""
        plugin = Plugin(name, distribution, version, getattr(module, "__name__", type(module).__name__))
        self.plugins.append(plugin)
        self._admit(plugin, lambda: module)
        return plugin

    def unregister(self, plugin: Plugin) -> None:
        """Forget a plugin and its contributions."""
        self.plugins = [other for other in self.plugins if other is not plugin]
        if self._pm.has_plugin(plugin.qualified):
            self._pm.unregister(name=plugin.qualified)

    def _load(self, point: EntryPoint) -> None:
        plugin = Plugin(point.name, *_distribution(point), point.value)
        self.plugins.append(plugin)
        if self.disabled & {plugin.name, plugin.distribution, plugin.qualified}:
            plugin.state = DISABLED
            plugin.problem = "switched off by MDIO_PLUGINS_DISABLE"
            return
        self._admit(plugin, point.load)

    def _admit(self, plugin: Plugin, load: Any) -> None:
        registered = False
        try:
            module = load()
            _check_api(plugin, getattr(module, "MDIO_API", "1.0"))
            if self._pm.has_plugin(plugin.qualified):
                raise PluginLoadError(f"a plugin {plugin.qualified!r} is already there")
            registered = True
            self._pm.register(module, plugin.qualified)
            plugin.contributions = tuple(self._collect(plugin, module))
        except (Exception, SystemExit) as error:
            plugin.state = INCOMPATIBLE if isinstance(error, IncompatiblePluginError) else BROKEN
            plugin.problem = _one_line(error)
            plugin.traceback = traceback.format_exc()
            if registered and self._pm.has_plugin(plugin.qualified):
                self._pm.unregister(name=plugin.qualified)
            if self.strict:
                if isinstance(error, PluginError):
                    raise
                raise PluginLoadError(f"plugin {plugin.name!r}: {plugin.problem}") from error

    def _collect(self, plugin: Plugin, module: Any) -> Iterable[Contribution]:
        """Call the hooks of one plugin alone, so that its errors are its own, and check what they return."""
        others = [other for other in self._pm.get_plugins() if other is not module]
        callers = {caller.name: caller for caller in self._pm.get_hookcallers(module) or ()}
        for name in callers.keys() - HOOKS.keys():
            _unknown_hook(plugin, name, callers[name])
        seen: set[tuple[str, str]] = set()
        for name, kind in HOOKS.items():
            if name not in callers:
                continue
            for result in self._pm.subset_hook_caller(name, others)():
                if isinstance(result, (Contribution, str, bytes)) or not isinstance(result, Iterable):
                    raise PluginLoadError(
                        f"{name} returned {type(result).__name__}; return or yield an iterable of {kind.__name__}"
                    )
                for item in result:
                    if not isinstance(item, kind):
                        raise PluginLoadError(f"{name} yielded {type(item).__name__}, expected {kind.__name__}")
                    flaw = _flaw(item)
                    if not flaw and (item.kind, item.name) in seen:
                        flaw = "the name occurs twice"
                    if flaw:
                        raise PluginLoadError(f"{name}: {kind.__name__} {item.name!r}: {flaw}")
                    seen.add((item.kind, item.name))
                    yield item


def _distribution(point: EntryPoint) -> tuple[str, str]:
    dist = point.dist
    return (dist.name, dist.version) if dist is not None else ("unknown", "")


def _check_api(plugin: Plugin, stated: object) -> None:
    """Refuse another major version, warn of a newer minor one."""
    plugin.api = str(stated)
    major, _, minor = plugin.api.partition(".")
    own_major, _, own_minor = API_VERSION.partition(".")
    if not (major.isdecimal() and (minor or "0").isdecimal()):
        raise PluginLoadError(f"MDIO_API is {stated!r}, expected a string like {API_VERSION!r}")
    if int(major) != int(own_major):
        raise IncompatiblePluginError(
            f"written for plugin API {major}, this core speaks {own_major}",
            hint=f"install a release of {plugin.distribution} for plugin API {own_major}",
        )
    if int(minor or 0) > int(own_minor):
        plugin.problem = f"written for plugin API {plugin.api}, this core speaks {API_VERSION}; parts may be missing"


def _unknown_hook(plugin: Plugin, name: str, caller: Any) -> None:
    """Raise for a hook we do not have, which would do nothing, silently; those of a newer API are expected."""
    if plugin.problem or all(impl.optionalhook for impl in caller.get_hookimpls()):
        return
    import difflib

    near = difflib.get_close_matches(name, HOOKS, 1)
    raise PluginLoadError(
        f"there is no hook {name!r}", hint=f"did you mean {near[0]}?" if near else f"hooks: {', '.join(HOOKS)}"
    )


def _flaw(item: Contribution) -> str:
    """Say what is wrong with a descriptor in itself, or return an empty string."""
    words = item.name.split(" ") if isinstance(item.name, str) else []
    if not 1 <= len(words) <= (2 if isinstance(item, Command) else 1) or not all(words) or ":" in item.name:
        return "a name is one word without ':' (of a command also two: one to hang into another command)"
    if not isinstance(item, Template) and not _is_import_string(item.target):
        return f"target {item.target!r} is not of the form 'package.module:attribute'"
    if item.options and not _is_import_string(item.options):
        return f"options {item.options!r} is not of the form 'package.module:attribute'"
    if isinstance(item, (Reader, Writer)):
        if isinstance(item.suffixes, str) or any(
            not suffix.startswith(".") or suffix != suffix.lower() for suffix in item.suffixes
        ):
            return "suffixes is a tuple of lower-case endings with their dot, e.g. ('.npz',)"
        if isinstance(item, Reader) and item.sniff and not _is_import_string(item.sniff):
            return f"sniff {item.sniff!r} is not of the form 'package.module:attribute'"
    if isinstance(item, StorageBackend) and (isinstance(item.schemes, str) or not item.schemes):
        return "schemes is a tuple of at least one URL scheme, e.g. ('s3',)"
    return ""


def _is_import_string(text: object) -> bool:
    if not isinstance(text, str):
        return False
    module, colon, attribute = text.partition(":")
    return bool(colon) and all(part.isidentifier() for part in (*module.split("."), *attribute.split(".")))


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, PluginError) else f"{type(error).__name__}: {text}".rstrip(": ")
