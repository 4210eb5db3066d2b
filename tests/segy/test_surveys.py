"""Surveys of every kind there and back: not a byte differs, and the grid is the one worked out by hand.

Shapes and coordinates stand here as numbers that follow from how the survey was shot; the importer has no say.
"""

from __future__ import annotations

import itertools
import struct
import warnings

import numpy as np
import pytest
from segy_bytes import grid, samples_for, segy

import mdio
from mdio.core.region import Region
from mdio.exceptions import GridTraceCountError
from mdio_segy import mdio_to_segy, segy_to_mdio


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


SAMPLES = 5


def file_of(keys, samples=SAMPLES, **more):
    """A file of int16 samples with these 4-byte words; the other header bytes are noise."""
    count = len(next(iter(keys.values())))
    rng = np.random.default_rng(count)
    return segy(keys, samples_for(3, rng, count, samples), 3, noise=rng, **more)


def around(folder, data, names, locations, types=None, **options):
    """Import, export, compare, and return the dataset."""
    source, store, out = folder / "in.sgy", folder / "x.mdio", folder / "out.sgy"
    source.write_bytes(data)
    segy_to_mdio(source, store, index_bytes=locations, index_names=names, index_types=types, **options)
    mdio_to_segy(store, out)
    assert out.read_bytes() == data
    return mdio.open(store)


def coords(volume):
    """Return the coordinates of all dimensions but the sample axis."""
    return [dim.coords.tolist() for dim in volume.schema.dims[:-1]]


def live(volume):
    """Return the live mask."""
    return volume.live(volume.schema.region.spatial)


# -- 3-D post-stack: 4 in-lines (10, 12, 14, 16) by 3 cross-lines (-1, 0, 1) ---------------------------------------

CELLS = np.arange(12).reshape(4, 3)
ZIGZAG = [0, 1, 2, 5, 4, 3, 6, 7, 8, 11, 10, 9]
SHUFFLED = [7, 0, 11, 3, 5, 10, 1, 8, 2, 6, 9, 4]


