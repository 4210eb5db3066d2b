"""Header words by the names that SEGYImport gives them, and where a user says that they lie.

Names are those of the tool's options and header-format files, in any case; places are those of SEG-Y rev 1, section 6.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from mdio.exceptions import ConfigError
from mdio.plugins.registry import near

if TYPE_CHECKING:
    from mdio.storage.store import Store

__all__ = ["HeaderWords", "read_header_format"]

_PLACES: Final = {
    "TraceSequenceNumber": "1:int32",
    "EnergySourcePointNumber": "17:int32",
    "EnsembleNumber": "21:int32",
    "Offset": "37:int32",
    "CoordinateScale": "71:int16",
    "SourceXCoordinate": "73:int32",
    "SourceYCoordinate": "77:int32",
    "GroupXCoordinate": "81:int32",
    "GroupYCoordinate": "85:int32",
    "CoordinateUnits": "89:int16",
    "MuteStartTime": "111:int16",
    "MuteEndTime": "113:int16",
    "EnsembleXCoordinate": "181:int32",
    "EnsembleYCoordinate": "185:int32",
    "InlineNumber": "189:int32",
    "CrosslineNumber": "193:int32",
}
_OTHER_NAMES: Final = {
    "cdpxcoordinate": "EnsembleXCoordinate",
    "cdpycoordinate": "EnsembleYCoordinate",
    "receiverxcoordinate": "GroupXCoordinate",
    "receiverycoordinate": "GroupYCoordinate",
}
_KNOWN: Final = {name.lower(): name for name in _PLACES} | _OTHER_NAMES
_AXES: Final = {
    "InlineNumber": "inline",
    "CrosslineNumber": "crossline",
    "EnsembleNumber": "cdp",
    "Offset": "offset",
    "EnergySourcePointNumber": "shot_point",
    "TraceSequenceNumber": "trace",
    "iline": "inline",
    "xline": "crossline",
}
_POSITIONS: Final = ("EnsembleXCoordinate", "EnsembleYCoordinate", "CoordinateScale")
_WIDTHS: Final = {"2": "int16", "4": "int32", "twobyte": "int16", "fourbyte": "int32"}
_FIELD: Final = re.compile(r"(\d{1,5})(?::(\w+)|-(\d{1,5}))?")


class HeaderWords:
    """Where the words lie: where the user says so, else where the standard does.

    Parameters
    ----------
    fields
        ``NAME=offset``, ``NAME=offset:width`` and ``NAME=begin-end``; bytes count from 1, widths are 2 and 4 bytes.
    file
        What :func:`read_header_format` returned, which the fields win over.

    Raises
    ------
    ConfigError
        A field of another form.
    """

    def __init__(self, fields: Iterable[str] = (), file: Mapping[str, str] | None = None) -> None:
        self._given: dict[str, str] = dict(file or {})
        for field in fields:
            name, equals, place = field.partition("=")
            if not equals or not name.strip():
                raise ConfigError(f"{field!r} is not of the form NAME=offset:width", path="--header-field")
            self._given[_spelled(name)] = _place(name.strip(), place.strip(), "--header-field")
        self._used: set[str] = set()

    @property
    def keys_given(self) -> bool:
        """Whether a word was placed that traces are usually indexed by."""
        return any(name in self._given for name in ("InlineNumber", "CrosslineNumber", "EnsembleNumber"))

    def key(self, name: str, role: str, option: str) -> tuple[str, str]:
        """Return what the reader takes as header location, and the name of the axis.

        Parameters
        ----------
        name
            A name of SEGYImport, of a field that was given, or what ``mdio segy import`` takes: ``189``,
            ``181:int32``, ``inline``.
        role
            Name of the axis where only a byte is given.
        option
            For messages.

        Raises
        ------
        ConfigError
            Nearly a name of SEGYImport.
        """
        spelled = _spelled(name)
        if spelled in self._given or spelled in _PLACES:
            self._used.add(spelled)
            return self._given.get(spelled, _PLACES.get(spelled, "")), _AXES.get(spelled, spelled.lower())
        if name.partition(":")[0].isdecimal():
            return name, role
        from mdio.core.trace_header import standard_layout

        word = name.partition(":")[0]
        guess = near(name, [*self._given, *_PLACES])
        if word not in standard_layout().by_name and guess:
            raise ConfigError(f"no header word {name!r}", path=option, hint=guess)
        return name, _AXES.get(word, word)

    def positions(self) -> str | None:
        """Return the words of x, y and their scalar for the writer; None where none of them was placed."""
        placed = [name for name in _POSITIONS if name in self._given]
        self._used.update(placed)
        return ",".join(self._given.get(name, _PLACES[name]) for name in _POSITIONS) if placed else None

    def check_used(self) -> None:
        """Warn of words that were placed and that nothing asks for.

        Raises
        ------
        ConfigError
            One of them has no name that is known.
        """
        for name in [name for name in self._given if name not in self._used]:
            if name not in _PLACES:
                hint = near(name, _PLACES) or "name it as --primary-key or --secondary-key"
                raise ConfigError(f"nothing asks for a word {name!r}", path="--header-field", hint=hint)
            warnings.warn(
                f"--header-field {name}: nothing depends on its place; trace headers are stored whole", stacklevel=2
            )


def _spelled(name: str) -> str:
    return _KNOWN.get(name.strip().lower(), name.strip())


def _place(name: str, text: str, option: str) -> str:
    """Return a place as the reader writes it, e.g. ``"189:int32"``."""
    match = _FIELD.fullmatch(text)
    wrong = ConfigError(f"{name}={text} is not of the form NAME=offset:width", path=option,
                        hint="write InlineNumber=189:4, or InlineNumber=189-192")  # fmt: skip
    if match is None or int(match[1]) < 1:
        raise wrong
    start, width = int(match[1]), match[2]
    if match[3] is not None:
        width = str(int(match[3]) - start + 1)
    if width is None:
        return _PLACES[name] if _PLACES.get(name, "").startswith(f"{start}:") else f"{start}:{_type_of(name)}"
    if width.lower() not in _WIDTHS:
        raise wrong
    return f"{start}:{_WIDTHS[width.lower()]}"


def _type_of(name: str) -> str:
    return _PLACES.get(_spelled(name), ":int32").partition(":")[2]


def read_header_format(store: Store) -> tuple[dict[str, str], str | None]:
    """Return the words of a header-format file and the byte order that it names.

    The file is a JSON object of names to ``[byte, "TwoByte" | "FourByte"]``; ``"Endianness"`` is ``"BigEndian"`` or
    ``"LittleEndian"``.

    Raises
    ------
    ConfigError
        It is something else.
    """
    option = "--header-format"
    try:
        raw: Any = json.loads(store.read())
    except ValueError:
        raw = None
    if not isinstance(raw, dict):
        raise ConfigError(f"{store.url} is no JSON object", path=option, hint='{"InlineNumber": [189, "FourByte"]}')
    words, endian = {}, None
    for name, value in raw.items():
        if name.lower() == "endianness":
            orders = {"bigendian": "big", "littleendian": "little"}
            if str(value).lower() not in orders:
                raise ConfigError(f"Endianness {value!r} is neither BigEndian nor LittleEndian", path=option)
            endian = orders[str(value).lower()]
        elif isinstance(value, list) and len(value) == 2:
            words[_spelled(name)] = _place(name, f"{value[0]}:{value[1]}", option)
        else:
            raise ConfigError(f"{name}: {value!r} is not of the form [byte, width]", path=option,
                              hint='{"InlineNumber": [189, "FourByte"]}')  # fmt: skip
    return words, endian
