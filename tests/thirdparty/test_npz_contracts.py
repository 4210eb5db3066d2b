"""The published contracts, as the plugin guide tells authors to use them, on the example distribution."""

from pathlib import Path

import pytest

import mdio
from mdio.convert import create
from mdio.core.volume import Creation
from mdio.flow import engine
from mdio.plugins.registry import registry
from mdio.testing import PluginContract, ReaderContract, WriterContract, synthetic

SOURCE = Path(__file__).parent / "mdio-npz" / "src"


@pytest.fixture(autouse=True)
def npz(monkeypatch):
    monkeypatch.syspath_prepend(SOURCE)
    monkeypatch.setenv("PYTHONPATH", str(SOURCE))
    import mdio_npz.plugin

    with registry().registered(mdio_npz.plugin, "npz", distribution="mdio-npz"):
        yield


class TestReader(ReaderContract):
    @pytest.fixture
    def volume(self, tmp_path):
        source = synthetic.volume((5, 7, 11), live=lambda i, x: (i + x) % 3 != 0)
        sink = create(str(tmp_path / "a.npz"), source, creation=Creation())
        engine.run(source, sink)
        opened = mdio.open(tmp_path / "a.npz")
        yield opened
        opened.close()


class TestWriter(WriterContract):
    resumes = False

    @pytest.fixture
    def make_sink(self, tmp_path):
        return lambda like, creation: create(str(tmp_path / "a.npz"), like, creation=creation)

    @pytest.fixture
    def reopen(self, tmp_path):
        return lambda: mdio.open(tmp_path / "a.npz")


class TestPlugin(PluginContract):
    module = "mdio_npz.plugin"
