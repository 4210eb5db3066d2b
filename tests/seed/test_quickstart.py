"""The page "Get Started in 10 Minutes", call by call.

Inline 278 and crossline 100 are the page's; the time slice is at 100 ms, as this survey is shorter than the page's.
"""

import numpy as np
import pytest

from mdio import MDIOReader, mdio_to_segy, segy_to_mdio

TWT = 100
CORNERS_X = [
    [788937, 789047, 789157, 809282, 809392, 809502],
    [788935, 789045, 789155, 809279, 809389, 809499],
    [788932, 789042, 789152, 809276, 809386, 809496],
    [788044, 788154, 788264, 808389, 808499, 808609],
    [788042, 788152, 788262, 808386, 808496, 808606],
    [788039, 788149, 788259, 808383, 808493, 808603],
]
CORNERS_Y = [
    [938846, 938848, 938851, 939329, 939331, 939334],
    [938956, 938958, 938961, 939439, 939441, 939444],
    [939066, 939068, 939071, 939549, 939551, 939554],
    [976455, 976458, 976460, 976938, 976941, 976943],
    [976565, 976568, 976570, 977048, 977051, 977053],
    [976675, 976678, 976680, 977158, 977161, 977163],
]
"""What the page prints of the coordinates: three positions at each end of both axes."""
ENDS = np.ix_([0, 1, 2, -3, -2, -1], [0, 1, 2, -3, -2, -1])


@pytest.fixture(scope="module")
def ingested(teapot, folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "filt_mig.sgy").symlink_to(teapot.path)
        segy_to_mdio(
            segy_path="filt_mig.sgy",
            mdio_path_or_buffer="filt_mig.mdio",
            index_bytes=(181, 185),
            index_names=("inline", "crossline"),
        )
    return folder


@pytest.fixture
def mdio(ingested, monkeypatch):
    monkeypatch.chdir(ingested)
    return MDIOReader("filt_mig.mdio", return_metadata=True)


def test_text_header(mdio, teapot):
    assert mdio.text_header == teapot.text
    assert all(isinstance(line, str) and len(line) == 80 for line in mdio.text_header)


def test_binary_header(mdio, teapot):
    """The 35 names of the page: the words of rev 1 and four of rev 2, which are zero here."""
    assert mdio.binary_header == {
        "AmplitudeRecovery": 4,
        "AuxTraces": 0,
        "BinaryGainRecovery": 1,
        "CorrelatedTraces": 2,
        "EnsembleFold": 57,
        "ExtAuxTraces": 0,
        "ExtEnsembleFold": 0,
        "ExtSamples": 0,
        "ExtSamplesOriginal": 0,
        "ExtendedHeaders": 0,
        "Format": 1,
        "ImpulseSignalPolarity": 1,
        "Interval": 2000,
        "IntervalOriginal": 0,
        "JobID": 9999,
        "LineNumber": 9999,
        "MeasurementSystem": 2,
        "ReelNumber": 1,
        "SEGYRevision": 0,
        "SEGYRevisionMinor": 0,
        "Samples": teapot.samples.shape[-1],
        "SamplesOriginal": teapot.samples.shape[-1],
        "SortingCode": 4,
        "Sweep": 0,
        "SweepChannel": 0,
        "SweepFrequencyEnd": 0,
        "SweepFrequencyStart": 0,
        "SweepLength": 0,
        "SweepTaperEnd": 0,
        "SweepTaperStart": 0,
        "Taper": 0,
        "TraceFlag": 0,
        "Traces": 188,
        "VerticalSum": 1,
        "VibratoryPolarity": 0,
    }


def test_grid(mdio, teapot):
    assert mdio.grid.dim_names == ("inline", "crossline", "sample")
    assert mdio.grid.get_min("inline") == 1
    assert mdio.grid.get_max("crossline") == 188
    dimension = mdio.grid.select_dim("inline")
    assert dimension.name == "inline"
    assert isinstance(dimension.coords, np.ndarray)
    np.testing.assert_array_equal(dimension.coords, np.arange(1, 346))
    np.testing.assert_array_equal(mdio.grid.select_dim("sample").coords, np.arange(0, 200, 2))


def test_statistics(mdio, teapot):
    expected = teapot.statistics
    assert {key: mdio.stats[key] for key in expected} == pytest.approx(expected, rel=1e-9)


def test_inline(mdio, teapot, plt, saved):
    crosslines = mdio.grid.select_dim("crossline").coords
    times = mdio.grid.select_dim("sample").coords
    std = mdio.stats["std"]

    inline_index = int(mdio.coord_to_index(278, dimensions="inline"))
    il_mask, il_headers, il_data = mdio[inline_index]

    assert inline_index == 277
    np.testing.assert_array_equal(il_data, teapot.samples[277])
    np.testing.assert_array_equal(il_mask, np.ones(188, bool))
    for byte in ("181", "185", "189", "193", "81"):
        np.testing.assert_array_equal(il_headers[byte], teapot.words[int(byte)][277])

    vmin, vmax = -2 * std, 2 * std
    plt.pcolormesh(crosslines, times, il_data.T, vmin=vmin, vmax=vmax, cmap="gray_r")
    plt.gca().invert_yaxis()
    plt.title(f"Inline {278}")
    plt.xlabel("crossline")
    plt.ylabel("twt (ms)")
    saved()


