"""Applies grid overrides in the order that their declared needs give, however the user wrote them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from mdio.core.override_spelling import chosen, parameters
from mdio.core.table import HeaderTable
from mdio.exceptions import GridOverrideIncompatibleError, GridOverrideKeysError, PluginError, ShapeError

if TYPE_CHECKING:
    from mdio.plugins.contributions import GridOverride

__all__ = ["Step", "apply_steps", "chunks_with_added", "spelled", "steps"]


@dataclass(frozen=True, slots=True)
class Step:
    """An override to be applied.

    Parameters
    ----------
    name
        As the user named it.
    override
        Its descriptor.
    params
        Instance of its model of options, or an empty mapping where it has none.
    """

    name: str
    override: GridOverride
    params: Any

    @property
    def spelled(self) -> dict[str, Any]:
        """The parameters that differ from their defaults, JSON-able, under the names of MDIO v0."""
        if not self.override.options:
            return {}
        dumped: dict[str, Any] = self.params.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return dumped


def steps(spelling: Any, known: Mapping[str, GridOverride]) -> tuple[Step, ...]:
    """Return what is to be applied, in order; the order of the spelling has no say in it.

    Overrides that add a dimension come as late as their needs allow: they count what the others have reworked.

    Parameters
    ----------
    spelling
        See :mod:`mdio.core.override_spelling`.
    known
        Name to override; ties go by its order.

    Raises
    ------
    GridOverrideUnknownError, GridOverrideMissingParameterError, GridOverrideIncompatibleError, GridOverrideInputError
        The spelling is wrong.
    """
    given = chosen(spelling, known)
    for one, other in combinations(given, 2):
        first, second = known[one], known[other]
        if second.name in first.excludes or first.name in second.excludes:
            raise GridOverrideIncompatibleError(
                f"grid overrides {one} and {other} cannot be combined", hint="drop one of them"
            )
    ready = {name: Step(name, known[name], parameters(known[name], own)) for name, own in given.items()}
    return tuple(ready[name] for name in _ordered([name for name in known if name in given], known))


def _ordered(names: Sequence[str], known: Mapping[str, GridOverride]) -> list[str]:
    waiting = sorted(names, key=lambda name: bool(known[name].adds))
    order: list[str] = []
    while waiting:
        pending = {known[name].name for name in waiting}
        ready = [name for name in waiting if pending.isdisjoint({*known[name].after} - {known[name].name})]
        if not ready:
            raise GridOverrideIncompatibleError(
                f"grid overrides {', '.join(waiting)} each want to run after another of them", hint="drop one of them"
            )
        order.append(ready[0])
        waiting.remove(ready[0])
    return order


def spelled(todo: Sequence[Step]) -> dict[str, dict[str, Any]]:
    """Return the canonical spelling, JSON-able: name to parameters, in the order of application."""
    return {step.name: step.spelled for step in todo}


def apply_steps(table: HeaderTable, todo: Sequence[Step]) -> HeaderTable:
    """Return the reworked table.

    Its notes tell what was done: ``overrides`` (canonical spelling), ``added`` (new dimension to the default length
    of its chunks), and what overrides note themselves.

    Raises
    ------
    GridOverrideKeysError
        A key that an override needs is not there, or one of the name that it adds is.
    PluginError
        An override returns something that is no table of these traces.
    """
    for step in todo:
        _check_keys(step, table)
        result = step.override.load()(table, step.params)
        _check_result(step, table, result)
        table = result
        if step.override.adds:
            added = {step.override.adds: 1, **table.notes.get("added", {})}
            table = HeaderTable(table.columns, {**table.notes, "added": added})
    return HeaderTable(table.columns, {**table.notes, "overrides": spelled(todo)}) if todo else table


def _check_keys(step: Step, table: HeaderTable) -> None:
    # A key may have alternatives: the user guide calls shot_point "shot" in its first example.
    missing = [key for key in step.override.keys if table.columns.keys().isdisjoint(key.split("|"))]
    names = ", ".join(table.names) or "none"
    if missing:
        needs, missed = (", ".join(key.partition("|")[0] for key in keys) for keys in (step.override.keys, missing))
        raise GridOverrideKeysError(
            f"grid override {step.name} needs the index keys {needs}; there is no {missed} among {names}",
            hint=f"name the header words so, e.g. --header-names {needs.replace(' ', '')}",
        )
    if step.override.adds in table.names:
        raise GridOverrideKeysError(
            f"grid override {step.name} makes the dimension {step.override.adds}, but the index keys are {names}",
            hint="give that key another name",
        )


def _check_result(step: Step, table: HeaderTable, result: Any) -> None:
    if not isinstance(result, HeaderTable):
        problem = f"returned {type(result).__name__}, not a HeaderTable"
    elif lengths := {len(column) for column in result.columns.values()} - {table.count}:
        problem = f"returned a column of {min(lengths)} for {table.count} traces"
    elif step.override.adds and step.override.adds not in result.names:
        problem = f"did not make its dimension {step.override.adds}"
    else:
        return
    raise PluginError(f"grid override {step.name} ({step.override.target}) {problem}", hint="tell its author")


def chunks_with_added(
    chunks: Sequence[int], keys: Sequence[str], dims: Sequence[str], added: Mapping[str, int]
) -> tuple[int, ...]:
    """Return the chunk shape of a grid that overrides have reworked.

    Parameters
    ----------
    chunks
        One length an index key and the sample axis, as in MDIO v0, or one a dimension.
    keys
        Names of the index keys before overrides, slowest first.
    dims
        Names of the dimensions after overrides, the sample axis last.
    added
        Notes of the table: new dimension to the length of its chunks.

    Raises
    ------
    ShapeError
        Another number of lengths.
    """
    if len(chunks) == len(keys) + 1:
        by_name = {**dict(zip((*keys, dims[-1]), chunks, strict=True)), **added}
        if by_name.keys() >= {*dims}:
            return tuple(by_name[name] for name in dims)
    if len(chunks) == len(dims):
        return tuple(chunks)
    raise ShapeError(
        f"{len(chunks)} chunk lengths {tuple(chunks)} for the index keys {', '.join(keys)} and the samples",
        hint=f"give {len(keys) + 1}" + (f", {', '.join(added)} takes its own" if added else ""),
    )
