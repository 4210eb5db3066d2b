"""What ``grid:`` says about header words, as options of the reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mdio.config.complaints import fitting
from mdio.config.document import Document, KeyPath
from mdio.config.models import Grid, Word
from mdio.exceptions import MDIOError
from mdio.plugins.contributions import GridOverride, Template
from mdio.plugins.registry import near, registry

__all__ = ["OPTIONS", "grid_options", "template_chunks"]

OPTIONS: Final = {
    "header_locations": "index",
    "header_names": "index",
    "header_types": "index",
    "grid_overrides": "overrides",
}
"""Options of a reader that indexes traces by header words, and the key of ``grid`` each comes from."""

_TYPE: Final = "int32"  # of a word without type, where others have one


def grid_options(document: Document, path: KeyPath, grid: Grid) -> dict[str, Any]:
    """Return the options of a reader that a grid stands for, empty for an empty grid.

    Parameters
    ----------
    document, path
        Where the grid stands.
    grid
        The grid.

    Raises
    ------
    ConfigError
        No such template, a dimension that it does not have, or no word for a dimension.
    GridOverrideUnknownError
        No such override.
    """
    options: dict[str, Any] = {}
    words = _words(document, path, grid)
    if words:
        options["header_names"] = list(words)
        options["header_locations"] = [word.location for word in words.values()]
        if any(word.type for word in words.values()):
            options["header_types"] = [word.type or _TYPE for word in words.values()]
    overrides = _overrides(document, (*path, "overrides"), grid.overrides)
    if overrides:
        options["grid_overrides"] = overrides
    return options


def template_chunks(grid: Grid, overrides: Any) -> list[int] | None:
    """Return the chunk shape of the template, unless one of the overrides adds a dimension to it."""
    if grid.template is None:
        return None
    known = registry().names(GridOverride)
    flat = overrides if isinstance(overrides, Mapping) else {}
    if any(name in known and known[name].adds and value is not False for name, value in flat.items()):
        return None
    return list(registry().template(grid.template).chunks) or None


def _words(document: Document, path: KeyPath, grid: Grid) -> dict[str, Word]:
    """Return the word of each dimension, slowest first."""
    if grid.template is None:
        return dict(grid.index or {})
    try:
        template = registry().template(grid.template)
    except MDIOError as error:
        raise document.error((*path, "template"), error.message, hint=error.hint) from None
    names = template.dims[:-1]
    for name in grid.index or {}:
        if name not in names:
            hint = near(name, names) or f"it has {', '.join(names)}"
            raise document.error((*path, "index", name), f"template {template.name} has no such dimension", hint=hint)
    words = {name: _word(template, name) for name in names} | dict(grid.index or {})
    for name, word in words.items():
        if word is None:
            raise document.error(
                (*path, "template"),
                f"template {template.name} does not know the header word of {name}",
                hint=f"give its byte: index: {{{name}: …}}",
            )
    return {name: word for name, word in words.items() if word is not None}


def _word(template: Template, name: str) -> Word | None:
    text = template.keys.get(name)
    if text is None:
        return None
    location, _, kind = text.partition(":")
    return Word(int(location), kind)


def _overrides(document: Document, path: KeyPath, given: list[Any] | Mapping[str, Any]) -> dict[str, Any]:
    """Return overrides in the flat spelling of MDIO v0: names to true or false, parameters beside them."""
    flat: dict[str, Any] = {}
    for place, name, value in _entries(document, path, given):
        if flat.setdefault(name, value) != value:
            raise document.error(place, f"{name} is given twice with different values: {flat[name]!r} and {value!r}")
    return flat


def _entries(
    document: Document, path: KeyPath, given: list[Any] | Mapping[str, Any]
) -> Iterator[tuple[KeyPath, str, Any]]:
    """Yield overrides and parameters one by one with their places."""
    if isinstance(given, Mapping):
        yield from _mapping(document, path, given, alone=False)
        return
    for index, item in enumerate(given):
        place = (*path, index)
        if isinstance(item, str):
            _override(document, place, item)
            yield place, item, True
        elif isinstance(item, Mapping):
            yield from _mapping(document, place, item, alone=len(item) == 1)
        else:
            raise document.error(place, "expected the name of an override, or a mapping of it to its parameters")


def _mapping(
    document: Document, path: KeyPath, given: Mapping[str, Any], *, alone: bool
) -> Iterator[tuple[KeyPath, str, Any]]:
    """Yield the entries of a mapping; one that stands ``alone`` in a list is an override and no parameter."""
    known = registry().names(GridOverride)
    for name, value in given.items():
        place = (*path, name)
        if name not in known and not alone and not (value is None or isinstance(value, bool | Mapping)):
            yield place, name, value
            continue
        override = _override(document, place, name)
        if not (value is None or isinstance(value, bool | Mapping)):
            raise document.error(place, "expected true, false, or a mapping of parameters")
        yield place, name, value is not False
        if isinstance(value, Mapping) and value:
            _check(document, place, override, value)
            yield from (((*place, key), key, item) for key, item in value.items())


def _override(document: Document, path: KeyPath, name: str) -> GridOverride:
    try:
        return registry().grid_override(name)
    except MDIOError as error:
        raise document.error(path, error.message, hint=error.hint, kind=type(error)) from None


def _check(document: Document, path: KeyPath, override: GridOverride, parameters: Mapping[str, Any]) -> None:
    try:
        model = override.options_model()
    except MDIOError as error:
        raise document.error(path, error.message, hint=error.hint, kind=type(error)) from None
    if model is not None:
        fitting(document, model, parameters, lambda inner: (*path, *inner), f"grid override {override.name}")
