"""The compiled loops of SEG-Y beside numpy: the same words, the same patches, the same headers."""

from __future__ import annotations

import os

import numpy as np
import pytest
from kernels import use

import mdio
from mdio.convert import create
from mdio.exceptions import StorageError
from mdio.flow.engine import run
from mdio.testing import synthetic
from mdio_segy import kernel, tracefile
from mdio_segy.ibm import decode_words, encode_words

RNG = np.random.default_rng(5)
EDGES = [0, 0x80000000, 0x42000000, 0x00100000, 0x27100000, 0x26FFFFFF, 0x60FFFFFF, 0x61100000, 0x7FFFFFFF, 0x40FFFFFF]
WORDS = {
    "any": RNG.integers(0, 2**32, (77, 2050), dtype=np.uint32),
    "few odd ones": np.where(RNG.random((300, 2050)) < 1e-5, RNG.integers(0, 2**32, (300, 2050)), 0x42640000),
    "edges": np.array([EDGES * 130], np.uint32),
}


def _write(path):
    volume = synthetic.volume((7, 9, 600))
    run(volume, create(path, volume))


@pytest.fixture
def words(monkeypatch):
    use("compiled", monkeypatch, kernel, "words")
    return kernel.words()


@pytest.mark.parametrize("order", ["<u4", ">u4"])
@pytest.mark.parametrize("name", WORDS)
def test_words_decode_alike(words, name, order, monkeypatch):
    given = WORDS[name].astype(order)
    found = []
    for _ in range(2):
        out = np.zeros(given.shape, "f4")
        patches = decode_words(given, out)
        found.append((out.tobytes(), patches.index.tolist(), patches.words.tolist()))
        monkeypatch.setattr(kernel, "words", lambda: None)
    assert found[0] == found[1]


@pytest.mark.parametrize("order", ["<u4", ">u4"])
def test_values_encode_alike(words, order, monkeypatch):
    anything = RNG.integers(0, 2**32, (50, 3000), dtype=np.uint32).view("f4")
    anything[~np.isfinite(anything)] = 1
    ordinary = RNG.normal(size=(50, 3000)).astype("f4")
    ordinary[7, 99] = 1e-40
    edges = np.array(
        [[0, -0.0, 1e-45, 1e-38, 2**-104, 2**-105, 3.4e38, -1, 0.1, 2**23 - 0.5, 2**23 + 1, 2**24 - 1]], "f4"
    )
    for values in (anything, ordinary, edges, ordinary[::2, 5:]):
        found = []
        for _ in range(2):
            out = np.zeros(values.shape, order)
            encode_words(values, out)
            found.append(out.tobytes())
            monkeypatch.setattr(kernel, "words", lambda: None)
        monkeypatch.undo()
        assert found[0] == found[1]


def test_only_odd_pieces_are_marked(words):
    given = np.full((3, words.PIECE + 1), 0x42640000, np.uint32)
    given[1, words.PIECE] = 0x42000001
    marks = np.zeros(6, np.uint8)
    assert words.decode(given, np.zeros(given.shape, "f4"), False, marks) == 1
    assert marks.tolist() == [0, 0, 0, 1, 0, 0]
    for bad in (np.zeros((3, 5), "f4"), np.zeros(given.shape, "f8"), np.zeros(given.size, "f4")):
        with pytest.raises(ValueError, match="rows of words"):
            words.decode(given, bad, False, marks)
    with pytest.raises(ValueError, match="rows of words"):
        words.decode(given, np.zeros(given.shape, "f4"), False, marks[:-1])


def test_small_pieces_of_every_record(words, tmp_path):
    path = tmp_path / "numbers"
    numbers = np.arange(100_000, dtype="u4")
    path.write_bytes(numbers.tobytes())
    with path.open("rb") as file:
        at = np.arange(0, 99_000, 990, dtype=np.int64)
        out = np.zeros((len(at), 8), np.uint8)
        assert words.gather(file.fileno(), 4 * at, 8, out) == len(at)
        np.testing.assert_array_equal(out.view("u4"), np.stack((at, at + 1), axis=1))
        assert words.gather(file.fileno(), np.array([0, 399_996], np.int64), 8, out[:2]) == 1
        with pytest.raises(ValueError, match="no room"):
            words.gather(file.fileno(), at, 8, out[:-1])


@pytest.mark.parametrize("way", ["compiled", "python"])
def test_headers_of_long_traces_either_way(way, tmp_path, monkeypatch):
    use(way, monkeypatch, kernel, "words")
    monkeypatch.setattr(tracefile, "_FEW", 3)
    path = tmp_path / "a.sgy"
    _write(path)
    with mdio.open(path) as volume:
        whole = mdio.Region.whole((7, 9, 600))
        np.testing.assert_array_equal(
            volume.samples(mdio.Region.whole((63, 600))), synthetic.volume((7, 9, 600)).samples(whole).reshape(63, 600)
        )


def test_a_file_that_was_cut_while_it_was_open(words, tmp_path):
    path = tmp_path / "a.sgy"
    _write(path)
    with mdio.open(path) as volume:
        os.truncate(path, path.stat().st_size // 2)
        with pytest.raises(StorageError, match="ends at byte"):
            volume.headers(mdio.Region.whole((63,)))
