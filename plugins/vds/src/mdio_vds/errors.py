"""The one error of the format, so that callers can tell a damaged VDS from a wrong argument."""

from __future__ import annotations

from mdio.exceptions import FormatError

__all__ = ["VdsError"]


class VdsError(FormatError):
    """A VDS that is damaged, or holds something that cannot be read.

    Parameters
    ----------
    message
        What is wrong.
    url
        The VDS.
    name
        The object inside it: a container file, a layer, a key.
    byte
        Offset in bytes, 0-based, in the container (single file) or in the object (object layout).
    hint
        What to do next.
    """

    def __init__(self, message: str, *, url: str = "", name: str = "", byte: int | None = None, hint: str = "") -> None:
        super().__init__(message, url=": ".join(part for part in (url, name) if part), byte=byte, hint=hint)
        self.url = url
        self.name = name
