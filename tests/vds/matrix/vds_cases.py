"""The combinations of the matrix: which VDSs are written, with which channels, and which of them cannot be."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

TYPES = {"1Bit": "u1", "U8": "u1", "U16": "u2", "R32": "f4", "U32": "u4", "R64": "f8", "U64": "u8"}
MARGINS = ((0, 0), (2, 3), (4, 4))
CODECS = ("None", "Zip", "RLE")
COMPONENTS = (1, 2, 4)
MAPPINGS = (("Direct", 1), ("PerTrace", 1), ("PerTrace", 240))
STORAGES = ("container", "http", "s3")
LODS = 2
OURS, WHEEL = "ours > wheel", "wheel > ours"

SHAPES = {
    2: ((70, 45), (37, 61), (33, 70)),
    3: ((67, 7, 5), (5, 61, 33), (33, 35, 9)),
    4: ((33, 5, 7, 3), (9, 37, 4, 2), (37, 6, 38, 2)),
    5: ((37, 4, 3, 2, 2), (5, 6, 61, 2, 1), (4, 60, 3, 1, 2)),
    6: ((35, 3, 5, 2, 1, 2), (6, 37, 3, 1, 2, 2), (41, 4, 4, 2, 2, 1)),
}
"""Samples, dimension 0 first, by dimensions and then by margins: odd, up to three bricks, less than one."""

TWO_COMPONENT_BITS = "1Bit of several components: the wheel crashes when it makes or reads them (section 8.2)"
RULE = "rule of LODs with several components: the wheel's are garbage, ours are thinned out (section 10)"
SAMPLED = "object stores: the same objects as over HTTP, every {} th channel in turn, for the time it takes"
NO_VALUE_BITS = "1Bit with no-value: the wheel refuses to make such channels"


@dataclass(frozen=True)
class Channel:
    """One channel of a VDS of the matrix."""

    name: str
    format: str
    components: int = 1
    mapping: str = "Direct"
    mapped: int = 1
    no_value: float | None = None
    scale: float = 1.0
    offset: float = 0.0
    discrete: bool = False
    renderable: bool = True


@dataclass(frozen=True)
class Job:
    """A VDS that one side writes and the other reads."""

    direction: str
    storage: str
    samples: tuple[int, ...]
    channels: tuple[Channel, ...]
    margins: tuple[int, int] = (0, 0)
    codec: str = "Zip"
    group: str = "Dimensions_012"
    brick: int = 32
    multiplier: int = 1
    lods: int = LODS
    full: int | None = None
    flat_lods: bool = False
    kind: str = "matrix"
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def name(self) -> str:
        """What tells it from others."""
        shape = "x".join(map(str, self.samples))
        more = [self.kind] if self.kind != "matrix" else []
        return "-".join([*more, shape, self.codec, *map(str, self.margins), self.storage, self.direction])

    def lods_of(self, channel: Channel) -> int:
        """Highest level of detail of a channel."""
        has = channel.renderable and (len(self.group) > len("Dimensions_01") or self.flat_lods)
        return self.lods if has else 0

    def shape(self, channel: Channel) -> tuple[int, ...]:
        """Shape of a channel's values, slowest dimension first, then components."""
        first = self.samples[0] if channel.mapping == "Direct" else channel.mapped
        return (*self.samples[:0:-1], first, *((channel.components,) if channel.components > 1 else ()))

    def data(self) -> dict[str, np.ndarray]:
        """Return the codes of all channels: runs, zeros, a brick of one value, and the whole range of the type."""
        return {channel.name: self._codes(channel, number) for number, channel in enumerate(self.channels)}

    def _codes(self, channel: Channel, number: int) -> np.ndarray:
        rng = np.random.default_rng([number, *self.samples, *self.margins])
        shape, kind = self.shape(channel), np.dtype(TYPES[channel.format])
        if channel.format == "1Bit":
            codes = (rng.random(shape) < 0.2).astype(kind)
        elif kind.kind == "f":
            codes = (rng.standard_normal(shape) * 10).astype(kind)
        else:
            codes = rng.integers(0, 256, (*shape[:-1], shape[-1] * kind.itemsize), np.uint8).view(kind)
        # The last axis of voxels, and the one before.
        tail = (slice(None),) * (channel.components > 1)
        codes[(..., slice(0, shape[-1 - len(tail)] // 3), *tail)] = codes[(..., slice(0, 1), *tail)]
        codes[rng.random(shape[: len(shape) - len(tail)]) < 0.4] = 0
        if channel.no_value is not None:
            codes[rng.random(shape[: len(shape) - len(tail)]) < 0.3] = _no_value(channel, kind)
        if number % 3:
            value = _no_value(channel, kind) if channel.no_value is not None and number % 2 else kind.type(1)
            digits = [int(digit) for digit in self.group.removeprefix("Dimensions_")]
            first = (slice(0, 32 if dim in digits else 1) for dim in reversed(range(1, len(self.samples))))
            whole = channel.mapping != "Direct"
            codes[(*first, slice(None) if whole else slice(0, 32 if 0 in digits else 1), *tail)] = value
        return codes

    def task(self, **more: Any) -> dict[str, Any]:
        """Return what the wheel is told."""
        told = {key: value for key, value in asdict(self).items() if key != "skipped"}
        return told | {"lods_of": [self.lods_of(channel) for channel in self.channels]} | more


def _no_value(channel: Channel, kind: np.dtype) -> Any:
    if channel.format in ("U8", "U16"):
        return kind.type(np.iinfo(kind).max)
    return kind.type(0 if channel.format == "1Bit" else channel.no_value)


def all_channels() -> list[Channel]:
    """Return every format, number of components and mapping that can be; the first suits as channel 0."""
    found = [
        Channel(f"{form}x{components}{mapping}{mapped}", form, components, mapping, mapped)
        for form, components, (mapping, mapped) in itertools.product(TYPES, COMPONENTS, MAPPINGS)
        if form != "1Bit" or components == 1
    ]
    return sorted(found, key=lambda c: c.name != "R32x1Direct1")


IMPOSSIBLE = sum(1 for form, n, _ in itertools.product(TYPES, COMPONENTS, MAPPINGS) if form == "1Bit" and n > 1)
"""Channels that are left out of each VDS."""


def matrix(step: int = 19) -> list[Job]:
    """Return the VDSs of the matrix.

    Parameters
    ----------
    step
        Object stores get every so-manieth channel in turn.
    """
    jobs = []
    channels = all_channels()
    direct = [channel for channel in channels if channel.mapping == "Direct" and channel.components == 1]
    turn = 0
    for dims, (at, margins), codec, storage, direction in itertools.product(
        SHAPES, enumerate(MARGINS), CODECS, STORAGES, (OURS, WHEEL)
    ):
        if (storage, direction) == ("http", WHEEL):
            continue  # counted with what was written to S3
        skipped = Counter({TWO_COMPONENT_BITS: IMPOSSIBLE * (LODS + 1)})
        picked = channels
        if storage == "s3":
            first = direct[turn % len(direct)]
            picked = [first, *(channel for channel in channels[turn % step :: step] if channel != first)]
            turn += 1
            missing = (len(channels) - len(picked)) * (LODS + 1)
            skipped[SAMPLED.format(step)] = missing
            if direction == WHEEL:
                skipped += Counter({TWO_COMPONENT_BITS: IMPOSSIBLE * (LODS + 1), SAMPLED.format(step): missing})
        job = Job(
            direction, storage, SHAPES[dims][at], tuple(picked), margins, codec, skipped=skipped,
            group="Dimensions_01" if dims == 2 else "Dimensions_012", flat_lods=dims == 2,
        )  # fmt: skip
        jobs.append(job)
    return jobs


def further() -> list[Job]:
    """Return VDSs of what the matrix does not vary: groups, 2D LODs, whole dimensions, no-value, scales, bricks."""
    plain = tuple(Channel(f"{form}{mapped}", form, 1, mapping, mapped) for form, (mapping, mapped) in zip(
        ("R32", "U8", "U16", "1Bit", "R64"), (*MAPPINGS, ("Direct", 1), ("Direct", 1)), strict=True))  # fmt: skip
    few = tuple(channel for channel in plain if channel.mapped == 1)
    valued = tuple(
        Channel(f"{form}{number}", form, no_value=value)
        for form, values in {
            "R32": (-999.25, 0.0), "U8": (7.0,), "U16": (-1.0,), "R64": (-999.25,), "U32": (7.0,), "U64": (7.0,),
            "1Bit": (0.0,),
        }.items()
        for number, value in enumerate(values)
    )  # fmt: skip
    scaled = tuple(
        Channel(f"{form}{number}", form, scale=scale, offset=offset, no_value=value)
        for form in ("U8", "U16")
        for number, (scale, offset, value) in enumerate(
            ((0.0733237, -18.6975, None), (1.0, -128.0, None), (1.0, -32768.0, None), (0.5, 3.0, -999.25))
        )
    )
    quiet = (
        Channel("R32", "R32"),
        Channel("Trace", "U8", 1, "PerTrace", 1, discrete=True),
        Channel("Header", "U8", 1, "PerTrace", 240, discrete=True, renderable=False),
        Channel("Pair", "U16", 2, "PerTrace", 1, renderable=False),
    )
    base: list[dict[str, Any]] = [
        *({"kind": f"group {g}", "samples": (37, 35, 33), "group": f"Dimensions_{g}", "flat_lods": flat,
           "multiplier": 1} for g in ("01", "02", "12") for flat in (False, True)),
        *({"kind": f"group {g}", "samples": (35, 5, 37, 3), "group": f"Dimensions_{g}"} for g in ("013", "023")),
        # Without dimension 0, chunks of many values a trace would have four dimensions.
        {"kind": "group 123", "samples": (3, 5, 37, 35), "group": "Dimensions_123", "channels": few},
        {"kind": "group 245", "samples": (4, 3, 35, 2, 9, 5), "group": "Dimensions_245", "channels": few},
        {"kind": "2D multiplier 4", "samples": (300, 130), "group": "Dimensions_01", "multiplier": 4,
         "flat_lods": True},
        {"kind": "2D without LODs", "samples": (300, 130), "group": "Dimensions_01"},
        *({"kind": f"full resolution {d}", "samples": (37, 35, 33), "full": d} for d in (0, 1, 2)),
        {"kind": "full resolution 1, 2D", "samples": (70, 45), "full": 1, "group": "Dimensions_01"},
        {"kind": "no-value", "samples": (37, 35, 5), "channels": valued},
        {"kind": "no-value, 2D", "samples": (67, 35), "channels": valued, "group": "Dimensions_01", "flat_lods": True},
        {"kind": "scale and offset", "samples": (37, 35, 5), "channels": scaled},
        {"kind": "discrete, not renderable", "samples": (37, 35, 5), "channels": quiet},
        {"kind": "brick 64, LODs 4", "samples": (130, 9, 70), "brick": 64, "lods": 4},
        {"kind": "brick 128", "samples": (200, 3, 5), "brick": 128},
        {"kind": "one voxel", "samples": (1, 1, 1)},
        {"kind": "one trace", "samples": (50, 1)} | {"group": "Dimensions_01"},
        {"kind": "no LODs", "samples": (37, 35, 5), "lods": 0},
    ]  # fmt: skip
    jobs = [
        Job(**({"direction": direction, "storage": storage, "channels": plain, "codec": codec,
                "margins": margins} | job))
        for job in base
        for direction, storage in ((OURS, "container"), (OURS, "http"), (WHEEL, "container"))
        for codec, margins in (("Zip", (0, 0)), ("RLE", (2, 3)))
    ]  # fmt: skip
    return [_without_valued_bits(job) if job.direction == WHEEL else job for job in jobs]


def _without_valued_bits(job: Job) -> Job:
    kept = tuple(channel for channel in job.channels if channel.format != "1Bit" or channel.no_value is None)
    left_out = (len(job.channels) - len(kept)) * (job.lods + 1)
    return replace(job, channels=kept, skipped=Counter({NO_VALUE_BITS: left_out}) if left_out else Counter())
