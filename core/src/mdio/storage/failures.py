"""Which failures of a store pass when one waits, and which stay: decided for every client by one rule.

The clients of fsspec have families of errors of their own. They are told apart by what they carry, the status of the
answer and the number of the system, and by the names of their classes, so that no client is imported for it.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Any, Final

__all__ = ["is_missing", "is_taken", "is_transient", "is_unreachable", "status_of"]

_PASSING_STATUS: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""RFC 9110 sections 15.5.9 and 15.6, RFC 8470 section 5.2 (425), RFC 6585 section 4 (429)."""

_MISSING_STATUS: Final = frozenset({404, 410})

_PASSING_NUMBERS: Final = frozenset(
    {errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE, errno.ETIMEDOUT, errno.ENETRESET, errno.EBUSY, errno.EAGAIN}
)

_UNREACHABLE_NUMBERS: Final = frozenset(
    {errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN}
)

_PASSING_NAMES: Final = frozenset(
    {
        # standard library and fsspec
        "TimeoutError",
        "FSTimeoutError",
        "IncompleteRead",
        "RemoteDisconnected",
        # aiohttp: web servers, and what the clients of S3 and Google pass through
        "ClientPayloadError",
        "ServerDisconnectedError",
        "ClientConnectionResetError",
        # botocore: S3
        "ConnectionClosedError",
        "ConnectTimeoutError",
        "HTTPClientError",
        "IncompleteReadError",
        "ReadTimeoutError",
        "ResponseStreamingError",
        # azure-core
        "ServiceRequestTimeoutError",
        "ServiceResponseError",
    }
)

_UNREACHABLE_NAMES: Final = frozenset(
    {"gaierror", "EndpointConnectionError", "ClientConnectorError", "ProxyConnectionError", "ServiceRequestError"}
)

_LASTING_NAMES: Final = frozenset(
    {"SSLError", "SSLCertVerificationError", "ClientSSLError", "InvalidURL", "InvalidUrlClientError"}
)

_DEEPEST = 8


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and its declared causes: clients wrap what tells more.

    Not what merely came before it (``__context__``): an error of a second attempt would pass for that of the first.
    """
    for _ in range(_DEEPEST):
        if error is None:
            return
        yield error
        error = error.__cause__


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status that an error speaks of, or None."""
    response: Any = getattr(error, "response", None)
    if isinstance(response, dict):  # botocore
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return status if isinstance(status, int) else None
    for owner in (error, response):
        for name in ("status", "status_code", "code"):
            status = getattr(owner, name, None)
            if isinstance(status, int) and 100 <= status < 600:
                return status
    return None


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}


def _number(error: BaseException) -> int | None:
    return error.errno if isinstance(error, OSError) else None


def is_transient(error: BaseException) -> bool:
    """Whether the same request may succeed a little later."""
    for one in _chain(error):
        status = status_of(one)
        if status is not None:
            return status in _PASSING_STATUS
        names = _names(one)
        if names & _LASTING_NAMES:
            return False
        if isinstance(one, ConnectionError) and not isinstance(one, ConnectionRefusedError):
            return True
        if names & _PASSING_NAMES and not names & _UNREACHABLE_NAMES:
            return True
        if _number(one) in _PASSING_NUMBERS and one.__cause__ is None:
            return True
    return False


def is_unreachable(error: BaseException) -> bool:
    """Whether nobody answered: worth waiting for only where somebody did before, else the address is wrong."""
    for one in _chain(error):
        names = _names(one)
        if status_of(one) is not None or names & _LASTING_NAMES:
            return False
        if names & _UNREACHABLE_NAMES or _number(one) in _UNREACHABLE_NUMBERS:
            return True
    return False


def is_missing(error: BaseException) -> bool:
    """Whether there is no such object; the client for the web says so, too, when it got another answer or none."""
    if not isinstance(error, FileNotFoundError):
        return False
    cause = error.__cause__
    if cause is None:
        return True
    status = status_of(cause)
    if status is not None:
        return status in _MISSING_STATUS
    return not (is_transient(cause) or is_unreachable(cause))


def is_taken(error: BaseException) -> bool:
    """Whether an object was to be created and there is one (RFC 9110 section 15.5.13: 412)."""
    return any(isinstance(one, FileExistsError) or status_of(one) in (409, 412) for one in _chain(error))
