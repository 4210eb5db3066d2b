"""What ``plugins check`` asks of any plugin, asked of ours in this process."""

from __future__ import annotations

import pytest

from mdio.exceptions import PluginError
from mdio.plugins import Check, Codec, GridOverride, Observer, Reader, Writer
from mdio.plugins.registry import registry
from mdio.testing import suite

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # the numbered header words of synthetic volumes

# Templates and commands of the core are held to their contracts elsewhere; here they would be most of the time.
for _plugin in ("builtin", "compression", "segy", "vds"):
    for _what, _class in suite.classes(_plugin).items():
        if not _what.startswith(("template", "command")):
            globals()[f"Test{_plugin} {_what}"] = _class


def offered(name):
    plugin = registry().plugin(name)
    wanted = (Check, Codec, GridOverride, Observer, Reader, Writer)
    return {f"{item.kind} {item.name}" for item in plugin.contributions if isinstance(item, wanted)}


def test_what_can_be_tried_is_tried():
    assert offered("segy") <= {*suite.classes("segy")}
    assert offered("vds") <= {*suite.classes("vds")}
    # Only their authors know how many channels a cable has, and which error a codec may make.
    assert offered("builtin") - {*suite.classes("builtin")} == {
        "grid override CalculateCable",
        "grid override ChannelWrap",
        "grid override NonBinned",
    }
    assert offered("compression") - {*suite.classes("compression")} == {"codec zfp"}


def test_a_reader_without_a_writer_needs_a_file(tmp_path):
    def pair(writers):
        item = Reader(name="only", suffixes=(".only",), target="mdio.native.volume:open_volume")
        return suite._made(item, "", writers)

    assert pair(set()) is None
    assert pair({"only"}) is not None


def test_a_plugin_that_is_not_there():
    with pytest.raises(PluginError, match="no plugin named 'sgey'"):
        suite.classes("sgey")


def test_a_format_that_takes_nothing_says_why(tmp_path):
    with pytest.raises(pytest.fail.Exception, match="takes neither"):
        suite._holdable("segy", str(tmp_path / "missing" / "x.sgy"))
