"""The page "Optimizing Access Patterns": lossy copies with other chunks beside the samples, one by one and in batch."""

import json
import os
import re
from enum import Enum

import numpy as np
import pytest

from mdio import MDIOReader, mdio_to_segy, segy_to_mdio
from mdio.api.accessor import MDIOAccessor

zfpy = pytest.importorskip("zfpy", reason="the page compresses with ZFP")

mdio_path = "filt_mig.mdio"


class MdioZfpQuality(float, Enum):
    """Tolerance in standard deviations."""

    VERY_LOW = 6
    LOW = 3
    MEDIUM = 1
    HIGH = 0.1
    VERY_HIGH = 0.01
    ULTRA = 0.001


@pytest.fixture(scope="module", autouse=True)
def ingested(teapot, folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        segy_to_mdio(teapot.path, mdio_path, index_bytes=(181, 185), index_names=("inline", "crossline"))
        yield folder


def opened(path=mdio_path):
    return MDIOAccessor(
        mdio_path_or_buffer=path,
        mode="w",
        access_pattern="012",
        storage_options=None,
        return_metadata=False,
        new_chunks=None,
        backend="zarr",
        memory_cache_size=2**28,
        disk_cache=False,
    )


def page_kwargs(accessor):
    from numcodecs import ZFPY

    std = accessor.stats["std"]  # standard deviation of original data
    quality = MdioZfpQuality.LOW
    tolerance = quality * std
    sample_compressor = ZFPY(zfpy.mode_fixed_accuracy, tolerance=tolerance)
    return {"overwrite": True, "compressor": sample_compressor}, tolerance


@pytest.fixture(scope="module")
def rechunked(ingested):
    """Run the page's first half and return the tolerance."""
    from mdio.api.convenience import rechunk

    orig_mdio_cached = opened()
    common_kwargs, tolerance = page_kwargs(orig_mdio_cached)
    rechunk(orig_mdio_cached, (4, 512, 512), suffix="fast_il", **common_kwargs)
    rechunk(orig_mdio_cached, (512, 4, 512), suffix="fast_xl", **common_kwargs)
    rechunk(orig_mdio_cached, (512, 512, 4), suffix="fast_z", **common_kwargs)
    return tolerance


@pytest.fixture(scope="module")
def batched(ingested):
    """Run the page's second half, its accessor opened anew, and return the tolerance."""
    from mdio.api.convenience import rechunk_batch

    orig_mdio_cached = opened()
    common_kwargs, tolerance = page_kwargs(orig_mdio_cached)
    rechunk_batch(
        orig_mdio_cached,
        chunks_list=[(4, 512, 512), (512, 4, 512), (512, 512, 4)],
        suffix_list=["fast_il2", "fast_xl2", "fast_z2"],
        **common_kwargs,
    )
    return tolerance


def of_fast_copies(number):
    """Return what is printed of the three copies, before the compressor."""
    shape = (345, 188, 100)
    chunks = [(*shape[:axis], 4, *shape[axis + 1 :]) for axis in range(3)]
    return [(f"fast_{name}{number}", lengths) for name, lengths in zip(("il", "xl", "z"), chunks, strict=True)]


def test_an_accessor_for_writing(teapot):
    accessor = opened()
    assert accessor.shape == teapot.samples.shape
    assert accessor.stats["std"] == pytest.approx(teapot.statistics["std"], rel=1e-9)
    np.testing.assert_array_equal(accessor[7], teapot.samples[7])


def printed(reader, capsys):
    print(reader.chunks, reader._traces.compressor)  # noqa: T201
    return capsys.readouterr().out


def test_what_is_printed_of_the_original(capsys):
    """The level is ours to choose."""
    line = printed(MDIOReader(mdio_path), capsys)
    assert re.sub(r"clevel=\d", "clevel=5", line) == (
        "(64, 64, 64) Blosc(cname='zstd', clevel=5, shuffle=SHUFFLE, blocksize=0)\n"
    )


@pytest.mark.parametrize(("pattern", "chunks"), of_fast_copies(""))
def test_what_is_printed_of_a_copy(rechunked, capsys, pattern, chunks):
    line = printed(MDIOReader(mdio_path, access_pattern=pattern), capsys)
    assert line == f"{chunks} ZFPY(mode=4, tolerance={float(rechunked)}, rate=-1, precision=-1)\n"


@pytest.mark.parametrize(("pattern", "chunks"), of_fast_copies("2"))
def test_what_is_printed_of_a_copy_made_in_batch(batched, capsys, pattern, chunks):
    line = printed(MDIOReader(mdio_path, access_pattern=pattern), capsys)
    assert line == f"{chunks} ZFPY(mode=4, tolerance={float(batched)}, rate=-1, precision=-1)\n"


@pytest.mark.parametrize("number", ["", "2"])
@pytest.mark.parametrize("name", ["fast_il", "fast_xl", "fast_z"])
def test_every_sample_is_within_the_tolerance(rechunked, batched, teapot, name, number):
    reader = MDIOReader(mdio_path, access_pattern=f"{name}{number}", return_metadata=True)
    live, headers, samples = reader[:]
    assert reader.shape == teapot.samples.shape
    assert 0 < np.abs(samples - teapot.samples).max() <= rechunked
    assert live.all()
    for byte in ("181", "185", "189", "193"):
        np.testing.assert_array_equal(headers[byte], teapot.words[int(byte)])


@pytest.mark.parametrize("name", ["fast_il", "fast_xl", "fast_z"])
def test_one_by_one_and_in_batch_agree(rechunked, batched, name):
    one, other = (MDIOReader(mdio_path, access_pattern=name + number)[:] for number in ("", "2"))
    np.testing.assert_array_equal(one, other)


def du(path):
    return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names)


