"""How grid overrides are written, checked, ordered and carried on, those of other plugins too."""

import json
import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from mdio import overriding
from mdio.core.table import HeaderTable
from mdio.exceptions import (
    GridOverrideIncompatibleError,
    GridOverrideInputError,
    GridOverrideKeysError,
    GridOverrideMissingParameterError,
    GridOverrideUnknownError,
    PluginError,
    PluginLoadError,
    ShapeError,
)
from mdio.overriding import (
    AutoChannelWrap,
    CalculateCable,
    ChannelWrap,
    HasDuplicates,
    NonBinned,
    apply_overrides,
    chunks_with_added,
    normalise,
)
from mdio.plugins import GridOverride, hookimpl
from mdio.plugins.registry import registry

WRAP = {"ChannelWrap": {"ChannelsPerCable": 800}}
BOTH = {"CalculateCable": {"ChannelsPerCable": 800}, **WRAP}


def streamer():
    return HeaderTable(
        {"shot_point": np.repeat([1, 2], 8), "cable": np.zeros(16, "i2"), "channel": np.tile(np.arange(1, 9), 2)}
    )


@pytest.mark.parametrize(
    ("spelling", "expected"),
    [
        (None, {}),
        ({}, {}),
        ([], {}),
        ({"ChannelWrap": True, "ChannelsPerCable": 800}, WRAP),
        ({"ChannelsPerCable": 800, "ChannelWrap": True}, WRAP),
        ({"ChannelWrap": True, "channels_per_cable": 800}, WRAP),
        ({"ChannelWrap": {"ChannelsPerCable": 800}}, WRAP),
        ({"ChannelWrap": {"channels_per_cable": "800"}}, WRAP),
        ([{"ChannelWrap": {"ChannelsPerCable": 800}}], WRAP),
        ([{"ChannelWrap": True, "ChannelsPerCable": np.int64(800)}], WRAP),
        (["ChannelWrap", {"ChannelsPerCable": 800}], WRAP),
        (ChannelWrap(channels_per_cable=800), WRAP),
        ([ChannelWrap(ChannelsPerCable=800)], WRAP),
        ({"ChannelWrap": ChannelWrap(channels_per_cable=800)}, WRAP),
        ({"ChannelWrap": True, "ChannelsPerCable": 800, "CalculateCable": True}, BOTH),
        ([ChannelWrap(channels_per_cable=800), CalculateCable(channels_per_cable=800)], BOTH),
        ([{"ChannelWrap": None}, "CalculateCable", {"ChannelsPerCable": 800}], BOTH),
        ({"ChannelWrap": False, "ChannelsPerCable": 800}, {}),
        (
            {"ChannelWrap": False, "CalculateCable": 1, "ChannelsPerCable": 5},
            {"CalculateCable": {"ChannelsPerCable": 5}},
        ),
        ([{"HasDuplicates": {}}], {"HasDuplicates": {}}),
        ([{"HasDuplicates": None}], {"HasDuplicates": {}}),
        ("HasDuplicates", {"HasDuplicates": {}}),
        ([HasDuplicates(), {"NonBinned": False}], {"HasDuplicates": {}}),
        ([{"NonBinned": {"chunksize": 64}}], {"NonBinned": {"chunksize": 64}}),
        ({"NonBinned": True, "chunksize": 64}, {"NonBinned": {"chunksize": 64}}),
        (
            [NonBinned(chunksize=4, non_binned_dims=("offset",))],
            {"NonBinned": {"chunksize": 4, "non_binned_dims": ["offset"]}},
        ),
        (
            {"NonBinned": True, "chunksize": 4, "non_binned_dims": ["offset"]},
            {"NonBinned": {"chunksize": 4, "non_binned_dims": ["offset"]}},
        ),
        ({"AutoChannelWrap": True, "AutoChannelTraceQC": 1000000}, {"AutoChannelWrap": {}}),
        ([{"AutoChannelWrap": {"AutoChannelTraceQC": 1000000}}], {"AutoChannelWrap": {}}),
        ([AutoChannelWrap(), {"AutoChannelTraceQC": 1000000}], {"AutoChannelWrap": {}}),
        ({"AutoChannelTraceQC": 1000000}, {}),
    ],
)
def test_spellings(spelling, expected):
    found = normalise(spelling)
    assert list(found.items()) == list(expected.items())
    assert normalise(json.loads(json.dumps(found))) == found
    assert normalise([{name: params} for name, params in found.items()]) == found


