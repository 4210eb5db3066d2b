"""The sample that ZFP cannot hold is named by its position, so that callers can name its coordinates."""

import pickle

import numpy as np
import pytest

from mdio.exceptions import CodecError, UnstorableSampleError
from mdio_compression.zfp import Zfp


def smooth(*shape):
    return np.cumsum(np.random.default_rng(1).normal(size=shape), axis=-1).astype("f4")


@pytest.mark.parametrize("bad", [np.nan, -np.inf, 1e30])
@pytest.mark.parametrize(
    ("shape", "cell"), [((8, 8, 8), (5, 2, 7)), ((9, 6), (8, 5)), ((2, 3, 4, 5, 6), (1, 2, 3, 4, 5))]
)
def test_position_and_value(shape, cell, bad):
    data = smooth(*shape)
    data[cell] = bad
    with pytest.raises(UnstorableSampleError) as error:
        Zfp(0.01).encode(data)
    position = int(np.ravel_multi_index(cell, shape))
    assert error.value.position == position
    assert np.array_equal(error.value.value, float(np.float32(bad)), equal_nan=True)
    assert f"sample {position} of the chunk is {np.float32(bad)}" in str(error.value)
    assert "lossless" in error.value.hint
    assert isinstance(error.value, CodecError)
    assert pickle.loads(pickle.dumps(error.value)).position == position


def test_position_in_a_view():
    data = smooth(8, 8, 8)
    data[1, 2, 3] = np.nan
    with pytest.raises(UnstorableSampleError) as error:
        Zfp(0.01).encode(data.T)
    assert error.value.position == 3 * 64 + 2 * 8 + 1


def test_integers():
    data = np.full((4, 4), 1, "i4")
    data[2, 1] = 2**24 + 1
    with pytest.raises(UnstorableSampleError) as error:
        Zfp(0.5, "lossless").encode(data)
    assert (error.value.position, error.value.value) == (9, 2**24 + 1)
