"""Run files to conversions: what they come to, and where every mistake is said to be."""

import textwrap
import types

import pytest

from mdio.config import json_schema, load
from mdio.config.transforms import Step
from mdio.exceptions import (
    ConfigError,
    GridOverrideUnknownError,
    NoReaderError,
    NoWriterError,
    PluginNotInstalledError,
)
from mdio.plugins import GridOverride, Reader, Template, Writer, hookimpl
from mdio.plugins.registry import registry

MODELS = """
from pydantic import BaseModel, ConfigDict, Field

class Words(BaseModel):
    model_config = ConfigDict(extra="forbid")
    header_locations: list[int | None] | None = None
    header_names: list[str] | None = None
    header_types: list[str] | None = None
    grid_overrides: dict | None = None
    endian: str = Field("big", pattern="^(big|little)$")
    samples: int = 1

class Wrap(BaseModel):
    model_config = ConfigDict(extra="forbid")
    every: int
"""


@pytest.fixture(autouse=True)
def plugin(monkeypatch):
    """A reader of traces ``.trc``, one without options ``.bare``, an override with a model, a survey kind."""
    module = types.ModuleType("run_file_models")
    exec(MODELS, module.__dict__)
    monkeypatch.setitem(__import__("sys").modules, "run_file_models", module)

    class Plugin:
        @hookimpl
        def mdio_readers(self):
            yield Reader(name="traces", suffixes=(".trc",), target="x:y", options="run_file_models:Words")
            yield Reader(name="bare", suffixes=(".bare",), target="x:y")
            yield Reader(name="broken", suffixes=(".brk",), target="x:y", options="no_such_module:M", requires="pip it")

        @hookimpl
        def mdio_writers(self):
            yield Writer(name="bare", suffixes=(".bare",), target="x:y")

        @hookimpl
        def mdio_grid_overrides(self):
            yield GridOverride(name="Wrap", target="x:y", options="run_file_models:Wrap")

        @hookimpl
        def mdio_templates(self):
            yield Template(name="gathers", dims=("cdp", "angle", "sample"), keys={"cdp": "21:int16"}, chunks=(2, 3, 4))

    with registry().registered(Plugin(), "run-file-tests"):
        yield


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "runs.yaml"
        path.write_text(textwrap.dedent(text))
        return path

    return write


@pytest.fixture
def one(write):
    """Load a file of one run, given what stands in it below ``name``, and return its conversion."""

    def one(text="", **kwargs):
        body = textwrap.indent(textwrap.dedent(text), "    ")
        (job,) = load(write(f"version: 1\nruns:\n  - name: one\n{body}"), **kwargs).jobs
        return job.conversion

    return one


MINIMAL = "input: {url: a.trc}\noutput: {url: b.mdio}\n"


def refusal(call, *args, kind=ConfigError, **kwargs):
    with pytest.raises(kind) as caught:
        call(*args, **kwargs)
    return caught.value


# -- what a file comes to ----------------------------------------------------------------------------------------


def test_a_full_file(write):
    path = write(
        """
        version: 1
        defaults:
          run: {workers: 4, memory: 2 GiB, resume: true, on_error: skip}
        storage:
          s3: {profile: survey}
        runs:
          - name: first
            input: {url: s3://b/a.trc, format: traces, options: {endian: little}}
            grid: {index: {inline: 189, crossline: "193:int16"}}
            transform:
              - crop: {inline: [1, 2]}
              - cast: float32
            output:
              {url: b.mdio, format: mdio, chunks: [64, 64, 64], codec: {name: blosc, preset: small}, overwrite: true}
            run: {workers: 2, memory: 1000}
          - input: {url: b.mdio}
            output: {url: c.mdio, options: {layout: v0}}
        """
    )
    first, second = load(path).jobs
    assert (first.name, second.name) == ("first", "run-2")
    conversion = first.conversion
    assert (conversion.source, conversion.target) == ("s3://b/a.trc", "b.mdio")
    assert (conversion.source_format, conversion.target_format) == ("traces", "mdio")
    assert conversion.source_options == {
        "endian": "little",
        "header_names": ["inline", "crossline"],
        "header_locations": [189, 193],
        "header_types": ["int32", "int16"],
    }
    assert conversion.target_options == {"chunks": [64, 64, 64], "codec": {"name": "blosc", "preset": "small"}}
    assert conversion.storage_options == {"s3": {"profile": "survey"}}
    assert conversion.transforms == (Step(crop={"inline": [1, 2]}), Step(cast="float32"))
    assert (conversion.overwrite, conversion.resume, conversion.on_error) == (True, True, "skip")
    assert (conversion.workers, conversion.memory) == (2, 1000)
    assert (second.conversion.workers, second.conversion.memory) == (4, 2 * 1024**3)
    assert second.conversion.target_options == {"layout": "v0"}


