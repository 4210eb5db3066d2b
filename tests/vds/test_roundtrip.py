"""Through VDS and back: every shape, type, hole and order by chance, and every shared SEG-Y file byte for byte."""

import json
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mdio
from mdio.convert import convert, create
from mdio.core.trace_header import standard_layout
from mdio.core.volume import Metadata, Patches, SourceFile, TraceOrder
from mdio.flow.engine import run
from mdio.storage.local import LocalStore
from mdio.testing import synthetic
from mdio_vds.container_target import ContainerTarget
from mdio_vds.conventions import decode_text
from mdio_vds.layout import parse_layout
from mdio_vds.layout_json import write_layout
from mdio_vds.metadata import MetadataItem
from mdio_vds.survey import imported_source

DATA = Path(__file__).parents[3] / "shared/data"
FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TYPES = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"]


@st.composite
def volumes(draw):
    ndim = draw(st.integers(2, 5))
    limit = {2: 300, 3: 70, 4: 20, 5: 7}[ndim]
    shape = tuple(draw(st.integers(1, limit)) for _ in range(ndim))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    live = rng.random(shape[:-1]) < draw(st.sampled_from([0.1, 0.7, 2.0]))
    order = None
    if draw(st.booleans()) and live.any():
        order = np.full(live.shape, -1, np.int64)
        order[live] = rng.permutation(int(live.sum()))
    dtype = draw(st.sampled_from(TYPES))
    patches = None
    if dtype == "f4" and draw(st.booleans()):
        cells = np.flatnonzero(np.repeat(live.reshape(-1), shape[-1]))
        index = np.unique(rng.choice(cells, 3)) if len(cells) else cells
        patches = Patches(index.astype(np.int64), rng.integers(1, 1 << 32, len(index), dtype=np.uint32))
    size = draw(st.sampled_from([0, 14, 240, 300]))
    headers = standard_layout(draw(st.booleans()), size) if size > 14 else [("a", ">i4"), ("b", "<i2")] if size else []
    return synthetic.volume(shape, dtype, live=live, headers=headers, order=order, patches=patches)


@st.composite
def options(draw):
    margins = st.integers(0, 7)
    return {
        "brick_size": draw(st.sampled_from([32, 64])),
        "margin": (draw(margins), draw(margins)),
        "compression": draw(st.sampled_from(["none", "zip", "rle"])),
        "lods": draw(st.integers(0, 3)),
        "layout": draw(st.sampled_from(["container", "objects"])),
    }


@FEW
@given(source=volumes(), chosen=options(), memory=st.sampled_from([1, 1 << 20, 1 << 29]))
def test_whatever_goes_in_comes_out(tmp_path_factory, source, chosen, memory):
    path = tmp_path_factory.mktemp("x") / "x.vds"
    run(source, create(path, source, options=chosen), workers=2, memory=memory)
    volume = mdio.open(path)
    one, other, whole = source.schema, volume.schema, source.schema.region
    assert (other.shape, other.names, other.dtype) == (one.shape, one.names, one.dtype)
    assert other.headers == one.headers
    assert all(a == b and a.unit == b.unit for a, b in zip(one.dims, other.dims, strict=True))
    assert other.metadata.text == one.metadata.text
    assert other.metadata.order == one.metadata.order
    assert other.metadata.trace_count == one.metadata.trace_count
    left, right = source.read(whole), volume.read(whole)
    for name in ("samples", "live", "order"):
        assert getattr(left, name).tobytes() == getattr(right, name).tobytes(), name
    assert (left.headers is None) == (right.headers is None)
    if left.headers is not None:
        assert left.headers.tobytes() == right.headers.tobytes()
    assert (left.patches is None) == (right.patches is None)
    if left.patches is not None:
        assert left.patches.index.tolist() == right.patches.index.tolist()
        assert left.patches.words.tolist() == right.patches.words.tolist()
    volume.close()


def segy_files():
    found = sorted(DATA.iterdir()) if DATA.exists() else []
    return [path.name for path in found if path.suffix.lower() in (".sgy", ".segy", ".sgy_first_trace")]


