"""The 3200 bytes of a textual record, made readable and back: 40 lines of 80 characters.

SEG-Y rev 1, section 4 wants EBCDIC or ASCII; files in the wild also hold NULs, free text and bytes of no code page.
The raw bytes are the truth and travel apart; what is made here is for people.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["decode_text", "detect_code_page", "encode_text", "ends_extended_text"]

_LINES, _WIDTH = 40, 80
_ASCII_SIGNS = bytes(range(0x20, 0x7F))
_EBCDIC_SIGNS = _ASCII_SIGNS.decode("ascii").encode("cp037")
_END_TEXT = re.compile(r"\(\(\s*SEG\s*:\s*EndText\s*\)\)", re.IGNORECASE)


def detect_code_page(raw: bytes) -> str:
    """Return ``"cp037"`` (EBCDIC), ``"ascii"`` or ``"nul"`` for a textual record; EBCDIC where both are as good."""
    if not raw.strip(b"\0"):
        return "nul"
    ebcdic = len(raw) - len(raw.translate(None, _EBCDIC_SIGNS))
    ascii_ = len(raw) - len(raw.translate(None, _ASCII_SIGNS))
    return "ascii" if ascii_ > ebcdic else "cp037"


def decode_text(raw: bytes) -> tuple[str, ...]:
    """Return a textual record as 40 lines of 80 characters.

    One byte is one character (cp037, or Latin-1 for ASCII), so columns stay where they are. Control characters
    become spaces; a record without any comes back from :func:`encode_text` byte by byte.
    """
    page = detect_code_page(raw)
    text = raw.decode("cp037" if page == "cp037" else "latin-1")
    text = "".join(sign if sign.isprintable() or sign == "\xa0" else " " for sign in text)
    text = text[: _LINES * _WIDTH].ljust(_LINES * _WIDTH)
    return tuple(text[at : at + _WIDTH] for at in range(0, _LINES * _WIDTH, _WIDTH))


def encode_text(lines: Sequence[str], code_page: str = "cp037") -> bytes:
    """Return lines as a textual record of 3200 bytes.

    Lines are cut or filled to 80 characters, missing ones are blank; a character the code page does not have becomes
    a question mark. Blank lines in ``"nul"`` are NULs, anything else in it is ASCII.
    """
    text = "".join(line[:_WIDTH].ljust(_WIDTH) for line in lines[:_LINES]).ljust(_LINES * _WIDTH)
    if code_page == "nul" and not text.strip():
        return bytes(_LINES * _WIDTH)
    return text.encode("cp037" if code_page == "cp037" else "latin-1", "replace")


def ends_extended_text(record: bytes) -> bool:
    """Whether an extended textual record holds the stanza that ends them, ``((SEG: EndText))`` (rev 1, section 6)."""
    return any(_END_TEXT.search(record.decode(page)) for page in ("cp037", "latin-1"))
