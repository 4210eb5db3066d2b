"""The command reference, from the commands themselves: what ``--help`` knows, on one page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["page", "paths"]

_HEAD = """# Commands

Made from the command line of this version with the plugins of this project installed; `mdio COMMAND --help` says the
same. Results go to standard output, progress, warnings and errors to standard error.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | failed |
| 2 | wrong usage, or a run file that is wrong |
| 3 | a plugin is missing or broken |
| 4 | data are damaged, incomplete or different |
| 5 | storage |
| 130 | cancelled |

`--version`, `-v` (details and tracebacks), `--quiet` and `--log text|json` stand anywhere. The single-dash forms of
MDIO v0 (`-loc`, `-names`, `-types`, `-chunks`, `-endian`, `-access`, `-format`, `-storage`, `-overwrite`, `-exc`,
`-inc`, `-lossless`, `-tolerance`, `-grid-overrides`) work too.

To complete commands and options with the tab key, run `mdio --install-completion` once; `mdio --show-completion`
prints the script instead, for those who keep their shell's files by hand.

"""


def page() -> str:
    """Return the page as Markdown."""
    return _HEAD + "\n".join(_section(path, command) for path, command in _walk())


def paths() -> list[str]:
    """Return every command that does something, as it is typed after ``mdio``."""
    return [path for path, command in _walk() if not hasattr(command, "commands")]


def _walk() -> Iterator[tuple[str, Any]]:
    """Yield every command and group, in the order of ``mdio --help``."""
    from typer.main import get_command

    from mdio.cli.app import build
    from mdio.plugins.contributions import Command
    from mdio.plugins.registry import registry

    for name in registry().names(Command):
        if " " in name:
            continue
        top: Any = get_command(build([name]))
        yield from _below(name, top.commands[name])


def _below(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from _below(f"{path} {name}", inner)


def _section(path: str, command: Any) -> str:
    level = "##" if " " not in path else "###"
    arguments = [item for item in command.params if item.param_type_name == "argument"]
    options = [item for item in command.params if item.param_type_name == "option" and not item.hidden]
    lines = [f"{level} mdio {path}", "", _text(command.help or ""), ""]
    if hasattr(command, "commands"):
        return "\n".join(lines)
    words = " ".join(_place(item) for item in arguments)
    lines += [f"`mdio {path}{' ' + words if words else ''}{' [OPTIONS]' if options else ''}`", ""]
    if arguments:
        lines += ["| argument | |", "|---|---|"]
        lines += [f"| `{_place(item)}` | {_cell(getattr(item, 'help', '') or '')} |" for item in arguments]
        lines.append("")
    if options:
        lines += ["| option | | default |", "|---|---|---|"]
        lines += [f"| {_spelling(item)} | {_cell(item.help or '')} | {_default(item)} |" for item in options]
        lines.append("")
    return "\n".join(lines)


def _text(help_text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in help_text.split("\n\n"))


def _place(item: Any) -> str:
    name = (item.metavar or item.name or "").strip("[]{}").rstrip(".")
    return f"{name}{'…' if item.nargs == -1 else ''}" if item.required else f"[{name}]"


def _spelling(item: Any) -> str:
    names = ", ".join(f"`{name}`" for name in item.opts)
    if item.secondary_opts:
        names += " / " + ", ".join(f"`{name}`" for name in item.secondary_opts)
    if item.is_flag:
        return names
    return f"{names} `{item.metavar or 'VALUE'}`".replace("|", "\\|")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _default(item: Any) -> str:
    value = item.default
    if item.is_flag or value in (None, "", ()) or callable(value) or "Sentinel" in str(type(value)):
        return ""
    return f"`{value}`".replace("|", "\\|")
