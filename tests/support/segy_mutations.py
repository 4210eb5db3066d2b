"""Damaged SEG-Y files: small sound ones, edits that spoil them, and everything a reader does with one.

Edits are plain data, so that a generator of random numbers and hypothesis make the same kind of damage, and a case
that fails can be printed and repeated.
"""

from __future__ import annotations

import struct
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from segy_bytes import binary_header, grid, ibm_words, samples_for, segy

from mdio.core.region import Region
from mdio.exceptions import ConfigError, FormatError, GridError
from mdio_segy.opening import open_segy
from mdio_segy.options import SegyReadOptions

BINARY_WORDS = [
    *((3213, 2), (3217, 2), (3219, 2), (3221, 2), (3223, 2), (3225, 2), (3227, 2), (3255, 2), (3261, 4), (3269, 4)),
    *((3273, 8), (3281, 8), (3289, 4), (3297, 4), (3501, 1), (3502, 1), (3501, 2), (3503, 2), (3505, 2), (3507, 4)),
    *((3511, 2), (3513, 8), (3521, 8), (3529, 4)),
]
"""(1-based byte, width) of the binary header's words that a reader acts on, or some reader might."""

TRACE_WORDS = [
    *((1, 4), (5, 4), (9, 4), (13, 4), (17, 4), (21, 4), (25, 4), (29, 2), (37, 4), (71, 2), (73, 4), (109, 2)),
    *((115, 2), (117, 2), (181, 4), (185, 4), (189, 4), (193, 4), (233, 4), (237, 4)),
]
"""(1-based byte, width) of trace-header words: keys, counts, intervals, and those of extensions."""


@dataclass(frozen=True)
class Base:
    """A sound file, and where things lie in it."""

    name: str
    data: bytes
    label: int = 0
    start: int = 3600
    step: int = 240
    count: int = 1
    order: str = ">"

    def place(self, byte: int, trace: int | None = None) -> int:
        """Return the offset of a word of the binary header, or of the header of a trace."""
        return self.label + byte - 1 if trace is None else self.start + trace * self.step + byte - 1


def _varying(order=">"):
    """Traces of 4 to 11 samples, each with its own count."""
    text = "".join(f"C{line:2d} VARYING".ljust(80) for line in range(1, 41)).encode("cp037")
    words = {3217: ("H", 2000), 3221: ("H", 11), 3225: ("h", 5), 3501: ("B", 1), 3503: ("h", 0)}
    body = b""
    for trace in range(8):
        header = bytearray(240)
        samples = 4 + trace
        for byte, kind, value in ((1, "i", trace + 1), (21, "i", trace + 1), (115, "H", samples), (117, "H", 2000)):
            struct.pack_into(order + kind, header, byte - 1, value)
        body += bytes(header) + np.arange(samples).astype(f"{order}f4").tobytes()
    return text + binary_header(order, words) + body


def own_bases():
    """Return a dozen and a half of small files: formats, revisions, byte orders, text, extensions, orders of traces."""
    rng = np.random.default_rng(42)
    inline, crossline = grid(4, 5, il=(10, 2), xl=(-3, 1))
    square = {189: inline, 193: crossline}
    mixed = rng.permutation(20)[:17]
    il, xl, offset = (axis.ravel() for axis in np.meshgrid([1, 2], [7, 8, 9], [100, 200, 300], indexing="ij"))
    end = b"((SEG: EndText))".ljust(3200)
    rev2 = {3501: ("B", 2), 3502: ("B", 0), 3297: ("I", 0x01020304)}
    newest = {3501: ("B", 2), 3502: ("B", 1), 3507: ("i", 1), 3513: ("Q", 20), 3521: ("Q", 3600), 3529: ("i", 1)}
    odd = ibm_words(rng, (20, 6))
    odd.reshape(-1)[:5] = (0x40000001, 0x80000000, 0x7FFFFFFF, 0x00000001, 0x41000000)

    def base(name, keys, code, samples, order=">", *, label=0, text=0, extension=0, item=4, values=None, **more):
        count = len(next(iter(keys.values())))
        values = samples_for(code, rng, count, samples) if values is None else values
        more |= {"extension": extension, "extended": b"EXTENDED".ljust(3200) * max(0, text - 1) + end * (text > 0)}
        label_bytes = b"   1SY1.0RECORD".ljust(label)[:label]
        data = segy(keys, values, code, order, label=label_bytes, **more)
        start = label + 3600 + text * 3200
        return Base(name, data, label, start, 240 * (1 + extension) + samples * item, count, order)

    words = samples_for(2, rng, 20, 7)
    few = {189: inline[[0, 6, 12, 18]], 193: crossline[[0, 6, 12, 18]]}
    bytes24 = rng.integers(0, 256, (4, 15), dtype=np.uint8)
    return [
        base("ibm", square, 1, 12),
        base("int16-little-rev0", square, 3, 9, "<", item=2, binary={3501: ("B", 0), 3503: ("h", 0)}),
        base("ieee-rev2", square, 5, 8, binary={**rev2, 3269: ("I", 8)}),
        base("int8-label", square, 8, 10, label=128, item=1),
        base("double-extended", square, 6, 5, item=8, extension=1, binary=newest, trailer=b"((SEG: X))".ljust(3200)),
        base("ibm-endtext", square, 1, 6, text=3, binary={3505: ("h", -1)}),
        base("ibm-text", square, 1, 6, text=2, binary={3505: ("h", 2)}),
        base("prestack", {189: il, 193: xl, 37: offset}, 5, 4),
        base("line", {21: np.arange(1, 25)}, 3, 16, item=2),
        base("int32-little-rev2", square, 2, 7, "<", binary={**rev2, 3269: ("I", 7)}),
        base("one-trace", {189: np.array([3]), 193: np.array([4])}, 5, 25),
        base("odd-ibm", square, 1, 6, values=odd),
        base("shuffled-holes", {189: inline[mixed], 193: crossline[mixed]}, 3, 6, item=2),
        base("noise", square, 3, 6, item=2, noise=rng),
        base("uint32", square, 10, 7, values=words.view(np.uint32)),
        base("fixed-gain", square, 4, 7, values=words.view(np.uint32)),
        base("int24-sparse", few, 7, 5, item=3, values=bytes24, binary={3221: ("H", 5)}),
        base("ascii-trailer", square, 3, 6, item=2, text=0, trailer=b"stray"),
        Base("varying", _varying(), 0, 3600, 240 + 16, 8),
        Base("varying-little", _varying("<"), 0, 3600, 240 + 16, 8, "<"),
    ]


