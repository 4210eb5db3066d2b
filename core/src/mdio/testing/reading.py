"""What every readable volume must keep."""

from __future__ import annotations

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest

from mdio.core.region import Region
from mdio.core.volume import Volume, lengths_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.volume import Block

__all__ = ["ReaderContract", "regions_of"]

_PARTS = ("schema", "samples", "headers", "live", "order", "read", "close")


def regions_of(shape: tuple[int, ...], chunks: tuple[int, ...]) -> list[Region]:
    """Return regions that find most mistakes: corners, single lines, a box inside, one across chunk borders, all."""
    half = [(n // 4, max(n // 4 + 1, 3 * n // 4)) for n in shape]
    found = {
        Region((0, 1) for _ in shape),
        Region((n - 1, n) for n in shape),
        Region((n // 2, n) for n in shape),
        Region(half),
        Region((max(0, min(c, n) - 1), min(c + 1, n)) for c, n in zip(chunks, shape, strict=True)),
        Region.whole(shape),
    }
    for axis, length in enumerate(shape):
        middle = length // 2
        found.add(Region([*((0, n) for n in shape[:axis]), (middle, middle + 1), *((0, n) for n in shape[axis + 1 :])]))
    return sorted(found)


def same_bytes(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether arrays agree bit for bit: NaN equals itself, and void records compare at all."""
    return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()


class ReaderContract:
    """Subclass it and give the fixture ``volume``: an opened volume of at least two traces, small enough to read whole.

    Attributes
    ----------
    pickles
        Whether the volume can be sent to another process; set it to False where its source cannot be opened again.
    """

    pickles: ClassVar[bool] = True

    @pytest.fixture
    def volume(self) -> Volume:
        """Return the volume under test."""
        raise NotImplementedError("give a fixture 'volume'")

    def test_has_all_methods(self, volume: Volume) -> None:
        """The volume offers everything that the engine asks for."""
        missing = [name for name in _PARTS if not hasattr(volume, name)]
        assert not missing, f"{type(volume).__name__} lacks {', '.join(missing)}"

    def test_schema_is_consistent(self, volume: Volume) -> None:
        """Axes, types, layout and metadata agree with each other."""
        schema = volume.schema
        assert len(schema.dims) >= 2, "at least an axis of traces and the sample axis"
        assert len(set(schema.names)) == len(schema.names), "names of axes are unique"
        assert all(size > 0 for size in schema.shape)
        assert len(schema.chunks) == len(schema.dims)
        assert min(schema.chunks) >= 1
        assert schema.dtype.kind in "iuf"
        assert schema.dtype.isnative, "samples come in native byte order"
        layout, taken = schema.headers, 0
        for field in layout.fields:
            assert field.offset >= 0
            assert field.offset + np.dtype(field.dtype).itemsize <= layout.itemsize, field
            taken += 1
        assert len({field.name for field in layout.fields}) == taken, "names of header words are unique"

    def test_metadata_are_plain(self, volume: Volume) -> None:
        """What travels to other formats and into the journal is JSON, and text has lines of 80 characters."""
        metadata = volume.schema.metadata
        json.dumps([dict(metadata.identity), dict(metadata.attributes), metadata.statistics], default=_no_json)
        assert all(len(line) == 80 for line in metadata.text), "lines of text have 80 characters: use ljust(80)"
        assert metadata.order.kind in ("grid", "affine", "mapped")
        if metadata.source is not None:
            json.dumps(dict(metadata.source.facts), default=_no_json)
            assert all(isinstance(blob, bytes) for blob in metadata.source.blobs.values())

    def test_any_region_equals_the_slice_of_the_whole(self, volume: Volume) -> None:
        """Samples, headers, mask and order do not depend on how they are cut."""
        schema = volume.schema
        whole = schema.region
        samples, headers = volume.samples(whole), volume.headers(whole.spatial)
        live, order = volume.live(whole.spatial), volume.order(whole.spatial)
        for region in regions_of(schema.shape, schema.chunks):
            traces = region.spatial
            assert same_bytes(volume.samples(region), samples[region.slices]), f"samples of {region}"
            assert same_bytes(volume.headers(traces), headers[traces.slices]), f"headers of {traces}"
            assert same_bytes(volume.live(traces), live[traces.slices]), f"live mask of {traces}"
            assert same_bytes(volume.order(traces), order[traces.slices]), f"order of {traces}"

    def test_arrays_have_the_types_of_the_schema(self, volume: Volume) -> None:
        """Arrays are in C order and of the promised types."""
        schema = volume.schema
        for region in regions_of(schema.shape, schema.chunks):
            traces = region.spatial
            for name, array, kind, shape in (
                ("samples", volume.samples(region), schema.dtype, region.shape),
                ("headers", volume.headers(traces), schema.headers.record, traces.shape),
                ("live", volume.live(traces), np.dtype(np.bool_), traces.shape),
                ("order", volume.order(traces), np.dtype(np.int64), traces.shape),
            ):
                assert isinstance(array, np.ndarray), f"{name} returns {type(array).__name__}, not an array of {kind}"
                assert array.dtype == kind, f"{name} returns {array.dtype}, the schema means {kind}"
                assert array.shape == shape, f"{name} of {region} has the shape {array.shape}, not {shape}"
                assert array.flags.c_contiguous, f"{name} is not in C order: use np.ascontiguousarray"

    def test_dead_traces_are_empty(self, volume: Volume) -> None:
        """Cells without a trace have zeros for samples and header, and no file position."""
        whole = volume.schema.region
        dead = ~volume.live(whole.spatial)
        assert not volume.samples(whole)[dead].any(), "samples of a dead trace are not 0"
        assert not any(volume.headers(whole.spatial)[dead].tobytes()), "the header of a dead trace is not zero bytes"
        assert (volume.order(whole.spatial)[dead] == -1).all(), "the order of a dead trace is not -1"

    def test_order_is_as_the_metadata_say(self, volume: Volume) -> None:
        """Each live trace has its own file position; grid and affine orders follow their formula."""
        schema = volume.schema
        traces = schema.region.spatial
        live, order = volume.live(traces), volume.order(traces)
        positions = order[live]
        assert (positions >= 0).all(), "a live trace has no file position"
        assert len(np.unique(positions)) == positions.size, "two traces have the same file position"
        rule = schema.metadata.order
        if rule.kind == "grid":
            counted = np.array_equal(positions, np.arange(positions.size))
            assert counted, 'live traces are not 0, 1, 2, … in C order: say TraceOrder("mapped"), or "affine"'
        if rule.kind == "affine":
            assert live.all(), 'an affine order has no holes: say TraceOrder("mapped")'
            axes = np.indices(traces.shape)
            expected = rule.base + sum(axis * stride for axis, stride in zip(axes, rule.strides, strict=True))
            assert (order == expected).all(), f"order is not {rule.base} + Σ {rule.strides}·index"

    def test_trace_count_is_true_where_it_is_known(self, volume: Volume) -> None:
        """The number of traces in the metadata is that of the live mask."""
        count = volume.schema.metadata.trace_count
        live = int(np.count_nonzero(volume.live(volume.schema.region.spatial)))
        assert count in (-1, live), f"trace_count is {count}, the live mask has {live}; -1 says it is not known"

    def test_read_gives_all_parts_of_a_region(self, volume: Volume) -> None:
        """One pass gives the same as single calls."""
        schema = volume.schema
        for region in regions_of(schema.shape, schema.chunks):
            block, traces = volume.read(region), region.spatial
            assert block.region == region
            assert same_bytes(block.samples, volume.samples(region))
            assert same_bytes(block.live, volume.live(traces))
            if schema.headers.itemsize or block.headers is not None:
                assert block.headers is not None
                assert same_bytes(block.headers, volume.headers(traces))
            if block.order is not None:
                assert same_bytes(block.order, volume.order(traces))
            if block.lengths is not None:
                assert block.lengths.dtype == np.uint32
                assert block.lengths.shape == traces.shape
            lengths = lengths_of(volume, traces)
            if lengths is not None:
                assert block.lengths is not None
                assert same_bytes(lengths, block.lengths)

    def test_patches_of_a_region_are_those_of_the_whole(self, volume: Volume) -> None:
        """Raw words keep their place however the volume is cut."""
        schema = volume.schema
        everything = _patches(volume.read(schema.region), schema.shape)
        for region in regions_of(schema.shape, schema.chunks):
            cells = np.zeros(schema.shape, dtype=np.bool_)
            cells[region.slices] = True
            inside = {place: word for place, word in everything.items() if cells.flat[place]}
            assert _patches(volume.read(region), schema.shape) == inside, f"patches of {region}"

    def test_threads_agree(self, volume: Volume) -> None:
        """Reads from several threads at once give what one thread gives."""
        schema = volume.schema
        regions = regions_of(schema.shape, schema.chunks) * 4
        alone = [volume.read(region).samples.tobytes() for region in regions]
        with ThreadPoolExecutor(4) as pool:
            assert [block.samples.tobytes() for block in pool.map(volume.read, regions)] == alone

    def test_results_belong_to_the_caller(self, volume: Volume) -> None:
        """Writing into what was read changes neither the volume nor later reads."""
        region = volume.schema.region
        before = volume.read(region)
        kept = before.samples.tobytes(), before.live.tobytes()
        if before.samples.flags.writeable:
            before.samples[...] = 1
        if before.live.flags.writeable:
            before.live[...] = ~before.live
        after = volume.read(region)
        assert (after.samples.tobytes(), after.live.tobytes()) == kept, "what was read is a view: return copies"

    def test_pickles(self, volume: Volume) -> None:
        """A copy sent to another process reads the same."""
        if not self.pickles:
            pytest.skip("this volume stays in its process")
        try:
            copy = pickle.loads(pickle.dumps(volume))  # noqa: S301 - our own bytes
        except (TypeError, AttributeError, pickle.PicklingError) as error:
            pytest.fail(f"{error}: give it __reduce__, or say pickles = False")
        region = volume.schema.region
        try:
            assert copy.schema.shape == volume.schema.shape
            assert same_bytes(copy.samples(region), volume.samples(region))
            assert same_bytes(copy.headers(region.spatial), volume.headers(region.spatial))
        finally:
            copy.close()

    def test_close_may_be_called_again(self, volume: Volume) -> None:
        """Closing twice is no error."""
        volume.close()
        volume.close()


def _no_json(value: object) -> str:
    raise AssertionError(f"{value!r} ({type(value).__name__}) is not JSON")


def _patches(block: Block, shape: tuple[int, ...]) -> dict[int, int]:
    """Return the patches of a block by flat position in the whole volume."""
    if block.patches is None:
        return {}
    index, words = block.patches.index, block.patches.words
    assert index.dtype == np.int64
    assert words.dtype == np.uint32
    assert index.shape == words.shape
    assert (np.diff(index) > 0).all(), "patches ascend"
    assert index.size == 0 or 0 <= index[0] <= index[-1] < block.samples.size
    place = [
        axis + start
        for axis, start in zip(np.unravel_index(index, block.region.shape), block.region.start, strict=True)
    ]
    return dict(zip(np.ravel_multi_index(place, shape).tolist(), words.tolist(), strict=True))
