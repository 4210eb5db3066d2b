"""``mdio plugins`` and ``mdio codecs``, in this process with plugins registered for the occasion."""

import inspect
import json
import subprocess
import sys
import types

import pytest

from mdio.cli import main
from mdio.plugins import Codec, Command, Reader, Template, Writer, hookimpl
from mdio.plugins.registry import registry


@pytest.fixture
def good():
    module = types.ModuleType("good")
    module.mdio_readers = hookimpl(
        lambda: [Reader(name="good", summary="Good data", suffixes=(".good",), target="json:loads")]
    )
    module.mdio_codecs = hookimpl(lambda: [Codec(name="good", lossy=True, target="json:dumps", numcodecs_id="g")])
    with registry().registered(module, "goodthing", distribution="mdio-goodthing"):
        yield


@pytest.fixture
def bad():
    module = types.ModuleType("bad")
    module.mdio_readers = hookimpl(lambda: 1 / 0)
    with registry().registered(module, "badthing", distribution="mdio-badthing"):
        yield


def plugins_json(capsys, *arguments):
    assert main(["plugins", "list", "--json", *arguments]) == 0
    return {item["plugin"]: item for item in json.loads(capsys.readouterr().out)}


def test_list_as_json(capsys, good, bad):
    found = plugins_json(capsys)
    assert {"plugin", "distribution", "version", "api", "status", "provides"} <= {*found["builtin"]}
    assert found["builtin"]["status"] == "ok"
    assert found["builtin"]["provides"]["reader"] == ["mdio"]
    assert found["goodthing"]["provides"] == {"reader": ["good"], "codec": ["good"]}
    assert found["badthing"]["status"] == "broken"
    assert found["badthing"]["problem"] == "ZeroDivisionError: division by zero"


def test_list_by_kind(capsys, good):
    found = plugins_json(capsys, "--kind", "codecs")
    assert found["goodthing"]["provides"] == {"codec": ["good"]}
    assert "builtin" not in found
    assert "builtin" in plugins_json(capsys, "--kind", "grid-override")


def test_list_of_an_unknown_kind(capsys):
    assert main(["plugins", "list", "--kind", "raeder"]) == 2
    assert capsys.readouterr().err == "error: --kind raeder: no such kind\nhint: did you mean reader?\n"


