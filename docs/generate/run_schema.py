"""Every key of run files, from the JSON Schema that ``mdio config schema`` prints."""

from __future__ import annotations

from typing import Any

__all__ = ["page"]

_HEAD = """# Run files, every key

Made from the JSON Schema of this version. `mdio config schema > mdio-run.schema.json` prints it, with the options of
whatever plugins you have; see [Run files](run-files.md#your-editor) for how an editor uses it.

"""

_ORDER = ("RunFile", "Defaults", "RunSettings", "Run", "Input", "Grid", "Output", "Plugins")


def page() -> str:
    """Return the page as Markdown."""
    from mdio.config import json_schema

    schema = json_schema()
    found: dict[str, Any] = {"RunFile": schema, **schema["$defs"]}
    models = [name for name in found if name not in _ORDER and "." not in name]
    options = [name for name in found if "." in name]
    lines = [_HEAD]
    for name in [*(name for name in _ORDER if name in found), *models]:
        lines += _model(name, found[name])
    lines += ["## Options of formats and codecs", ""]
    lines += ["Under `options:` of an input or output, and beside `name:` of a codec.", ""]
    for name in options:
        if found[name].get("properties"):
            lines += _model(name.replace(".", " "), found[name], level="###")
    return "\n".join(lines)


def _model(title: str, schema: dict[str, Any], level: str = "##") -> list[str]:
    properties: dict[str, Any] = schema.get("properties", {})
    text = " ".join(str(schema.get("description", "")).split())
    lines = [f"{level} {title}", "", text, ""]
    if not properties:
        return lines if text else []
    lines += ["| key | type | | default |", "|---|---|---|---|"]
    required = schema.get("required", ())
    for key, value in properties.items():
        if value is True:
            continue
        default = "**required**" if key in required else _default(value)
        described = " ".join(str(value.get("description", "")).split())
        lines.append(f"| `{key}` | {_type(value)} | {_cell(described)} | {default} |")
    return [*lines, ""]


def _type(value: dict[str, Any]) -> str:
    if "$ref" in value:
        name = value["$ref"].removeprefix("#/$defs/")
        return _link(name)
    if "const" in value:
        return f"`{value['const']!r}`"
    if "enum" in value:
        return ", ".join(f"`{item}`" for item in value["enum"])
    if "anyOf" in value or "oneOf" in value:
        kinds = [_type(item) for item in value.get("anyOf", value.get("oneOf", ()))]
        return " or ".join(dict.fromkeys(kind for kind in kinds if kind != "null"))
    kind = value.get("type", "any")
    if kind == "array" and isinstance(value.get("items"), dict):
        return f"list of {_type(value['items'])}"
    return str(kind)


def _link(name: str) -> str:
    return name.rpartition(".")[2] if "." in name else f"[{name}](#{name.lower()})"


def _default(value: dict[str, Any]) -> str:
    default = value.get("default")
    return "" if default in (None, [], {}, "") else f"`{default}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
