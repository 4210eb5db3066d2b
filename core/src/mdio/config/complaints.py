"""Says what does not fit a model in the words of the run file: path, line, what was expected, near names."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from mdio.config.document import Document, KeyPath
from mdio.exceptions import MDIOError
from mdio.plugins.registry import near

__all__ = ["fitting"]


def fitting(
    document: Document, model: Any, values: Mapping[str, Any], where: Callable[[KeyPath], KeyPath], what: str
) -> Any:
    """Return an instance of a model.

    Parameters
    ----------
    document
        Where the values come from.
    model
        The pydantic model class.
    values
        Field name to value.
    where
        Gives the path in the document for a path in ``values``.
    what
        Whose keys they are, for messages, e.g. ``"writer vds"``.

    Raises
    ------
    ConfigError
        The first thing in the file that does not fit.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        complaints = error.errors(include_url=False)
    # ``from None`` everywhere: pydantic's own text repeats the input, which may hold keys.
    paths = [_in_values(values, item["loc"], item["type"]) for item in complaints]
    # What is missing comes last: a misspelt key is better told as such.
    order = [
        (item["type"] == "missing", document.place(where(path)).line or 0)
        for path, item in zip(paths, complaints, strict=True)
    ]
    first = order.index(min(order))
    alike = [item for path, item in zip(paths, complaints, strict=True) if path == paths[first]]
    raise _complaint(document, model, paths[first], alike, where, what) from None


def _complaint(
    document: Document, model: Any, path: KeyPath, alike: list[Any], where: Callable[[KeyPath], KeyPath], what: str
) -> MDIOError:
    place = where(path)
    kind = alike[0]["type"]
    if kind == "extra_forbidden":
        known = list(_fields_at(model, path[:-1]))
        hint = near(str(path[-1]), known) or f"known here: {', '.join(known) or 'nothing'}"
        return document.error(place, f"{what} has no such key", hint=hint)
    if kind == "missing":
        return document.error(place, "is required")
    texts, hint = [], ""
    for item in alike:
        cause = (item.get("ctx") or {}).get("error")
        text = cause.message if isinstance(cause, MDIOError) else str(cause) if cause is not None else item["msg"]
        hint = cause.hint if isinstance(cause, MDIOError) else hint
        texts.append(text[:1].lower() + text[1:])
    given = alike[0].get("input")
    secret = place[:1] == ("storage",) or not isinstance(given, str | int | float | bool) or kind == "value_error"
    shown = "" if secret else f", got {given!r}"
    return document.error(place, " or ".join(dict.fromkeys(texts)) + shown, hint=hint)


def _in_values(values: Any, place: tuple[str | int, ...], kind: str) -> KeyPath:
    """Return a place without what pydantic adds to it: names of union members, marks of keys."""
    path: list[str | int] = []
    for part in place:
        inside = part in values if isinstance(values, Mapping) else False
        if isinstance(values, list | tuple) and isinstance(part, int):
            inside = part < len(values)
        if inside:
            values = values[part]
        elif not (kind == "missing" and part == place[-1]):
            continue
        path.append(part)
    return tuple(path)


def _fields_at(model: Any, path: KeyPath) -> Mapping[str, Any]:
    """Return the fields of the model that describes the value at a path."""
    for part in path:
        field = model.model_fields.get(part) if model is not None and isinstance(part, str) else None
        if field is not None:
            model = _model_in(field.annotation)
        elif isinstance(part, str):
            model = None
    return {} if model is None else dict(model.model_fields)


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(part) for part in typing.get_args(annotation))
    return next((model for model in found if model is not None), None)