@pytest.mark.parametrize(
    ("spelling", "error", "parts"),
    [
        ({"ChannelWarp": True}, GridOverrideUnknownError, ["'ChannelWarp'", "did you mean ChannelWrap"]),
        (["Hasduplicate"], GridOverrideUnknownError, ["did you mean HasDuplicates?"]),
        ({"Fold": True}, GridOverrideUnknownError, ["installed: AutoChannelWrap, "]),
        ({"ChannelWrap": True, "ChannelsPerCabel": 8}, GridOverrideUnknownError, ["did you mean ChannelsPerCable"]),
        ([{"ChannelWrap": {"ChannelsPerCabel": 8}}], GridOverrideInputError, ["did you mean ChannelsPerCable"]),
        ([{"HasDuplicates": {"chunksize": 8}}], GridOverrideInputError, ["no parameter chunksize", "takes: nothing"]),
        (
            {"HasDuplicates": True, "chunksize": 8},
            GridOverrideInputError,
            ["chunksize is a parameter of NonBinned, which is not switched on"],
        ),
        ({"ChannelWrap": True}, GridOverrideMissingParameterError, ["ChannelWrap", "ChannelsPerCable"]),
        ({"CalculateCable": {}}, GridOverrideMissingParameterError, ["CalculateCable", "ChannelsPerCable"]),
        ({"NonBinned": True}, GridOverrideMissingParameterError, ["NonBinned", "chunksize"]),
        (
            {"NonBinned": True, "chunksize": 0},
            GridOverrideInputError,
            ["chunksize of grid override NonBinned", "got 0"],
        ),
        ({"NonBinned": True, "chunksize": True}, GridOverrideInputError, ["expected a number", "got True"]),
        ({"NonBinned": True, "chunksize": 2.5}, GridOverrideInputError, ["chunksize", "got 2.5"]),
        ({"NonBinned": True, "chunksize": "many"}, GridOverrideInputError, ["chunksize", "got 'many'"]),
        ({"NonBinned": 64}, GridOverrideInputError, ["NonBinned: expected true, false", "got 64"]),
        ({"NonBinned": "yes"}, GridOverrideInputError, ["NonBinned: expected true, false", "got 'yes'"]),
        (64, GridOverrideInputError, ["64 is no grid override"]),
        ([64], GridOverrideInputError, ["64 is no grid override"]),
        (["HasDuplicates", {"HasDuplicates": False}], GridOverrideInputError, ["both on and off"]),
        (
            {"NonBinned": {"chunksize": 4}, "chunksize": 5},
            GridOverrideInputError,
            ["chunksize of grid override NonBinned is both 4 and 5"],
        ),
        ({"ChannelWrap": True, "AutoChannelWrap": True}, GridOverrideIncompatibleError, ["ChannelWrap and Auto"]),
        (
            {"AutoChannelWrap": True, "CalculateCable": True},
            GridOverrideIncompatibleError,
            ["AutoChannelWrap and Calc"],
        ),
        ({"NonBinned": True, "HasDuplicates": True}, GridOverrideIncompatibleError, ["NonBinned and HasDuplicates"]),
        ({"ChannelWrap": True, "HasDuplicates": True}, GridOverrideIncompatibleError, ["cannot be combined"]),
        ({"NonBinned": True, "CalculateCable": True}, GridOverrideIncompatibleError, ["cannot be combined"]),
    ],
)
def test_mistakes(spelling, error, parts):
    with pytest.raises(GridOverrideInputError) as raised:
        normalise(spelling)
    assert type(raised.value) is error
    assert raised.value.exit_code == 2
    for part in parts:
        assert part in str(raised.value)


def test_what_is_off_excludes_nothing():
    assert normalise({"AutoChannelWrap": False, "ChannelWrap": True, "ChannelsPerCable": 800}) == WRAP


def test_typed_objects_check_themselves():
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        ChannelWrap(channels_per_cable=0)
    with pytest.raises(ValidationError, match="ChannelsPerCable"):
        ChannelWrap()


