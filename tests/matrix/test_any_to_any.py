"""Every reader meets every writer that plugins offer: the same samples, and SEG-Y comes back byte for byte."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from segy_bytes import grid, ibm_words, samples_for, segy

import mdio
from mdio.convert import convert
from mdio.plugins.contributions import Reader, Writer
from mdio.plugins.registry import registry

NPZ = Path(__file__).parents[1] / "thirdparty" / "mdio-npz" / "src"
EXACT = {"mdio", "segy", "npz", "vds"}
"""Formats that keep everything that travels; others are held to samples on full, regular grids."""


@pytest.fixture(autouse=True)
def npz(monkeypatch):
    """The tutorial's plugin takes part like the installed ones."""
    monkeypatch.syspath_prepend(NPZ)
    import mdio_npz.plugin

    with warnings.catch_warnings(), registry().registered(mdio_npz.plugin, "npz", distribution="mdio-npz"):
        warnings.simplefilter("ignore", UserWarning)
        yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "mdio_npz"]:
        del sys.modules[name]


LAYOUTS = {
    "mdio": {},
    "mdio v0.9": {"layout": "v0.9"},
    "mdio v1": {"layout": "v1"},
    "mdio v1, shards": {"layout": "v1", "chunks": (2, 4, 8), "shards": (4, 4, 16)},
}
"""How the native format may be spelled."""


def formats():
    """Names of formats that are both read and written, known before fixtures run; npz joins in."""
    return sorted(({*registry().names(Reader)} & {*registry().names(Writer)}) | {"npz"})


def ending(name):
    return {"mdio": ".mdio", "segy": ".sgy"}.get(name) or registry().writer(name).suffixes[0]


def surveys():
    """SEG-Y files that differ in what has to travel."""
    rng = np.random.default_rng(12)
    il, xl = grid(6, 5)
    plain = ibm_words(rng, (30, 24))
    odd = plain.copy()
    odd[3, 4], odd[17, 2], odd[29, 23] = 0x40000001, 0x80000000, 0x46000001
    mixed = rng.permutation(30)
    holes = np.delete(mixed, [4, 9, 20])
    return {
        "ibm": segy({189: il, 193: xl}, plain, noise=rng),
        "ibm, odd words, shuffled": segy({189: il[mixed], 193: xl[mixed]}, odd, noise=rng),
        "ieee, holes, little endian": segy(
            {189: il[holes], 193: xl[holes]}, rng.normal(size=(27, 24)).astype("f4"), 5, "<", noise=rng
        ),
        "int16, trailer": segy({189: il, 193: xl}, samples_for(3, rng, 30, 24), 3, trailer=b"stray bytes"),
        "int8, crossline-sorted": segy(
            {189: il.reshape(6, 5).T.ravel(), 193: xl.reshape(6, 5).T.ravel()},
            samples_for(8, rng, 30, 24),
            8,
            noise=rng,
        ),
    }


def whole(path):
    volume = mdio.open(path)
    try:
        return volume.schema, volume.read(volume.schema.region)
    finally:
        volume.close()


def same(one, other):
    (a, left), (b, right) = one, other
    assert b.shape == a.shape
    assert b.names == a.names
    for dim, twin in zip(a.dims, b.dims, strict=True):
        assert np.array_equal(dim.coords, twin.coords), dim.name
    assert np.array_equal(left.live, right.live)
    assert right.samples.dtype == left.samples.dtype
    assert right.samples.tobytes() == left.samples.tobytes()


@pytest.mark.parametrize("survey", list(surveys()))
@pytest.mark.parametrize("between", formats())
def test_segy_through_any_format(tmp_path, survey, between):
    data = surveys()[survey]
    (tmp_path / "in.sgy").write_bytes(data)
    middle = tmp_path / f"x{ending(between)}"
    convert(tmp_path / "in.sgy", middle)
    convert(middle, tmp_path / "out.sgy")
    if between in EXACT:
        assert (tmp_path / "out.sgy").read_bytes() == data
    same(whole(tmp_path / "in.sgy"), whole(middle))


@pytest.mark.parametrize("survey", list(surveys()))
@pytest.mark.parametrize("first", LAYOUTS)
@pytest.mark.parametrize("second", LAYOUTS)
def test_segy_through_two_layouts(tmp_path, survey, first, second):
    data = surveys()[survey]
    (tmp_path / "in.sgy").write_bytes(data)
    convert(tmp_path / "in.sgy", tmp_path / "1.mdio", target_options=LAYOUTS[first])
    convert(tmp_path / "1.mdio", tmp_path / "2.mdio", target_options=LAYOUTS[second], workers=2, memory=20_000)
    convert(tmp_path / "2.mdio", tmp_path / "out.sgy")
    assert (tmp_path / "out.sgy").read_bytes() == data
    same(whole(tmp_path / "in.sgy"), whole(tmp_path / "2.mdio"))


@pytest.mark.parametrize("first", formats())
@pytest.mark.parametrize("second", formats())
def test_any_format_to_any(tmp_path, first, second):
    """SEG-Y → first → second → SEG-Y."""
    data = surveys()["ibm, odd words, shuffled"]
    (tmp_path / "in.sgy").write_bytes(data)
    one, two = tmp_path / f"1{ending(first)}", tmp_path / f"2{ending(second)}"
    convert(tmp_path / "in.sgy", one)
    convert(one, two, workers=2, memory=20_000)
    convert(two, tmp_path / "out.sgy")
    same(whole(tmp_path / "in.sgy"), whole(two))
    if {first, second} <= EXACT:
        assert (tmp_path / "out.sgy").read_bytes() == data


@pytest.mark.parametrize("target", formats())
def test_a_cube_that_never_was_segy(tmp_path, target):
    """Plain arrays of somebody else: no headers, no source, only samples and coordinates."""
    cube = np.random.default_rng(5).normal(size=(6, 5, 24)).astype(np.float32)
    coords = {"coord_inline": np.arange(10, 16), "coord_crossline": np.arange(20, 25)}
    np.savez(
        tmp_path / "in.npz",
        samples=cube,
        dims=np.array(["inline", "crossline", "sample"]),
        coord_sample=np.arange(24) * 2.0,
        **coords,
    )
    out = tmp_path / f"out{ending(target)}"
    convert(tmp_path / "in.npz", out)
    schema, block = whole(out)
    assert schema.names == ("inline", "crossline", "sample")
    assert np.array_equal(block.samples, cube)
    assert schema.dims[0].coords.tolist() == list(range(10, 16))
    assert schema.dims[1].coords.tolist() == list(range(20, 25))
    assert schema.dims[2].coords.tolist() == list(range(0, 48, 2))
    assert block.live.all()


@pytest.mark.parametrize("between", sorted(EXACT - {"segy"}))
def test_lossy_within_its_promise(tmp_path, between):
    il, xl = grid(16, 16)
    smooth = np.cumsum(np.random.default_rng(1).normal(size=(256, 64)), axis=1).astype(np.float32)
    (tmp_path / "in.sgy").write_bytes(segy({189: il, 193: xl}, smooth, 5))
    middle = tmp_path / f"x{ending(between)}"
    convert(tmp_path / "in.sgy", middle)
    convert(middle, tmp_path / "y.mdio", target_options={"codec": "zfp:tolerance=0.01"})
    _, block = whole(tmp_path / "y.mdio")
    assert 0 < np.abs(block.samples.reshape(256, 64) - smooth).max() <= 0.01
