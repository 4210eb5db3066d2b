"""Objects that get lost and metadata that are damaged are noticed; what others wrote and older datasets are not."""

import json
import zlib
from base64 import b64decode
from pathlib import Path

import google_crc32c
import numpy as np
import pytest
import zarr

import mdio
from mdio.api.verifying import verify
from mdio.cli import main
from mdio.convert import create
from mdio.convert import open as open_volume
from mdio.core.trace_header import standard_layout
from mdio.core.volume import Creation
from mdio.exceptions import FormatError, IntegrityError, MDIOError
from mdio.flow import engine
from mdio.testing import synthetic

LAYOUTS = {
    "v0": {"chunks": [4, 4, 16]},
    "v1": {"layout": "v1", "chunks": [4, 4, 16]},
    "v1 sharded": {"layout": "v1", "chunks": [4, 4, 16], "shards": [8, 8, 32]},
}
SAMPLES = {"v0": "data/chunked_012", "v1": "amplitude", "v1 sharded": "amplitude"}


def build(path, options):
    """Write a cube without samples in its last chunk of the first crosslines, and without its last traces."""
    source = synthetic.volume((10, 9, 40), live=lambda i, j: (i < 8) | (j < 8), headers=standard_layout(), dtype="i4")
    sink = create(path, source, options=options, creation=Creation(created="2026-11-20T00:00:00"))
    engine.run(source, sink)
    sink.close()
    return path


@pytest.fixture(params=LAYOUTS)
def layout(request):
    return request.param


@pytest.fixture
def dataset(layout, tmp_path):
    return build(tmp_path / "a.mdio", LAYOUTS[layout])


def objects(dataset):
    """All objects that hold cells of arrays."""
    found = [path for path in Path(dataset).rglob("*") if path.is_file()]
    return sorted(path for path in found if path.name != "zarr.json" and not path.name.startswith("."))


def whole(path):
    volume = open_volume(path)
    block = volume.read(volume.schema.region)
    return [block.samples, block.headers, block.live, block.order]


def group(dataset):
    path = dataset / "source" / ".zattrs"
    if path.exists():
        return json.loads(path.read_text())
    return json.loads((dataset / "source" / "zarr.json").read_text())["attributes"]


