"""The files that pages speak of, made with numpy: small, and with what the page is about in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from plain_segy import to_ibm
from segy_bytes import segy

SAMPLES = 64


def _layers(*axes):
    """Return dipping layers over axes and time, std about 1; the last axis is the samples'."""
    grid = np.meshgrid(*axes, np.arange(SAMPLES), indexing="ij", sparse=True)
    dip = sum(0.03 * (number + 1) * axis for number, axis in enumerate(grid[:-1]))
    rng = np.random.default_rng(1)
    shape = (*(len(axis) for axis in axes), SAMPLES)
    return (
        np.sin(0.45 * grid[-1] + dip) + 0.3 * np.sin(1.3 * grid[-1] - dip) + 0.05 * rng.standard_normal(shape)
    ).astype("f4")


def _file(path, keys, values, **more):
    values = np.asarray(values)
    words = to_ibm(values) if more.get("code", 1) == 1 else values
    path.write_bytes(
        segy({byte: np.asarray(column).ravel() for byte, column in keys.items()}, words.reshape(-1, SAMPLES), **more)
    )


def _stack(path, inline_byte=189, crossline_byte=193, first=200, **more):
    inlines, crosslines = np.arange(first, first + 110), np.arange(1, 25)
    il, xl = np.meshgrid(inlines, crosslines, indexing="ij")
    keys = {1: np.arange(il.size) + 1, inline_byte: il, crossline_byte: xl}
    if inline_byte == 189:
        keys |= {181: 4_310_000 + 25 * (il - first), 185: 6_478_000 + 25 * xl}
    _file(path, keys, _layers(inlines - first, crosslines), **more)


def stack(path: Path) -> None:
    """110 inlines from 200, 24 crosslines from 1, 64 samples each 4 ms, IBM floats, words where rev 1 has them."""
    _stack(path)


def unusual(path: Path) -> None:
    """The same with the line numbers at bytes 17 and 13, and nothing at 189 and 193."""
    _stack(path, 17, 13)


def little(path: Path) -> None:
    """Little endian, IEEE floats."""
    _stack(path, order="<", code=5)


def shots(path: Path) -> None:
    """6 shots, 2 cables of 12 channels numbered through from 1 to 24: shot point at 17, cable at 137, channel at 13."""
    shot, channel = np.meshgrid(np.arange(100, 106), np.arange(1, 25), indexing="ij")
    _file(
        path,
        {9: shot, 17: shot, 135: (channel - 1) // 12 + 1, 13: channel},
        _layers(np.arange(6), np.arange(24)),
    )


def duplicates(path: Path) -> None:
    """5 × 6 cells with two traces in every cell."""
    il, xl, fold = np.meshgrid(np.arange(1, 6), np.arange(1, 7), np.arange(2), indexing="ij")
    _file(path, {21: 10 * il + xl, 37: 100 * fold, 189: il, 193: xl}, _layers(np.arange(5), np.arange(6), np.arange(2)))


def irregular(path: Path) -> None:
    """A stack of which a third of the traces is missing, in no order."""
    rng = np.random.default_rng(2)
    keep = rng.permutation(30 * 24)[:480]
    il, xl = np.meshgrid(np.arange(30), np.arange(24), indexing="ij")
    values = _layers(np.arange(30), np.arange(24)).reshape(-1, SAMPLES)
    _file(path, {189: il.ravel()[keep] + 1, 193: xl.ravel()[keep] + 1}, values[keep])


def cut(path: Path) -> None:
    """A stack whose last trace was cut in the middle."""
    _stack(path)
    path.write_bytes(path.read_bytes()[:-100])


def noheaders(path: Path) -> None:
    """Traces without any numbers in their headers."""
    _file(path, {1: np.zeros(60)}, _layers(np.arange(60)))


def part1(path: Path) -> None:
    """The first of two files of one survey."""
    _stack(path, first=200)


def part2(path: Path) -> None:
    """The second one."""
    _stack(path, first=310)


def runs(path: Path) -> None:
    """A run file."""
    path.write_text(
        "version: 1\nruns:\n  - input: {url: stack.sgy}\n    output: {url: from_runs.mdio}\n", encoding="utf-8"
    )


FILES = {
    "runs.yaml": runs,
    "stack.sgy": stack,
    "unusual.sgy": unusual,
    "little.sgy": little,
    "shots.sgy": shots,
    "duplicates.sgy": duplicates,
    "irregular.sgy": irregular,
    "cut.sgy": cut,
    "noheaders.sgy": noheaders,
    "part1.sgy": part1,
    "part2.sgy": part2,
}


def provide(text: str, folder: Path) -> None:
    """Make the files that a page names."""
    for name, make in FILES.items():
        if name in text:
            make(folder / name)
