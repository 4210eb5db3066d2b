"""``mdio vds info``: what VDSInfo shows of a VDS, and an overview where nothing is asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mdio.cli import render
from mdio.cli.options import StorageOptions
from mdio.exceptions import ConfigError
from mdio.plugins.registry import near
from mdio_vds.cli_options import Json, VdsUrl

if TYPE_CHECKING:
    from mdio_vds.descriptors import VolumeDataLayout
    from mdio_vds.metadata import MetadataItem

__all__ = ["info"]

_SHORT = 100


def _flag(name: str, *more: str, help: str) -> Any:
    return typer.Option(name, *more, help=help)


def info(
    vds: VdsUrl,
    axis: Annotated[bool, _flag("--axis", help="The axes.")] = False,
    channels: Annotated[bool, _flag("--channels", help="The channels.")] = False,
    layout: Annotated[bool, _flag("--layout", help="Bricks, margins and levels of detail.")] = False,
    dimension_groups: Annotated[
        bool, _flag("--dimension-groups", "-g", help="Which dimension groups are stored, or served by another one.")
    ] = False,
    compression_info: Annotated[
        bool, _flag("--compression-info", help="Encoding, chunks and bytes of each layer.")
    ] = False,
    metadata_all: Annotated[bool, _flag("--metadata-all", help="All metadata with their values.")] = False,
    metadata_keys: Annotated[
        bool, _flag("--metadata-keys", "--metadatakeys", help="Names and types of the metadata.")
    ] = False,
    metadata_name: Annotated[
        str | None, typer.Option("--metadata-name", metavar="NAME", help="Metadata of this name.")
    ] = None,
    metadata_category: Annotated[
        str | None, typer.Option("--metadata-category", metavar="NAME", help="Metadata of this category.")
    ] = None,
    firstblob: Annotated[
        bool, _flag("--metadata-firstblob", "-b", help="Only the first BLOB, as it is: bytes, or text with -e.")
    ] = False,
    autodecode: Annotated[
        bool, _flag("--metadata-autodecode", "-e", help="Show BLOBs as text, EBCDIC or ASCII.")
    ] = False,
    force_width: Annotated[
        int | None, typer.Option("--metadata-force-width", "-w", min=1, metavar="N", help="Break BLOBs of text.")
    ] = None,
    text: Annotated[bool, _flag("--text", help="The textual header: 40 lines.")] = False,
    storage_options: StorageOptions = None,
    json: Json = False,
) -> None:
    """Describe a VDS. Without options: axes, channels, bricks, layers and what there is of metadata."""
    from mdio.convert import Stores
    from mdio_vds.conventions import text_header
    from mdio_vds.inspect import inspect_source
    from mdio_vds.layout import parse_layout
    from mdio_vds.volume import open_source

    source = open_source(Stores(storage_options or {}).open(vds))
    try:
        found = parse_layout(source.layout_json(), source.url)
        items = _chosen(found, metadata_name, metadata_category)
        chosen = bool(metadata_all or metadata_keys or metadata_name is not None or metadata_category is not None)
        if firstblob:
            _show_first_blob(items, autodecode=autodecode, width=force_width, as_json=json)
            return
        facts = inspect_source(source, found)
        sections = {
            "layout": layout,
            "axes": axis,
            "channels": channels,
            "dimension_groups": dimension_groups,
            "layers": compression_info,
            "metadata": chosen,
            "text": text,
        }
        overview = not any(sections.values())
        shown: dict[str, Any] = {"path": source.url}
        if overview:
            shown["storage"] = facts["storage"]
            sections |= {"layout": True, "axes": True, "channels": True, "layers": True, "metadata": True}
        for name in ("layout", "axes", "channels"):
            if sections[name]:
                shown[name] = facts[name]
        if sections["dimension_groups"]:
            shown["dimension_groups"] = _groups(source, found)
        if sections["layers"]:
            shown["layers"] = facts["layers"]
        if sections["metadata"]:
            keys_only = overview or (metadata_keys and not metadata_all)
            shown["metadata"] = [
                _metadata_row(item, keys_only=keys_only, decode=autodecode, width=force_width, whole=json)
                for item in items
            ]
        if text:
            shown["text"] = list(text_header(found))
    finally:
        source.close()
    if json:
        render.output_json(shown)
    else:
        _show(shown)


def _chosen(layout: VolumeDataLayout, name: str | None, category: str | None) -> list[MetadataItem]:
    """Return the metadata of a name and a category, in any case."""
    for wanted, known, option in (
        (category, {item.category for item in layout.metadata}, "--metadata-category"),
        (name, {item.name for item in layout.metadata}, "--metadata-name"),
    ):
        if wanted is not None and wanted.lower() not in {one.lower() for one in known}:
            hint = near(wanted, known) or f"there are: {', '.join(sorted(known)) or 'none'}"
            raise ConfigError(f"no metadata {wanted!r}", path=option, hint=hint)
    return [
        item
        for item in layout.metadata
        if (name is None or item.name.lower() == name.lower())
        and (category is None or item.category.lower() == category.lower())
    ]


def _metadata_row(
    item: MetadataItem, *, keys_only: bool, decode: bool, width: int | None, whole: bool
) -> dict[str, Any]:
    from mdio_vds.metadata import json_value

    row: dict[str, Any] = {"category": item.category, "name": item.name, "type": item.type.name}
    if keys_only:
        return row
    if isinstance(item.value, bytes):
        if decode:
            return row | {"value": "\n".join(_text_lines(item.value, width))}
        return row | {"value": json_value(item) if whole else f"{len(item.value)} bytes"}
    return row | {"value": json_value(item)}


def _text_lines(raw: bytes, width: int | None) -> list[str]:
    """Return bytes as text, in lines of a width; the lines of textual headers have 80 characters."""
    from mdio_vds.conventions import decode_text

    whole = "".join(decode_text(raw)) if raw else ""
    step = width or 80
    return [whole[start : start + step].rstrip() for start in range(0, min(len(whole), len(raw)), step)]


def _show_first_blob(items: Sequence[MetadataItem], *, autodecode: bool, width: int | None, as_json: bool) -> None:
    blobs = [item for item in items if isinstance(item.value, bytes)]
    if not blobs:
        raise ConfigError("there is no BLOB among these metadata", path="--metadata-firstblob")
    first = blobs[0]
    assert isinstance(first.value, bytes)
    if as_json:
        render.output_json(_metadata_row(first, keys_only=False, decode=autodecode, width=width, whole=True))
    elif autodecode:
        render.lines(*_text_lines(first.value, width))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(first.value)
        sys.stdout.buffer.flush()


def _groups(source: Any, layout: VolumeDataLayout) -> list[dict[str, Any]]:
    """Return for each group that the volume can have which channels are stored in it, and with which levels."""
    from mdio_vds.channel import layer_name
    from mdio_vds.partition import GROUPS, group_name
    from mdio_vds.voxels import serving_group

    rows = []
    for group in GROUPS:
        if group[-1] >= len(layout.axes):
            continue
        for channel in layout.channels:
            serving = serving_group(source, layout, channel, group, 0)
            lods = [
                lod
                for lod in range(layout.layout.lod_levels + 1)
                if layer_name(layout, channel, group, lod) in source.layers
            ]
            status = "Unavailable" if serving is None else "Normal" if serving == group else "Remapped"
            rows.append({"group": group_name(group), "channel": channel.name, "status": status, "lods": lods})
    return rows


# -- for people ----------------------------------------------------------------------------------------------------


def _show(shown: Mapping[str, Any]) -> None:
    from mdio.cli.running import size_text

    first = True

    def gap() -> None:
        nonlocal first
        if not first:
            render.lines("")
        first = False

    if "storage" in shown:
        gap()
        storage = shown["storage"]
        stored = storage["stored_bytes"]
        where = "one file" if storage["layout"] == "container" else "objects"
        size = "" if stored is None else f", {size_text(stored)} of chunks"
        render.lines(f"{shown['path']}: VDS in {where}, {storage['layers']} layers{size}")
    if "layout" in shown:
        gap()
        named = {name.replace("_", " "): "none" if value is None else value for name, value in shown["layout"].items()}
        render.key_values(named, title="Layout")
    for name, title, right in (
        ("axes", "Axes", ("dimension", "samples", "first", "last", "step")),
        ("channels", "Channels", ("components", "mapped values")),
        ("dimension_groups", "Dimension groups", ()),
        ("layers", "Layers", ("chunks", "written", "bytes", "tolerance", "lod")),
        ("metadata", "Metadata", ()),
    ):
        if name in shown:
            gap()
            _table(shown[name], title, right)
    if "text" in shown:
        gap()
        render.lines(*(line.rstrip() for line in shown["text"] or ["(there is no textual header)"]))


_HEADINGS = {"stored_bytes": "bytes", "written_chunks": "written", "chunk_grid": "grid", "mapped_values": "values"}


def _table(rows: Sequence[Mapping[str, Any]], title: str, right: Iterable[str]) -> None:
    if not rows:
        render.lines(f"{title}: none")
        return
    plain = title not in ("Channels", "Layers")
    names = [name for name in dict.fromkeys(key for row in rows for key in row) if plain or _telling(name, rows)]
    headings = [_HEADINGS.get(name, name.replace("_", " ")) for name in names]
    render.table([[_cell(row.get(name)) for name in names] for row in rows], headings, title=title, right=right)


def _telling(name: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a column says something: what is the same everywhere by default is left to ``--json``."""
    usual = {
        "integer_scale": 1.0,
        "integer_offset": 0.0,
        "components": 1,
        "fits_layout": True,
        "no_value": None,
        "tolerance": None,
    }
    return name != "lossy_allowed" and not (name in usual and all(row.get(name) == usual[name] for row in rows))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.9g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_cell, value))
    text = str(value)
    return text if len(text) <= _SHORT or "\n" in text else f"{text[: _SHORT - 1]}…"
