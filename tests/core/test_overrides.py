"""What the built-in grid overrides compute: numbers worked by hand, and loops over traces as a second opinion."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdio.core import runs
from mdio.core.gridding import build_grid
from mdio.core.region import Region
from mdio.core.table import HeaderTable
from mdio.exceptions import GridOverrideKeysError, GridTraceCountError
from mdio.overriding import apply_overrides
from mdio.testing import GridOverrideContract


def table_of(kind="i4", **columns):
    return HeaderTable({name: np.asarray(column, kind) for name, column in columns.items()})


def lists(table):
    return {name: column.tolist() for name, column in table.columns.items()}


@pytest.fixture(params=[1, 3, 1 << 22])
def batch(request, monkeypatch):
    monkeypatch.setattr(runs, "_BATCH", request.param)


# -- streamer surveys: 2 shots, 2 cables of 4 channels -----------------------------------------------------------

SHOT = [10] * 8 + [11] * 8
CABLE = [1, 1, 1, 1, 2, 2, 2, 2] * 2
UNWRAPPED = [1, 2, 3, 4, 5, 6, 7, 8] * 2
WRAPPED = [1, 2, 3, 4, 1, 2, 3, 4] * 2


def streamer(channel, cable=CABLE, kind="i4"):
    return table_of(kind, shot_point=SHOT, cable=cable, channel=channel)


@pytest.mark.parametrize("kind", ["i1", "i2", "u2", "i4", "u4", "i8", "f4", "f8"])
@pytest.mark.usefixtures("batch")
def test_channel_wrap(kind):
    result = apply_overrides(streamer(UNWRAPPED, kind=kind), {"ChannelWrap": True, "ChannelsPerCable": 4})
    assert lists(result) == {"shot_point": SHOT, "cable": CABLE, "channel": WRAPPED}


def test_channel_wrap_of_more_channels_than_the_type_of_the_word_counts():
    table = table_of("i2", shot_point=[1, 1], cable=[1, 1], channel=[1, 0])
    result = apply_overrides(table, {"ChannelWrap": True, "ChannelsPerCable": 40000})
    assert result.columns["channel"].tolist() == [1, 40000]  # (0 - 1) mod 40000 + 1


@pytest.mark.parametrize("names", [("ChannelWrap", "ChannelsPerCable", "CalculateCable"), ("CalculateCable",)])
def test_without_cable_numbers(names):
    """The documented example: the word of the cable is missing and reads as zeros."""
    flat = dict.fromkeys(names, True) | {"ChannelsPerCable": 4}
    result = apply_overrides(streamer(UNWRAPPED, cable=[0] * 16), flat)
    assert result.columns["cable"].tolist() == CABLE
    assert result.columns["channel"].tolist() == (WRAPPED if "ChannelWrap" in names else UNWRAPPED)
    if "ChannelWrap" in names:
        dims, index, _ = build_grid(result)
        assert [dim.size for dim in dims] == [2, 2, 4]
        assert np.array_equal(index.traces(Region.whole((2, 2, 4))).ravel(), np.arange(16))


def test_the_first_key_may_be_called_shot_where_the_guide_does():
    table = table_of(shot=SHOT, cable=[0] * 16, channel=UNWRAPPED)
    flat = {"ChannelWrap": True, "ChannelsPerCable": 4, "CalculateCable": True}
    assert lists(apply_overrides(table, flat)) == {"shot": SHOT, "cable": CABLE, "channel": WRAPPED}
    with pytest.raises(GridOverrideKeysError, match="no shot_point among shot, cable, channel"):
        apply_overrides(table, {"AutoChannelWrap": True})


@pytest.mark.parametrize(
    ("cable", "channel", "expected"),
    [
        (CABLE, UNWRAPPED, WRAPPED),
        (CABLE, WRAPPED, None),
        (CABLE, [5, 6, 7, 8, 1, 2, 3, 4] * 2, [1, 2, 3, 4] * 4),  # the second cable has the lower channels
        (CABLE, [8, 7, 6, 5, 4, 3, 2, 1] * 2, [4, 3, 2, 1] * 4),
        (CABLE, [1, 2, 3, 4, 4, 5, 6, 7] * 2, WRAPPED),  # ranges that touch do not overlap
        (CABLE, [1, 2, 3, 5, 4, 6, 7, 8] * 2, None),
        (CABLE, [3, 3, 3, 3, 1, 2, 4, 5] * 2, None),  # inside
        (CABLE, [1, 1, 1, 1, 1, 2, 4, 5] * 2, [1, 1, 1, 1, 1, 2, 4, 5] * 2),  # a single channel at the end: apart
        ([1, 2] * 8, [1, 5, 2, 6, 3, 7, 4, 8] * 2, [1, 1, 2, 2, 3, 3, 4, 4] * 2),  # cables in turn
    ],
)
@pytest.mark.usefixtures("batch")
def test_auto_channel_wrap(cable, channel, expected):
    result = apply_overrides(streamer(channel, cable), {"AutoChannelWrap": True, "AutoChannelTraceQC": 1000000})
    assert result.columns["channel"].tolist() == (channel if expected is None else expected)
    assert result.notes["AutoChannelWrap"] == {"wrapped": expected is not None}


def test_auto_channel_wrap_of_spans_beyond_16_bits():
    table = table_of("i2", shot_point=[1, 1, 1], cable=[1, 1, 1], channel=[-32768, 0, 32767])
    assert apply_overrides(table, "AutoChannelWrap").columns["channel"].tolist() == [1, 32769, 65536]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), st.integers(-3, 12)), min_size=1, max_size=12))
def test_auto_channel_wrap_like_a_loop(traces):
    ranges = {}
    for cable, channel in traces:
        low, high = ranges.get(cable, (channel, channel))
        ranges[cable] = min(low, channel), max(high, channel)
    overlap = any(a[0] < b[1] and a[1] > b[0] for a, b in combinations(ranges.values(), 2))
    expected = [channel if overlap else channel - ranges[cable][0] + 1 for cable, channel in traces]
    cables, channels = zip(*traces, strict=True)
    table = table_of(shot_point=[1] * len(traces), cable=cables, channel=channels)
    assert apply_overrides(table, "AutoChannelWrap").columns["channel"].tolist() == expected


# -- several guns ------------------------------------------------------------------------------------------------


def guns(*shots, line=None):
    """A table of (gun, shot) or (line, gun, shot), two channels each."""
    rows = np.repeat([shot if len(shot) == 3 else (1, *shot) for shot in shots], 2, axis=0)
    channel = np.tile([1, 2], len(shots))
    return table_of(
        shot_line=rows[:, 0], gun=rows[:, 1], shot_point=rows[:, 2], cable=np.ones_like(channel), channel=channel
    )


TYPE_A = [(1, 1), (2, 1), (1, 2), (2, 2), (1, 3), (2, 3)]  # each gun counts by itself: 2 div 2 == 3 div 2
TYPE_B = [(1, 1), (2, 2), (1, 3), (2, 4), (1, 5), (2, 6)]  # one count for both


@pytest.mark.parametrize(
    ("shots", "expected"),
    [
        (TYPE_A, None),
        (TYPE_B, [0, 1, 1, 2, 2, 3]),
        ([(1, 7)] * 2, [7, 7]),  # a single gun divides by one
        ([(1, gun, shot) for gun, shot in TYPE_A] + [(2, gun, shot) for gun, shot in TYPE_A], None),
        ([(1, gun, shot) for gun, shot in TYPE_B] + [(2, gun, shot) for gun, shot in TYPE_B], [0, 1, 1, 2, 2, 3] * 2),
        # One line in turn and one not: nothing is divided.
        ([(1, gun, shot) for gun, shot in TYPE_B] + [(2, gun, shot) for gun, shot in TYPE_A], None),
        # Two guns in line 1, three in line 2: each is judged by its own, all are divided by three.
        ([(1, 1, 0), (1, 2, 1), (1, 1, 6), (1, 2, 7), (2, 1, 3), (2, 2, 4), (2, 3, 5)], [0, 0, 2, 2, 1, 1, 1]),
    ],
)
@pytest.mark.usefixtures("batch")
def test_auto_shot_wrap(shots, expected):
    table = guns(*shots)
    result = apply_overrides(table, {"AutoShotWrap": True})
    assert result.notes["AutoShotWrap"]["type"] == ("A" if expected is None else "B")
    before = table.columns["shot_point"].tolist()
    assert result.columns["shot_point"].tolist() == (before if expected is None else np.repeat(expected, 2).tolist())


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(-4, 20)), min_size=1, max_size=10),
    st.randoms(use_true_random=False),
)
def test_auto_shot_wrap_like_a_loop(shots, random):
    random.shuffle(shots)
    guns_of = {line: {g for other, g, _ in shots if other == line} for line, _, _ in shots}
    in_turn = True
    for line, names in guns_of.items():
        for gun in names:
            points = {point for other, g, point in shots if (other, g) == (line, gun)}
            in_turn &= len({point // len(names) for point in points}) == len(points)
    most = max(map(len, guns_of.values()))
    expected = [point // most if in_turn else point for _, _, point in shots]
    result = apply_overrides(guns(*shots), "AutoShotWrap")
    assert result.columns["shot_point"].tolist() == np.repeat(expected, 2).tolist()


def test_the_documented_common_channel_import():
    """Two guns in turn, two cables with unwrapped channels: every dimension comes out dense."""
    rows = [(1, 1 + shot % 2, 100 + shot, 1 + (ch - 1) // 4, ch) for shot in range(6) for ch in range(1, 9)]
    columns = dict(zip(("shot_line", "gun", "shot_point", "cable", "channel"), np.transpose(rows), strict=True))
    flat = {"AutoShotWrap": True, "AutoChannelWrap": True, "AutoChannelTraceQC": 1000000}
    dims, index, warning = build_grid(apply_overrides(HeaderTable(columns), flat))
    assert index.shape == (1, 2, 3, 2, 4)
    assert [dim.coords.tolist() for dim in dims[2:]] == [[50, 51, 52], [1, 2], [1, 2, 3, 4]]
    assert index.count == 48
    assert not warning


# -- counted traces ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cdp", "trace"),
    [
        ([1, 1, 1, 2, 2, 3], [1, 2, 3, 1, 2, 1]),
        ([3, 2, 2, 1, 1, 1], [1, 1, 2, 1, 2, 3]),
        ([1, 2, 1, 2, 2, 1], [1, 1, 2, 2, 3, 3]),
        ([2, 2, 1, 2, 1, 1, 2], [1, 2, 1, 3, 2, 3, 4]),
        ([7], [1]),
    ],
)
@pytest.mark.usefixtures("batch")
def test_traces_are_counted_in_file_order(cdp, trace):
    for override in ("HasDuplicates", {"NonBinned": True, "chunksize": 64}):
        assert lists(apply_overrides(table_of(cdp=cdp), override)) == {"cdp": cdp, "trace": trace}


@pytest.mark.parametrize("size", [1, 2, 5, 1 << 22])
@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=1, max_size=30), ordered=st.booleans())
def test_counting_like_a_loop(size, rows, ordered):
    rows = sorted(rows) if ordered else rows
    seen, expected = Counter(), []
    for row in rows:
        seen[row] += 1
        expected.append(seen[row])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "_BATCH", size)
        table = table_of(**dict(zip("abc", zip(*rows, strict=True), strict=True)))
        result = apply_overrides(table, "HasDuplicates")
        patch.setenv("MDIO_IGNORE_CHECKS", "1")
        build_grid(result)  # no two traces in one cell any more
    assert result.columns["trace"].tolist() == expected


@pytest.mark.parametrize("shuffled", [False, True])
def test_more_duplicates_than_16_bits_count(shuffled):
    cell = np.repeat([1, 2], [40000, 5])
    if shuffled:
        cell = np.random.default_rng(3).permutation(cell)
    trace = apply_overrides(table_of(cell=cell), "HasDuplicates").columns["trace"]
    assert trace[cell == 1].tolist() == list(range(1, 40001))
    assert trace[cell == 2].tolist() == [1, 2, 3, 4, 5]


def test_duplicates_raise_without_the_override_and_fit_with_it():
    table = table_of(inline=[1, 1, 2, 2, 2], crossline=[1, 2, 1, 1, 2])
    with pytest.raises(GridTraceCountError, match="HasDuplicates"):
        build_grid(table)
    result = apply_overrides(table, {"HasDuplicates": True})
    dims, index, _ = build_grid(result)
    assert [dim.name for dim in dims] == ["inline", "crossline", "trace"]
    assert index.traces(Region.whole((2, 2, 2))).tolist() == [[[0, -1], [1, -1]], [[2, 3], [4, -1]]]
    assert result.notes["added"] == {"trace": 1}


def test_non_binned_replaces_keys():
    table = table_of(cdp=[1, 1, 1, 2, 2], offset=[117, 103, 250, 99, 99])
    result = apply_overrides(table, {"NonBinned": True, "chunksize": 64, "non_binned_dims": ["offset"]})
    assert lists(result) == {"cdp": [1, 1, 1, 2, 2], "trace": [1, 2, 3, 1, 2]}
    assert result.notes == {
        "added": {"trace": 64},
        "collapsed": ["offset"],
        "overrides": {"NonBinned": {"chunksize": 64, "non_binned_dims": ["offset"]}},
    }
    whole = apply_overrides(table, [{"NonBinned": {"chunksize": 4, "non_binned_dims": ["offset", "cdp"]}}])
    assert lists(whole) == {"trace": [1, 2, 3, 4, 5]}
    assert whole.notes["collapsed"] == ["cdp", "offset"]


def test_non_binned_names_keys_that_are_not_there():
    with pytest.raises(GridOverrideKeysError, match=r"azimuth.* cdp"):
        apply_overrides(table_of(cdp=[1]), {"NonBinned": True, "chunksize": 4, "non_binned_dims": "azimuth"})


def test_non_binned_without_dims_collapses_nothing():
    assert apply_overrides(table_of(cdp=[1]), {"NonBinned": True, "chunksize": 4}).notes["collapsed"] == []


def test_no_traces():
    columns = {name: [] for name in ("shot_line", "gun", "shot_point", "cable", "channel")}
    for override in ("HasDuplicates", "AutoShotWrap", "AutoChannelWrap", {"ChannelWrap": {"ChannelsPerCable": 4}}):
        assert apply_overrides(table_of(**columns), override).count == 0


# -- what every override keeps -----------------------------------------------------------------------------------

FIVE = table_of(
    shot_line=[1] * 16, gun=[1] * 8 + [2] * 8, shot_point=SHOT, cable=[0] * 8 + [1] * 8, channel=[*range(1, 17)]
)


class Contract(GridOverrideContract):
    spelling: dict
    keys = ("shot_point", "cable", "channel")

    @pytest.fixture
    def apply(self):
        return lambda table, _: apply_overrides(table, self.spelling)

    @pytest.fixture
    def table(self):
        return FIVE


class TestChannelWrap(Contract):
    spelling = {"ChannelWrap": True, "ChannelsPerCable": 4}  # noqa: RUF012


class TestCalculateCable(Contract):
    spelling = {"CalculateCable": True, "ChannelsPerCable": 4}  # noqa: RUF012


class TestAutoChannelWrap(Contract):
    spelling = {"AutoChannelWrap": True}  # noqa: RUF012


class TestAutoShotWrap(Contract):
    spelling = {"AutoShotWrap": True}  # noqa: RUF012
    keys = ("shot_line", "gun", "shot_point", "cable", "channel")


class TestNonBinned(Contract):
    spelling = {"NonBinned": True, "chunksize": 4}  # noqa: RUF012
    keys = ()
    adds = "trace"


class TestHasDuplicates(TestNonBinned):
    spelling = {"HasDuplicates": True}  # noqa: RUF012
