"""What an import says of axes that the source does not know: where samples begin, their unit, how a line is counted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mdio.core.dimension import Dimension
from mdio.exceptions import ConfigError

if TYPE_CHECKING:
    from mdio.core.volume import Schema
    from mdio_vds.options import VdsWriteOptions

__all__ = ["told_axes"]


def told_axes(schema: Schema, options: VdsWriteOptions) -> Schema:
    """Return a schema whose axes are what the options say of them, where they say anything.

    Raises
    ------
    ConfigError
        Positions of a line are to be counted, and the volume is none.
    """
    *traces, samples = schema.dims
    if options.index_axis:
        if len(traces) != 1:
            raise ConfigError(f"the data are no line: they have {len(schema.dims)} axes", path="index_axis")
        traces = [Dimension.regular(traces[0].name, 1, 1, traces[0].size)]
    unit = options.sample_unit or samples.unit
    if options.sample_start is not None:
        samples = _beginning(samples, options.sample_start, unit)
    elif unit != samples.unit:
        samples = Dimension(samples.coords, samples.name, unit)
    return replace(schema, dims=(*traces, samples))


def _beginning(dim: Dimension, start: float, unit: str) -> Dimension:
    """Return a sample axis that begins elsewhere, its steps kept."""
    first = float(dim.between(0, 1)[0]) if dim.size else 0.0
    step = float(dim.between(1, 2)[0]) - first if dim.size > 1 else 1.0
    if start.is_integer() and step.is_integer():
        return Dimension.regular(dim.name, int(start), int(step), dim.size, unit)
    return Dimension.regular(dim.name, start, step, dim.size, unit)
