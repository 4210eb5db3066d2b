"""Several SEG-Y files as one dataset, and each of them back byte for byte."""

from __future__ import annotations

import itertools
import json
import os
import pickle
import warnings

import fsspec
import numpy as np
import pytest
from segy_bytes import ibm_words, samples_for, segy

import mdio
from mdio.cli.app import run
from mdio.core.region import Region
from mdio.exceptions import (
    CancelledError,
    ConfigError,
    FormatError,
    JournalMismatchError,
    MDIOAlreadyExistsError,
    MDIOError,
    MDIONotFoundError,
    StorageError,
)
from mdio.flow.engine import CancelToken
from mdio_segy import SegyWarning, mdio_to_segy, segy_to_mdio
from mdio_segy.errors import FilesDiffer, NoTraces, VaryingTraceLength
from mdio_segy.filelist import natural_order

pytestmark = pytest.mark.filterwarnings(
    "ignore::mdio_segy.SegyWarning"
)  # of trailers and labels; tests look for others

CROSSLINES = np.arange(20, 27)
SAMPLES = 13


def text(line):
    return "".join(f"C{n:2d} {line if n == 1 else ''}".ljust(80) for n in range(1, 41)).encode("cp037")


def line(inline, *, crosslines=CROSSLINES, seed=None, **changes):
    """One file with one in-line: random IBM words, and random other header bytes unless a trailer follows.

    A trailer is one only where trace headers are alike; otherwise the file could have been cut.
    """
    rng = np.random.default_rng(inline if seed is None else seed)
    count = len(crosslines)
    keys = {189: np.full(count, inline), 193: crosslines}
    settings = {"noise": None if "trailer" in changes else rng, "text": text("THE SURVEY"), **changes}
    return segy(keys, settings.pop("values", ibm_words(rng, (count, SAMPLES))), **settings)


def body(data, trailer=b""):
    return data[3600 : len(data) - len(trailer)]


@pytest.fixture
def files(tmp_path):
    """Three lines with file headers of their own; the second has a trailer."""
    folder = tmp_path / "lines"
    folder.mkdir()
    made = {
        "line_1.sgy": line(101, text=text("LINE 101")),
        "line_2.sgy": line(102, text=text("LINE 102"), trailer=b"the end"),
        "line_10.sgy": line(110, text=text("LINE 110"), binary={3213: ("h", 5)}),
    }
    for name, data in made.items():
        (folder / name).write_bytes(data)
    return folder, made


def bring_in(files, target, **settings):
    folder, made = files
    return segy_to_mdio([folder / name for name in made], target, [189, 193], **settings)


def test_one_grid_of_all_files(files, tmp_path):
    bring_in(files, tmp_path / "x.mdio", index_names=("inline", "crossline"), chunksize=(2, 3, 8))
    volume = mdio.open(tmp_path / "x.mdio")
    schema = volume.schema
    assert schema.names == ("inline", "crossline", "sample")
    assert schema.dims[0].coords.tolist() == [101, 102, 110]
    assert schema.dims[1].coords.tolist() == CROSSLINES.tolist()
    headers = volume.headers(schema.region.spatial).reshape(-1).view(np.uint8).reshape(21, 240)
    expected = [
        np.frombuffer(body(data, b"the end" if b"the end" in data else b""), np.uint8) for data in files[1].values()
    ]
    assert np.array_equal(headers, np.concatenate(expected).reshape(21, 240 + 4 * SAMPLES)[:, :240])
    entries = schema.metadata.source.facts["files"]
    assert [(entry["name"], entry["traces"]) for entry in entries] == [(name, 7) for name in files[1]]
    assert schema.metadata.source.facts["traces"] == 21


def test_one_merged_file(files, tmp_path):
    bring_in(files, tmp_path / "x.mdio")
    with pytest.warns(SegyWarning, match=r"line_2\.sgy and 1 more of 3 files.*line_1\.sgy.*--split"):
        mdio_to_segy(tmp_path / "x.mdio", tmp_path / "one.sgy")
    one, two, three = files[1].values()
    assert (tmp_path / "one.sgy").read_bytes() == one + body(two, b"the end") + body(three)


