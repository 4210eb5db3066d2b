"""A real file by the reference implementation of 2021, from the folder of shared data."""

from pathlib import Path

import numpy as np
import pytest

FILE = Path(__file__).parents[3] / "shared/data/equinor__seismic-zfp__test_data__vds__small.vds"
pytestmark = [pytest.mark.shared, pytest.mark.skipif(not FILE.exists(), reason="../shared is absent")]


def test_small(open_vds):
    volume = open_vds(FILE)
    schema = volume.schema
    assert schema.names == ("inline", "crossline", "sample")
    assert schema.dims[0].coords.tolist() == [1, 2, 3, 4, 5]
    assert schema.dims[1].coords.tolist() == [20, 21, 22, 23, 24]
    assert (schema.dims[2][0], schema.dims[2][-1], schema.dims[2].unit) == (0, 196, "ms")
    layers = {row["channel"]: row for row in volume.inspect()["layers"]}
    assert {name: row["compression"] for name, row in layers.items()} == {
        "Amplitude": "Wavelet", "Trace": "RLE", "SEGYTraceHeader": "Zip",
    }  # fmt: skip
    spatial = schema.region.spatial
    assert volume.live(spatial).all()
    headers = volume.headers(spatial)
    inline, crossline = np.meshgrid([1, 2, 3, 4, 5], [20, 21, 22, 23, 24], indexing="ij")
    np.testing.assert_array_equal(schema.headers.values(headers, "inline"), inline)
    np.testing.assert_array_equal(schema.headers.values(headers, "193"), crossline)
