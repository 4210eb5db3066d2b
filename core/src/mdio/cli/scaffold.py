"""Writes the folder of a new plugin from the files in ``templates/``: a format that works, to be replaced."""

from __future__ import annotations

import keyword
import re
from importlib.resources import files
from pathlib import Path
from string import Template

from mdio.exceptions import ConfigError, MDIOAlreadyExistsError, StorageError
from mdio.plugins.hookspecs import API_VERSION

__all__ = ["FILES", "write"]

FILES = {
    "pyproject.toml": "pyproject.toml.txt",
    "src/$package/__init__.py": "init.py.txt",
    "src/$package/plugin.py": "plugin.py.txt",
    "src/$package/volume.py": "volume.py.txt",
    "tests/test_$word.py": "test.py.txt",
}
"""Path in the new folder and the template it is made from."""


def write(name: str, directory: Path) -> Path:
    """Write the distribution ``mdio-NAME`` and return its folder.

    Raises
    ------
    ConfigError
        The name cannot be one of a package.
    MDIOAlreadyExistsError
        The folder is there already.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or keyword.iskeyword(name):
        raise ConfigError(f"{name!r} cannot name a plugin", hint="use lower-case letters, digits and single hyphens")
    word = name.replace("-", "_")
    values = {
        "name": name,
        "word": word,
        "package": f"mdio_{word}",
        "title": "".join(part.capitalize() for part in name.split("-")),
        "api": API_VERSION,
    }
    folder = directory / f"mdio-{name}"
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise MDIOAlreadyExistsError(f"{folder}: already exists", hint="choose another name or --dir") from None
    except OSError as error:
        raise StorageError(f"{folder}: {error.strerror}") from error
    templates = files("mdio.cli") / "templates"
    for path, template in FILES.items():
        target = folder / Template(path).substitute(values)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = (templates / template).read_text(encoding="utf-8")
        target.write_text(Template(text).substitute(values), encoding="utf-8")
    return folder
