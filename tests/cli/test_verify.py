"""``mdio verify``: damage made on purpose is named with what it covers, and whole datasets are whole."""

import json
import sys
import types

import pytest

from mdio.api.verifying import verify
from mdio.cli import main
from mdio.convert import create
from mdio.core.findings import Finding
from mdio.core.region import Region
from mdio.core.trace_header import standard_layout
from mdio.core.volume import Creation
from mdio.exceptions import FormatError, IntegrityError
from mdio.flow import engine
from mdio.plugins import Check, hookimpl
from mdio.plugins.registry import registry
from mdio.testing import synthetic
from mdio.testing.survey import poststack

SHAPE = (10, 9, 40)


def cube(live=None):
    return synthetic.volume(SHAPE, live=live, headers=standard_layout(), chunks=(4, 4, 16))


@pytest.fixture
def dataset(tmp_path):
    volume = cube(live=lambda i, j: (i != 9) | (j < 5))
    sink = create(tmp_path / "a.mdio", volume, options={"chunks": [4, 4, 16]}, creation=Creation())
    engine.run(volume, sink)
    sink.close()
    return tmp_path / "a.mdio"


def flip(path, position=-100):
    data = bytearray(path.read_bytes())
    data[position] ^= 0x40
    path.write_bytes(data)


def chunk(dataset, array, *index):
    """The object of a chunk, whichever separator the keys have."""
    folder = next(path for path in dataset.rglob(array) if path.is_dir())
    for separator in ("/", "."):
        path = folder / separator.join(map(str, index))
        if path.is_file():
            return path
    raise AssertionError(f"no chunk {index} of {array}")


def verify_json(capsys, dataset):
    code = main(["verify", str(dataset), "--json", "--quiet"])
    return code, json.loads(capsys.readouterr().out)


def test_a_whole_dataset(dataset, capsys):
    assert main(["verify", str(dataset)]) == 0
    out = capsys.readouterr()
    assert f"{dataset}: whole; 14.4 kB of samples, 86 traces read" in out.out
    assert "100 %" in out.err


def test_a_flipped_byte_of_samples(dataset, capsys):
    flip(chunk(dataset, "chunked_012", 1, 2, 1))
    code, facts = verify_json(capsys, dataset)
    assert code == 4
    assert facts["damaged"] == 1
    damage = facts["damages"][0]
    # Chunk 1, 2, 1 of 4 × 4 × 16: inlines 104 to 107, the last crossline, samples 16 to 31 of 4 ms.
    assert damage["where"] == "inline 104–107, crossline 108, sample 64–124 ms"
    assert damage["region"] == [[4, 8], [8, 9], [16, 32]]
    assert "chunked_012" in damage["name"] + damage["message"]
    assert facts["bytes"] == 4 * (10 * 9 * 40 - 4 * 1 * 16)
    assert main(["verify", str(dataset), "--quiet"]) == 4
    out = capsys.readouterr().out
    assert out.startswith("damaged")
    assert "inline 104–107, crossline 108, sample 64–124 ms" in out
    assert "1 damage, 0 errors of checks" in out


def test_several_damages_are_all_named(dataset, capsys):
    for index in ((0, 0, 0), (0, 0, 1), (2, 1, 2)):
        flip(chunk(dataset, "chunked_012", *index))
    code, facts = verify_json(capsys, dataset)
    assert code == 4
    assert [damage["where"] for damage in facts["damages"]] == [
        "inline 100–103, crossline 100–103, sample 0–60 ms",
        "inline 100–103, crossline 100–103, sample 64–124 ms",
        "inline 108–109, crossline 104–107, sample 128–156 ms",
    ]


def test_a_damaged_chunk_of_headers_is_said_once(dataset, capsys):
    path = chunk(dataset, "chunked_012_trace_headers", 0, 1)
    path.write_bytes(path.read_bytes()[:20])
    code, facts = verify_json(capsys, dataset)
    assert code == 4
    assert [damage["where"] for damage in facts["damages"]] == ["inline 100–103, crossline 104–107"]
    assert facts["bytes"] == 4 * 10 * 9 * 40  # the samples are all there


