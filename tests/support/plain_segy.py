"""IBM words and whole SEG-Y files with numpy alone, for expected values that the code under test has no part in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def to_ibm(values):
    """Encode floats: sign, base-16 exponent biased by 64, 24-bit fraction, cut (SEG-Y rev 1, section 5.1)."""
    mantissa, exponent = np.frexp(np.abs(values).astype(float))
    sixteens = -(-exponent // 4)
    fraction = np.ldexp(mantissa, exponent - 4 * sixteens + 24).astype(np.uint32)
    words = (sixteens + 64).astype(np.uint32) << np.uint32(24) | fraction
    words |= np.signbit(values).astype(np.uint32) << np.uint32(31)
    return np.where(fraction == 0, np.uint32(0), words)


def from_ibm(words):
    """Decode IBM words to float32; exact where the value is in its range, as it holds 24 bits."""
    sixteens = (words >> 24 & 0x7F).astype(np.int32) - 64
    values = np.ldexp((words & 0xFFFFFF).astype(np.float32), 4 * sixteens - 24)
    return np.where(words >> 31, -values, values)


@dataclass
class PlainFile:
    """A big-endian SEG-Y file with 4-byte samples and no extended headers.

    Parameters
    ----------
    text, binary
        The 3200 and 400 bytes.
    heads
        uint8 (traces, 240).
    words
        Samples as uint32 (traces, samples), native order.
    """

    text: bytes
    binary: bytes
    heads: np.ndarray
    words: np.ndarray

    @property
    def lines(self):
        """The textual header as 40 strings."""
        text = self.text.decode("cp037")
        return [text[at : at + 80] for at in range(0, 3200, 80)]

    def header(self, byte, width=4):
        """Return the header word at a 1-based byte of every trace."""
        column = np.ascontiguousarray(self.heads[:, byte - 1 : byte - 1 + width])
        return column.view(f">i{width}")[:, 0].astype(int)


def read_plain(path):
    """Read a file; the binary header tells the samples of a trace."""
    data = path.read_bytes()
    samples = int.from_bytes(data[3220:3222], "big")
    body = np.frombuffer(data, np.uint8, offset=3600).reshape(-1, 240 + 4 * samples)
    words = np.ascontiguousarray(body[:, 240:]).view(">u4").astype(np.uint32)
    return PlainFile(data[:3200], data[3200:3600], body[:, :240].copy(), words)