def test_the_least_file(one):
    conversion = one(MINIMAL)
    assert conversion == type(conversion)(source="a.trc", target="b.mdio")


def test_sections_left_empty_are_as_good_as_absent(one):
    text = "input: {url: a.trc, options: }\ngrid:\ntransform:\noutput: {url: b.mdio, codec: ~}\n"
    assert one(text) == one(MINIMAL)


# -- grid --------------------------------------------------------------------------------------------------------


def grid(one, text):
    return one(f"{MINIMAL}grid: {text}\n").source_options


def test_words_without_types_and_missing_words(one):
    assert grid(one, "{index: {shot_point: 17, cable: null, channel: 13}}") == {
        "header_names": ["shot_point", "cable", "channel"],
        "header_locations": [17, None, 13],
    }


def test_a_template_names_dimensions_words_and_chunks(one):
    conversion = one(f"{MINIMAL}grid: {{template: poststack3d}}\n")
    assert conversion.source_options == {
        "header_names": ["inline", "crossline"],
        "header_locations": [189, 193],
        "header_types": ["int32", "int32"],
    }
    assert conversion.target_options == {"chunks": [64, 64, 64]}


def test_words_complete_a_template_in_its_order(one):
    conversion = one(f"{MINIMAL}grid: {{template: gathers, index: {{angle: '233:float32'}}}}\n")
    assert conversion.source_options == {
        "header_names": ["cdp", "angle"],
        "header_locations": [21, 233],
        "header_types": ["int16", "float32"],
    }
    assert conversion.target_options == {"chunks": [2, 3, 4]}


@pytest.mark.parametrize(
    ("more", "chunks"),
    [
        ("grid: {template: poststack3d}\ntransform: [transpose: [crossline, inline]]\n", None),
        ("grid: {template: poststack3d, overrides: [HasDuplicates]}\n", None),
        ("grid: {template: poststack3d, overrides: {HasDuplicates: false}}\n", [64, 64, 64]),
    ],
)
def test_chunks_of_a_template_hold_only_for_its_dimensions(one, more, chunks):
    assert one(MINIMAL + more).target_options.get("chunks") == chunks


def test_own_chunks_win(one):
    text = "input: {url: a.trc}\ngrid: {template: poststack3d}\noutput: {url: b.mdio, chunks: [8, 8, 8]}\n"
    assert one(text).target_options == {"chunks": [8, 8, 8]}


@pytest.mark.parametrize(
    ("spelling", "flat"),
    [
        ("[HasDuplicates: {}]", {"HasDuplicates": True}),
        ("[HasDuplicates]", {"HasDuplicates": True}),
        ("[HasDuplicates: ]", {"HasDuplicates": True}),
        ("{HasDuplicates: true}", {"HasDuplicates": True}),
        ("{HasDuplicates: false}", {"HasDuplicates": False}),
        ("{ChannelWrap: true, ChannelsPerCable: 800}", {"ChannelWrap": True, "ChannelsPerCable": 800}),
        ("[ChannelWrap: {ChannelsPerCable: 800}]", {"ChannelWrap": True, "ChannelsPerCable": 800}),
        ("{ChannelWrap: {ChannelsPerCable: 800}}", {"ChannelWrap": True, "ChannelsPerCable": 800}),
        ("[{ChannelWrap: true, ChannelsPerCable: 800}]", {"ChannelWrap": True, "ChannelsPerCable": 800}),
        (
            "[ChannelWrap: {ChannelsPerCable: 800}, CalculateCable: {ChannelsPerCable: 800}]",
            {"ChannelWrap": True, "CalculateCable": True, "ChannelsPerCable": 800},
        ),
        (
            "{AutoChannelWrap: true, AutoChannelTraceQC: 1000000}",
            {"AutoChannelWrap": True, "AutoChannelTraceQC": 1000000},
        ),
        ("[Wrap: {every: 3}]", {"Wrap": True, "every": 3}),
    ],
)
def test_spellings_of_overrides(one, spelling, flat):
    assert grid(one, f"{{overrides: {spelling}}}") == {"grid_overrides": flat}


