"""Content that is not SEG-Y, told by its first bytes, so that it is refused by name instead of by numbers."""

from __future__ import annotations

import struct

from mdio_segy.errors import CompressedInput, NotSegy

__all__ = ["is_tape_label", "looks_like_su", "refuse_foreign"]

_PACKED = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"BZh91AY&SY": "bzip2",
}
_OTHER = {
    b"\x89PNG\r\n\x1a\n": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"%PDF-": "a PDF document",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file",
    b"CDF\x01": "a netCDF file",
    b"CDF\x02": "a netCDF file",
    b"\x93NUMPY": "a NumPy file",
    b"VDS\x00": "a VDS file",
    b"VBS\x00": "a ZGY file",
    b"\x55\x3a\x01\x00": "a SEG-2 file",
    b"\x3a\x55\x00\x01": "a SEG-2 file",
    b"\x7fELF": "a program",
}


def refuse_foreign(start: bytes, url: str) -> None:
    """Raise when the first bytes of a file are those of another format.

    Raises
    ------
    CompressedInput
        gzip, zip and the like.
    NotSegy
        Pictures, VDS, ZGY, SEG-2, …
    """
    for magic, name in _PACKED.items():
        if start.startswith(magic):
            raise CompressedInput(f"this is {name}-compressed", url=url, byte=0, hint="unpack it first")
    for magic, name in _OTHER.items():
        if start.startswith(magic):
            raise NotSegy(f"this is {name}, not SEG-Y", url=url, byte=0)


def is_tape_label(start: bytes) -> bool:
    """Whether a SEG tape label of 128 bytes comes first: ``SYx.y`` and ``RECORD`` (rev 1, appendix D)."""
    return start[4:6] == b"SY" and start[9:15] == b"RECORD"


def looks_like_su(start: bytes, size: int) -> str:
    """Return the byte order of a file of traces without file headers (SU, PASSCAL), or ``""``.

    The sample count of the first trace header has to explain the size with 4-byte samples.
    """
    for name, order in (("big", ">"), ("little", "<")):
        samples = struct.unpack_from(order + "H", start, 114)[0] if len(start) >= 240 else 0
        if samples and size % (240 + 4 * samples) == 0:
            return name
    return ""
