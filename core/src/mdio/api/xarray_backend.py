"""``xarray.open_dataset(url, engine="mdio")`` for every format that has a reader.

Found by xarray through the entry point ``xarray.backends``; xarray imports it when it lists its engines.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from xarray.backends import BackendEntrypoint

if TYPE_CHECKING:
    from xarray import Dataset

__all__ = ["MdioBackendEntrypoint"]


class MdioBackendEntrypoint(BackendEntrypoint):  # type: ignore[misc]  # xarray is not there for every type checker
    """The engine ``mdio``."""

    description = "Seismic data in every format that mdio reads: MDIO, SEG-Y, VDS, …"
    open_dataset_parameters = ("filename_or_obj", "drop_variables", "format", "options", "storage_options")

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        format: str | None = None,
        options: Mapping[str, Any] | None = None,
        storage_options: Mapping[str, Any] | None = None,
    ) -> Dataset:
        """Return a dataset that reads when it is used; see :func:`mdio.api.dataset.dataset_of`.

        Parameters
        ----------
        filename_or_obj
            Path or URL, which is open until the dataset is closed; or what ``mdio.open`` returned, which stays open.
        drop_variables
            Name or names of variables and coordinates to leave out.
        format
            Name of the reader; found by content and name otherwise.
        options
            Options of that reader.
        storage_options
            Options of the store, e.g. credentials.

        Raises
        ------
        MDIOError
            As :func:`mdio.open` does.
        """
        from mdio.api.dataset import dataset_of
        from mdio.api.opened import OpenVolume
        from mdio.api.opened import open as open_volume

        drop = {drop_variables} if isinstance(drop_variables, str) else set(drop_variables or ())
        if isinstance(filename_or_obj, OpenVolume):
            return dataset_of(filename_or_obj.inner, filename_or_obj.source, drop=drop)
        volume = open_volume(filename_or_obj, format=format, options=options, storage_options=storage_options)
        try:
            dataset = dataset_of(volume.inner, volume.source, drop=drop)
        except BaseException:
            volume.close()
            raise
        dataset.set_close(volume.close)
        return dataset

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Whether an installed reader claims the ending of the name; nothing is opened."""
        if not isinstance(filename_or_obj, str | os.PathLike):
            return False
        from mdio.plugins.detection import by_suffix
        from mdio.plugins.registry import registry

        return bool(by_suffix(registry().readers(), os.fspath(filename_or_obj)))