def test_missing_keys_are_named_with_what_there_is():
    table = HeaderTable({"inline": np.arange(3), "cable": np.arange(3)})
    with pytest.raises(GridOverrideKeysError) as raised:
        apply_overrides(table, {"ChannelWrap": True, "ChannelsPerCable": 8})
    assert "needs the index keys shot_point, cable, channel" in str(raised.value)
    assert "no shot_point, channel among inline, cable" in str(raised.value)
    assert "--header-names shot_point,cable,channel" in raised.value.hint


def test_a_key_of_the_name_of_the_new_dimension():
    with pytest.raises(GridOverrideKeysError, match="makes the dimension trace"):
        apply_overrides(HeaderTable({"trace": np.arange(3)}), "HasDuplicates")


def test_nothing_to_do_returns_the_table():
    table = streamer()
    assert apply_overrides(table, {"HasDuplicates": False}) is table


# -- composition -------------------------------------------------------------------------------------------------

COMPATIBLE = (
    ("CalculateCable", "ChannelWrap", "AutoShotWrap"),
    ("AutoChannelWrap", "AutoShotWrap", "NonBinned"),
    ("AutoChannelWrap", "AutoShotWrap", "HasDuplicates"),
)
PARAMETERS = {
    "CalculateCable": {"ChannelsPerCable": 4},
    "ChannelWrap": {"ChannelsPerCable": 4},
    "NonBinned": {"chunksize": 3},
}


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_the_order_of_the_spelling_has_no_say(data):
    names = data.draw(st.sampled_from(COMPATIBLE).flatmap(lambda group: st.lists(st.sampled_from(group), unique=True)))
    count = 24
    columns = {
        name: data.draw(st.lists(st.integers(1, top), min_size=count, max_size=count))
        for name, top in (("shot_line", 2), ("gun", 2), ("shot_point", 9), ("cable", 2), ("channel", 8))
    }
    table = HeaderTable({name: np.array(column) for name, column in columns.items()})
    listed = [{name: PARAMETERS.get(name, {})} for name in names]
    flat = dict.fromkeys(names, True)
    for name in names:
        flat |= PARAMETERS.get(name, {})
    shuffled = dict(data.draw(st.permutations(list(flat.items()))))
    first = apply_overrides(table, sorted(listed, key=str))
    for spelling in (listed, listed[::-1], flat, shuffled):
        other = apply_overrides(table, spelling)
        assert other.names == first.names
        assert other.notes == first.notes
        for name in first.names:
            assert np.array_equal(other.columns[name], first.columns[name]), name


# -- overrides of other plugins ----------------------------------------------------------------------------------


class Halve(BaseModel, extra="forbid"):
    key: str
    by: int = 2


