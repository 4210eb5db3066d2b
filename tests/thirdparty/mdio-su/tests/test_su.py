"""The contracts, and what Seismic Unix itself would write."""

import mdio_su.plugin
import numpy as np
import pytest

import mdio
from mdio.plugins.registry import registry
from mdio.testing import PluginContract, ReaderContract


@pytest.fixture(autouse=True)
def su():
    with registry().registered(mdio_su.plugin, "su"):
        yield


@pytest.fixture
def path(tmp_path):
    records = np.zeros(7, [("head", "V114"), ("ns", ">u2"), ("dt", ">u2"), ("more", "V122"), ("data", ">f4", 11)])
    records["ns"], records["dt"], records["data"] = 11, 2000, np.arange(77).reshape(7, 11)
    (tmp_path / "a.su").write_bytes(records.tobytes())
    return tmp_path / "a.su"


class TestReader(ReaderContract):
    @pytest.fixture
    def volume(self, path):
        with mdio.open(path) as volume:
            yield volume


class TestPlugin(PluginContract):
    module = "mdio_su.plugin"


def test_samples_headers_and_the_way_into_mdio(path, tmp_path):
    with mdio.open(path) as volume:
        assert volume.samples(volume.schema.region)[2].tolist() == [*range(22, 33)]
        assert volume.dims[1].coords[3] == 6
        records = volume.headers(volume.schema.region.spatial)
        assert volume.schema.headers.values(records, "samples_per_trace").tolist() == [11] * 7
    mdio.convert(path, tmp_path / "c.mdio")
    assert np.array_equal(mdio.MDIOReader(tmp_path / "c.mdio")[:], np.arange(77).reshape(7, 11))


def test_damage_is_refused(path):
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(mdio.MDIOError, match="does not fit"):
        mdio.open(path)
