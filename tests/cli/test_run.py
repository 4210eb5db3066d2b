"""``mdio run`` and ``mdio config`` from end to end, with cubes made up in memory."""

import json
import re
import subprocess
import sys
import textwrap
import types

import numpy as np
import pytest
from pydantic import BaseModel, ConfigDict

from mdio.cli import main
from mdio.convert import Conversion, create, open
from mdio.core.region import Region
from mdio.core.volume import Creation
from mdio.exceptions import FormatError
from mdio.plugins import Reader, hookimpl
from mdio.plugins.registry import registry
from mdio.testing import synthetic


class CubeOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int = 6


def cube(url, options, storage):
    """Open ``N.cube``: a synthetic volume; one whose name begins with ``bad`` has a hole in its second inline."""
    size = options.size
    volume = synthetic.volume((size, size, 8), chunks=(1, size, 8))
    if "bad" in url:
        read = volume.read

        def torn(region):
            if region[0][0] <= 1 < region[0][1]:
                raise FormatError("torn", url=url)
            return read(region)

        volume.read = torn
    return volume


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    """An empty directory to work in, with a reader of ``.cube``."""
    monkeypatch.chdir(tmp_path)
    for name in ("good", "other", "bad"):
        (tmp_path / f"{name}.cube").write_bytes(b"cube")
    module = types.ModuleType("run_test_cubes")
    module.cube, module.CubeOptions = cube, CubeOptions
    monkeypatch.setitem(sys.modules, "run_test_cubes", module)

    class Plugin:
        @hookimpl
        def mdio_readers(self):
            yield Reader(
                name="cube", suffixes=(".cube",), target="run_test_cubes:cube", options="run_test_cubes:CubeOptions"
            )

    with registry().registered(Plugin(), "run-tests"):
        yield tmp_path


@pytest.fixture
def write(here):
    def write(text):
        (here / "runs.yaml").write_text(textwrap.dedent(text))
        return "runs.yaml"

    return write


TWO = """
version: 1
runs:
  - name: first
    input: {url: good.cube, options: {size: 7}}
    transform: [crop: {inline: [101, 104]}]
    output: {url: one.mdio, chunks: [2, 2, 4]}
  - name: second
    input: {url: one.mdio}
    output: {url: two.mdio, chunks: [4, 7, 8]}
"""


def samples(url):
    volume = open(url)
    try:
        return volume.samples(Region.whole(volume.schema.shape))
    finally:
        volume.close()


def statuses(capsys):
    return {item["name"]: item["status"] for item in json.loads(capsys.readouterr().out)}


