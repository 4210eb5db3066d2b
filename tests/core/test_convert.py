"""Opening, creating and converting: names, options and targets are settled before anything is written."""

from __future__ import annotations

import json

import numpy as np
import pytest
from segy_bytes import grid, samples_for, segy

import mdio
from mdio.convert import Conversion, convert, create, open
from mdio.exceptions import ConfigError, MDIOError, MDIONotFoundError, NoReaderError, NoWriterError, RunError, SlabError
from mdio.flow.engine import CancelToken
from mdio.flow.views import Crop
from mdio.testing import synthetic
from mdio.validation import validated


@pytest.fixture
def source(tmp_path):
    inline, crossline = grid(5, 4)
    path = tmp_path / "in" / "x.sgy"
    path.parent.mkdir()
    path.write_bytes(segy({189: inline, 193: crossline}, samples_for(3, np.random.default_rng(1), 20, 30), 3))
    return path


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


class TestOpen:
    def test_finds_the_format_by_content(self, source, out):
        renamed = source.rename(out / "noname")
        volume = open(renamed)
        assert volume.schema.names == ("inline", "crossline", "sample")
        volume.close()

    def test_a_path_or_a_string(self, source):
        for url in (source, str(source), f"file://{source}"):
            volume = mdio.open(url)
            assert volume.schema.shape == (5, 4, 30)
            volume.close()

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"url": "missing.sgy"}, MDIONotFoundError, "missing.sgy"),
            ({"url": "missing.mdio"}, MDIONotFoundError, "missing.mdio"),
            ({"format": "sgey"}, MDIOError, "segy"),
            ({"options": {"header_location": [1]}}, ConfigError, "header_locations"),
            ({"options": {"endian": "middle"}}, ConfigError, "endian"),
        ],
    )
    def test_what_cannot_be_opened(self, source, tmp_path, arguments, error, message):
        url = tmp_path / arguments.pop("url") if "url" in arguments else source
        with pytest.raises(error, match=message) as caught:
            open(url, **arguments)
        assert "\n" not in str(caught.value)

    def test_something_unknown(self, tmp_path):
        (tmp_path / "x.bin").write_bytes(b"\x01" * 5000)
        with pytest.raises(NoReaderError, match=r"x\.bin"):
            open(tmp_path / "x.bin")

    @pytest.mark.parametrize("place", [".", "/", ".."])
    def test_folders_that_are_no_dataset(self, place, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(MDIOError):
            open(place)


class TestCreate:
    def test_by_the_ending(self, out):
        sink = create(out / "x.sgy", synthetic.volume((3, 3, 5)))
        assert type(sink).__name__ == "SegySink"
        sink.abort()
        assert names(out) == []

    def test_unknown_ending(self, out):
        with pytest.raises(NoWriterError, match="xyz"):
            create(out / "x.xyz", synthetic.volume((3, 3, 5)))

    def test_options_of_another_format(self, out):
        with pytest.raises(ConfigError, match="segy_format"):
            create(out / "x.mdio", synthetic.volume((3, 3, 5)), options={"segy_format": "ibm32"})
        assert names(out) == []


class TestConvert:
    def test_there_and_back(self, source, out):
        report = convert(source, out / "x.mdio")
        assert report.statistics["trace_count"] == 20
        convert(out / "x.mdio", out / "x.sgy")
        assert (out / "x.sgy").read_bytes() == source.read_bytes()
        assert names(out) == ["x.mdio", "x.sgy"]

    def test_onto_itself_locally(self, source):
        before = source.read_bytes()
        convert(source, source, overwrite=True)
        assert source.read_bytes() == before

    def test_a_store_onto_itself_locally(self, source, out):
        convert(source, out / "x.mdio", target_options={"chunks": [5, 4, 30]})
        convert(out / "x.mdio", out / "x.mdio", overwrite=True, target_options={"chunks": [2, 2, 7]})
        convert(out / "x.mdio", out / "x.sgy")
        assert (out / "x.sgy").read_bytes() == source.read_bytes()
        assert names(out) == ["x.mdio", "x.sgy"]

    def test_transforms(self, source, out):
        convert(source, out / "x.mdio", transforms=[lambda volume: Crop(volume, [(1, 4), (0, 2), (10, 25)])])
        volume = open(out / "x.mdio")
        assert volume.schema.shape == (3, 2, 15)
        whole = open(source)
        assert np.array_equal(volume.samples(volume.schema.region), whole.samples(whole.schema.region)[1:4, :2, 10:25])
        whole.close()

    def test_a_transform_that_fails_closes_the_source(self, source, out):
        def fail(volume):
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            convert(source, out / "x.mdio", transforms=[fail])
        assert names(out) == []

    def test_a_plan_writes_nothing(self, source, out):
        conversion = Conversion(source=str(source), target=str(out / "x.mdio"))
        volume, plan = conversion.plan()
        volume.close()
        assert plan.shape == (5, 4, 30)
        assert names(out) == []
        assert json.dumps(plan.describe())

    def test_a_plan_that_cannot_be_made_closes_the_source(self, source, out):
        conversion = Conversion(source=str(source), target=str(out / "x.mdio"), target_options={"chunks": [1]})
        with pytest.raises(ConfigError):
            conversion.plan()

    def test_data_that_cannot_be_written_leave_nothing(self, out):
        """A failure that would come again is not kept for a resume."""
        source = synthetic.volume((3, 3, 5))
        source._samples[1, 1, 1] = np.nan
        sink = create(out / "src.mdio", source)
        from mdio.flow import engine

        engine.run(source, sink)
        sink.close()
        with pytest.raises(SlabError, match="nan"):
            convert(out / "src.mdio", out / "x.sgy", target_options={"segy_format": "ibm32"})
        assert names(out) == ["src.mdio"]

    def test_stopped_and_resumed(self, source, out):
        token = CancelToken()

        def stop(event):
            if type(event).__name__ == "SlabDone":
                token.cancel()

        settings = {"target_options": {"chunks": [1, 4, 30]}, "workers": 1, "memory": 1000}
        with pytest.raises(mdio.exceptions.CancelledError, match="--resume"):
            convert(source, out / "x.mdio", cancel=token, observers=[stop], **settings)
        assert names(out) == [".x.mdio.journal", ".x.mdio.part"]
        with pytest.raises(MDIOError, match="--resume"):
            convert(source, out / "x.mdio", **settings)
        report = convert(source, out / "x.mdio", resume=True, **settings)
        assert 0 < report.resumed < report.slabs
        convert(out / "x.mdio", out / "x.sgy")
        assert (out / "x.sgy").read_bytes() == source.read_bytes()
        assert names(out) == ["x.mdio", "x.sgy"]

    def test_a_resume_with_other_options_is_refused_and_keeps_the_work(self, source, out):
        token = CancelToken()
        settings = {"target_options": {"chunks": [1, 4, 30]}, "workers": 1, "memory": 1000}
        with pytest.raises(mdio.exceptions.CancelledError):
            convert(source, out / "x.mdio", cancel=token, observers=[lambda event: token.cancel()], **settings)
        settings["target_options"] = {"chunks": [2, 4, 30]}
        with pytest.raises(mdio.exceptions.JournalMismatchError, match="chunks"):
            convert(source, out / "x.mdio", resume=True, **settings)
        assert names(out) == [".x.mdio.journal", ".x.mdio.part"]

    def test_a_stopped_segy_export_is_resumed(self, source, out):
        convert(source, out / "x.mdio")
        token = CancelToken()
        with pytest.raises(mdio.exceptions.CancelledError):
            convert(
                out / "x.mdio",
                out / "x.sgy",
                cancel=token,
                observers=[lambda event: token.cancel() if type(event).__name__ == "SlabDone" else None],
                workers=1,
                memory=1000,
            )
        assert ".x.sgy.part" in names(out)
        convert(out / "x.mdio", out / "x.sgy", resume=True, workers=1, memory=1000)
        assert (out / "x.sgy").read_bytes() == source.read_bytes()
        assert names(out) == ["x.mdio", "x.sgy"]


@pytest.mark.parametrize(("value", "shown"), [("0", "1970-01-01T00:00:00"), ("1700000000", "2023-11-14T22:13:20")])
def test_the_time_stamp_can_be_fixed(source, out, monkeypatch, value, shown):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", value)
    convert(source, out / "x.mdio")
    assert json.loads((out / "x.mdio" / ".zattrs").read_text())["created"].startswith(shown)


@pytest.mark.parametrize("value", ["yesterday", "", "99999999999999999999"])
def test_a_time_stamp_that_is_none(source, out, monkeypatch, value):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", value)
    with pytest.raises(RunError, match="SOURCE_DATE_EPOCH"):
        convert(source, out / "x.mdio")
    assert names(out) == []


class TestValidated:
    def test_the_first_error_is_said_in_one_line(self):
        from mdio_segy.options import SegyReadOptions

        with pytest.raises(ConfigError, match=r"sources\.header_nmaes.*header_names"):
            validated(SegyReadOptions, {"header_nmaes": ["a"]}, "sources")
        with pytest.raises(ConfigError, match=r"header_locations\.1"):
            validated(SegyReadOptions, {"header_locations": [189, 0]})
        with pytest.raises(ConfigError, match="grid_overrides"):
            validated(SegyReadOptions, {"grid_overrides": "{not json"})
        with pytest.raises(ConfigError, match="grid_overrides"):
            validated(SegyReadOptions, {"grid_overrides": [5]})
        with pytest.raises(ConfigError, match="interval"):
            validated(SegyReadOptions, {"interval": "inf"})
