"""Writes the folder of a new plugin from the files in ``templates/``: an example that works, to be replaced."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template
from types import MappingProxyType

from mdio.exceptions import ConfigError, MDIOAlreadyExistsError, StorageError
from mdio.plugins.hookspecs import API_VERSION

__all__ = ["KINDS", "Kind", "write"]


@dataclass(frozen=True, slots=True)
class Kind:
    """What is written for one kind of contribution.

    Parameters
    ----------
    description
        Of the distribution.
    modules
        Templates of the modules beside ``plugin.py``, as ``folder/module``.
    needs
        Requirements besides the core.
    entries
        Further entry points.
    """

    description: str
    modules: tuple[str, ...] = ()
    needs: tuple[str, ...] = ("numpy>=1.26",)
    entries: str = ""


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "reader": Kind("Reads $name files with mdio", ("reader/volume",)),
        "writer": Kind("Reads and writes $name files with mdio", ("reader/volume", "writer/sink")),
        "codec": Kind(
            "The codec $name for chunks of mdio",
            ("codec/codec", "codec/options"),
            ("numpy>=1.26", "numcodecs>=0.15.1", "pydantic>=2"),
            '\n[project.entry-points."numcodecs.codecs"]\n$word = "$package.codec:${title}Codec"\n',
        ),
        "grid override": Kind(
            "The grid override $title for mdio",
            ("grid_override/grid", "grid_override/options"),
            ("numpy>=1.26", "pydantic>=2"),
        ),
        "storage backend": Kind("Datasets at $name:// for mdio", ("storage_backend/place",), ("fsspec",)),
        "template": Kind("The kind of survey $name for mdio", needs=()),
        "check": Kind("The check $name for mdio verify", ("check/rules",)),
        "command": Kind("The command mdio $name", ("command/cli",), ("typer",)),
        "observer": Kind("The observer $name of runs of mdio", ("observer/audit",), ()),
    }
)
"""Kind of contribution to what is written for it."""


def write(name: str, directory: Path, kind: str = "reader") -> Path:
    """Write the distribution ``mdio-NAME`` and return its folder.

    Parameters
    ----------
    name
        Of the format, codec, command, …
    directory
        Where the folder is made.
    kind
        One of :data:`KINDS`.

    Raises
    ------
    ConfigError
        The name cannot be one of a package.
    MDIOAlreadyExistsError
        The folder is there already.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or keyword.iskeyword(name):
        raise ConfigError(f"{name!r} cannot name a plugin", hint="use lower-case letters, digits and single hyphens")
    folder = directory / f"mdio-{name}"
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise MDIOAlreadyExistsError(f"{folder}: already exists", hint="choose another name or --dir") from None
    except OSError as error:
        raise StorageError(f"{folder}: {error.strerror}") from error
    values = _values(name, KINDS[kind])
    templates = files("mdio.cli") / "templates"
    for path, template in _templates(kind, values).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        text = templates.joinpath(*template.split("/")).read_text(encoding="utf-8")
        target.write_text(Template(text).substitute(values), encoding="utf-8")
    return folder


def _values(name: str, kind: Kind) -> dict[str, str]:
    """Return what the templates speak of."""
    word = name.replace("-", "_")
    values = {
        "name": name,
        "word": word,
        "upper": word.upper(),
        "package": f"mdio_{word}",
        "title": "".join(part.capitalize() for part in name.split("-")),
        "api": API_VERSION,
        "dependencies": ", ".join(f'"{package}"' for package in ("mdio-core>=0.1,<0.2", *kind.needs)),
    }
    return values | {
        "description": Template(kind.description).substitute(values),
        "entries": Template(kind.entries).substitute(values),
    }


def _templates(kind: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return path in the new folder to the template it is made from."""
    own, source = kind.replace(" ", "_"), f"src/{values['package']}"
    modules = {f"{source}/{module.rpartition('/')[2]}.py": f"{module}.py.txt" for module in KINDS[kind].modules}
    return {
        "pyproject.toml": "pyproject.toml.txt",
        f"{source}/__init__.py": "init.py.txt",
        f"{source}/plugin.py": f"{own}/plugin.py.txt",
        **modules,
        f"tests/test_{values['word']}.py": f"{own}/test.py.txt",
    }
