"""Option types that several commands share, the settings of a call, and the short forms of MDIO v0.

A command takes them as annotations, so that the same option reads the same everywhere::

    def convert(source: str, target: str, overwrite: Overwrite = False, memory: Memory = None) -> None: ...
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from mdio.exceptions import ConfigError
from mdio.sizes import size

__all__ = [
    "DryRun",
    "Json",
    "Memory",
    "Overwrite",
    "Quiet",
    "Resume",
    "Scheduler",
    "Select",
    "Settings",
    "StorageOptions",
    "Workers",
    "comma_list",
    "key_values",
    "normalise_argv",
    "settings_of",
    "size",
    "split_settings",
]


@dataclass(frozen=True, slots=True)
class Settings:
    """What was asked for besides the command; a command finds it in ``typer.Context.obj``.

    Parameters
    ----------
    verbose
        Show tracebacks and details.
    quiet
        Show neither progress nor warnings.
    log
        ``"text"`` or ``"json"``: how progress, warnings and errors are written to standard error.
    """

    verbose: bool = False
    quiet: bool = False
    log: str = "text"


def settings_of(context: typer.Context) -> Settings:
    """Return the settings of the call a command runs in."""
    found = context.find_root().obj
    return found if isinstance(found, Settings) else Settings()


# -- values ------------------------------------------------------------------------------------------------------


def _storage_options(text: str) -> dict[str, Any]:
    from mdio.storage.options import parse_options

    try:
        return parse_options(text)
    except ConfigError as error:
        raise ConfigError(error.message, path="--storage-options", hint=error.hint) from None


def comma_list(text: str) -> list[str]:
    """Return the parts of a comma separated list, blanks around them removed; empty for an empty text."""
    return [part.strip() for part in text.split(",")] if text.strip() else []


def key_values(pairs: Sequence[str]) -> dict[str, Any]:
    """Return ``key=value`` options as a mapping; a value that is JSON is taken as such, any other is text.

    Raises
    ------
    ConfigError
        A pair has no ``=`` or no key.
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"{pair!r} is not of the form key=value")
        try:
            values[key.strip()] = json.loads(text)
        except json.JSONDecodeError:
            values[key.strip()] = text
    return values


def _quiet(context: typer.Context, value: bool) -> bool:
    return value or settings_of(context).quiet


Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the target when it exists.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with an unfinished target.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done and do nothing.")]
Quiet = Annotated[bool, typer.Option("--quiet", callback=_quiet, help="Show neither progress nor warnings.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, metavar="N", help="Threads or processes to work with.")
]
Scheduler = Annotated[
    str | None, typer.Option("--scheduler", metavar="ADDR", help="Address of a Dask scheduler to run on.")
]
Select = Annotated[
    str | None,
    typer.Option(
        "--select",
        metavar="inline=100:200,…",
        help="Traces to write, by coordinates: first:last[:step], both ends included, or single ones.",
    ),
]

if TYPE_CHECKING:
    Memory = int | None
    StorageOptions = dict[str, Any] | None
else:
    # Converted by a callback, not by ``parser``: on an error the latter repeats the text, which may hold keys.
    Memory = Annotated[
        str | None,
        typer.Option(
            "--memory",
            callback=lambda text: None if text is None else size(text),
            metavar="SIZE",
            help="Memory to stay below, e.g. 2GiB.",
        ),
    ]
    StorageOptions = Annotated[
        str | None,
        typer.Option(
            "--storage-options",
            callback=lambda text: None if text is None else _storage_options(text),
            metavar="JSON|@FILE",
            help="Options of remote storage: flat for all URLs, or keyed by protocol. Others see command lines: keys "
            "are better kept in a file, or in MDIO_STORAGE_OPTIONS.",
        ),
    ]

# -- arguments ---------------------------------------------------------------------------------------------------

_OLD_FORMS: Final[Mapping[str, str]] = {
    "-access": "--access-pattern",
    "-chunks": "--chunk-size",
    "-endian": "--endian",
    "-exc": "--excludes",
    "-grid-overrides": "--grid-overrides",
    "-inc": "--includes",
    "-loc": "--header-locations",
    "-lossless": "--lossless",
    "-names": "--header-names",
    "-overwrite": "--overwrite",
    "-storage": "--storage-options",
    "-tolerance": "--compression-tolerance",
    "-types": "--header-types",
}


def normalise_argv(argv: Sequence[str]) -> list[str]:
    """Return the arguments with the single-dash long forms of MDIO v0 written as today's long options.

    ``-format`` means the output format of ``info`` and the sample format of ``segy export``. ``-lossless`` took
    a truth value, which decides between ``--lossless`` and ``--lossy`` here. Nothing after ``--`` is touched.
    """
    result: list[str] = []
    rest = iter(argv)
    for word in rest:
        if word == "--":
            return [*result, word, *rest]
        name, equals, value = word.partition("=")
        if name == "-format":
            result.append(("--output-format" if "info" in result else "--segy-format") + equals + value)
        elif name in {"-lossless", "--lossless"}:
            following: list[str] = []
            if not equals:
                value = next(rest, "")
                following = [value] if value else []
            if value.lower() in {"true", "yes", "on"}:
                result.append("--lossless")
            elif value.lower() in {"false", "no", "off"}:
                result.append("--lossy")
            else:
                result += ["--lossless", *normalise_argv([*following, *rest])]
        elif name in _OLD_FORMS:
            result.append(_OLD_FORMS[name] + equals + value)
        else:
            result.append(word)
    return result


def split_settings(argv: Sequence[str]) -> tuple[Settings, list[str]]:
    """Take the settings of the call out of the arguments, wherever ``-v``, ``--verbose`` and ``--log`` stand.

    ``--quiet`` before the command is taken out; behind it it stays, because it is an option of the command too.

    Raises
    ------
    ConfigError
        ``--log`` is followed by something else than ``text`` or ``json``.
    """
    verbose = quiet = False
    log = "text"
    result: list[str] = []
    rest = iter(argv)
    for word in rest:
        if word == "--":
            result += [word, *rest]
        elif word in {"-v", "--verbose"}:
            verbose = True
        elif word == "--quiet":
            quiet = True
            if any(not other.startswith("-") for other in result):
                result.append(word)
        elif word == "--log" or word.startswith("--log="):
            log = word.partition("=")[2] if "=" in word else next(rest, "")
            if log not in {"text", "json"}:
                raise ConfigError(f"--log {log or 'without a value'}: expected text or json")
        else:
            result.append(word)
    return Settings(verbose, quiet, log), result
