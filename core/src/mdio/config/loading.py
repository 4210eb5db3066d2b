"""Reads a run file and makes conversions of it; everything that can be wrong without opening data is found here.

First the shape of the file is checked, then every block that belongs to a plugin with the plugin's own model. Both
happen for all runs before the first one starts.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mdio.config.complaints import fitting
from mdio.config.document import Document, KeyPath
from mdio.config.grid import OPTIONS, grid_options, template_chunks
from mdio.config.models import Output, Run, RunFile
from mdio.config.selection import apply_settings, chosen, name_of
from mdio.convert import Conversion
from mdio.exceptions import MDIOError, NoReaderError
from mdio.plugins import detection, install
from mdio.plugins.contributions import Contribution, Reader, Writer
from mdio.plugins.registry import registry
from mdio.storage.urls import local_path

__all__ = ["Job", "Workload", "load"]

_UNCOMPRESSED = ("none", "raw")


@dataclass(frozen=True, slots=True)
class Job:
    """A named conversion of a run file."""

    name: str
    conversion: Conversion


@dataclass(frozen=True, slots=True)
class Workload:
    """What a run file asks for.

    Parameters
    ----------
    jobs
        The selected runs in the order of the file.
    prefer
        Whose plugins are meant where names clash; for :meth:`mdio.plugins.registry.Registry.preferring`.
    """

    jobs: tuple[Job, ...]
    prefer: Mapping[str, str]


def load(file: str | os.PathLike[str], *, settings: Iterable[str] = (), only: Iterable[str] = ()) -> Workload:
    """Return what a run file asks for, checked as far as that goes without opening data.

    Parameters
    ----------
    file
        Path of the YAML file. Local paths inside it are relative to the current directory.
    settings
        Changes to it, each ``path=value``.
    only
        Names of the runs to take; all by default. The shape of the others is checked, their plugins are not.

    Raises
    ------
    ConfigError
        The file, or a change to it, is wrong; names file, path and line.
    PluginError
        A format or codec that no installed plugin has.
    """
    document = Document.read(file)
    only = tuple(only)
    apply_settings(document, settings, only)
    document.expand()
    if not isinstance(document.values, dict):
        raise document.error((), "expected a mapping with version and runs", hint="mdio config init writes an example")
    content = fitting(document, RunFile, document.values, lambda path: path, "a run file")
    names = _names(document, content)
    selected = chosen(names, only)
    prefer = content.plugins.prefer
    try:
        with registry().preferring(prefer):
            jobs = tuple(Job(names[index], _conversion(document, content, index)) for index in selected)
    except MDIOError as error:
        if getattr(error, "path", "") != "plugins.prefer":
            raise
        message = error.message.removeprefix("plugins.prefer: ")
        raise document.error(("plugins", "prefer"), message, hint=error.hint) from None
    _check_targets(document, content, selected, names)
    return Workload(jobs, prefer)


def _names(document: Document, content: RunFile) -> list[str]:
    names: list[str] = []
    for index, run in enumerate(content.runs):
        name, path = name_of(index, run.name), ("runs", index, "name")
        if name in names:
            raise document.error(path, f"runs[{names.index(name)}] is named {name!r} too", hint="names are unique")
        if name in Run.model_fields or name in RunFile.model_fields:
            raise document.error(path, f"{name!r} is a key of run files", hint="choose another name")
        names.append(name)
    return names


def _check_targets(document: Document, content: RunFile, selected: list[int], names: list[str]) -> None:
    """Refuse a run that would find its target written by an earlier one."""
    written: dict[str, str] = {}
    for index in selected:
        output = content.runs[index].output
        local = local_path(output.url)
        target = str(local.resolve()) if local is not None else output.url.rstrip("/")
        if target in written and not output.overwrite:
            raise document.error(("runs", index, "output", "url"), f"run {written[target]} writes it already")
        written[target] = names[index]


def _conversion(document: Document, content: RunFile, index: int) -> Conversion:
    run, path = content.runs[index], ("runs", index)
    reader, source_options = _source(document, path, run)
    # The template speaks of the dimensions as they are read; after a transpose its chunks would be out of order.
    transposed = any(step.transpose for step in run.transform)
    usual = None if transposed else template_chunks(run.grid, source_options.get("grid_overrides"))
    writer, target_options = _target(document, path, run, usual)
    settings = content.defaults.run.model_dump(exclude_none=True) | run.run.model_dump(exclude_none=True)
    return Conversion(
        source=run.input.url,
        target=run.output.url,
        source_format=reader,
        target_format=writer,
        source_options=source_options,
        target_options=target_options,
        storage_options=content.storage,
        transforms=tuple(run.transform),
        overwrite=run.output.overwrite,
        **settings,
    )


# -- input -------------------------------------------------------------------------------------------------------


def _source(document: Document, path: KeyPath, run: Run) -> tuple[str | None, dict[str, Any]]:
    """Return the reader where the file names one, and its options."""
    words = grid_options(document, (*path, "grid"), run.grid)
    for name in words:
        if name in run.input.options:
            place = (*path, "input", "options", name)
            raise document.error(place, f"grid.{OPTIONS[name]} says this already", hint="remove one of the two")
    options = {**run.input.options, **words}
    reader = _reader(document, (*path, "input"), run)
    if reader is not None:
        model = _model(document, (*path, "input"), reader)
        fields = model.model_fields if model is not None else {}
        for name in words:
            if name not in fields:
                key = OPTIONS[name] if OPTIONS[name] in run.grid.model_fields_set else "template"
                raise document.error((*path, "grid", key), f"reader {reader.name} indexes no traces by header words")
        origins = {name: (*path, "grid", OPTIONS[name]) for name in words}
        _check(document, reader, model, options, (*path, "input", "options"), origins)
    return run.input.format, options


def _reader(document: Document, path: KeyPath, run: Run) -> Reader | None:
    """Return the reader that is named, or the only one that knows the ending; None when the content must tell."""
    try:
        if run.input.format is not None:
            return registry().reader(run.input.format)
    except MDIOError as error:
        raise document.error((*path, "format"), error.message, hint=error.hint, kind=type(error)) from None
    readers = {id(reader): reader for reader in registry().names(Reader).values()}
    found = detection.by_suffix(readers.values(), run.input.url)
    ending = detection.ending(run.input.url)
    if not found and ending in install.SUFFIXES:
        message = f"no installed reader knows {ending} files"
        hint = registry().remedy(install.SUFFIXES[ending])
        raise document.error((*path, "url"), message, hint=hint, kind=NoReaderError)
    return found[0] if len(found) == 1 else None


# -- output ------------------------------------------------------------------------------------------------------


def _target(
    document: Document, path: KeyPath, run: Run, usual_chunks: list[int] | None
) -> tuple[str | None, dict[str, Any]]:
    """Return the writer where the file names one, and its options."""
    output, place = run.output, (*path, "output")
    writer = _writer(document, place, output)
    model = _model(document, place, writer)
    own = {"chunks": output.chunks, "codec": output.codec, "layout": output.layout}
    own = {name: value for name, value in own.items() if value is not None}
    for name in own:
        if name in output.options:
            hint = "remove one of the two"
            raise document.error((*place, "options", name), f"output.{name} says this already", hint=hint)
    origins: dict[str, KeyPath] = {name: (*place, name) for name in own}
    options = {**output.options, **own}
    _check(document, writer, model, options, (*place, "options"), origins)
    if "codec" in options:
        _check_codec(document, origins.get("codec", (*place, "options", "codec")), options["codec"])
    if usual_chunks is not None and model is not None and "chunks" in model.model_fields:
        options.setdefault("chunks", usual_chunks)
    return output.format, options


def _writer(document: Document, path: KeyPath, output: Output) -> Writer:
    try:
        return registry().writer(output.format) if output.format else registry().writer_for(output.url)
    except MDIOError as error:
        place = (*path, "format" if output.format else "url")
        raise document.error(place, error.message, hint=error.hint, kind=type(error)) from None


def _check_codec(document: Document, path: KeyPath, choice: Any) -> None:
    """Check a codec by name with the model of its plugin."""
    from mdio.native.options import WriteOptions

    picked = fitting(document, WriteOptions, {"codec": choice}, lambda inner: (*path, *inner[1:]), "a codec").codec
    if picked.name in _UNCOMPRESSED:
        return
    try:
        codec = registry().codec(picked.name)
    except MDIOError as error:
        raise document.error((*path, "name"), error.message, hint=error.hint, kind=type(error)) from None
    _check(document, codec, _model(document, path, codec), picked.parameters, path, {})


# -- both --------------------------------------------------------------------------------------------------------


def _model(document: Document, path: KeyPath, what: Contribution) -> Any:
    try:
        return what.options_model()
    except MDIOError as error:
        raise document.error(path, error.message, hint=error.hint, kind=type(error)) from None


def _check(
    document: Document,
    what: Contribution,
    model: Any,
    options: Mapping[str, Any],
    path: KeyPath,
    origins: Mapping[str, KeyPath],
) -> None:
    """Check the options of a plugin with its model; ``origins`` says where those stand that are not below ``path``."""

    def where(inner: KeyPath) -> KeyPath:
        name = str(inner[0]) if inner else ""
        return (*origins[name], *inner[1:]) if name in origins else (*path, *inner)

    if model is not None:
        fitting(document, model, options, where, f"{what.kind} {what.name}")
    elif options:
        raise document.error(where((next(iter(options)),)), f"{what.kind} {what.name} takes no options")
