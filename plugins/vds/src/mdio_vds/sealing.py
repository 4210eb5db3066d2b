"""A check of JSON documents in white space behind them: 32 spaces and tabs, the bits of the CRC32C of what is before.

Every JSON parser skips them, and whoever writes such a document anew leaves them out, so that an edit by another
program is no damage. The reference implementation checks nothing of its metadata.
"""

from __future__ import annotations

import google_crc32c

from mdio_vds.errors import VdsError

__all__ = ["check_sealed", "sealed"]

_BITS = 32
_MARKS = bytes.maketrans(b"01", b" \t")
_DIGITS = bytes.maketrans(b" \t", b"01")


def sealed(text: bytes) -> bytes:
    """Return a document with its check; one that has a check gets it anew."""
    body = _parted(text)[0].rstrip() + b"\n"
    value: int = google_crc32c.value(body)
    return body + f"{value:032b}".encode().translate(_MARKS)


def check_sealed(text: bytes, url: str, name: str) -> None:
    """Compare a document with its check, where it has one.

    Raises
    ------
    VdsError
        It does not match.
    """
    body, seal = _parted(text)
    if seal and int(seal.translate(_DIGITS), 2) != google_crc32c.value(body):
        raise VdsError(
            "it does not match its check: it is damaged, or was edited by hand",
            url=url,
            name=name,
            hint="restore it from a copy; after an edit by hand, take the white space at its end away",
        )


def _parted(text: bytes) -> tuple[bytes, bytes]:
    """Return document and check, the latter empty where there is none."""
    body, seal = text[:-_BITS], text[-_BITS:]
    has = len(seal) == _BITS and body.endswith(b"\n") and not seal.strip(b" \t")
    return (body, seal) if has else (text, b"")
