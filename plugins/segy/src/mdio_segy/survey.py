"""Kinds of surveys by name: which header words a template reads, what it calls them, and its chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mdio.exceptions import ConfigError
from mdio.plugins import GridOverride
from mdio.plugins.registry import registry

__all__ = ["template_chunks", "template_options"]


def template_options(name: str, locations: Sequence[int | str | None] | None = None) -> dict[str, Any]:
    """Return the options of the reader that a template stands for.

    Parameters
    ----------
    name
        The template; ``mdio plugins list --kind template`` names them.
    locations
        First bytes or names of the words, slowest dimension first, where they lie elsewhere than the template says.

    Raises
    ------
    ConfigError
        No such template (with near names), a word whose place the template does not know, or another number of
        words than it has dimensions.
    """
    template = registry().template(name)
    dims = template.dims[:-1]
    words = [template.keys.get(dim, "").partition(":") for dim in dims]
    if locations is None:
        unknown = [dim for dim in dims if dim not in template.keys]
        if unknown:
            shown = ",".join(place or "…" for place, _, _ in words)
            raise ConfigError(
                f"template {template.name} does not know the header word of {', '.join(unknown)}",
                path="template",
                hint=f"give the bytes of {', '.join(dims)}: --header-locations {shown}",
            )
        locations = [int(place) for place, _, _ in words]
    elif len(locations) != len(dims):
        raise ConfigError(
            f"{len(locations)} header locations for the {len(dims)} dimensions {', '.join(dims)} of {template.name}",
            path="header_locations",
        )
    # A word given by name, or with its type, is read as it says.
    kinds = [kind or "int32" for _, _, kind in words]
    types = [None if isinstance(place, str) else kind for place, kind in zip(locations, kinds, strict=True)]
    return {"header_locations": list(locations), "header_names": list(dims), "header_types": types}


def template_chunks(name: str, overrides: Mapping[str, Any] | None = None) -> list[int] | None:
    """Return the chunk shape of a template; None where an override adds a dimension that it does not know."""
    known = registry().names(GridOverride)
    if any(key in known and known[key].adds and value is not False for key, value in (overrides or {}).items()):
        return None
    return list(registry().template(name).chunks) or None