@pytest.mark.shared
@pytest.mark.skipif(not DATA.exists(), reason="../shared is absent")
@pytest.mark.parametrize("name", segy_files())
def test_shared_segy_comes_back_byte_for_byte(tmp_path, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            mdio.open(DATA / name, format="segy").close()
        except mdio.exceptions.FormatError:
            pytest.skip("the reader refuses it")
        convert(DATA / name, tmp_path / "x.vds", source_format="segy")
        convert(tmp_path / "x.vds", tmp_path / "back.sgy")
        convert(tmp_path / "x.vds", tmp_path / "x.mdio")
        convert(tmp_path / "x.mdio", tmp_path / "y.vds")
        convert(tmp_path / "y.vds", tmp_path / "again.sgy")
    assert (tmp_path / "back.sgy").read_bytes() == (DATA / name).read_bytes()
    assert (tmp_path / "again.sgy").read_bytes() == (DATA / name).read_bytes()


# -- truth after edits ---------------------------------------------------------------------------------------------

TEXT = ("C 1 ORIGINAL".ljust(80) * 40).encode("cp037")
HEAD = TEXT + bytes(20) + (30).to_bytes(2, "big") + bytes(2) + (5).to_bytes(2, "big") + bytes(374)


def from_segy():
    source = synthetic.volume((4, 5, 30), headers=standard_layout())
    facts = {
        "big_endian": True, "data_big_endian": True, "format": 5, "header_bytes": 240, "samples": 30,
        "interval_us": 4000.0, "text_offset": 0, "traces": 20,
    }  # fmt: skip
    metadata = Metadata(
        text=decode_text(TEXT),
        binary={"Samples": 30, "Format": 5},
        source=SourceFile("segy", facts, {"head": HEAD + b"more", "trailer": b"tail"}),
        order=TraceOrder("affine", 3, (1, 4)),
        trace_count=20,
        attributes={"crs": "EPSG:4326"},
    )
    source.schema = source.schema.with_metadata(**{name: getattr(metadata, name) for name in metadata.__slots__})
    return source


def edited(path, **values):
    """Replace metadata of the category SEGY, as somebody else's tool would."""
    target = ContainerTarget.edit(LocalStore(path))
    layout = parse_layout(target.layout_json())
    items = [
        MetadataItem(item.category, item.name, item.type, values.get(item.name, item.value))
        if item.category == "SEGY"
        else item
        for item in layout.metadata
    ]
    import dataclasses

    target.commit(write_layout(dataclasses.replace(layout, metadata=tuple(items))))
    target.close()
    return mdio.open(path)


def test_what_the_source_had_comes_back(tmp_path):
    source = from_segy()
    run(source, create(tmp_path / "x.vds", source), workers=1)
    metadata = mdio.open(tmp_path / "x.vds").schema.metadata
    assert metadata.source == source.schema.metadata.source
    assert metadata.text == source.schema.metadata.text
    assert metadata.binary == {"Samples": 30, "Format": 5}
    assert metadata.order == TraceOrder("affine", 3, (1, 4))
    assert metadata.attributes["crs"] == "EPSG:4326"
    assert metadata.statistics["honest"]["count"] == 600
    assert {"layout"} <= set(metadata.attributes)
    json.dumps(dict(metadata.attributes))


def test_headers_that_somebody_edited_are_the_truth(tmp_path):
    source = from_segy()
    run(source, create(tmp_path / "x.vds", source), workers=1)
    text = ("C 1 EDITED".ljust(80) * 40).encode("cp037")
    metadata = edited(tmp_path / "x.vds", TextHeader=text).schema.metadata
    assert metadata.text[0] == "C 1 EDITED".ljust(80)
    assert metadata.binary == {"Samples": 30, "Format": 5}
    assert metadata.source.blobs["head"] == text + HEAD[3200:] + b"more"
    binary = bytes(range(200)) * 2
    metadata = edited(tmp_path / "x.vds", BinaryHeader=binary).schema.metadata
    assert metadata.binary == {}
    assert metadata.source.blobs["head"] == text + binary + b"more"
    assert metadata.source.blobs["trailer"] == b"tail"


def test_a_text_that_was_edited_before_is_what_others_see(tmp_path):
    source = from_segy()
    source.schema = source.schema.with_metadata(text=("C 1 MINE".ljust(80), *[" " * 80] * 39))
    run(source, create(tmp_path / "x.vds", source), workers=1)
    volume = mdio.open(tmp_path / "x.vds")
    assert decode_text(volume.layout.value("SEGY", "TextHeader"))[0] == "C 1 MINE".ljust(80)
    assert volume.schema.metadata.text[0] == "C 1 MINE".ljust(80)
    assert volume.schema.metadata.source.blobs["head"] == HEAD + b"more"


def test_axes_that_somebody_renamed_are_the_truth(tmp_path):
    source = from_segy()
    run(source, create(tmp_path / "x.vds", source), workers=1)
    target = ContainerTarget.edit(LocalStore(tmp_path / "x.vds"))
    raw = json.loads(target.layout_json())
    raw["axisDescriptors"][1] |= {"name": "Y", "coordinateMin": 0.5, "coordinateMax": 2.5}
    target.commit(json.dumps(raw).encode())
    target.close()
    dims = mdio.open(tmp_path / "x.vds").schema.dims
    assert [dim.name for dim in dims] == ["inline", "y", "sample"]
    assert dims[1].coords.tolist() == [0.5, 1, 1.5, 2, 2.5]


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("Version", 2, "version 2"),
        ("Facts", "{", "damaged"),
        ("Facts", "[]", "damaged"),
        ("Facts", "{}", "damaged"),
        ("source/head", b"short", "damaged"),
    ],
)
def test_damaged_metadata_of_ours_are_refused(tmp_path, name, value, word):
    source = from_segy()
    run(source, create(tmp_path / "x.vds", source), workers=1)
    target = ContainerTarget.edit(LocalStore(tmp_path / "x.vds"))
    layout = parse_layout(target.layout_json())
    items = tuple(
        MetadataItem(i.category, i.name, i.type, value) if (i.category, i.name) == ("mdio", name) else i
        for i in layout.metadata
    )
    import dataclasses

    target.commit(write_layout(dataclasses.replace(layout, metadata=items)))
    target.close()
    with pytest.raises(mdio.exceptions.FormatError, match=word):
        mdio.open(tmp_path / "x.vds")


