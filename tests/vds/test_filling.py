"""A VDS has regular axes: missing lines are filled in where that is cheap, and counted where it is not."""

import numpy as np
import pytest

import mdio
from mdio.core.dimension import Dimension
from mdio.testing import synthetic


def survey(inlines, crosslines, samples=20):
    dims = (Dimension(inlines, "inline"), Dimension(crosslines, "crossline"))
    return synthetic.volume(
        (len(inlines), len(crosslines), samples), dims=(*dims, Dimension.regular("sample", 0, 4, 20, "ms"))
    )


def through(tmp_path, source):
    store = tmp_path / "a.mdio"
    sink = mdio.create(store, source, options={"chunks": (4, 4, 20)})
    from mdio.flow import engine

    engine.run(source, sink)
    sink.close()
    mdio.convert(store, tmp_path / "a.vds")
    return mdio.open(tmp_path / "a.vds")


def test_missing_lines_are_there_with_dead_traces(tmp_path):
    source = survey([10, 12, 16, 18], [5, 6, 8])
    found = through(tmp_path, source)
    assert [found.schema.dims[axis].coords.tolist() for axis in (0, 1)] == [[10, 12, 14, 16, 18], [5, 6, 7, 8]]
    live = found.live(found.schema.region.spatial)
    assert live.tolist() == [[line != 14 and cross != 7 for cross in (5, 6, 7, 8)] for line in (10, 12, 14, 16, 18)]
    whole = found.samples(found.schema.region)
    np.testing.assert_array_equal(whole[live].reshape(4, 3, 20), source.samples(source.schema.region))
    assert not whole[~live].any()


@pytest.mark.parametrize("inlines", [[10, 11, 19, 30], [1, 2, 2.5, 7.1]])
def test_lines_that_would_double_the_cells_are_counted(tmp_path, inlines):
    source = survey(inlines, [5, 6, 7])
    found = through(tmp_path, source)
    assert found.schema.shape == source.schema.shape
    assert found.schema.dims[0].coords.tolist() == inlines  # kept beside the counted axis
