"""SEG-Y files made byte by byte with struct and numpy, independent of the code under test."""

from __future__ import annotations

import struct

import numpy as np

ITEM = {1: 4, 2: 4, 3: 2, 5: 4, 6: 8, 8: 1}
"""Bytes of a sample by format code (SEG-Y rev 1, bytes 3225-3226, and rev 2 for code 6)."""


def ibm_words(rng, shape):
    """Normalised IBM words whose values lie well inside float32: these must come back without any patch."""
    sign = rng.integers(0, 2, shape, dtype=np.uint32) << np.uint32(31)
    exponent = rng.integers(60, 70, shape, dtype=np.uint32) << np.uint32(24)
    fraction = rng.integers(1 << 20, 1 << 24, shape, dtype=np.uint32)
    return sign | exponent | fraction


def ibm_value(word):
    """Return what an IBM word means, exactly, as a Python float (SEG-Y rev 1, appendix on formats)."""
    word = int(word)
    sign = -1.0 if word >> 31 else 1.0
    return sign * float(word & 0xFFFFFF) * 2.0 ** (4 * ((word >> 24 & 0x7F) - 64) - 24)


def samples_for(code, rng, traces, samples):
    """Return samples as the integers or floats that the file is to hold, native order."""
    shape = (traces, samples)
    if code == 1:
        return ibm_words(rng, shape)
    if code == 5:
        # Any bits: NaN payloads, infinities, subnormals and -0 are samples like any other.
        words = rng.integers(0, 1 << 32, shape, dtype=np.uint32)
        words.reshape(-1)[:4] = (0x80000000, 0x7FC12345, 0xFF800000, 0x00000001)[: words.size]
        return words.view(np.float32)
    if code == 6:
        return rng.integers(0, 1 << 63, shape, dtype=np.uint64).view(np.float64)
    kind = {2: np.int32, 3: np.int16, 8: np.int8}[code]
    info = np.iinfo(kind)
    return rng.integers(info.min, info.max, shape, dtype=kind, endpoint=True)


def file_bytes(values, order):
    """Return samples as bytes of a file, uint8 (traces, bytes)."""
    swapped = np.ascontiguousarray(values.astype(values.dtype.newbyteorder(order)))
    return swapped.view(np.uint8).reshape(len(values), values.shape[1] * values.itemsize)


def binary_header(order, words):
    """Return 400 bytes; ``words`` maps the standard's byte (from 3201) to (struct code, value)."""
    header = bytearray(400)
    for byte, (kind, value) in words.items():
        struct.pack_into(order + kind, header, byte - 3201, value)
    return bytes(header)


def segy(
    keys,
    values,
    code=1,
    order=">",
    *,
    interval=4000,
    binary=None,
    text=None,
    label=b"",
    extended=b"",
    trailer=b"",
    extension=0,
    noise=None,
    data_order=None,
):
    """Return a whole file.

    keys: 1-based byte -> int array, one a trace (4-byte words). noise: a generator; all other header bytes are random,
    but for the sample count and interval. values: what :func:`samples_for` gives.
    """
    traces, samples = values.shape
    size = 240 * (1 + extension)
    headers = np.zeros((traces, size), np.uint8)
    if noise is not None:
        headers[:] = noise.integers(0, 256, headers.shape, dtype=np.uint8)
    for byte, column in {115: np.full(traces, samples & 0xFFFF, "u2"), 117: np.full(traces, interval, "u2")}.items():
        headers[:, byte - 1 : byte + 1] = column.astype(f"{order}u2").view(np.uint8).reshape(traces, 2)
    for byte, column in keys.items():
        word = np.asarray(column).astype(f"{order}i4").view(np.uint8).reshape(traces, 4)
        headers[:, byte - 1 : byte + 3] = word
    words = {3217: ("H", interval), 3221: ("H", samples & 0xFFFF), 3225: ("h", code), 3501: ("B", 1), 3503: ("h", 1)}
    if text is None:
        text = "".join(f"C{line:2d} MADE BY A TEST".ljust(80) for line in range(1, 41)).encode("cp037")
    body = np.concatenate([headers, file_bytes(values, data_order or order)], axis=1)
    return label + text + binary_header(order, words | (binary or {})) + extended + body.tobytes() + trailer


def grid(inlines, crosslines, il=(100, 1), xl=(200, 1)):
    """Return inline and crossline of every trace of an inline-sorted file."""
    a, b = np.meshgrid(np.arange(inlines), np.arange(crosslines), indexing="ij")
    return il[0] + il[1] * a.ravel(), xl[0] + xl[1] * b.ravel()
