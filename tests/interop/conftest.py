"""A survey for the tests against other packages, and the count that makes sure each peer was really asked.

An interop test names the environment variable of its peer (``MDIO_PEER_…``, the path of a Python) in the reason of
its ``skipif``. ``pytest -m interop`` fails when a variable is set and no test of that peer passed.
"""

import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

_PEER = re.compile(r"MDIO_PEER_\w+")


class PeerCount:
    """Counts how the tests of each peer ended."""

    def __init__(self):
        self.peers = {}
        self.outcomes = {}

    def pytest_collection_modifyitems(self, items):
        for item in items:
            if item.get_closest_marker("interop"):
                reasons = [str(mark.kwargs.get("reason", "")) for mark in item.iter_markers("skipif")]
                self.peers[item.nodeid] = sorted(set(_PEER.findall(" ".join(reasons))))

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            for peer in self.peers.get(report.nodeid, ()):
                self.outcomes.setdefault(peer, Counter())[report.outcome] += 1

    def missing(self):
        """Return the peers that were asked for and of which nothing passed."""
        asked = {name for name, path in os.environ.items() if _PEER.fullmatch(name) and path}
        return sorted(peer for peer in asked if not self.outcomes.get(peer, Counter())["passed"])

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session):
        if self.missing() and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter):
        terminalreporter.section("peer releases")
        for peer, outcomes in sorted(self.outcomes.items()):
            counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
            terminalreporter.line(f"{peer}: {counts}")
        for peer in self.missing():
            terminalreporter.line(f"{peer}: is set, and no test of it passed", red=True)


def pytest_configure(config):
    if config.option.markexpr == "interop" and not config.option.collectonly:
        config.pluginmanager.register(PeerCount(), "mdio-peer-count")


@dataclass
class Survey:
    """What a SEG-Y file of a test holds; arrays over the grid, zeros in its dead cells.

    Parameters
    ----------
    path
        The file: big-endian rev 1, IBM floats, live traces in grid order unless it was made shuffled.
    index_bytes, index_names
        Its index words.
    coords
        Coordinates of each axis, the samples' last.
    live, words, heads
        Live mask, IBM words, and the 240 bytes of each trace header.
    text
        The 40 lines of the textual header.
    order
        Flat positions in the grid of the file's traces, in its order.
    """

    path: Path
    index_bytes: tuple
    index_names: tuple
    coords: list
    live: np.ndarray
    words: np.ndarray
    heads: np.ndarray
    text: list
    order: np.ndarray

    @property
    def samples(self):
        """The words decoded: sign, base-16 exponent biased by 64, 24-bit fraction (SEG-Y rev 1, section 5.1)."""
        fraction = (self.words & 0xFFFFFF) / 2.0**24
        exponent = ((self.words >> 24) & 0x7F).astype(float) - 64
        values = np.where(self.words >> 31, -1.0, 1.0) * fraction * 16.0**exponent
        assert np.array_equal(values.astype(np.float32), values)
        return values.astype(np.float32)

    @property
    def statistics(self):
        """What MDIO v0 keeps: over the samples of live traces that are not zero."""
        values = self.samples.astype(float)
        values = values[values != 0]
        return {
            "mean": values.mean(),
            "std": values.std(),
            "rms": np.sqrt(np.mean(values**2)),
            "min": values.min(),
            "max": values.max(),
        }

    def header(self, byte):
        """The 4-byte header word at a 1-based position."""
        return np.ascontiguousarray(self.heads[..., byte - 1 : byte + 3]).view(">i4")[..., 0]


@pytest.fixture(scope="session")
def make_survey():
    """Make surveys; ``odd`` ones hold what no record of samples or headers keeps, so that an export needs more.

    That is: IBM words that no float gives back (not normalised, -0), and bytes 233-240 of the trace headers.
    """

    def make(path, shape, dead=0.0, seed=7, *, odd=False, shuffled=False):
        rng = np.random.default_rng(seed)
        *spatial, samples = shape
        names, index_bytes = (("inline", "crossline"), (189, 193)) if len(shape) == 3 else (("crossline",), (193,))
        coords = [10 + 3 * axis + (axis + 1) * np.arange(n) for axis, n in enumerate(spatial)]
        live = rng.random(spatial) >= dead
        for axis in range(len(spatial)):  # every coordinate has a trace, or it would not be in the grid
            live[tuple(0 if other != axis else slice(None) for other in range(len(spatial)))] = True
        words = rng.integers(0x100000, 1 << 24, shape, dtype=np.uint32)  # normalised: the first digit is not 0
        words |= rng.integers(62, 67, shape, dtype=np.uint32) << np.uint32(24)
        words |= rng.integers(0, 2, shape, dtype=np.uint32) << np.uint32(31)
        words[..., : samples // 8] = 0
        words.reshape(-1, samples)[1] = 0  # a trace without amplitude is a live one
        if odd:
            words[..., samples // 2] = 0x40000001
            words[..., samples // 2 + 1] = 0x80000000
        words[~live] = 0
        heads = rng.integers(0, 256, (*spatial, 240), dtype=np.uint8)
        if not odd:
            heads[..., 232:] = 0  # MDIO 0.7 records end there
        keys = np.meshgrid(*coords, indexing="ij")
        for byte, key in zip(index_bytes, keys, strict=True):
            heads[..., byte - 1 : byte + 3] = key.astype(">i4")[..., None].view(np.uint8)
        for byte, value in ((71, -100), (115, samples), (117, 4000)):
            heads[..., byte - 1 : byte + 1] = np.frombuffer(np.array(value, ">i2").tobytes(), np.uint8)
        heads[~live] = 0
        binary = np.zeros(200, ">i2")
        binary[[1, 3, 5, 6, 7]] = 17, 4, 9, 12, 3  # job, line, reel; traces and auxiliary traces per ensemble
        binary[[8, 9, 10, 11, 12, 13, 14]] = 4000, 4000, samples, samples, 1, 6, 4
        binary[27] = 1  # metres
        binary[[150, 151]] = 0x100, 1
        text = [f"C{line:2d} SURVEY {seed} {shape}".ljust(80) for line in range(1, 41)]
        order = np.flatnonzero(live)
        if shuffled:
            order = rng.permutation(order)
        with Path(path).open("wb") as file:
            file.write("".join(text).encode("cp037") + binary.tobytes())
            traces = np.empty(order.size, np.dtype([("head", np.uint8, 240), ("words", ">u4", samples)]))
            traces["head"], traces["words"] = heads.reshape(-1, 240)[order], words.reshape(-1, samples)[order]
            file.write(traces.tobytes())
        axes = [*coords, 4 * np.arange(samples)]
        return Survey(Path(path), index_bytes, names, axes, live, words, heads, text, order)

    return make
