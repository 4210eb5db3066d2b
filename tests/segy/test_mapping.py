"""Header words by the names that a file gives them: trace header mapping stanzas of SEG-Y rev 2.1."""

from __future__ import annotations

import contextlib
import json
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from segy_bytes import samples_for, segy

import mdio
from mdio.cli.app import run
from mdio.exceptions import ConfigError
from mdio_segy.choices import chosen_options
from mdio_segy.fields import KeyField
from mdio_segy.filehead import read_layout
from mdio_segy.mapping import find_mapping

SHARED = Path(__file__).parents[3] / "shared" / "data"
HEAD = '((SEG:Layout:text/xml))\n<?xml version="1.0" encoding="utf-8"?>\n'
XML = """<segy-layout name="own">
<desc>words of a test</desc>
<entry name="iline" byte="9" type="int4"/>
<entry name="offset" byte="237" type="int4"/>
<entry name="short" byte="71" type="int2"/>
<extension name="SEG00001">
<entry name="xline" byte="25" type="int8" if-non-zero="1"/>
<entry name="offset" byte="129" type="ieee64"/>
</extension>
<extension name="OWN"><entry name="far" byte="1" type="ibmfp"/></extension>
</segy-layout>"""
PLACES = {
    "iline": (9, "int32"),
    "offset": (237, "int32"),
    "short": (71, "int16"),
    "xline": (265, "int64"),
    "SEG00001.offset": (369, "float64"),
    "far": (481, "ibm32"),
}


def records(xml=XML, page="ascii", head=HEAD, pad=" "):
    raw = (head + xml).encode(page)
    return raw + pad.encode(page) * (-len(raw) % 3200)


def places(mapping):
    return {name: (word.byte, word.type) for name, word in mapping.names.items()}


@pytest.mark.parametrize("page", ["ascii", "cp037", "cp500"])
def test_names_of_all_headers(page):
    found = find_mapping(records(page=page))
    assert places(found) == PLACES
    assert found.note == ""


@pytest.mark.parametrize("page", ["ascii", "cp037"])
def test_between_other_records_and_over_several(page):
    before = "C 1 A USER'S OWN TEXT".ljust(3200).encode(page)
    long = records(XML.replace("<desc>", "<desc>" + "words " * 1600), page)
    assert len(long) == 4 * 3200
    after = "((SEG: EndText))".ljust(3200).encode(page)
    assert places(find_mapping(before + long + after)) == PLACES
    assert places(find_mapping(before + long + "((ME:Other <a>))".ljust(3200).encode(page))) == PLACES


def test_line_ends_and_padding():
    ebcdic = (HEAD + XML).encode("cp037").replace(b"\x25", b"\x15")
    assert places(find_mapping(ebcdic + b"\0" * 70)) == PLACES
    split = XML.replace('byte="9" ', "byte='9'\0\n")
    assert places(find_mapping(records(split, pad="\0"))) == PLACES
    assert places(find_mapping(records(head="(( SEG : layout ver 1.0 ))\n"))) == PLACES
    assert places(find_mapping(records(XML.replace("own", "één"), "latin-1"))) == PLACES
    assert places(find_mapping(records(XML + "((SEG: EndText))"))) == PLACES


@pytest.mark.parametrize("raw", [b"", b"\0" * 6400, b" " * 3200, b"<segy-layout/>", records(head="((SEG: EndText))")])
def test_no_stanza(raw):
    assert find_mapping(raw) == find_mapping(b"")
    assert find_mapping(raw).note == ""