@pytest.mark.parametrize(
    ("text", "path", "part"),
    [
        ("{index: {inline: 0}}", "grid.index.inline", "expected a byte"),
        ("{index: {inline: true}}", "grid.index.inline", "expected a byte"),
        ("{index: {inline: '189:'}}", "grid.index.inline", "expected a byte"),
        ("{index: {inline: 70000}}", "grid.index.inline", "expected a byte"),
        ("{index: {}}", "grid.index", "at least 1"),
        ("{template: postack3d}", "grid.template", "did you mean poststack3d"),
        ("{template: gathers}", "grid.template", "does not know the header word of angle"),
        ("{template: gathers, index: {angel: 5}}", "grid.index.angel", "did you mean angle"),
        ("{overrides: [3]}", "grid.overrides[0]", "expected the name of an override"),
        ("{overrides: [Wrap: {evry: 3}]}", "grid.overrides[0].Wrap.evry", "did you mean every"),
        ("{overrides: [Wrap: 3]}", "grid.overrides[0].Wrap", "expected true, false, or a mapping"),
        ("{overrides: 3}", "grid.overrides", "list or input should be a valid dictionary"),
        (
            "{overrides: [ChannelWrap: {ChannelsPerCable: 8}, CalculateCable: {ChannelsPerCable: 9}]}",
            "grid.overrides[1].CalculateCable.ChannelsPerCable",
            "twice with different values: 8 and 9",
        ),
    ],
)
def test_mistakes_in_the_grid(one, text, path, part):
    error = refusal(grid, one, text)
    assert (error.path, error.line) == (f"runs[0].{path}", 6)
    assert part in str(error)


@pytest.mark.parametrize("text", ["[ChannelWarp: {}]", "[ChannelWarp]", "{ChannelWarp: true}", "[ChannelWarp: 800]"])
def test_unknown_overrides(one, text):
    error = refusal(grid, one, f"{{overrides: {text}}}", kind=GridOverrideUnknownError)
    assert "(line 6)" in str(error)
    assert "did you mean ChannelWrap" in str(error)
    assert error.exit_code == 2


def test_a_reader_without_header_words_takes_no_grid(one):
    text = "input: {url: a.mdio}\noutput: {url: b.mdio}\ngrid: {index: {inline: 1}}\n"
    error = refusal(one, text)
    assert (error.path, error.line) == ("runs[0].grid.index", 6)
    assert "reader mdio indexes no traces by header words" in str(error)


def test_words_given_twice(one):
    text = "input: {url: a.trc, options: {header_names: [x]}}\noutput: {url: b.mdio}\ngrid: {index: {inline: 1}}\n"
    error = refusal(one, text)
    assert (error.path, error.line) == ("runs[0].input.options.header_names", 4)


