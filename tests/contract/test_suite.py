"""What ``plugins check`` asks of any plugin, asked of ours in this process."""

from __future__ import annotations

import pytest

from mdio.exceptions import PluginError
from mdio.plugins import Check, Codec, GridOverride, Observer, Reader, StorageBackend, Writer
from mdio.plugins.registry import registry
from mdio.testing import ReaderContract, suite

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # the numbered header words of synthetic volumes

# Templates and commands of the core are held to their contracts elsewhere; here they would be most of the time.
for _plugin in ("builtin", "compression", "segy", "vds"):
    for _what, _class in suite.classes(_plugin).items():
        if not (_what.startswith(("template", "command")) or issubclass(_class, suite._Untried)):
            globals()[f"Test{_plugin} {_what}"] = _class


def offered(name):
    plugin = registry().plugin(name)
    wanted = (Check, Codec, GridOverride, Observer, Reader, StorageBackend, Writer)
    return {f"{item.kind} {item.name}" for item in plugin.contributions if isinstance(item, wanted)}


def not_tried(name):
    return {what: found.needs for what, found in suite.classes(name).items() if issubclass(found, suite._Untried)}


def test_what_can_be_tried_is_tried():
    for name in ("builtin", "compression", "segy", "vds"):
        assert offered(name) <= {*suite.classes(name)}
    assert not_tried("segy") == not_tried("vds") == {}
    # Only their authors know how many channels a cable has, which error a codec may make, and where one may write.
    assert {what for what in not_tried("builtin") if not what.startswith("storage backend")} == {
        "grid override CalculateCable",
        "grid override ChannelWrap",
        "grid override NonBinned",
    }
    assert "StorageContract" in not_tried("builtin")["storage backend s3"]
    assert not_tried("compression") == {"codec zfp": "it needs options; its tests subclass CodecContract"}


def test_a_reader_without_a_writer_needs_a_file():
    def contract(file, writers):
        item = Reader(name="only", suffixes=(".only",), target="mdio.native.volume:open_volume")
        return suite._made(item, file, writers)

    assert "--file" in contract("", set())[1]["needs"]
    assert contract("", {"only"})[0] is contract("a.only", set())[0] is ReaderContract


def test_a_plugin_that_is_not_there():
    with pytest.raises(PluginError, match="no plugin named 'sgey'"):
        suite.classes("sgey")


def test_a_format_that_takes_nothing_says_why(tmp_path):
    with pytest.raises(pytest.fail.Exception, match="takes neither"):
        suite._holdable("segy", str(tmp_path / "missing" / "x.sgy"))
