"""Examples of the API reference: coordinates, lists of lines, dimensions and their JSON and YAML, import and export."""

import inspect
import json

import numpy as np
import pytest
import yaml
from plain_segy import read_plain
from segy_bytes import ibm_words, segy

import mdio
from mdio import MDIOReader, mdio_to_segy, segy_to_mdio
from mdio.core.dimension import Dimension
from mdio.exceptions import MDIOError, MDIONotFoundError, ShapeError


@pytest.fixture(scope="module")
def path(small, folder):
    segy_to_mdio(
        segy_path=str(small.path),
        mdio_path_or_buffer=str(folder / "a.mdio"),
        index_bytes=(189, 193),
        index_names=("inline", "crossline"),
        chunksize=(8, 8, 16),
    )
    return str(folder / "a.mdio")


# -- accessor ----------------------------------------------------------------------------------------------------


def is_positions(found, expected):
    assert isinstance(found, np.ndarray)
    assert found.dtype.kind in "iu"
    assert found.tolist() == expected


def test_coordinates_to_positions(path):
    reader = MDIOReader(path)
    is_positions(reader.coord_to_index([10, 7, 15], dimensions="inline"), [8, 5, 13])
    ils, xls = [10, 7, 15], [5, 10]
    found = reader.coord_to_index(ils, xls, dimensions=["inline", "crossline"])
    assert isinstance(found, tuple)
    is_positions(found[0], [8, 5, 13])
    is_positions(found[1], [3, 8])
    found = reader.coord_to_index(10, 5, [50, 100])
    is_positions(found[0], [8])
    is_positions(found[1], [3])
    is_positions(found[2], [25, 50])


def test_positions_of_coordinates_slice(path, small):
    reader = MDIOReader(path)
    ils, xls = reader.coord_to_index([10, 7, 15], [5, 10], dimensions=["inline", "crossline"])
    np.testing.assert_array_equal(reader[ils], small.samples[[8, 5, 13]])
    np.testing.assert_array_equal(reader[:, xls], small.samples[:, [3, 8]])
    np.testing.assert_array_equal(reader[ils, xls], small.samples[[8, 5, 13]][:, [3, 8]])
    lists = list(ils), list(xls)
    np.testing.assert_array_equal(reader[lists], small.samples[[8, 5, 13]][:, [3, 8]])


def test_coordinates_that_are_not_there(path):
    reader = MDIOReader(path)
    with pytest.raises(ValueError, match="1000"):
        reader.coord_to_index(1000, dimensions="inline")
    with pytest.raises(ShapeError):
        reader.coord_to_index(10, 5)
    with pytest.raises(ShapeError):
        reader.coord_to_index(10, 5, dimensions="inline")


@pytest.mark.parametrize(
    ("key", "plain"),
    [
        (np.s_[15], np.s_[15]),
        (np.s_[:, 5], np.s_[:, 5]),
        (np.s_[..., 25], np.s_[:, :, 25]),
        (np.s_[:], np.s_[:]),
        (np.s_[...], np.s_[...]),
        (np.s_[-1], np.s_[-1]),
        (np.s_[3, 4, 5], np.s_[3, 4, 5]),
        (np.s_[3:5, ..., 7], np.s_[3:5, :, 7]),
        (np.s_[1:20:3, ::-1, 10:4:-2], np.s_[1:20:3, ::-1, 10:4:-2]),
        (np.s_[5:5], np.s_[5:5]),
        (np.s_[:, 2:9, 30:], np.s_[:, 2:9, 30:]),
    ],
)
def test_keys(path, small, key, plain):
    """Samples under any basic key of numpy; mask and headers under its part without the sample axis."""
    live, headers, samples = MDIOReader(path, return_metadata=True)[key]
    np.testing.assert_array_equal(samples, small.samples[plain], strict=True)
    spatial = plain[:2] if isinstance(plain, tuple) else plain
    np.testing.assert_array_equal(live, small.live[spatial])
    np.testing.assert_array_equal(headers["73"], small.words[73][spatial])
    np.testing.assert_array_equal(headers["source_coord_x"], small.words[73][spatial])
    assert np.shape(live) == np.shape(headers) == np.shape(small.live[spatial])
    np.testing.assert_array_equal(MDIOReader(path)[key], small.samples[plain], strict=True)


