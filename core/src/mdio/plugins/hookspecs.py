"""The hooks a plugin may implement: nine functions that say what it offers.

A hook runs once, when the plugins are first asked for, and returns an iterable of descriptors (a generator
will do). It takes no arguments today; pluggy lets the toolkit add some later without breaking implementations.
Hooks import nothing heavy: descriptors name what they offer by import strings.

The code in each docstring is a complete plugin module; the tests run it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pluggy

from mdio.plugins.contributions import (
    Check,
    Codec,
    Command,
    Contribution,
    GridOverride,
    Observer,
    Reader,
    StorageBackend,
    Template,
    Writer,
)

__all__ = [
    "API_VERSION",
    "HOOKS",
    "PROJECT",
    "hookimpl",
    "hookspec",
    "mdio_checks",
    "mdio_codecs",
    "mdio_commands",
    "mdio_grid_overrides",
    "mdio_observers",
    "mdio_readers",
    "mdio_storage_backends",
    "mdio_templates",
    "mdio_writers",
]

PROJECT: Final = "mdio"

API_VERSION: Final = "1.0"
"""Version of the plugin API, ``major.minor``. The minor part grows when hooks, arguments or descriptor fields
are added, the major part when existing plugins would break. A plugin states its own as ``MDIO_API``."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks the functions of a plugin module that implement hooks."""


@hookspec
def mdio_readers() -> Iterable[Reader]:
    """Return the formats this plugin can open.

    ::

        from mdio.plugins import Reader, hookimpl

        @hookimpl
        def mdio_readers():
            yield Reader(
                name="npz",
                summary="NumPy .npz cubes",
                suffixes=(".npz",),
                target="mdio_npz.volume:open_npz",
            )

    Returns
    -------
    Iterable of Reader
        ``target`` loads ``open(url, options, storage) -> Volume``.

    Notes
    -----
    Called once at start-up; the target is imported when an input of this format is first opened.
    """
    raise NotImplementedError


@hookspec
def mdio_writers() -> Iterable[Writer]:
    """Return the formats this plugin can create.

    ::

        from mdio.plugins import Writer, hookimpl

        @hookimpl
        def mdio_writers():
            yield Writer(
                name="npz",
                summary="NumPy .npz cubes",
                suffixes=(".npz",),
                target="mdio_npz.sink:create_npz",
            )

    Returns
    -------
    Iterable of Writer
        ``target`` loads ``create(url, like, options, storage, creation) -> Sink``.

    Notes
    -----
    Called once at start-up; the target is imported when an output of this format is first created.
    """
    raise NotImplementedError


@hookspec
def mdio_codecs() -> Iterable[Codec]:
    """Return the codecs this plugin brings for chunks.

    ::

        from mdio.plugins import Codec, hookimpl

        @hookimpl
        def mdio_codecs():
            yield Codec(
                name="gzip",
                summary="DEFLATE, as zlib has it",
                numcodecs_id="gzip",
                target="numcodecs:GZip",
            )

    Returns
    -------
    Iterable of Codec
        ``target`` loads a factory that takes the options as keywords and returns a ``numcodecs.abc.Codec``.

    Notes
    -----
    Called once at start-up; the factory runs when a store with this codec is created or opened.
    """
    raise NotImplementedError


@hookspec
def mdio_grid_overrides() -> Iterable[GridOverride]:
    """Return rules that rework index keys before the grid is built.

    ::

        from mdio.plugins import GridOverride, hookimpl

        @hookimpl
        def mdio_grid_overrides():
            yield GridOverride(
                name="FoldShots",
                summary="Numbers the shots of each line from 1",
                keys=("shot_line", "shot_point"),
                after=("AutoShotWrap",),
                target="our_lab.grid:fold_shots",
            )

    Returns
    -------
    Iterable of GridOverride
        ``target`` loads ``apply(table, params) -> table``.

    Notes
    -----
    Called once at start-up; ``apply`` runs once per imported file, between the header scan and the grid.
    """
    raise NotImplementedError


