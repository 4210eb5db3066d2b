"""Hangs the commands of plugins into the app: as commands, as groups, and into the groups of others."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping

import typer
from typer.models import CommandInfo

from mdio.exceptions import PluginLoadError
from mdio.plugins.contributions import Command

__all__ = ["grafts", "mount", "typer_of"]


def mount(app: typer.Typer, name: str, command: Command, grafted: Mapping[str, Command]) -> None:
    """Hang a command into the app: as itself when its Typer holds one command, else as a group.

    Parameters
    ----------
    app
        What it is hung into.
    name, command
        The command; it is imported.
    grafted
        Commands that are hung into it, by name.

    Raises
    ------
    PluginLoadError
        It cannot be imported, or is no Typer.
    """
    found = copy.copy(typer_of(name, command))
    found.registered_commands = [_with_whole_summary(leaf) for leaf in found.registered_commands]
    found.registered_groups = [*found.registered_groups]
    for word, graft in grafted.items():
        mount(found, word, graft, {})
    leaves = found.registered_commands
    has_callback = found.registered_callback is not None or callable(found.info.callback)
    if len(leaves) == 1 and not found.registered_groups and not has_callback:
        leaf = copy.copy(leaves[0])
        leaf.name = name
        app.registered_commands.append(leaf)
    elif isinstance(found.info.help, str) or has_callback:
        app.add_typer(found, name=name)
    else:
        app.add_typer(found, name=name, help=command.summary)


def typer_of(name: str, command: Command) -> typer.Typer:
    """Import a command and return its Typer.

    Raises
    ------
    PluginLoadError
        It cannot be imported, or is something else.
    """
    found = command.load()
    if not isinstance(found, typer.Typer):
        raise PluginLoadError(f"command {name!r}: {command.target!r} is {type(found).__name__}, expected a typer.Typer")
    return found


def grafts(commands: Mapping[str, Command], parent: str) -> dict[str, Command]:
    """Return the commands that plugins hang into another one by a name of two words, e.g. ``codecs bench``."""
    return {
        name.partition(" ")[2]: command
        for name, command in commands.items()
        if name.partition(" ")[0] == parent and " " in name
    }


def _with_whole_summary(leaf: CommandInfo) -> CommandInfo:
    """Return a command whose first paragraph stands in the list of its group; the library would cut it off."""
    leaf = copy.copy(leaf)
    text = leaf.help or inspect.getdoc(leaf.callback) or ""
    leaf.short_help = leaf.short_help or " ".join(text.strip().partition("\n\n")[0].split()) or None
    return leaf
