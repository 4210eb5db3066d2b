"""Synthetic SEG-Y files of any size, made in pieces: stacks, gathers and lines with the statistics of field data.

Layered reflectivity, band-limited and warped by smooth structure and two faults, over laterally correlated noise of
the same band, under a decay and a top mute. How well samples compress follows from the ratio of the two, so it is that
of field data: 1.2 to 1.3 by lossless codecs. numpy is enough; a gigabyte takes about twenty seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["FORMATS", "KINDS", "Survey", "make", "survey_of", "to_ibm"]

FORMATS = {"ibm": (1, 4), "ieee": (5, 4), "int16": (3, 2)}
"""Sample formats by name: code of bytes 3225-3226 (SEG-Y rev 1, table 2) and bytes a sample."""
KINDS = ("stack", "prestack", "line2d")

_TRACE_HEADER = 240
_FILE_HEADER = 3600
_POOL = 1 << 21
_OVER = 16


@dataclass(frozen=True)
class Survey:
    """A SEG-Y file and how it is indexed.

    Parameters
    ----------
    name
        In tables.
    kind
        ``stack``, ``prestack`` or ``line2d``.
    format
        Key of :data:`FORMATS`.
    shape
        Length of each axis, samples last.
    keys
        First byte of each index word, slowest axis first.
    names
        Name of each index word.
    """

    name: str
    kind: str
    format: str
    shape: tuple[int, ...]
    keys: tuple[int, ...]
    names: tuple[str, ...]

    @property
    def traces(self) -> int:
        return math.prod(self.shape[:-1])

    @property
    def bytes(self) -> int:
        return _FILE_HEADER + self.traces * (_TRACE_HEADER + FORMATS[self.format][1] * self.shape[-1])


def survey_of(kind: str, megabytes: float, format: str = "ibm") -> Survey:
    """Return the survey of a kind that takes about so many megabytes as IBM floats; other formats have its shape.

    405 MB of stack are 345 × 188 × 1501, 1328 MB are 480 × 760 × 850.
    """
    wide = megabytes > 1000
    samples = {"stack": 850 if wide else 1501, "prestack": 1000, "line2d": 1500}[kind]
    if megabytes < 20:
        samples = max(60, int(samples * megabytes / 20))
    traces = max(8, round(megabytes * 1e6 / (_TRACE_HEADER + 4 * samples)))
    keys: tuple[int, ...]
    names: tuple[str, ...]
    if kind == "line2d":
        spatial: tuple[int, ...] = (traces,)
        keys, names = (21,), ("cdp",)
    elif kind == "stack":
        aspect = 480 / 760 if wide else 345 / 188
        inlines = max(2, round(math.sqrt(traces * aspect)))
        spatial = inlines, max(2, round(traces / inlines))
        keys, names = (189, 193), ("inline", "crossline")
    else:
        offsets = min(40, max(2, traces // 16))
        inlines = max(2, round(math.sqrt(traces / offsets * 40 / 64)))
        spatial = inlines, max(2, round(traces / offsets / inlines)), offsets
        keys, names = (189, 193, 37), ("inline", "crossline", "offset")
    size = f"{megabytes:g}MB"
    return Survey(f"{kind} {format} {size}", kind, format, (*spatial, samples), keys, names)


def make(survey: Survey, path: Path, seed: int = 7) -> None:
    """Write a survey; the same survey and seed give the same bytes."""
    with path.open("wb") as file:
        file.write(_file_header(survey))
        for traces in _pieces(survey, seed):
            file.write(traces)


def to_ibm(values: np.ndarray) -> np.ndarray:
    """Encode float32 as big-endian IBM words, rounded to nearest (SEG-Y rev 1, section 5.1)."""
    bits = values.view(np.uint32)
    exponent = ((bits >> np.uint32(23)) & np.uint32(0xFF)).astype(np.int16)
    fraction = (bits & np.uint32(0x7FFFFF)) | np.uint32(0x800000)
    two = exponent - np.int16(126)  # value = fraction / 2**24 * 2**two
    sixteen = (two + np.int16(3)) >> np.int16(2)
    shift = (np.int16(4) * sixteen - two).astype(np.uint32)
    rounding = (np.uint32(1) << shift) >> np.uint32(1)
    fraction = (fraction + rounding) >> shift
    words = (bits & np.uint32(0x80000000)) | ((sixteen + np.int16(64)).astype(np.uint32) << np.uint32(24)) | fraction
    return np.where(exponent == 0, np.uint32(0), words).astype(">u4")


def _file_header(survey: Survey) -> bytes:
    lines = [f"C{number:2d} " for number in range(1, 41)]
    lines[0] += f"SYNTHETIC SURVEY {survey.name.upper()}"
    lines[1] += "INLINE 189-192 CROSSLINE 193-196 OFFSET 37-40 CDP 21-24 CDPX 181-184 CDPY 185-188"
    lines[38:] = "C39 SEG Y REV1", "C40 END EBCDIC"
    text = "".join(line.ljust(80)[:80] for line in lines).encode("cp037")
    binary = np.zeros(200, ">i2")
    binary[[0 + 1, 2 + 1, 4 + 1]] = 1  # job, line and reel number, four bytes each
    samples = survey.shape[-1]
    gather = survey.shape[2] if survey.kind == "prestack" else 1
    binary[[6, 8, 9, 10, 11, 12, 13]] = gather, 4000, 4000, samples, samples, FORMATS[survey.format][0], gather
    binary[14] = 2 if gather > 1 else 4  # sorted by CDP ensemble, or stacked
    binary[[27, 150, 151]] = 1, 0x100, 1  # metres; revision 1; fixed trace length
    return text + binary.tobytes()


_WORDS = {
    ">i4": {"tracl": 1, "tracr": 5, "fldr": 9, "tracf": 13, "cdp": 21, "cdpt": 25, "offset": 37, "sx": 73, "sy": 77}
    | {"cdpx": 181, "cdpy": 185, "il": 189, "xl": 193, "sp": 197},
    ">i2": {"trid": 29, "scalel": 69, "scalco": 71, "ns": 115, "dt": 117},
}
"""First bytes of the header words that are set (SEG-Y rev 1, section 6)."""
_HEADER = np.dtype(
    {
        "names": [name for words in _WORDS.values() for name in words],
        "formats": [kind for kind, words in _WORDS.items() for _ in words],
        "offsets": [byte - 1 for words in _WORDS.values() for byte in words.values()],
        "itemsize": _TRACE_HEADER,
    }
)


def _pieces(survey: Survey, seed: int) -> Iterator[bytes]:
    """Yield whole traces: a line of a stack, a line of gathers, or 2000 traces of a line."""
    rng = np.random.default_rng(seed)
    samples = survey.shape[-1]
    gather = survey.shape[2] if survey.kind == "prestack" else 1
    lines, places = (1, survey.shape[0]) if survey.kind == "line2d" else survey.shape[:2]
    band = (0.02, 0.25) if survey.kind != "line2d" else (0.016, 0.15)
    profile = _profile(rng, (samples + 200) * _OVER, band)
    pool = _filtered(rng.standard_normal(_POOL).astype(np.float32), band, 1)
    shift = 18 * _smooth(rng, lines, places, 7) + 2 * _smooth(rng, lines, places, 25)
    x, y = np.arange(lines)[:, None] / max(lines, 2), np.arange(places)[None, :] / places
    shift += 9.0 * (x + 0.6 * y > 0.75) - 6.0 * (y - 0.3 * x > 0.6)
    mix = 0.5 + 0.45 * np.tanh(_smooth(rng, lines, places, 6))
    mute = samples // 40 * (1 + 0.5 * np.tanh(_smooth(rng, lines, places, 5)))
    step = places if survey.kind != "line2d" else 2000
    for line in range(lines):
        for first in range(0, places, step):
            some = np.repeat(np.arange(first, min(first + step, places)), gather)
            offset = np.tile(np.arange(gather), len(some) // gather)
            values = _traces(
                profile,
                pool,
                np.random.default_rng([seed, line, first]),
                shift[line, some] + 3.0 * (offset / gather) ** 2,
                mix[line, some],
                mute[line, some] + offset * 0.35 * samples / gather,
                samples,
                0.3 if gather == 1 else 0.5,
            )
            number = (line * places + first) * gather
            yield _records(survey, values, line, some, offset, number).tobytes()


def _traces(
    profile: np.ndarray,
    pool: np.ndarray,
    rng: np.random.Generator,
    shift: np.ndarray,
    mix: np.ndarray,
    mute: np.ndarray,
    samples: int,
    noise: float,
) -> np.ndarray:
    time = np.arange(samples, dtype=np.float32)
    stretch = (0.35 + 0.65 * time / samples).astype(np.float32)
    out = np.empty((len(shift), samples), np.float32)
    decay = (0.25 + 2.2 * np.exp(-2.4 * time / samples)).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(pool, samples)
    for low in range(0, len(shift), 256):  # small enough for the cache
        part = slice(low, min(low + 256, len(shift)))
        at = shift[part, None].astype(np.float32) * stretch
        at += time + np.float32(60)
        at *= _OVER
        index = np.clip(at.astype(np.int32), 0, profile.shape[1] - 1)
        share = mix[part, None].astype(np.float32)
        values = profile[0][index] * (1 - share)
        values += profile[1][index] * share
        # Neighbours share noise, as they do after migration: two windows of four, then the next two.
        begins = rng.integers(0, len(windows), 2 + (part.stop - low) // 2)
        common = np.arange(part.stop - low) // 2
        values += np.float32(0.6 * noise) * (windows[begins[common]] + windows[begins[common + 1]])
        values += np.float32(0.5 * noise) * windows[rng.integers(0, len(windows), part.stop - low)]
        values *= decay
        values[time < mute[part, None]] = 0
        out[part] = values
    return out


def _records(
    survey: Survey, values: np.ndarray, line: int, places: np.ndarray, offset: np.ndarray, number: int
) -> np.ndarray:
    if survey.format == "ibm":
        words = to_ibm(values)
    elif survey.format == "ieee":
        words = values.astype(">f4")
    else:
        words = np.round(values * 2500).clip(-32767, 32767).astype(">i2")
    traces = np.zeros(len(values), np.dtype([("head", _HEADER), ("words", words.dtype, (values.shape[1],))]))
    head = traces["head"]
    head["tracl"] = head["tracr"] = np.arange(number + 1, number + len(values) + 1)
    head["fldr"] = head["il"] = line + 1
    head["xl"] = places + 1
    head["tracf"] = head["cdpt"] = offset + 1
    head["cdp"] = places + 1 if survey.kind == "line2d" else line * survey.shape[1] + places + 1
    head["sp"] = head["cdp"]
    head["trid"] = 1
    head["offset"] = 100 + 75 * offset if survey.kind == "prestack" else 0
    head["scalel"] = head["scalco"] = -100
    head["ns"], head["dt"] = values.shape[1], 4000
    across, along, turn = line * 12.5, places * 12.5, math.radians(27)
    head["cdpx"] = head["sx"] = np.round((431000 + across * math.cos(turn) - along * math.sin(turn)) * 100)
    head["cdpy"] = head["sy"] = np.round((6478000 + across * math.sin(turn) + along * math.cos(turn)) * 100)
    traces["words"] = words
    return traces


def _filtered(white: np.ndarray, band: tuple[float, float], over: int) -> np.ndarray:
    """Keep a band, in cycles a sample before oversampling, and scale to a standard deviation of 1."""
    frequency = np.fft.rfftfreq(white.shape[-1]) * over
    middle, half = sum(band) / 2, (band[1] - band[0]) / 2.2
    weight = np.exp(-(((frequency - middle) / half) ** 4)) * (1 - np.exp(-((frequency / band[0]) ** 4)))
    found = np.fft.irfft(np.fft.rfft(white) * weight, n=white.shape[-1])
    return (found / found.std()).astype(np.float32)


def _profile(rng: np.random.Generator, length: int, band: tuple[float, float]) -> np.ndarray:
    """Return two reflectivity profiles that resemble each other, oversampled."""
    spikes = np.zeros((2, length))
    at = rng.integers(0, length, length // _OVER // 6)
    spikes[0, at] = rng.laplace(size=len(at))
    spikes[1, at] = 0.7 * spikes[0, at] + 0.5 * rng.laplace(size=len(at))
    return _filtered(spikes, band, _OVER)


def _smooth(rng: np.random.Generator, rows: int, columns: int, knots: int) -> np.ndarray:
    """Return a smooth random surface: bilinear between normal knots, with smoothed weights."""
    knot = rng.normal(size=(knots, knots))
    x, y = (np.linspace(0, knots - 1.001, length) for length in (rows, columns))
    i, j = x.astype(int)[:, None], y.astype(int)[None, :]
    u, v = (x - x.astype(int))[:, None], (y - y.astype(int))[None, :]
    u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
    low = knot[i, j] * (1 - v) + knot[i, j + 1] * v
    return low * (1 - u) + (knot[i + 1, j] * (1 - v) + knot[i + 1, j + 1] * v) * u
