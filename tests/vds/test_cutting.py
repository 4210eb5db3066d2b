"""Memory for the payloads of a slab: apart within a slab, the same again for the next one, own to a thread."""

import threading

import numpy as np

from mdio_vds.cutting import SlabMemory


def filled(memory, sizes, value):
    parts = [memory.take(size) for size in sizes]
    for number, part in enumerate(parts):
        part[...] = value + number
    return parts


def test_parts_of_a_slab_lie_apart():
    memory = SlabMemory()
    for turn in range(3):  # the first finds nothing, later ones what was taken before
        memory.begin()
        parts = filled(memory, [1000, 1, 24, 8000], 10 * turn)
        assert [part.size for part in parts] == [1000, 1, 24, 8000]
        assert all((part == 10 * turn + number).all() for number, part in enumerate(parts))
        assert all(part.ctypes.data % 8 == 0 for part in parts)


def test_memory_is_used_again_and_grows():
    memory = SlabMemory()
    for _ in range(2):
        memory.begin()
        filled(memory, [640, 640], 0)
    memory.begin()
    first = filled(memory, [640, 640, 6400], 1)
    memory.begin()
    second = filled(memory, [640, 640, 6400], 2)
    assert not np.shares_memory(first[2], second[2])  # too large for what there was
    memory.begin()
    third = filled(memory, [640, 640, 6400], 3)
    assert all(np.shares_memory(one, other) for one, other in zip(second, third, strict=True))


def test_threads_have_their_own():
    memory = SlabMemory()
    for _ in range(2):
        memory.begin()
        mine = memory.take(100)
    mine[...] = 1

    def other():
        for _ in range(2):
            memory.begin()
            memory.take(100)[...] = 2

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert (mine == 1).all()
