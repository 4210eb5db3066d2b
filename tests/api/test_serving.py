"""The page that ``mdio serve`` shows, asked over HTTP: what it says, whom it answers, and what it keeps to itself."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from mdio.api.browsing import Browsed
from mdio.api.serving import SliceServer, host_of
from mdio.exceptions import ShapeError, StorageError
from mdio.testing import synthetic

SHAPE = (3, 4, 8)


@pytest.fixture(scope="module")
def server():
    live = np.ones(SHAPE[:2], bool)
    live[1, 2] = False
    volume = synthetic.volume(SHAPE, live=live)
    with SliceServer(Browsed(volume, "https://host/a.mdio")) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def ask(server, path, method="GET", host=None, key=None):
    """Return status, headers and body of an answer; ``host`` replaces the header of that name."""
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=10)
    connection.putrequest(method, f"/{server.key if key is None else key}/{path}", skip_host=True)
    for one in [f"127.0.0.1:{server.server_port}"] if host is None else host:
        connection.putheader("Host", one)
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read()
    connection.close()
    return found


class TestPage:
    @pytest.mark.parametrize(
        ("path", "kind", "part"),
        [("", "text/html", b"page.js"), ("page.js", "text/javascript", b"slice.f32"), ("page.css", "text/css", b"{")],
    )
    def test_files(self, server, path, kind, part):
        status, headers, body = ask(server, path)
        assert status == 200
        assert headers["Content-Type"].startswith(kind)
        assert part in body
        assert b"//" not in body.replace(b"// ", b"") or path == "page.js"

    def test_nothing_comes_from_elsewhere(self, server):
        for path in ("", "page.js", "page.css"):
            _, headers, body = ask(server, path)
            assert b"http:" not in body
            assert b"https:" not in body
            assert "default-src 'none'" in headers["Content-Security-Policy"]
            assert "Access-Control-Allow-Origin" not in headers
            assert headers["Cross-Origin-Resource-Policy"] == "same-origin"

    def test_volume(self, server):
        facts = json.loads(ask(server, "volume.json")[2])
        assert facts == {
            "source": "https://host/a.mdio",
            "dtype": "float32",
            "traces": 11,
            "dims": [
                {
                    "name": "inline",
                    "label": "inline",
                    "unit": "",
                    "size": 3,
                    "ends": [100, 102],
                    "coords": [100, 101, 102],
                },
                {
                    "name": "crossline",
                    "label": "crossline",
                    "unit": "",
                    "size": 4,
                    "ends": [100, 103],
                    "coords": [*range(100, 104)],
                },
                {
                    "name": "sample",
                    "label": "time",
                    "unit": "ms",
                    "size": 8,
                    "ends": [0, 28],
                    "coords": [*range(0, 32, 4)],
                },
            ],
        }


class TestSlices:
    def test_inline(self, server):
        status, headers, body = ask(server, "slice.f32?inline=1")
        assert status == 200
        facts = json.loads(headers["X-Slice"])
        assert (facts["shape"], facts["title"], facts["sliced"]) == ([8, 4], "inline 101", False)
        assert facts["down"] == {"name": "sample", "step": 1}
        expected = synthetic.formula(SHAPE)[1].T.copy()
        expected[:, 2] = np.nan
        assert np.array_equal(np.frombuffer(body, "<f4").reshape(8, 4), expected, equal_nan=True)
        # Statistics of the volume are not known: those of the live samples that are shown.
        assert facts["centre"] == 0
        assert facts["std"] == pytest.approx(float(np.nanstd(expected.astype("f8"))))

    def test_map(self, server):
        _, headers, body = ask(server, "slice.f32?sample=2")
        facts = json.loads(headers["X-Slice"])
        assert (facts["shape"], facts["sliced"], facts["across"]["name"]) == ([3, 4], True, "crossline")
        assert np.frombuffer(body, "<f4")[5] == synthetic.formula(SHAPE)[1, 1, 2]

    def test_thinned(self, server):
        _, headers, body = ask(server, "slice.f32?inline=0&columns=2&rows=3")
        facts = json.loads(headers["X-Slice"])
        assert (facts["shape"], facts["across"]["step"], facts["down"]["step"]) == ([3, 2], 2, 3)
        assert np.array_equal(np.frombuffer(body, "<f4").reshape(3, 2), synthetic.formula(SHAPE)[0, ::2, ::3].T)

    def test_picture(self, server):
        status, headers, body = ask(server, "slice.png?inline=1&gain=2")
        assert (status, headers["Content-Type"]) == (200, "image/png")
        assert body[:8] == b"\x89PNG\r\n\x1a\n"
        assert body[16:24] == bytes([0, 0, 0, 4, 0, 0, 0, 8])

    def test_head_has_no_body(self, server):
        status, headers, body = ask(server, "slice.f32?inline=1", "HEAD")
        assert (status, headers["Content-Length"], body) == (200, "128", b"")

    @pytest.mark.parametrize(
        ("path", "status", "message"),
        [
            ("slice.f32?inlin=1", 400, "no dimension 'inlin'; did you mean inline?"),
            ("slice.f32?inline=3", 400, "position 3 of inline, which has 3"),
            ("slice.f32?inline=-1", 400, "'-1' is no position"),
            ("slice.f32?inline=%D9%A1", 400, "is no position"),
            ("slice.f32?inline=" + "9" * 30, 400, "is no position"),
            ("slice.f32", 400, "3 axes are left to show, not two"),
            ("slice.f32?inline=1&sample=1", 400, "1 axes are left"),
            ("slice.png?inline=1&gain=0", 400, "gain 0.0 is not a positive number"),
            ("slice.png?inline=1&gain=x", 400, "gain: 'x' is not a number"),
            ("slice.f32?" + "a=1&" * 40, 400, "Max number of fields exceeded"),
            ("other", 404, "there is no such file"),
            ("../serving.py", 404, "there is no such file"),
        ],
    )
    def test_wrong_questions(self, server, path, status, message):
        found, _, body = ask(server, path)
        assert found == status
        assert message in json.loads(body)["error"]

    def test_errors_of_the_source(self, server, monkeypatch):
        def fail(self, query):
            raise error

        monkeypatch.setattr(Browsed, "values", fail)
        error = StorageError("object x is gone", hint="look")
        assert (ask(server, "slice.f32?inline=1")[0], ask(server, "slice.f32?inline=1")[2]) == (
            500,
            b'{"error": "object x is gone; look"}',
        )
        error = RuntimeError("token=secret")
        status, _, body = ask(server, "slice.f32?inline=1")
        assert status == 500
        assert b"secret" not in body


class TestStrangers:
    @pytest.mark.parametrize(
        "host", [["evil.example"], ["evil.example:80"], ["localhost.evil.example"], [""], [], ["127.0.0.1", "evil"]]
    )
    def test_foreign_names(self, server, host):
        status, _, body = ask(server, "volume.json", host=host)
        assert status == 403
        assert b"inline" not in body

    @pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9000", "127.0.0.1", "[::1]:80", "10.0.0.3:8000"])
    def test_own_names(self, server, host):
        assert ask(server, "volume.json", host=[host])[0] == 200

    @pytest.mark.parametrize("key", ["", "wrong", "x/y"])
    def test_key(self, server, key):
        status, _, body = ask(server, "volume.json", key=key)
        assert status == 404
        assert b"inline" not in body
        assert server.key.encode() not in body

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
    def test_nothing_can_be_changed(self, server, method):
        assert ask(server, "volume.json", method)[0] == 501

    def test_it_listens_on_loopback(self, server):
        assert server.server_address[0] == "127.0.0.1"
        assert server.url == f"http://127.0.0.1:{server.server_port}/{server.key}/"
        assert len(server.key) >= 16

    def test_hosts(self):
        assert host_of("A.example:80") == "a.example"
        assert host_of("[::1]:80") == "::1"
        assert host_of("[::1") == ""


def test_taken_port(server):
    with pytest.raises(StorageError, match=f"cannot listen on 127.0.0.1:{server.server_port}"):
        SliceServer(server.browsed, port=server.server_port)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_everywhere_is_asked_for_by_the_name_of_the_machine(server, host):
    try:
        wide = SliceServer(server.browsed, host)
    except StorageError:
        pytest.skip("no such addresses on this machine")
    with wide:
        name = socket.gethostname()
        assert wide.url == f"http://{name}:{wide.server_port}/{wide.key}/"
        assert name.lower() in wide.names
    assert socket.gethostname().lower() not in server.names - {"localhost"}


def test_version_6(server):
    try:
        loopback = SliceServer(server.browsed, "::1")
    except StorageError:
        pytest.skip("no IPv6 on this machine")
    with loopback:
        assert loopback.url == f"http://[::1]:{loopback.server_port}/{loopback.key}/"


def test_nothing_to_show():
    with pytest.raises(ShapeError, match="nothing to show"):
        Browsed(synthetic.volume((0, 4, 8)), "a")


def test_long_axes_are_described_by_their_ends():
    dims = Browsed(synthetic.volume((70_000, 2)), "a").facts()["dims"]
    assert dims[0]["coords"] is None
    assert dims[0]["ends"] == [100, 70_099]


def test_command(tmp_path):
    """It says where, without secrets, and ends quietly by Ctrl-C."""
    import mdio
    from mdio.flow import engine

    volume = synthetic.volume(SHAPE)
    sink = mdio.create(tmp_path / "a.mdio", volume)
    engine.run(volume, sink)
    sink.close()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "mdio", "serve", str(tmp_path / "a.mdio"), "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # What a shell starts in the background ignores interrupts, and so does what that starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert process.stdout.readline().endswith("a.mdio is shown at\n")
        url = process.stdout.readline().strip()
        assert url.startswith(f"http://127.0.0.1:{port}/")
        process.stdout.readline()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", url.partition(str(port))[2] + "volume.json")
        assert json.loads(connection.getresponse().read())["dims"][0]["name"] == "inline"
        connection.close()
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, err) == (0, "")
    assert "Traceback" not in out
