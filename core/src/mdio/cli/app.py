"""Puts the command line together from what plugins offer, and turns every error into a line and an exit code.

Only the command named in the arguments is imported; the others are mounted empty with their summary.
"""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
import typer.main

import mdio
from mdio.cli.coercion import defer
from mdio.cli.completion import completed_command
from mdio.cli.mounting import grafts, mount, typer_of
from mdio.cli.options import Settings, normalise_argv, split_settings
from mdio.cli.usage import usage_facts
from mdio.exceptions import CancelledError, ConfigError, MDIOError, PluginError, PluginNotInstalledError
from mdio.plugins.contributions import Command
from mdio.plugins.install import COMMANDS
from mdio.plugins.registry import near, registry

__all__ = ["build", "run"]

_CANCELLED = CancelledError.exit_code


def run(argv: Sequence[str]) -> int:
    """Run the command line and return its exit code; nothing but the code leaves this function."""
    settings = Settings(verbose=bool({"-v", "--verbose"} & {*argv}))
    try:
        settings, arguments = split_settings(normalise_argv(argv))
        _listen(settings)
        app = build(arguments or completed_command(registry().names(Command)) or ["--help"])
        command = typer.main.get_command(app)
        defer(command)
        code = command.main(args=arguments or ["--help"], prog_name="mdio", obj=settings, standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        return _hang_up()
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):  # typer takes every broken pipe for that of our output
            return _hang_up() if _unread() else _explain(stop.__context__, settings)
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException as error:  # noqa: BLE001 - the one place where errors end
        return _explain(error, settings)
    if code == _CANCELLED:
        _say(settings, "error", "cancelled", code=_CANCELLED)
    return code if isinstance(code, int) and not isinstance(code, bool) else 0


def build(argv: Sequence[str]) -> typer.Typer:
    """Return the app for these arguments: the command they name in full, the others by name only.

    Raises
    ------
    PluginLoadError
        The command cannot be imported.
    PluginNotInstalledError
        The command belongs to a plugin of this project that is not installed.
    ConfigError
        There is no such command; the hint suggests near ones.
    """
    app = typer.Typer(
        name="mdio",
        help="Read, write and convert seismic data without losing a byte.",
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
        callback=_top,
    )
    commands = registry().names(Command)
    words = [word for word in argv if not word.startswith("-")]
    wanted = words[0] if words else ""
    if wanted and wanted not in commands:
        _unknown(wanted, commands)
    for name, command in commands.items():
        if " " in name:
            continue
        if name == wanted:
            mount(app, name, command, grafts(commands, name))
        else:
            app.command(name, help=command.summary, short_help=command.summary)(_nothing)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mdio {mdio.__version__}")
        raise typer.Exit


def _top(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit."),
    ] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show details and tracebacks.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show neither progress nor warnings.")] = False,
    log: Annotated[str, typer.Option("--log", metavar="text|json", help="How messages are written.")] = "text",
) -> None:
    """Take the options in front of the command; all but the first are read before, wherever they stand."""


def _nothing() -> None:
    """Stand in for a command that is not the one being run."""


# -- mistaken commands ----------------------------------------------------------------------------------------------


def _unknown(name: str, commands: Mapping[str, Command]) -> None:
    distribution = COMMANDS.get(name)
    if distribution is not None:
        raise PluginNotInstalledError(
            f"the command {name!r} comes with {distribution}", hint=registry().remedy(distribution)
        )
    inner = [f"mdio {group} {name}" for group in commands if name in _inside(commands, group)]
    hint = f"did you mean {' or '.join(inner)}?" if inner else ""
    hint = hint or near(name, {other for other in commands if " " not in other} | COMMANDS.keys())
    raise ConfigError(f"no command {name!r}", hint=hint or "mdio --help lists the commands")


def _inside(commands: Mapping[str, Command], group: str) -> set[str]:
    """Return the commands of a group; none of one that cannot be imported, or that is a command itself."""
    try:
        found = typer_of(group, commands[group])
    except PluginError:
        return set()
    named = [leaf.name or "" for leaf in found.registered_commands]
    return {*named, *grafts(commands, group)}


# -- messages ----------------------------------------------------------------------------------------------------


def _listen(settings: Settings) -> None:
    """Write what the toolkit logs and warns of to standard error, as the settings say."""
    import logging
    import warnings

    class _Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            _say(settings, record.levelname.lower(), record.getMessage())

    logger = logging.getLogger("mdio")
    for old in [handler for handler in logger.handlers if type(handler).__qualname__ == _Lines.__qualname__]:
        logger.removeHandler(old)
    logger.addHandler(_Lines())
    logger.setLevel(logging.DEBUG if settings.verbose else logging.ERROR if settings.quiet else logging.WARNING)

    def show(message: Any, *_: Any, **__: Any) -> None:
        if not settings.quiet:
            _say(settings, "warning", " ".join(str(message).split()))

    warnings.showwarning = show


def _say(settings: Settings, level: str, message: str, *, hint: str = "", code: int | None = None) -> None:
    if settings.log == "json":
        import json

        fields = {"level": level, "message": message, "hint": hint, "code": code}
        text = json.dumps({key: value for key, value in fields.items() if value not in ("", None)})
    else:
        text = f"{level}: {message}" + (f"\nhint: {hint}" if hint else "")
    _tell(text + "\n")


def _tell(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # nobody may listen any more
        sys.stderr.write(text)
        sys.stderr.flush()


def _explain(error: BaseException, settings: Settings) -> int:
    """Say what happened in one or two lines and return the exit code."""
    message, hint, code = _facts(error)
    usage = message.startswith("Usage:")
    if settings.verbose and not usage and not hasattr(error, "format_message"):
        from mdio.storage.secrets import scrub

        _tell(scrub("".join(traceback.format_exception(error))))
    if usage:
        _tell(message + "\n")
    else:
        _say(settings, "error", message, hint=hint, code=code)
    return code


def _facts(error: BaseException) -> tuple[str, str, int]:
    """Return message, hint and exit code of an error."""
    if isinstance(error, MDIOError):
        return _flat(error.message or str(error) or type(error).__name__), _flat(error.hint), error.exit_code
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return "cancelled", "", _CANCELLED
    if hasattr(error, "format_message"):  # a usage error of the command line library, whose classes are its own
        return usage_facts(error)
    if isinstance(error, OSError):
        what = error.strerror or str(error) or type(error).__name__
        return _flat(f"{error.filename}: {what}" if error.filename else what), "", 5
    if isinstance(error, MemoryError):
        return "out of memory", "give --memory and --workers lower values", 1
    text = _flat(f"internal error: {type(error).__name__}: {error}".rstrip(": "))
    return f"{text}; run again with -v for the traceback", "", 1


def _flat(text: str) -> str:
    return " ".join(text.split())


def _unread() -> bool:
    """Whether the reader of our output went away; a broken pipe may also be that of a store."""
    import select

    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
    except (AttributeError, OSError, ValueError):  # Windows has no poll
        return False


def _hang_up() -> int:
    """Stop without a word when the reader of our output went away, as ``head`` does; also at shutdown."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - stays until the process ends
    return 0