def test_every_file_back(files, tmp_path):
    bring_in(files, tmp_path / "x.mdio", chunksize=(2, 3, 8))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mdio_to_segy(tmp_path / "x.mdio", tmp_path / "back", split=True, workers=3)
    assert {path.name: path.read_bytes() for path in (tmp_path / "back").iterdir()} == files[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back", "lines", "x.mdio"]


def test_equal_headers_are_stored_once_and_nobody_is_warned(tmp_path):
    made = {f"{n}.sgy": line(n, trailer=b"-") for n in range(30)}
    for name, data in made.items():
        (tmp_path / name).write_bytes(data)
    segy_to_mdio(tmp_path / "*.sgy", tmp_path / "x.mdio", [189, 193])
    assert len(mdio.open(tmp_path / "x.mdio").schema.metadata.source.blobs["files"]) == 3600 + 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mdio_to_segy(tmp_path / "x.mdio", tmp_path / "one.segy")
    merged = made["0.sgy"][:3600] + b"".join(body(data, b"-") for data in made.values()) + b"-"
    assert (tmp_path / "one.segy").read_bytes() == merged


def test_on_the_command_line(files, tmp_path, monkeypatch, capsys):
    _, made = files
    monkeypatch.chdir(tmp_path)
    assert run(["segy", "import", "lines/line_*.sgy", "x.mdio", "--quiet"]) == 0
    entries = mdio.open("x.mdio").schema.metadata.source.facts["files"]
    assert [entry["name"] for entry in entries] == ["line_1.sgy", "line_2.sgy", "line_10.sgy"]
    given = [f"lines/{name}" for name in ("line_10.sgy", "line_1.sgy", "line_2.sgy")]
    assert run(["segy", "import", *given, "y.mdio", "--header-locations", "189,193", "--quiet"]) == 0
    source = mdio.open("y.mdio").schema.metadata.source
    assert source.blobs["head"] == made["line_10.sgy"][:3600]
    for dataset in ("x", "y"):
        assert run(["segy", "export", f"{dataset}.mdio", f"{dataset}_back", "--split", "--quiet"]) == 0
        assert {path.name: path.read_bytes() for path in (tmp_path / f"{dataset}_back").iterdir()} == made
    assert capsys.readouterr().out == ""
    assert run(["segy", "import", "lines/no_*.sgy", "z.mdio"]) == 5
    assert "lines/no_*.sgy: no file fits this pattern" in capsys.readouterr().err
    assert not (tmp_path / "z.mdio").exists()


def test_one_file_of_a_pattern_is_a_plain_import(files, tmp_path):
    segy_to_mdio([files[0] / "line_1*"], tmp_path / "two.mdio")
    segy_to_mdio(str(files[0] / "line_2*"), tmp_path / "one.mdio")
    assert len(mdio.open(tmp_path / "two.mdio").schema.metadata.source.facts["files"]) == 2
    plain = mdio.open(tmp_path / "one.mdio").schema.metadata.source
    assert "files" not in plain.facts
    assert set(plain.blobs) == {"head", "trailer"}


def test_names_that_look_like_patterns(tmp_path):
    (tmp_path / "a[1].sgy").write_bytes(line(1))
    (tmp_path / "a1.sgy").write_bytes(line(2))
    segy_to_mdio(tmp_path / "a[1].sgy", tmp_path / "x.mdio", [189, 193])
    assert mdio.open(tmp_path / "x.mdio").schema.dims[0].coords.tolist() == [1]


def test_natural_order():
    names = ["b2", "a10", "a9", "a010", "a", "10", "9", "a9b"]
    assert sorted(names, key=natural_order) == ["9", "10", "a", "a9", "a9b", "a010", "a10", "b2"]


def test_reads_as_one_file_would(tmp_path):
    """Random regions of files that take turns by cross-line, beside the same traces in one file."""
    rng = np.random.default_rng(5)
    inline, crossline = (a.ravel() for a in np.meshgrid(np.arange(1, 7), np.arange(1, 12), indexing="ij"))
    values = samples_for(5, rng, len(inline), 9)
    shuffled = rng.permutation(len(inline))
    cuts = [0, 1, 20, 21, 50, len(inline)]
    for number, (start, stop) in enumerate(itertools.pairwise(cuts)):
        some = shuffled[start:stop]
        (tmp_path / f"{number}.sgy").write_bytes(segy({189: inline[some], 193: crossline[some]}, values[some], 5))
    (tmp_path / "all.segy").write_bytes(segy({189: inline[shuffled], 193: crossline[shuffled]}, values[shuffled], 5))
    options = {"header_locations": [189, 193]}
    several = mdio.open(
        tmp_path / "0.sgy", options={**options, "files": [str(tmp_path / f"{n}.sgy") for n in range(1, 5)]}
    )
    one = mdio.open(tmp_path / "all.segy", options=options)
    for volume in (several, pickle.loads(pickle.dumps(several))):
        for _ in range(40):
            region = Region(tuple(sorted(rng.choice(size + 1, 2, replace=False))) for size in one.schema.shape)
            mine, theirs = volume.read(region), one.read(region)
            assert mine.samples.tobytes() == theirs.samples.tobytes()
            assert mine.headers.tobytes() == theirs.headers.tobytes()
            assert np.array_equal(mine.order, theirs.order)
            assert volume.samples(region).tobytes() == one.samples(region).tobytes()
            assert volume.headers(region.spatial).tobytes() == one.headers(region.spatial).tobytes()
        volume.close()
        volume.close()
    one.close()


def open_files(folder):
    links = [os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
    targets = [os.readlink(link) for link in links if os.path.islink(link)]
    return sum(target.startswith(str(folder)) for target in targets)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors of Linux")
def test_few_files_are_open_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr("mdio_segy.pool._MOST_OPEN", 2)
    made = {f"{n}.sgy": line(n) for n in range(1, 9)}
    for name, data in made.items():
        (tmp_path / name).write_bytes(data)
    names = [str(tmp_path / name) for name in made]
    volume = mdio.open(names[0], options={"files": names[1:], "header_locations": [189, 193]})
    volume.samples(volume.schema.region)
    assert 1 <= open_files(tmp_path) <= 2
    volume.close()
    assert open_files(tmp_path) == 0
    segy_to_mdio(names, tmp_path / "x.mdio", [189, 193], chunksize=(3, 3, 8))
    mdio_to_segy(tmp_path / "x.mdio", tmp_path / "back", split=True)
    assert {path.name: path.read_bytes() for path in (tmp_path / "back").iterdir()} == made
    assert open_files(tmp_path) == 0


def test_lines_without_an_inline_number(tmp_path):
    for n in (1, 2):
        (tmp_path / f"{n}.sgy").write_bytes(line(0, seed=n, noise=None))
    segy_to_mdio(tmp_path / "?.sgy", tmp_path / "x.mdio")
    assert mdio.open(tmp_path / "x.mdio").schema.names == ("trace", "sample")
    mdio_to_segy(tmp_path / "x.mdio", tmp_path / "back", split=True)
    for n in (1, 2):
        assert (tmp_path / "back" / f"{n}.sgy").read_bytes() == (tmp_path / f"{n}.sgy").read_bytes()


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"code": 5, "values": samples_for(5, np.random.default_rng(1), 7, SAMPLES)}, "sample format 5, but 1 in"),
        ({"values": ibm_words(np.random.default_rng(1), (7, 9))}, "samples a trace 9, but 13 in"),
        ({"order": "<", "data_order": ">"}, "byte order of headers little, but big in"),
        ({"interval": 2000}, "sample interval in µs 2000.0, but 4000.0 in"),
    ],
)
def test_files_of_another_form(tmp_path, other, message):
    (tmp_path / "1.sgy").write_bytes(line(1, noise=None))
    (tmp_path / "2.sgy").write_bytes(line(2, noise=None, **other))
    with pytest.raises(FilesDiffer) as error:
        segy_to_mdio(tmp_path / "?.sgy", tmp_path / "x.mdio", [189, 193])
    assert str(error.value).startswith(f"{tmp_path}/2.sgy: {message} {tmp_path}/1.sgy; ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.sgy", "2.sgy"]


