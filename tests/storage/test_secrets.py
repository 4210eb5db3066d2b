"""A secret that goes in by every door comes out by none: no file, no output, no message, no traceback, no journal."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import traceback
import warnings

import fsspec
import pytest
from fault_cases import source
from faulty_store import FaultyFileSystem, faulty
from range_server import range_server

import mdio
from mdio.cli.app import run
from mdio.convert import Conversion, Stores, convert
from mdio.exceptions import ConfigError, EnvironmentFormatError, MDIOError
from mdio.storage.options import environment_options, parse_options, split_deadline
from mdio.storage.secrets import scrub

CANARY = "canary/S3cr3t+0aK8"
OPTIONS = {"faulty": {"secret": CANARY, "client_kwargs": {"headers": {"Authorization": f"Bearer {CANARY}"}}}}
FLAT = OPTIONS["faulty"]

pytestmark = pytest.mark.usefixtures("clean", "hasty")


class Talkative(FaultyFileSystem):
    """Repeats its options whenever it fails."""

    def _ask(self, method, path, call):
        try:
            return super()._ask(method, path, call)
        except FileNotFoundError:
            raise
        except Exception as error:
            raise RuntimeError(f"{method} failed with {self.storage_options}") from error


@pytest.fixture
def talkative(monkeypatch):
    import faulty_store

    monkeypatch.setattr(faulty_store, "FaultyFileSystem", Talkative)
    monkeypatch.setenv("MDIO_STORE_DEADLINE", "0.2")


@pytest.fixture
def survey(tmp_path):
    path = tmp_path / "x.sgy"
    source(path)
    return path


@pytest.fixture
def said(capfd, caplog, monkeypatch):
    """Return all that was printed and logged so far."""
    caplog.set_level(logging.DEBUG, "mdio")
    kept = []

    def collect():
        captured = capfd.readouterr()
        kept.extend([captured.out, captured.err, caplog.text])
        return "\n".join(kept)

    return collect


def everything_written(folder):
    """Return all files below a folder and all objects in memory, names included."""
    found = b"".join(str(path).encode() + (path.read_bytes() if path.is_file() else b"") for path in folder.rglob("*"))
    memory = fsspec.filesystem("memory")
    return found + b"".join(name.encode() + file.getvalue() for name, file in memory.store.items())


def absent(text):
    """No form of the secret is in a text."""
    for form in (CANARY, CANARY.replace("/", "%2F").replace("+", "%2B"), "S3cr3t", "CANARYQUERY"):
        assert form not in text, text[max(0, text.index(form) - 300) : text.index(form) + 50]


DOORS = ("flag", "flat flag", "file", "environment", "environment file")


@pytest.fixture(params=DOORS)
def door(request, tmp_path_factory, monkeypatch):
    """Return the arguments that hand over the secret; the environment is set."""
    options = json.dumps(FLAT if request.param == "flat flag" else OPTIONS)
    file = tmp_path_factory.mktemp("private") / "options.json"
    file.write_text(options)
    if request.param.startswith("environment"):
        monkeypatch.setenv("MDIO_STORAGE_OPTIONS", f"@{file}" if "file" in request.param else options)
        return []
    return ["--storage-options", f"@{file}" if request.param == "file" else options]


def test_the_command_line(survey, tmp_path, said, door, talkative):
    url = "faulty://b/x.mdio"
    environment = not door
    with faulty("503", 0.0) as faults:
        for arguments in (
            ["-v", "segy", "import", survey, url, "--json", *door],
            ["-v", "--log", "json", "segy", "import", survey, url, "--overwrite", *door],
            ["convert", url, "faulty://b/x.vds", "--to", "vds", "-o", "layout=objects", *door],
            ["info", url, "--json", *door],
            ["info", url, *door],
            ["verify", url, "--json", *door],
            ["stats", url, *door],
            ["convert", survey, "faulty://b/y.mdio", "--dry-run", "--json", *door],
            ["segy", "export", url, tmp_path / "back.sgy", *door],
        ):
            assert run([str(word) for word in arguments]) == 0, said()
        faults.rate = 1.0
        for arguments in (
            ["-v", "segy", "import", survey, url, "--overwrite", *door],
            ["-v", "info", url, "--json", *door],
            ["-v", "--log", "json", "verify", url, *door],
            ["-v", "segy", "export", url, tmp_path / "again.sgy", *door],
        ):
            assert run([str(word) for word in arguments]) == 5
    assert (tmp_path / "back.sgy").read_bytes() == survey.read_bytes()
    text = said()
    assert "RuntimeError" in text
    absent(text)
    assert CANARY.encode() not in everything_written(tmp_path)
    assert environment is bool(os.environ.get("MDIO_STORAGE_OPTIONS"))


def test_a_run_that_fails_half_way_leaves_a_journal_without_it(survey, tmp_path, talkative, said):
    with faulty("denied", 0.0, room=60_000):
        code = run(["-v", "convert", str(survey), "faulty://b/x.mdio", "--storage-options", json.dumps(OPTIONS)])
    assert code == 5
    written = everything_written(tmp_path)
    assert b".mdio-writing/" in written
    assert b"fingerprint" in written
    assert CANARY.encode() not in written
    absent(said())


def test_run_files(survey, tmp_path, tmp_path_factory, monkeypatch, talkative, said):
    file = tmp_path_factory.mktemp("private") / "runs.yaml"
    monkeypatch.setenv("THE_KEY", CANARY)
    file.write_text(
        "version: 1\nstorage:\n  faulty: {secret: '${THE_KEY}'}\nruns:\n"
        f"  - input: {{url: {survey}}}\n    output: {{url: faulty://b/x.mdio, options: {{chunks: [8, 8, 64]}}}}\n"
    )
    with faulty("denied", 0.0) as faults:
        assert run(["run", str(file), "--dry-run"]) == 0, said()
        assert run(["-v", "run", str(file)]) == 0, said()
        faults.rate = 1.0
        assert run(["-v", "run", str(file), "--set", "runs.0.output.overwrite=true"]) != 0
    absent(said())
    assert CANARY.encode() not in everything_written(tmp_path)


def test_python(survey, tmp_path, talkative):
    with faulty("denied", 0.0) as faults:
        settings = {"target_storage_options": FLAT, "storage_options": OPTIONS}
        conversion = Conversion(source=str(survey), target="faulty://b/x.mdio", **settings)
        convert(survey, "faulty://b/x.mdio", **settings)
        store = Stores(OPTIONS).open("faulty://b/x.mdio")
        with mdio.open("faulty://b/x.mdio", storage_options=OPTIONS) as volume:
            for value in (conversion, Stores(OPTIONS), store, store.open(".zattrs"), volume, volume.schema):
                absent(repr(value) + str(value))
            faults.rate = 1.0
            with pytest.raises(MDIOError) as caught, warnings.catch_warnings():
                volume.read(volume.schema.region)
    text = "".join(traceback.format_exception(caught.value))
    assert "cat_file failed with" in text
    assert "***" in text
    absent(text)


def test_urls_with_keys(survey, tmp_path, said):
    """User information and signed queries; the server gets them, nobody else does."""
    pytest.importorskip("aiohttp", reason="fsspec needs aiohttp for http://")
    with range_server() as web:
        web.files["/x.sgy"] = survey.read_bytes()
        host = web.url.removeprefix("http://")
        url = f"http://user:S3cr3tPassword@{host}/x.sgy?X-Amz-Signature=S3cr3tSigned"
        assert run(["segy", "import", url, str(tmp_path / "x.mdio"), "--json"]) == 0, said()
        assert run(["-v", "segy", "import", url, str(tmp_path / "y.mdio"), "--dry-run"]) == 0, said()
        assert run(["-v", "convert", url, str(tmp_path / "z.mdio"), "--json", "--log", "json"]) == 0, said()
        for command in ("scan", "header"):
            assert run(["-v", "segy", command, url]) == 0, said()
        assert any("S3cr3tSigned" in path for _, path, _ in web.requests)
        web.files.clear()
        assert run(["-v", "info", url]) == 5
        web.kind, web.rate = "503", 1.0
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MDIO_STORE_DEADLINE", "0.2")
            assert run(["-v", "info", url]) == 5
            assert run(["-v", "--log", "json", "segy", "import", url, str(tmp_path / "n.mdio")]) == 5
    absent(said())
    assert b"S3cr3t" not in everything_written(tmp_path)


def test_connection_strings(said):
    """What OpenVDS takes as a connection string."""
    vds = pytest.importorskip("mdio_vds")
    pytest.importorskip("s3fs")
    string = f"Region=us-east-1;EndpointOverride=http://127.0.0.1:9;AccessKeyId=key;SecretKey={CANARY}"
    with pytest.raises(Exception, match="b/x") as caught, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_MAX_ATTEMPTS", "1")
        patch.setenv("MDIO_STORE_DEADLINE", "1")
        vds.open("s3://b/x", string)
    absent("".join(traceback.format_exception(caught.value)) + repr(caught.value) + said())


def test_options_that_a_client_refuses(said):
    """The message of a client that repeats its arguments."""
    assert run(["-v", "info", "simplecache::memory://b/x", "--storage-options",
                json.dumps({"simplecache": {"password": CANARY, "cache_storage": [CANARY]}})]) != 0  # fmt: skip
    absent(said())


def test_other_processes_do_not_see_it(survey, tmp_path):
    """Of a file or the environment nothing is on the command line, nor in the titles of workers."""
    file = tmp_path / "options.json"
    file.write_text(json.dumps({"memory": {"secret": CANARY}}))
    code = (
        "import sys; from mdio.cli.app import run; "
        "code = run(sys.argv[1:]); print(open('/proc/self/cmdline').read()); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "info", str(survey), "--storage-options", f"@{file}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    absent(done.stdout + done.stderr)


class TestOptions:
    def test_of_a_file(self, tmp_path):
        (tmp_path / "o.json").write_text('{"s3": {"key": "k"}}')
        assert parse_options(f"@{tmp_path}/o.json") == {"s3": {"key": "k"}}

    @pytest.mark.parametrize("content", [None, f'{{"key": "{CANARY}"', f'["{CANARY}"]', f"{CANARY}", b"\xff"])
    def test_files_that_are_wrong(self, tmp_path, content):
        if content is not None:
            (tmp_path / "o.json").write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(ConfigError, match=r"o\.json: ") as caught:
            parse_options(f"@{tmp_path}/o.json")
        absent("".join(traceback.format_exception(caught.value)))

    def test_of_the_environment(self, monkeypatch):
        monkeypatch.delenv("MDIO_STORAGE_OPTIONS", raising=False)
        assert environment_options() == {}
        monkeypatch.setenv("MDIO_STORAGE_OPTIONS", '{"anon": true}')
        assert environment_options() == {"anon": True}
        monkeypatch.setenv("MDIO_STORAGE_OPTIONS", f'{{"key": "{CANARY}"')
        with pytest.raises(EnvironmentFormatError, match="MDIO_STORAGE_OPTIONS: not JSON") as caught:
            environment_options()
        absent("".join(traceback.format_exception(caught.value)))

    def test_the_deadline_is_ours(self):
        assert split_deadline({"key": "k", "mdio_deadline": 5}) == ({"key": "k"}, 5.0)
        assert split_deadline({"key": "k"}) == ({"key": "k"}, None)
        for wrong in (0, -1, "5", True, float("nan"), float("inf")):
            with pytest.raises(ConfigError, match="mdio_deadline"):
                split_deadline({"mdio_deadline": wrong})

    def test_given_ones_win(self, monkeypatch):
        seen = []

        def url_to_fs(url, **options):
            seen.append(options)
            return fsspec.filesystem("memory"), "/x"

        monkeypatch.setattr(fsspec.core, "url_to_fs", url_to_fs)
        monkeypatch.setenv("MDIO_STORAGE_OPTIONS", '{"s3": {"profile": "a"}, "gs": {"token": "t"}}')
        for url, options in (("s3://b/x", {}), ("s3://b/x", {"profile": "b"}), ("gs://b/x", {}), ("az://b/x", {})):
            Stores(options).open(url)
        assert seen == [{"profile": "a"}, {"profile": "b"}, {"token": "t"}, {}]


def test_ordinary_words_stay():
    """What is no secret is not cut out, or messages would be riddles."""
    from mdio.storage.secrets import keep_secret

    keep_secret({"profile": "production", "endpoint_url": "http://storage.local", "anon": "nobody-at-all", "key": "ab"})
    assert (
        scrub("production at http://storage.local ab nobody-at-all")
        == "production at http://storage.local ab nobody-at-all"
    )
    keep_secret({"connection_string": "AccountName=visible;AccountKey=abcdefgh12345=="})
    assert scrub("visible abcdefgh12345==") == "visible ***"
