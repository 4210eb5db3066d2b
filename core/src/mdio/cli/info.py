"""``mdio info``: what a dataset of any format holds."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from mdio.cli import render
from mdio.cli.options import Json, StorageOptions, key_values
from mdio.exceptions import ConfigError
from mdio.plugins.registry import near

__all__ = ["app"]

app = typer.Typer()

_FORMATS = ("pretty", "json")
_COLUMNS = ("mean", "std", "rms", "min", "max", "count", "nan_count", "inf_count")


@app.command()
def info(
    url: Annotated[str, typer.Argument(metavar="URL", help="Path or URL of a dataset of any format.")],
    output_format: Annotated[
        str, typer.Option("--output-format", metavar="pretty|json", help="For people or for programs.")
    ] = "pretty",
    as_json: Json = False,
    access_pattern: Annotated[
        str | None, typer.Option("--access-pattern", metavar="P", help="Which chunking of an MDIO dataset.")
    ] = None,
    source_format: Annotated[
        str | None, typer.Option("--from", metavar="FORMAT", help="Format of the dataset.")
    ] = None,
    source_option: Annotated[
        list[str] | None, typer.Option("--input-option", "-i", metavar="KEY=VALUE", help="Option of the reader.")
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="Show the textual file header too.")] = False,
    storage_options: StorageOptions = None,
) -> None:
    """Describe a dataset of any format."""
    if output_format not in _FORMATS:
        hint = near(output_format, _FORMATS) or f"choose {' or '.join(_FORMATS)}"
        raise ConfigError(f"--output-format {output_format}: no such format", hint=hint)
    options = key_values(source_option or [])
    if access_pattern is not None:
        options["access_pattern"] = access_pattern
    facts = _facts(url, source_format, options, storage_options or {})
    if as_json or output_format == "json":
        render.output_json(facts)
    else:
        _show(facts, text)


def _facts(
    url: str, source_format: str | None, options: Mapping[str, Any], storage_options: Mapping[str, Any]
) -> dict[str, Any]:
    from mdio.api.description import describe
    from mdio.convert import Stores, find_reader
    from mdio.convert import open as open_volume

    storage = Stores(storage_options)
    name = source_format or find_reader(url, storage).name
    volume = open_volume(url, format=name, options=options, storage_options=storage_options)
    try:
        return describe(volume, storage.open(url).url, name)
    finally:
        volume.close()


# -- for people --------------------------------------------------------------------------------------------------


def _show(facts: Mapping[str, Any], text: bool) -> None:
    render.key_values(_summary(facts), title=f"{facts['path']} ({facts['format']})")
    rows = [
        (dim["name"], dim["size"], _number(dim["min"]), _number(dim["max"]), _step(dim), dim["unit"])
        for dim in facts["grid"].values()
    ]
    columns = ("Dimension", "Size", "Min", "Max", "Step", "Unit")
    render.lines("")
    render.table(rows, columns, right=("Size", "Min", "Max", "Step"))
    _show_statistics(facts)
    for title, key in (("Source", "source"), ("Details", "details"), ("Attributes", "attributes")):
        _section(title, facts[key])
    if text:
        render.lines("", "Textual header", *(line.rstrip() for line in facts["text_header"]))


def _summary(facts: Mapping[str, Any]) -> dict[str, str]:
    traces = facts["traces"]
    live = "unknown number" if traces["live"] is None else f"{traces['live']:,}"
    share = "" if traces["fraction"] is None else f" ({_share(traces)})"
    summary = {
        "Samples": f"{_product(facts['shape'])} {facts['sample_type']}, {_bytes(facts['nbytes'])}",
        "Chunks": _product(facts["chunks"]),
        "Traces": f"{live} in {traces['cells']:,} cells{share}",
    }
    if facts["headers"]["bytes"]:
        summary["Headers"] = f"{facts['headers']['bytes']} bytes, {facts['headers']['fields']} fields"
    for pattern, array in facts.get("access_patterns", {}).items():
        chosen = " (this one)" if pattern == facts["access_pattern"] and len(facts["access_patterns"]) > 1 else ""
        summary[f"Pattern {pattern}"] = f"{_product(array['chunks'])}, {_compressor(array['compressor'])}{chosen}"
    if facts.get("created"):
        summary["Created"] = _moment(str(facts["created"]))
    if facts.get("api_version"):
        summary["MDIO layout"] = f"{facts['layout']} ({facts['api_version']})"
    return summary


def _share(traces: Mapping[str, Any]) -> str:
    if traces["live"] == traces["cells"]:
        return "100% filled"
    return f"{min(traces['fraction'], 0.9999):.2%} filled"


def _compressor(config: Mapping[str, Any] | None) -> str:
    if config is None:
        return "not compressed"
    kind = "/".join(str(config[key]) for key in ("id", "cname") if key in config)
    rest = ", ".join(f"{key} {config[key]}" for key in ("clevel", "level", "tolerance") if key in config)
    return f"{kind}, {rest}" if rest else kind


def _show_statistics(facts: Mapping[str, Any]) -> None:
    known = [
        (title, facts[key])
        for title, key in (("Non-zero samples", "stats"), ("All samples", "all_samples"))
        if facts[key]
    ]
    if not known:
        return
    given = dict.fromkeys(name for _, numbers in known for name in numbers)
    names = sorted(given, key=lambda name: _COLUMNS.index(name) if name in _COLUMNS else len(_COLUMNS))
    render.lines("")
    render.table(
        [(title, *(_number(numbers.get(name)) for name in names)) for title, numbers in known],
        ("Statistics", *map(_spaced, names)),
        right=[*map(_spaced, names)],
    )


def _section(title: str, value: Any) -> None:
    """Print nested data: single values side by side with their names, equal rows as a table, the rest below."""
    if not value:
        return
    if isinstance(value, list):
        _list(title, value)
        return
    single = {key: item for key, item in value.items() if not _nested(item)}
    if single:
        render.lines("")
        render.key_values(
            {_spaced(key): "none" if item is None else _text(item) for key, item in single.items()}, title=title
        )
    for key, item in value.items():
        if _nested(item):
            _section(f"{title}: {_spaced(key)}", item)


def _spaced(name: str) -> str:
    """Return a name of JSON for people: ``interval_us`` becomes ``interval us``."""
    return str(name).replace("_", " ")


def _moment(text: str) -> str:
    """Return a time stamp to the second; one in another form as it is."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{moment:%Y-%m-%d %H:%M:%S} {moment:%Z}".rstrip()


