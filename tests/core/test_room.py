"""Memory in large pages: arrays like all others, zero, and as large as was asked for."""

from __future__ import annotations

import mmap
import pickle

import numpy as np
import pytest

from mdio.native.room import copied, zeros

SHAPES = [(), (0, 5), (7,), (345, 1, 1501), (400, 1501), (3, 1 << 20), (1 << 24, 2)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["f4", ">i2", "V240", "?"])
def test_room_is_zero_and_may_be_written_to(shape, dtype):
    if np.dtype(dtype).itemsize * np.prod(shape, dtype=float) > 1 << 28:
        shape = (9, 9)
    array = zeros(shape, np.dtype(dtype))
    assert array.shape == shape
    assert array.dtype == np.dtype(dtype)
    assert array.flags.c_contiguous
    assert array.flags.writeable
    assert array.flags.aligned
    assert not array.view("u1").any() if array.size and array.ndim else True
    other = copied(array)
    assert other.shape == shape
    assert other.size == 0 or not np.shares_memory(other, array)


def test_a_copy_has_the_values_in_c_order():
    values = np.random.default_rng(1).random((600, 800)).T
    copy = copied(values)
    assert copy.flags.c_contiguous
    np.testing.assert_array_equal(copy, values)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(copy)), values)


def test_without_large_pages_numpy_does_it(monkeypatch):
    monkeypatch.delattr(mmap, "MADV_HUGEPAGE", raising=False)
    array = zeros((600, 800), np.dtype("f8"))
    assert array.flags.owndata or array.base.flags.owndata
    assert not array.any()


def test_a_kernel_that_refuses_large_pages_gives_small_ones(monkeypatch):
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        pytest.skip("this system has none")
    monkeypatch.setattr(mmap, "MADV_HUGEPAGE", 9999)
    array = zeros((600, 800), np.dtype("f8"))
    array += 1
    assert array.sum() == 480_000