class TestRun:
    def test_a_later_run_reads_what_an_earlier_one_wrote(self, write, capsys):
        assert main(["run", write(TWO)]) == 0
        expected = synthetic.formula((7, 7, 8))[1:5]
        assert np.array_equal(samples("one.mdio"), expected)
        assert np.array_equal(samples("two.mdio"), expected)
        captured = capsys.readouterr()
        lines = captured.out.splitlines()
        assert lines[0].split() == ["Run", "Result", "Slabs", "Samples", "Time", "Target"]
        assert re.fullmatch(r"first +done +\d+ +896 B +\d+\.\d s +one.mdio", lines[1])
        assert lines[2].startswith("second  done")
        assert "run first: good.cube → one.mdio\n" in captured.err

    def test_quiet_and_json(self, write, capsys):
        assert main(["run", write(TWO), "--quiet", "--json"]) == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        first, second = json.loads(captured.out)
        assert (first["name"], first["status"], first["bytes"], first["target"]) == ("first", "done", 896, "one.mdio")
        assert second["source"] == "one.mdio"

    def test_only_and_set(self, write, here):
        path = write(TWO)
        assert main(["run", path, "--only", "first", "--set", "output.url=x.mdio"]) == 0
        assert {item.name for item in here.iterdir() if item.suffix == ".mdio"} == {"x.mdio"}

    def test_an_unknown_name_is_a_usage_error(self, write, capsys, here):
        assert main(["run", write(TWO), "--only", "frist"]) == 2
        assert "no such run\nhint: did you mean first?" in capsys.readouterr().err

    def test_nothing_starts_when_the_last_run_is_wrong(self, write, capsys, here):
        assert main(["run", write(TWO.replace("two.mdio, chunks", "two.mdio, chunk"))]) == 2
        captured = capsys.readouterr()
        assert captured.err == (
            "error: runs.yaml: runs[1].output.chunk (line 10): a run file has no such key\nhint: did you mean chunks?\n"
        )
        assert captured.out == ""
        assert not list(here.glob("*.mdio"))

    def test_a_failed_run_stops_the_file_with_its_exit_code(self, write, capsys, here):
        text = TWO.replace("good.cube", "bad.cube").replace("input: {url: one.mdio}", "input: {url: other.cube}")
        assert main(["run", write(text)]) == 4
        captured = capsys.readouterr()
        assert "error: run first: " in captured.err
        assert "torn" in captured.err
        assert [line.split()[:3] for line in captured.out.splitlines()[1:]] == [
            ["first", "failed", "one.mdio"],
            ["second", "not", "run"],
        ]
        assert not (here / "two.mdio").exists()

    def test_skip_goes_on_behind_a_failed_run(self, write, capsys):
        text = TWO.replace("runs:", "defaults: {run: {on_error: skip}}\nruns:", 1)
        text = text.replace("crop: {inline: [101, 104]}", "crop: {inline: [1, 2]}").replace(
            "url: one.mdio}", "url: other.cube}"
        )
        assert main(["run", write(text), "--json"]) == 2
        captured = capsys.readouterr()
        assert [item["status"] for item in json.loads(captured.out)] == ["failed", "done"]
        assert captured.err.count("error: run first: crop: no inline from 1 to 2") == 1

    def test_skip_leaves_out_what_cannot_be_read(self, write, capsys):
        text = TWO.replace("good.cube", "bad.cube").replace("runs:", "defaults: {run: {on_error: skip}}\nruns:", 1)
        assert main(["run", write(text), "--only", "first"]) == 0
        assert re.search(r"first +done, \d+ slabs left out", capsys.readouterr().out)

    def test_an_existing_target(self, write, capsys):
        path = write(TWO)
        assert main(["run", path, "--quiet", "--only", "first"]) == 0
        capsys.readouterr()
        assert main(["run", path, "--json"]) == 5
        assert statuses(capsys) == {"first": "failed", "second": "not run"}
        assert main(["run", path, "--resume", "--json"]) == 0
        assert statuses(capsys) == {"first": "there already", "second": "done"}
        assert main(["run", path, "--overwrite", "--json"]) == 0
        assert statuses(capsys) == {"first": "done", "second": "done"}

    def test_something_else_of_that_name_is_not_taken_for_done(self, write, capsys, here):
        (here / "one.mdio").mkdir()
        (here / "one.mdio" / "notes.txt").write_text("mine")
        assert main(["run", write(TWO), "--resume", "--json"]) == 5
        assert statuses(capsys) == {"first": "failed", "second": "not run"}
        assert (here / "one.mdio" / "notes.txt").read_text() == "mine"

    def test_a_target_being_written_by_another_process_is_left_alone(self, write, capsys):
        like = synthetic.volume((7, 7, 8))
        sink = create("one.mdio", like, creation=Creation(fingerprint={}, created="2024-01-01T00:00:00+00:00"))
        try:
            assert main(["run", write(TWO), "--only", "first", "--overwrite", "--json"]) == 5
            assert statuses(capsys) == {"first": "failed"}
        finally:
            sink.abort()
            sink.close()

    def test_cancelling_stops_the_file_even_when_errors_are_skipped(self, write, capsys, monkeypatch):
        from mdio.exceptions import CancelledError

        def run(self, **_):
            raise CancelledError("stopped", hint="--resume goes on from here")

        monkeypatch.setattr(Conversion, "run", run)
        text = TWO.replace("runs:", "defaults: {run: {on_error: skip}}\nruns:", 1)
        assert main(["run", write(text), "--json"]) == 130
        assert statuses(capsys) == {"first": "cancelled", "second": "not run"}

    def test_settings_of_the_call_win(self, write, monkeypatch):
        seen = []
        monkeypatch.setattr(Conversion, "run", lambda self, **_: seen.append(self) or _report())
        text = TWO.replace(
            "runs:", "defaults: {run: {workers: 9, memory: 1k}}\nstorage: {s3: {a: 1}, gs: {b: 2}}\nruns:", 1
        )
        options = ["--workers", "2", "--memory", "3k", "--resume"]
        assert main(["run", write(text), *options, "--storage-options", '{"s3": {"c": 3}}']) == 0
        assert main(["run", "runs.yaml", "--only", "first", "--storage-options", '{"key": "x"}']) == 0
        assert (seen[0].workers, seen[0].memory, seen[0].resume, seen[0].overwrite) == (2, 3072, True, False)
        assert seen[0].storage_options == {"s3": {"c": 3}, "gs": {"b": 2}}
        assert (seen[2].workers, seen[2].memory, seen[2].resume) == (9, 1024, False)
        assert seen[2].storage_options == {"key": "x"}

    def test_credentials_in_urls_are_not_shown(self, write, capsys, monkeypatch):
        monkeypatch.setattr(Conversion, "run", lambda self, **_: _report())
        text = TWO.replace("url: good.cube", "url: 's3://me:pw@host/good.cube?sig=abc'")
        assert main(["run", write(text), "--json"]) == 0
        captured = capsys.readouterr()
        assert "s3://host/good.cube" in captured.out
        assert not re.search("pw|abc", captured.out + captured.err)


