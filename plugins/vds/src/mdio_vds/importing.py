"""What ``mdio vds import`` means in terms of the readers' and the writer's own options."""

from __future__ import annotations

import contextlib
import json
import math
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mdio.convert import Stores
from mdio.exceptions import ConfigError
from mdio.plugins.registry import near
from mdio.validation import validated
from mdio_vds.compression_names import chosen_method
from mdio_vds.header_words import HeaderWords, read_header_format

__all__ = [
    "Geometry",
    "header_words",
    "pair",
    "read_file_info",
    "reader_options",
    "sample_format_code",
    "writer_options",
]

_CODES: Final = {
    "IBMFloat": 1, "Int32": 2, "Int16": 3, "IEEEFloat": 5, "Int8": 8, "UInt32": 10, "UInt16": 11, "UInt8": 16,
}  # fmt: skip
"""Sample formats of SEGYImport and their SEG-Y codes (rev 2.1, bytes 3225-3226)."""
_FORMATS: Final = {"uint8": "u8", "uint16": "u16"}
_OPTION_OF: Final = {
    "compression": "--compression-method",
    "channel": "--attribute-name",
    "unit": "--attribute-unit",
    "format": "--vds-format",
    "lods": "--lod-levels",
    "position_words": "--header-field",
    "position_scale": "--scale",
    "header_unit": "--segy-survey-coordinate-system-unit",
    "survey_unit": "--survey-coordinate-system-unit",
    "index_axis": "--2d-index-axis",
    "header_locations": "--primary-key",
    "header_names": "--primary-key",
}
_SPEC: Final = "mdio segy scan"


@dataclass(frozen=True, slots=True)
class Geometry:
    """Which words index the traces, as the user said it.

    Parameters
    ----------
    primary, secondary
        Names of header words; None for the usual ones.
    prestack, line
        Gathers of several traces, and 2-D data.
    respace
        ``"on"`` places the traces of a gather by their offsets, ``"off"`` counts them, ``"auto"`` counts them where
        offsets do not tell them apart.
    """

    primary: str | None = None
    secondary: str | None = None
    prestack: bool = False
    line: bool = False
    respace: str = "auto"

    @property
    def given(self) -> bool:
        """Whether anything was said."""
        return self.prestack or self.line or self.primary is not None or self.secondary is not None


