"""What every writable target must keep."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np
import pytest

from mdio.core.region import Region
from mdio.core.trace_header import standard_layout
from mdio.core.volume import Block, Creation, Sink, Volume
from mdio.exceptions import MDIOAlreadyExistsError, MDIOError, SlabError
from mdio.flow.engine import run
from mdio.flow.plan import Regions
from mdio.flow.statistics import Partial, measure
from mdio.testing import synthetic

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["WriterContract"]

MakeSink: TypeAlias = Callable[[Volume, Creation], Sink]
Reopen: TypeAlias = Callable[[], Volume]


class WriterContract:
    """Subclass it and give the fixtures ``make_sink`` and ``reopen``, both about one target.

    ``make_sink(like, creation)`` begins the target; ``reopen()`` opens it and raises an ``MDIOError`` while it is not
    complete. The fixture ``source`` may be replaced by a volume that the format can hold.

    Attributes
    ----------
    keeps
        What comes back bit for bit, of ``samples``, ``headers``, ``live``, ``order``, ``coords``.
    tolerance
        Largest error of a sample where ``samples`` are not kept exactly.
    resumes
        Whether slabs survive a closed sink.
    """

    keeps: ClassVar[frozenset[str]] = frozenset({"samples", "headers", "live", "order", "coords"})
    tolerance: ClassVar[float] = 0.0
    resumes: ClassVar[bool] = True

    @pytest.fixture
    def make_sink(self) -> MakeSink:
        """Return the function that begins the target."""
        raise NotImplementedError("give a fixture 'make_sink'")

    @pytest.fixture
    def reopen(self) -> Reopen:
        """Return the function that opens the target."""
        raise NotImplementedError("give a fixture 'reopen'")

    @pytest.fixture
    def source(self) -> Volume:
        """Return what is written: standard trace headers, holes, and lengths that are no multiples of usual chunks."""
        return synthetic.volume(
            (13, 9, 71), live=lambda i, x: (i * x) % 7 != 3, headers=standard_layout(big_endian=True)
        )

    def test_says_how_it_wants_blocks(self, make_sink: MakeSink, source: Volume) -> None:
        """Chunks and halo have a length for each axis."""
        sink = make_sink(source, Creation())
        try:
            ndim = len(source.schema.dims)
            assert len(sink.chunks) == len(sink.halo) == ndim, f"chunks and halo have {ndim} lengths, the samples' too"
            assert min(sink.chunks) >= 1
            assert min(sink.halo) >= 0
            assert isinstance(sink.needs, frozenset), "needs is a frozenset, an empty one as a rule"
        finally:
            sink.abort()

    @pytest.mark.parametrize("way", ["forward", "backward", "twice", "threads"])
    def test_order_of_blocks_does_not_matter(
        self, make_sink: MakeSink, reopen: Reopen, source: Volume, way: str
    ) -> None:
        """Blocks in any order, again, and from several threads give the same target."""
        sink = make_sink(source, Creation())
        regions = _begin(sink, source)
        if way == "backward":
            regions.reverse()
        if way == "twice":
            regions += regions
            random.Random(1).shuffle(regions)
        if way == "threads":
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda region: _write(sink, source, region), regions))
        else:
            for region in regions:
                _write(sink, source, region)
        sink.commit(_statistics(source))
        sink.close()
        self._check(reopen, source)

    def test_the_engine_fills_it(self, make_sink: MakeSink, reopen: Reopen, source: Volume) -> None:
        """A whole run gives the volume back."""
        sink = make_sink(source, Creation())
        run(source, sink, workers=2)
        sink.close()
        self._check(reopen, source)

    def test_nothing_opens_before_commit(self, make_sink: MakeSink, reopen: Reopen, source: Volume) -> None:
        """An unfinished target is refused, while it is written and after its writer is gone."""
        sink = make_sink(source, Creation())
        for region in _begin(sink, source):
            _refused(reopen, "before the commit")
            _write(sink, source, region)
        _refused(reopen, "before the commit")
        sink.journal.close()
        sink.close()
        _refused(reopen, "after its writer was closed without a commit")

    def test_abort_leaves_nothing(self, make_sink: MakeSink, reopen: Reopen, source: Volume) -> None:
        """An aborted target is not there, and can be begun anew without overwriting."""
        sink = make_sink(source, Creation())
        for region in _begin(sink, source):
            _write(sink, source, region)
        sink.abort()
        sink.close()
        _refused(reopen, "after abort")
        run(source, make_sink(source, Creation()), workers=1)
        self._check(reopen, source)

    def test_a_complete_target_is_not_replaced_unasked(
        self, make_sink: MakeSink, reopen: Reopen, source: Volume
    ) -> None:
        """Without ``overwrite`` a complete target stays as it is; with it, it is replaced."""
        run(source, make_sink(source, Creation()), workers=1)
        try:
            make_sink(source, Creation()).abort()
        except MDIOAlreadyExistsError:
            pass
        else:
            pytest.fail("a complete target may be begun again without overwrite: call require_target or claim_target")
        self._check(reopen, source)
        run(source, make_sink(source, Creation(overwrite=True)), workers=1)
        self._check(reopen, source)

    def test_receipts_can_be_checked(self, make_sink: MakeSink, source: Volume) -> None:
        """Receipts are JSON and prove that a block is still there."""
        sink = make_sink(source, Creation())
        try:
            for region in _begin(sink, source):
                receipt = json.loads(json.dumps(_write(sink, source, region)))
                there = sink.recheck(region, receipt)
                assert there or not self.resumes, f"recheck does not find {region}; or say resumes = False"
        finally:
            sink.abort()

    def test_a_stopped_run_goes_on(self, make_sink: MakeSink, reopen: Reopen, source: Volume) -> None:
        """After a failure the finished slabs are kept, and a resumed run gives the same target."""
        creation = Creation(resume=True, fingerprint={"source": 1}, created="2024-01-01T00:00:00+00:00")
        sink = make_sink(source, creation)
        regions = _begin(sink, source)
        bad = regions[len(regions) // 2]
        # For one worker, slabs of a single chunk.
        traces = int(np.prod([a + 2 * b for a, b in zip(sink.chunks[:-1], sink.halo[:-1], strict=True)]))
        samples = sink.chunks[-1] + 2 * sink.halo[-1]
        schema = source.schema
        memory = 2 * traces * (samples * schema.dtype.itemsize + schema.headers.itemsize + 9)
        failing = _Failing(source, bad)
        with pytest.raises(SlabError):
            run(failing, sink, workers=1, memory=memory)
        sink.close()
        report = run(source, make_sink(source, creation), workers=1)
        if self.resumes and failing.done:
            kept = f"{failing.done} slabs were done, {report.resumed} are kept; or say resumes = False"
            assert report.resumed >= failing.done, kept
        self._check(reopen, source)

    def _check(self, reopen: Reopen, source: Volume) -> None:
        """Compare the target with what was written."""
        volume = reopen()
        try:
            one, other, region = source.schema, volume.schema, source.schema.region
            traces = region.spatial
            assert other.shape == one.shape, f"{one.shape} came back as {other.shape}"
            if "coords" in self.keeps:
                assert other.names == one.names
                for a, b in zip(one.dims, other.dims, strict=True):
                    np.testing.assert_array_equal(a.coords, b.coords, err_msg=a.name)
            if "samples" in self.keeps:
                _equal("samples", volume.samples(region), source.samples(region))
            else:
                error = np.abs(volume.samples(region).astype(float) - source.samples(region).astype(float)).max()
                assert error <= self.tolerance, f"a sample is off by {error}, tolerance is {self.tolerance}"
            if "live" in self.keeps:
                _equal("live", volume.live(traces), source.live(traces))
            if "order" in self.keeps:
                _equal("order", volume.order(traces), source.order(traces))
            if "headers" in self.keeps:
                _same_headers(volume, source)
        finally:
            volume.close()


def _refused(reopen: Reopen, when: str) -> None:
    """Fail unless opening the target is refused."""
    try:
        volume = reopen()
    except MDIOError:
        return
    volume.close()
    pytest.fail(f"the target opens {when}: build it under another name, as StagedFile and StagedTree do")


def _equal(what: str, found: NDArray[Any], written: NDArray[Any]) -> None:
    message = f"{what} differ from what was written; where the format cannot hold them, leave {what!r} out of keeps"
    np.testing.assert_array_equal(found, written, err_msg=message)


class _Failing:
    """A volume of which one region cannot be read."""

    def __init__(self, volume: Volume, bad: Region) -> None:
        self._volume = volume
        self._bad = bad
        self.done = 0
        self._failed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._volume, name)

    def read(self, region: Region) -> Block:
        if all(a < d and c < b for (a, b), (c, d) in zip(region, self._bad, strict=True)):
            self._failed = True
            raise OSError("made to fail")
        self.done += not self._failed  # a slab that was begun before the run stopped may be kept or not
        return self._volume.read(region)


def _begin(sink: Sink, source: Volume) -> list[Region]:
    """Tell a sink what the engine tells it before the first block, and return its chunks as regions."""
    shape = source.schema.shape
    slab = tuple(min(chunk, length) for chunk, length in zip(sink.chunks, shape, strict=True))
    header = {"fingerprint": dict(sink.creation.fingerprint), "created": sink.creation.created, "slab": slab}
    if "value_range" in sink.needs:
        honest = _statistics(source)["honest"]
        header["value_range"] = [honest["min"], honest["max"]]
        sink.value_range((honest["min"], honest["max"]))  # type: ignore[attr-defined]
    sink.journal.begin(header)
    return list(Regions(shape, slab))


def _write(sink: Sink, source: Volume, region: Region) -> Mapping[str, Any]:
    pairs = zip(region, sink.halo, strict=True)
    outer = Region((start - margin, stop + margin) for (start, stop), margin in pairs)
    return sink.write(source.read(outer.intersect(source.schema.region)))


def _statistics(source: Volume) -> Mapping[str, Any]:
    region = source.schema.region
    return Partial().merge(measure(source.samples(region), source.live(region.spatial))).summary()


def _same_headers(volume: Volume, source: Volume) -> None:
    """Compare raw records where layouts agree, else every word of the source that the target knows by name."""
    traces = source.schema.region.spatial
    one, other = source.headers(traces), volume.headers(traces)
    layout, kept = source.schema.headers, volume.schema.headers
    if layout == kept:
        assert one.tobytes() == other.tobytes()
        return
    names: Iterable[str] = [field.name for field in layout.fields]
    missing = [name for name in names if name not in kept.by_name]
    assert not missing, f"header words lost: {missing}"
    for name in names:
        np.testing.assert_array_equal(kept.values(other, name), layout.values(one, name), err_msg=name)
