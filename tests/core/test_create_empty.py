"""Datasets from a grid or an array, as MDIO 0.9 makes them; read by zarr-python and, where it is there, by 0.9.3."""

import json

import fsspec
import numpy as np
import pytest
import zarr

import mdio
from mdio import (
    Dimension,
    Grid,
    MDIOCreateConfig,
    MDIOReader,
    MDIOVariableConfig,
    create_empty,
    create_empty_like,
    numpy_to_mdio,
)
from mdio.exceptions import CodecError, ConfigError, MDIOAlreadyExistsError, ShapeError, WrongTypeError

STATISTICS = ("mean", "std", "rms", "min", "max")


def grid():
    return Grid([Dimension([1, 2, 3], "inline"), Dimension([5, 6], "crossline"), Dimension([0, 4, 8, 12], "sample")])


def config(path, *variables):
    return MDIOCreateConfig(
        str(path), grid(), list(variables) or [MDIOVariableConfig("chunked_012", "float32", (2, 2, 4))]
    )


def ramp(dtype="f4"):
    return np.arange(1, 25).reshape(3, 2, 4).astype(dtype)


def test_module_paths():
    import mdio.converters.numpy
    import mdio.core.factory

    assert mdio.core.factory.create_empty is create_empty
    assert mdio.core.factory.create_empty_like is create_empty_like
    assert mdio.core.factory.MDIOCreateConfig is MDIOCreateConfig
    assert mdio.converters.numpy.numpy_to_mdio is numpy_to_mdio
    with pytest.raises(AttributeError):
        _ = mdio.core.factory.create_full


# -- empty -------------------------------------------------------------------------------------------------------


def test_an_empty_dataset(tmp_path):
    root = create_empty(
        config(
            tmp_path / "a.mdio",
            MDIOVariableConfig(
                "chunked_012", "float32", (2, 2, 4), header_dtype=np.dtype([("inline", ">i4"), ("x", "f4")])
            ),
            MDIOVariableConfig("chunked_fast", "int16", (1, 2, 4), compressors="auto"),
        )
    )
    assert isinstance(root, zarr.Group)
    assert dict(root.attrs)["dimension"] == [
        {"name": "inline", "coords": [1, 2, 3]},
        {"name": "crossline", "coords": [5, 6]},
        {"name": "sample", "coords": [0, 4, 8, 12]},
    ]
    assert {key: root.attrs[key] for key in (*STATISTICS, "trace_count")} == dict.fromkeys(
        (*STATISTICS, "trace_count"), 0
    )
    one, fast = root["data/chunked_012"], root["data/chunked_fast"]
    assert (one.shape, one.chunks, one.dtype, one.compressors) == ((3, 2, 4), (2, 2, 4), np.dtype("f4"), ())
    assert (fast.chunks, fast.dtype, len(fast.compressors)) == ((1, 2, 4), np.dtype("i2"), 1)
    assert root["metadata/chunked_012_trace_headers"].dtype == np.dtype([("inline", "<i4"), ("x", "<f4")])
    assert root["metadata/chunked_fast_trace_headers"].dtype.itemsize == 240
    assert root["metadata/chunked_fast_trace_headers"].chunks == (1, 2)
    assert root["metadata/live_mask"].shape == (3, 2)
    assert not root["metadata/live_mask"][:].any()
    reader = MDIOReader(tmp_path / "a.mdio", return_metadata=True)
    live, headers, samples = reader[:]
    assert not live.any()
    assert not samples.any()
    assert headers["inline"].tolist() == [[0, 0]] * 3
    assert reader.trace_count == 0
    assert len(reader.text_header) == 40


def test_what_is_returned_can_be_filled(tmp_path):
    root = create_empty(config(tmp_path / "a.mdio"))
    root["data/chunked_012"][:] = ramp()
    root["metadata/live_mask"][:] = True
    reader = MDIOReader(tmp_path / "a.mdio")
    assert np.array_equal(reader[:], ramp())
    assert reader.trace_count == 6


def test_filled_by_a_writer(tmp_path):
    create_empty(config(tmp_path / "a.mdio"))
    with mdio.MDIOWriter(tmp_path / "a.mdio") as writer:
        writer[1:] = ramp()[1:]
    live, _, samples = MDIOReader(tmp_path / "a.mdio", return_metadata=True)[:]
    assert live.tolist() == [[False, False], [True, True], [True, True]]
    assert np.array_equal(samples[1:], ramp()[1:])


def test_one_that_is_there(tmp_path):
    create_empty(config(tmp_path / "a.mdio"))
    with pytest.raises(MDIOAlreadyExistsError):
        create_empty(config(tmp_path / "a.mdio"))
    create_empty(config(tmp_path / "a.mdio", MDIOVariableConfig("chunked_fast", "f8")), overwrite=True)
    assert MDIOReader(tmp_path / "a.mdio").volume.access_patterns == ("fast",)


