"""A wavelet stream of version 671 by the reference implementation of 2021, and the SEG-Y that it was made from."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba")
from mdio_vds.wavelet.decode import decode_wavelet
from mdio_vds.wavelet.stream import parse_stream

SHARED = Path(__file__).parents[3] / "shared/data"
FILE = SHARED / "equinor__seismic-zfp__test_data__vds__small.vds"
SEGY = SHARED / "equinor__segyio__test-data__small.sgy"
pytestmark = [pytest.mark.shared, pytest.mark.skipif(not FILE.exists(), reason="../shared is absent")]


def test_the_samples_are_those_of_the_segy(open_vds):
    volume = open_vds(FILE)
    layer = volume._source.layers["Dimensions_012LOD0"]
    payload = layer.payload(0)
    stream = parse_stream(payload, layer.method, (50, 5, 5))
    assert (stream.version, stream.planes) == (671, 18)
    got = decode_wavelet(payload, layer.method, volume.layout.channels[0], (50, 5, 5))
    bits = np.frombuffer(SEGY.read_bytes(), ">u4", offset=3600).reshape(25, 110)[:, 60:]
    mantissa, exponent = (bits & 0xFFFFFF).astype(float), (bits >> 24 & 0x7F).astype(int)
    true = (mantissa * 16.0 ** (exponent - 70)).reshape(5, 5, 50)  # IBM, all positive
    assert np.abs(got - true).max() < stream.step


def test_volumes_give_the_same(open_vds):
    volume = open_vds(FILE)
    samples = volume.samples(volume.schema.region)
    payload = volume._source.layers["Dimensions_012LOD0"].payload(0)
    layer = volume._source.layers["Dimensions_012LOD0"]
    expected = decode_wavelet(payload, layer.method, volume.layout.channels[0], (50, 5, 5))
    np.testing.assert_array_equal(samples, expected)
    rough = open_vds(FILE, adaptive_tolerance=64 * layer.tolerance).samples(volume.schema.region)
    assert np.abs(rough - expected).max() < 100 * parse_stream(payload, layer.method, (50, 5, 5)).step
