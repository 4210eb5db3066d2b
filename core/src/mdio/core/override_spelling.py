"""Reads grid overrides in all the ways they are written: the flat mapping of MDIO v0, lists, typed objects.

::

    {"ChannelWrap": True, "ChannelsPerCable": 800}          # parameters beside the switches
    [{"ChannelWrap": {"ChannelsPerCable": 800}}, "HasDuplicates"]
    [ChannelWrap(channels_per_cable=800)]
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from mdio.exceptions import (
    GridOverrideInputError,
    GridOverrideMissingParameterError,
    GridOverrideUnknownError,
    PluginLoadError,
)

if TYPE_CHECKING:
    from mdio.plugins.contributions import GridOverride

__all__ = ["chosen", "parameters"]

_IGNORED: Final = "AutoChannelTraceQC"
"""Named by the user guide of MDIO v0, refused by its releases, and needless: all traces are looked at."""


def chosen(spelling: Any, known: Mapping[str, GridOverride]) -> dict[str, dict[str, Any]]:
    """Return the overrides that are switched on and the parameters of each, in the order written.

    Parameters
    ----------
    spelling
        Mapping, list, name, typed object, or None for none.
    known
        Name to override.

    Raises
    ------
    GridOverrideUnknownError
        Neither an override nor a parameter of one; suggests near names.
    GridOverrideInputError
        Something that is no spelling, a contradiction, or the parameter of an override that is not mentioned.
    """
    switches: dict[str, bool] = {}
    given: dict[str, dict[str, Any]] = {}
    beside: list[tuple[str, Any]] = []
    for name, value in _entries(spelling, known):
        if name == _IGNORED:
            continue
        if name not in known:
            beside.append((name, value))
            continue
        on = _switched(name, value)
        if switches.setdefault(name, on) != on:
            raise GridOverrideInputError(f"grid override {name} is switched both on and off")
        own = given.setdefault(name, {})
        accepted = _names(known[name])
        for key, item in value.items() if isinstance(value, Mapping) else ():
            _put(name, own, accepted.get(str(key), str(key)), item)
    for key, value in beside:
        takers = [name for name in switches if key in _names(known[name])]
        if not takers:
            raise _unknown(key, switches, known)
        for name in takers:
            _put(name, given[name], _names(known[name])[key], value)
    return {name: given[name] for name, on in switches.items() if on}


def parameters(override: GridOverride, given: Mapping[str, Any]) -> Any:
    """Return the checked parameters: an instance of the override's model, or an empty mapping where it has none.

    Raises
    ------
    GridOverrideMissingParameterError
        A parameter that it needs is not there.
    GridOverrideInputError
        A parameter that it does not take, or a value that does not fit.
    """
    model = override.options_model()
    if model is None:
        if given:
            raise GridOverrideInputError(f"grid override {override.name} takes no parameters, got {', '.join(given)}")
        return {}
    from pydantic import ValidationError

    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        complaints = error.errors(include_url=False)
    # What is missing comes last: a misspelt name is better told as such.
    first = min(complaints, key=lambda item: item["type"] == "missing")
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        raise GridOverrideMissingParameterError(
            f"grid override {override.name} needs the parameter {place}", hint=f'add it, e.g. "{place}": …'
        ) from None
    if first["type"] == "extra_forbidden":
        names = sorted(set(_names(override).values()))
        hint = _near(place, _names(override)) or f"it takes: {', '.join(names) or 'nothing'}"
        raise GridOverrideInputError(f"grid override {override.name} takes no parameter {place}", hint=hint) from None
    value = first.get("input")
    shown = f", got {value!r}" if isinstance(value, str | int | float | bool) else ""
    text = first["msg"].removeprefix("Value error, ")
    raise GridOverrideInputError(
        f"{place} of grid override {override.name}: {text[:1].lower()}{text[1:]}{shown}"
    ) from None


def _entries(spelling: Any, known: Mapping[str, GridOverride]) -> Iterator[tuple[str, Any]]:
    """Yield names with values, overrides and parameters alike."""
    if spelling is None:
        return
    if isinstance(spelling, str):
        yield spelling, True
    elif isinstance(spelling, Mapping):
        for name, value in spelling.items():
            yield str(name), _dumped(value) if _is_typed(value) else value
    elif isinstance(spelling, list | tuple):
        for item in spelling:
            yield from _entries(item, known)
    elif _is_typed(spelling):
        yield _name_of(spelling, known), _dumped(spelling)
    else:
        raise GridOverrideInputError(
            f"{spelling!r} is no grid override", hint='write a name, {"Name": true}, or a typed object'
        )


def _is_typed(value: Any) -> bool:
    return hasattr(type(value), "model_fields")


def _dumped(value: Any) -> dict[str, Any]:
    dumped: dict[str, Any] = value.model_dump(exclude_unset=True)
    return dumped


def _name_of(value: Any, known: Mapping[str, GridOverride]) -> str:
    """Return the override whose parameters an object holds, or the name of its class."""
    kind = type(value)
    for name, override in known.items():
        # The class name is looked at first, so that no other plugin is imported for this.
        if override.options.rpartition(":")[2] == kind.__qualname__ and override.options_model() is kind:
            return name
    return kind.__name__


def _switched(name: str, value: Any) -> bool:
    if value is None or isinstance(value, Mapping):
        return True
    # 0 and 1 as well: any value at all switched an override on in MDIO v0.
    if value not in (False, True):
        raise GridOverrideInputError(
            f"grid override {name}: expected true, false, or a mapping of parameters, got {value!r}"
        )
    return bool(value)


def _put(override: str, own: dict[str, Any], key: str, value: Any) -> None:
    if key in own and own[key] != value:
        raise GridOverrideInputError(f"{key} of grid override {override} is both {own[key]!r} and {value!r}")
    own[key] = value


def _names(override: GridOverride) -> dict[str, str]:
    """Return every name that a parameter goes by, with the first of them."""
    names: dict[str, str] = {}
    model = override.options_model()
    if model is None:
        return names
    for field, info in model.model_fields.items():
        alias = info.validation_alias or info.alias
        aliases = [item for item in getattr(alias, "choices", [alias]) if isinstance(item, str)]
        if not aliases or model.model_config.get("populate_by_name"):
            aliases.append(field)
        names |= dict.fromkeys(aliases, aliases[0])
    return names


def _unknown(key: str, mentioned: Mapping[str, bool], known: Mapping[str, GridOverride]) -> GridOverrideInputError:
    """Return the error about a name that is neither an override nor a parameter of those mentioned."""
    owners: dict[str, list[str]] = {}
    for name, override in known.items():
        try:
            spelled = _names(override)
        except PluginLoadError:  # of a plugin that was not asked for
            continue
        for parameter in spelled:
            owners.setdefault(parameter, []).append(name)
    if key in owners:
        owner = " or ".join(owners[key])
        return GridOverrideInputError(
            f"{key} is a parameter of {owner}, which is not switched on",
            hint=f'drop it, or add "{owners[key][0]}": true',
        )
    of_mentioned = [parameter for parameter, names in owners.items() if not mentioned.keys().isdisjoint(names)]
    hint = _near(key, [*known, *of_mentioned]) or f"installed: {', '.join(known) or 'none'}"
    return GridOverrideUnknownError(f"no grid override or parameter named {key!r}", hint=hint)


def _near(name: str, names: Iterable[str]) -> str:
    folded = {other.lower(): other for other in names}
    found = difflib.get_close_matches(name.lower(), folded, 3)
    return f"did you mean {' or '.join(folded[item] for item in found)}?" if found else ""
