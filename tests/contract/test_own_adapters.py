"""The published contracts, applied to our own readers, writers, stores and plugin modules."""

from __future__ import annotations

import warnings
from typing import ClassVar

import fsspec
import numpy as np
import pytest
from segy_bytes import grid, ibm_words, samples_for, segy

import mdio
from mdio.convert import convert, create
from mdio.testing import PluginContract, ReaderContract, WriterContract, synthetic


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def survey(path, cells, code=1):
    rng = np.random.default_rng(3)
    il, xl = (axis[cells] for axis in grid(7, 6))
    values = ibm_words(rng, (len(cells), 30)) if code == 1 else samples_for(code, rng, len(cells), 30)
    if code == 1:
        values[::4, ::7] = 0x40000001  # patches
    path.write_bytes(segy({189: il, 193: xl}, values, code, noise=rng))
    return path


CELLS = np.arange(42)
HOLES = np.delete(CELLS, [3, 4, 11, 40])
SHUFFLED = np.random.default_rng(4).permutation(42)


class SegyReader(ReaderContract):
    cells = CELLS
    code = 1

    @pytest.fixture
    def volume(self, tmp_path):
        opened = mdio.open(survey(tmp_path / "x.sgy", self.cells, self.code), options={"header_locations": [189, 193]})
        yield opened
        opened.close()


class TestSegySorted(SegyReader):
    pass


class TestSegyHoles(SegyReader):
    cells = HOLES


class TestSegyShuffled(SegyReader):
    cells = SHUFFLED
    code = 3


class TestSegySparse(SegyReader):
    cells = SHUFFLED[:25]


class TestSegyTransposed(SegyReader):
    cells = CELLS.reshape(7, 6).T.ravel()


class MdioReader(ReaderContract):
    cells = CELLS
    options: ClassVar[dict] = {}

    @pytest.fixture
    def volume(self, tmp_path):
        path = survey(tmp_path / "x.sgy", self.cells)
        convert(
            path,
            tmp_path / "x.mdio",
            source_options={"header_locations": [189, 193]},
            target_options={"chunks": [3, 4, 16]},
        )
        opened = mdio.open(tmp_path / "x.mdio", options=self.options)
        yield opened
        opened.close()


class TestMdioSorted(MdioReader):
    pass


class TestMdioShuffled(MdioReader):
    cells = SHUFFLED


class TestMdioHoles(MdioReader):
    cells = HOLES


class TestMdioCached(MdioReader):
    cells = SHUFFLED[:30]
    options: ClassVar[dict] = {"cache": 1 << 20}


class TestMdioTransposed(MdioReader):
    cells = CELLS.reshape(7, 6).T.ravel()[::-1]


HEADERS = (("inline", ">i4"), ("crossline", ">i4"), ("cdp_x", ">i4"), ("trace_id_code", ">i2"))
"""Words that both formats have places for."""


def holed():
    return synthetic.volume((13, 9, 71), live=lambda i, x: (i * x) % 7 != 3, headers=HEADERS)


class TestMdioWriter(WriterContract):
    @pytest.fixture
    def source(self):
        return holed()

    @pytest.fixture
    def make_sink(self, tmp_path):
        sinks = []

        def make(like, creation):
            sinks.append(create(tmp_path / "x.mdio", like, options={"chunks": [4, 4, 32]}, creation=creation))
            return sinks[-1]

        yield make
        for sink in sinks:
            sink.close()

    @pytest.fixture
    def reopen(self, tmp_path):
        return lambda: mdio.open(tmp_path / "x.mdio")


class TestMdioWriterOnAnObjectStore(WriterContract):
    @pytest.fixture
    def source(self):
        return holed()

    @pytest.fixture
    def make_sink(self):
        filesystem = fsspec.filesystem("memory")
        filesystem.store.clear()

        def make(like, creation):
            return create("memory://c/x.mdio", like, options={"chunks": [8, 8, 64]}, creation=creation)

        yield make
        filesystem.store.clear()
        filesystem.pseudo_dirs[:] = [""]

    @pytest.fixture
    def reopen(self):
        return lambda: mdio.open("memory://c/x.mdio")


class TestSegyWriter(WriterContract):
    keeps = frozenset({"samples", "headers", "live", "order", "coords"})

    @pytest.fixture
    def source(self):
        """A volume whose index words say where its traces lie, so that the file can be gridded again."""
        volume = holed()
        live = volume.live(volume.schema.region.spatial)
        struct = volume._headers.view(volume.schema.headers.struct)
        il, xl = np.indices(live.shape)
        struct["inline"], struct["crossline"] = np.where(live, 100 + il, 0), np.where(live, 100 + xl, 0)
        return volume

    @pytest.fixture
    def make_sink(self, tmp_path):
        sinks = []

        def make(like, creation):
            sinks.append(create(tmp_path / "x.sgy", like, creation=creation))
            return sinks[-1]

        yield make
        for sink in sinks:
            sink.close()

    @pytest.fixture
    def reopen(self, tmp_path):
        keys = {"header_locations": [189, 193], "header_names": ["inline", "crossline"]}
        return lambda: mdio.open(tmp_path / "x.sgy", format="segy", options=keys)


class TestSegyPlugin(PluginContract):
    module = "mdio_segy.plugin"


class TestBuiltin(PluginContract):
    module = "mdio.plugins.builtin"
