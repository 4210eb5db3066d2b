"""Two surveys like those of the documentation's pages, made with numpy, and the folder in which a page is run.

The tests of this folder hold the calls that users know from the documentation, in its order and with its names; what
must come out is computed from the arrays made here.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from plain_segy import from_ibm, to_ibm
from segy_bytes import segy

N_SAMPLES = 100
"""Of the post-stack survey; the one of the documentation has 1501."""

INTERVAL = 2  # milliseconds

BINARY_HEADER = {
    "JobID": (3201, "i", 9999),
    "LineNumber": (3205, "i", 9999),
    "ReelNumber": (3209, "i", 1),
    "Traces": (3213, "h", 188),
    "AuxTraces": (3215, "h", 0),
    "Interval": (3217, "h", 1000 * INTERVAL),
    "IntervalOriginal": (3219, "h", 0),
    "Samples": (3221, "h", N_SAMPLES),
    "SamplesOriginal": (3223, "h", N_SAMPLES),
    "Format": (3225, "h", 1),
    "EnsembleFold": (3227, "h", 57),
    "SortingCode": (3229, "h", 4),
    "VerticalSum": (3231, "h", 1),
    "SweepFrequencyStart": (3233, "h", 0),
    "SweepFrequencyEnd": (3235, "h", 0),
    "SweepLength": (3237, "h", 0),
    "Sweep": (3239, "h", 0),
    "SweepChannel": (3241, "h", 0),
    "SweepTaperStart": (3243, "h", 0),
    "SweepTaperEnd": (3245, "h", 0),
    "Taper": (3247, "h", 0),
    "CorrelatedTraces": (3249, "h", 2),
    "BinaryGainRecovery": (3251, "h", 1),
    "AmplitudeRecovery": (3253, "h", 4),
    "MeasurementSystem": (3255, "h", 2),
    "ImpulseSignalPolarity": (3257, "h", 1),
    "VibratoryPolarity": (3259, "h", 0),
    "SEGYRevision": (3501, "B", 0),
    "SEGYRevisionMinor": (3502, "B", 0),
    "TraceFlag": (3503, "h", 0),
    "ExtendedHeaders": (3505, "h", 0),
}
"""Word, its byte and type in SEG-Y rev 1, and its value on the quick start's page."""


@dataclass
class Survey:
    """What a SEG-Y file of a page holds.

    Parameters
    ----------
    path
        The file.
    samples
        float32 (inline, crossline, sample), decoded from the words of the file.
    text
        Its 40 lines.
    words
        Trace-header words by 1-based byte, each (inline, crossline); 0 where there is no trace.
    live
        Where there is one.
    """

    path: Path
    samples: np.ndarray
    text: list
    words: dict
    live: np.ndarray = None

    @property
    def statistics(self):
        """What MDIO v0 keeps: over the samples that are not zero."""
        values = self.samples[self.samples != 0].astype(float)
        return {
            "mean": values.mean(),
            "std": values.std(),
            "rms": np.sqrt(np.mean(values**2)),
            "min": values.min(),
            "max": values.max(),
        }


def reflections(shape, seed, std=0.93, noise=0.04):
    """Return dipping, bent reflections and some noise, (inline, crossline, sample)."""
    rng = np.random.default_rng(seed)
    inlines, crosslines, samples = shape
    time = np.arange(samples)
    i, x = np.meshgrid(np.linspace(0, 1, inlines), np.linspace(0, 1, crosslines), indexing="ij")
    columns, wavelets = [], []
    for event in np.linspace(8, samples - 8, 9):
        phase = 9 * (i - 0.5) * rng.uniform(0.5, 1) + 12 * (x - 0.3) ** 2 * rng.uniform(-1, 1)
        strength = rng.uniform(0.4, 1) * rng.choice([-1, 1])
        for column, carrier in ((np.cos(phase), np.cos), (np.sin(phase), np.sin)):
            columns.append(strength * column.ravel())
            wavelets.append(carrier((time - event) * 0.9) * np.exp(-(((time - event) / 4) ** 2)))
    values = (np.transpose(columns).astype("f4") @ np.array(wavelets, "f4")).reshape(shape)
    values *= np.float32(std) / values.std()
    return values + np.float32(noise) * rng.standard_normal(shape, dtype="f4")


def _filled(text, lines):
    """Return 40 lines of 80 characters."""
    return [f"C{number:2d} {lines.get(number, text)}".ljust(80) for number in range(1, 41)]


