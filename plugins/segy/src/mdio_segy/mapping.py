"""Names that a file gives to its own header words: the trace header mapping stanza of SEG-Y rev 2.1.

An extended textual record may hold ``((SEG:Layout:text/xml))`` and behind it XML that says where which word lies::

    <segy-layout name="…"><entry name="iline" byte="189" type="int4"/>…
      <extension name="SEG00001"><entry name="cdp" byte="25" type="int8"/>…</extension></segy-layout>

The stanza is kept byte for byte like every extended textual record; it is read here for its names only, and a stanza
that cannot be understood is no defect of the traces: it costs a note, never an error.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from mdio.exceptions import ConfigError
from mdio_segy.fields import KeyField, trace_header_layout

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["HeaderMapping", "find_mapping", "is_name"]

_RECORD: Final = 3200
_HEADER: Final = 240
_MOST_BYTES: Final = 1 << 20
_MOST_NAME: Final = 64
_STANZA: Final = re.compile(r"\s*\(\(\s*[^()\s:]+\s*:[^()]{1,200}\)\)")
_LAYOUT: Final = re.compile(r"\s*\(\(\s*SEG\s*:\s*Layout\b[^()]{0,200}\)\)", re.IGNORECASE)
_DECLARES: Final = re.compile(r"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
_END: Final = re.compile(r"</segy-layout\s*>")
_TYPES: Final = {
    "int2": "int16",
    "int4": "int32",
    "int8": "int64",
    "uint2": "uint16",
    "uint4": "uint32",
    "uint8": "uint64",
    "ibmfp": "ibm32",
    "ieee32": "float32",
    "ieee64": "float64",
    "linetrc": "int32",
    "reeltrc": "int32",
    "linetrc8": "int64",
    "reeltrc8": "int64",
    "coor4": "int32",
    "elev4": "int32",
    "spnum4": "int32",
    "time2": "int16",
}
"""Types of rev 2.1 that are one number, scalars not applied; ``scale6`` (mantissa and exponent) is two."""


@dataclass(frozen=True, slots=True)
class HeaderMapping:
    """Words of a trace header by the names that the file gives them.

    Parameters
    ----------
    names
        Name to word. Bytes count from 1 through the whole trace header: byte ``b`` of the k-th header extension is
        240 k + b. A name that was there before goes by ``EXTENSION.name`` in an extension.
    note
        What could not be used of the stanza; empty when all could, or when there is no stanza.
    """

    names: Mapping[str, KeyField] = field(default_factory=dict)
    note: str = ""

    def key(self, place: int | str, name: str | None = None, type: str | None = None) -> KeyField:
        """Return the word that a byte, ``"181:int32"``, or a name of the file or of the standard means.

        The file's names win over the standard's. A byte given as a number is an int32, as MDIO v0 has it; a name or
        type given apart wins over those of the word.

        Raises
        ------
        ConfigError
            Unknown name or type; the message suggests near ones.
        """
        if isinstance(place, int):
            return KeyField(name or f"byte_{place}", place, type or "int32")
        word, _, declared = place.strip().partition(":")
        if word in self.names:
            known = self.names[word]
            return KeyField(name or word, known.byte, type or declared or known.type)
        standard = trace_header_layout(big_endian=True).by_name
        if (self.names or self.note) and is_name(word) and word not in standard:
            near = difflib.get_close_matches(word, [*self.names, *standard], 3)
            other = "mdio segy scan --json lists the file's own names" if self.names else self.note
            hint = f"did you mean {', '.join(near)}?" if near and self.names else other
            raise ConfigError(f"neither the file's header mapping nor the standard has a field {word!r}", hint=hint)
        return KeyField.parse(place, name, type)

    def facts(self) -> dict[str, Any]:
        """Return the mapping as plain data: ``names`` (name, byte, type) and ``note``."""
        words = [{"name": name, "byte": word.byte, "type": word.type} for name, word in self.names.items()]
        return {"names": words, "note": self.note}


def is_name(place: int | str | None) -> bool:
    """Whether an index word is given by name, not by its byte."""
    return isinstance(place, str) and not place.partition(":")[0].strip().isdecimal()


def find_mapping(raw: bytes) -> HeaderMapping:
    """Return the names that the extended textual records of a file give; none, with a note, where they are unusable.

    Parameters
    ----------
    raw
        All extended textual records, EBCDIC or ASCII; a stanza begins a record and may go on over several.
    """
    text = _layout_text(raw)
    if text is None:
        return HeaderMapping()
    if len(text) > _MOST_BYTES:
        return _unusable(f"it is longer than {_MOST_BYTES} bytes")
    if _DECLARES.search(text):
        return _unusable("it declares a document type or entities, which are not read")
    from xml.etree import ElementTree

    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - neither document type nor entities get here
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        return _unusable(f"not well-formed XML ({error})")
    if _tag(root) != "segy-layout":
        return _unusable(f"its root is {_tag(root)[:_MOST_NAME]!r}, not 'segy-layout'")
    return _named(root)


def _unusable(why: str) -> HeaderMapping:
    return HeaderMapping(note=f"the header mapping stanza is kept but its names are not used: {why}")


def _layout_text(raw: bytes) -> str | None:
    """Return the XML of the first layout stanza, a little more than is allowed of one too long; None without one."""
    for at in range(0, len(raw), _RECORD):
        for page in ("latin-1", "cp037"):
            start = _LAYOUT.match(raw[at : at + 512].decode(page))
            if start is None:
                continue
            end = at + _RECORD
            most = at + _MOST_BYTES + 2 * _RECORD
            while end < min(len(raw), most) and not _STANZA.match(raw[end : end + 512].decode(page)):
                end += _RECORD
            return _xml(raw[at + start.end() : end], page)
    return None


def _xml(raw: bytes, page: str) -> str:
    """Decode a stanza up to its last tag; NEL, which ends EBCDIC lines, and NULs are no white space to XML."""
    if page == "latin-1":
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            text = raw.decode(page)
    else:
        text = raw.decode(page)
    text = text.replace("\x85", "\n").replace("\0", " ").lstrip()
    if len(text) > _MOST_BYTES:
        return text
    end = _END.search(text)
    return text[: end.end() if end else text.rfind(">") + 1]


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _entries(root: Element) -> Iterator[tuple[str, int, Element]]:
    """Yield the entries with their extension, unnamed for the standard header, and the bytes before its first."""
    extensions = [child for child in root if _tag(child) == "extension"]
    for number, parent in enumerate([root, *extensions]):
        extension = parent.get("name", "").strip() or f"extension{number}" if number else ""
        yield from ((extension, number * _HEADER, child) for child in parent if _tag(child) == "entry")


def _named(root: Element) -> HeaderMapping:
    names: dict[str, KeyField] = {}
    left: list[str] = []
    for extension, before, entry in _entries(root):
        name, byte, kind = (entry.get(key, "").strip() for key in ("name", "byte", "type"))
        if name in names and extension:
            name = f"{extension}.{name}"
        if not (0 < len(name) <= _MOST_NAME and name.isprintable()):
            left.append("an entry without a usable name")
        elif name in names:
            left.append(f"{name} (a second time)")
        elif kind not in _TYPES:
            left.append(f"{name} (type {kind[:_MOST_NAME]!r})")
        elif not re.fullmatch("[0-9]{1,3}", byte) or not 1 <= int(byte) <= _HEADER:
            left.append(f"{name} (byte {byte[:_MOST_NAME]!r})")
        elif (word := KeyField(name, before + int(byte), _TYPES[kind])).stop > before + _HEADER:
            left.append(f"{name} (bytes {byte} and on do not fit the header)")
        else:
            names[name] = word
    if not left:
        return HeaderMapping(names)
    more = f" and {len(left) - 1} more" if len(left) > 1 else ""
    return HeaderMapping(names, f"not used of the header mapping: {left[0]}{more}")