def test_an_interval_that_the_user_knows(tmp_path):
    (tmp_path / "1.sgy").write_bytes(line(1))
    (tmp_path / "2.sgy").write_bytes(line(2, interval=2000))
    segy_to_mdio(tmp_path / "?.sgy", tmp_path / "x.mdio", [189, 193], reader_options={"interval": 2000})
    assert mdio.open(tmp_path / "x.mdio").schema.dims[-1].coords[1] == 2


def test_what_cannot_be_one_of_several(tmp_path):
    (tmp_path / "1.sgy").write_bytes(line(1))
    (tmp_path / "2.sgy").write_bytes(line(2)[:3600])
    with pytest.raises(NoTraces):
        segy_to_mdio(tmp_path / "?.sgy", tmp_path / "x.mdio", [189, 193])
    with pytest.raises(ConfigError, match="given twice"):
        segy_to_mdio([tmp_path / "1.sgy", f"{tmp_path}/./1.sgy"], tmp_path / "x.mdio")
    with pytest.raises(MDIONotFoundError):
        segy_to_mdio([tmp_path / "1.sgy", tmp_path / "3.sgy"], tmp_path / "x.mdio")
    with pytest.raises(ConfigError, match="no SEG-Y file"):
        segy_to_mdio([], tmp_path / "x.mdio")