def test_the_survey_of_others_is_found(tmp_path):
    """Three traces tell origin and spacing: 10 m along inlines, 12.5 m along crosslines, turned."""
    source = synthetic.volume((6, 7, 10), headers=standard_layout(), live=lambda i, x: (i > 0) & (x > 1))
    words = source._headers.view(source.schema.headers.struct)
    il, xl = np.indices(words.shape)
    il, xl = il + 100, xl + 100
    words["coordinate_scalar"] = -100
    words["cdp_x"] = np.rint(100 * (5000 + 6 * il + 10 * xl))
    words["cdp_y"] = np.rint(100 * (9000 + 8 * il - 7.5 * xl))
    run(source, create(tmp_path / "x.vds", source), workers=1)
    layout = mdio.open(tmp_path / "x.vds").layout
    assert layout.value("SurveyCoordinateSystem", "Origin") == pytest.approx((5000, 9000))
    assert layout.value("SurveyCoordinateSystem", "InlineSpacing") == pytest.approx((6, 8))
    assert layout.value("SurveyCoordinateSystem", "CrosslineSpacing") == pytest.approx((10, -7.5))
    assert layout.value("SurveyCoordinateSystem", "Unit") == "m"
    assert layout.value("SEGY", "TextHeader")[:15].decode("cp037") == "C 1 SYNTHETIC  "
    assert layout.value("SEGY", "BinaryHeader")[16:26] == bytes([15, 160, 0, 0, 0, 10, 0, 0, 0, 5])
    assert imported_source(layout).facts["interval_us"] == 4000


def test_a_line_has_the_positions_of_its_traces(tmp_path):
    source = synthetic.volume((9, 10), headers=standard_layout())
    words = source._headers.view(source.schema.headers.struct)
    words["coordinate_scalar"] = 10
    words["cdp_x"], words["cdp_y"] = np.arange(9) * 3, 7
    run(source, create(tmp_path / "x.vds", source), workers=1)
    layout = mdio.open(tmp_path / "x.vds").layout
    positions = np.frombuffer(layout.value("TraceCoordinates", "TracePositions")).reshape(9, 2)
    assert positions[:, 0].tolist() == (np.arange(9) * 30).tolist()
    assert positions[:, 1].tolist() == [70] * 9
    assert layout.layout.create_2d_lods
    assert layout.value("SurveyCoordinateSystem", "Origin") is None


def test_hashes_prove_the_chunks(tmp_path):
    """The low half of a hash of ours is the CRC32C of the payload; zlib has another CRC, so it is not that."""
    import google_crc32c

    source = synthetic.volume((4, 5, 30))
    run(source, create(tmp_path / "x.vds", source), workers=1)
    layer = mdio.open(tmp_path / "x.vds")._source.layers["Dimensions_012LOD0"]
    payload, hash = layer.payload(0), layer.entry(0).hash
    assert hash & 0xFFFF_FFFF == google_crc32c.value(payload) != zlib.crc32(payload)