def reader_options(
    words: HeaderWords,
    geometry: Geometry,
    *,
    endian: str | None,
    sample_format: str | None,
    spec: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return the options of the reader ``segy``.

    Raises
    ------
    ConfigError
        Options that exclude each other, or words that are not there.
    """
    options = dict(spec or {})
    if endian is not None:
        options.pop("data_endian", None)
        options["endian"] = endian
    if sample_format is not None:
        options["sample_format"] = sample_format_code(sample_format)
    if not geometry.given and not words.keys_given:
        return options
    keys = _keys(words, geometry)
    for name in ("header_types", "grid_overrides"):
        options.pop(name, None)
    options["header_locations"] = [place for place, _ in keys]
    options["header_names"] = [name for _, name in keys]
    if geometry.prestack and geometry.respace == "off":
        options["grid_overrides"] = {"HasDuplicates": True}
    return options


def _keys(words: HeaderWords, geometry: Geometry) -> list[tuple[str, str]]:
    """Return header locations and axis names, slowest first; lines in the order of the wheel's axes."""
    if geometry.line:
        if geometry.secondary is not None:
            raise ConfigError("2-D data have one key", path="--secondary-key", hint="leave it out, or leave out --2d")
        keys = [words.key(geometry.primary or "EnsembleNumber", "cdp", "--primary-key")]
    else:
        keys = [
            words.key(geometry.primary or "InlineNumber", "inline", "--primary-key"),
            words.key(geometry.secondary or "CrosslineNumber", "crossline", "--secondary-key"),
        ]
        if [name for _, name in keys] == ["crossline", "inline"]:
            keys.reverse()  # a file sorted by crosslines: the axes are the same, and its order is kept
    if geometry.prestack and geometry.respace != "off":
        keys.append(words.key("Offset", "offset", "--header-field"))
    if len({name for _, name in keys}) != len(keys):
        raise ConfigError("both keys are the same word", path="--secondary-key")
    return keys


def sample_format_code(name: str) -> int:
    """Return the SEG-Y code of a sample format: a name of SEGYImport, or the code itself.

    Raises
    ------
    ConfigError
        There is no such format.
    """
    if name.isdecimal():
        return int(name)
    codes = {known.lower(): code for known, code in _CODES.items()}
    if name.lower() not in codes:
        hint = near(name, _CODES) or ", ".join(_CODES)
        raise ConfigError(f"no sample format {name!r}", path="--sample-format", hint=hint)
    return codes[name.lower()]


def writer_options(
    *,
    compression_method: str | None,
    tolerance: float | None,
    vds_format: str | None,
    integer_scale: str | None,
    **given: Any,
) -> dict[str, Any]:
    """Return the options of the writer ``vds``, checked, without those that were not given.

    Raises
    ------
    ConfigError
        A value that does not fit; the message names the option of the command line.
    """
    from mdio_vds.options import VdsWriteOptions

    options = {name: value for name, value in given.items() if value is not None}
    if compression_method is not None or tolerance is not None:
        options["compression"] = chosen_method(compression_method or "Zip", tolerance).label.lower()
    if tolerance is not None:
        options["tolerance"] = tolerance
    if vds_format is not None:
        if vds_format.lower() not in _FORMATS:
            raise ConfigError(f"no format {vds_format!r}", path="--vds-format", hint="UInt8 or UInt16")
        options["format"] = _FORMATS[vds_format.lower()]
    if integer_scale is not None:
        options["value_range"] = _coded_range(integer_scale, options)
    with as_options():
        validated(VdsWriteOptions, options)
    return options


@contextlib.contextmanager
def as_options() -> Iterator[None]:
    """Let errors name options of the command line where they name those of reader and writer."""
    from mdio_vds.options import VdsWriteOptions

    try:
        yield
    except ConfigError as error:
        name = error.path.partition(".")[0]
        if name not in _OPTION_OF and name not in VdsWriteOptions.model_fields:
            raise ConfigError(error.message.removeprefix("value error, "), hint=error.hint) from None
        option = _OPTION_OF.get(name, "--" + name.replace("_", "-"))
        message = error.message.removeprefix(f"{error.path}: ").removeprefix("value error, ")
        raise ConfigError(message, path=option, hint=error.hint) from None


def _coded_range(text: str, options: Mapping[str, Any]) -> tuple[float, float]:
    """Return the values of the first and the last code: what scale and offset come to."""
    option = "--integer-scale"
    if "format" not in options:
        raise ConfigError("only codes of 8 and 16 bits are scaled", path=option, hint="give --vds-format, too")
    if "value_range" in options:
        raise ConfigError("scale and offset say the range of values, too", path=option, hint="leave --value-range out")
    scale, offset = pair(text, option, "SCALE:OFFSET")
    if not scale > 0:
        raise ConfigError(f"the scale must be positive, not {scale:g}", path=option)
    if not (math.isfinite(scale) and math.isfinite(offset)):
        raise ConfigError("scale and offset must be finite", path=option)
    return offset, offset + scale * (255 if options["format"] == "u8" else 65535)


def pair(text: str, option: str, form: str) -> tuple[float, float]:
    """Return two numbers with a colon (or comma) between them.

    Raises
    ------
    ConfigError
        The text is of another form.
    """
    try:
        first, second = (float(part) for part in text.replace(",", ":").split(":"))
    except ValueError:
        raise ConfigError(f"{text!r} is not of the form {form}", path=option) from None
    return first, second


def read_file_info(url: str, segy: str, storage_options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the reader's options that a saved scan of ``mdio segy scan`` holds.

    Raises
    ------
    ConfigError
        It is something else, a scan of SEGYImport for example.
    """
    option = "--file-info"
    stores = Stores(storage_options)
    hint = f"{_SPEC} {segy} --json writes one"
    try:
        spec: Any = json.loads(stores.open(url).read())
    except ValueError:
        raise ConfigError(f"{url} is not JSON", path=option, hint=hint) from None
    if not isinstance(spec, dict) or spec.get("kind") != _SPEC or not isinstance(spec.get("import"), dict):
        raise ConfigError(f"{url} is not a saved scan", path=option, hint=hint)
    reader = stores.open(segy).open()
    try:
        size = reader.size
    finally:
        reader.close()
    if spec.get("identity", {}).get("bytes") != size:
        warnings.warn(f"{segy}: {url} is a scan of another file; it is used as a template", stacklevel=2)
    options: dict[str, Any] = spec["import"]
    return options


def header_words(
    fields: list[str] | None, file: str | None, storage_options: Mapping[str, Any]
) -> tuple[HeaderWords, str | None]:
    """Return the words of ``--header-field`` and ``--header-format``, and the byte order that the latter names."""
    words, endian = read_header_format(Stores(storage_options).open(file)) if file is not None else ({}, None)
    return HeaderWords(fields or (), words), endian