def _nested(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value))


def _list(title: str, rows: list[Any]) -> None:
    plain = [row if isinstance(row, dict) else {"": row} for row in rows]
    columns = {
        key: [_text(row.get(key)) for row in plain] for key in dict.fromkeys(key for row in plain for key in row)
    }
    # What is the same in every row would only make the table too wide to read.
    shared = {key: texts[0] for key, texts in columns.items() if len(texts) > 1 and len({*texts}) == 1}
    own = {key: texts for key, texts in columns.items() if key not in shared} or columns
    numbers = [_spaced(key) for key in own if all(isinstance(row.get(key), int | float) for row in plain)]
    render.lines("")
    render.table(list(zip(*own.values(), strict=True)), [*map(_spaced, own)], title=title, right=numbers)
    told = [f"{_spaced(key)} {text}" for key, text in shared.items() if text and own is not columns]
    if told:
        render.lines(f"all: {', '.join(told)}")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(" ".join(map(_text, item)) if isinstance(item, list) else _text(item) for item in value)
    return _number(value) if isinstance(value, float) else str(value)


def _step(dim: Mapping[str, Any]) -> str:
    return "irregular" if dim["step"] is None and dim["size"] > 1 else _number(dim["step"])


def _number(value: Any) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _product(lengths: Sequence[int]) -> str:
    return " × ".join(map(str, lengths))


def _bytes(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.4g} {unit}"
        count /= 1024
    return f"{count:.4g} TiB"
