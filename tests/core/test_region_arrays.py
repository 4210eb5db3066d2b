"""What the documented arrays say of themselves, and what they refuse."""

import numpy as np
import pytest

import mdio
from mdio.convert import create
from mdio.exceptions import StorageError
from mdio.flow import engine
from mdio.testing import synthetic


@pytest.fixture
def reader(tmp_path):
    source = synthetic.volume((6, 5, 8), chunks=(2, 5, 8))
    engine.run(source, create(tmp_path / "x.mdio", source, options={"chunks": [2, 5, 8]}))
    return mdio.MDIOReader(str(tmp_path / "x.mdio"))


def test_size_and_looks(reader):
    traces = reader._traces
    assert (len(traces), traces.ndim, traces.size, traces.nbytes) == (6, 3, 240, 960)
    assert repr(traces) == "RegionArray(float32, shape (6, 5, 8), chunks (2, 5, 8))"


def test_reading_makes_a_new_array(reader):
    assert np.asarray(reader._traces).shape == (6, 5, 8)
    with pytest.raises(ValueError, match="copy=False is not possible"):
        np.array(reader._traces, copy=False)


def test_nothing_is_stored_through_a_reader(reader):
    before = np.asarray(reader._traces)
    with pytest.raises(StorageError, match="for reading only") as caught:
        reader._traces[0] = 7
    assert "MDIOWriter" in caught.value.hint
    np.testing.assert_array_equal(np.asarray(reader._traces), before)