def test_traces_of_different_lengths(tmp_path):
    (tmp_path / "1.sgy").write_bytes(line(1, noise=None))
    longer = line(2, noise=None, binary={3503: ("h", 0)})
    shorter = segy({189: [2] * 3, 193: [30, 31, 32]}, ibm_words(np.random.default_rng(1), (3, 9)))
    (tmp_path / "2.sgy").write_bytes(longer + body(shorter))
    with pytest.raises(VaryingTraceLength, match=r"2\.sgy: traces differ in length"):
        segy_to_mdio(tmp_path / "?.sgy", tmp_path / "x.mdio", [189, 193])


def test_the_same_cell_in_two_files(tmp_path):
    for n in (1, 2):
        (tmp_path / f"{n}.sgy").write_bytes(line(7, seed=n))
    with pytest.raises(mdio.exceptions.GridTraceCountError, match="traces 0 and 7"):
        segy_to_mdio(tmp_path / "?.sgy", tmp_path / "x.mdio", [189, 193])


def test_a_defect_of_many_files_is_told_once(tmp_path):
    for n in range(5):
        (tmp_path / f"{n}.sgy").write_bytes(line(n, interval=0))
    with pytest.warns(SegyWarning) as caught:
        segy_to_mdio(tmp_path / "?.sgy", tmp_path / "x.mdio", [189, 193])
    told = [str(one.message) for one in caught]
    assert [message for message in told if "no sample interval" in message] == [
        message for message in told if message.startswith(f"{tmp_path}/0.sgy and 4 more: no sample interval")
    ]
    with pytest.raises(FormatError, match=r"0\.sgy and 4 more"):
        segy_to_mdio(tmp_path / "?.sgy", tmp_path / "y.mdio", [189, 193], reader_options={"strict": True})


def test_a_file_that_changes_under_our_hands(tmp_path):
    names = [tmp_path / f"{n}.sgy" for n in (1, 2)]
    for n, name in enumerate(names):
        name.write_bytes(line(n))
    volume = mdio.open(names[0], options={"files": [str(names[1])], "header_locations": [189, 193]})
    volume.close()
    names[1].write_bytes(line(1) + b"more")
    with pytest.raises(StorageError, match=r"2\.sgy: .* bytes, it had"):
        volume.samples(volume.schema.region)


def test_names_that_clash_keep_their_folders(tmp_path):
    for n, place in enumerate(("in/a/1", "in/b/1", "in/b/2")):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "x.sgy").write_bytes(line(n))
    segy_to_mdio(tmp_path / "in/**/x.sgy", tmp_path / "x.mdio", [189, 193])
    mdio_to_segy(tmp_path / "x.mdio", tmp_path / "out", split=True)
    found = {str(path.relative_to(tmp_path / "out")): path.read_bytes() for path in (tmp_path / "out").rglob("*.sgy")}
    assert found == {"a/1/x.sgy": line(0), "b/1/x.sgy": line(1), "b/2/x.sgy": line(2)}


def test_split_of_a_single_file(files, tmp_path, capsys):
    segy_to_mdio(files[0] / "line_1.sgy", tmp_path / "x.mdio")
    assert run(["segy", "export", str(tmp_path / "x.mdio"), str(tmp_path / "out"), "--split"]) == 2
    assert "not made from several SEG-Y files" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lines", "x.mdio"]


