"""How much of a volume one task of a lazy array reads: whole chunks of the source, enough of them to be worth it."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mdio.exceptions import ShapeError

if TYPE_CHECKING:
    from mdio.core.volume import Schema

__all__ = ["chosen_chunks", "task_chunks"]

_TARGET = 1 << 20
"""Bytes below which a task costs more than its data: a SEG-Y file alone would give one a trace."""


def task_chunks(schema: Schema, target: int = _TARGET) -> tuple[int, ...]:
    """Return the cells of a task: the chunks of the source, in whole multiples up to ``target`` bytes or the volume.

    The fastest axes grow first, so that a task reads what lies together.
    """
    chunks = [max(1, min(chunk, size)) for chunk, size in zip(schema.chunks, schema.shape, strict=True)]
    for axis in reversed(range(len(chunks))):
        wanted = -(-target // max(1, math.prod(chunks) * schema.dtype.itemsize))
        if wanted <= 1:
            break
        chunks[axis] = max(1, min(chunks[axis] * wanted, schema.shape[axis]))
    return tuple(chunks)


def chosen_chunks(schema: Schema, chunks: Sequence[int] | Mapping[str, int] | None) -> tuple[int, ...]:
    """Return the cells of a task as asked for.

    Parameters
    ----------
    schema
        Of the volume.
    chunks
        One length a dimension, or lengths by the names of some; -1 is the whole axis. :func:`task_chunks` where
        nothing is said.

    Raises
    ------
    ShapeError
        Not one length a dimension, a length of 0, or a dimension that is not there.
    """
    lengths = list(task_chunks(schema))
    if chunks is None:
        return tuple(lengths)
    if isinstance(chunks, Mapping):
        for name, length in chunks.items():
            if name not in schema.names:
                near = difflib.get_close_matches(str(name), schema.names, 1)
                hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(schema.names)}"
                raise ShapeError(f"chunks: the volume has no dimension {name!r}", hint=hint)
            lengths[schema.names.index(name)] = length
    else:
        lengths = list(chunks)
        if len(lengths) != len(schema.dims):
            raise ShapeError(
                f"{len(lengths)} chunk lengths for {len(schema.dims)} dimensions",
                hint=f"give one for each of {', '.join(schema.names)}",
            )
    for name, length in zip(schema.names, lengths, strict=True):
        if length < 1 and length != -1:
            raise ShapeError(f"chunks: {length} {name} a task", hint="give a positive length, or -1 for the whole axis")
    return tuple(max(1, size) if length == -1 else length for length, size in zip(lengths, schema.shape, strict=True))
