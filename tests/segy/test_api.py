"""The documented Python calls."""

from __future__ import annotations

import warnings

import fsspec
import numpy as np
import pytest
from segy_bytes import grid, ibm_words, samples_for, segy

import mdio
from mdio.exceptions import EnvironmentFormatError, MDIOAlreadyExistsError, MDIOError
from mdio_segy import mdio_to_segy, segy_to_mdio


@pytest.fixture
def data():
    inline, crossline = grid(6, 5)
    return segy({189: inline, 193: crossline}, ibm_words(np.random.default_rng(1), (30, 20)))


@pytest.fixture
def path(tmp_path, data):
    (tmp_path / "x.sgy").write_bytes(data)
    return tmp_path / "x.sgy"


def test_as_the_documentation_has_it(path, tmp_path, data):
    segy_to_mdio(
        segy_path=str(path),
        mdio_path_or_buffer=str(tmp_path / "x.mdio"),
        index_bytes=(189, 193),
        index_names=("inline", "crossline"),
        index_types=("int32", "int32"),
        chunksize=(4, 4, 8),
        endian="big",
        lossless=True,
        overwrite=True,
    )
    mdio_to_segy(
        str(tmp_path / "x.mdio"), str(tmp_path / "y.sgy"), endian="big", access_pattern="012", out_sample_format="ibm32"
    )
    assert (tmp_path / "y.sgy").read_bytes() == data


def test_numbers_of_numpy(path, tmp_path):
    segy_to_mdio(path, tmp_path / "x.mdio", np.array([189, 193]), chunksize=np.array([4, 4, 8]))
    assert mdio.open(tmp_path / "x.mdio").schema.chunks == (4, 4, 8)


def test_lossy(path, tmp_path):
    inline, crossline = grid(6, 5)
    smooth = np.sin(np.arange(30 * 64, dtype=np.float32) / 9).reshape(30, 64)
    path.write_bytes(segy({189: inline, 193: crossline}, smooth, 5))
    segy_to_mdio(path, tmp_path / "x.mdio", [189, 193], lossless=False, compression_tolerance=0.05)
    volume = mdio.open(tmp_path / "x.mdio")
    error = np.abs(volume.samples(volume.schema.region).reshape(30, 64) - smooth).max()
    assert 0 < error <= 0.05


def test_float32_of_integers(path, tmp_path):
    inline, crossline = grid(6, 5)
    values = samples_for(3, np.random.default_rng(1), 30, 8)
    path.write_bytes(segy({189: inline, 193: crossline}, values, 3))
    segy_to_mdio(path, tmp_path / "x.mdio")
    mdio_to_segy(tmp_path / "x.mdio", tmp_path / "y.sgy", out_sample_format="float32")
    volume = mdio.open(tmp_path / "y.sgy")
    assert np.array_equal(volume.samples(volume.schema.region).reshape(30, 8), values.astype(np.float32))
    volume.close()


def test_existing_targets(path, tmp_path, data):
    segy_to_mdio(path, tmp_path / "x.mdio")
    with pytest.raises(MDIOAlreadyExistsError):
        segy_to_mdio(path, tmp_path / "x.mdio")
    segy_to_mdio(path, tmp_path / "x.mdio", overwrite=True)
    with pytest.raises(MDIOAlreadyExistsError):
        mdio_to_segy(tmp_path / "x.mdio", path)
    assert path.read_bytes() == data


def test_remote_in_and_out(path, tmp_path, data):
    filesystem = fsspec.filesystem("memory")
    filesystem.store.clear()
    try:
        filesystem.pipe_file("/b/x.sgy", data)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            segy_to_mdio("memory://b/x.sgy", "memory://b/x.mdio", [189, 193], chunksize=(4, 4, 8))
            mdio_to_segy("memory://b/x.mdio", "memory://b/y.sgy")
        assert filesystem.cat_file("/b/y.sgy") == data
        assert {key.split("/")[2] for key in filesystem.store} == {"x.sgy", "x.mdio", "y.sgy"}
    finally:
        filesystem.store.clear()
        filesystem.pseudo_dirs[:] = [""]


def test_a_failed_import_leaves_nothing(path, tmp_path):
    with pytest.raises(MDIOError):
        segy_to_mdio(path, tmp_path / "x.mdio", [1, 5])
    with pytest.raises(MDIOError):
        segy_to_mdio(path, tmp_path / "x.mdio", [189, 193], chunksize=(1, 1))
    with pytest.raises(MDIOError):
        segy_to_mdio(path, tmp_path / "x.mdio", [189, 193], codec="zfp:nonsense=1")
    assert [item.name for item in tmp_path.iterdir()] == ["x.sgy"]


def test_no_such_access_pattern(path, tmp_path):
    segy_to_mdio(path, tmp_path / "x.mdio")
    with pytest.raises(MDIOError, match=r"'01'.*012"):
        mdio_to_segy(tmp_path / "x.mdio", tmp_path / "y.sgy", access_pattern="01")
    assert not (tmp_path / "y.sgy").exists()


@pytest.mark.parametrize(("name", "call"), [("IMPORT", "in"), ("EXPORT", "out")])
def test_workers_by_environment(path, tmp_path, monkeypatch, name, call):
    monkeypatch.setenv(f"MDIO__{name}__CPU_COUNT", "many")
    with pytest.raises(EnvironmentFormatError, match=f"MDIO__{name}__CPU_COUNT='many'"):
        if call == "in":
            segy_to_mdio(path, tmp_path / "x.mdio")
        else:
            segy_to_mdio(path, tmp_path / "x.mdio")
            mdio_to_segy(tmp_path / "x.mdio", tmp_path / "y.sgy")
    monkeypatch.setenv(f"MDIO__{name}__CPU_COUNT", "1")
    report = segy_to_mdio(path, tmp_path / "x.mdio", overwrite=True)
    if call == "in":
        assert report.plan["workers"] == 1
    else:
        assert mdio_to_segy(tmp_path / "x.mdio", tmp_path / "y.sgy").plan["workers"] == 1


def test_has_duplicates(path, tmp_path):
    pytest.importorskip("mdio.core.overriding")
    inline, crossline = grid(3, 4)
    twice = np.r_[np.arange(12), np.arange(12)]
    data = segy({189: inline[twice], 193: crossline[twice]}, samples_for(3, np.random.default_rng(1), 24, 8), 3)
    path.write_bytes(data)
    with pytest.raises(MDIOError, match="HasDuplicates"):
        segy_to_mdio(path, tmp_path / "x.mdio", [189, 193])
    segy_to_mdio(path, tmp_path / "x.mdio", [189, 193], grid_overrides={"HasDuplicates": True})
    assert mdio.open(tmp_path / "x.mdio").schema.shape == (3, 4, 2, 8)
    mdio_to_segy(tmp_path / "x.mdio", tmp_path / "y.sgy")
    assert (tmp_path / "y.sgy").read_bytes() == data
