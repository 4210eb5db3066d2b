"""``mdio plot``: one section or slice of a dataset of any format, to a file or to the terminal."""

from __future__ import annotations

import contextlib
from typing import Annotated, Any

import typer

from mdio.cli.options import Overwrite, StorageOptions, comma_list, key_values
from mdio.exceptions import ConfigError, MDIOAlreadyExistsError

__all__ = ["app"]

app = typer.Typer()


@app.command()
def plot(
    url: Annotated[str, typer.Argument(metavar="URL", help="Path or URL of a dataset of any format.")],
    inline: Annotated[float | None, typer.Option("--inline", metavar="N", help="Section along this inline.")] = None,
    crossline: Annotated[
        float | None, typer.Option("--crossline", metavar="N", help="Section along this crossline.")
    ] = None,
    sample: Annotated[
        float | None,
        typer.Option("--sample", "--slice", "--time", "--depth", metavar="T", help="Slice at this time or depth."),
    ] = None,
    at: Annotated[
        list[str] | None, typer.Option("--at", metavar="NAME=COORD", help="Coordinate of any dimension.")
    ] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Picture to write; by default the terminal.")
    ] = None,
    gather: Annotated[
        str | None,
        typer.Option("--gather", metavar="N,…", help="Gather at these coordinates: all but the last spatial one."),
    ] = None,
    difference: Annotated[
        str | None, typer.Option("--minus", "--difference", metavar="OTHER", help="Dataset to take away first.")
    ] = None,
    wiggle: Annotated[bool, typer.Option("--wiggle", help="Draw traces as lines instead of colours.")] = False,
    gain: Annotated[float, typer.Option("--gain", metavar="K", help="Standard deviations at full colour.")] = 3.0,
    colours: Annotated[
        str, typer.Option("--colours", "--colors", metavar="NAME", help="Colour map of matplotlib.")
    ] = "gray",
    size: Annotated[str, typer.Option("--size", metavar="WxH", help="Pixels of the picture.")] = "1200x800",
    dpi: Annotated[int, typer.Option("--dpi", min=1, metavar="N", help="Pixels an inch: how large letters are.")] = 100,
    source_format: Annotated[
        str | None, typer.Option("--from", metavar="FORMAT", help="Format of the dataset.")
    ] = None,
    source_option: Annotated[
        list[str] | None, typer.Option("--input-option", "-i", metavar="KEY=VALUE", help="Option of the reader.")
    ] = None,
    overwrite: Overwrite = False,
    storage_options: StorageOptions = None,
) -> None:
    """Draw a section or slice of a dataset of any format; by default the section at the middle of the first axis."""
    from mdio.api.plotting import plot_section
    from mdio.cli.terminal_section import show_section
    from mdio.convert import Stores
    from mdio.convert import open as open_volume

    where: dict[str, Any] = {"inline": inline, "crossline": crossline, "sample": sample, "at": _coordinates(at or [])}
    where["gather"] = None if gather is None else _numbers(gather)
    if wiggle and output is None:
        raise ConfigError("--wiggle: the terminal shows no lines", hint="give -o FILE.png, or leave --wiggle out")
    pixels = _pixels(size)
    storage = storage_options or {}
    if output is not None and not overwrite:
        store = Stores(storage).open(output)
        if store.exists():
            raise MDIOAlreadyExistsError(f"{store.url}: is there already", hint="give --overwrite to replace it")
    with contextlib.ExitStack() as stack:
        volume = open_volume(
            url, format=source_format, options=key_values(source_option or []), storage_options=storage
        )
        stack.callback(volume.close)
        other = None
        if difference is not None:
            other = open_volume(difference, storage_options=storage)
            stack.callback(other.close)
        if output is None:
            show_section(volume, other, where, gain)
        else:
            plot_section(
                volume,
                **where,
                difference=other,
                path=output,
                style="wiggle" if wiggle else "colour",
                gain=gain,
                colours=colours,
                size=pixels,
                dpi=dpi,
            )


def _coordinates(pairs: list[str]) -> dict[str, float]:
    try:
        wanted = key_values(pairs)
    except ConfigError as error:
        raise ConfigError(error.message, hint="write it like --at offset=1200") from None
    for name, value in wanted.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigError(f"--at {name}={value}: not a number", hint="write --at offset=1200")
    return wanted


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in comma_list(text)]
    except ValueError:
        raise ConfigError(f"--gather {text}: not numbers", hint="write --gather 110,220") from None


def _pixels(text: str) -> tuple[int, int]:
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdecimal() and height.isdecimal()):
        raise ConfigError(f"--size {text}: not of the form WxH", hint="write --size 1200x800")
    return int(width), int(height)
