"""The page "Seismic Data Compression": lossless, lossy and lossier, their sizes, pictures and four measures."""

import os

import numpy as np
import pytest

from mdio import MDIOReader, segy_to_mdio

pytest.importorskip("zfpy", reason="lossy compression needs zfpy")


@pytest.fixture(scope="module", autouse=True)
def ingested(volve, folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "volve.segy").symlink_to(volve.path)
        segy_to_mdio(
            "volve.segy",
            "volve.mdio",
            (189, 193),
            # lossless=True,
            # compression_tolerance=0.01,
        )
        segy_to_mdio(
            "volve.segy",
            "volve_lossy.mdio",
            (189, 193),
            lossless=False,
            # compression_tolerance=0.01,
        )
        segy_to_mdio(
            "volve.segy",
            "volve_lossy_plus.mdio",
            (189, 193),
            lossless=False,
            compression_tolerance=1,
        )
        yield


@pytest.fixture
def lossless():
    return MDIOReader("volve.mdio")


@pytest.fixture
def lossy():
    return MDIOReader("volve_lossy.mdio")


@pytest.fixture
def lossy_plus():
    return MDIOReader("volve_lossy_plus.mdio")


def get_size(path):
    """Return the bytes of all files below a folder, or of a file."""
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names)


def test_sizes():
    segy, whole, lossy, lossy_plus = (
        get_size(name) for name in ("volve.segy", "volve.mdio", "volve_lossy.mdio", "volve_lossy_plus.mdio")
    )
    assert lossy_plus < 0.5 * lossy
    assert lossy < 0.75 * whole
    assert whole < segy


def test_names_by_default(lossless, volve):
    """The page names no dimensions; releases called them ``dim_0`` and ``dim_1``."""
    assert len(lossless.grid.dim_names) == 3
    assert lossless.grid.dim_names[-1] == "sample"
    assert lossless.shape == volve.samples.shape
    np.testing.assert_array_equal(lossless.grid.dims[0].coords, volve.words[189][:, 0])


def test_every_sample_is_within_the_tolerance(lossless, lossy, lossy_plus, volve):
    np.testing.assert_array_equal(lossless[:], volve.samples)
    small, large = (np.abs(reader[:] - volve.samples).max() for reader in (lossy, lossy_plus))
    assert 0 < small <= 0.01
    assert small < large <= 1


def test_statistics(lossless, volve):
    expected = volve.statistics
    assert {key: lossless.stats[key] for key in expected} == pytest.approx(expected, rel=1e-9)


def test_pictures(lossless, lossy, lossy_plus, plt, saved):
    from mpl_toolkits.axes_grid1 import make_axes_locatable

    std = lossless.stats["std"]
    imshow_kw = {"vmin": -3 * std, "vmax": 3 * std, "cmap": "gray_r", "interpolation": "bilinear"}

    def attach_colorbar(image, axis):
        divider = make_axes_locatable(axis)
        cax = divider.append_axes("top", size="2%", pad=0.05)
        plt.colorbar(image, cax=cax, orientation="horizontal")
        cax.xaxis.set_ticks_position("top")
        cax.tick_params(labelsize=8)

    def plot_image_and_cbar(data, axis, title):
        image = axis.imshow(data.T, **imshow_kw)
        attach_colorbar(image, axis)
        axis.set_title(title, y=-0.15)

    def plot_inlines_with_diff(orig, compressed, title):
        fig, ax = plt.subplots(1, 4, sharey="all", sharex="all", figsize=(12, 5))
        diff = orig[200] - compressed[200]
        plot_image_and_cbar(orig[200], ax[0], "original")
        plot_image_and_cbar(compressed[200], ax[1], "lossy")
        plot_image_and_cbar(diff, ax[2], "difference")
        plot_image_and_cbar(diff * 1_000, ax[3], "1,000x difference")
        plt.suptitle(f"{title} ({std=})")
        fig.tight_layout()
        return saved(1200, 500)

    default = plot_inlines_with_diff(lossless, lossy, "Default Lossy")
    more = plot_inlines_with_diff(lossless, lossy_plus, "More Lossy")
    assert np.abs(default - more).mean() > 0.01


def test_metrics(lossless, lossy, lossy_plus, volve):
    skimage = pytest.importorskip("skimage", reason="the page measures with scikit-image")
    stats = lossless.stats
    min_ = stats["min"]
    max_ = stats["max"]

    def get_metrics(image_true, image_test):
        psnr = skimage.metrics.peak_signal_noise_ratio(image_true[200], image_test[200], data_range=max_ - min_)
        ssim = skimage.metrics.structural_similarity(image_true[200], image_test[200], data_range=max_ - min_)
        mse = skimage.metrics.mean_squared_error(image_true[200], image_test[200])
        nrmse = skimage.metrics.normalized_root_mse(image_true[200], image_test[200])
        return psnr, ssim, mse, nrmse

    # By their definitions, from the samples of the survey.
    true = volve.samples[200].astype(float)
    extent = float(volve.samples.max()) - float(volve.samples.min())
    for reader, tolerance in ((lossy, 0.01), (lossy_plus, 1)):
        psnr, ssim, mse, nrmse = get_metrics(lossless, reader)
        error = np.mean((true - reader[200]) ** 2)
        assert 0 < mse <= tolerance**2
        assert mse == pytest.approx(error, rel=1e-4)
        assert psnr == pytest.approx(10 * np.log10(extent**2 / error), rel=1e-4)
        assert nrmse == pytest.approx(np.sqrt(error / np.mean(true**2)), rel=1e-4)
        assert 0.9 < ssim < 1
    lossy_metrics, lossy_plus_metrics = get_metrics(lossless, lossy), get_metrics(lossless, lossy_plus)
    assert lossy_metrics[0] > 60 > 0  # "a PSNR value above 60 dB is considered acceptable"
    assert lossy_metrics[0] > lossy_plus_metrics[0]
    assert lossy_metrics[1] > lossy_plus_metrics[1]
    assert lossy_metrics[2] < lossy_plus_metrics[2]
    assert lossy_metrics[3] < lossy_plus_metrics[3]
