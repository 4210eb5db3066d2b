"""SEG-Y from a web server and from other remote places: the same dataset, in few requests, and errors with a name."""

from __future__ import annotations

import contextlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from segy_bytes import grid, samples_for, segy

import mdio
from mdio.cli.app import run
from mdio.core.region import Region
from mdio.storage.urls import redact_text
from mdio_segy import segy_to_mdio
from mdio_segy import spans as spans_module
from mdio_segy.filehead import read_layout
from mdio_segy.spans import FAR_BATCH, spans
from mdio_segy.tracefile import TraceFile


class Handler(BaseHTTPRequestHandler):
    """Serves single absolute ranges; suffix ranges, which other servers get wrong, it refuses."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def _answer(self, body):
        server = self.server
        name = self.path.partition("?")[0]
        with server.lock:
            server.requests.append((self.command, self.path, self.headers.get("Range")))
        data = server.files.get(name)
        if name in server.failing:
            return self._send(server.failing[name], b"", body)
        if data is None:
            return self._send(404, b"", body)
        given = self.headers.get("Range")
        if given is None or name in server.whole:
            return self._send(200, data, body)
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", given)
        if match is None:
            return self._send(501, b"", body)
        first, last = int(match[1]), min(int(match[2]), len(data) - 1)
        with server.lock:
            server.bytes += last - first + 1
        place = {"Content-Range": f"bytes {first}-{last}/{len(data)}"}
        return self._send(206, memoryview(data)[first : last + 1], body, place)

    def _send(self, status, data, body, headers=()):
        self.send_response(status)
        for key, value in dict(headers).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            with contextlib.suppress(ConnectionError):
                self.wfile.write(data)

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture(scope="module")
def running():
    pytest.importorskip("aiohttp", reason="fsspec needs aiohttp for http://")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.lock = threading.Lock()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def web(running, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    monkeypatch.setenv("MDIO_STORE_DEADLINE", "1")  # a server that fails is asked again until then
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
    running.files, running.failing, running.whole = {}, {}, set()
    running.requests, running.bytes = [], 0
    running.url = f"http://127.0.0.1:{running.server_port}"
    return running


def survey(order="inline", shape=(12, 10), samples=50):
    """A sound file of int16 samples whose traces lie in some order."""
    inline, crossline = grid(*shape)
    count = len(inline)
    cells = np.arange(count)
    chosen = {
        "inline": cells,
        "crossline": cells.reshape(shape).T.ravel(),
        "shuffled": np.random.default_rng(1).permutation(count),
    }[order]
    rng = np.random.default_rng(2)
    return segy({189: inline[chosen], 193: crossline[chosen]}, samples_for(3, rng, count, samples), 3)


def tree(folder):
    """Return every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fails(capsys, arguments, code, *parts):
    assert run(arguments) == code
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    for part in parts:
        assert part in captured.err
    return captured.err


@pytest.mark.parametrize("order", ["inline", "crossline", "shuffled"])
@pytest.mark.parametrize("keys", [[], ["--header-locations", "189,193"]])
def test_the_same_dataset_as_from_a_local_file(web, tmp_path, order, keys):
    data = web.files["/x.sgy"] = survey(order)
    (tmp_path / "x.sgy").write_bytes(data)
    for source, target in ((str(tmp_path / "x.sgy"), "near"), (f"{web.url}/x.sgy", "far")):
        assert run(["segy", "import", source, str(tmp_path / f"{target}.mdio"), "--quiet", *keys]) == 0
    near, far = tree(tmp_path / "near.mdio"), tree(tmp_path / "far.mdio")
    assert near.keys() == far.keys()
    assert [name for name in near if near[name] != far[name]] == []
    assert run(["segy", "export", str(tmp_path / "far.mdio"), str(tmp_path / "back.sgy"), "--quiet"]) == 0
    assert (tmp_path / "back.sgy").read_bytes() == data
    # Size, start, tail, identity, one pass or two for the keys, samples: no request for single traces.
    assert len(web.requests) <= 16
    assert web.bytes <= 5 * len(data) + (256 << 10)


@pytest.mark.parametrize("command", ["scan", "header"])
def test_looking_takes_few_requests(web, command, capsys):
    web.files["/x.sgy"] = survey(shape=(40, 30), samples=100)  # 1200 traces, 532 KB
    assert run(["segy", command, f"{web.url}/x.sgy", "--json"]) == 0
    assert len(web.requests) <= 24
    capsys.readouterr()