def test_codecs(tmp_path):
    from numcodecs import Zlib

    given = {"none": None, "object": Zlib(3), "dict": {"id": "zlib", "level": 3}, "list": [Zlib(3)]}
    variables = [MDIOVariableConfig(f"chunked_{name}", "f4", compressors=codec) for name, codec in given.items()]
    root = create_empty(config(tmp_path / "a.mdio", *variables))
    assert root["data/chunked_none"].compressors == ()
    for name in ("object", "dict", "list"):
        assert root[f"data/chunked_{name}"].compressors[0].get_config() == {"id": "zlib", "level": 3}


@pytest.mark.parametrize(
    ("variable", "error", "text"),
    [
        (MDIOVariableConfig("data", "f4"), ConfigError, "chunked_012"),
        (MDIOVariableConfig("chunked_../x", "f4"), ConfigError, "no name"),
        (MDIOVariableConfig("chunked_a", "U4"), WrongTypeError, "no real numbers"),
        (MDIOVariableConfig("chunked_a", "f4", (2, 2)), ShapeError, "3 positive lengths"),
        (MDIOVariableConfig("chunked_a", "f4", (2, 2, 0)), ShapeError, "3 positive lengths"),
        (MDIOVariableConfig("chunked_a", "f4", header_dtype="i4"), WrongTypeError, "structured"),
        (MDIOVariableConfig("chunked_a", "f4", compressors=[1, 2]), ConfigError, "several codecs"),
        (MDIOVariableConfig("chunked_a", "f4", compressors={"id": "nonsense"}), CodecError, "nonsense"),
    ],
)
def test_arrays_that_cannot_be_made(tmp_path, variable, error, text):
    with pytest.raises(error) as caught:
        create_empty(config(tmp_path / "a.mdio", variable))
    assert text in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_dataset_needs_an_array(tmp_path):
    with pytest.raises(ConfigError, match="no array"):
        create_empty(MDIOCreateConfig(str(tmp_path / "a.mdio"), grid(), []))


def test_like_another(tmp_path):
    numpy_to_mdio(ramp(), tmp_path / "a.mdio", (2, 2, 4), ["inline", "crossline", "sample"])
    create_empty_like(str(tmp_path / "a.mdio"), str(tmp_path / "b.mdio"))
    source, made = MDIOReader(tmp_path / "a.mdio"), MDIOReader(tmp_path / "b.mdio")
    assert (made.shape, made.chunks, made.binary_header) == (source.shape, source.chunks, source.binary_header)
    assert not made[:].any()
    assert not made.live_mask[:].any()
    assert made.stats == dict.fromkeys(STATISTICS, 0)
    assert made.trace_count == 0


# -- arrays ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "u1", ">f4", ">i4"])
def test_an_array(tmp_path, dtype):
    numpy_to_mdio(ramp(dtype), tmp_path / "a.mdio", (2, 2, 3), ["inline", "crossline", "sample"])
    group = zarr.open_consolidated(tmp_path / "a.mdio", mode="r")
    array = group["data/chunked_012"]
    assert (array.chunks, array.dtype) == ((2, 2, 3), np.dtype(dtype).newbyteorder("<"))
    assert np.array_equal(array[:], ramp())
    assert group["metadata/live_mask"][:].all()
    assert group.attrs["trace_count"] == 6
    # 1 to 24: mean 12.5, variance (24² - 1) / 12.
    assert group.attrs["mean"] == pytest.approx(12.5)
    assert group.attrs["std"] == pytest.approx(np.sqrt(575 / 12))
    assert group.attrs["rms"] == pytest.approx(np.sqrt(575 / 12 + 12.5**2))
    assert (group.attrs["min"], group.attrs["max"]) == (1, 24)
    reader = MDIOReader(tmp_path / "a.mdio", return_metadata=True)
    live, headers, samples = reader[:]
    assert np.array_equal(samples, ramp())
    assert live.all()
    assert not headers["189"].any()
    assert reader.grid.dim_names == ("inline", "crossline", "sample")


def test_statistics_count_every_sample_and_every_trace_once(tmp_path):
    """Chunks that cut traces, zeros, and what is not finite."""
    array = ramp()
    array[0, 0] = [0, np.nan, np.inf, 0]
    numpy_to_mdio(array, tmp_path / "a.mdio", (1, 1, 1))
    attributes = json.loads((tmp_path / "a.mdio" / ".zattrs").read_text())
    assert attributes["trace_count"] == 6
    assert attributes["mean"] == pytest.approx(np.arange(5, 25).mean())
    honest = attributes["mdio"]["statistics"]
    assert (honest["count"], honest["nan_count"], honest["inf_count"], honest["min"]) == (22, 1, 1, 0)