# -- mistakes and where they are ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "path", "line", "part"),
    [
        ("input: {url: a.trc}\noutput:\n  url: b.mdio\n  chunk: [1]\n", "output.chunk", 7, "did you mean chunks"),
        ("input: {url: a.trc}\noutpt: {url: b.mdio}\n", "outpt", 5, "did you mean output"),
        ("input:\n  format: traces\noutput: {url: b.mdio}\n", "input.url", 4, "is required"),
        ("input: {url: a.trc}\n", "output", 3, "is required"),
        ("input: {url: ''}\noutput: {url: b.mdio}\n", "input.url", 4, "at least 1 character"),
        ("input: [a.trc]\noutput: {url: b.mdio}\n", "input", 4, "valid dictionary"),
        ("input: {url: a.trc}\noutput:\n  url: b.mdio\n  chunks: [4,\n    zz]\n", "output.chunks[1]", 8, "got 'zz'"),
        ("input: {url: a.trc}\noutput:\n  url: b.mdio\n  chunks: [0, 1]\n", "output.chunks[0]", 7, "greater than or"),
        (f"{MINIMAL}run:\n  memory: 2 XB\n", "run.memory", 7, "write it like 512M"),
        (f"{MINIMAL}run:\n  memory: 0\n", "run.memory", 7, "greater than 0"),
        (f"{MINIMAL}run: {{on_error: ignore}}\n", "run.on_error", 6, "'stop' or 'skip', got 'ignore'"),
        (f"{MINIMAL}transform:\n  - crop: {{inline: [1, 2]}}\n  - croop: {{}}\n", "transform[1].croop", 8, "mean crop"),
        (f"{MINIMAL}transform:\n  - crop: {{inline: [1]}}\n", "transform[0].crop.inline", 7, "first and last, got 1"),
        (f"{MINIMAL}transform:\n  - {{}}\n", "transform[0]", 7, "a step is one of crop, select"),
        (f"{MINIMAL}transform:\n  - select: {{x: 'a:b'}}\n", "transform[0].select.x", 7, "first:last"),
        (
            "input:\n  url: a.trc\n  options:\n    endien: big\noutput: {url: b.mdio}\n",
            "input.options.endien",
            7,
            "endian",
        ),
        (
            "input:\n  url: a.trc\n  options:\n    endian: mid\noutput: {url: b.mdio}\n",
            "input.options.endian",
            7,
            "'mid'",
        ),
        ("input: {url: a.trc}\noutput:\n  url: b.mdio\n  options: {layot: v0}\n", "output.options.layot", 7, "layout"),
        ("input: {url: a.trc}\noutput:\n  url: b.mdio\n  layout: v7\n", "output.layout", 7, "got 'v7'"),
        ("input: {url: a.bare, options: {x: 1}}\noutput: {url: b.mdio}\n", "input.options.x", 4, "takes no options"),
        (
            "input: {url: a.trc}\noutput: {url: b.bare, chunks: [1]}\n",
            "output.chunks",
            5,
            "writer bare takes no options",
        ),
        (
            "input: {url: a.trc}\noutput:\n  url: b.mdio\n  chunks: [1]\n  options: {chunks: [2]}\n",
            "output.options.chunks",
            8,
            "output.chunks says this already",
        ),
        (
            "input: {url: a.trc}\noutput:\n  url: b.mdio\n  codec:\n    name: blosc\n    prest: fast\n",
            "output.codec.prest",
            9,
            "codec blosc has no such key; did you mean preset",
        ),
        (
            "input: {url: a.trc}\noutput:\n  url: b.mdio\n  codec:\n    preset: fast\n",
            "output.codec.name",
            7,
            "is required",
        ),
        ("input: {url: a.trc}\noutput: {url: b.mdio, codec: 'blosc:preset'}\n", "output.codec", 5, "not key=value"),
        ("input: {url: a.trc}\noutput: {url: b.mdio, codec: 'blosc:preset=x'}\n", "output.codec.preset", 5, "got 'x'"),
        ("input: {url: a.trc}\noutput: {url: b.mdio, codec: zfp}\n", "output.codec", 5, "either tolerance or quality"),
    ],
)
def test_mistakes_have_path_line_and_remedy(one, text, path, line, part):
    error = refusal(one, text)
    assert (error.path, error.line) == (f"runs[0].{path}", line)
    assert part in str(error)
    assert error.exit_code == 2
    assert "runs.yaml: " in str(error)


@pytest.mark.parametrize(
    ("text", "path", "line", "part"),
    [
        ("", "", None, "expected a mapping"),
        ("- 1\n", "", None, "expected a mapping"),
        ("runs: [{input: {url: a}, output: {url: b.mdio}}]\n", "version", None, "is required"),
        ("version: 2\nruns: [{input: {url: a}, output: {url: b.mdio}}]\n", "version", 1, "input should be 1, got 2"),
        ("version: 1\nruns: []\n", "runs", 2, "at least 1"),
        ("version: 1\nrun: []\nruns: []\n", "run", 2, "did you mean runs"),
        ("version: 1\nstorage:\n  s3: TOPSECRET\nruns: []\n", "storage.s3", 3, "valid dictionary"),
    ],
)
def test_mistakes_at_the_top(write, text, path, line, part):
    error = refusal(load, write(text))
    assert (error.path, error.line) == (path, line)
    assert part in str(error)
    assert "TOPSECRET" not in str(error)


def test_the_first_mistake_of_the_file_is_the_one_named(one):
    text = "input: {url: a.trc, zz: 1}\noutput: {url: b.mdio, zz: 1}\nrun: {zz: 1}\n"
    assert refusal(one, text).line == 4