@pytest.mark.parametrize(
    ("xml", "note"),
    [
        ("", "not well-formed"),
        ("<segy-layout>", "not well-formed"),
        (XML.replace("<desc>", "<desc"), "not well-formed"),
        ('<EXTENSION 1 name="rev2">' + XML[XML.index("\n") :], "not well-formed"),
        ("<segy-layout>\x01</segy-layout>", "not well-formed"),
        ("<layout>" + XML + "</layout>", "not well-formed"),
        ('<layout><entry name="a" byte="1" type="int4"/></layout>', "root is 'layout'"),
        ('<!DOCTYPE a [<!ENTITY b "c">]>' + XML, "document type or entities"),
        ("<!doctype a>" + XML, "document type or entities"),
        ("<!-- <!ENTITY b 'c'> -->" + XML, "document type or entities"),
        (XML.replace("words", "words" * 250_000), "longer than 1048576 bytes"),
        ("<a>" * 90_000 + "</a>" * 90_000, "root is 'a'"),
    ],
)
@pytest.mark.parametrize("page", ["latin-1", "cp037"])
def test_unusable_is_a_note(xml, note, page):
    found = find_mapping(records(xml, page))
    assert found.names == {}
    assert note in found.note
    assert "\n" not in found.note
    assert len(found.note) < 250


LAUGHS = (
    '<!DOCTYPE segy-layout [<!ENTITY a0 "ha">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    + "]>"
)
EXTERNAL = "<!DOCTYPE segy-layout [<!ENTITY secret SYSTEM 'file://{}'>]>"


@pytest.mark.parametrize("page", ["latin-1", "cp037"])
@pytest.mark.parametrize("declared", ["", '<?xml version="1.0" encoding="UTF-16"?>', '<?xml version="1.0"?>'])
def test_entities_are_not_expanded(tmp_path, page, declared):
    """A gigabyte of laughter and the content of another file; neither is looked for."""
    secret = tmp_path / "secret"
    secret.write_text("canary")
    entry = '<segy-layout><entry name="{}" byte="1" type="int4"/></segy-layout>'
    for document in (
        declared + LAUGHS + entry.format("&a9;"),
        declared + EXTERNAL.format(secret) + entry.format("&secret;"),
        declared + f"<!DOCTYPE segy-layout SYSTEM 'file://{secret}'>" + entry.format("a"),
    ):
        tracemalloc.start()
        found = find_mapping(records(document, page))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found.names == {}
        assert "document type or entities, which are not read" in found.note
        assert "canary" not in found.note
        assert peak < 1 << 20
    undeclared = find_mapping(records(entry.format("&secret;"), page))
    assert undeclared.names == {}
    assert "not well-formed" in undeclared.note


@pytest.mark.parametrize(
    ("entry", "note"),
    [
        ('name="a" byte="1" type="scale6"', "a (type 'scale6')"),
        ('name="a" byte="0" type="int4"', "a (byte '0')"),
        ('name="a" byte="241" type="int4"', "a (byte '241')"),
        ('name="a" byte="-1" type="int4"', "a (byte '-1')"),
        ('name="a" byte="" type="int4"', "a (byte '')"),
        ('name="a" byte="238" type="int4"', "a (bytes 238 and on do not fit"),
        ('name="" byte="1" type="int4"', "without a usable name"),
        ('name="a&#x9b;31m" byte="1" type="int4"', "without a usable name"),
        ('byte="1" type="int4"', "without a usable name"),
        ('name="b" byte="1" type="int4"', "b (a second time)"),
    ],
)
def test_one_bad_entry_leaves_the_others(entry, note):
    found = find_mapping(
        records(f'<segy-layout><entry name="b" byte="237" type="int4"/><entry {entry}/></segy-layout>')
    )
    assert places(found) == {"b": (237, "int32")}
    assert note in found.note


class TestKeys:
    mapping = find_mapping(records())

    @pytest.mark.parametrize(
        ("place", "key"),
        [
            (115, ("byte_115", 115, "int32")),
            ("115", ("samples_per_trace", 115, "int16")),
            ("181:float32", ("cdp_x", 181, "float32")),
            ("inline", ("inline", 189, "int32")),
            ("iline", ("iline", 9, "int32")),
            (" offset ", ("offset", 237, "int32")),
            ("short:uint16", ("short", 71, "uint16")),
            ("SEG00001.offset", ("SEG00001.offset", 369, "float64")),
        ],
    )
    def test_places(self, place, key):
        assert self.mapping.key(place) == KeyField(*key)

    def test_given_apart(self):
        assert self.mapping.key("short:uint16", "s", "int8") == KeyField("s", 71, "int8")

    @pytest.mark.parametrize(
        ("place", "near"),
        [("ilin", "iline"), ("crosline", "crossline"), ("zzz", "mdio segy scan"), ("x:int32", "scan")],
    )
    def test_near_misses(self, place, near):
        with pytest.raises(ConfigError) as caught:
            self.mapping.key(place)
        assert near in (caught.value.hint or "")

    def test_wrong_type(self):
        with pytest.raises(ConfigError, match="int23"):
            self.mapping.key("iline:int23")