def test_folders_that_are_there(files, tmp_path):
    bring_in(files, tmp_path / "x.mdio")
    out = tmp_path / "out"
    out.mkdir()
    (out / "line_1.sgy").write_bytes(b"old")
    with pytest.raises(MDIOAlreadyExistsError):
        mdio_to_segy(tmp_path / "x.mdio", out, split=True)
    (out / "thesis.tex").write_bytes(b"dear")
    with pytest.raises(StorageError, match=r"thesis\.tex"):
        mdio_to_segy(tmp_path / "x.mdio", out, split=True, overwrite=True)
    assert (out / "thesis.tex").read_bytes() == b"dear"
    (out / "thesis.tex").unlink()
    mdio_to_segy(tmp_path / "x.mdio", out, split=True, overwrite=True)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == files[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lines", "out", "x.mdio"]


def test_file_headers_of_other_lengths(tmp_path):
    """A tape label before one, an extended textual record in another."""
    label = b"   1SY1.0RECORD    0".ljust(128)
    made = {
        "a.sgy": line(1),
        "b.sgy": line(2, label=label, text=text("LINE 2")),
        "c.sgy": line(3, extended=text("MORE"), binary={3505: ("h", 1)}),
    }
    for name, data in made.items():
        (tmp_path / name).write_bytes(data)
    for number, order in enumerate((["a", "b", "c"], ["b", "c", "a"])):
        target = tmp_path / f"{number}.mdio"
        segy_to_mdio([tmp_path / f"{name}.sgy" for name in order], target, [189, 193])

        def change(metadata):
            metadata["metadata/.zattrs"]["text_header"][4] = "C 5 EDITED".ljust(80)

        mdio_to_segy(target, tmp_path / f"out{number}", split=True)
        assert {path.name: path.read_bytes() for path in (tmp_path / f"out{number}").iterdir()} == made
        rewrite(target, change)
        mdio_to_segy(target, tmp_path / f"edited{number}", split=True)
        for name, data in made.items():
            at = 320 + (128 if name == "b.sgy" else 0)
            expected = data[:at] + "C 5 EDITED".ljust(80).encode("cp037") + data[at + 80 :]
            assert (tmp_path / f"edited{number}" / name).read_bytes() == expected


def test_a_resumed_split(files, tmp_path):
    bring_in(files, tmp_path / "x.mdio", chunksize=(1, 2, 13))
    token = CancelToken()

    def stop(event):
        if type(event).__name__ == "SlabDone":
            token.cancel()

    settings = {"split": True, "workers": 1, "memory": 1}
    with pytest.raises(CancelledError):
        mdio_to_segy(tmp_path / "x.mdio", tmp_path / "out", **settings, observers=[stop], cancel=token)
    assert not (tmp_path / "out").exists()
    report = mdio_to_segy(tmp_path / "x.mdio", tmp_path / "out", **settings, resume=True)
    assert report.resumed >= 1
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == files[1]


def test_a_resume_from_other_files_is_refused(files, tmp_path):
    token = CancelToken()
    with pytest.raises(CancelledError):
        bring_in(
            files,
            tmp_path / "x.mdio",
            chunksize=(1, 2, 8),
            memory=1,
            observers=[lambda _: token.cancel()],
            cancel=token,
        )
    changed = bytearray(files[1]["line_2.sgy"])
    changed[3600 + 6 * (240 + 4 * SAMPLES)] ^= 1  # the last trace header of the second file
    (files[0] / "line_2.sgy").write_bytes(changed)
    with pytest.raises(JournalMismatchError):
        bring_in(files, tmp_path / "x.mdio", chunksize=(1, 2, 8), memory=1, resume=True)


def rewrite(dataset, change):
    """Edit the metadata of a dataset as another tool would."""
    path = dataset / ".zmetadata"
    document = json.loads(path.read_text())
    change(document["metadata"])
    path.write_text(json.dumps(document))


def test_edits_reach_every_file(files, tmp_path):
    bring_in(files, tmp_path / "x.mdio")

    def change(metadata):
        shared = metadata["metadata/.zattrs"]
        shared["text_header"][4] = "C 5 SOLD TO SOMEBODY".ljust(80)
        shared["binary_header"]["JobID"] = 77

    rewrite(tmp_path / "x.mdio", change)
    mdio_to_segy(tmp_path / "x.mdio", tmp_path / "out", split=True)
    for name, data in files[1].items():
        expected = bytearray(data)
        expected[320:400] = "C 5 SOLD TO SOMEBODY".ljust(80).encode("cp037")
        expected[3200:3204] = (77).to_bytes(4, "big")
        assert (tmp_path / "out" / name).read_bytes() == expected


@pytest.mark.parametrize("name", ["../x.sgy", "/tmp/x.sgy", "a//b.sgy", ".", "a\\b", ""])
def test_stored_names_stay_below_the_folder(files, tmp_path, name):
    bring_in(files, tmp_path / "x.mdio")

    def change(metadata):
        metadata["source/.zattrs"]["facts"]["files"][1]["name"] = name

    rewrite(tmp_path / "x.mdio", change)
    with pytest.raises(FormatError, match="leads out of the folder"):
        mdio_to_segy(tmp_path / "x.mdio", tmp_path / "out", split=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lines", "x.mdio"]


def test_another_byte_order_for_every_file(files, tmp_path):
    bring_in(files, tmp_path / "x.mdio")
    mdio_to_segy(tmp_path / "x.mdio", tmp_path / "out", split=True, endian="little", out_sample_format="float32")
    volume = mdio.open(tmp_path / "x.mdio")
    for number, name in enumerate(files[1]):
        words = (tmp_path / "out" / name).read_bytes()
        assert words[3224:3226] == b"\x05\0"
        traces = np.frombuffer(words[3600 : 3600 + 7 * (240 + 4 * SAMPLES)], np.uint8).reshape(7, -1)
        values = np.ascontiguousarray(traces[:, 240:]).view("<f4")
        assert np.array_equal(values, volume.samples(volume.schema.region)[number])


def test_remote_files(tmp_path):
    filesystem = fsspec.filesystem("memory")
    filesystem.store.clear()
    try:
        made = {f"l{n}.sgy": line(n) for n in (1, 2, 10)}
        for name, data in made.items():
            filesystem.pipe_file(f"/s/{name}", data)
        segy_to_mdio("memory://s/l*.sgy", "memory://s/x.mdio", [189, 193])
        mdio_to_segy("memory://s/x.mdio", tmp_path / "out", split=True)
        assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == made
        with pytest.raises(ConfigError, match="local folder"):
            mdio_to_segy("memory://s/x.mdio", "memory://s/out", split=True)
        mdio_to_segy("memory://s/x.mdio", "memory://s/one.sgy")
        merged = made["l1.sgy"] + body(made["l2.sgy"]) + body(made["l10.sgy"])
        assert filesystem.cat_file("/s/one.sgy") == merged
    finally:
        filesystem.store.clear()
        filesystem.pseudo_dirs[:] = [""]


@pytest.mark.parametrize("call", ["preallocate", "pwrite"])
def test_a_disk_that_is_full_when_files_are_split(files, tmp_path, monkeypatch, call):
    import errno

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    bring_in(files, tmp_path / "x.mdio")
    monkeypatch.setattr(f"mdio_segy.split.{call}", full)
    with pytest.raises(MDIOError, match=rf"line_\d+\.sgy: writing failed: {os.strerror(errno.ENOSPC)}"):
        mdio_to_segy(tmp_path / "x.mdio", tmp_path / "out", split=True)
    assert not (tmp_path / "out").exists()
    monkeypatch.undo()
    mdio_to_segy(tmp_path / "x.mdio", tmp_path / "out", split=True, overwrite=True)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == files[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lines", "out", "x.mdio"]


def test_a_folder_that_stands_in_the_way_of_a_file(files, tmp_path):
    bring_in(files, tmp_path / "x.mdio")
    (tmp_path / "out").write_bytes(b"a file")
    with pytest.raises((StorageError, MDIOAlreadyExistsError), match="out"):
        mdio_to_segy(tmp_path / "x.mdio", tmp_path / "out", split=True, overwrite=True)
    assert (tmp_path / "out").read_bytes() == b"a file"
