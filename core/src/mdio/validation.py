"""Validates options with the pydantic model of a contribution and says plainly what does not fit."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from mdio.exceptions import ConfigError

__all__ = ["validated"]


def validated(model: Any, values: Mapping[str, Any], path: str = "") -> Any:
    """Return an instance of a pydantic model.

    Parameters
    ----------
    model
        The model class.
    values
        Field name to value.
    path
        Where the values come from, for messages: a dotted path of a run file, or the name of an option.

    Raises
    ------
    ConfigError
        The first thing that does not fit: its path, what was expected, a near name for unknown fields.
    """
    from pydantic import ValidationError

    try:
        # Errors of pydantic repeat the values, which may hold keys: they are not chained.
        return model.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = [str(part) for part in first["loc"]]
        where = ".".join(([path] if path else []) + place)
        if first["type"] == "extra_forbidden":
            head, _, inner = place[-1].partition(".")
            near = difflib.get_close_matches(place[-1], model.model_fields, 1)
            known = ", ".join(model.model_fields)
            hint = f"did you mean {near[0]!r}?" if near else f"known here: {known}"
            if inner and head in model.model_fields:
                hint = f"what belongs to {head} goes into its value: {head}=NAME:{inner}=… or {head}={{JSON}}"
            raise ConfigError("no such option", path=where, hint=hint) from None
        given = first.get("input")
        shown = f", got {given!r}" if isinstance(given, str | int | float | bool) else ""
        raise ConfigError(f"{first['msg'][0].lower()}{first['msg'][1:]}{shown}", path=where) from None