@pytest.mark.parametrize(
    ("text", "kind", "part"),
    [
        ("input: {url: a, format: trces}\noutput: {url: b.mdio}\n", NoReaderError, "input.format (line 4)"),
        ("input: {url: a.trc}\noutput: {url: b, format: mdoi}\n", NoWriterError, "did you mean mdio"),
        ("input: {url: a.trc}\noutput: {url: b.xyz}\n", NoWriterError, "output.url (line 5)"),
        ("input: {url: a.trc}\noutput: {url: b.mdio, codec: zpf}\n", PluginNotInstalledError, "did you mean zfp"),
    ],
)
def test_what_no_plugin_has_is_exit_code_3_with_place(one, text, kind, part):
    error = refusal(one, text, kind=kind)
    assert part in str(error)
    assert "runs.yaml: runs[0]." in str(error)
    assert error.exit_code == 3


def test_a_plugin_whose_options_do_not_load(one):
    from mdio.exceptions import PluginLoadError

    error = refusal(one, "input: {url: a.brk}\noutput: {url: b.mdio}\n", kind=PluginLoadError)
    assert error.hint == "pip it"
    assert "runs[0].input (line 4)" in str(error)


def test_an_input_that_only_its_content_can_tell_is_left_to_the_run(one):
    conversion = one("input: {url: a, options: {anything: 1}}\noutput: {url: b.mdio}\n")
    assert conversion.source_options == {"anything": 1}


def test_uncompressed_needs_no_plugin(one):
    assert one("input: {url: a.trc}\noutput: {url: b.mdio, codec: none}\n").target_options == {"codec": "none"}


# -- names, targets, preferences ---------------------------------------------------------------------------------


def several(*names, targets=None):
    targets = targets or [f"{name}.mdio" for name in names]
    runs = "".join(
        f"  - {{name: {name}, input: {{url: a.trc}}, output: {{url: {target}}}}}\n"
        for name, target in zip(names, targets, strict=True)
    )
    return f"version: 1\nruns:\n{runs}"


def test_names_are_unique_and_no_keys(write):
    error = refusal(load, write(several("a", "b", "a")))
    assert (error.path, error.line) == ("runs[2].name", 5)
    assert refusal(load, write(several("a", "output"))).path == "runs[1].name"
    assert refusal(load, write(several("a", '"[x]"', targets=["a.mdio", "x.mdio"]))).path == "runs[1].name"


def test_only_keeps_the_order_of_the_file(write):
    path = write(several("a", "b", "c"))
    assert [job.name for job in load(path, only=["c", "a"]).jobs] == ["a", "c"]
    assert str(refusal(load, path, only=["bb"])) == "--only bb: no such run; did you mean b?"


def test_plugins_of_runs_left_out_are_not_asked_for(write):
    path = write(several("a", "b", targets=["a.mdio", "b.xyz"]))
    assert len(load(path, only=["a"]).jobs) == 1
    refusal(load, path, kind=NoWriterError)


