"""The planner of rechunking: everything once, no source chunk more than twice, and never more memory than stated."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mdio.core.region import Region
from mdio.exceptions import ShapeError
from mdio.flow.rechunking import Target, plan_rechunking
from mdio.flow.slabs import choose_slab, common_grid

MIB = 1 << 20
TEAPOT = (345, 188, 1501)
PATTERNS = [(4, 512, 512), (512, 4, 512), (512, 512, 4)]


def plan(shape, chunks, patterns, memory, workers=2, itemsize=4):
    targets = [Target(f"p{number}", pattern) for number, pattern in enumerate(patterns)]
    return plan_rechunking(shape, itemsize, chunks, targets, memory, workers)


def carried_out(made):
    """Walk through a plan; return how often each cell of each target is written and each source chunk is read."""
    written = {target.name: np.zeros(made.shape, dtype=int) for target in made.targets}
    reads = Counter()
    for tile in made.tiles:
        kept = set()
        for step in made.passes:
            for region in made.walk(step, tile):
                touched = list(region.chunks(made.chunks))
                if step.origin == "source":
                    reads.update(touched)
                else:
                    assert kept.issuperset(touched)  # nothing is read from the file that was not put there
                if step.keeps:
                    kept.update(touched)
                for target in made.targets:
                    if target.name in step.names:
                        for index in region.chunks(target.chunks):
                            box = Region.of_chunk(index, target.chunks, made.shape)
                            assert region.covers(box)
                            written[target.name][box.slices] += 1
    return written, reads


def grids(shape):
    return st.tuples(*(st.integers(1, length + 3) for length in shape))


@st.composite
def problems(draw):
    shape = draw(st.lists(st.integers(1, 24), min_size=1, max_size=4).map(tuple))
    assume(math.prod(shape) <= 20_000)
    chunks = draw(grids(shape))
    patterns = draw(st.lists(grids(shape), min_size=1, max_size=4))
    memory = draw(st.integers(1, 6 * 4 * math.prod(shape) + 1000))
    return shape, chunks, patterns, memory, draw(st.integers(1, 4))


@given(problems())
@settings(max_examples=300, deadline=None)
def test_every_cell_once_every_chunk_at_most_twice_and_in_the_budget(problem):
    shape, chunks, patterns, memory, workers = problem
    made = plan(shape, chunks, patterns, memory, workers)
    written, reads = carried_out(made)
    assert all((cells == 1).all() for cells in written.values())
    assert sorted(written) == [f"p{number}" for number in range(len(patterns))]
    counts = list(reads.values())
    assert len(counts) == math.prod(-(-full // size) for full, size in zip(shape, chunks, strict=True))
    assert max(counts) == made.max_reads <= 2
    assert sum(counts) / len(counts) == pytest.approx(made.mean_reads)
    assert made.slabs == sum(1 for tile in made.tiles for step in made.passes for _ in made.walk(step, tile))
    # The budget, worked out from what a run holds: one slab; for each thread a buffer for every target that is being
    # written and for the file, and either three forms of a source chunk or one more copy of a target chunk.
    source = 4 * math.prod(chunks)
    for step in made.passes:
        sizes = [4 * math.prod(target.chunks) for target in made.targets if target.name in step.names]
        held = sum(sizes) + (source if step.keeps else 0) + max([3 * source, *sizes])
        assert step.peak_bytes == 4 * math.prod(step.slab.shape) + made.workers * held
    assert made.fits == (made.peak_bytes <= memory)
    assert 1 <= made.workers <= workers
    assert made.fits or (made.workers == 1 and made.describe()["notes"])


@given(problems())
@settings(max_examples=100, deadline=None)
def test_what_fits_in_less_memory_fits_in_more(problem):
    shape, chunks, patterns, memory, workers = problem
    assert (
        plan(shape, chunks, patterns, memory, workers).fits <= plan(shape, chunks, patterns, 2 * memory, workers).fits
    )


def test_the_documented_patterns_are_written_from_one_reading():
    made = plan(TEAPOT, (64, 64, 64), PATTERNS, 512 * MIB)
    # Whole in the two axes where any pattern has 512, and 512 = lcm(512, 512, 4, 64) samples.
    assert [step.slab.shape for step in made.passes] == [(345, 188, 512)]
    assert (made.max_reads, made.mean_reads, made.scratch_bytes) == (1, 1.0, 0)
    assert made.peak_bytes < 512 * MIB


def test_a_small_budget_takes_a_file_of_one_tile():
    made = plan(TEAPOT, (64, 64, 64), PATTERNS, 64 * MIB)
    assert made.tile == (345, 188, 512)
    assert made.scratch_bytes == 345 * 188 * 512 * 4
    assert (made.max_reads, made.mean_reads) == (1, 1.0)
    assert [step.origin for step in made.passes] == ["source", "scratch", "scratch"]
    assert made.peak_bytes <= 64 * MIB
    described = made.describe()
    assert described["source_reads"] == {"max": 1, "mean": 1.0}
    assert [pattern["from"] for pattern in described["patterns"]] == ["source", "scratch", "scratch"]


def test_two_patterns_that_do_not_fit_together_take_two_passes():
    made = plan((256, 256, 256), (64, 64, 64), [(1, 256, 256), (256, 256, 1)], 45 * MIB, workers=1)
    # Together they need everything, 64 MiB; each alone 64 × 256 × 256 samples, 16 MiB, or twice that.
    assert [step.names for step in made.passes] == [("p0",), ("p1",)]
    assert (made.max_reads, made.mean_reads, made.scratch_bytes) == (2, 2.0, 0)


def test_one_that_cuts_source_chunks_along_an_axis():
    # 100 and 64 meet at 1600 only; slabs of 100 cut every chunk but those that end at a multiple of it.
    made = plan((1600, 100, 64), (64, 100, 64), [(100, 100, 64)], 11 * MIB, workers=1)
    assert made.max_reads == 2
    assert 1 < made.mean_reads < 2
    _, reads = carried_out(made)
    assert sum(reads.values()) / len(reads) == pytest.approx(made.mean_reads)


def test_threads_give_way_to_memory():
    big = [(256, 256, 64)]
    assert plan((256, 256, 256), (64, 64, 64), big, 512 * MIB, workers=8).workers == 8
    made = plan((256, 256, 256), (64, 64, 64), big, 64 * MIB, workers=8)
    assert made.workers < 8
    assert made.fits


def test_what_cannot_fit_is_done_and_said():
    made = plan((256, 256, 256), (64, 64, 64), [(256, 256, 64)], MIB)
    assert not made.fits
    assert made.max_reads == 1
    assert "more than the memory budget of 1048576 bytes" in made.describe()["notes"][0]


@pytest.mark.parametrize("chunks", [(4, 4), (4, 4, 0), (4, 4, 4, 4)])
def test_chunks_that_do_not_fit_the_shape(chunks):
    with pytest.raises(ShapeError):
        plan((8, 8, 8), (4, 4, 4), [chunks], MIB)
    with pytest.raises(ShapeError):
        plan((8, 8, 8), chunks, [(4, 4, 4)], MIB)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 1600))
def test_a_slab_is_the_one_that_reads_least(full, unit, chunk, limit):
    """Against trying every length there is, along one axis."""
    unit = min(unit, full)

    def reads(length):
        slabs = [set(range(start // chunk, -(-min(start + length, full) // chunk))) for start in range(0, full, length)]
        counts = Counter(itertools.chain.from_iterable(slabs))
        return max(counts.values()), sum(counts.values()) / len(counts)

    slab = choose_slab((full,), (unit,), (chunk,), limit, 0)
    allowed = [length for length in {*range(unit, full, unit), full} if length <= limit]
    if slab is None:
        assert not allowed
        return
    assert slab.shape[0] in allowed
    assert (slab.max_reads, slab.mean_reads) == pytest.approx(reads(slab.shape[0]))
    assert slab.max_reads <= reads(unit)[0]
    if any(reads(length)[0] == 1 and length % unit == 0 for length in allowed if length % math.lcm(unit, chunk) == 0):
        assert slab.max_reads == 1


def test_common_grid():
    assert common_grid((100, 100, 1000), (6, 64, 64), (4, 512, 10)) == (12, 100, 320)