@pytest.fixture
def path(tmp_path, request):
    """Six traces, 2 × 3: int32 at byte 9, int64 at byte 25 of the first of two extension headers."""
    made = bytearray(
        segy(
            {9: np.array([4, 4, 4, 7, 7, 7]), 189: np.array([1, 1, 2, 2, 3, 3]), 193: np.array([1, 2, 1, 2, 1, 2])},
            samples_for(3, np.random.default_rng(1), 6, 8),
            3,
            binary={3501: ("B", 2), 3502: ("B", 1), 3297: ("I", 0x01020304), 3505: ("h", 1), 3507: ("i", 2)},
            extended=records(),
            extension=2,
        )
    )
    size = 720 + 16
    assert len(made) == 6800 + 6 * size
    for trace in range(6):
        struct.pack_into(">q", made, 6800 + trace * size + 240 + 24, 10 + 5 * (trace % 3))
    (tmp_path / "x.sgy").write_bytes(made)
    return tmp_path / "x.sgy"


def dims(path, **options):
    with contextlib.closing(mdio.open(path, options=options)) as volume:
        return [(dim.name, dim.coords.tolist()) for dim in volume.schema.dims[:-1]]


def test_index_words_by_name(path):
    expected = [("iline", [4, 7]), ("xline", [10, 15, 20])]
    assert dims(path, header_locations="iline,xline") == expected
    assert dims(path, header_locations=["iline", "xline"], header_names="iline,xline") == expected
    assert dims(path, header_locations="9:int32, 265:int64") == [("dim_0", [4, 7]), ("dim_1", [10, 15, 20])]
    assert dims(path, header_locations=[9, "xline"], header_types=["int32", "int64"]) == [
        ("dim_0", [4, 7]),
        expected[1],
    ]
    assert dims(path, header_locations="inline,crossline") == [("inline", [1, 2, 3]), ("crossline", [1, 2])]
    assert dims(path, header_locations="189,crossline:uint32", header_names="a,b") == [("a", [1, 2, 3]), ("b", [1, 2])]


def test_bytes_stand_in_the_dataset(path):
    with contextlib.closing(mdio.open(path, options={"header_locations": "iline,xline"})) as volume:
        assert volume.schema.metadata.attributes["geometry"]["keys"] == [["iline", 9], ["xline", 265]]


def test_types_of_a_template_do_not_bend_named_words(path):
    options, _ = chosen_options(str(path), {"header_locations": "iline,xline"}, template="poststack3d")
    assert options["header_types"] == [None, None]
    assert [coords for _, coords in dims(path, **options)] == [[4, 7], [10, 15, 20]]
    mixed, _ = chosen_options(str(path), {"header_locations": "9,xline"}, template="poststack3d")
    assert mixed["header_types"] == ["int32", None]


@pytest.mark.parametrize(
    ("locations", "message"),
    [
        ("iline,xlin", "header_locations.*xlin.*did you mean xline"),
        ("iline,0", r"header_locations\.1.*greater than or equal to 1"),
        ("iline,65536", r"header_locations\.1.*less than or equal to 65535"),
        ("iline,719", "lie behind the trace header of 720 bytes"),
        ("iline,xline:int23", "int23"),
        ("iline,iline", "the same name twice"),
    ],
)
def test_refused(path, locations, message):
    with pytest.raises(ConfigError, match=f"(?s){message}"):
        dims(path, header_locations=locations)