@hookspec
def mdio_storage_backends() -> Iterable[StorageBackend]:
    """Return the URL schemes this plugin can reach.

    ::

        from mdio.plugins import StorageBackend, hookimpl

        @hookimpl
        def mdio_storage_backends():
            yield StorageBackend(
                name="tape",
                summary="The tape robot of the computing centre",
                schemes=("tape",),
                target="our_lab.tape:filesystem",
                requires="pip install our-lab-tape",
            )

    Returns
    -------
    Iterable of StorageBackend
        ``target`` loads ``filesystem(url, options) -> fsspec.AbstractFileSystem``.

    Notes
    -----
    Called once at start-up; ``filesystem`` runs when a URL of the scheme is first opened in a call.
    """
    raise NotImplementedError


@hookspec
def mdio_templates() -> Iterable[Template]:
    """Return kinds of surveys: dimensions, header words and default chunks as pure data.

    ::

        from mdio.plugins import Template, hookimpl

        @hookimpl
        def mdio_templates():
            yield Template(
                name="lab-vsp",
                summary="Our walk-away VSP",
                dims=("shot_point", "receiver", "sample"),
                keys={"shot_point": "17:int32", "receiver": "13:int32"},
                chunks=(16, 64, 1024),
                units={"sample": "ms"},
            )

    Returns
    -------
    Iterable of Template
        A template has no target.

    Notes
    -----
    Called once at start-up.
    """
    raise NotImplementedError


@hookspec
def mdio_checks() -> Iterable[Check]:
    """Return rules that ``mdio verify`` and ``mdio segy scan`` apply to volumes.

    ::

        from mdio.plugins import Check, hookimpl

        @hookimpl
        def mdio_checks():
            yield Check(
                name="crs-named",
                summary="Deliveries name their coordinate reference system",
                formats=("segy", "mdio"),
                target="our_lab.rules:crs_named",
            )

    Returns
    -------
    Iterable of Check
        ``target`` loads ``check(volume) -> Iterable[Finding]``.

    Notes
    -----
    Called once at start-up; ``check`` runs when a volume of one of its formats is verified.
    """
    raise NotImplementedError


@hookspec
def mdio_commands() -> Iterable[Command]:
    """Return commands, or groups of them, to mount under ``mdio``.

    ::

        from mdio.plugins import Command, hookimpl

        @hookimpl
        def mdio_commands():
            yield Command(
                name="lab",
                summary="Deliver and receive surveys of our lab.",
                target="our_lab.cli:app",
            )

    Returns
    -------
    Iterable of Command
        ``target`` loads a ``typer.Typer``. One that holds a single command and no callback becomes that
        command, any other becomes a group.

    Notes
    -----
    Called once at start-up; the app is imported only when its name is on the command line.
    """
    raise NotImplementedError


@hookspec
def mdio_observers() -> Iterable[Observer]:
    """Return listeners to the events of runs, for metrics or audit logs.

    ::

        from mdio.plugins import Observer, hookimpl

        @hookimpl
        def mdio_observers():
            yield Observer(
                name="lab-audit",
                summary="Writes who converted what to the audit log",
                target="our_lab.audit:observe",
            )

    Returns
    -------
    Iterable of Observer
        ``target`` loads ``observe(event) -> None``.

    Notes
    -----
    Called once at start-up; ``observe`` runs for every event of every run and must be quick and thread-safe.
    """
    raise NotImplementedError


HOOKS: Final[dict[str, type[Contribution]]] = {
    "mdio_readers": Reader,
    "mdio_writers": Writer,
    "mdio_codecs": Codec,
    "mdio_grid_overrides": GridOverride,
    "mdio_storage_backends": StorageBackend,
    "mdio_templates": Template,
    "mdio_checks": Check,
    "mdio_commands": Command,
    "mdio_observers": Observer,
}
"""Every hook and the descriptor it returns, in the order in which listings show them."""
