"""Spoils wavelet payloads by the ten thousand and sees that each decodes to its shape, or is refused.

    python tests/soak/fuzz_wavelets.py --count 20000 --seed 1
    python tests/soak/fuzz_wavelets.py --seed 1 --only 1234      # one case again

Streams are those of the tests' own encoder; with ``MDIO_PEER_OPENVDS`` set, also those of files by the official wheel.
They are cut, patched and put together anew, at all levels and for all formats. An error other than BlockError, data of
another shape or type than was asked for, a case of more than 5 seconds, and memory beyond that of the unspoiled stream
by more than twice the chunk are failures: the case is printed.
"""

# ruff: noqa: T201
from __future__ import annotations

import argparse
import collections
import faulthandler
import json
import os
import random
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import tracemalloc
import warnings
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests" / "support"), str(ROOT / "tests" / "vds")]

import numpy as np  # noqa: E402
from vds_streams import coefficients_of, encode  # noqa: E402

from mdio_vds.blocks import BlockError  # noqa: E402
from mdio_vds.descriptors import ChannelDescriptor  # noqa: E402
from mdio_vds.enums import CompressionMethod, VolumeDataFormat  # noqa: E402
from mdio_vds.payloads import decode_payload  # noqa: E402
from mdio_vds.values import stored_dtype  # noqa: E402

MEMORY = 1 << 30
PATIENCE = 5.0
SLACK = 1 << 17
"""Bytes that do not depend on the chunk: geometry that is kept, messages of errors."""
METHODS = [method for method in CompressionMethod if method.is_wavelet]
FORMATS = ("R32", "R32", "U8", "U16")
NUMBERS = (0, 1, -1, 2, 3, 4, 7, 8, 255, 511, 513, 671, 673, 2**15, 2**24, 2**31 - 1, -(2**31))
SHAPES = (
    (32, 32, 16),
    (16, 16, 16),
    (8, 8, 8),
    (5, 6, 7),
    (17, 9, 12),
    (33, 8, 9),
    (1, 1, 50),
    (20, 33),
    (32, 32),
    (45,),
)


class HungError(BaseException):
    """A case took too long; no handler of ordinary errors may swallow it."""


def _alarm(signum, frame):
    raise HungError


@dataclass(frozen=True)
class Stream:
    """A whole payload and what it belongs to."""

    name: str
    payload: bytes
    method: CompressionMethod
    channel: ChannelDescriptor
    shape: tuple[int, ...]


def channel(fmt: str, no_value: float | None = None) -> ChannelDescriptor:
    return ChannelDescriptor("A", "", VolumeDataFormat[f"Format_{fmt}"], 1, (-100.0, 100.0), no_value=no_value)


