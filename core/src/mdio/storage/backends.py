"""The storage backends the core brings: any filesystem that fsspec knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mdio.exceptions import StorageError
from mdio.storage.secrets import keep_secret, scrub
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

    given = dict(options)
    keep_secret(given, url)
    try:
        filesystem, _ = fsspec.core.url_to_fs(url, **given)
    except ImportError as error:
        raise StorageError(f"{redact(url)}: {scheme(url)}:// is not supported here: {error}") from error
    except Exception as error:  # noqa: BLE001 - clients check their options each in its way, and repeat them
        raise StorageError(
            f"{redact(url)}: {type(error).__name__}: {scrub(str(error))}", hint="see --storage-options"
        ) from None
    return filesystem
