"""Measures of loss: hand-worked numbers, and scikit-image as the oracle."""

import math
import tracemalloc

import numpy as np
import pytest

import mdio_compression
from mdio.exceptions import ShapeError
from mdio_compression import metrics
from mdio_compression.metrics import mse, nrmse, psnr, ssim

RNG = np.random.default_rng(8)
TRUE = np.array([[1.0, 2.0], [3.0, 4.0]])
TEST = np.array([[1.0, 2.0], [3.0, 2.0]])


def test_by_hand():
    assert mse(TRUE, TEST) == 1.0  # one error of 2 among 4
    assert nrmse(TRUE, TEST) == math.sqrt(4 / 30)  # 1 + 4 + 9 + 16
    assert psnr(TRUE, TEST) == pytest.approx(10 * math.log10(9))  # range 4 - 1
    assert psnr(TRUE, TEST, data_range=100) == pytest.approx(40)


def test_one_window_by_hand():
    # 49 samples: 24 of -1, 24 of 1, one 0; the copy is twice as strong. Means 0, sample variances 1 and 4,
    # covariance 2. With a range of 2: c2 = (0.03 * 2)²; means contribute c1 / c1.
    true = np.array([-1.0] * 24 + [0.0] + [1.0] * 24).reshape(7, 7)
    c2 = 0.0036
    assert ssim(true, 2 * true) == pytest.approx((2 * 2 + c2) / (1 + 4 + c2), abs=1e-14)


def test_equal_and_constant_arrays():
    data = RNG.normal(size=(8, 9))
    assert (mse(data, data), nrmse(data, data), psnr(data, data)) == (0, 0, math.inf)
    assert ssim(data, data) == 1.0
    zeros = np.zeros((8, 9))
    assert (nrmse(zeros, zeros), nrmse(zeros, zeros + 1), psnr(zeros, zeros + 1)) == (0, math.inf, -math.inf)
    assert ssim(zeros, zeros) == 1.0


CASES = [(40, 33), (7, 7), (9, 400), (700, 8), (20, 21, 22), (7, 7, 50), (64, 9, 9)]


@pytest.mark.parametrize("batch", [1, 1000, metrics._BATCH])
@pytest.mark.parametrize("shape", CASES)
def test_as_scikit_image(monkeypatch, shape, batch):
    peer = pytest.importorskip("skimage.metrics", reason="scikit-image is the oracle of these measures")
    monkeypatch.setattr(metrics, "_BATCH", batch)
    true = np.cumsum(RNG.normal(size=shape), axis=-1)
    test = true + 0.1 * RNG.normal(size=shape)
    span = float(true.max() - true.min())
    close = {"rel": 1e-12, "abs": 0}
    assert mse(true, test) == pytest.approx(peer.mean_squared_error(true, test), **close)
    assert nrmse(true, test) == pytest.approx(peer.normalized_root_mse(true, test), **close)
    assert psnr(true, test) == pytest.approx(peer.peak_signal_noise_ratio(true, test, data_range=span), **close)
    assert ssim(true, test) == pytest.approx(peer.structural_similarity(true, test, data_range=span), **close)
    assert ssim(true, test, 20, window=5) == pytest.approx(
        peer.structural_similarity(true, test, data_range=20, win_size=5), **close
    )


def test_float32_and_integers_are_widened():
    peer = pytest.importorskip("skimage.metrics", reason="scikit-image is the oracle of these measures")
    true = (RNG.normal(size=(30, 30)) * 1000).astype("i2")
    test = true + 1
    assert mse(true, test) == 1.0
    assert ssim(true, test) == pytest.approx(
        peer.structural_similarity(true.astype("f8"), test.astype("f8"), data_range=float(np.ptp(true.astype("f8")))),
        rel=1e-12,
    )
    assert mse(np.full((3, 3), 1e30, "f4"), np.zeros((3, 3), "f4")) == pytest.approx(float(np.float32(1e30)) ** 2)


def test_memory_stays_at_some_rows():
    class Rows:
        """An array that only makes the rows asked for."""

        shape = (4000, 300)

        def __getitem__(self, rows):
            start, stop, _ = rows.indices(self.shape[0])
            return np.add.outer(np.arange(start, stop) % 17, np.arange(300) % 11).astype("f4")

    tracemalloc.start()
    assert ssim(Rows(), Rows()) == 1.0
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6 < 9 * 4000 * 300 * 8  # nine arrays of the whole are needed at once otherwise


def test_what_cannot_be_compared():
    with pytest.raises(ShapeError, match="differ"):
        mse(TRUE, TRUE[:1])
    with pytest.raises(ShapeError, match="nothing"):
        psnr(TRUE[:0], TRUE[:0])
    with pytest.raises(ShapeError, match="too small for windows of 7"):
        ssim(TRUE, TEST)
    with pytest.raises(ValueError, match="odd"):
        ssim(TRUE, TEST, window=4)


def test_public_names():
    assert mdio_compression.psnr is psnr
    assert {"mse", "nrmse", "psnr", "ssim", "MdioZfpQuality"} <= {*dir(mdio_compression)}
