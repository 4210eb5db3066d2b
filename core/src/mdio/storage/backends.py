"""The storage backends the core brings: any filesystem that fsspec knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mdio.exceptions import StorageError
from mdio.storage.urls import redact, scheme

__all__ = ["filesystem"]


def filesystem(url: str, options: Mapping[str, Any]) -> Any:
    """Return the fsspec filesystem for a URL.

    Parameters
    ----------
    url
        With scheme; chained forms (``simplecache::s3://…``) are taken.
    options
        Handed to the filesystem. For chained URLs, options keyed by protocol go to their protocol.

    Raises
    ------
    StorageError
        fsspec lacks a package for this scheme, or refuses the options.
    """
    import fsspec

    try:
        filesystem, _ = fsspec.core.url_to_fs(url, **dict(options))
    except ImportError as error:
        raise StorageError(f"{redact(url)}: {scheme(url)}:// is not supported here: {error}") from error
    except (ValueError, TypeError) as error:
        raise StorageError(f"{redact(url)}: {error}", hint="see --storage-options") from error
    return filesystem