def test_one_target_twice(write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write(several("a", "b", targets=["x.mdio", f"{tmp_path}/x.mdio"]))
    error = refusal(load, path)
    assert (error.path, error.line) == ("runs[1].output.url", 4)
    assert "run a writes it already" in str(error)
    assert len(load(path, settings=["b.output.overwrite=true"]).jobs) == 2
    assert len(load(path, only=["b"]).jobs) == 1


def test_a_preference_nobody_can_serve(write):
    text = "version: 1\nplugins:\n  prefer: {'reader:bare': mdio-else}\n" + several("a").split("\n", 1)[1]
    error = refusal(load, write(text))
    assert (error.path, error.line) == ("plugins.prefer", 3)
    assert "contributes no reader 'bare'" in str(error)
    assert load(write(text.replace("mdio-else", "in-process"))).prefer == {"reader:bare": "in-process"}


# -- changes -----------------------------------------------------------------------------------------------------


class TestSet:
    def conversions(self, write, *settings, only=()):
        return {job.name: job.conversion for job in load(write(several("a", "b")), settings=settings, only=only).jobs}

    def test_of_one_run_by_name_or_position(self, write):
        found = self.conversions(write, "b.output.url=x.mdio", "runs[0].output.chunks=[1, 2]")
        assert (found["a"].target, found["b"].target) == ("a.mdio", "x.mdio")
        assert found["a"].target_options == {"chunks": [1, 2]}

    def test_of_every_selected_run(self, write):
        found = self.conversions(write, "output.overwrite=true", "run.workers=3")
        assert [(item.overwrite, item.workers) for item in found.values()] == [(True, 3)] * 2
        (only,) = self.conversions(write, "output.url=x.mdio", only=["b"]).values()
        assert only.target == "x.mdio"

    def test_runs_left_out_need_not_have_what_is_set(self, write):
        text = several("a", "b").replace("output: {url: b", "transform: [cast: int8], output: {url: b")
        (job,) = load(write(text), settings=["transform[0].cast=int16"], only=["b"]).jobs
        assert job.conversion.transforms == (Step(cast="int16"),)
        assert "has no" in str(refusal(load, write(text), settings=["transform[0].cast=int16"]))

    def test_of_the_file(self, write):
        found = self.conversions(write, "defaults.run.memory=1 GiB", "storage.s3.profile=p")
        assert found["a"].memory == 1024**3
        assert found["a"].storage_options == {"s3": {"profile": "p"}}

    def test_names_with_dots(self, write):
        path = write(several("a", "a.b"))
        jobs = load(path, settings=["a.b.output.url=x.mdio"]).jobs
        assert [job.conversion.target for job in jobs] == ["a.mdio", "x.mdio"]

    def test_what_is_missing_can_be_set(self, write):
        path = write("version: 1\nruns: [{input: {url: a.trc}}]\n")
        assert load(path, settings=["output.url=*.mdio"]).jobs[0].conversion.target == "*.mdio"

    def test_references_to_the_environment(self, write, monkeypatch):
        monkeypatch.setenv("WHERE", "there")
        assert self.conversions(write, "a.output.url=${WHERE}/x.mdio")["a"].target == "there/x.mdio"

    @pytest.mark.parametrize(
        ("setting", "part"),
        [
            ("output.url", "expected path=value"),
            ("=3", "expected path=value"),
            ("output..url=3", "expected path=value"),
            ("runs[x]=3", "expected path=value"),
            ("outptu.url=3", "did you mean output"),
            (
                "output.chunk=[3]",
                "--set output.chunk: runs[0].output.chunk: a run file has no such key; did you mean chunks",
            ),
            ("runs[7].output.url=x", "runs has no item 7"),
            ("output.chunks=[x]", "--set output.chunks: runs[0].output.chunks[0]: "),
            ("runs=3", "--set runs: runs: input should be a valid list"),
        ],
    )
    def test_mistakes_name_the_option(self, write, setting, part):
        assert part in str(refusal(self.conversions, write, setting))


def test_secrets_stay_out_of_every_message(one, monkeypatch):
    monkeypatch.setenv("SECRET", "hunter22")
    for text in (
        "input: {url: a.trc, options: {endian: '${SECRET}'}}\noutput: {url: b.mdio}\n",
        "input: {url: a.trc}\noutput: {url: b.mdio, codec: '${SECRET}'}\n",
        "input: {url: a.trc, format: '${SECRET}'}\noutput: {url: b.mdio}\n",
        "input: {url: a.trc}\noutput: {url: b.mdio, chunks: '${SECRET}'}\n",
    ):
        with pytest.raises(Exception) as caught:
            one(text)
        chain, error = "", caught.value
        while error is not None:
            chain += str(error)
            error = error.__cause__
        assert "hunter22" not in chain
        assert "hunter22" not in repr(caught.value)


# -- schema and example ------------------------------------------------------------------------------------------


def test_the_schema_knows_core_and_plugins():
    schema = json_schema()
    definitions = schema["$defs"]
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == {"version", "defaults", "storage", "plugins", "runs"}
    assert {"reader.mdio", "writer.mdio", "reader.traces", "codec.blosc"} <= set(definitions)
    assert "reader.broken" not in definitions
    cases = {case["if"]["properties"]["format"]["const"]: case["then"] for case in definitions["Input"]["allOf"]}
    assert cases["traces"] == {"properties": {"options": {"$ref": "#/$defs/reader.traces"}}}
    assert "endian" in definitions["reader.traces"]["properties"]
    cases = {case["if"]["properties"]["format"]["const"]: case["then"] for case in definitions["Output"]["allOf"]}
    assert cases["bare"]["properties"]["chunks"] is False
    assert "chunks" not in cases["mdio"]["properties"]


def test_references_of_the_schema_lead_somewhere():
    schema = json_schema()

    def references(value):
        if isinstance(value, dict):
            yield from [value["$ref"]] if "$ref" in value else []
            for item in value.values():
                yield from references(item)
        elif isinstance(value, list):
            for item in value:
                yield from references(item)

    found = set(references(schema))
    assert len(found) > 10
    assert {reference.removeprefix("#/$defs/") for reference in found} <= set(schema["$defs"])