def test_list_as_a_table_puts_each_plugin_on_one_line(capsys, good, bad):
    assert main(["plugins", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["Plugin", "Distribution", "Version", "API", "Status", "Provides"]
    assert any(line.startswith("builtin") and "mdio (reader, writer)" in line for line in lines)
    assert any(line.startswith("goodthing") and "good (reader, codec)" in line for line in lines)
    assert any(line.startswith("badthing") and "broken" in line and "division by zero" in line for line in lines)


def test_show(capsys, good):
    assert main(["plugins", "show", "mdio-goodthing"]) == 0
    out = capsys.readouterr().out
    assert "goodthing" in out and "Good data" in out


def test_show_of_a_broken_plugin_prints_its_traceback_and_fails(capsys, bad):
    assert main(["plugins", "show", "badthing"]) == 3
    out, err = capsys.readouterr()
    assert "Traceback" in out and "ZeroDivisionError" in out
    assert err.startswith("error: plugin badthing (mdio-badthing) is broken: ZeroDivisionError")


def test_show_of_a_plugin_that_is_not_there(capsys):
    assert main(["plugins", "show", "goodthin"]) == 3
    assert "no plugin named 'goodthin'" in capsys.readouterr().err


def test_show_names_the_options(capsys):
    assert main(["plugins", "show", "builtin", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    writer = next(item for item in facts["contributions"] if item["kind"] == "writer")
    assert "chunks" in writer["options"]


def _signature(real, silent):
    def signature(target, **settings):
        if target is silent:
            raise ValueError("no signature found")
        return real(target, **settings)

    return signature


class TestCheck:
    def findings(self, capsys, name, expected):
        code = main(["plugins", "check", name, "--json"])
        assert code == expected
        return {item["what"]: item for item in json.loads(capsys.readouterr().out)}

    def test_what_does_not_hold_is_found(self, capsys):
        module = types.ModuleType("partly")
        module.mdio_readers = hookimpl(
            lambda: [
                Reader(name="fine", target="test_target:three"),
                Reader(name="missing", target="test_target:nothing", requires="pip install luck"),
                Reader(name="narrow", target="test_target:two"),
                Reader(name="optioned", target="test_target:three", options="test_target:three"),
                Reader(name="sniffing", target="test_target:three", sniff="test_target:two"),
            ]
        )
        module.mdio_commands = hookimpl(lambda: [Command(name="partly", target="test_target:two")])
        module.mdio_templates = hookimpl(lambda: [Template(name="t", dims=("a", "b"), chunks=(1,))])
        target = types.ModuleType("test_target")
        target.three = lambda url, options, storage: None
        target.two = lambda url, options: None
        sys.modules["test_target"] = target
        try:
            with registry().registered(module, "partly"):
                found = self.findings(capsys, "partly", 3)
        finally:
            del sys.modules["test_target"]
        assert {what for what, item in found.items() if item["ok"]} == {
            "loads",
            "starts lightly",
            "reader fine",
            "reader optioned",
            "reader sniffing",
        }
        assert "pip install luck" in found["reader missing"]["problem"]
        assert "(url, options, storage)" in found["reader narrow"]["problem"]
        assert "not a pydantic model" in found["reader optioned: options"]["problem"]
        assert "(url, head, storage)" in found["reader sniffing: sniff"]["problem"]
        assert "expected a typer.Typer" in found["command partly"]["problem"]
        assert "2 dimensions but 1 chunk" in found["template t"]["problem"]

    def test_templates_writers_and_what_cannot_be_asked(self, capsys, monkeypatch):
        module = types.ModuleType("shaped")
        module.mdio_templates = hookimpl(
            lambda: [
                Template(name="sound", dims=("a", "s"), chunks=(1, 1), keys={"a": "189:int32"}),
                Template(name="flat", dims=("s",), chunks=(1,)),
                Template(name="strange", dims=("a", "s"), chunks=(1, 1), keys={"b": "1"}, units={"c": "m"}),
            ]
        )
        module.mdio_writers = hookimpl(
            lambda: [
                Writer(name="preparing", target="test_target:five", prepare="test_target:two"),
                Writer(name="refusing", target="test_target:five", prepare="test_target:five"),
                Writer(name="number", target="test_target:seven"),
                Writer(name="compiled", target="test_target:compiled"),
            ]
        )
        target = types.ModuleType("test_target")
        target.five = lambda url, like, options, storage, creation: None
        target.two = lambda volume, options: volume
        target.seven = 7
        target.compiled = type.__call__  # tells no signature
        monkeypatch.setitem(sys.modules, "test_target", target)
        monkeypatch.setattr(inspect, "signature", _signature(inspect.signature, target.compiled))
        with registry().registered(module, "shaped"):
            found = self.findings(capsys, "shaped", 3)
        problems = {what: item["problem"] for what, item in found.items() if not item["ok"]}
        assert problems == {
            "template flat": "needs at least one dimension besides the samples",
            "template strange": "keys or units of no dimension: b, c",
            "writer refusing: prepare": "does not take the arguments (volume, options)",
            "writer number": "is int, expected a function of (url, like, options, storage, creation)",
        }

    def test_a_heavy_entry_point_is_found(self, capsys, tmp_path, monkeypatch):
        (tmp_path / "heavy_entry.py").write_text("import numpy\n")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        import heavy_entry

        with registry().registered(heavy_entry, "heavy"):
            found = self.findings(capsys, "heavy", 3)
        assert "imports numpy" in found["starts lightly"]["problem"]

    def test_a_broken_plugin_has_one_finding(self, capsys, bad):
        assert [*self.findings(capsys, "badthing", 3)] == ["loads"]


class TestNew:
    def test_the_new_distribution_loads_and_reads(self, capsys, tmp_path, monkeypatch):
        assert main(["plugins", "new", "lab-raw", "--dir", str(tmp_path)]) == 0
        folder = tmp_path / "mdio-lab-raw"
        assert f"pip install -e {folder}" in capsys.readouterr().out
        monkeypatch.syspath_prepend(folder / "src")
        import mdio_lab_raw.plugin as plugin
        import numpy as np
        from mdio_lab_raw.volume import write_example

        import mdio

        samples = np.arange(24, dtype="f4").reshape(2, 3, 4)
        dims = [("inline", [10, 20]), ("crossline", [1, 2, 3]), ("sample", [0, 4, 8, 12])]
        path = write_example(tmp_path / "cube.lab_raw", dims, samples)
        with registry().registered(plugin, "lab-raw", distribution="mdio-lab-raw") as registered:
            assert registered.state == "ok", registered.traceback
            assert main(["plugins", "check", "lab-raw"]) == 0
            volume = mdio.open(str(path))
            try:
                assert volume.schema.names == ("inline", "crossline", "sample")
                region = type(volume.schema.region)([(1, 2), (0, 2), (1, 3)])
                # Row 1 holds 12 … 23; lines 0 and 1 of it begin at 12 and 16; samples 1 and 2 of those.
                assert volume.samples(region).tolist() == [[[13, 14], [17, 18]]]
                assert volume.order(volume.schema.region.spatial).tolist() == [[0, 1, 2], [3, 4, 5]]
            finally:
                volume.close()
            path.write_bytes(path.read_bytes()[:-1])
            with pytest.raises(mdio.MDIOError, match="its header means"):
                mdio.open(str(path))

    def test_its_own_tests_are_valid_python(self, tmp_path):
        assert main(["plugins", "new", "abc", "--dir", str(tmp_path)]) == 0
        for path in (tmp_path / "mdio-abc").rglob("*.py"):
            compile(path.read_text(), str(path), "exec")
        assert 'abc = "mdio_abc.plugin"' in (tmp_path / "mdio-abc" / "pyproject.toml").read_text()

    def test_nothing_is_overwritten(self, capsys, tmp_path):
        (tmp_path / "mdio-abc").mkdir()
        assert main(["plugins", "new", "abc", "--dir", str(tmp_path)]) == 5
        assert "already exists" in capsys.readouterr().err

    @pytest.mark.parametrize("name", ["Npz", "a b", "1a", "a--b", "../x", "class"])
    def test_names_that_cannot_be(self, capsys, tmp_path, name):
        assert main(["plugins", "new", "--dir", str(tmp_path), "--", name]) == 2
        assert "cannot name a plugin" in capsys.readouterr().err
        assert not [*tmp_path.iterdir()]


def test_near_names_of_distributions_are_suggested(capsys):
    assert main(["plugins", "show", "mdio-cor"]) == 3
    assert "did you mean mdio-core" in capsys.readouterr().err


def test_codecs_list(capsys, good):
    assert main(["codecs", "list", "--json"]) == 0
    found = {item["codec"]: item for item in json.loads(capsys.readouterr().out)}
    assert found["good"] == {
        "codec": "good",
        "summary": "",
        "lossy": True,
        "dtypes": [],
        "numcodecs_id": "g",
        "plugin": "goodthing",
        "distribution": "mdio-goodthing",
    }
    assert main(["codecs", "list"]) == 0
    assert "mdio-goodthing" in capsys.readouterr().out


def test_a_reader_that_closes_early_is_no_error():
    code = "import sys; from mdio.cli import main; sys.exit(main(['plugins', 'list', '--json']))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()  # before anything was written
        assert process.stderr.read() == b""
        assert process.wait(30) in {0, 1}  # 1 where the command was still writing