def test_what_is_stored_is_said_bit_by_bit(dataset, layout):
    """As plain Python reads it, from the specification in docs/source-group.md."""
    said = group(dataset)["objects"]
    shape, cut = ((10, 9, 40), (8, 8, 32) if "sharded" in layout else (4, 4, 16))
    grid = [-(-n // c) for n, c in zip(shape, cut, strict=True)]
    entry = said[SAMPLES[layout]]
    assert entry["grid"] == grid
    folder = dataset / SAMPLES[layout] / ("c" if "v1" in layout else "")
    there = [(folder / "/".join(map(str, index))).is_file() for index in np.ndindex(*grid)]
    assert entry["count"] == sum(there) > 0
    if all(there):
        assert "bits" not in entry
    else:
        bits = np.unpackbits(np.frombuffer(zlib.decompress(b64decode(entry["bits"])), np.uint8))[: len(there)]
        assert bits.astype(bool).tolist() == there
    assert sum(entry["count"] for entry in said.values()) == len(objects(dataset))


def test_an_object_that_is_gone_is_missed(dataset):
    """Each in turn: it never reads as fill, and it is named with the lines that it covers."""
    expected = whole(dataset)
    for path in objects(dataset):
        data = path.read_bytes()
        path.unlink()
        key = path.relative_to(dataset).as_posix()
        try:
            found = whole(dataset)
        except MDIOError as error:
            assert isinstance(error, (IntegrityError, FormatError)), error
            assert key in str(error)
        else:  # only what nobody asked for, such as coordinates that xarray reads
            assert all(np.array_equal(a, b) for a, b in zip(expected, found, strict=True))
            assert key.split("/")[0] in ("cdp_x", "cdp_y", "source")
        path.write_bytes(data)
    assert all(np.array_equal(a, b) for a, b in zip(expected, whole(dataset), strict=True))


def test_verify_names_a_missing_chunk(dataset, layout, capsys):
    first = next(path for path in objects(dataset) if SAMPLES[layout] in path.as_posix())
    first.unlink()
    assert main(["verify", str(dataset), "--json", "--quiet"]) == 4
    facts = json.loads(capsys.readouterr().out)
    assert any(first.relative_to(dataset).as_posix() in damage["message"] for damage in facts["damages"])
    assert any("inline 100–10" in damage["where"] for damage in facts["damages"])


def test_chunks_of_fill_need_no_object(tmp_path):
    for name, options in LAYOUTS.items():
        source = synthetic.volume((10, 9, 40), live=lambda i, j: i >= 8, headers=standard_layout())
        sink = create(tmp_path / f"{name}.mdio", source, options=options, creation=Creation())
        engine.run(source, sink)
        sink.close()
        assert verify(open_volume(tmp_path / f"{name}.mdio")).ok
        assert not whole(tmp_path / f"{name}.mdio")[0][:8].any()


def test_stock_zarr_reads_it(dataset, layout):
    root = zarr.open_group(dataset, mode="r")
    stored = root[SAMPLES[layout]][...]
    assert np.array_equal(stored[:8], whole(dataset)[0][:8])


@pytest.mark.parametrize("name", ["v0", "v1"])
def test_datasets_without_either_open(name, tmp_path):
    """As releases before wrote them."""
    path = build(tmp_path / "a.mdio", LAYOUTS[name])
    expected = whole(path)
    for document in [*path.rglob("zarr.json"), *path.rglob(".z*")]:
        known = json.loads(document.read_text())
        for part in (known, known.get("attributes", {}), known.get("metadata", {}).get("source/.zattrs", {})):
            part.pop("mdio_check", None)
            part.pop("objects", None)
        document.write_text(json.dumps(known, indent=4, sort_keys=True))
    assert all(np.array_equal(a, b) for a, b in zip(expected, whole(path), strict=True))
    next(file for file in objects(path) if SAMPLES[name] in file.as_posix()).unlink()
    assert not whole(path)[0][:4, :4, :16].any()


# -- metadata ------------------------------------------------------------------------------------------------------


def test_checks_are_those_of_the_specification(dataset, layout):
    """CRC32C of JSON with sorted keys and no white space, without the check itself."""
    for path in [dataset / ".zmetadata"] if layout == "v0" else sorted(dataset.rglob("zarr.json")):
        known = json.loads(path.read_text())
        check = (known if layout == "v0" else known["attributes"]).pop("mdio_check")
        text = json.dumps(known, sort_keys=True, separators=(",", ":"))
        assert check == f"{google_crc32c.value(text.encode()):08x}"


def test_a_changed_number_in_the_metadata_is_damage(dataset, layout):
    path = dataset / (".zmetadata" if layout == "v0" else "source/zarr.json")
    text = path.read_text()
    assert '"size": 240' in text
    path.write_text(text.replace('"size": 240', '"size": 241'))
    with pytest.raises(IntegrityError, match="does not match its check"):
        open_volume(dataset)
    assert main(["verify", str(dataset), "--quiet"]) == 4


def test_edits_of_others_are_none(dataset, layout):
    """Zarr's own library changes an attribute, spells the document in its way, and leaves our check where it is."""
    root = zarr.open_group(dataset, mode="r+")
    root.attrs["remark"] = "edited"
    if layout == "v0":
        zarr.consolidate_metadata(str(dataset), zarr_format=2)
    else:
        assert "mdio_check" in json.loads((dataset / "zarr.json").read_text())["attributes"]
    assert verify(open_volume(dataset)).ok


def test_our_edits_keep_checks_and_objects_right(dataset, layout):
    with mdio.MDIOWriter(str(dataset)) as writer:
        writer[2] = 0
        writer[0:4] = 0
        writer.text_header = ["C 1".ljust(80)] * 40
    assert verify(open_volume(dataset)).ok
    assert not whole(dataset)[0][:4].any()
    test_checks_are_those_of_the_specification(dataset, layout)


def test_a_key_of_a_node_that_nobody_knows_is_refused(tmp_path):
    path = build(tmp_path / "a.mdio", LAYOUTS["v1"]) / "amplitude" / "zarr.json"
    path.write_text(path.read_text().replace('"dimension_names"', '"dimension_namer"'))
    with pytest.raises(FormatError, match="dimension_namer"):
        open_volume(tmp_path / "a.mdio")
    known = json.loads(path.read_text())
    known["more"] = {"must_understand": False}
    known["dimension_names"] = known.pop("dimension_namer")
    path.write_text(json.dumps(known))
    assert verify(open_volume(tmp_path / "a.mdio")).ok
