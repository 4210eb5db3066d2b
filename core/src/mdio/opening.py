"""Opens and creates volumes: resolves URLs to stores and names to plugins, and checks their options."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mdio.core.volume import Creation, Sink, Volume
from mdio.exceptions import ConfigError, MDIOError, MDIONotFoundError
from mdio.plugins.registry import registry
from mdio.storage.local import LocalStore
from mdio.storage.urls import local_path, scheme
from mdio.validation import validated

if TYPE_CHECKING:
    from mdio.plugins.contributions import Reader, Writer
    from mdio.storage.store import Store

__all__ = ["Stores", "chosen_writer", "create", "find_reader", "open"]

_HEAD = 4096


@dataclass(frozen=True)
class Stores:
    """Resolves URLs to stores with the storage options of one call.

    Parameters
    ----------
    options
        Options of the filesystem: flat for all remote URLs, or keyed by protocol, each to its own.
    """

    options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def open(self, url: str) -> Store:
        """Return the store at a URL."""
        path = local_path(url)
        if path is not None:
            return LocalStore(path)
        from mdio.storage.options import environment_options, options_for, split_deadline
        from mdio.storage.remote import RemoteStore

        backend = registry().storage_backend(scheme(url))
        options, deadline = split_deadline(options_for(url, self.options) or options_for(url, environment_options()))
        filesystem = backend.load()(url, options)
        path = filesystem._strip_protocol(url)
        if scheme(url) not in _protocols(filesystem):
            path = path.removeprefix(f"{scheme(url)}://")  # it does not know the scheme that its plugin gave it
        return RemoteStore(filesystem, path, url, deadline=deadline)


def _protocols(filesystem: Any) -> tuple[str, ...]:
    found = filesystem.protocol
    return (found,) if isinstance(found, str) else tuple(found)


def open(
    url: str | os.PathLike[str],
    *,
    format: str | None = None,
    options: Mapping[str, Any] | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> Volume:
    """Open a dataset of any installed format, as its plugin gives it.

    Parameters, and what is raised, are those of :func:`mdio.open`, which wraps the volume for people.
    """
    url = os.fspath(url)
    storage = Stores(storage_options or {})
    before = _state(url, storage)
    try:
        return _opened(url, format, options or {}, storage)
    except MDIOError:
        if _state(url, storage) == before:
            raise
        return _opened(url, format, options or {}, storage)  # a run that makes it has just begun or ended


def _state(url: str, storage: Stores) -> tuple[bool, bool] | None:
    """Return whether a local dataset is being made, and whether there is one; None for those elsewhere."""
    from mdio.storage.claiming import is_unfinished

    if local_path(url) is None:
        return None
    store = storage.open(url)
    return is_unfinished(store), store.exists()


def _opened(url: str, format: str | None, options: Mapping[str, Any], storage: Stores) -> Volume:
    reader = registry().reader(format) if format else find_reader(url, storage)
    model = reader.options_model()
    if model is None and options:
        raise ConfigError(f"format {reader.name} takes no options", path=next(iter(options)))
    volume: Volume = reader.load()(url, validated(model, options, "input") if model is not None else None, storage)
    return volume


def find_reader(url: str, storage: Stores) -> Reader:
    """Return the reader for what lies at a URL: by its first bytes, its name, or by asking the readers.

    Raises
    ------
    MDIONotFoundError
        Nothing is there.
    NoReaderError
        No installed reader knows it.
    """
    from mdio.storage.claiming import is_unfinished

    store = storage.open(url)
    is_dir = store.is_dir()
    head = b""
    if not is_dir:
        try:
            with contextlib.closing(store.open()) as file:
                head = file.read(0, min(_HEAD, file.size))
        except MDIONotFoundError:
            if not is_unfinished(store):
                raise
            is_dir = True  # what it was to become is told by its name
    return registry().reader_for(url, head, is_dir, storage)


def create(
    url: str | os.PathLike[str],
    like: Volume,
    *,
    format: str | None = None,
    options: Mapping[str, Any] | None = None,
    storage_options: Mapping[str, Any] | None = None,
    creation: Creation | None = None,
) -> Sink:
    """Begin a target of any installed format.

    Parameters
    ----------
    url
        Path or URL.
    like
        The volume whose shape, live mask and metadata it takes.
    format
        Name of the writer; by the ending of the URL otherwise.
    options
        Options of that writer.
    storage_options
        Options of the store.
    creation
        Overwriting, resuming, fingerprint and time stamp.

    Returns
    -------
    Sink
        To be filled by blocks and committed.
    """
    url = os.fspath(url)
    writer, checked = chosen_writer(url, format, options or {})
    sink: Sink = writer.load()(url, like, checked, Stores(storage_options or {}), creation or Creation())
    return sink


def chosen_writer(url: str, format: str | None, given: Mapping[str, Any]) -> tuple[Writer, Any]:
    """Return the writer for a target, and its options checked.

    Raises
    ------
    NoWriterError
        No installed writer takes the name, or none is called so.
    ConfigError
        An option that the writer does not have.
    """
    writer = registry().writer(format) if format else registry().writer_for(url)
    model = writer.options_model()
    if model is None and given:
        raise ConfigError(f"format {writer.name} takes no options", path=next(iter(given)))
    return writer, validated(model, given, "output") if model is not None else None
