"""The pages "Usage" and "CLI Reference": command lines as they stand there, cloud stores played by memory."""

import json
import os
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import _registry as filesystems
from plain_segy import from_ibm, read_plain

import mdio
from mdio.cli.app import run


@pytest.fixture(autouse=True)
def place(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.makedirs("path/to")
    for name in ("path_to_segy_file.segy", "path/to/my.segy"):
        shutil.copy(small.path, name)
    return tmp_path


def typed(line, code=0):
    """Run a line of a shell; backslashes at its ends join it."""
    words = shlex.split(line.replace("\\\n", ""))
    assert words[0] == "mdio"
    assert run(words[1:]) == code


IMPORT = r"""
mdio segy import \
    path_to_segy_file.segy \
    path_to_mdio_file.mdio \
    -loc 181,185 \
    -names inline,crossline
"""

EXPORT = r"""
mdio segy export \
    path_to_mdio_file.mdio \
    back.segy
"""


def test_there_and_back(place, small):
    typed(IMPORT)
    typed(EXPORT)
    assert (place / "back.segy").read_bytes() == small.path.read_bytes()
    with mdio.MDIOReader("path_to_mdio_file.mdio") as reader:
        assert reader.grid.dim_names == ("inline", "crossline", "sample")
        np.testing.assert_array_equal(reader[:], small.samples)


def test_the_long_spelling(small):
    typed(
        "mdio segy import path/to/my.segy a.mdio --header-names inline,crossline --header-locations 189,193 "
        "--header-types int32,int32 --chunk-size 8,8,16"
    )
    with mdio.MDIOReader("a.mdio") as reader:
        assert reader.chunks == (8, 8, 16)
        np.testing.assert_array_equal(reader[:], small.samples)


def test_every_short_option_of_import(small):
    typed(
        "mdio segy import path/to/my.segy a.mdio -loc 189,193 -types int32,int32 -names il,xl -chunks 8,8,16 "
        "-endian big -lossless True -storage '{}' -grid-overrides '{\"HasDuplicates\": false}'"
    )
    typed("mdio segy import path/to/my.segy a.mdio -loc 189,193 -names inline,crossline -overwrite")
    with mdio.MDIOReader("a.mdio") as reader:
        assert reader.grid.dim_names == ("inline", "crossline", "sample")


def test_lossy_import(small):
    pytest.importorskip("zfpy", reason="lossy compression needs zfpy")
    typed("mdio segy import path/to/my.segy a.mdio -loc 189,193 -lossless False -tolerance 0.5")
    with mdio.MDIOReader("a.mdio") as reader:
        assert 0 < np.abs(reader[:] - small.samples).max() <= 0.5


def test_other_formats_of_export(place, small):
    typed(IMPORT)
    typed("mdio segy export path_to_mdio_file.mdio ieee.segy -access 012 -format ieee32 -endian big")
    plain = read_plain(place / "ieee.segy")
    assert plain.binary[24:26] == b"\x00\x05"
    np.testing.assert_array_equal(plain.words.view(np.float32), small.samples[small.live])
    typed(
        "mdio segy export path_to_mdio_file.mdio little.segy --segy-format ibm32 --endian little --storage-options '{}'"
    )
    data = (place / "little.segy").read_bytes()
    words = np.frombuffer(data, "<u4", offset=3600).reshape(-1, 120)[:, 60:]
    np.testing.assert_array_equal(from_ibm(words.astype(np.uint32)), small.samples[small.live])


# -- cloud stores ------------------------------------------------------------------------------------------------


@pytest.fixture
def clouds(monkeypatch):
    """Filesystems under the names of the clouds; returns what they were asked for, ``{protocol: [options]}``."""
    asked = {}

    def make(name, protocols):
        class Cloud(MemoryFileSystem):
            protocol = protocols
            store = {}  # noqa: RUF012
            pseudo_dirs = [""]  # noqa: RUF012
            cachable = False

            def __init__(self, **options):
                super().__init__()
                asked.setdefault(name, []).append(options)

            @classmethod
            def _strip_protocol(cls, path):
                return MemoryFileSystem._strip_protocol(path.split("://", 1)[-1])

        for protocol in protocols:
            monkeypatch.setitem(filesystems, protocol, Cloud)
        return Cloud

    stores = {
        "s3": make("s3", ("s3", "s3a")),
        "gs": make("gs", ("gs", "gcs")),
        "az": make("az", ("az", "abfs")),
    }
    return asked, stores


CLOUD_LINES = {
    "aws": (
        r"""
        mdio segy import \
          path/to/my.segy \
          s3://bucket/prefix/my.mdio \
          --header-locations 189,193 \
          --storage-options '{"key": "my_super_private_key", "secret": "my_super_private_secret"}'
        """,
        "s3",
        {"key": "my_super_private_key", "secret": "my_super_private_secret"},
    ),
    "aws-windows": (
        r"""
        mdio segy import \
          path/to/my.segy \
          s3://bucket/prefix/my.mdio \
          --header-locations 189,193 \
          --storage-options "{\"key\": \"my_super_private_key\", \"secret\": \"my_super_private_secret\"}"
        """,
        "s3",
        {"key": "my_super_private_key", "secret": "my_super_private_secret"},
    ),
    "google-account": (
        r"""
        mdio segy import \
          path/to/my.segy \
          gs://bucket/prefix/my.mdio \
          --header-locations 189,193 \
          --storage-options '{"token": "~/.config/gcloud/application_default_credentials.json"}'
        """,
        "gs",
        {"token": "~/.config/gcloud/application_default_credentials.json"},
    ),
    "google-browser": (
        r"""
        mdio segy import \
          path/to/my.segy \
          gs://bucket/prefix/my.mdio \
          --header-locations 189,193 \
          --storage-options '{"token": "browser"}'
        """,
        "gs",
        {"token": "browser"},
    ),
    "azure": (
        r"""
        mdio segy import \
          path/to/my.segy \
          az://bucket/prefix/my.mdio \
          --header-locations 189,193 \
          --storage-options '{"account_name": "myaccount", "account_key": "my_super_private_key"}'
        """,
        "az",
        {"account_name": "myaccount", "account_key": "my_super_private_key"},
    ),
}


@pytest.mark.parametrize("case", CLOUD_LINES)
def test_import_to_a_cloud(clouds, case, small, capsys):
    asked, stores = clouds
    line, name, options = CLOUD_LINES[case]
    typed(line)
    assert asked.pop(name)
    assert asked == {}
    held = stores[name].store
    assert any(key.startswith("/bucket/prefix/my.mdio/data/") for key in held)
    assert "private" not in capsys.readouterr().err
    with mdio.MDIOReader(f"{name}://bucket/prefix/my.mdio", storage_options=options) as reader:
        np.testing.assert_array_equal(reader[:], small.samples)
    assert all(seen == options for seen in asked[name])


def test_a_cache_in_front_of_a_cloud(clouds, place, small, capsys):
    asked, _ = clouds
    line, _, options = CLOUD_LINES["aws"]
    typed(line)
    asked.clear()
    keyed = json.dumps({"s3": options, "simplecache": {"cache_storage": str(place / "cache")}})
    typed(f"mdio segy export simplecache::s3://bucket/prefix/my.mdio b.segy --storage-options '{keyed}'")
    assert all(seen == options for seen in asked["s3"])
    assert any((place / "cache").iterdir())
    assert (place / "b.segy").read_bytes() == small.path.read_bytes()


def test_options_that_are_no_json_say_so_without_repeating_them(capsys):
    typed(r"mdio segy import path/to/my.segy s3://b/my.mdio --storage-options '{key: my_super_private_key}'", code=2)
    error = capsys.readouterr().err
    assert "JSON" in error
    assert "private" not in error


# -- other commands ----------------------------------------------------------------------------------------------


def test_version(capsys):
    assert run(["--version"]) == 0
    assert mdio.__version__ in capsys.readouterr().out


@pytest.mark.parametrize("line", ["", "segy", "segy import", "segy export", "info", "copy"])
def test_help(line, capsys):
    assert run([*line.split(), "--help"]) == 0
    assert "Usage: mdio" in capsys.readouterr().out


def test_info_for_programs(small):
    """The pipe through json.tool, in processes."""
    typed(IMPORT)
    words = shlex.split("info path_to_mdio_file.mdio -access 012 -format json")
    command = [sys.executable, "-m", "mdio", *words]
    first = subprocess.run(command, capture_output=True, check=True)
    done = subprocess.run([sys.executable, "-m", "json.tool"], input=first.stdout, capture_output=True, check=True)
    facts = json.loads(done.stdout)
    assert [facts["grid"][name]["size"] for name in ("inline", "crossline", "sample")] == [23, 14, 60]
    assert facts["grid"]["inline"]["min"] == 2


def test_info_for_people(capsys):
    typed(IMPORT)
    capsys.readouterr()
    typed("mdio info path_to_mdio_file.mdio")
    shown = capsys.readouterr().out
    for word in ("inline", "crossline", "sample", "23", "14", "60"):
        assert word in shown


def contents(path):
    with mdio.MDIOReader(path, return_metadata=True) as reader:
        return reader[:]


def test_copy(small):
    typed(IMPORT)
    typed("mdio copy path_to_mdio_file.mdio whole.mdio")
    live, headers, samples = contents("whole.mdio")
    np.testing.assert_array_equal(live, small.live)
    np.testing.assert_array_equal(headers["73"], small.words[73])
    np.testing.assert_array_equal(samples, small.samples)
    typed("mdio segy export whole.mdio back.segy")
    with open("back.segy", "rb") as file:
        assert file.read() == small.path.read_bytes()


@pytest.mark.parametrize(
    "options",
    ["-access 012 -exc chunked_012 -inc trace_headers", "--excludes chunked_012 --includes trace_headers"],
)
def test_copy_without_samples(small, options):
    typed(IMPORT)
    typed(f"mdio copy {options} path_to_mdio_file.mdio empty.mdio")
    live, headers, samples = contents("empty.mdio")
    np.testing.assert_array_equal(live, small.live)
    np.testing.assert_array_equal(headers["73"], small.words[73])
    assert samples.shape == small.samples.shape
    assert not samples.any()


def test_copy_without_samples_and_headers(small):
    typed(IMPORT)
    typed("mdio copy path_to_mdio_file.mdio empty.mdio -exc chunked_012")
    live, headers, samples = contents("empty.mdio")
    np.testing.assert_array_equal(live, small.live)
    assert not headers["73"].any()
    assert not samples.any()


def test_copy_over_a_dataset(small, capsys):
    typed(IMPORT)
    typed("mdio copy path_to_mdio_file.mdio b.mdio -exc chunked_012")
    typed("mdio copy path_to_mdio_file.mdio b.mdio", code=5)
    assert "overwrite" in capsys.readouterr().err
    assert not contents("b.mdio")[2].any()
    typed("mdio copy path_to_mdio_file.mdio b.mdio -overwrite -storage '{}'")
    np.testing.assert_array_equal(contents("b.mdio")[2], small.samples)
