"""Run files: conversions written down in YAML. Nothing is imported before it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mdio.config.loading import Job, Workload, load
    from mdio.config.schema import json_schema

__all__ = ["Job", "Workload", "json_schema", "load"]

_WHERE = {"Job": "loading", "Workload": "loading", "load": "loading", "json_schema": "schema"}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"mdio.config.{_WHERE[name]}"), name)
