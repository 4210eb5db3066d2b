"""A dataset that is changed in place by line, trace and header, as users of segyio change their files."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from mdio.api.accessor import MDIOWriter
from mdio.api.opened import OpenVolume
from mdio.api.trace_numbers import TraceNumbers
from mdio.convert import Stores, find_reader
from mdio.exceptions import ConfigError, StorageError
from mdio.storage.urls import redact

if TYPE_CHECKING:
    from mdio.api.map_grid import MapGrid
    from mdio.core.volume import Volume

__all__ = ["EditableVolume", "open_to_edit"]


class EditableVolume(OpenVolume):
    """A volume whose lines, slices, traces and headers can be assigned to; what is read is as of the last edit.

    ``volume.iline[278] = values``, ``volume.trace[10:20] = values``, ``volume.header[0][189] = 278``,
    ``volume.header[0] = {189: 278, "cdp_x": 4310000}``, ``volume.header["inline"][:] = numbers``. What each edit means
    for traces that were dead, other access patterns and statistics is said at
    :class:`mdio.api.accessor.MDIOAccessor`. From the first edit until :meth:`close`, nobody else may edit the dataset.

    Parameters
    ----------
    writer
        Of the dataset.
    source
        Where it came from, without secrets; for people.
    """

    def __init__(self, writer: MDIOWriter, source: str = "") -> None:
        self.writer = writer
        self.source = source
        self._token = uuid.uuid4().hex
        self._map_grid: MapGrid | None = None

    @property
    def inner(self) -> Volume:  # type: ignore[override]  # another one after each edit
        """The dataset as it is now."""
        return self.writer.volume

    @property
    def _editor(self) -> MDIOWriter:
        return self.writer

    @property
    def _numbers(self) -> TraceNumbers:  # edits make traces live and dead
        return TraceNumbers(self.inner)

    def close(self) -> None:
        """Let others edit the dataset; may be called again."""
        self.writer.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a dataset that is being edited cannot be sent elsewhere; open it for reading there")


def open_to_edit(
    url: str | os.PathLike[str],
    format: str | None,
    options: Mapping[str, Any],
    storage_options: Mapping[str, Any] | None,
) -> EditableVolume:
    """Open a dataset to be changed in place; see :func:`mdio.api.opened.open`.

    Raises
    ------
    StorageError
        Its format is not changed in place.
    ConfigError
        An option that does not go with editing.
    """
    name = format or find_reader(os.fspath(url), Stores(storage_options or {})).name
    if name != "mdio":
        raise StorageError(
            f"{redact(os.fspath(url))}: {name} files are not changed in place",
            hint="convert to MDIO, change that, and convert back",
        )
    unknown = [key for key in options if key != "access_pattern"]
    if unknown:
        raise ConfigError(f"option {unknown[0]!r} does not go with mode 'r+'", hint="access_pattern does")
    writer = MDIOWriter(os.fspath(url), options.get("access_pattern"), storage_options)
    return EditableVolume(writer, redact(os.fspath(url)))
