"""True discovery: distributions on the path, found by their metadata, in a process of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDERS = Path(__file__).resolve().parents[1] / "thirdparty" / "dist_info"


def run(arguments, *folders, **environment):
    path = os.pathsep.join(str(FOLDERS / folder) for folder in folders)
    return subprocess.run(
        [sys.executable, "-m", "mdio", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": path, **environment},
    )


def listed(*folders, arguments=(), **environment):
    done = run(["plugins", "list", "--json", *arguments], *folders, **environment)
    assert done.returncode == 0, done.stderr
    return {item["plugin"]: item for item in json.loads(done.stdout)}, done.stderr


def test_all_four_at_once_each_with_its_own_fate():
    found, errors = listed("clash", "importerror", "oldapi", "ok")
    assert found["builtin"]["status"] == "ok"
    assert found["cube"] | {"module": ""} == {
        "plugin": "cube",
        "distribution": "mdio-cube",
        "version": "1.0",
        "api": "1.0",
        "status": "ok",
        "provides": {"reader": ["cube"], "writer": ["cube"], "command": ["cube"]},
        "module": "",
        "problem": "",
    }
    assert found["lost"]["status"] == "broken"
    assert "a_library_that_nobody_has" in found["lost"]["problem"]
    assert found["oldthing"]["status"] == "incompatible"
    assert found["oldthing"]["problem"].startswith("written for plugin API 2, this core speaks 1")
    assert found["another"]["status"] == "ok"
    # Nothing is silent: one line on standard error for each problem and each name that occurs twice.
    warnings = errors.splitlines()
    assert all(line.startswith("warning: ") for line in warnings)
    for word in ("plugin lost", "plugin oldthing", "reader 'cube'", "reader 'mdio'", "command 'info'"):
        assert sum(word in line for line in warnings) == 1, (word, errors)


def test_a_quiet_call_says_nothing_of_broken_plugins():
    assert run(["--quiet", "plugins", "list"], "importerror").stderr == ""


def test_show_of_a_plugin_that_cannot_be_imported():
    done = run(["plugins", "show", "mdio-lost"], "importerror")
    assert done.returncode == 3
    assert "import a_library_that_nobody_has" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["cube", "mdio-cube", "mdio-cube:cube"])
def test_a_plugin_is_switched_off_by_each_of_its_names(name):
    found, errors = listed("ok", MDIO_PLUGINS_DISABLE=f"x,{name}")
    assert "cube" not in found
    assert not errors
    found, _ = listed("ok", arguments=["--all"], MDIO_PLUGINS_DISABLE=name)
    assert (found["cube"]["status"], found["cube"]["provides"]) == ("disabled", {})


def test_the_core_cannot_be_switched_off():
    found, _ = listed(MDIO_PLUGINS_DISABLE="builtin,mdio-core")
    assert found["builtin"]["status"] == "ok"


def test_strict_stops_at_the_first_broken_plugin():
    done = run(["plugins", "list"], "importerror", MDIO_PLUGINS_STRICT="1")
    assert done.returncode == 3
    assert done.stderr.startswith("error: plugin 'lost': ModuleNotFoundError")


def test_commands_of_plugins_are_mounted(tmp_path):
    help_text = run(["--help"], "ok").stdout
    assert "Look at cubes." in help_text
    path = tmp_path / "a.cube"
    path.write_bytes(b'{"format": "cube", "dims": []}\n')
    assert run(["cube", str(path)], "ok").stdout == '{"format": "cube", "dims": []}\n'


SCRIPT = """
import sys, numpy, mdio
from mdio.plugins.registry import registry
from mdio_cube.volume import write_example

samples = numpy.arange(60, dtype="f4").reshape(3, 4, 5)
write_example("a.cube", [("inline", [1, 2, 3]), ("crossline", [5, 6, 7, 8]), ("sample", [0, 2, 4, 6, 8])], samples)
assert registry().reader_for("x", b'{"format": "cube", ').name == "cube"
mdio.convert("a.cube", "b.mdio")
mdio.convert("b.mdio", "c.cube")
volume = mdio.open("c.cube")
assert numpy.array_equal(volume.samples(volume.schema.region), samples)
assert volume.schema.dims[0].coords.tolist() == [1, 2, 3]
assert open("a.cube", "rb").read() == open("c.cube", "rb").read()
"""


@pytest.mark.parametrize("folders", [("ok",), ("importerror", "oldapi", "ok")])
def test_a_third_party_format_converts_whatever_the_neighbours_do(tmp_path, folders):
    path = os.pathsep.join(str(FOLDERS / folder) for folder in folders)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr
    assert sorted(item.name for item in tmp_path.iterdir()) == ["a.cube", "b.mdio", "c.cube"]


def test_the_first_by_name_keeps_a_name_and_both_are_reached():
    code = (
        "from mdio.plugins.registry import registry as r;"
        "print(r().reader('cube').summary, '|', r().reader('mdio-cube:cube').summary, '|',"
        " r().reader('mdio').target, '|', r().reader('mdio-another:mdio').target, '|', r().command('info').target)"
    )
    path = os.pathsep.join(str(FOLDERS / folder) for folder in ("ok", "clash"))
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.stdout.strip().split(" | ") == [
        "Another cube",
        "A JSON line and raw samples",
        "mdio.native.volume:open_volume",
        "another_cube:open_cube",
        "mdio.cli.info:app",
    ]


def test_a_third_party_format_on_the_command_line(tmp_path):
    path = tmp_path / "a.cube"
    dims = [{"name": "inline", "coords": [1, 2]}, {"name": "sample", "coords": [0, 4, 8]}]
    header = json.dumps({"format": "cube", "dims": dims}).encode() + b"\n"
    path.write_bytes(header + bytes.fromhex("0000803f000000400000404000008040 0000a0400000c040"))  # 1 … 6
    done = run(["convert", str(path), str(tmp_path / "b.mdio"), "--quiet"], "ok")
    assert (done.returncode, done.stderr) == (0, "")
    done = run(["convert", str(tmp_path / "b.mdio"), str(tmp_path / "c.cube"), "--quiet"], "ok")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "c.cube").read_bytes()[-24:] == path.read_bytes()[-24:]
    without = run(["convert", str(path), str(tmp_path / "d.mdio")])
    assert without.returncode == 3
    assert "no installed reader recognises this file" in without.stderr
