"""Errors of the API under the names that callers catch."""

from __future__ import annotations

__all__ = ["InvalidArgument", "InvalidOperation", "ReadErrorException"]


class InvalidArgument(ValueError):
    """An argument that cannot be, such as a box outside of the volume."""


class InvalidOperation(RuntimeError):
    """Something that this VDS, or this object in its state, does not offer."""


class ReadErrorException(RuntimeError):
    """Data could not be read; ``args`` are message and code (0 after a cancel, -1 otherwise)."""
