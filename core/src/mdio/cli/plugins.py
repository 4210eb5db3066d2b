"""``mdio plugins``: what is installed, what became of it, and how to begin one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from mdio.cli import render
from mdio.cli.options import Json
from mdio.exceptions import ConfigError, PluginError, PluginLoadError
from mdio.plugins import KINDS
from mdio.plugins.manager import BROKEN, DISABLED, INCOMPATIBLE, OK, Plugin
from mdio.plugins.registry import near, registry

app = typer.Typer(help="List, inspect, check and start plugins.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Plugin, distribution, or distribution:plugin.")]

_STYLES = {OK: "green", BROKEN: "red", INCOMPATIBLE: "red", DISABLED: "dim"}


@app.command("list")
def list_plugins(
    as_json: Json = False,
    kind: Annotated[str, typer.Option("--kind", metavar="K", help="Only this kind, e.g. codec.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Disabled plugins too.")] = False,
) -> None:
    """List the plugins, their state and what they provide."""
    wanted = _kind(kind)
    shown = [
        plugin
        for plugin in registry().plugins
        if (everything or plugin.state != DISABLED)
        and (not wanted or wanted in plugin.provides or plugin.state in {BROKEN, INCOMPATIBLE})
    ]
    if as_json:
        render.output_json([_facts(plugin, wanted) for plugin in shown])
        return
    rows = [
        (
            plugin.name,
            plugin.distribution,
            plugin.version,
            plugin.api,
            plugin.state,
            _provides(plugin, wanted) or plugin.problem,
        )
        for plugin in shown
    ]
    render.table(rows, ("Plugin", "Distribution", "Version", "API", "Status", "Provides"), styles=_STYLES)
    conflicts = registry().conflicts
    if conflicts:
        render.lines("", *map(str, conflicts))


@app.command("show")
def show_plugin(name: Name, as_json: Json = False) -> None:
    """Show everything about a plugin: its contributions, their options, and the traceback of a broken one."""
    plugin = registry().plugin(name)
    if as_json:
        facts = _facts(plugin, "")
        facts["traceback"] = plugin.traceback
        facts["contributions"] = [_described(item) for item in plugin.contributions]
        render.output_json(facts)
    else:
        render.key_values(
            {
                "Plugin": plugin.name,
                "Distribution": f"{plugin.distribution} {plugin.version}",
                "Module": plugin.module,
                "Plugin API": plugin.api or "unknown",
                "Status": f"{plugin.state}: {plugin.problem}" if plugin.problem else plugin.state,
            }
        )
        if plugin.contributions:
            rows = [(item.kind, item.name, item.summary, _options(item)) for item in plugin.contributions]
            render.lines("")
            render.table(rows, ("Kind", "Name", "Summary", "Options"))
        if plugin.traceback:
            render.lines("", plugin.traceback.rstrip())
    _fail_unless_well(plugin)


@app.command("check")
def check_plugin(
    name: Name,
    file: Annotated[str, typer.Option("--file", metavar="FILE", help="A file that its readers open.")] = "",
    as_json: Json = False,
) -> None:
    """Import everything a plugin names, run the contracts on it, and say what does not hold.

    Readers are tried on --file, or else on what the writer of the same name wrote. What cannot be tried without its
    author is listed with what it would take. Ends with code 3 when something does not hold.
    """
    from mdio.cli.checking import check
    from mdio.cli.contract_run import contracts

    plugin = registry().plugin(name)
    findings = check(plugin)
    if all(finding.ok for finding in findings):
        findings += contracts(plugin, file)
    failed = [finding for finding in findings if not finding.ok]
    if as_json:
        render.output_json([asdict(item) | {"ok": item.ok} for item in findings])
    else:
        rows = [(item.result, item.what, item.problem or item.note) for item in findings]
        styles = {"ok": "green", "failed": "red", "not tried": "yellow"}
        render.table(rows, ("Result", "What", "Problem, or what it would take"), styles=styles)
    _fail_unless_well(plugin)
    if failed:
        raise PluginError(f"plugin {plugin.name}: {len(failed)} of {len(findings)} checks failed")


@app.command("new")
def new_plugin(
    name: Annotated[str, typer.Argument(help="Name of the format, codec, command …, e.g. npz.")],
    directory: Annotated[Path, typer.Option("--dir", metavar="D", help="Where the folder is made.")] = Path(),
    kind: Annotated[str, typer.Option("--kind", metavar="K", help="What it offers, e.g. writer or codec.")] = "reader",
    as_json: Json = False,
) -> None:
    """Write a distribution that works, with its tests, to start from.

    Kinds: reader, writer (with its reader), codec, grid-override, storage-backend, template, check, command, observer.
    """
    from mdio.cli.scaffold import write

    folder = write(name, directory, _kind(kind) or "reader")
    if as_json:
        files = sorted(str(path) for path in folder.rglob("*") if path.is_file())
        render.output_json({"plugin": name, "folder": str(folder), "files": files})
        return
    render.lines(
        f"wrote {folder}",
        f"  pip install -e {folder}",
        f"  mdio plugins check {name}",
        f"  pytest {folder}",
    )


def _kind(text: str) -> str:
    """Return the kind of contribution that a user means; plurals and hyphens are fine."""
    kinds = {kind.kind for kind in KINDS}
    plain = text.lower().replace("_", " ").replace("-", " ").removesuffix("s")
    short = {"storage": "storage backend", "grid": "grid override", "override": "grid override"}
    plain = short.get(plain, plain)
    if plain and plain not in kinds:
        raise ConfigError(
            f"--kind {text}: no such kind", hint=near(plain, kinds) or f"kinds: {', '.join(sorted(kinds))}"
        )
    return plain


def _facts(plugin: Plugin, kind: str) -> dict[str, Any]:
    return {
        "plugin": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "api": plugin.api,
        "status": plugin.state,
        "provides": {key: names for key, names in plugin.provides.items() if not kind or key == kind},
        "module": plugin.module,
        "problem": plugin.problem,
    }


def _provides(plugin: Plugin, kind: str) -> str:
    """Return names with their kinds, those of the same kinds together: ``npz (reader, writer) · x, y (codec)``."""
    kinds: dict[str, list[str]] = {}
    for item in plugin.contributions:
        if not kind or item.kind == kind:
            kinds.setdefault(item.name, []).append(item.kind)
    names: dict[str, list[str]] = {}
    for name, of in kinds.items():
        names.setdefault(", ".join(dict.fromkeys(of)), []).append(name)
    return " · ".join(f"{', '.join(group)} ({of})" for of, group in names.items())


def _described(item: Any) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "name": item.name,
        "summary": item.summary,
        "target": item.target,
        "options": _options(item),
    }


def _options(item: Any) -> str:
    """Return the names of the options a contribution takes, or why they cannot be told."""
    try:
        model = item.options_model()
    except PluginLoadError as error:
        return error.message
    fields: Iterable[str] = getattr(model, "model_fields", {})
    return ", ".join(fields)


def _fail_unless_well(plugin: Plugin) -> None:
    if plugin.state in {BROKEN, INCOMPATIBLE}:
        raise PluginError(f"plugin {plugin.name} ({plugin.distribution}) is {plugin.state}: {plugin.problem}")
