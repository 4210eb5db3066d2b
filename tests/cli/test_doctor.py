"""``mdio doctor`` finds what would fail later."""

import importlib
import importlib.metadata
import json
import sys
import types

import pytest

from mdio.cli import doctor, main
from mdio.plugins import hookimpl
from mdio.plugins.registry import registry


def diagnoses(capsys, code=0):
    assert main(["doctor", "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_topics(capsys):
    topics = {item["topic"] for item in diagnoses(capsys)}
    assert {"python", "mdio-core", "libraries", "package", "plugin builtin", "numcodecs", "temporary files"} <= topics


def test_as_a_table(capsys):
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["Topic", "State", "Found"]


def test_a_broken_plugin_is_a_warning(capsys):
    module = types.ModuleType("bad")
    module.mdio_readers = hookimpl(lambda: 1 / 0)
    with registry().registered(module, "badthing"):
        (found,) = [item for item in diagnoses(capsys) if item["topic"] == "plugin badthing"]
    assert found["state"] == "warning"
    assert "mdio plugins show badthing" in found["text"]


@pytest.mark.parametrize("by", ["package", "script"])
def test_another_owner_of_the_package_or_the_command(monkeypatch, by):
    class Distribution:
        name = "multidimio"

    point = importlib.metadata.EntryPoint("mdio", "mdio.__main__:main", "console_scripts")
    vars(point).update(dist=Distribution())
    if by == "package":
        owners = {"mdio": ["mdio-core", "multidimio"]}
        monkeypatch.setattr(importlib.metadata, "packages_distributions", lambda: owners)
    else:
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda **_: [point])
    (found,) = doctor._owners()
    assert found.state == "warning"
    assert found.text.startswith("multidimio and mdio-core both own")


def test_numcodecs_that_cannot_be_imported(monkeypatch, capsys):
    class Post:
        def find_spec(self, name, path=None, target=None):
            if name == "numcodecs":
                raise ValueError("invalid literal for int() with base 10: 'post1'")

    for name in [name for name in sys.modules if name.partition(".")[0] == "numcodecs"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Post(), *sys.meta_path])
    found = diagnoses(capsys, 1)
    (bad,) = [item for item in found if item["topic"] == "numcodecs"]
    assert bad["state"] == "failed"
    assert "post1" in bad["text"] and "zfpy" in bad["text"]


def test_a_missing_library(monkeypatch):
    monkeypatch.setattr(doctor, "_LIBRARIES", ("numpy", "no-such-library"))
    states = {item.topic: item.state for item in doctor._versions()}
    assert states["no-such-library"] == "failed"


def test_few_open_files_and_little_room(monkeypatch):
    monkeypatch.setattr(doctor, "_MINIMUM_FILES", 1 << 62)
    monkeypatch.setattr(doctor, "_MINIMUM_TEMP", 1 << 62)
    assert {item.topic: item.state for item in doctor._limits()}["open files"] in {"warning", "ok"}
    (found,) = doctor._temporary()
    assert found.state == "warning" and "TMPDIR" in found.text


def test_temporary_files_that_cannot_be_written(monkeypatch, tmp_path):
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    (found,) = doctor._temporary()
    assert found.state == "failed"


@pytest.mark.parametrize(
    "package, name", [("mdio_segy", "words"), ("mdio_compression", "frames"), ("mdio.flow", "sums")]
)
def test_loops_that_are_not_compiled(monkeypatch, package, name):
    kernel = importlib.import_module(f"{package}.kernel")
    monkeypatch.setattr(kernel, name, lambda: None)
    found = {diagnosis.topic: diagnosis for diagnosis in doctor._compiled()}
    assert found[package].state == "warning"
    assert "C compiler" in found[package].text
    monkeypatch.setattr(kernel, name, lambda: kernel)
    assert {diagnosis.topic: diagnosis.state for diagnosis in doctor._compiled()}[package] == "ok"


def test_a_name_that_two_plugins_want_is_a_warning(capsys):
    from contextlib import ExitStack

    from mdio.plugins import Codec

    with ExitStack() as stack:
        for name in ("onething", "otherthing"):
            module = types.ModuleType(name)
            module.mdio_codecs = hookimpl(lambda: [Codec(name="wanted", target="json:dumps")])
            stack.enter_context(registry().registered(module, name, distribution=f"mdio-{name}"))
        found = [item for item in diagnoses(capsys) if item["topic"] == "plugins"]
    assert [item["state"] for item in found] == ["warning"]
    assert "wanted" in found[0]["text"]
    assert "mdio-onething" in found[0]["text"] and "mdio-otherthing" in found[0]["text"]


def test_a_machine_with_little(monkeypatch):
    import resource
    import shutil

    monkeypatch.setattr(resource, "getrlimit", lambda which: (256, 4096))
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: types.SimpleNamespace(free=2**30))
    limits = {item.topic: item for item in [*_limits(monkeypatch), *doctor._temporary()]}
    assert limits["open files"].state == limits["temporary files"].state == "warning"
    assert limits["open files"].text == "at most 256; run: ulimit -n 1024"
    assert limits["temporary files"].text.startswith("1.0 GiB free in ")
    assert "memory" not in limits


def _limits(monkeypatch):
    """What is said of limits where the system does not tell its memory."""
    import os

    def unknown(name):
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr(os, "sysconf", unknown)
    return list(doctor._limits())
