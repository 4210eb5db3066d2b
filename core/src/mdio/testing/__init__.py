"""The published test kit: contracts that plugins subclass, and synthetic volumes.

Needs ``mdio-core[testing]``. The contracts load with pytest only when asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mdio.testing.contracts import CodecContract, GridOverrideContract, PluginContract, StorageContract
    from mdio.testing.memory import MemorySink, MemoryTarget, MemoryVolume
    from mdio.testing.offering import CheckContract, CommandContract, ObserverContract, TemplateContract
    from mdio.testing.reading import ReaderContract
    from mdio.testing.writing import WriterContract

__all__ = [
    "CheckContract",
    "CodecContract",
    "CommandContract",
    "GridOverrideContract",
    "MemorySink",
    "MemoryTarget",
    "MemoryVolume",
    "ObserverContract",
    "PluginContract",
    "ReaderContract",
    "StorageContract",
    "TemplateContract",
    "WriterContract",
]

_HOMES = {
    "CheckContract": "offering",
    "CodecContract": "contracts",
    "CommandContract": "offering",
    "GridOverrideContract": "contracts",
    "MemorySink": "memory",
    "MemoryTarget": "memory",
    "MemoryVolume": "memory",
    "ObserverContract": "offering",
    "PluginContract": "contracts",
    "ReaderContract": "reading",
    "StorageContract": "contracts",
    "TemplateContract": "offering",
    "WriterContract": "writing",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    home = f"{__name__}.{_HOMES[name]}"
    if name.endswith("Contract"):
        import pytest

        pytest.register_assert_rewrite(home)  # so that a failing assertion shows its values
    return getattr(importlib.import_module(home), name)
