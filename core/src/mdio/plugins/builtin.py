"""The core's own contributions, through the same hooks that every plugin uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mdio.plugins.contributions import Check, Command, GridOverride, Reader, StorageBackend, Template, Writer
from mdio.plugins.hookspecs import API_VERSION, hookimpl

MDIO_API = API_VERSION


@hookimpl
def mdio_readers() -> Iterator[Reader]:
    """Return the native format."""
    yield Reader(
        name="mdio",
        summary="MDIO datasets (Zarr), v0 and v1 layouts",
        suffixes=(".mdio",),
        directories=True,
        target="mdio.native.volume:open_volume",
        sniff="mdio.native.opening:sniff",
        options="mdio.native.options:ReadOptions",
    )


@hookimpl
def mdio_writers() -> Iterator[Writer]:
    """Return the native format."""
    yield Writer(
        name="mdio",
        summary="MDIO datasets (Zarr), v0 and v1 layouts",
        suffixes=(".mdio",),
        directories=True,
        target="mdio.native.sink:create_sink",
        options="mdio.native.options:WriteOptions",
    )


@hookimpl
def mdio_storage_backends() -> Iterator[StorageBackend]:
    """Return what fsspec reaches; the schemes of one service share their package."""
    for name, summary, schemes, package in (
        ("file", "Local files", ("file", "local"), ""),
        ("memory", "Objects in this process, for tests", ("memory",), ""),
        ("s3", "Amazon S3 and compatible stores", ("s3", "s3a"), "s3fs"),
        ("gs", "Google Cloud Storage", ("gs", "gcs"), "gcsfs"),
        ("az", "Azure Blob Storage and Data Lake", ("az", "abfs", "abfss", "adl"), "adlfs"),
        ("http", "Web servers, read only", ("http", "https"), "aiohttp"),
        ("cache", "Local copies of remote objects, chained: simplecache::s3://…", _CACHES, ""),
    ):
        yield StorageBackend(
            name=name,
            summary=summary,
            schemes=schemes,
            target="mdio.storage.backends:filesystem",
            requires=f"pip install {package}" if package else "",
        )


_CACHES: Final = ("simplecache", "filecache", "blockcache")


@hookimpl
def mdio_grid_overrides() -> Iterator[GridOverride]:
    """Return the overrides of MDIO v0; see ``mdio.core.overrides``."""
    streamer = ("shot_point", "cable", "channel")
    # The user guide of MDIO v0 calls the first key "shot" where it computes the cable.
    unwrapped = ("shot_point|shot", "cable", "channel")
    counting = ("NonBinned", "HasDuplicates")
    yield GridOverride(
        name="AutoChannelWrap",
        summary="Numbers the channels of each cable from 1 where cables do not share channel numbers",
        keys=streamer,
        excludes=("ChannelWrap", "CalculateCable"),
        target="mdio.core.overrides:auto_channel_wrap",
        options="mdio.core.override_options:AutoChannelWrap",
    )
    yield GridOverride(
        name="CalculateCable",
        summary="Computes the cable from the channel and ChannelsPerCable",
        keys=unwrapped,
        excludes=("AutoChannelWrap", *counting),
        target="mdio.core.overrides:calculate_cable",
        options="mdio.core.override_options:CalculateCable",
    )
    yield GridOverride(
        name="ChannelWrap",
        summary="Numbers the channels of each cable from 1, given ChannelsPerCable",
        keys=unwrapped,
        after=("CalculateCable",),
        excludes=("AutoChannelWrap", *counting),
        target="mdio.core.overrides:channel_wrap",
        options="mdio.core.override_options:ChannelWrap",
    )
    yield GridOverride(
        name="AutoShotWrap",
        summary="Makes the shot numbers of each gun dense where guns fire in turn",
        keys=("shot_line", "gun", "shot_point", "cable", "channel"),
        target="mdio.core.overrides:auto_shot_wrap",
        options="mdio.core.override_options:AutoShotWrap",
    )
    wrapping = ("AutoChannelWrap", "CalculateCable", "ChannelWrap", "AutoShotWrap")
    yield GridOverride(
        name="NonBinned",
        summary="Numbers the traces of each grid cell along a new dimension, in file order",
        adds="trace",
        after=wrapping,
        excludes=("ChannelWrap", "CalculateCable", "HasDuplicates"),
        target="mdio.core.overrides:non_binned",
        options="mdio.core.override_options:NonBinned",
    )
    yield GridOverride(
        name="HasDuplicates",
        summary="As NonBinned, in chunks of one: for few traces that share a cell",
        adds="trace",
        after=wrapping,
        excludes=("ChannelWrap", "CalculateCable", "NonBinned"),
        target="mdio.core.overrides:has_duplicates",
        options="mdio.core.override_options:HasDuplicates",
    )


# Where SEG-Y rev 1 (SEG, 2002, table 3) keeps the index words; words that no revision 1 field holds (angle,
# azimuth, gun, …) are left out of the templates and must be given. Cable has no field either: 137 is where the
# documentation of MDIO v0 reads it.
_WORDS: Final = {
    "inline": "189:int32",
    "crossline": "193:int32",
    "cdp": "21:int32",
    "offset": "37:int32",
    "field_record": "9:int32",
    "shot_point": "17:int32",
    "cable": "137:int16",
    "channel": "13:int32",
}

_TEMPLATES: Final = (
    # name, summary, spatial dimensions, chunks (the last one is the samples')
    ("poststack2d", "Stacked line", ("cdp",), (512, 512)),
    ("poststack3d", "Stacked volume", ("inline", "crossline"), (64, 64, 64)),
    ("offset2d", "CDP gathers by offset along a line", ("cdp", "offset"), (16, 64, 1024)),
    ("offset3d", "CDP gathers by offset of a volume", ("inline", "crossline", "offset"), (8, 8, 32, 512)),
    ("angle2d", "CDP gathers by angle along a line", ("cdp", "angle"), (16, 64, 1024)),
    ("angle3d", "CDP gathers by angle of a volume", ("inline", "crossline", "angle"), (8, 8, 32, 512)),
    (
        "coca3d",
        "Common-offset common-azimuth gathers",
        ("inline", "crossline", "offset", "azimuth"),
        (8, 8, 32, 1, 1024),
    ),
    (
        "offsettiles3d",
        "Offset vector tiles",
        ("inline", "crossline", "inline_offset_tile", "crossline_offset_tile"),
        (4, 4, 6, 6, 4096),
    ),
    ("shot2d", "Streamer shot gathers of one cable", ("shot_point", "channel"), (16, 32, 2048)),
    ("shot3d", "Streamer shot gathers of several cables", ("shot_point", "cable", "channel"), (8, 1, 128, 2048)),
    ("fieldrecords2d", "Field records by their number", ("field_record", "channel"), (16, 32, 2048)),
    (
        "streamerfield3d",
        "Streamer field records",
        ("sail_line", "gun", "shot_point", "cable", "channel"),
        (1, 1, 16, 1, 32, 1024),
    ),
    (
        "obn3d",
        "Ocean-bottom node receiver gathers",
        ("component", "receiver", "shot_line", "gun", "shot_point"),
        (1, 1, 1, 1, 512, 4096),
    ),
    ("receiver3d", "Receiver gathers", ("receiver", "shot_line", "shot_point"), (1, 1, 512, 4096)),
    (
        "land3d",
        "Shot gathers by receiver line",
        ("shot_line", "shot_point", "receiver_line", "receiver"),
        (1, 32, 1, 32, 2048),
    ),
)


@hookimpl
def mdio_templates() -> Iterator[Template]:
    """Return the usual kinds of surveys."""
    for name, summary, spatial, chunks in _TEMPLATES:
        yield Template(
            name=name,
            summary=summary,
            dims=(*spatial, "sample"),
            keys={dim: _WORDS[dim] for dim in spatial if dim in _WORDS},
            chunks=chunks,
            units={"sample": "ms"} | {dim: "m" for dim in spatial if dim == "offset"},
        )


@hookimpl
def mdio_checks() -> Iterator[Check]:
    """Return what ``mdio verify`` looks at in MDIO datasets besides the volume."""
    yield Check(
        name="other-variables",
        summary="Coordinates and other variables of MDIO v1 can be read",
        target="mdio.native.variable_checks:other_variables",
        formats=("mdio",),
    )


@hookimpl
def mdio_commands() -> Iterator[Command]:
    """Return the core's commands."""
    for name, summary in (
        ("info", "Describe a dataset of any format."),
        ("convert", "Convert a dataset of any format to any other."),
        ("run", "Run the conversions of a YAML file."),
        ("copy", "Copy an MDIO dataset, whole or without its data."),
        ("rechunk", "Add access patterns to an MDIO dataset: the same samples in other chunks."),
        ("plot", "Draw a section or slice of a dataset of any format."),
        ("serve", "Browse the slices of a dataset in a web page on this machine."),
        ("compare", "Say whether two datasets of any formats hold the same, and where they first differ."),
        ("stats", "Print the statistics of the samples of a dataset of any format."),
        ("verify", "Read all of a dataset of any format and name what is damaged."),
        ("demo", "Make a small survey, convert it around the formats and compare every byte."),
        ("plugins", "List, inspect, check and start plugins."),
        ("codecs", "List the codecs for chunks."),
        ("config", "Write and check run files."),
        ("doctor", "Look at the installation and the machine."),
    ):
        yield Command(name=name, summary=summary, target=f"mdio.cli.{name}:app")
