"""``plugins check`` runs the contracts on what is installed, and what ``plugins new`` writes passes its own tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from mdio.cli import main
from mdio.cli.scaffold import KINDS

NPZ = Path(__file__).resolve().parents[1] / "thirdparty" / "mdio-npz" / "src"

LOSSY_WITHOUT_SAYING = """
from mdio.plugins import Codec, Observer, hookimpl

@hookimpl
def mdio_codecs():
    yield Codec(name="round", summary="Drops bits", target="{name}.things:Round")

@hookimpl
def mdio_observers():
    yield Observer(name="fragile", summary="Fails", target="{name}.things:observe")
"""

THINGS = """
import numpy as np

class Round:
    codec_id = "mdio-test-round"
    def encode(self, buffer):
        return np.round(np.asarray(buffer, "f4") / 64).astype("i2").tobytes()
    def decode(self, buffer, out=None):
        values = np.frombuffer(buffer, "i2").astype("f4") * 64
        if out is None:
            return values.tobytes()
        out[...] = values.reshape(out.shape)
        return out

def observe(event):
    event.slabs_done
"""


def install(folder, name, module, path=None):
    """Put a distribution on the path of the processes that follow, as installing it would."""
    info = folder / f"mdio_{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: mdio-{name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[mdio.plugins]\n{name} = {module}\n")
    return os.pathsep.join(str(item) for item in (folder, path) if item)


def check(path, name, *more):
    environment = {**os.environ, "PYTHONPATH": path}
    code = "import sys; from mdio.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "plugins", "check", name, "--json", *more],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    found = {item["what"]: item for item in json.loads(done.stdout or "[]")}
    return done.returncode, found, done.stderr


def test_a_sound_plugin_passes_its_contracts(tmp_path):
    path = install(tmp_path, "npz", "mdio_npz.plugin", NPZ)
    code, found, said = check(path, "npz")
    assert code == 0, (found, said)
    contracts = {what.partition(",")[0] for what in found if what.startswith("contract of")}
    assert contracts == {"contract of Plugin", "contract of reader npz", "contract of writer npz"}
    assert all(item["ok"] for item in found.values())


def test_what_does_not_hold_is_named(tmp_path):
    package = tmp_path / "mdio_bad"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "plugin.py").write_text(LOSSY_WITHOUT_SAYING.format(name="mdio_bad"))
    (package / "things.py").write_text(THINGS)
    code, found, said = check(install(tmp_path, "bad", "mdio_bad.plugin"), "bad")
    assert code == 3
    assert "checks failed" in said
    problems = {what.partition(",")[0]: item["problem"] for what, item in found.items() if not item["ok"]}
    assert problems.keys() == {"contract of codec round", "contract of observer fragile"}
    assert "test_round_trip" in problems["contract of codec round"]
    assert "test_follows_a_run" in problems["contract of observer fragile"]


def test_a_reader_is_tried_on_a_file(tmp_path):
    sources = NPZ.parents[1] / "mdio-su" / "src"
    path = install(tmp_path, "su", "mdio_su.plugin", sources)
    code, found, _ = check(path, "su")
    assert code == 0
    assert found["contract of reader su"]["note"] == "give --file FILE, a file that it opens"
    import numpy as np

    records = np.zeros(7, [("head", "V114"), ("ns", ">u2"), ("more", "V124"), ("data", ">f4", 11)])
    records["ns"], records["data"] = 11, np.arange(77).reshape(7, 11)
    (tmp_path / "a.su").write_bytes(records.tobytes())
    code, found, _ = check(path, "su", "--file", str(tmp_path / "a.su"))
    assert code == 0, found
    assert [what for what in found if what.startswith("contract of reader su")]
    (tmp_path / "a.su").write_bytes(records.tobytes()[:-1])
    code, found, _ = check(path, "su", "--file", str(tmp_path / "a.su"))
    assert code == 3
    reader = next(item for what, item in found.items() if what.startswith("contract of reader su"))
    assert "does not fit" in reader["problem"]


def enter(site, folder):
    """Put what ``plugins new`` wrote on the path, with the entry points of its pyproject.toml."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return str(folder / "src")