def test_properties(path, small):
    reader = MDIOReader(path)
    assert reader.n_dim == 3
    assert reader.shape == (23, 14, 60)
    assert reader.chunks == (8, 8, 16)
    assert reader.trace_count == small.live.sum()
    assert reader.text_header == small.text
    assert reader.binary_header["JobID"] == 7
    assert {key: reader.stats[key] for key in small.statistics} == pytest.approx(small.statistics, rel=1e-9)
    np.testing.assert_array_equal(reader.live_mask[:], small.live)


def test_arguments_by_position(path, small):
    """path, access_pattern, storage_options, return_metadata, new_chunks, backend, memory_cache_size, disk_cache."""
    reader = MDIOReader(path, "012", {}, True, None, "zarr", 2**20, False)
    np.testing.assert_array_equal(reader[4][2], small.samples[4])


def test_dask(path, small):
    pytest.importorskip("dask.array", reason="the dask backend needs dask")
    reader = MDIOReader(path, return_metadata=True, new_chunks=(16, 14, 60), backend="dask")
    live, headers, samples = reader[2:9, :, 30]
    assert samples.chunks[0] == (7,)
    np.testing.assert_array_equal(samples.compute(), small.samples[2:9, :, 30])
    np.testing.assert_array_equal(live.compute(), small.live[2:9])
    np.testing.assert_array_equal(headers.compute()["73"], small.words[73][2:9])


def test_what_is_not_there(path, tmp_path):
    with pytest.raises(MDIONotFoundError):
        MDIOReader(str(tmp_path / "none.mdio"))
    with pytest.raises(MDIOError, match="fast_il"):
        MDIOReader(path, access_pattern="fast_il")


# -- dimensions --------------------------------------------------------------------------------------------------


@pytest.fixture
def dimension():
    return Dimension(coords=[10, 20, 40], name="inline")


def test_a_dimension(dimension):
    assert (dimension.name, dimension.size, dimension.min(), dimension.max()) == ("inline", 3, 10, 40)
    assert dimension == Dimension((10, 20, 40), "inline")
    assert dimension != Dimension([10, 20, 41], "inline")
    assert Dimension(range(3), "x").coords.tolist() == [0, 1, 2]
    with pytest.raises(TypeError):
        dimension == 3  # noqa: B015
    with pytest.raises(ShapeError):
        Dimension([[1, 2]], "x")


def test_a_dimension_as_a_dictionary(dimension):
    assert dimension.to_dict() == {"name": "inline", "coords": [10, 20, 40]}
    assert Dimension.from_dict({"name": "inline", "coords": [10, 20, 40]}) == dimension


@pytest.mark.parametrize("stream_format", ["JSON", "YAML", "json"])
def test_a_dimension_as_text(dimension, stream_format):
    """Releases 0.8.5 and 0.9.3 write these three keys in this order."""
    text = dimension.serialize(stream_format)
    loaded = (yaml.safe_load if stream_format == "YAML" else json.loads)(text)
    assert list(loaded.items()) == [("name", "inline"), ("length", 3), ("coords", [10, 20, 40])]
    assert Dimension.deserialize(text, stream_format) == dimension


def test_the_serializer_of_dimensions(dimension):
    from mdio.core.dimension import DimensionSerializer

    serializer = DimensionSerializer("JSON")
    assert serializer.serialize(dimension) == '{"name": "inline", "length": 3, "coords": [10, 20, 40]}'
    assert serializer.deserialize('{"name": "x", "coords": [1.5, 2]}') == Dimension([1.5, 2.0], "x")
    with pytest.raises(KeyError, match="coords"):
        serializer.deserialize('{"name": "x"}')
    with pytest.raises(ValueError, match="TOML"):
        DimensionSerializer("TOML")


def test_serializers_of_other_things():
    from mdio.core.serialization import Serializer, get_deserializer, get_serializer

    for stream_format in ("JSON", "YAML"):
        text = get_serializer(stream_format)({"b": 1, "a": [1, 2]})
        assert get_deserializer(stream_format)(text) == {"b": 1, "a": [1, 2]}
    with pytest.raises(ValueError, match="XML"):
        get_serializer("XML")
    with pytest.raises(TypeError):
        Serializer("JSON")  # abstract
    signature = inspect.signature(Dimension)
    payload = {"name": "x", "coords": [1], "more": 3}
    assert Serializer.validate_payload(payload, signature).items() >= {"name": "x", "coords": [1]}.items()
    assert "more" not in Serializer.validate_payload(payload, signature)
    with pytest.raises(KeyError):
        Serializer.validate_payload({"name": "x"}, signature)