def own_streams() -> list[Stream]:
    """Return streams of the tests' own encoder, some with all sections that a stream can have."""
    found = []
    for number, shape in enumerate(SHAPES):
        full = (*shape, 1, 1)[:3]
        plain, _, _ = encode(coefficients_of(full, number), len(shape), 3.0, integer=number % 2 == 1)
        found.append(Stream(f"own {shape}", plain, CompressionMethod.Wavelet, channel("R32"), shape))
        runs = bytes([1 | 1 << 1 | (40 & 31) << 3, 40 >> 5, 0 | 5 << 3])
        nothing = struct.pack("<if", len(runs), -999.25) + runs + bytes(-len(runs) % 4)
        counts = struct.pack("<2i", 12, 0) + struct.pack("<i", min(2, shape[0]))
        field = np.ones([-(-n // 8) for n in full], "<f4").tobytes()
        residual = struct.pack("<5i", 0, -1, 0, 0, -1) + bytes(2 * prod(shape))
        rest = plain[32:] + residual
        longer = plain[:24] + counts + nothing + field + rest
        longer += bytes(-len(longer) % 4)
        longer = struct.pack("<ii", 673, len(longer)) + longer[8:]
        everything = CompressionMethod.WaveletNormalizeBlockLossless
        found.append(Stream(f"own with all {shape}", longer, everything, channel("R32", -999.25), shape))
    return found


def wheel_streams(peer: str) -> list[Stream]:
    """Return the first payloads of files by the official wheel."""
    from test_wavelet_openvds import cases

    from mdio.storage.local import LocalStore
    from mdio_vds.layout import parse_layout
    from mdio_vds.placed import placed_layers
    from mdio_vds.volume import open_source

    found = []
    with tempfile.TemporaryDirectory() as folder:
        chosen = [case for case in list(cases())[:360:7] if prod(case["shape"]) < 200_000]
        chosen = [case | {"name": str(Path(folder) / f"w{n}")} for n, case in enumerate(chosen)]
        maker = ROOT / "tests" / "vds" / "openvds_wavelets.py"
        subprocess.run([peer, maker], input=json.dumps(chosen).encode(), check=True)
        for case in chosen:
            source = open_source(LocalStore(case["name"] + ".vds"))
            for placed in placed_layers(source, parse_layout(source.layout_json())):
                geometry, layer = placed.geometry, placed.layer
                payload = layer.payload(0)
                if payload and layer.method.is_wavelet:
                    shape = tuple(geometry.partition.stored_shape(geometry.partition.position(0)))
                    name = f"wheel {case['method']} {case['format']} {shape}"
                    found.append(Stream(name, payload, layer.method, geometry.channel, shape))
            source.close()
    return found


def spoiled(rng: random.Random, stream: Stream, others: list[Stream]) -> tuple[Stream, int, list[str]]:
    """Return a spoiled copy, the level at which it is read, and what was done."""
    data, done = bytearray(stream.payload), []
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        how = rng.choice((flip, flip, flip, cut, cut, word, word, word, early, piece, other))
        done.append(how.__name__)
        data = how(rng, data, others)
    if len(data) >= 8 and rng.random() < 0.6:  # or hardly any damage would get past the first look
        data += bytes(-len(data) % 4)
        data[4:8] = struct.pack("<i", len(data))
        done.append("right length")
    changed = replace(stream, payload=bytes(data))
    if rng.random() < 0.2:
        fmt = rng.choice(FORMATS)
        changed = replace(changed, method=rng.choice(METHODS), channel=channel(fmt, rng.choice((None, -999.25))))
        done.append(f"as {changed.method.name} {fmt}")
    return changed, rng.choice((-1, -1, -1, 0, 1, 3, 15)), done


def flip(rng, data, others):
    """Change a bit."""
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data


def cut(rng, data, others):
    """Leave away the end."""
    return data[: rng.randrange(len(data) + 1)]


def word(rng, data, others):
    """Put an interesting number anywhere."""
    if len(data) >= 4:
        at = rng.randrange(len(data) // 4) * 4
        data[at : at + 4] = (rng.choice((*NUMBERS, len(data), at)) % (1 << 32)).to_bytes(4, "little")
    return data


def early(rng, data, others):
    """Put an interesting number where headers and tables are."""
    if len(data) >= 4:
        at = rng.randrange(min(len(data) // 4, 60)) * 4
        data[at : at + 4] = (rng.choice((*NUMBERS, len(data), at)) % (1 << 32)).to_bytes(4, "little")
    return data


def piece(rng, data, others):
    """Copy a piece to another place, or in between."""
    length = rng.choice((1, 4, 8, 64, 300))
    source, target = rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)
    found = data[source : source + length]
    data[target : target + (length if rng.random() < 0.6 else 0)] = found
    return data


def other(rng, data, others):
    """Go on with the end of another stream."""
    behind = rng.choice(others).payload
    return data[: rng.randrange(len(data) + 1)] + behind[rng.randrange(len(behind)) :]


def decode(stream: Stream, level: int) -> str:
    """Decode a payload; return what came of it."""
    try:
        got = decode_payload(stream.payload, stream.method, stream.channel, stream.shape, level)
    except BlockError as error:
        assert str(error), "an error without a message"
        assert "\n" not in str(error), "an error of several lines"
        return "refused"
    assert got.shape == stream.shape[::-1], f"shape {got.shape} where {stream.shape[::-1]} is due"
    assert got.dtype == stored_dtype(stream.channel), f"{got.dtype} is another type"
    return "decoded"


class Run:
    """What came of all cases."""

    def __init__(self) -> None:
        self.outcomes: collections.Counter[str] = collections.Counter()
        self.failed: collections.Counter[str] = collections.Counter()
        self.slowest, self.most = (0.0, -1), (-9.0, -1)

    def whole(self, stream: Stream) -> int:
        """Return the bytes that decoding an unspoiled stream takes at most."""
        decode(stream, -1)  # makes what is kept for the next time
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        assert decode(stream, -1) == "decoded", stream.name
        return tracemalloc.get_traced_memory()[1] - before

    def one(self, number: int, stream: Stream, level: int, needs: int, again: str) -> None:
        """Run one case."""
        chunk = 4 * prod(stream.shape)
        started = time.perf_counter()
        faulthandler.dump_traceback_later(4 * PATIENCE, exit=True)  # a loop in compiled code hears no signal
        signal.setitimer(signal.ITIMER_REAL, PATIENCE)
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)
                self.outcomes[decode(stream, level)] += 1
            beyond = (tracemalloc.get_traced_memory()[1] - before - needs) / chunk
            if chunk >= 1 << 16:  # of smaller ones the few objects of Python are many times the chunk
                self.most = max(self.most, (beyond, number))
            assert beyond * chunk <= 2 * chunk + SLACK, f"memory: {beyond:.1f} chunks more than the whole stream"
        except (Exception, HungError) as error:  # noqa: BLE001
            self._note(error, again)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            faulthandler.cancel_dump_traceback_later()
        self.slowest = max(self.slowest, (time.perf_counter() - started, number))

    def _note(self, error: BaseException, again: str) -> None:
        at = traceback.extract_tb(error.__traceback__)[-1]
        kind = f"{type(error).__name__} at {Path(at.filename).name}:{at.lineno}"
        self.failed[kind] += 1
        if self.failed[kind] <= 2:
            print(f"FAILED {kind}: {error}\n  {again}", flush=True)
            traceback.print_exception(error, file=sys.stdout)


def main() -> int:
    """Run, print what came of the cases, and return 1 when one failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="run one case")
    given = parser.parse_args()

    signal.signal(signal.SIGALRM, _alarm)
    warnings.simplefilter("ignore")
    peer = os.environ.get("MDIO_PEER_OPENVDS", "")
    streams = own_streams() + (wheel_streams(peer) if peer else [])
    for stream in streams:
        decode(stream, -1)  # compiles what needs compiling
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    tracemalloc.start()
    run, started = Run(), time.monotonic()
    needs = [run.whole(stream) for stream in streams]
    large = [need / (4 * prod(s.shape)) for need, s in zip(needs, streams, strict=True) if prod(s.shape) >= 1 << 14]
    numbers = range(given.count) if given.only is None else [given.only]
    for number in numbers:
        rng = random.Random(f"{given.seed}:{number}")
        chosen = rng.randrange(len(streams))
        stream, level, edits = spoiled(rng, streams[chosen], streams)
        again = f"--seed {given.seed} --only {number}  # {stream.name} at level {level}: {', '.join(edits)}"
        run.one(number, stream, level, needs[chosen], again)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"{len(numbers)} cases of {len(streams)} streams in {time.monotonic() - started:.0f} s, peak {peak} MiB")
    print(f"whole streams of large chunks take up to {max(large, default=0):.1f} times the chunk")
    print(f"slowest: {run.slowest[0]:.2f} s, case {run.slowest[1]}")
    print(f"most memory of large chunks: {run.most[0]:.1f} chunks beyond the whole stream, case {run.most[1]}")
    for outcome, times in run.outcomes.most_common():
        print(f"{times:8d} {outcome}")
    for kind, times in run.failed.most_common():
        print(f"{times:8d} FAILED {kind}")
    return 1 if run.failed else 0


if __name__ == "__main__":
    sys.exit(main())