def test_a_damaged_live_mask(dataset, capsys):
    for path in (dataset / "metadata" / "live_mask").rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            path.write_bytes(b"\x02\x01" + bytes(40))
    code, facts = verify_json(capsys, dataset)
    assert code == 4
    assert [damage["name"] for damage in facts["damages"]]
    assert any("live" in damage["name"] for damage in facts["damages"])


def test_a_missing_live_mask_is_missed(dataset, capsys):
    for path in (dataset / "metadata" / "live_mask").rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            path.unlink()
    code, facts = verify_json(capsys, dataset)
    assert code == 4
    assert any("metadata/live_mask/0/0 is missing" in item["message"] for item in facts["damages"])


def test_other_access_patterns_are_read_too(tmp_path, capsys, monkeypatch):
    made = {"012": cube(), "120": Broken(cube(), lambda region: region[0][0] == 8)}
    made["012"].access_patterns, made["012"].pattern = ("012", "120"), "012"
    asked = []

    def open_volume(url, *, format, options, storage_options):
        asked.append(options)
        return made[options.get("access_pattern", "012")]

    monkeypatch.setattr(sys.modules["mdio.convert"], "open", open_volume)
    code = main(["verify", str(tmp_path / "a.mdio"), "--from", "mdio", "--json", "--quiet"])
    facts = json.loads(capsys.readouterr().out)
    assert asked == [{}, {"access_pattern": "120"}]
    assert (code, facts["damaged"]) == (4, 3 * 3)


def test_an_unfinished_dataset(tmp_path, capsys):
    volume = cube()
    sink = create(tmp_path / "a.mdio", volume, creation=Creation())
    sink.write(volume.read(volume.schema.region))
    sink.journal.begin({"fingerprint": {}, "created": "", "slab": list(SHAPE)})
    sink.close()
    assert main(["verify", str(tmp_path / "a.mdio")]) == 4
    assert "--resume" in capsys.readouterr().err


def test_another_format(tmp_path, capsys):
    volume = poststack(SHAPE)
    sink = create(tmp_path / "a.sgy", volume, creation=Creation())
    engine.run(volume, sink)
    sink.close()
    assert main(["verify", str(tmp_path / "a.sgy"), "--quiet"]) == 0
    assert "90 traces read" in capsys.readouterr().out


# -- volumes that fail as told -------------------------------------------------------------------------------------


class Broken:
    """A volume whose samples cannot be read where a function of the chunk's region says so."""

    def __init__(self, inner, broken, error=IntegrityError):
        self.inner, self.schema, self.broken, self.error = inner, inner.schema, broken, error
        self.reads = 0

    def samples(self, region):
        chunks = self.schema.chunks
        for cell in region.chunks(chunks):
            box = Region.of_chunk(cell, chunks, self.schema.shape)
            if self.broken(box):
                raise self.error(f"chunk {'.'.join(map(str, cell))}: does not match its check")
        return self.inner.samples(region)

    def read(self, region):
        self.reads += 1
        self.samples(region)
        return self.inner.read(region)

    def __getattr__(self, name):
        return getattr(self.inner, name)


@pytest.mark.parametrize("memory", [None, 1])
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("error", [IntegrityError, FormatError, OSError, ZeroDivisionError])
def test_whatever_a_reader_raises_is_collected(workers, memory, error):
    volume = Broken(cube(), lambda box: box.start in ((0, 4, 16), (8, 8, 32)), error)
    found = verify(volume, workers=workers, memory=memory)
    assert [(damage.name, damage.region) for damage in found.damages] == [
        ("samples", ((0, 4), (4, 8), (16, 32))),
        ("samples", ((8, 10), (8, 9), (32, 40))),
    ]
    assert not found.ok
    assert found.bytes == 4 * (3600 - 4 * 4 * 16 - 2 * 1 * 8)