# -- converters --------------------------------------------------------------------------------------------------


def test_documented_places():
    from mdio.api import accessor, convenience
    from mdio.converters.mdio import mdio_to_segy as export
    from mdio.converters.segy import segy_to_mdio as ingest

    assert export is mdio_to_segy
    assert ingest is segy_to_mdio
    assert accessor.MDIOReader is MDIOReader
    for name in ("copy_mdio", "rechunk", "rechunk_batch"):
        assert callable(getattr(convenience, name))
        assert getattr(mdio, name) is getattr(convenience, name)
    assert mdio.MDIOWriter is accessor.MDIOWriter
    assert mdio.MDIOAccessor is accessor.MDIOAccessor
    assert mdio.Dimension is Dimension


def test_a_selection_as_ieee(path, small, tmp_path):
    boolean_mask = np.zeros((23, 14), bool)
    boolean_mask[3:9, 2:5] = True
    mdio_to_segy(
        mdio_path_or_buffer=path,
        output_segy_path=str(tmp_path / "file.segy"),
        selection_mask=boolean_mask,
        out_sample_format="float32",
    )
    plain = read_plain(tmp_path / "file.segy")
    chosen = boolean_mask & small.live
    assert int.from_bytes(plain.binary[24:26], "big") == 5
    np.testing.assert_array_equal(plain.words.view(np.float32), small.samples[chosen])
    np.testing.assert_array_equal(plain.header(73), small.words[73][chosen])
    with pytest.raises(ValueError, match=r"."):
        mdio_to_segy(path, str(tmp_path / "none.segy"), selection_mask=np.zeros((23, 14), bool))
    assert not (tmp_path / "none.segy").exists()


STREAMER = {
    "shot": np.repeat([5, 6, 7], 8),
    "cable": np.tile(np.repeat([1, 2], 4), 3),
    "channel": np.tile(np.arange(1, 9), 3),  # goes on over the cables
}


@pytest.fixture
def streamer(tmp_path):
    """Three shots into two cables of four channels; the cable is a 2-byte word at 137."""
    values = ibm_words(np.random.default_rng(1), (24, 10))
    body = {17: STREAMER["shot"], 13: STREAMER["channel"], 137: STREAMER["cable"] << 16}
    (tmp_path / "shot_file.segy").write_bytes(segy(body, values))
    return tmp_path / "shot_file.segy"


@pytest.mark.parametrize(
    "call",
    [
        {
            "index_bytes": (17, None, 13),
            "index_lengths": (4, None, 4),
            "index_names": ("shot", "cable", "channel"),
            "chunksize": (8, 2, 128, 1024),
            "grid_overrides": {"ChannelWrap": True, "ChannelsPerCable": 4, "CalculateCable": True},
        },
        {
            "index_bytes": (17, 137, 13),
            "index_lengths": (4, 2, 4),
            "index_names": ("shot_point", "cable", "channel"),
            "chunksize": (8, 2, 128, 1024),
            "grid_overrides": {"ChannelWrap": True, "ChannelsPerCable": 4},
        },
        {
            "index_bytes": (17, 137, 13),
            "index_lengths": (4, 2, 4),
            "index_names": ("shot_point", "cable", "channel"),
            "chunksize": (8, 2, 128, 1024),
            "grid_overrides": {"AutoChannelWrap": True, "AutoChannelTraceQC": 1000000},
        },
    ],
    ids=["cable-calculated", "cable-in-headers", "auto"],
)
def test_streamers_with_lengths(streamer, tmp_path, call):
    """``index_lengths`` is how older releases were told of 2-byte words; the documentation has it in its examples."""
    segy_to_mdio(segy_path=str(streamer), mdio_path_or_buffer=str(tmp_path / "shot_file.mdio"), **call)
    reader = MDIOReader(str(tmp_path / "shot_file.mdio"))
    assert reader.shape == (3, 2, 4, 10)
    assert [reader.grid.dims[axis].coords.tolist() for axis in range(3)] == [[5, 6, 7], [1, 2], [1, 2, 3, 4]]
    assert reader.trace_count == 24
    mdio_to_segy(str(tmp_path / "shot_file.mdio"), str(tmp_path / "b.segy"), access_pattern="0123")
    assert (tmp_path / "b.segy").read_bytes() == streamer.read_bytes()
