"""What an import is told, put together: a saved scan, under a template, under the options of the call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mdio.validation import validated
from mdio_segy.options import SegyReadOptions
from mdio_segy.spec import over, read_spec, warn_of_other_file
from mdio_segy.survey import template_chunks, template_options

__all__ = ["chosen_options"]


def chosen_options(
    source: str,
    given: Mapping[str, Any],
    *,
    spec: str | None = None,
    template: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> tuple[dict[str, Any], list[int] | None]:
    """Return the options of the reader, and the chunk shape that a template wants.

    Parameters
    ----------
    source
        The SEG-Y file, which the scan should be of.
    given
        Options of the call; they win over the template, which wins over the scan.
    spec
        A saved scan, path or URL.
    template
        Name of a kind of survey.
    storage_options
        Options of the stores.

    Raises
    ------
    ConfigError
        A scan that is none or of another version, or a template that does not exist or lacks a word.
    """
    options: dict[str, Any] = dict(given)
    chunks = None
    if template is not None:
        # Texts of the command line and numbers of Python come out alike.
        checked = validated(SegyReadOptions, given, "import")
        options = {**template_options(template, checked.header_locations), **given}
        if checked.header_locations is not None:
            options["header_locations"] = checked.header_locations
        chunks = template_chunks(template, checked.grid_overrides)
    if spec is not None:
        saved = read_spec(spec, storage_options)
        warn_of_other_file(saved, spec, source, storage_options or {})
        options = over(saved["import"], options)
    return options, chunks
