"""What the entry point says, and that saying it costs nothing."""

import subprocess
import sys

import pytest

from mdio_vds.detect import sniff
from mdio_vds.plugin import MDIO_API, mdio_readers, mdio_writers


def test_the_reader():
    (reader,) = mdio_readers()
    assert MDIO_API == "1.0"
    assert (reader.name, reader.suffixes, reader.magic) == ("vds", (".vds",), ((0, b"HueDataStore"),))
    assert reader.directories
    import mdio_vds

    assert reader.load() is mdio_vds.open_volume
    assert reader.options_model()(channel="Amplitude").channel == "Amplitude"


def test_the_writer():
    (writer,) = mdio_writers()
    assert (writer.name, writer.suffixes) == ("vds", (".vds",))
    assert writer.options_model()(compression="RLE", margin="2,3").margin == (2, 3)
    assert callable(writer.load())


def test_listing_imports_nothing_heavy():
    code = (
        "import sys, mdio_vds.plugin; list(mdio_vds.plugin.mdio_readers());list(mdio_vds.plugin.mdio_writers());"
        "sys.exit(','.join({'numpy', 'pydantic', 'zarr', 'fsspec'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("name", "found"), [("VolumeDataLayout", True), ("LayerStatus", False)])
def test_directories_are_recognised_by_their_layout_object(tmp_path, storage, name, found):
    (tmp_path / name).write_text("{}")
    assert sniff(str(tmp_path), b"", storage) is found


def test_files_are_recognised_by_their_magic(storage):
    assert sniff("a", b"HueDataStore" + bytes(20), storage)
    assert not sniff("a", b"HueDataStorm" + bytes(20), storage)


def test_lazy_names():
    import mdio_vds

    for name in mdio_vds.__all__:
        assert getattr(mdio_vds, name) is not None
    for name in ("VdsError", "VdsVolume", "open_volume"):
        assert getattr(mdio_vds, name).__name__ == name
    with pytest.raises(AttributeError, match="nothing"):
        mdio_vds.nothing  # noqa: B018