def test_time_slice(mdio, teapot, plt, saved):
    inlines = mdio.grid.select_dim("inline").coords
    crosslines = mdio.grid.select_dim("crossline").coords
    std = mdio.stats["std"]

    twt_index = int(mdio.coord_to_index(TWT, dimensions="sample"))
    z_mask, z_headers, z_data = mdio[:, :, twt_index]

    assert twt_index == TWT // 2
    np.testing.assert_array_equal(z_data, teapot.samples[:, :, TWT // 2])
    assert z_mask.shape == (345, 188)
    assert z_mask.all()
    np.testing.assert_array_equal(z_headers["189"], teapot.words[189])

    vmin, vmax = -2 * std, 2 * std
    plt.pcolormesh(inlines, crosslines, z_data.T, vmin=vmin, vmax=vmax, cmap="gray_r")
    plt.title(f"Two-way-time at {TWT}ms")
    plt.xlabel("inline")
    plt.ylabel("crossline")
    alone = saved()
    plt.close()

    live_mask = mdio.live_mask[:]

    plt.pcolormesh(inlines, crosslines, live_mask.T, vmin=0, vmax=1, alpha=0.5)
    plt.pcolormesh(inlines, crosslines, z_data.T, vmin=vmin, vmax=vmax, cmap="gray_r", alpha=0.5)
    plt.title(f"Two-way-time at {TWT}ms")
    plt.xlabel("inline")
    plt.ylabel("crossline")
    assert np.abs(saved() - alone).mean() > 0.05

    assert isinstance(live_mask, np.ndarray)
    np.testing.assert_array_equal(live_mask, np.ones((345, 188), bool))


def test_headers(mdio, teapot):
    x, y = mdio._headers[:]["189"], mdio._headers[:]["193"]
    assert x.dtype == y.dtype == np.int32
    np.testing.assert_array_equal(x, teapot.words[189])
    np.testing.assert_array_equal(y, teapot.words[193])
    assert x[ENDS].tolist() == CORNERS_X
    assert y[ENDS].tolist() == CORNERS_Y


def test_two_header_words_at_once(mdio, teapot):
    both = mdio._headers[:][["189", "193"]]
    assert both.dtype == np.dtype(
        {"names": ["189", "193"], "formats": ["<i4", "<i4"], "offsets": [188, 192], "itemsize": 232}
    )
    assert both.shape == (345, 188)
    np.testing.assert_array_equal(both["189"], teapot.words[189])
    np.testing.assert_array_equal(both["193"], teapot.words[193])
    assert both[0, 0].tolist() == (788937, 938846)
    assert both[-1, -1].tolist() == (808603, 977163)


def test_crossline_with_header(mdio, teapot, plt, saved):
    inlines = mdio.grid.select_dim("inline").coords
    times = mdio.grid.select_dim("sample").coords
    std = mdio.stats["std"]

    crossline_index = int(mdio.coord_to_index(100, dimensions="crossline"))
    xl_mask, xl_headers, xl_data = mdio[:, crossline_index]

    assert crossline_index == 99
    np.testing.assert_array_equal(xl_data, teapot.samples[:, 99])
    np.testing.assert_array_equal(xl_mask, np.ones(345, bool))
    np.testing.assert_array_equal(xl_headers["189"], teapot.words[189][:, 99])

    vmin, vmax = -2 * std, 2 * std

    gs_kw = dict(height_ratios=(1, 5))  # noqa: C408
    _, ax = plt.subplots(2, 1, gridspec_kw=gs_kw, sharex="all")

    ax[0].plot(inlines, xl_headers["189"])

    ax[1].pcolormesh(inlines, times, xl_data.T, vmin=vmin, vmax=vmax, cmap="gray_r")
    ax[1].invert_yaxis()
    ax[1].set_xlabel("inline")
    ax[1].set_ylabel("twt (ms)")

    plt.suptitle(f"Crossline {100} with header.")
    saved()


def test_round_trip(mdio, teapot):
    mdio_to_segy(
        mdio_path_or_buffer="filt_mig.mdio",
        output_segy_path="filt_mig_roundtrip.sgy",
    )
    with open("filt_mig_roundtrip.sgy", "rb") as file:
        assert file.read() == teapot.path.read_bytes()

    segyio = pytest.importorskip("segyio", reason="the page compares the files with segyio")
    original_fp = segyio.open("filt_mig.sgy", iline=181, xline=185)
    roundtrip_fp = segyio.open("filt_mig_roundtrip.sgy", iline=181, xline=185)

    # Compare text header
    assert original_fp.text[0] == roundtrip_fp.text[0]

    # Compare bin header
    assert original_fp.bin == roundtrip_fp.bin

    # Compare 100 random trace headers and traces
    rng = np.random.default_rng()
    rand_indices = rng.integers(low=0, high=original_fp.tracecount, size=100)
    for idx in rand_indices:
        np.testing.assert_equal(original_fp.header[idx], roundtrip_fp.header[idx])
        np.testing.assert_equal(original_fp.trace[idx], roundtrip_fp.trace[idx])
        np.testing.assert_array_equal(roundtrip_fp.trace[idx], teapot.samples.reshape(-1, 100)[idx])

    original_fp.close()
    roundtrip_fp.close()
