"""What goes wrong, in the classes that callers of the API know; see also :mod:`mdio_vds.facade.exceptions`."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mdio.exceptions import MDIOError
from mdio_vds.facade.exceptions import InvalidArgument, InvalidOperation, ReadErrorException
from mdio_vds.facade.overloads import overloaded

__all__ = [
    "Exception",
    "FatalException",
    "IndexOutOfRangeException",
    "InvalidArgument",
    "InvalidOperation",
    "ReadErrorException",
    "ReadErrorException_",
    "VDSError",
    "reported",
    "runtime_errors",
]

_FAILED = -1


class Exception(builtins.Exception):
    """Any error of the API that has no class of its own."""


class FatalException(builtins.Exception):
    """An error after which nothing can go on."""


class IndexOutOfRangeException(IndexError):
    """A number of something that is not there."""


class VDSError:
    """Takes up the error of a call that would otherwise raise it: 0 and no text where all went well."""

    def __init__(self) -> None:
        self.code = 0
        self.string = ""

    def __repr__(self) -> str:
        return f"Error(code={self.code}, string={self.string!r})"


class ReadErrorException_:
    """A read error as a value."""

    @overloaded("errorMessage: str, errorCode: int", "other: ReadErrorException_")
    def __init__(self, errorMessage: str = "", errorCode: int = 0, other: Any = None) -> None:
        self.errorMessage: str = errorMessage if other is None else other.errorMessage
        self.errorCode: int = errorCode if other is None else other.errorCode

    def getErrorCode(self) -> int:
        """Return the number."""
        return self.errorCode

    def getErrorMessage(self) -> str:
        """Return the text; empty where nothing went wrong."""
        return self.errorMessage

    def operator_assign(self, other: ReadErrorException_) -> ReadErrorException_:
        """Take over another one's text and number."""
        self.errorMessage, self.errorCode = other.errorMessage, other.errorCode
        return self

    def reRaise(self) -> None:
        """Raise it."""
        raise ReadErrorException(self.errorMessage, self.errorCode)


@contextmanager
def runtime_errors() -> Iterator[None]:
    """Turn errors of the toolkit and of the system into the RuntimeError that callers of the API expect."""
    try:
        yield
    except (MDIOError, OSError, ValueError) as error:
        if isinstance(error, (InvalidArgument, InvalidOperation, ReadErrorException)):
            raise
        hint = getattr(error, "hint", "")
        raise RuntimeError(f"{error} ({hint})" if hint and hint not in str(error) else str(error)) from error


@contextmanager
def reported(error: VDSError | None) -> Iterator[None]:
    """Put what goes wrong into ``error`` instead of raising it, where there is one."""
    try:
        with runtime_errors():
            yield
    except (RuntimeError, InvalidArgument) as raised:
        if error is None:
            raise
        error.code, error.string = _FAILED, str(raised)
    else:
        if error is not None:
            error.code, error.string = 0, ""


Error = VDSError
