"""Saved scans: what ``mdio segy scan --json`` found out about a file, used again to import it or its sisters.

A scan is made once, looked at, perhaps corrected by hand (the section ``import`` holds options of the reader under
their own names), and then used for every import. The file knows which version wrote it and which file it describes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from mdio.convert import Stores
from mdio.exceptions import ConfigError
from mdio.validation import validated
from mdio_segy.filehead import read_layout
from mdio_segy.opening import SegyWarning
from mdio_segy.options import SegyReadOptions

if TYPE_CHECKING:
    from mdio.storage.store import RangeReader
    from mdio_segy.filehead import SegyLayout
    from mdio_segy.volume import SegyVolume

__all__ = [
    "KIND",
    "VERSION",
    "file_identity",
    "import_options",
    "over",
    "read_spec",
    "spec_options",
    "warn_of_other_file",
]

KIND: Final = "mdio segy scan"
VERSION: Final = 1

_TAIL = 4096
_INDEX = ("header_locations", "header_names", "header_types")
_COMPARED: Final = {
    ("format", "sample_format"): "sample format",
    ("format", "endian"): "byte order",
    ("format", "trace_header_bytes"): "trace header bytes",
    ("traces", "samples"): "samples a trace",
    ("traces", "interval_us"): "sample interval in µs",
}


def file_identity(reader: RangeReader, layout: SegyLayout) -> dict[str, Any]:
    """Return what tells a file from others: its size, and a digest of file headers, first trace header and end."""
    length = min(reader.size, layout.data_offset + (layout.header_bytes if layout.trace_count else 0))
    return {"bytes": reader.size, "head_bytes": length, "sha256": _digest(reader, length)}


def _digest(reader: RangeReader, length: int) -> str:
    tail = min(reader.size, _TAIL)
    return hashlib.sha256(reader.read(0, length) + reader.read(reader.size - tail, tail)).hexdigest()


def import_options(volume: SegyVolume, options: SegyReadOptions) -> dict[str, Any]:
    """Return the options of the reader that give this volume again, from a file like this one."""
    layout = volume.layout
    found: dict[str, Any] = {
        "endian": "big" if layout.big_endian else "little",
        "data_endian": "big" if layout.data_big_endian else "little",
        "sample_format": layout.format.code,
    }
    if layout.samples and not layout.varying:
        found["samples"] = layout.samples
    if layout.interval_us > 0:
        found["interval"] = layout.interval_us
    if options.extended_headers is not None:
        found["extended_headers"] = options.extended_headers
    if options.header_locations is not None:
        found |= {name: getattr(options, name) for name in _INDEX if getattr(options, name) is not None}
        return found | ({"grid_overrides": options.grid_overrides} if options.grid_overrides else {})
    keys = volume.schema.metadata.attributes.get("geometry", {}).get("keys", [])
    if keys:
        found["header_locations"] = [key[1] for key in keys]
        found["header_names"] = [key[0] for key in keys]
        found["header_types"] = [key[2] if len(key) > 2 else "int32" for key in keys]
    return found


def read_spec(url: str, storage_options: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a saved scan.

    Raises
    ------
    ConfigError
        Not a scan, one of another version, or an option in it that does not exist.
    """
    store = Stores(storage_options or {}).open(url)
    try:
        spec = json.loads(store.read())
    except ValueError:  # neither text nor JSON
        raise ConfigError("not JSON", path=store.url, hint="mdio segy scan FILE --json writes one") from None
    if not isinstance(spec, dict) or spec.get("kind") != KIND:
        raise ConfigError("not a saved scan", path=store.url, hint="mdio segy scan FILE --json writes one")
    if spec.get("version") != VERSION:
        raise ConfigError(
            f"a scan of version {spec.get('version')!r}, this release reads version {VERSION}",
            path=f"{store.url}: version",
            hint="scan the file again",
        )
    for section in ("import", "identity", "format", "traces", "file"):
        if not isinstance(spec.get(section), dict):
            raise ConfigError("expected a mapping", path=f"{store.url}: {section}")
    validated(SegyReadOptions, spec["import"], f"{store.url}: import")
    return spec


def spec_options(url: str, storage_options: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the options of the reader that a saved scan says, e.g. ``segy_to_mdio(…, reader_options=…)``.

    Raises
    ------
    ConfigError
        As :func:`read_spec`.
    """
    options: dict[str, Any] = read_spec(url, storage_options)["import"]
    return options


def over(base: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return options with those that were given in their place; index words are replaced as a whole."""
    dropped = {"endian"} if "endian" in given else set()
    if "endian" in given and "data_endian" not in given:
        dropped.add("data_endian")  # it was that of the other byte order
    if given.get("header_locations") is not None:
        dropped |= {*_INDEX, "grid_overrides"}
    return {key: value for key, value in base.items() if key not in dropped} | {
        key: value for key, value in given.items() if value is not None
    }


def warn_of_other_file(spec: Mapping[str, Any], name: str, url: str, storage_options: Mapping[str, Any]) -> None:
    """Warn when a saved scan describes another file than the one at hand, and of what that one says differently.

    Parameters
    ----------
    spec, name
        The scan, and the file it was read from.
    url, storage_options
        The SEG-Y file.
    """
    known = spec["identity"]
    store = Stores(storage_options).open(url)
    with contextlib.closing(store.open()) as reader:
        length = known.get("head_bytes")
        whole = isinstance(length, int) and 0 <= length <= reader.size == known.get("bytes")
        if whole and _digest(reader, length) == known.get("sha256"):
            return
        differing = _differences(spec, reader, store.url)
    message = f"{store.url}: {name} is a scan of another file, {spec['file'].get('url')}; it is used as a template"
    if differing:
        message += f"; what it says wins over this file's {', '.join(differing)}"
    warnings.warn(message, SegyWarning, stacklevel=2)


def _differences(spec: Mapping[str, Any], reader: RangeReader, url: str) -> list[str]:
    """Return what a file says of itself that the scan of another says differently."""
    from mdio_segy.errors import SegyError
    from mdio_segy.report import format_facts, trace_facts

    try:
        layout = read_layout(reader, url=url)
    except SegyError:
        return []  # the file needs what the scan says
    own = {"format": format_facts(layout), "traces": trace_facts(layout)}
    return [
        f"{what} ({own[section][key]}, there {spec[section].get(key)})"
        for (section, key), what in _COMPARED.items()
        if own[section][key] != spec[section].get(key)
    ]
