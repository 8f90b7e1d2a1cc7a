"""Results of several large blocks are written to their final place by the tasks that make the blocks."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import dusk
import dusk.array as da

SCHEDULERS = ["threads", "sync", "processes"]
CHUNKS = [(700, 900), (1000, 600), (2000, 100), (1, 600), (333, 600)]


def sample(dtype: str = "f8", shape: tuple[int, ...] = (2000, 600)) -> np.ndarray:
    return (np.random.default_rng(0).random(shape) * 100).astype(dtype)


@pytest.mark.parametrize("chunks", CHUNKS, ids=str)
@pytest.mark.parametrize("dtype", ["f8", "c16", "M8[s]", "U3"])
def test_what_makes_blocks(chunks, dtype):
    x = sample(dtype)
    d = da.from_array(x, chunks=chunks)
    np.testing.assert_array_equal(d.compute(), x)
    np.testing.assert_array_equal(d.T.compute(), x.T)
    np.testing.assert_array_equal(d[::-1, 1:-1:2].compute(), x[::-1, 1:-1:2])
    np.testing.assert_array_equal(d.rechunk((100, 400)).compute(), x)
    np.testing.assert_array_equal(da.concatenate([d, d[:, :100]], axis=1).compute(), np.concatenate([x, x[:, :100]], 1))
    if dtype in ("f8", "c16"):
        np.testing.assert_array_equal((d * 2 + d[0]).compute(), x * 2 + x[0])
        np.testing.assert_array_equal((d.T + 1).compute(), x.T + 1)
        np.testing.assert_array_equal(d.map_blocks(np.negative).compute(), -x)
        np.testing.assert_allclose(d.cumsum(axis=0).compute(), x.cumsum(axis=0))


@pytest.mark.parametrize("shape", [(1_000_000,), (40, 50, 60, 5), (3, 200_000, 1), (600_000, 1, 1)], ids=str)
def test_any_number_of_axes(shape):
    x = sample(shape=shape)
    d = da.from_array(x, chunks=tuple(max(1, n // 3 + 1) for n in shape))
    np.testing.assert_array_equal((d + 1).compute(), x + 1)
    np.testing.assert_array_equal(d.transpose().compute(), x.transpose())


def test_constants_and_broadcasts():
    np.testing.assert_array_equal(da.ones((2000, 600), chunks=(700, 200)).compute(), np.ones((2000, 600)))
    row = da.from_array(np.arange(600.0), chunks=200)
    np.testing.assert_array_equal(
        da.broadcast_to(row, (2000, 600), chunks=(500, 200)).compute(), np.broadcast_to(np.arange(600.0), (2000, 600))
    )


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_several_results_in_one_call_are_arrays_of_their_own(scheduler):
    x = sample()
    d = da.from_array(x, chunks=(700, 500))
    y = d + 1
    results = dusk.compute(y, y.T, y, y[:1400], d, d, y.sum(), scheduler=scheduler)
    for got, expected in zip(results, [x + 1, (x + 1).T, x + 1, (x + 1)[:1400], x, x, (x + 1).sum()], strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-13)
    # The same collection twice may be the same array.
    arrays = [results[0], results[1], results[3], results[4], x]
    for i, a in enumerate(arrays):
        assert a.flags.writeable
        assert not any(np.shares_memory(a, b) for b in arrays[:i])


def test_what_a_function_gives_decides():
    x = sample()
    d = da.from_array(x, chunks=(700, 600))
    assert d.map_blocks(lambda b: b.astype("f4"), dtype="f8").compute().dtype == "f4"
    np.testing.assert_array_equal(d.map_blocks(lambda b: b[:1], dtype="f8").compute(), x[::700])
    some = d.map_blocks(lambda b: b[:1] if len(b) == 700 else b, dtype="f8")
    np.testing.assert_array_equal(some.compute(), np.concatenate([x[:1], x[700:701], x[1400:]]))
    mixed = d.map_blocks(lambda b: b.astype("f4") if len(b) == 700 else b, dtype="f8")
    np.testing.assert_allclose(mixed.compute(), x, rtol=1e-6)
    with pytest.raises(ValueError, match="shape|fit|dimension"):
        d.rechunk((700, 300)).map_blocks(lambda b, block_id: b[block_id[1] :], dtype="f8").compute()


@pytest.mark.parametrize("scheduler", ["threads", "sync"])
def test_an_error_of_one_block_is_the_error(scheduler):
    def fail(block, block_id):
        if block_id == (2, 0):
            raise KeyError("this one")
        return block

    d = da.from_array(sample(), chunks=(200, 600)).map_blocks(fail, dtype="f8", meta=np.empty((0, 0)))
    with pytest.raises(KeyError, match="this one"):
        d.compute(scheduler=scheduler)
    with pytest.raises(KeyError, match="this one"):
        (d + 1).compute(scheduler=scheduler)


def test_two_threads_compute_the_same_plan():
    x = sample()
    d = da.from_array(x, chunks=(100, 600)) + 1
    results = [None] * 4

    def work(i):
        results[i] = d.compute()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        np.testing.assert_array_equal(result, x + 1)


def test_spilled_blocks_come_to_their_place():
    x = sample(shape=(4000, 600))
    d = da.from_array(x, chunks=(100, 600)).map_blocks(np.copy)
    with dusk.config.set({"memory.limit": "2MB"}):
        centred, whole = dusk.compute(d - d.mean(axis=0), d)
    np.testing.assert_allclose(centred, x - x.mean(axis=0), atol=1e-9)
    np.testing.assert_array_equal(whole, x)


def test_a_result_for_which_there_is_no_memory():
    big = da.zeros((10**8, 10**8), chunks=(10**6, 10**6), dtype="f8")
    with pytest.raises(MemoryError):
        big.compute()


def test_memory_is_that_of_the_result():
    program = """
        import re
        import numpy as np
        import dusk.array as da

        def highest():
            return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024

        d = da.ones((4000, 10_000), chunks=(250, 10_000)).map_blocks(np.negative)
        da.ones(10, chunks=5).map_blocks(np.negative).compute()
        before = highest()
        result = (d + 1).compute()
        print(highest() - before, result.nbytes)
    """
    if not sys.platform.startswith("linux"):
        pytest.skip("reads /proc")
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True)
    more, nbytes = map(int, done.stdout.split())
    # The result, and a few blocks of a sixteenth of it.
    assert nbytes <= more < nbytes * 1.6