def test_what_new_writes_passes_its_own_tests(tmp_path, capsys):
    site, sources = tmp_path / "site", []
    for kind in KINDS:
        name = f"lab-{kind.replace(' ', '-')}"
        assert main(["plugins", "new", name, "--kind", kind.replace(" ", "-"), "--dir", str(tmp_path), "--json"]) == 0
        facts = json.loads(capsys.readouterr().out)
        assert facts["folder"] == str(tmp_path / f"mdio-{name}")
        assert str(tmp_path / f"mdio-{name}" / "pyproject.toml") in facts["files"]
        sources.append(enter(site, Path(facts["folder"])))
    path = os.pathsep.join([str(site), *sources])
    report = tmp_path / "report.xml"
    options = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, "--import-mode=importlib", f"--junitxml={report}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *map(str, tmp_path.glob("mdio-*"))],
        env={**os.environ, "PYTHONPATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    ran = [case.get("classname").split(".")[0] for case in ElementTree.parse(report).getroot().iter("testcase")]
    for kind in KINDS:
        assert ran.count(f"mdio-lab-{kind.replace(' ', '-')}") > 4, kind
    for name in ("lab-reader", "lab-codec", "lab-writer"):
        code, found, said = check(path, name)
        assert code == 0, (found, said)
    assert [what for what in found if what.startswith("contract of writer lab-writer, ")], found


def test_new_offers_every_kind():
    from mdio.plugins import KINDS as contributions

    assert {*KINDS} == {kind.kind for kind in contributions}
    assert main(["plugins", "new", "x", "--kind", "codek"]) == 2


def test_contracts_of_what_is_installed_here(monkeypatch):
    from mdio.cli import contract_run
    from mdio.plugins.registry import registry

    found = contract_run.contracts(registry().plugin("compression"))
    assert [(finding.what.partition(",")[0], finding.result) for finding in found] == [
        ("contract of Plugin", "ok"),
        ("contract of codec blosc", "ok"),
        ("contract of codec zfp", "not tried"),
    ]
    assert "CodecContract" in found[-1].note
    monkeypatch.setattr(contract_run, "_pytest", lambda *_: subprocess.CompletedProcess([], 3, "", "pytest fell over"))
    (finding,) = contract_run.contracts(registry().plugin("compression"))
    assert finding.problem == "pytest fell over"


def test_urls_are_no_paths(tmp_path, monkeypatch):
    from mdio.cli.contract_run import _absolute

    monkeypatch.chdir(tmp_path)
    assert _absolute("a.su") == str(tmp_path / "a.su")
    assert [_absolute("s3://x/a.su"), _absolute("")] == ["s3://x/a.su", ""]


def test_a_plugin_of_this_process_only_has_no_contracts_to_run():
    import types

    from mdio.cli import contract_run
    from mdio.plugins import Template, hookimpl
    from mdio.plugins.registry import registry

    module = types.ModuleType("here")
    module.mdio_templates = hookimpl(lambda: [Template(name="t", dims=("a", "s"), chunks=(1, 1))])
    with registry().registered(module, "here") as plugin:
        assert contract_run.contracts(plugin) == []


def test_without_pytest_it_says_so(monkeypatch):
    from mdio.cli import contract_run
    from mdio.plugins.registry import registry

    monkeypatch.setattr(contract_run, "find_spec", lambda name: None)
    (finding,) = contract_run.contracts(registry().plugin("compression"))
    assert finding.ok
    assert finding.result == "not tried"
    assert "mdio-core[testing]" in finding.note


@pytest.mark.parametrize("command", ["demo", "plugins new thing", "config validate runs.yaml", "doctor", "codecs list"])
def test_results_can_be_had_as_json(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("runs.yaml").write_text("version: 1\nruns:\n  - input: {url: a.sgy}\n    output: {url: b.mdio}\n")
    assert main([*command.split(), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)