def test_sizes(rechunked, batched):
    whole = du(f"{mdio_path}/data/chunked_012")
    for name in ("fast_il", "fast_xl", "fast_z", "fast_il2", "fast_xl2", "fast_z2"):
        assert 0 < du(f"{mdio_path}/data/chunked_{name}") < whole / 4


def test_the_original_is_as_it_was(rechunked, batched, teapot, tmp_path):
    reader = MDIOReader(mdio_path, return_metadata=True)
    _, headers, samples = reader[:]
    np.testing.assert_array_equal(samples, teapot.samples)
    np.testing.assert_array_equal(headers["189"], teapot.words[189])
    assert reader.trace_count == 345 * 188
    mdio_to_segy(mdio_path, tmp_path / "b.sgy")
    assert (tmp_path / "b.sgy").read_bytes() == teapot.path.read_bytes()


@pytest.mark.parametrize(
    ("pattern", "line"),
    [("fast_il", np.s_[175]), ("fast_xl", np.s_[:, 90]), ("fast_z", np.s_[..., 50])],
)
def test_the_lines_that_the_page_times(rechunked, teapot, pattern, line):
    orig_mdio = MDIOReader(mdio_path)
    fast = MDIOReader(mdio_path, access_pattern=pattern)
    np.testing.assert_array_equal(orig_mdio[line], teapot.samples[line])
    assert np.abs(fast[line] - teapot.samples[line]).max() <= rechunked


def test_the_copies_are_in_the_consolidated_metadata(rechunked, batched):
    """Releases of MDIO 0.x open by it alone."""
    with open(f"{mdio_path}/.zmetadata") as file:
        known = json.load(file)["metadata"]
    for name in ("012", "fast_il", "fast_xl", "fast_z", "fast_il2", "fast_xl2", "fast_z2"):
        assert known[f"data/chunked_{name}/.zarray"]["shape"] == [345, 188, 100]
        assert known[f"metadata/chunked_{name}_trace_headers/.zarray"]["shape"] == [345, 188]
    assert known["data/chunked_fast_z/.zarray"]["chunks"] == [345, 188, 4]
    assert known["data/chunked_fast_z/.zarray"]["compressor"]["id"] == "zfpy"


def test_zarr_reads_a_copy(rechunked, teapot):
    zarr = pytest.importorskip("zarr")
    pytest.importorskip("numcodecs.zfpy")
    array = zarr.open_consolidated(mdio_path, mode="r")["data/chunked_fast_il"]
    assert np.abs(array[172:180] - teapot.samples[172:180]).max() <= rechunked


def test_pictures(rechunked, plt, saved):
    from mpl_toolkits.axes_grid1 import make_axes_locatable

    orig_mdio = MDIOReader(mdio_path)
    il_mdio = MDIOReader(mdio_path, access_pattern="fast_il")
    std = orig_mdio.stats["std"]
    imshow_kw = {"vmin": -3 * std, "vmax": 3 * std, "cmap": "gray_r", "interpolation": "bilinear", "aspect": "auto"}

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
        fig, ax = plt.subplots(1, 4, sharey="all", sharex="all", figsize=(8, 5))
        diff = orig[200] - compressed[200]
        plot_image_and_cbar(orig[200], ax[0], "original")
        plot_image_and_cbar(compressed[200], ax[1], "lossy")
        plot_image_and_cbar(diff, ax[2], "difference")
        plot_image_and_cbar(diff * 1_000, ax[3], "1,000x difference")
        plt.suptitle(f"{title} ({std=})")
        fig.tight_layout()
        saved(800, 500)

    plot_inlines_with_diff(orig_mdio, il_mdio, "")
