"""JSON Schema of run files as this installation takes them: editors complete and check the options of plugins too."""

from __future__ import annotations

from typing import Any

from mdio.config.models import RunFile
from mdio.exceptions import PluginLoadError
from mdio.plugins.contributions import Codec, Contribution, GridOverride, Reader, Template, Writer
from mdio.plugins.registry import registry

__all__ = ["json_schema"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of run files.

    What a plugin says about its options holds where its format (``format:``) or codec (``name:``) is named. Plugins
    whose options cannot be loaded are left out; ``mdio plugins check`` says why.
    """
    schema = RunFile.model_json_schema(mode="validation")
    schema = {"$schema": _DIALECT, **schema, "title": "mdio run file"}
    definitions: dict[str, Any] = schema["$defs"]
    _by_format(definitions, "Input", Reader)
    _by_format(definitions, "Output", Writer)
    _codecs(definitions)
    _names(definitions["Grid"]["properties"]["template"], Template)
    overrides = {"propertyNames": {"examples": sorted(registry().names(GridOverride))}}
    definitions["Grid"]["properties"]["overrides"].update(overrides)
    return schema


def _by_format(definitions: dict[str, Any], section: str, kind: type[Reader] | type[Writer]) -> None:
    """Tie ``options`` to ``format``, and list the formats."""
    cases = []
    for name, item in registry().names(kind).items():
        options = _options(definitions, item, name)
        if options is None:
            continue
        rules: dict[str, Any] = {"options": options}
        if section == "Output":
            # ``chunks``, ``codec`` and ``layout`` stand beside ``options`` for writers that have them.
            fields = definitions[options["$ref"].removeprefix("#/$defs/")]["properties"] if options else {}
            rules.update({key: False for key in ("chunks", "codec", "layout") if key not in fields})
        cases.append(
            {
                "if": {"properties": {"format": {"const": name}}, "required": ["format"]},
                "then": {"properties": rules},
            }
        )
    if cases:
        definitions[section]["allOf"] = cases
    _names(definitions[section]["properties"]["format"], kind)


def _codecs(definitions: dict[str, Any]) -> None:
    cases = []
    for name, item in registry().names(Codec).items():
        options = _options(definitions, item, name)
        if options is None:
            continue
        fields = definitions[options["$ref"].removeprefix("#/$defs/")]["properties"] if options else {}
        cases.append(
            {
                "if": {"type": "object", "properties": {"name": {"const": name}}, "required": ["name"]},
                "then": {"properties": {"name": True, **fields}, "additionalProperties": False},
            }
        )
    if cases:
        definitions["Output"]["properties"]["codec"]["allOf"] = cases


def _options(definitions: dict[str, Any], item: Contribution, name: str) -> dict[str, Any] | None:
    """Take the options of a contribution into the definitions and return a reference; None when they do not load."""
    try:
        model = item.options_model()
    except PluginLoadError:
        return None
    key = f"{item.kind}.{name}".replace(" ", "-").replace("/", "-")
    if model is None:
        definitions[key] = {"type": "object", "properties": {}, "additionalProperties": False}
    else:
        found = model.model_json_schema(mode="validation", ref_template=f"#/$defs/{key}.{{model}}")
        for inner, definition in found.pop("$defs", {}).items():
            definitions[f"{key}.{inner}"] = definition
        definitions[key] = found
    return {"$ref": f"#/$defs/{key}"}


def _names(field: dict[str, Any], kind: type[Contribution]) -> None:
    """Offer the installed names without forbidding others, which may come with the next plugin."""
    field["examples"] = sorted(registry().names(kind))