@pytest.fixture(scope="session")
def teapot(tmp_path_factory):
    """345 × 188 traces with inline and crossline at bytes 181 and 185, big endian, rev 0, IBM floats."""
    shape = (345, 188, N_SAMPLES)
    inline, crossline = np.meshgrid(np.arange(1, 346), np.arange(1, 189), indexing="ij")
    # Planes through the coordinates that the page prints.
    x = np.rint(788937.253 - 2.61111111 * (inline - 1) + 109.96967 * (crossline - 1)).astype(int)
    y = np.rint(938845.726 + 109.968974 * (inline - 1) + 2.61081081 * (crossline - 1)).astype(int)
    number = np.arange(inline.size).reshape(inline.shape) + 1
    words = {1: number, 5: number, 13: crossline, 17: inline, 21: number, 81: x, 85: y}
    words |= {181: inline, 185: crossline, 189: x, 193: y}
    samples = to_ibm(reflections(shape, seed=1))
    text = _filled(
        "",
        {
            1: "CLIENT: A FIELD THAT NEVER WAS",
            2: "PROJECT: RESERVE #3 (DOME); SOME COUNTY",
            3: "LINE: 3D",
            5: "THIS IS THE FILTERED POST STACK MIGRATION",
            10: "INLINE NUMBER:    MIN: 1  MAX: 345  TOTAL: 345",
            11: "CROSSLINE NUMBER: MIN: 1  MAX: 188  TOTAL: 188",
            12: "TOTAL NUMBER OF CDPS: 64860   BIN DIMENSION: 110' X 110'",
            22: "DATA FORMAT: 4 BYTE IBM FLOATING POINT",
            27: "BYTES 181-184: INLINE NUMBER (LINE)",
            28: "BYTES 185-188: CROSSLINE NUMBER (TRACE)",
            36: "Processed by: Nobody & Sons, Inc.",
            40: "END EBCDIC",
        },
    )
    data = segy(
        {byte: word.ravel() for byte, word in words.items()},
        samples.reshape(-1, N_SAMPLES),
        interval=1000 * INTERVAL,
        binary={byte: (kind, value) for byte, kind, value in BINARY_HEADER.values()},
        text="".join(text).encode("cp037"),
    )
    path = tmp_path_factory.mktemp("teapot") / "filt_mig.sgy"
    path.write_bytes(data)
    return Survey(path, from_ibm(samples), text, words)


@pytest.fixture(scope="session")
def volve(tmp_path_factory):
    """220 × 70 traces with inline and crossline at bytes 189 and 193, rev 1."""
    shape = (220, 70, 120)
    inline, crossline = np.meshgrid(np.arange(9961, 10181), np.arange(1961, 2031), indexing="ij")
    samples = to_ibm(reflections(shape, seed=2))
    words = {189: inline, 193: crossline}
    data = segy({byte: word.ravel() for byte, word in words.items()}, samples.reshape(-1, shape[-1]))
    path = tmp_path_factory.mktemp("volve") / "volve.segy"
    path.write_bytes(data)
    return Survey(path, from_ibm(samples), _filled("MADE BY A TEST", {}), words)


ODD = [0x40000001, 0x80000000, 0x00000001]
"""IBM words that no float gives back: not normalised, -0, and one below float32."""


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """23 × 14 cells, every fifth one without a trace: inlines 2 …, crosslines 2 …, a sample each 2 ms.

    The first samples of each trace are zeros, and the fourth one of inline 4 is odd (see :data:`ODD`).
    """
    shape = (23, 14, 60)
    rng = np.random.default_rng(3)
    inline, crossline = np.meshgrid(np.arange(2, 25), np.arange(2, 16), indexing="ij")
    live = (np.arange(inline.size).reshape(inline.shape) % 5 != 2) | (crossline == 2)
    live[2] = True
    words = {1: np.arange(inline.size).reshape(inline.shape) + 1, 9: inline + 900}
    words |= {73: rng.integers(-(10**6), 10**6, inline.shape), 181: inline, 185: crossline, 189: inline, 193: crossline}
    samples = to_ibm(rng.standard_normal(shape, dtype="f4") * 1000)
    samples[..., :3] = 0
    samples[2, :, 3] = np.resize(np.array(ODD, np.uint32), shape[1])
    text = _filled("A SMALL SURVEY", {40: "END EBCDIC"})
    data = segy(
        {byte: word[live] for byte, word in words.items()},
        samples[live],
        interval=2000,
        binary={3201: ("i", 7)},
        text="".join(text).encode("cp037"),
    )
    path = tmp_path_factory.mktemp("small") / "small.segy"
    path.write_bytes(data)
    words = {byte: np.where(live, word, 0) for byte, word in words.items()}
    return Survey(path, np.where(live[..., None], from_ibm(samples), np.float32(0)), text, words, live)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a page runs: what one test writes, the next ones find."""
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="session")
def figures():
    """``matplotlib.pyplot`` without a screen."""
    matplotlib = pytest.importorskip("matplotlib", reason="the page draws with matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


@pytest.fixture
def plt(figures):
    yield figures
    figures.close("all")


@pytest.fixture
def saved(plt, tmp_path):
    """Save the figure and check that there is a picture: as large as it should be, and neither blank nor plain."""

    def save(width=640, height=480):
        path = tmp_path / "figure.png"
        plt.savefig(path)
        data = path.read_bytes()
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        assert np.frombuffer(data[16:24], ">u4").tolist() == [width, height]
        assert len(data) > 5_000
        picture = plt.imread(path)[..., :3].mean(axis=-1)
        middle = picture[height // 4 : -height // 4, width // 4 : -width // 4]
        assert middle.std() > 0.02
        return picture

    return save