@pytest.mark.parametrize(
    ("traces", "shape"),
    [
        (range(12), (4, 3)),
        ([0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11], (4, 3)),  # cross-line by cross-line
        (range(11, -1, -1), (4, 3)),
        (ZIGZAG, (4, 3)),
        (SHUFFLED, (4, 3)),
        ([0, 2, 3, 4, 5, 6, 8, 9, 10], (4, 3)),  # holes at 1, 7, 11; every line still has a trace
        ([0, 1, 2, 6, 7, 8], (2, 3)),  # in-lines 12 and 16 are not there at all: no cells for them
        (SHUFFLED[:7], (4, 3)),  # lines 0: 0 1; 1: 3 5; 2: 7; 3: 10 11
        ([0, 1, 2], (1, 3)),
        ([4], (1, 1)),
    ],
    ids=["sorted", "crossline", "reversed", "zigzag", "shuffled", "holes", "lines-missing", "both", "line", "trace"],
)
def test_post_stack(tmp_path, traces, shape):
    traces = list(traces)
    inline, crossline = grid(4, 3, il=(10, 2), xl=(-1, 1))
    data = file_of({189: inline[traces], 193: crossline[traces]})
    volume = around(tmp_path, data, ["inline", "crossline"], [189, 193], chunksize=(2, 2, 4))
    assert volume.schema.shape == (*shape, SAMPLES)
    assert int(live(volume).sum()) == len(traces)
    order = volume.order(volume.schema.region.spatial)
    lines, places = coords(volume)
    for number, trace in enumerate(traces):
        il, xl = 10 + 2 * (trace // 3), trace % 3 - 1
        assert order[lines.index(il), places.index(xl)] == number


def test_dead_traces(tmp_path):
    """Traces marked dead (byte 29 holds 2), all zeros: they are traces, and come back."""
    inline, crossline = grid(4, 3)
    data = bytearray(file_of({189: inline, 193: crossline}))
    for trace in (0, 5, 11):
        at = 3600 + trace * (240 + 2 * SAMPLES)
        struct.pack_into(">h", data, at + 28, 2)
        data[at + 240 : at + 240 + 2 * SAMPLES] = bytes(2 * SAMPLES)
    volume = around(tmp_path, bytes(data), ["inline", "crossline"], [189, 193])
    assert volume.schema.shape == (4, 3, SAMPLES)
    assert live(volume).all()


def test_negative_and_stepped_numbers(tmp_path):
    """In-lines -7, -4, -1, cross-lines -2, -4 in descending order."""
    inline, crossline = grid(3, 2, il=(-7, 3), xl=(-2, -2))
    volume = around(tmp_path, file_of({189: inline, 193: crossline}), ["inline", "crossline"], [189, 193])
    assert coords(volume) == [[-7, -4, -1], [-4, -2]]
    assert volume.order(Region([(0, 1), (0, 2)])).tolist() == [[1, 0]]  # cross-line -2 comes first in the file


@pytest.mark.parametrize("kind", ["float32", "ibm32"])
def test_float_keys(tmp_path, kind):
    """Lines at -0.5, 0.5, 1.5 and stations at 100.25, 100.5, as words of either kind."""
    words = {
        "float32": {-0.5: 0xBF000000, 0.5: 0x3F000000, 1.5: 0x3FC00000, 100.25: 0x42C88000, 100.5: 0x42C90000},
        # 0.5 = 0x8/16 · 16^0; 1.5 = 0x18/256 · 16^1; 100.25 = 0x64.4 = 0x644/4096 · 16^2 and 0x64.8.
        "ibm32": {-0.5: 0xC0800000, 0.5: 0x40800000, 1.5: 0x41180000, 100.25: 0x42644000, 100.5: 0x42648000},
    }[kind]
    pairs = list(itertools.product([-0.5, 0.5, 1.5], [100.25, 100.5]))
    line, station = (np.array([words[pair[at]] for pair in pairs], "u4").view("i4") for at in (0, 1))
    data = file_of({189: line, 193: station})
    volume = around(tmp_path, data, ["line", "station"], [189, 193], [kind, kind])
    assert coords(volume) == [[-0.5, 0.5, 1.5], [100.25, 100.5]]


def test_float_keys_beyond_64_bits(tmp_path):
    """2^66 and 2^67 are whole numbers, but no integers of 64 bits."""
    station = np.array([0x60800000, 0x61000000], "u4").view("i4")  # exponents 66 + 127 = 0xC1, 67 + 127 = 0xC2
    volume = around(tmp_path, file_of({193: station}), ["station"], [193], ["float32"])
    assert coords(volume) == [[2.0**66, 2.0**67]]


def test_short_keys_at_odd_bytes(tmp_path):
    """2-byte lines at byte 9 and stations at byte 23: the upper halves of 4-byte words, and odd places."""
    line, station = grid(2, 3, il=(-5, 1), xl=(300, 1))
    data = file_of({9: line << 16, 23: station << 16})
    volume = around(tmp_path, data, ["line", "station"], [9, 23], ["int16", "int16"])
    assert coords(volume) == [[-5, -4], [300, 301, 302]]


def test_40000_samples(tmp_path):
    """More than the 32767 that a signed word counts; 4 ms · 39999 at the end of the axis."""
    inline, crossline = grid(2, 2)
    data = file_of({189: inline, 193: crossline}, 40000)
    volume = around(tmp_path, data, ["inline", "crossline"], [189, 193], chunksize=(2, 2, 8192))
    assert volume.schema.shape == (2, 2, 40000)
    assert volume.schema.dims[-1].between(39999, 40000).tolist() == [159996]


def test_half_a_millisecond(tmp_path):
    inline, crossline = grid(2, 2)
    data = file_of({189: inline, 193: crossline}, interval=500)
    volume = around(tmp_path, data, ["inline", "crossline"], [189, 193])
    assert volume.schema.dims[-1].coords.tolist() == [0.0, 0.5, 1.0, 1.5, 2.0]


# -- streamers: shots 7, 8, 9, two cables of four channels ---------------------------------------------------------

SHOT, CABLE, CHANNEL = 17, 181, 13  # bytes
NAMES = ["shot_point", "cable", "channel"]


def streamer(wrapped, cables=True):
    """24 traces; channels are 1-4 on each cable, or 1-4 and 5-8."""
    rows = list(itertools.product([7, 8, 9], [1, 2], [1, 2, 3, 4]))
    shot, cable, channel = (np.array(column) for column in zip(*rows, strict=True))
    if not wrapped:
        channel = channel + 4 * (cable - 1)
    return file_of({SHOT: shot, CHANNEL: channel} | ({CABLE: cable} if cables else {}))


WRAP = {"ChannelWrap": True, "ChannelsPerCable": 4}
CABLES = {"CalculateCable": True, "ChannelsPerCable": 4}


@pytest.mark.parametrize(
    ("wrapped", "overrides", "shape"),
    [
        (True, None, (3, 2, 4)),
        (True, {"AutoChannelWrap": True}, (3, 2, 4)),
        (True, WRAP, (3, 2, 4)),  # 1-4 stay 1-4
        (False, None, (3, 2, 8)),  # 8 channels in the grid for each cable, half of the cells are empty
        (False, {"AutoChannelWrap": True, "AutoChannelTraceQC": 1000000}, (3, 2, 4)),
        (False, WRAP, (3, 2, 4)),
        (False, CABLES, (3, 2, 8)),  # the cables are what they were; the channels stay 1-8
        (False, WRAP | CABLES, (3, 2, 4)),
    ],
)
def test_streamer_with_cable_numbers(tmp_path, wrapped, overrides, shape):
    volume = around(tmp_path, streamer(wrapped), NAMES, [SHOT, CABLE, CHANNEL], grid_overrides=overrides)
    assert volume.schema.shape == (*shape, SAMPLES)
    assert coords(volume) == [[7, 8, 9], [1, 2], list(range(1, shape[2] + 1))]
    assert int(live(volume).sum()) == 24


@pytest.mark.parametrize(
    ("overrides", "shape"),
    [
        (None, (3, 1, 8)),
        (CABLES, (3, 2, 8)),
        (WRAP | CABLES, (3, 2, 4)),
        (CABLES | WRAP, (3, 2, 4)),
    ],
)
def test_streamer_without_cable_numbers(tmp_path, overrides, shape):
    """The documented ``index_bytes=(17, None, 13)``: the word that is not there reads as zeros."""
    volume = around(tmp_path, streamer(wrapped=False, cables=False), NAMES, (17, None, 13), grid_overrides=overrides)
    assert volume.schema.shape == (*shape, SAMPLES)
    assert coords(volume)[1] == ([0] if overrides is None else [1, 2])
    assert int(live(volume).sum()) == 24


def test_streamer_wrapped_without_cable_numbers_cannot_be(tmp_path):
    """Channels 1-4 twice in every shot and nothing to tell the cables apart: refused, nothing is left."""
    with pytest.raises(GridTraceCountError, match="traces 0 and 4"):
        around(tmp_path, streamer(wrapped=True, cables=False), NAMES, (17, None, 13))
    assert [path.name for path in tmp_path.iterdir()] == ["in.sgy"]


# -- several guns --------------------------------------------------------------------------------------------------

GUN_NAMES = ["shot_line", "gun", "shot_point", "cable", "channel"]
GUN_BYTES = [185, 189, SHOT, CABLE, CHANNEL]


def guns(shots):
    """Two cables with unwrapped channels 1-2 and 3-4 for each (line, gun, shot)."""
    rows = [(*shot, cable, 2 * cable - 2 + ch) for shot in shots for cable in (1, 2) for ch in (1, 2)]
    return file_of(dict(zip(GUN_BYTES, np.transpose(rows), strict=True)))


def type_a(line):
    """Each gun counts by itself: 1, 1, 2, 2, 3, 3."""
    return [(line, gun, shot) for shot in (1, 2, 3) for gun in (1, 2)]


def type_b(line, first=100):
    """One count for both guns: 100, 101, … 105 in turn."""
    return [(line, 1 + shot % 2, first + shot) for shot in range(6)]


@pytest.mark.parametrize(
    ("shots", "lines", "points"),
    [
        (type_a(1), 1, [1, 2, 3]),
        (type_a(1) + type_a(2), 2, [1, 2, 3]),
        (type_b(1), 1, [50, 51, 52]),  # 100 div 2 … 105 div 2
        (type_b(1) + type_b(2), 2, [50, 51, 52]),
        (
            type_b(1) + type_b(4, 102),
            2,
            [50, 51, 52, 53],
        ),  # 51-53 on the other line: 6 of 8 shot points a gun are there
    ],
    ids=["A", "A-lines", "B", "B-lines", "B-lines-shifted"],
)
def test_guns(tmp_path, shots, lines, points):
    overrides = {"AutoShotWrap": True, "AutoChannelWrap": True}
    volume = around(tmp_path, guns(shots), GUN_NAMES, GUN_BYTES, grid_overrides=overrides, chunksize=(1, 1, 2, 1, 2, 4))
    assert volume.schema.shape == (lines, 2, len(points), 2, 2, SAMPLES)
    assert coords(volume)[1:] == [[1, 2], points, [1, 2], [1, 2]]
    assert int(live(volume).sum()) == 4 * len(shots)


def test_ocean_bottom_nodes(tmp_path):
    """3 nodes hear 2 lines of 2 guns that fire in turn: shots 1, 3 by gun 1, and 2, 4 by gun 2."""
    rows = [
        (node, line, 1 + (shot - 1) % 2, shot) for node in (501, 502, 503) for line in (1, 2) for shot in range(1, 5)
    ]
    node, line, gun, shot = np.transpose(rows)
    data = file_of({13: node, 185: line, 189: gun, 17: shot})
    volume = around(
        tmp_path, data, ["receiver", "shot_line", "gun", "shot_point"], [13, 185, 189, 17], chunksize=(1, 1, 2, 4, 5)
    )
    assert volume.schema.shape == (3, 2, 2, 4, SAMPLES)
    assert int(live(volume).sum()) == 24
    # Gun 1 has the odd shots.
    assert live(volume)[0, 0].tolist() == [[True, False, True, False], [False, True, False, True]]


# -- traces that share their keys ----------------------------------------------------------------------------------


def test_non_binned(tmp_path):
    """4 gathers of 3, 1, 2 and 3 traces: the fullest one gives the length of the new dimension."""
    cdp = np.array([11, 12, 14, 13, 11, 14, 13, 11, 14])
    volume = around(
        tmp_path,
        file_of({21: cdp}),
        ["cdp"],
        [21],
        chunksize=(2, 4),
        grid_overrides={"NonBinned": True, "chunksize": 2},
    )
    assert volume.schema.names == ("cdp", "trace", "sample")
    assert volume.schema.shape == (4, 3, SAMPLES)
    assert coords(volume) == [[11, 12, 13, 14], [1, 2, 3]]
    # File positions of the traces of each gather, in file order.
    expected = [[0, 4, 7], [1, -1, -1], [3, 6, -1], [2, 5, 8]]
    assert volume.order(volume.schema.region.spatial).tolist() == expected


def test_duplicates(tmp_path):
    """A 2 × 2 survey with cell (1, 5) recorded three times and (2, 6) twice."""
    inline = np.array([1, 1, 2, 2, 1, 2, 1])
    crossline = np.array([5, 6, 5, 6, 5, 6, 5])
    data = file_of({189: inline, 193: crossline})
    volume = around(
        tmp_path, data, ["inline", "crossline"], [189, 193], chunksize=(2, 2, 4), grid_overrides={"HasDuplicates": True}
    )
    assert volume.schema.names == ("inline", "crossline", "trace", "sample")
    assert volume.schema.shape == (2, 2, 3, SAMPLES)
    expected = [[[0, 4, 6], [1, -1, -1]], [[2, -1, -1], [3, 5, -1]]]
    assert volume.order(volume.schema.region.spatial).tolist() == expected


def test_more_duplicates_than_a_short_counts(tmp_path):
    """32770 traces in one cell and 2 in another: 2 × 32770 cells.

    Chunks of the override's own length, 1, would make 65540 objects; here they are longer.
    """
    cdp = np.repeat([1, 2], [32770, 2])
    data = segy({21: cdp}, np.arange(2 * 32772, dtype=np.int64).astype(np.int16).reshape(-1, 2), 3)
    volume = around(tmp_path, data, ["cdp"], [21], chunksize=(2, 8192, 2), grid_overrides={"HasDuplicates": True})
    assert volume.schema.shape == (2, 32770, 2)
    assert volume.schema.dims[1].between(32769, 32770).tolist() == [32770]
    assert int(live(volume).sum()) == 32772
