"""A SEG-Y writer of a few lines, independent of the code under test, and a reader that counts."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import pytest


@dataclass
class SegyFile:
    """Pieces of a file, changed by the test before they are joined."""

    order: str = ">"
    traces: int = 6
    samples: int = 8
    item: int = 4
    words: dict[int, tuple[str, int | float]] = field(default_factory=dict)
    trace_words: dict[int, tuple[str, int]] = field(default_factory=dict)
    body: bytes | None = None
    text: bytes = "C 1 MADE BY A TEST".ljust(3200).encode("cp037")
    label: bytes = b""
    extended: bytes = b""
    extension: bytes = b""
    trailer: bytes = b""

    def binary(self) -> bytes:
        header = bytearray(400)
        words = {3217: ("H", 4000), 3221: ("H", self.samples), 3225: ("H", 1), **self.words}
        for byte, (kind, value) in words.items():
            struct.pack_into(self.order + kind, header, byte - 3201, value)
        return bytes(header)

    def trace(self, number: int) -> bytes:
        header = bytearray(240)
        words = {1: ("i", number + 1), 115: ("H", self.samples), 117: ("H", 4000), **self.trace_words}
        for byte, (kind, value) in words.items():
            struct.pack_into(self.order + kind, header, byte - 1, value)
        return bytes(header) + self.extension + b"\x42\x64\x00\x01"[: self.item].ljust(self.item, b"\1") * self.samples

    def build(self) -> bytes:
        body = self.body if self.body is not None else b"".join(self.trace(n) for n in range(self.traces))
        return self.label + self.text + self.binary() + self.extended + body + self.trailer


class CountingReader:
    """A RangeReader over bytes that remembers how much was read."""

    def __init__(self, data: bytes, size: int | None = None) -> None:
        self.data = data
        self.size = len(data) if size is None else size
        self.ranges: list[tuple[int, int]] = []

    def read(self, offset: int, length: int) -> bytes:
        assert offset >= 0 and offset + length <= self.size, "read outside the file"
        self.ranges.append((offset, length))
        return self.data[offset : offset + length].ljust(length, b"\1")

    def read_into(self, offset: int, buffer: memoryview) -> None:
        buffer[:] = self.read(offset, len(buffer))

    def close(self) -> None:
        pass


@pytest.fixture
def segy() -> type[SegyFile]:
    return SegyFile


@pytest.fixture
def counting() -> type[CountingReader]:
    return CountingReader