@pytest.mark.slow
@pytest.mark.parametrize("order", ["inline", "crossline"])
def test_100_megabytes_in_at_most_200_requests(web, tmp_path, order):
    """200 × 125 traces of 240 + 2 · 1900 bytes are 101 million bytes; the header scan is counted, too."""
    inline, crossline = grid(200, 125)
    chosen = np.arange(25000) if order == "inline" else np.arange(25000).reshape(200, 125).T.ravel()
    values = np.zeros((25000, 1900), np.int16)
    values[:, :10] = np.arange(25000)[:, None]
    data = segy({189: inline[chosen], 193: crossline[chosen]}, values, 3)
    assert len(data) == 3600 + 25000 * 4040 > 100_000_000
    web.files["/big.sgy"] = data
    (tmp_path / "big.sgy").write_bytes(data)
    segy_to_mdio(tmp_path / "big.sgy", tmp_path / "near.mdio", index_bytes=(189, 193))
    segy_to_mdio(f"{web.url}/big.sgy", tmp_path / "far.mdio", index_bytes=(189, 193))
    assert len(web.requests) <= 200
    near, far = tree(tmp_path / "near.mdio"), tree(tmp_path / "far.mdio")
    assert near.keys() == far.keys()
    assert [name for name in near if near[name] != far[name]] == []
    print(f"{order}: {len(web.requests)} requests, {web.bytes} bytes")  # noqa: T201


# -- what goes wrong ---------------------------------------------------------------------------------------------


def test_nothing_there(web, tmp_path, capsys):
    fails(capsys, ["segy", "import", f"{web.url}/x.sgy", str(tmp_path / "o.mdio")], 5, "/x.sgy: no such object")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(mdio.exceptions.MDIONotFoundError, match="no such object"):
        mdio.open(f"{web.url}/x.sgy")


def test_no_server(web, tmp_path, capsys):
    with socket_port() as port:
        pass
    said = fails(capsys, ["segy", "import", f"http://127.0.0.1:{port}/x.sgy", str(tmp_path / "o.mdio")], 5, "failed")
    assert "no such object" not in said


@pytest.mark.parametrize("status", [403, 500])
def test_a_server_that_refuses(web, tmp_path, capsys, status):
    """The answer is named, and the key in the query of the URL stays out of it."""
    web.files["/x.sgy"] = survey()
    web.failing["/x.sgy"] = status
    said = fails(
        capsys, ["segy", "import", f"{web.url}/x.sgy?sig=SECRET", str(tmp_path / "o.mdio")], 5, f"HTTP {status}"
    )
    assert "SECRET" not in said
    assert "no such object" not in said


def test_a_server_that_fails_later(web, tmp_path, capsys):
    web.files["/x.sgy"] = survey(shape=(40, 30), samples=100)
    volume = mdio.open(f"{web.url}/x.sgy?sig=SECRET")
    web.failing["/x.sgy"] = 503
    with pytest.raises(mdio.exceptions.StorageError, match=r"reading at byte 3600 failed: .*HTTP 503") as caught:
        volume.read(volume.schema.region)
    assert "SECRET" not in str(caught.value)
    volume.close()


def test_a_server_that_ignores_ranges(web, tmp_path, capsys):
    """It sends everything whatever is asked for: refused at the first read, so not once for every trace."""
    web.files["/x.sgy"] = survey(shape=(40, 30), samples=100)
    web.whole.add("/x.sgy")
    fails(capsys, ["segy", "import", f"{web.url}/x.sgy", str(tmp_path / "o.mdio")], 5, "does not honour ranges")
    assert len(web.requests) <= 3
    assert list(tmp_path.iterdir()) == []


def test_packed_files_are_refused(web, tmp_path, capsys):
    import gzip

    web.files["/x.sgy"] = gzip.compress(survey())
    fails(
        capsys,
        ["segy", "import", f"{web.url}/x.sgy", str(tmp_path / "o.mdio")],
        4,
        "gzip-compressed",
        "unpack it first",
    )


def test_a_file_cut_while_it_is_read(web):
    data = web.files["/x.sgy"] = survey(shape=(40, 30), samples=100)
    volume = mdio.open(f"{web.url}/x.sgy")
    web.files["/x.sgy"] = data[:100_000]
    with pytest.raises(mdio.exceptions.StorageError):
        volume.read(volume.schema.region)
    volume.close()


def test_a_target_on_the_web_cannot_be_written(web, tmp_path, capsys):
    (tmp_path / "x.sgy").write_bytes(survey())
    fails(capsys, ["segy", "import", str(tmp_path / "x.sgy"), f"{web.url}/o.mdio"], 5, "writing failed")


@contextlib.contextmanager
def socket_port():
    """A port of the machine that nobody listens at."""
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        yield free.getsockname()[1]


# -- memory:// ---------------------------------------------------------------------------------------------------


