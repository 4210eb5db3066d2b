"""The example distribution: what it reads is what was written, and it meets the other formats."""

import sys
from pathlib import Path

import numpy as np
import pytest

import mdio
from mdio.core.volume import Creation
from mdio.exceptions import ConfigError, FormatError, MDIOAlreadyExistsError
from mdio.flow import engine
from mdio.plugins.registry import registry
from mdio.testing import synthetic

SOURCE = Path(__file__).parent / "mdio-npz" / "src"


@pytest.fixture(autouse=True)
def npz(monkeypatch):
    monkeypatch.syspath_prepend(SOURCE)
    import mdio_npz.plugin

    with registry().registered(mdio_npz.plugin, "npz", distribution="mdio-npz") as plugin:
        assert plugin.state == "ok", plugin.traceback
        yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "mdio_npz"]:
        del sys.modules[name]


def holes(inline, crossline):
    return (inline + crossline) % 3 != 0


def written(path, volume, **options):
    from mdio.convert import create

    sink = create(str(path), volume, options=options, creation=Creation())
    engine.run(volume, sink, workers=2)
    sink.close()
    return path


def whole(volume):
    return volume.read(volume.schema.region)


def test_everything_comes_back(tmp_path):
    source = synthetic.volume((40, 7, 11), dtype="f4", live=holes)
    opened = mdio.open(written(tmp_path / "a.npz", source))
    before, after = whole(source), whole(opened)
    for name in ("samples", "headers", "live", "order"):
        assert np.array_equal(getattr(before, name), getattr(after, name)), name
    assert opened.schema.names == source.schema.names
    assert opened.schema.headers.fields == source.schema.headers.fields
    assert [dim.unit for dim in opened.schema.dims] == [dim.unit for dim in source.schema.dims]
    assert opened.schema.metadata.text == source.schema.metadata.text
    assert [item.name for item in tmp_path.iterdir()] == ["a.npz"]


def test_any_region_is_the_cut_of_the_whole(tmp_path):
    opened = mdio.open(written(tmp_path / "a.npz", synthetic.volume((5, 7, 11), live=holes)))
    region = type(opened.schema.region)([(1, 4), (2, 7), (3, 9)])
    assert np.array_equal(opened.samples(region), whole(opened).samples[1:4, 2:7, 3:9])
    assert np.array_equal(opened.live(region.spatial), holes(*np.indices((5, 7)))[1:4, 2:7])


def test_numpy_reads_what_we_write_and_we_read_what_numpy_writes(tmp_path):
    path = written(tmp_path / "a.npz", synthetic.volume((3, 4, 5), dtype="i2"), compress=True)
    with np.load(path) as archive:
        assert np.array_equal(archive["samples"], synthetic.formula((3, 4, 5), "i2"))
        assert archive["dims"].tolist() == ["inline", "crossline", "sample"]
    cube = np.arange(24, dtype=">f4").reshape(2, 3, 4)
    np.savez(tmp_path / "b.npz", velocity=cube, coord_inline=[7, 9])
    opened = mdio.open(tmp_path / "b.npz", options={"array": "velocity"})
    assert opened.schema.dtype == np.dtype("f4")
    assert np.array_equal(opened.samples(opened.schema.region), cube)
    assert opened.schema.dims[0].coords.tolist() == [7, 9]


def test_into_the_native_format_and_back(tmp_path):
    source = synthetic.volume((6, 7, 8), live=holes)
    written(tmp_path / "a.npz", source)
    mdio.convert(tmp_path / "a.npz", tmp_path / "b.mdio")
    mdio.convert(tmp_path / "b.mdio", tmp_path / "c.npz")
    before, after = whole(source), whole(mdio.open(tmp_path / "c.npz"))
    assert np.array_equal(before.samples, after.samples)
    assert np.array_equal(before.live, after.live)


def test_what_is_there_is_kept(tmp_path):
    path = written(tmp_path / "a.npz", synthetic.volume((2, 2, 2)))
    before = path.read_bytes()
    with pytest.raises(MDIOAlreadyExistsError):
        written(path, synthetic.volume((3, 3, 3)))
    assert path.read_bytes() == before


def test_abort_leaves_nothing(tmp_path):
    from mdio.convert import create

    sink = create(str(tmp_path / "a.npz"), synthetic.volume((2, 2, 2)))
    sink.abort()
    sink.abort()
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("data", [b"", b"no archive", b"PK\x03\x04 cut"])
def test_damage(tmp_path, data):
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(FormatError, match=r"a\.npz: not a NumPy archive"):
        mdio.open(tmp_path / "a.npz")


def test_arrays_that_do_not_fit(tmp_path):
    np.savez(tmp_path / "a.npz", samples=np.zeros((2, 3, 4)), coord_inline=[1, 2, 3])
    with pytest.raises(FormatError, match="do not fit"):
        mdio.open(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", other=np.zeros((2, 3, 4)))
    with pytest.raises(FormatError, match=r"no array 'samples'.*arrays in it: other"):
        mdio.open(tmp_path / "b.npz")


def test_options_are_validated(tmp_path):
    written(tmp_path / "a.npz", synthetic.volume((2, 2, 2)))
    with pytest.raises(ConfigError, match="did you mean 'array'"):
        mdio.open(tmp_path / "a.npz", options={"aray": "x"})


def test_nothing_heavy_at_the_entry_point():
    from mdio.cli.checking import check

    assert [finding for finding in check(registry().plugin("npz")) if not finding.ok] == []
