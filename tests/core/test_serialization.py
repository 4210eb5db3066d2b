"""Dimensions and grids as text; the expected texts are those that MDIO 0.8.5 and 0.9.3 write."""

import inspect
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import mdio.core.exceptions
import mdio.exceptions
from mdio.core.dimension import Dimension, DimensionSerializer
from mdio.core.grid import Grid
from mdio.core.serialization import Serializer, get_deserializer, get_serializer
from mdio.exceptions import ConfigError, FormatError, MissingKeysError, ShapeError

JSON = '{"name": "inline", "length": 2, "coords": [1, 2]}'
YAML = "name: inline\nlength: 2\ncoords:\n- 1\n- 2\n"


@pytest.mark.parametrize(("stream_format", "text"), [("JSON", JSON), ("json", JSON), ("YAML", YAML), ("Yaml", YAML)])
def test_a_dimension_as_text(stream_format, text):
    axis = Dimension([1, 2], "inline")
    assert axis.serialize(stream_format) == text
    assert DimensionSerializer(stream_format).serialize(axis) == text
    assert Dimension.deserialize(text, stream_format) == axis
    assert DimensionSerializer(stream_format).deserialize(text) == axis


def test_a_regular_axis_writes_its_coordinates():
    assert Dimension.regular("sample", 0, 0.5, 3, "ms").serialize("JSON").endswith('"coords": [0.0, 0.5, 1.0]}')


@example("YAML", "a\x85b", [1])  # a line break to YAML
@given(
    st.sampled_from(["JSON", "YAML"]),
    st.text(),
    st.lists(st.integers(-(2**62), 2**62)) | st.lists(st.floats(allow_nan=False, allow_infinity=False)),
)
def test_what_is_written_is_read(stream_format, name, coords):
    axis = Dimension(np.array(coords), name)
    assert Dimension.deserialize(axis.serialize(stream_format), stream_format) == axis


def test_dictionaries():
    axis = Dimension([1, 2], "inline")
    assert axis.to_dict() == {"name": "inline", "coords": [1, 2]}
    assert Dimension.from_dict(axis.to_dict()) == axis
    assert Dimension.from_dict({"coords": range(3), "name": "x", "length": 3, "other": 1}).size == 3


def test_wrong_dimensions():
    with pytest.raises(MissingKeysError, match="missing: coords") as error:
        Dimension.from_dict({"name": "x"})
    assert isinstance(error.value, KeyError)  # as MDIO 0.x raises
    assert error.value.missing == ("coords",)
    with pytest.raises(ShapeError, match="length 3, but 2"):
        Dimension.from_dict({"name": "x", "length": 3, "coords": [1, 2]})
    with pytest.raises(ShapeError, match="2-D"):
        Dimension.deserialize('{"name": "x", "coords": [[1, 2], [3, 4]]}', "JSON")


@pytest.mark.parametrize(
    ("stream_format", "text", "message"),
    [
        ("JSON", '{"name": ', "not JSON"),
        ("JSON", "[1]", "holds a list"),
        ("YAML", "a: [", "not YAML"),
        ("YAML", "text", "holds a str"),
        ("YAML", "!!python/object/apply:os.getcwd []", "not YAML"),
        ("JSON", "[" * 100_000, "JSON"),
        ("YAML", "[" * 100_000, "YAML"),
    ],
)
def test_text_that_is_not_what_it_should_be(stream_format, text, message):
    with pytest.raises(FormatError, match=message):
        Dimension.deserialize(text, stream_format)


@pytest.mark.parametrize("make", [DimensionSerializer, get_serializer, get_deserializer])
def test_unknown_formats_suggest_the_near_one(make):
    with pytest.raises(ConfigError, match="did you mean 'YAML'") as error:
        make("yml")
    assert isinstance(error.value, ValueError)
    with pytest.raises(ConfigError, match="choose JSON or YAML"):
        make("xml")


def test_payloads_keep_the_keys_of_the_signature():
    def function(a, b, c=3, *rest, **others): ...

    signature = inspect.signature(function)
    assert Serializer.validate_payload({"a": 1, "b": 2, "x": 9}, signature) == {"a": 1, "b": 2}
    assert Serializer.validate_payload({"a": 1, "b": 2, "c": 4}, signature) == {"a": 1, "b": 2, "c": 4}
    with pytest.raises(MissingKeysError, match="missing: a, b; there is x"):
        Serializer.validate_payload({"x": 1}, signature)


def test_the_base_class_is_abstract():
    with pytest.raises(TypeError):
        Serializer("JSON")


@pytest.mark.parametrize("stream_format", ["JSON", "YAML"])
def test_grids(stream_format):
    grid = Grid([Dimension([1, 2], "inline"), Dimension([0, 4, 8], "sample")], live_mask=np.ones(2, bool))
    text = grid.serialize(stream_format)
    if stream_format == "JSON":
        assert text == '[{"name": "inline", "coords": [1, 2]}, {"name": "sample", "coords": [0, 4, 8]}]'
    back = Grid.deserialize(text, stream_format)
    assert back.dims == grid.dims
    assert back.live_mask is None
    with pytest.raises(FormatError, match="no list of dimensions"):
        Grid.deserialize("1", stream_format)


def test_all_errors_have_the_old_place_too():
    names = [
        "GridTraceCountError",
        "GridTraceSparsityError",
        "EnvironmentFormatError",
        "MDIOError",
        "ShapeError",
        "WrongTypeError",
        "InvalidMDIOError",
        "MDIOAlreadyExistsError",
        "MDIONotFoundError",
        "GridOverrideInputError",
        "GridOverrideUnknownError",
        "GridOverrideKeysError",
        "GridOverrideMissingParameterError",
        "GridOverrideIncompatibleError",
    ]
    for name in {*names, *mdio.exceptions.__all__}:
        assert getattr(mdio.core.exceptions, name) is getattr(mdio.exceptions, name)
    assert mdio.core.exceptions.__all__ == mdio.exceptions.__all__


def test_yaml_is_imported_when_it_is_used():
    code = "import sys, mdio.core.dimension as d; d.Dimension([1], 'x').serialize('json'); print('yaml' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "False\n"