def test_names_and_coordinates(tmp_path):
    numpy_to_mdio(ramp(), tmp_path / "a.mdio", (3, 2, 4))
    assert MDIOReader(tmp_path / "a.mdio").grid.dim_names == ("dim_0", "dim_1", "sample")
    assert MDIOReader(tmp_path / "a.mdio").grid.select_dim("sample").coords.tolist() == [0, 1, 2, 3]
    coords = {"il": [10, 20, 50], "xl": np.array([2.5, 3.5]), "sample": np.linspace(0, 0.3, 4)}
    numpy_to_mdio(ramp(), tmp_path / "b.mdio", (3, 2, 4), list(coords), coords)
    for name, values in coords.items():
        assert MDIOReader(tmp_path / "b.mdio").grid.select_dim(name).coords.tolist() == list(values)


def test_other_numbers_of_dimensions(tmp_path):
    for shape in ((6, 8), (2, 3, 4, 5), (1, 2, 3, 2, 4)):
        array = np.arange(np.prod(shape), dtype="f4").reshape(shape)
        path = tmp_path / f"{len(shape)}.mdio"
        numpy_to_mdio(array, path, [2] * len(shape))
        pattern = "01234"[: len(shape)]
        assert np.array_equal(MDIOReader(path, pattern)[:], array)


def test_lossy(tmp_path):
    pytest.importorskip("zfpy")
    array = np.random.default_rng(1).normal(size=(20, 20, 20)).astype("f4")
    numpy_to_mdio(array, tmp_path / "a.mdio", (20, 20, 20), lossless=False, compression_tolerance=0.05)
    stored = zarr.open_consolidated(tmp_path / "a.mdio", mode="r")["data/chunked_012"][:]
    assert 0 < np.abs(stored - array).max() <= 0.05
    array[3, 4, 5] = np.nan
    if pytest.importorskip("mdio_compression"):
        with pytest.raises(CodecError, match="nan"):
            numpy_to_mdio(array, tmp_path / "b.mdio", (20, 20, 20), lossless=False)
        assert [path.name for path in tmp_path.iterdir()] == ["a.mdio"]


def test_views_and_other_orders(tmp_path):
    array = np.asfortranarray(np.arange(60, dtype="f4").reshape(3, 4, 5))[::-1, ::2]
    numpy_to_mdio(array, tmp_path / "a.mdio", (2, 2, 2))
    assert np.array_equal(MDIOReader(tmp_path / "a.mdio")[:], array)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"chunksize": (2, 2)}, ShapeError),
        ({"index_names": ["a"]}, ShapeError),
        ({"index_names": ["a", "a", "sample"]}, ShapeError),
        ({"index_coords": {"zz": [1]}}, ShapeError),
        (
            {"index_names": ["a", "b", "sample"], "index_coords": {"a": [0, 1], "b": [0, 1], "sample": range(4)}},
            ShapeError,
        ),
        ({"array": np.ones(5)}, ShapeError),
        ({"array": np.ones((3, 0, 4))}, ShapeError),
        ({"array": np.ones((3, 2, 4), dtype=complex)}, WrongTypeError),
        ({"header_dtype": "f4"}, WrongTypeError),
    ],
)
def test_arrays_that_do_not_fit(tmp_path, arguments, error):
    with pytest.raises(error):
        numpy_to_mdio(
            **{"array": ramp(), "mdio_path_or_buffer": tmp_path / "a.mdio", "chunksize": (2, 2, 2)} | arguments
        )
    assert issubclass(error, ValueError | TypeError)
    assert list(tmp_path.iterdir()) == []


def test_an_array_in_an_object_store():
    numpy_to_mdio(ramp(), "memory://made/a.mdio", (2, 2, 2))
    assert np.array_equal(MDIOReader("memory://made/a.mdio")[:], ramp())
    with pytest.raises(MDIOAlreadyExistsError):
        numpy_to_mdio(ramp(), "memory://made/a.mdio", (2, 2, 2))
    numpy_to_mdio(2 * ramp(), "memory://made/a.mdio", (2, 2, 2), overwrite=True)
    assert np.array_equal(MDIOReader("memory://made/a.mdio")[:], 2 * ramp())
    root = create_empty(config("memory://made/b.mdio"))
    assert root["data/chunked_012"].shape == (3, 2, 4)
    fsspec.filesystem("memory").rm("/made", recursive=True)


def test_in_chunks_of_the_default_layout(tmp_path):
    create_empty(config(tmp_path / "a.mdio", MDIOVariableConfig("chunked_012", "float32")))
    assert MDIOReader(tmp_path / "a.mdio").chunks == (64, 64, 64)