def test_without_stanza_names_are_the_standard_s(tmp_path):
    words = {189: np.array([1, 1, 2, 2]), 193: np.array([1, 2, 1, 2])}
    (tmp_path / "y.sgy").write_bytes(segy(words, samples_for(3, np.random.default_rng(1), 4, 8), 3))
    assert dims(tmp_path / "y.sgy", header_locations="inline,193") == [("inline", [1, 2]), ("dim_1", [1, 2])]
    with pytest.raises(ConfigError, match=r"header_locations.*no header field 'far'"):
        dims(tmp_path / "y.sgy", header_locations="far,193")


def test_command_line(path, tmp_path, capsys):
    def out(*arguments):
        assert run(["segy", *arguments]) == 0
        return capsys.readouterr().out

    scan = json.loads(out("scan", str(path), "--json"))
    assert {one["name"]: (one["byte"], one["type"]) for one in scan["mapping"]["names"]} == PLACES
    assert scan["mapping"]["note"] == ""
    assert "iline 9, offset 237" in out("scan", str(path))
    rows = out("header", str(path), "--fields", "iline,xline,crossline,21:int16", "--csv").splitlines()
    assert rows[0].startswith("trace,iline,xline,crossline")
    assert rows[4] == "3,7,10,2,0"
    saved = out("scan", str(path), "--json", "--header-locations", "iline,xline")
    (tmp_path / "scan.json").write_text(saved)
    out("import", str(path), str(tmp_path / "x.mdio"), "--spec", str(tmp_path / "scan.json"), "--quiet")
    assert dims(tmp_path / "x.mdio") == [("iline", [4, 7]), ("xline", [10, 15, 20])]
    out("export", str(tmp_path / "x.mdio"), str(tmp_path / "back.sgy"), "--quiet")
    assert (tmp_path / "back.sgy").read_bytes() == path.read_bytes()


def test_notes_are_shown_by_a_scan(path, capsys):
    path.write_bytes(path.read_bytes().replace(b"</segy-layout>", b"</segy-lay0ut>"))
    assert run(["segy", "scan", str(path)]) == 0
    assert "its names are not used" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(ConfigError, match=r"(?s)'far'.*not well-formed"):
        dims(path, header_locations="inline,far")
    assert dims(path, header_locations="inline,crossline")[0] == ("inline", [1, 2, 3])


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not there")
@pytest.mark.parametrize(
    ("name", "count", "some", "note"),
    [
        ("all-types", 26, {"delay": (15, "int16"), "linetrc8": (293, "int64"), "ieee64": (277, "float64")}, "scale6"),
        (
            "default",
            110,
            {"iline": (189, "int32"), "SEG00001.cdp": (265, "int64"), "last_trc": (399, "int16")},
            "scale6",
        ),
        ("invalid-root", 0, {}, "not well-formed"),
        ("minimal", 3, {"iline": (1, "int32"), "xline": (5, "uint32"), "offset": (9, "int32")}, ""),
    ],
)
def test_shared_files(counting, name, count, some, note):
    data = (SHARED / f"equinor__segyio__test-data__mapping-{name}.sgy").read_bytes()
    found = find_mapping(read_layout(counting(data)).extended_raw)
    assert len(found.names) == count
    assert places(found).items() >= some.items()
    assert (note in found.note) if note else not found.note


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not there")
def test_words_of_an_extension_hold_what_a_shared_file_numbers_them(capsys):
    """The file's maker filled the extension of the first trace with 1, 2, 3 …, one a word, whatever its type."""
    names = "int2,int4,int8,uint2,uint4,uint8,ibmfp,ieee32,ieee64,linetrc,reeltrc,linetrc8,reeltrc8,coor4,elev4,time2"
    path = SHARED / "equinor__segyio__test-data__mapping-all-types.sgy"
    assert run(["segy", "header", str(path), "--fields", names, "--csv"]) == 0
    first = capsys.readouterr().out.splitlines()[1].split(",")
    assert [float(value) for value in first] == list(range(17))
