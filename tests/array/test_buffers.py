"""Large buffers that are freed during a run serve again: the engine's, and those of NumPy's arrays on its threads."""

from __future__ import annotations

import os
import queue
import threading

import numpy as np
import pytest
from numpy._core.multiarray import get_handler_name

import dusk
import dusk.array as da
from dusk import _core

LARGE = 1 << 17  # elements of eight bytes, so a mebibyte


def on_worker(function):
    """Give what a function returns on a thread of the engine that works on arrays."""
    out = []

    def call(block):
        out.append(function())
        return block

    da.map_blocks(call, da.ones(4, chunks=4), dtype="f8", meta=np.empty(0)).compute(scheduler="threads")
    return out[0]


def test_arrays_of_workers_come_from_the_engine_and_those_of_others_do_not():
    def names():
        return [get_handler_name(np.ones(size)) for size in (1, LARGE)]

    assert on_worker(names) == ["dusk", "dusk"]
    assert get_handler_name(np.ones(LARGE)) == "default_allocator"
    other = []
    thread = threading.Thread(target=lambda: other.extend(names()))
    thread.start()
    thread.join()
    assert other == ["default_allocator"] * 2


def test_a_freed_buffer_serves_the_next_array_of_its_size():
    def places():
        seen = set()
        for _ in range(10):
            array = np.ones(LARGE)
            seen.add(array.ctypes.data)
            assert array.ctypes.data % 64 == 0
            del array
        return len(seen), _core.idle_bytes()

    count, idle = on_worker(places)
    assert count == 1
    assert idle >= 8 * LARGE


def test_zeros_are_zeros_in_memory_that_was_used():
    def zeros():
        for size in (10, LARGE, 4 * LARGE):
            dirty = np.full(size, 7.0)
            del dirty
            assert not np.zeros(size).any()
            assert not np.zeros((2, size // 2), dtype="c16").any()
        return True

    assert on_worker(zeros)


def test_arrays_grow_and_shrink_from_one_kind_of_memory_to_the_other():
    def resized():
        array = np.arange(100.0)
        for size in (120, LARGE, LARGE + 5, 3 * LARGE, LARGE - 1, 50, 2 * LARGE, 0, 10):
            before = array.copy()
            array.resize(size, refcheck=False)
            same = min(size, len(before))
            assert (array[:same] == before[:same]).all()
            assert not array[same:].any()
            array[...] = np.arange(size)
        return array

    array = on_worker(resized)
    # it outlives the run that it was made in
    assert array.tolist() == list(range(10))
    array.resize(2 * LARGE, refcheck=False)
    assert array[:10].tolist() == list(range(10))


def test_nothing_waits_when_the_run_is_over():
    x = da.from_array(np.random.default_rng(0).random((1200, 1200)), chunks=400)
    result = da.map_overlap(lambda block: np.sqrt(block * block) + 0, x, depth=1, boundary="reflect")
    assert np.array_equal(result.compute(scheduler="threads"), x.compute())
    assert _core.idle_bytes() == 0


def test_other_threads_free_arrays_while_the_run_goes_on_and_after_it():
    arrays: queue.SimpleQueue = queue.SimpleQueue()

    def drop():
        while (array := arrays.get()) is not None:
            assert (array == array[0]).all()
            del array

    threads = [threading.Thread(target=drop) for _ in range(2)]
    for thread in threads:
        thread.start()

    def give(block, block_id=None):
        for number in range(20):
            arrays.put(np.full(LARGE, 100.0 * block_id[0] + number))
        return block

    da.map_blocks(give, da.ones(8, chunks=1), dtype="f8", meta=np.empty(0)).compute(scheduler="threads")
    for _ in threads:
        arrays.put(None)
    for thread in threads:
        thread.join()
    assert _core.idle_bytes() == 0


def test_what_waits_is_a_small_part_of_the_budget():
    def idle():
        arrays = [np.ones(LARGE) for _ in range(40)]
        arrays.clear()
        return _core.idle_bytes()

    with dusk.config.set({"memory.limit": "120MB"}):
        assert 8 * LARGE <= on_worker(idle) <= 10_000_000
    with dusk.config.set({"memory.limit": "30MB"}):
        assert on_worker(idle) == 0


def test_another_size_gets_the_memory_of_what_waits():
    def idle():
        arrays = [np.ones(LARGE) for _ in range(8)]
        arrays.clear()
        before = _core.idle_bytes()
        large = np.ones(6 * LARGE)
        return before, _core.idle_bytes(), large.sum()

    before, after, total = on_worker(idle)
    assert after <= before - 6 * 8 * LARGE
    assert total == 6 * LARGE


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_forked_during_a_run_has_memory():
    def forked():
        kept = np.ones(LARGE)
        del kept
        child = os.fork()
        if child == 0:
            try:
                arrays = [np.full(LARGE * size, 3.0) for size in (1, 1, 2, 4)]
                good = all((array == 3).all() for array in arrays)
                arrays.clear()
                os._exit(0 if good else 1)
            finally:
                os._exit(2)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    assert on_worker(forked) == 0
    child = os.fork()
    if child == 0:
        try:
            total = da.ones((3000, 300), chunks=300).map_blocks(lambda block: block + 1).sum().compute()
            os._exit(0 if total == 1_800_000 and not _core.idle_bytes() else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_results_are_right_when_blocks_reuse_memory():
    rng = np.random.default_rng(3)
    x = rng.random((900, 700))

    def several(block):
        other = block[::-1].copy()
        other *= 2
        return np.where(block > 0.5, other, -block).T.copy().T

    wanted = sum(several(x[i : i + 300]).sum() for i in range(0, 900, 300))
    for _ in range(3):
        got = da.from_array(x, chunks=(300, 700)).map_blocks(several, dtype="f8").sum().compute(scheduler="threads")
        assert np.isclose(got, wanted)
