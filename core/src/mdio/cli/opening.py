"""Opens the dataset that a command is given, of any format, and closes it when the command is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mdio.cli.options import Settings

if TYPE_CHECKING:
    from mdio.core.volume import Volume
    from mdio.flow.events import Observer

__all__ = ["InputOption", "Opened", "SourceFormat", "observers", "opened"]

SourceFormat = Annotated[str | None, typer.Option("--from", metavar="FORMAT", help="Format of the dataset.")]
InputOption = Annotated[
    list[str] | None, typer.Option("--input-option", "-i", metavar="KEY=VALUE", help="Option of the reader.")
]


@dataclass(frozen=True, slots=True)
class Opened:
    """A dataset that is open.

    Parameters
    ----------
    volume
        The dataset.
    format
        Name of its reader.
    url
        Where it is, without secrets.
    """

    volume: Volume
    format: str
    url: str


@contextmanager
def opened(
    url: str, source_format: str | None, options: Mapping[str, Any], storage_options: Mapping[str, Any] | None
) -> Iterator[Opened]:
    """Open a dataset by what a command was given: format, options of the reader, storage options."""
    from mdio.convert import Stores, find_reader
    from mdio.convert import open as open_volume

    storage = Stores(storage_options or {})
    name = source_format or find_reader(url, storage).name
    volume = open_volume(url, format=name, options=options, storage_options=storage_options)
    try:
        yield Opened(volume, name, storage.open(url).url)
    finally:
        volume.close()


def observers(settings: Settings, quiet: bool) -> list[Observer]:
    """Return what shows the progress of a pass over a dataset."""
    from mdio.cli.memory import give_slabs_back
    from mdio.cli.running import progress_of

    give_slabs_back()
    return [progress_of(settings, quiet=quiet)]