def test_from_memory_to_memory(tmp_path):
    fsspec = pytest.importorskip("fsspec")
    filesystem = fsspec.filesystem("memory")
    data = survey("shuffled")
    try:
        filesystem.pipe_file("/in/x.sgy", data)
        assert run(["segy", "import", "memory://in/x.sgy", "memory://out/x.mdio", "--quiet"]) == 0
        assert run(["segy", "export", "memory://out/x.mdio", str(tmp_path / "x.sgy"), "--quiet"]) == 0
        assert (tmp_path / "x.sgy").read_bytes() == data
    finally:
        filesystem.store.clear()
        filesystem.pseudo_dirs[:] = [""]


# -- which pieces are fetched together ---------------------------------------------------------------------------


def test_spans_by_hand():
    mega = 1 << 20
    starts = np.array([0, 10, mega + 20, 2 * mega + 31, 40 * mega, 41 * mega])
    ends = starts + np.array([10, 10, 10, 10, mega, 16 * mega])
    # 20 → mega+20 is a gap of 1 MiB: together. mega+30 → 2 mega+31 is one byte more. The last two are 17 MiB.
    assert list(spans(starts, ends)) == [(0, 3), (3, 4), (4, 5), (5, 6)]
    assert list(spans(starts[:0], ends[:0])) == []
    long = np.array([0, 20 * mega])
    assert list(spans(long, long + 20 * mega)) == [(0, 1), (1, 2)]  # longer than a batch: alone, but fetched


def test_a_slab_of_many_runs_is_one_request(counting):
    """64 runs of 4 traces with 26 between them, as a box of a file with 30 traces a line: 64 requests became one."""
    reader = counting(survey(shape=(64, 30), samples=20))
    layout = read_layout(reader)
    traces = TraceFile(reader, layout)
    wanted = np.arange(64 * 30).reshape(64, 30)[:, 5:9].ravel()
    reader.ranges.clear()
    out = np.empty((len(wanted), layout.trace_bytes), np.uint8)
    traces.fetch(wanted, out)
    size = 240 + 2 * 20
    first, last = 5, 63 * 30 + 8
    assert reader.ranges == [(3600 + first * size, (last - first + 1) * size)]
    whole = np.frombuffer(reader.data, np.uint8, offset=3600).reshape(-1, size)
    assert np.array_equal(out, whole[wanted])
    reader.ranges.clear()
    assert np.array_equal(traces.fetch_part(wanted, 188, 196), whole[wanted, 188:196])
    assert reader.ranges == [(3600 + first * size + 188, (last - first) * size + 8)]


@pytest.mark.parametrize("gap", [0, 279, 280, 1000, 1 << 20])
@pytest.mark.parametrize("batch", [280, 900, FAR_BATCH])
def test_all_bytes_arrive_however_they_are_fetched(counting, gap, batch, monkeypatch):
    monkeypatch.setattr(spans_module, "_GAP", gap)
    monkeypatch.setattr(spans_module, "FAR_BATCH", batch)
    reader = counting(survey(shape=(64, 30), samples=20))
    traces = TraceFile(reader, read_layout(reader))
    whole = np.frombuffer(reader.data, np.uint8, offset=3600).reshape(-1, 280)
    rng = np.random.default_rng(gap + batch)
    for count in (0, 1, 2, 300, 1920):
        wanted = np.sort(rng.choice(1920, count, replace=False))
        out = np.empty((count, 280), np.uint8)
        traces.fetch(wanted, out)
        assert np.array_equal(out, whole[wanted])
        assert np.array_equal(traces.fetch_part(wanted, 4, 200), whole[wanted, 4:200])


def test_a_scan_reads_the_file_once_in_bounded_pieces(counting):
    """Headers lie so close together that the samples between them come along."""
    reader = counting(survey(shape=(64, 30), samples=20), 3600 + 280 * 200_000)
    traces = TraceFile(reader, read_layout(reader))
    reader.ranges.clear()
    assert sum(len(records) for _, records in traces.scan(188, 196)) == 200_000
    lengths = [length for _, length in reader.ranges]
    assert max(lengths) <= FAR_BATCH
    assert sum(lengths) <= 280 * 200_000
    assert len(lengths) == 4  # 56 million bytes in pieces of 16 MiB


def test_a_region_of_a_remote_file_is_one_request(web):
    web.files["/x.sgy"] = survey(shape=(40, 30), samples=100)
    volume = mdio.open(f"{web.url}/x.sgy")
    web.requests.clear()
    volume.read(Region([(3, 33), (10, 20), (0, 100)]))
    assert len(web.requests) == 1
    web.requests.clear()
    volume.headers(Region([(0, 40), (0, 1)]))
    assert len(web.requests) == 1
    volume.close()


def test_secrets_are_cut_out_of_what_others_say():
    said = "400, message='Bad', url='https://user:key@host/a.sgy?sig=SECRET&x=1' and s3://bucket/a"
    assert redact_text(said) == "400, message='Bad', url='https://host/a.sgy' and s3://bucket/a"
