"""The contracts as ``mdio plugins check`` runs them: made for each contribution of an installed plugin.

A plugin's own tests say more – what its format keeps, which defect its check finds. What can be asked of any plugin is
asked here. The plugin is named in ``MDIO_CHECK_PLUGIN``, and a file for its readers in ``MDIO_CHECK_FILE``.
"""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mdio.convert import create
from mdio.convert import open as open_volume
from mdio.core.table import HeaderTable
from mdio.core.trace_header import standard_layout
from mdio.core.volume import Creation
from mdio.exceptions import MDIOError
from mdio.flow.engine import run
from mdio.plugins.contributions import (
    Check,
    Codec,
    Command,
    Contribution,
    GridOverride,
    Observer,
    Reader,
    Template,
    Writer,
)
from mdio.plugins.registry import registry
from mdio.testing import synthetic
from mdio.testing.contracts import CodecContract, GridOverrideContract, PluginContract
from mdio.testing.offering import CheckContract, CommandContract, ObserverContract, TemplateContract
from mdio.testing.reading import ReaderContract
from mdio.testing.writing import WriterContract

if TYPE_CHECKING:
    from pathlib import Path

    from mdio.core.volume import Volume

__all__ = ["classes"]

_NUMBERS = frozenset({"float32", "float64", "int8", "int16", "int32", "uint8", "uint16", "uint32"})


def classes(name: str, file: str = "") -> dict[str, type]:
    """Return a test class for each contribution of a plugin; what only its author can try is skipped with the reason.

    Parameters
    ----------
    name
        The plugin.
    file
        A file that its readers open; without one, readers open what the writer of the same name wrote.
    """
    plugin = registry().plugin(name)
    made: dict[str, type] = {"Plugin": type("Plugin", (PluginContract,), {"module": plugin.module.partition(":")[0]})}
    writers = {item.name for item in plugin.contributions if isinstance(item, Writer)}
    for item in plugin.contributions:
        contract, held = _made(item, file, writers)
        made[f"{item.kind} {item.name}"] = type(item.name, (contract,), held)
    return made


def _made(item: Contribution, file: str, writers: set[str]) -> tuple[type, dict[str, Any]]:
    """Return the contract and what the class under it holds."""
    match item:
        case Reader() if file or item.name in writers:
            return _reader(item, file)
        case Writer() if item.name in registry().names(Reader):
            return _Written, {"format": item.name, "ending": item.suffixes[0] if item.suffixes else ""}
        case Codec() if _makes_itself(item):
            return _codec(item)
        case GridOverride() if not _required(item):
            return _override(item)
        case Template():
            return TemplateContract, {"template": _fixture(lambda: item)}
        case Check():
            return CheckContract, {"check": _fixture(item.load)}
        case Command():
            return CommandContract, {"app": _fixture(item.load)}
        case Observer():
            return ObserverContract, {"observe": _fixture(item.load)}
    return _Untried, {"needs": _NEEDS[item.kind]}


_NEEDS = {
    "reader": "give --file FILE, a file that it opens",
    "writer": "there is no reader of its name to open what it writes; its tests subclass WriterContract",
    "codec": "it needs options; its tests subclass CodecContract",
    "grid override": "it needs parameters; its tests subclass GridOverrideContract",
    "storage backend": "it needs a place to write to; its tests subclass StorageContract",
}
"""What it takes to try what cannot be tried as it is."""


class _Untried:
    """Stands for a contract that is not run."""

    needs = ""

    def test_what_it_takes(self) -> None:
        pytest.skip(self.needs)


def _fixture(value: Any) -> Any:
    def fixture(_self: Any) -> Any:
        return value()

    return pytest.fixture(fixture)


def _required(item: Contribution) -> bool:
    model = item.options_model()
    return model is not None and any(field.is_required() for field in model.model_fields.values())


# -- volumes -------------------------------------------------------------------------------------------------------


class _Written(WriterContract):
    """The writer's contract without what only its author knows: how much of a volume comes back."""

    format = ""
    ending = ""
    resumes = False

    @pytest.fixture
    def place(self, tmp_path: Path) -> str:
        return str(tmp_path / f"target{self.ending}")

    @pytest.fixture
    def make_sink(self, place: str) -> Any:
        return lambda like, creation: create(place, like, format=self.format, creation=creation)

    @pytest.fixture
    def reopen(self, place: str) -> Any:
        return lambda: open_volume(place, format=self.format)

    @pytest.fixture
    def source(self, tmp_path: Path) -> Volume:
        return _holdable(self.format, str(tmp_path / f"probe{self.ending}"))

    def _check(self, reopen: Any, source: Volume) -> None:
        volume = reopen()
        try:
            whole = volume.schema.region
            assert volume.samples(whole).shape == volume.schema.shape
            assert int(np.count_nonzero(volume.live(whole.spatial))) >= int(
                np.count_nonzero(source.live(source.schema.region.spatial))
            ), "traces were lost"
        finally:
            volume.close()


def _holdable(name: str, place: str) -> Volume:
    """Return a volume that a format takes: with holes, else without, else a line."""
    headers = standard_layout(big_endian=True)
    said = ""
    for shape, live in (((13, 9, 71), lambda i, x: (i * x) % 7 != 3), ((13, 9, 71), None), ((13, 71), None)):
        volume = synthetic.volume(shape, live=live, headers=headers)
        try:
            create(place, volume, format=name, creation=Creation(overwrite=True)).abort()
        except MDIOError as error:
            said = str(error)
        else:
            return volume
    return pytest.fail(f"takes neither a volume nor a line: {said}")


def _reader(item: Reader, file: str) -> tuple[type, dict[str, Any]]:
    def volume(_self: Any, tmp_path: Path) -> Any:
        place = file
        if not place:
            place = str(tmp_path / f"source{item.suffixes[0] if item.suffixes else ''}")
            source = _holdable(item.name, place)
            sink = create(place, source, format=item.name, creation=Creation(overwrite=True))
            run(source, sink)
            sink.close()
        opened = open_volume(place, format=item.name)
        yield opened
        opened.close()

    return ReaderContract, {"volume": pytest.fixture(volume)}


# -- codecs and overrides ------------------------------------------------------------------------------------------


def _makes_itself(item: Codec) -> bool:
    """Whether a codec needs no options, which only its author knows."""
    try:
        item.load()()
    except (MDIOError, TypeError, ValueError):
        return False
    return True


def _codec(item: Codec) -> tuple[type, dict[str, Any]]:
    held = {
        "codec": _fixture(lambda: item.load()()),
        "dtypes": tuple(sorted(_NUMBERS & {*item.dtypes})) or ("float32",),
        "tolerance": np.inf if item.lossy else 0.0,
        "registered": bool(item.numcodecs_id),
    }
    return CodecContract, held


def _override(item: GridOverride) -> tuple[type, dict[str, Any]]:
    names = [key.partition("|")[0] for key in item.keys] or ["inline", "crossline"]
    places = [*itertools.product(range(1, 4), repeat=len(names))]
    columns = {name: np.array([place[axis] for place in places], "i4") for axis, name in enumerate(names)}
    table = HeaderTable(columns)
    held = {"apply": _fixture(item.load), "table": _fixture(lambda: table), "adds": item.adds}
    model = item.options_model()
    if model is not None:
        held["params"] = _fixture(model)
    return GridOverrideContract, held


if "MDIO_CHECK_PLUGIN" in os.environ:
    for _what, _class in classes(os.environ["MDIO_CHECK_PLUGIN"], os.environ.get("MDIO_CHECK_FILE", "")).items():
        globals()["Test " + _what] = _class
