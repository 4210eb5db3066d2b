"""A small web server for one volume and one person: a page to browse slices, on this machine only.

What keeps others out, who may be on the same machine or behind a page that the same browser shows:

- it listens on the loopback interface unless told otherwise;
- every address begins with a random key, which is known to whoever started the server;
- the ``Host`` of a request has to be an address, ``localhost`` or the name that the server was told to listen on, so
  that a foreign name which an attacker lets resolve to this machine (DNS rebinding) finds nothing;
- nothing can be changed: GET and HEAD are all there is, and no other origin may read the answers.

Storage options and passwords of URLs never reach the page: it is told the redacted name of the dataset.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import logging
import secrets
import socket
import socketserver
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from mdio.exceptions import ConfigError, MDIOError, ShapeError, StorageError

if TYPE_CHECKING:
    from mdio.api.browsing import Browsed

__all__ = ["SliceServer", "host_of"]

_log = logging.getLogger(__name__)

_FILES = {
    "": ("page.html", "text/html; charset=utf-8"),
    "page.css": ("page.css", "text/css; charset=utf-8"),
    "page.js": ("page.js", "text/javascript; charset=utf-8"),
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - told apart, not chosen
_SECONDS = 30
"""A connection that says nothing for longer is closed."""


class SliceServer(ThreadingHTTPServer):
    """Serves the slices of a volume; ``serve_forever`` runs it, ``shutdown`` ends it.

    Parameters
    ----------
    browsed
        The volume.
    host
        Name or address to listen on.
    port
        0 for any free one.

    Raises
    ------
    StorageError
        The port is taken, or the host is none of this machine.
    """

    daemon_threads = True
    # A second server on the same port would otherwise quietly take every other request on some systems.
    allow_reuse_port = False

    def __init__(self, browsed: Browsed, host: str = "127.0.0.1", port: int = 0) -> None:
        self.browsed = browsed
        self.key = secrets.token_urlsafe(12)
        self.names = {"localhost", host.lower()}
        if host in _EVERYWHERE:
            self.names.add(socket.gethostname().lower())
        if ":" in host:
            self.address_family = socket.AF_INET6
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            what = getattr(error, "strerror", None) or str(error)
            raise StorageError(f"cannot listen on {host}:{port}: {what}", hint="give another --port") from None

    def server_bind(self) -> None:
        """Bind without asking a name server for our own name, which can take many seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    @property
    def url(self) -> str:
        """Address of the page, the key included; by the name of this machine where it listens everywhere."""
        name = socket.gethostname() if self.server_name in _EVERYWHERE else self.server_name
        return f"http://{f'[{name}]' if ':' in name else name}:{self.server_port}/{self.key}/"

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - its signature
        """Keep quiet about browsers that went away."""
        _log.debug("connection from %s ended", client_address, exc_info=True)


def host_of(header: str) -> str:
    """Return the host of a ``Host`` header (RFC 9110, section 7.2) without port, lower case; empty when malformed."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


class _Handler(BaseHTTPRequestHandler):
    server: SliceServer
    server_version = "mdio"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout = _SECONDS

    def do_GET(self) -> None:
        """Answer with a file of the page, facts or a slice."""
        if not self._known_host():
            self._fail(HTTPStatus.FORBIDDEN, "this name is not served here; use localhost")
            return
        parts = urlsplit(self.path)
        _, key, *rest = [*parts.path.split("/"), ""]
        if not hmac.compare_digest(key.encode(), self.server.key.encode()) or len(rest) < 2:
            self._fail(HTTPStatus.NOT_FOUND, "the address is incomplete; mdio serve prints it in full")
            return
        name = "/".join(rest[:-1])
        try:
            self._answer(name, dict(parse_qsl(parts.query, keep_blank_values=True, max_num_fields=32)))
        except (ConfigError, ShapeError, ValueError) as error:
            self._fail(HTTPStatus.BAD_REQUEST, _told(error))
        except MDIOError as error:
            self._fail(HTTPStatus.INTERNAL_SERVER_ERROR, _told(error))
        except ConnectionError:
            self.close_connection = True
        except Exception:  # noqa: BLE001 - a page must not end the server
            # Its text may hold what is not for the page.
            _log.exception("a request failed")
            self._fail(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error; see mdio serve -v")

    do_HEAD = do_GET

    def _answer(self, name: str, query: dict[str, str]) -> None:
        browsed = self.server.browsed
        if name in _FILES:
            file, kind = _FILES[name]
            self._send(HTTPStatus.OK, kind, files("mdio.api").joinpath("browser", file).read_bytes())
        elif name == "volume.json":
            self._send(HTTPStatus.OK, "application/json", json.dumps(browsed.facts()).encode())
        elif name == "slice.f32":
            found = browsed.values(query)
            self._send(HTTPStatus.OK, "application/octet-stream", found.data, {"X-Slice": json.dumps(found.facts)})
        elif name == "slice.png":
            found = browsed.picture(query)
            self._send(HTTPStatus.OK, "image/png", found.data, {"X-Slice": json.dumps(found.facts)})
        else:
            self._fail(HTTPStatus.NOT_FOUND, "there is no such file; try slice.f32, slice.png or volume.json")

    def _known_host(self) -> bool:
        hosts = self.headers.get_all("Host", [])
        host = host_of(hosts[0]) if len(hosts) == 1 else ""
        if host in self.server.names:
            return True
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
        return True  # an address cannot be rebound

    def _fail(self, status: HTTPStatus, message: str) -> None:
        # What is left of the request is not read.
        self.close_connection = True
        self._send(status, "application/json", json.dumps({"error": message}).encode())

    def _send(self, status: HTTPStatus, kind: str, data: bytes, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(data)),
            "Content-Security-Policy": _POLICY,
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
            **({"Connection": "close"} if self.close_connection else {}),
            **(more or {}),
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: ARG002 - its signature
        """Leave requests to the log for debugging; their address holds the key."""
        _log.debug("%s", self.command)


def _told(error: Exception) -> str:
    hint = getattr(error, "hint", "")
    text = " ".join(str(getattr(error, "message", "") or error).split())
    return f"{text}; {hint}" if hint else text