def _report():
    from mdio.flow.events import Report

    return Report(plan={}, statistics={}, slabs=1, resumed=0, skipped=(), bytes=1, seconds=0.0)


class TestDryRun:
    def test_plans_are_shown_and_nothing_is_written(self, write, capsys, here):
        before = sorted(here.iterdir())
        assert main(["run", write(TWO), "--dry-run"]) == 0
        out = capsys.readouterr().out
        assert "run first would convert" in out
        assert "inline 4 × crossline 7 × sample 8" in out
        assert "can be planned once first has written the source" in out
        assert sorted(here.iterdir()) == [*before, here / "runs.yaml"]

    def test_as_json(self, write, capsys):
        path = write(TWO)
        assert main(["run", path, "--quiet", "--only", "first"]) == 0
        capsys.readouterr()
        assert main(["run", path, "--dry-run", "--json"]) == 0
        first, second = json.loads(capsys.readouterr().out)
        assert (first["name"], first["shape"]) == ("first", {"inline": 4, "crossline": 7, "sample": 8})
        assert (second["source"], second["shape"]) == ("one.mdio", {"inline": 4, "crossline": 7, "sample": 8})

    def test_an_input_that_nobody_writes_is_an_error(self, write, capsys):
        assert main(["run", write(TWO), "--dry-run", "--only", "second"]) == 5
        assert "run second: " in capsys.readouterr().err


class TestConfig:
    def test_validate_counts(self, write, capsys):
        path = write(TWO)
        assert main(["config", "validate", path]) == 0
        assert capsys.readouterr().out == "2 runs ok\n"
        assert main(["config", "validate", path, "--set", "output.chunks=0"]) == 2
        assert "--set output.chunks: runs[0].output.chunks: " in capsys.readouterr().err

    def test_one_run_is_one_run(self, write, capsys):
        assert main(["config", "validate", write(TWO.partition("  - name: second")[0])]) == 0
        assert capsys.readouterr().out == "1 run ok\n"

    def test_a_missing_file(self, capsys):
        assert main(["config", "validate", "absent.yaml"]) == 2
        assert "absent.yaml: No such file" in capsys.readouterr().err

    def test_the_schema_is_json(self, capsys):
        assert main(["config", "schema"]) == 0
        assert "reader.cube" in json.loads(capsys.readouterr().out)["$defs"]

    def test_the_example_validates_also_with_its_comments_in(self, here, capsys, monkeypatch):
        pytest.importorskip("mdio_segy")
        assert main(["config", "init"]) == 0
        text = capsys.readouterr().out
        (here / "runs.yaml").write_text(text)
        assert main(["config", "validate", "runs.yaml"]) == 0
        # Every comment that is YAML, that is all with a key in them, at the depth where it stands.
        live = re.sub(r"(?m)^( *)# ?( *)((?:- )?[A-Za-z0-9]+:(?: .*)?)$", r"\1\2\3", text.partition("version: 1")[2])
        (here / "full.yaml").write_text("version: 1" + live)
        assert live.count("#") < text.count("#") - 10
        monkeypatch.delenv("S3_KEY", raising=False)
        assert main(["config", "validate", "full.yaml"]) == 2
        assert "the environment variable S3_KEY is not set" in capsys.readouterr().err
        monkeypatch.setenv("S3_KEY", "x")
        assert main(["config", "validate", "full.yaml"]) == 0
        from mdio.config import load

        first = load("full.yaml").jobs[0].conversion
        assert first.source_format == "segy"
        assert len(first.transforms) == 6
        assert first.source_options["grid_overrides"] == {"HasDuplicates": True}
        assert first.target_options["codec"]["name"] == "zfp"

    def test_help_needs_no_models(self):
        code = (
            "import sys\nfrom mdio.cli import main\nmain(['run', '--help']), main(['config', '--help'])\n"
            "heavy = ('numpy', 'yaml', 'mdio.convert', 'mdio.config.models')\n"
            "print([n for n in heavy if n in sys.modules], file=sys.stderr)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
        assert done.stderr == "[]\n"
