"""A web server on loopback that sends byte ranges, and that fails as web servers fail: on the wire, not by an error."""

from __future__ import annotations

import contextlib
import random
import re
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """Serves ``server.files`` by single absolute ranges."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def _answer(self, body):
        server = self.server
        path = self.path.partition("?")[0]
        with server.lock:
            server.requests.append((self.command, self.path, dict(self.headers)))
            share = server.dice.random() if server.dice.random() < server.rate else None
        if share is not None:
            with server.lock:
                server.injected += 1
            if server.kind == "503":
                return self._send(503, b"", {})
            if server.kind == "reset":  # a linger of 0 s closes a socket with RST
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                return self.connection.close()
        data = server.files.get(path)
        if data is None:
            return self._send(404, b"", {})
        status, headers = 200, {}
        given = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if given is not None:
            first, last = int(given[1]), min(int(given[2]), len(data) - 1)
            status, headers = 206, {"Content-Range": f"bytes {first}-{last}/{len(data)}"}
            data = data[first : last + 1]
        cut = int(len(data) * share) if share is not None and server.kind == "truncation" else None
        return self._send(status, data, headers, body, cut)

    def _send(self, status, data, headers, body=True, cut=None):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            with contextlib.suppress(ConnectionError):
                self.wfile.write(data if cut is None else data[:cut])
        if cut is not None:
            self.close_connection = True

    def log_message(self, *args):
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Says nothing of clients that go away."""

    daemon_threads = True

    def handle_error(self, *_):
        pass


@contextlib.contextmanager
def range_server(kind="503", rate=0.0, seed=1):
    """Serve ``server.files``; ``server.url`` is where."""
    server = Server(("127.0.0.1", 0), Handler)
    server.files, server.requests, server.lock = {}, [], threading.Lock()
    server.kind, server.rate, server.dice, server.injected = kind, rate, random.Random(seed), 0
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