def halve(table, params):
    return table.replace(**{params.key: table.columns[params.key] // params.by})


def sides(table, params):
    assert params == {}
    return HeaderTable({**table.columns, "side": table.columns["channel"] % 2}, {**table.notes, "added": {"side": 9}})


def plain(table, params):
    return table.replace(plain=np.zeros(table.count, "i4"))


def short(table, params):
    return HeaderTable({"channel": table.columns["channel"][:-1]})


def nothing(table, params):
    return None


def same(table, params):
    return table


@pytest.fixture
def other(monkeypatch):
    """Overrides of another plugin."""
    module = types.ModuleType("other_overrides")
    for item in (Halve, halve, sides, plain, short, nothing, same):
        setattr(module, item.__name__, item)
    monkeypatch.setitem(__import__("sys").modules, "other_overrides", module)
    here = "other_overrides:"

    class Plugin:
        MDIO_API = "1.0"

        @hookimpl
        def mdio_grid_overrides(self):
            yield GridOverride(name="Sides", target=here + "sides", adds="side", keys=("channel",))
            yield GridOverride(
                name="Halving", target=here + "halve", options=here + "Halve", excludes=("AutoShotWrap",)
            )
            yield GridOverride(name="Plain", target=here + "plain", adds="plain", after=("Sides",))
            yield GridOverride(name="Short", target=here + "short")
            yield GridOverride(name="Nothing", target=here + "nothing")
            yield GridOverride(name="Same", target=here + "same", adds="never")
            yield GridOverride(name="Egg", target=here + "same", after=("Hen",))
            yield GridOverride(name="Hen", target=here + "same", after=("Egg",))
            yield GridOverride(name="Broken", target="nowhere:at_all", options="nowhere:Options")

    with registry().registered(Plugin(), "other", distribution="mdio-other"):
        yield


@pytest.mark.usefixtures("other")
def test_overrides_of_other_plugins():
    table = HeaderTable({"cdp": np.array([2, 3, 4, 5, 6]), "channel": np.array([1, 2, 3, 4, 5])})
    for spelling in (
        {"Halving": True, "key": "cdp", "HasDuplicates": True},
        [HasDuplicates(), Halve(key="cdp")],
        [{"HasDuplicates": {}}, {"Halving": {"key": "cdp", "by": 2}}],
    ):
        # 2//2, 3//2, … and channels apart: counted after what the other override made of the keys.
        result = apply_overrides(HeaderTable({"cdp": table.columns["cdp"]}), spelling)
        assert result.columns["cdp"].tolist() == [1, 1, 2, 2, 3]
        assert result.columns["trace"].tolist() == [1, 2, 1, 2, 1]
        assert result.notes["overrides"] == {"Halving": {"key": "cdp"}, "HasDuplicates": {}}


@pytest.mark.usefixtures("other")
def test_dimensions_of_other_plugins():
    result = apply_overrides(HeaderTable({"channel": np.arange(4)}), ["Plain", "Sides"])
    assert result.names == ("channel", "side", "plain")
    assert result.columns["side"].tolist() == [0, 1, 0, 1]
    assert result.notes["added"] == {"side": 9, "plain": 1}
    with pytest.raises(
        GridOverrideKeysError, match="Sides needs the index keys channel; there is no channel among cdp"
    ):
        apply_overrides(HeaderTable({"cdp": np.arange(4)}), "Sides")


@pytest.mark.usefixtures("other")
@pytest.mark.parametrize(
    ("spelling", "error", "part"),
    [
        ({"Sides": {"left": 1}}, GridOverrideInputError, "Sides takes no parameters, got left"),
        ({"Halving": True}, GridOverrideMissingParameterError, "key"),
        ({"Halving": {"key": "cdp", "bye": 3}}, GridOverrideInputError, "did you mean by?"),
        ({"AutoShotWrap": True, "Halving": {"key": "cdp"}}, GridOverrideIncompatibleError, "cannot be combined"),
        (["Egg", "Hen"], GridOverrideIncompatibleError, "Egg, Hen each want to run after another"),
        ("Short", PluginError, r"Short (other_overrides:short) returned a column of 15 for 16 traces"),
        ("Nothing", PluginError, "returned NoneType"),
        ("Same", PluginError, "did not make its dimension never"),
        ("Broken", PluginLoadError, "nowhere"),
        # A broken plugin does not hide what is wrong with another name.
        ({"Halvink": True}, GridOverrideUnknownError, "did you mean Halving?"),
    ],
)
def test_mistakes_of_and_with_other_plugins(spelling, error, part):
    with pytest.raises(error) as raised:
        apply_overrides(streamer(), spelling)
    assert part in str(raised.value)


# -- chunks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chunks", "keys", "dims", "added", "expected"),
    [
        # The two examples of the user guide.
        ((4, 1024), "cdp", "cdp trace sample", {"trace": 64}, (4, 64, 1024)),
        ((4, 4, 1024), "inline crossline", "inline crossline trace sample", {"trace": 64}, (4, 4, 64, 1024)),
        ((4, 32, 1024), "cdp", "cdp trace sample", {"trace": 64}, (4, 32, 1024)),  # all dimensions given
        ((4, 16, 1024), "cdp offset", "cdp trace sample", {"trace": 64}, (4, 64, 1024)),  # offset is collapsed
        ((8, 8), "cdp", "cdp sample", {}, (8, 8)),
    ],
)
def test_chunks_with_added(chunks, keys, dims, added, expected):
    assert chunks_with_added(chunks, keys.split(), dims.split(), added) == expected


def test_chunks_of_another_number():
    with pytest.raises(ShapeError, match=r"4 chunk lengths .* cdp and the samples; give 2, trace takes its own"):
        chunks_with_added((1, 2, 3, 4), ["cdp"], ["cdp", "trace", "sample"], {"trace": 64})


def test_public_names_are_there():
    assert all(hasattr(overriding, name) for name in overriding.__all__)
