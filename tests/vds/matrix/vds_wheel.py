"""The wheel as a process that does one task after the other, and the servers from which it reads."""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import os
import subprocess
import threading
from pathlib import Path

SCRIPT = Path(__file__).with_name("wheel_side.py")
PATIENCE = 60.0
KEYS = {"key": "testing", "secret": "testing"}


class WheelError(Exception):
    """The wheel raised, crashed or hung."""


class Wheel:
    """The script in a process of the environment that has the wheel; started again when it died.

    Parameters
    ----------
    python
        Interpreter of that environment.
    """

    def __init__(self, python: str) -> None:
        self._python = python
        self._process = None

    def ask(self, task):
        """Do a task and return its answer.

        Raises
        ------
        WheelError
            It failed.
        """
        if self._process is None:
            self._process = subprocess.Popen(
                [self._python, str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                text=True, env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
            )  # fmt: skip
        process = self._process
        watch = threading.Timer(PATIENCE, process.kill)
        watch.start()
        try:
            process.stdin.write(json.dumps(task) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            watch.cancel()
        if not line:
            code = process.wait()
            self.close()
            raise WheelError(f"the wheel ended with {code} at {task['do']} {task['url']}")
        answer = json.loads(line)
        if "error" in answer:
            raise WheelError(f"{task['do']}: {answer['error']}")
        return answer

    def close(self):
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            process.stdout.close()
            process.wait()


@contextlib.contextmanager
def http_server(folder):
    """Serve a folder; yield the URL."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # or each answer waits for 40 ms

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_):
            pass  # clients that go away

    server = Server(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def storage_options(endpoint):
    """Return the options with which fsspec reaches the emulator."""
    return KEYS | {
        "client_kwargs": {"endpoint_url": endpoint, "region_name": "us-east-1"}, "skip_instance_cache": True,
    }  # fmt: skip


def filesystem(endpoint):
    """Return the emulator as a filesystem."""
    import s3fs

    return s3fs.S3FileSystem(**storage_options(endpoint))


def connection(endpoint):
    """Return the connection string with which the wheel reaches the emulator (section 3)."""
    return f"Region=us-east-1;EndpointOverride={endpoint};AccessKeyId={KEYS['key']};SecretKey={KEYS['secret']}"
