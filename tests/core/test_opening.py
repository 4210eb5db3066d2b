"""Opening what is just being made: the old state or the new one, and no error that is about neither."""

from __future__ import annotations

import contextlib

import pytest

from mdio import opening
from mdio.convert import create
from mdio.exceptions import IncompleteDatasetError, InvalidMDIOError
from mdio.flow import engine
from mdio.testing import synthetic


@pytest.fixture
def meanwhile(monkeypatch):
    """Have something happen while a dataset is opened for the first time, which then fails."""

    def arrange(happens):
        real, calls = opening._opened, []

        def opened(*arguments):
            calls.append(arguments)
            if len(calls) == 1:
                happens()
                raise InvalidMDIOError("not an MDIO dataset")
            return real(*arguments)

        monkeypatch.setattr(opening, "_opened", opened)
        return calls

    return arrange


@pytest.mark.parametrize("name", ["a.sgy", "a.mdio", "a.vds"])
def test_a_run_that_begins_and_ends_meanwhile(tmp_path, meanwhile, name):
    volume = synthetic.volume((3, 4, 5))

    def make():
        sink = create(tmp_path / name, volume)
        engine.run(volume, sink)
        sink.close()

    calls = meanwhile(make)
    with contextlib.closing(opening.open(tmp_path / name)) as found:
        assert found.schema.shape[-1] == 5
    assert len(calls) == 2


def test_a_run_that_begins_meanwhile(tmp_path, meanwhile):
    sinks = []

    def begin():
        sink = create(tmp_path / "a.mdio", synthetic.volume((3, 4, 5)))
        sink.write(synthetic.volume((3, 4, 5)).read(synthetic.volume((3, 4, 5)).schema.region))
        sinks.append(sink)

    meanwhile(begin)
    try:
        with pytest.raises(IncompleteDatasetError):
            opening.open(tmp_path / "a.mdio")
    finally:
        for sink in sinks:
            sink.abort()


def test_nothing_happens_meanwhile(tmp_path, meanwhile):
    calls = meanwhile(lambda: None)
    with pytest.raises(InvalidMDIOError):
        opening.open(tmp_path / "a.mdio")
    assert len(calls) == 1