def shared_bases(folder: Path, largest: int = 64 << 10):
    """Return the real files of a folder that are small."""
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix.lower() in (".sgy", ".segy", ".su", ".sgy_first_trace") and path.stat().st_size <= largest:
            data = path.read_bytes()
            samples = int.from_bytes(data[3220:3222], "big") if len(data) > 3600 else 0
            found.append(Base(path.name, data, step=240 + 4 * samples, count=max(1, (len(data) - 3600) // 400)))
    return found


# -- edits -------------------------------------------------------------------------------------------------------


def interesting(width: int, order: str, pick: int) -> bytes:
    """Return the bytes of a value at which readers stumble; any ``pick`` names one."""
    bits = 8 * width
    top = 1 << bits
    values = [0, 1, 2, 3, top - 1, top - 2, top // 2, top // 2 - 1, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 1 << 31]
    values += [*range(4, 17), 20, 100, 200, 237, 240, 241, 256 + 64, 1000, 3200, 3600, 0x01020304, 0x04030201]
    value = values[pick % len(values)] % top
    return value.to_bytes(width, "big" if order == ">" else "little")


def apply(data: bytes, edits) -> bytes:
    """Return a damaged file; positions are taken modulo the size.

    ``("set", at, bytes)``, ``("flip", at, bit)``, ``("cut", size)``, ``("drop", at, size)``,
    ``("repeat", at, size, times)``, ``("insert", at, bytes)``, ``("splice", at, bytes)``: the rest is another file's.
    """
    out = bytearray(data)
    for kind, at, *rest in edits:
        if not out:
            break
        at %= len(out) + (kind in ("insert", "cut"))
        if kind == "set":
            out[at : at + len(rest[0])] = rest[0][: len(out) - at]
        elif kind == "flip":
            out[at] ^= 1 << rest[0] % 8
        elif kind == "cut":
            del out[at:]
        elif kind == "drop":
            del out[at : at + rest[0]]
        elif kind == "repeat":
            out[at:at] = out[at : at + rest[0]] * rest[1]
        elif kind == "insert":
            out[at:at] = rest[0]
        else:
            out[at:] = rest[0]
    return bytes(out)


def random_edits(rng, base: Base, bases):
    """Return one to six edits; ``rng`` is a :class:`random.Random`."""
    edits = []
    size = len(base.data)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 6))):
        kind = rng.choice(("binary", "binary", "binary", "trace", "trace", "trace", "flip", "flip", "bytes", "shape"))
        order = base.order if rng.random() < 0.9 else "<>"[base.order == "<"]
        if kind == "binary":
            byte, width = rng.choice(BINARY_WORDS)
            edits.append(("set", base.place(byte), word(rng, width, order)))
        elif kind == "trace":
            byte, width = rng.choice(TRACE_WORDS)
            trace = rng.randrange(base.count)
            value = word(rng, width, order)
            # One trace, a few, or all of them.
            for number in range(trace, rng.choice((trace + 1, trace + 1, base.count))):
                edits.append(("set", base.place(byte, number), value))
        elif kind == "flip":
            near = rng.choice((size, base.start + 240, base.start + 240))
            edits.append(("flip", rng.randrange(max(1, near)), rng.randrange(8)))
        elif kind == "bytes":
            at = rng.choice((3200, 3500, base.start, 0, rng.randrange(size)))
            edits.append(("set", at + rng.randrange(32), rng.randbytes(rng.choice((1, 2, 4, 8, 64, 400)))))
        else:
            edits.append(shape(rng, base, bases))
    return edits


def word(rng, width: int, order: str) -> bytes:
    """Return an interesting value or any."""
    if rng.random() < 0.8:
        return interesting(width, order, rng.randrange(1 << 16))
    return rng.randbytes(width)


def shape(rng, base: Base, bases):
    """Return an edit that changes the length."""
    size = len(base.data)
    at = rng.choice((0, base.label, 3200, 3600, base.start, base.start + base.step, size, rng.randrange(size + 1)))
    some = rng.choice((1, 2, 3, 4, 120, 128, 240, 400, 3200, base.step, rng.randrange(1, size + 1)))
    kind = rng.choice(("cut", "cut", "drop", "repeat", "insert", "splice"))
    if kind == "cut":
        return (kind, rng.choice((at, max(0, size - some))))
    if kind == "drop":
        return (kind, at, some)
    if kind == "repeat":
        return (kind, at, some, rng.choice((1, 1, 2, 7)))
    if kind == "insert":
        return (kind, at, rng.choice((bytes(some), rng.randbytes(some), b"\xff" * some))[:8192])
    other = rng.choice(bases).data
    return (kind, at, other[rng.choice((at, 0, 3600, rng.randrange(len(other) + 1))) :])


# -- what is done with a file ------------------------------------------------------------------------------------


class BytesReader:
    """A range reader over bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read(self, offset, length):
        """Return bytes; the range has to lie in the file."""
        assert 0 <= offset <= offset + length <= self.size, f"read of {length} at {offset}, the size is {self.size}"
        return self._data[offset : offset + length]

    def read_into(self, offset, buffer):
        """Fill a buffer."""
        flat = buffer.cast("B") if buffer.format != "B" or buffer.ndim != 1 else buffer
        flat[:] = self.read(offset, len(flat))

    def close(self):
        """Nothing is open."""


class BytesStorage:
    """A storage and store that knows one object."""

    url = "bytes"
    path = None

    def __init__(self, data: bytes) -> None:
        self._data = data

    def open(self, url=""):
        """Return the store, and of it the reader."""
        return self if url else BytesReader(self._data)


OPTIONS = [
    *({},) * 6,
    {"header_locations": [189, 193]},
    {"header_locations": [189, 193], "grid_overrides": {"HasDuplicates": {}}},
    {"header_locations": [21], "header_types": ["float32"]},
    {"header_locations": [9, 13, 37], "header_types": ["int16", "ibm32", "float64"]},
    {"header_locations": [17, None, 13], "header_names": ["shot_point", "cable", "channel"]},
    {"endian": "little"},
    {"endian": "big", "data_endian": "little"},
    {"samples": 7},
    {"sample_format": 3, "extended_headers": 0},
    {"strict": True},
]
"""Options that a user may give to any file."""

REFUSALS = (FormatError, GridError, ConfigError)
"""What a damaged file, or an option that does not fit it, may raise. Its bytes are no matter of storage or codecs."""


def read_some(storage, options) -> str:
    """Open a file, read headers and samples at both ends of its grid, and return what came of it.

    Anything but one of :data:`REFUSALS` is let through.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # NumPy's own warnings are no messages to users: each is a place where nobody thought of the value.
        warnings.simplefilter("error", RuntimeWarning)
        try:
            volume = open_segy("file.sgy", SegyReadOptions.model_validate(options), storage)
        except REFUSALS as error:
            assert str(error), "an error without a message"
            return type(error).__name__
        try:
            return _read_ends(volume)
        except REFUSALS as error:
            return f"reading: {type(error).__name__}"
        finally:
            volume.close()


def _read_ends(volume) -> str:
    shape = volume.schema.shape
    first = Region([(0, min(size, 3)) for size in shape])
    last = Region([(max(0, size - 2), size) for size in shape])
    whole = Region([*first.spatial, (0, min(shape[-1], 1 << 12))])
    for region in (first, last, whole):
        block = volume.read(region)
        assert block.samples.shape == region.shape
        assert block.samples.dtype == volume.schema.dtype
        assert np.array_equal(block.live, volume.live(region.spatial))
        assert block.order is None or np.array_equal(block.order >= 0, block.live)
        assert volume.headers(region.spatial).tobytes() == block.headers.tobytes()
        assert volume.samples(region).tobytes() == block.samples.tobytes()
        assert not block.samples[~block.live].any()
    return "read"