def test_damages_of_one_message_are_one_only_where_they_touch():
    class Dumb(Broken):
        def samples(self, region):
            try:
                return super().samples(region)
            except IntegrityError:
                raise IntegrityError("does not match") from None

    found = verify(Dumb(cube(), lambda box: box.start in ((0, 0, 0), (0, 0, 16), (8, 0, 0))))
    assert [damage.where for damage in found.damages] == [
        "inline 100–103, crossline 100–103, sample 0–124 ms",
        "inline 108–109, crossline 100–103, sample 0–60 ms",
    ]


def test_one_object_that_several_parts_need_is_one_damage_by_its_most_telling_part():
    class Torn(Broken):
        """The order of the first chunks, and the samples of the last, need one object that is gone."""

        def samples(self, region):
            if region.start[0] >= 8:
                raise IntegrityError("one.bin is gone")
            return self.inner.samples(region)

        def read(self, region):
            if region.start[0] < 4:
                raise IntegrityError("one.bin is gone")
            self.samples(region)
            return self.inner.read(region)

    found = verify(Torn(cube(), None), workers=1, memory=1)
    assert [(damage.name, damage.message) for damage in found.damages] == [("samples", "one.bin is gone")]
    assert found.damages[0].where.startswith("inline 108–109, ")
    assert found.damaged == 1


def test_traces_are_counted_once():
    assert verify(cube(), memory=1, workers=1).traces == 90


def test_memory_errors_are_no_damage():
    with pytest.raises(MemoryError):
        verify(Broken(cube(), lambda box: True, MemoryError))


def test_thousands_of_damages_are_counted(monkeypatch):
    monkeypatch.setattr("mdio.api.verifying._KEPT", 4)
    found = verify(Broken(cube(), lambda box: True))
    assert (found.damaged, len(found.damages)) == (27, 4)


def test_objects_that_are_checked_one_by_one():
    volume = Broken(cube(), lambda box: box.start == (0, 4, 16))
    objects = [
        ("0.1.1", Region([(0, 4), (4, 8), (16, 32)]), "CRC32C differs"),
        ("10.1.1", Region([(0, 4), (0, 4)]), None),
        ("5.5.5", None, ""),
        ("order", None, "missing"),
    ]
    found = verify(volume, objects=objects)
    assert [(damage.name, damage.where, damage.message) for damage in found.damages] == [
        ("0.1.1", "inline 100–103, crossline 104–107, sample 64–124 ms", "CRC32C differs"),
        ("order", "", "missing"),
    ]  # what cannot be read because of a damaged object is not said again
    assert (found.objects, found.unchecked, found.damaged) == (4, 1, 2)
    volume.verify_objects = lambda: iter(objects[1:3])
    assert (verify(volume).objects, verify(volume).unchecked, verify(volume).damaged) == (2, 1, 1)


def test_the_number_of_traces():
    volume = cube()
    volume.schema = volume.schema.with_metadata(trace_count=91)
    found = verify(volume)
    assert [damage.message for damage in found.damages] == ["90 traces are live, the dataset says that it has 91"]


def test_checks_of_plugins(dataset, monkeypatch, capsys):
    module = types.ModuleType("strict")
    module.mdio_checks = hookimpl(
        lambda: [
            Check(name="odd", summary="", formats=("mdio",), target="mdio_test_strict:odd"),
            Check(name="broken", summary="", target="mdio_test_strict:broken"),
            Check(name="other", summary="", formats=("segy",), target="mdio_test_strict:broken"),
        ]
    )
    target = types.ModuleType("mdio_test_strict")
    target.odd = lambda volume: [Finding("warning", f"{volume.schema.shape[0]} inlines are odd", 3, "trace 7")]
    target.broken = lambda volume: 1 / 0
    monkeypatch.setitem(sys.modules, "mdio_test_strict", target)
    with registry().registered(module, "strict", distribution="mdio-strict"):
        code, facts = verify_json(capsys, dataset)
        assert code == 4
        assert [(item["check"], item["severity"], item["message"]) for item in facts["findings"]] == [
            ("odd", "warning", "10 inlines are odd"),
            ("broken", "error", "the check failed: division by zero"),
        ]
        target.broken = lambda volume: []
        assert main(["verify", str(dataset), "--quiet"]) == 0
        assert "10 inlines are odd (first: trace 7)" in capsys.readouterr().out
