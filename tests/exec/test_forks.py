"""A child that is forked while other threads of its parent hold locks or compute; `benchmarks.faults` does it often."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import dusk
import dusk.array as da
from dusk import _forks, _report, config, delayed, threaded
from dusk.utils import SerializableLock

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def in_child(check):
    """Return the exit code of a forked child: 0 if `check` is true there."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.alarm(60)
            code = 0 if check() else 2
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def add(x, y):
    return x + y


def total(scheduler):
    parts = [delayed(add)(i, 1) for i in range(20)]
    return dusk.compute(delayed(sum)(parts), da.ones((30, 30), chunks=7).sum(), scheduler=scheduler)


@pytest.fixture
def held():
    """Locks that a thread holds throughout."""
    locks = [SerializableLock("held at a fork"), _forks.new_lock(), _forks.new_rlock()]
    locks += [threaded.pools_lock, _report._lock, config.config_lock]
    taken, over = threading.Event(), threading.Event()

    def hold():
        for lock in locks:
            lock.acquire()
        taken.set()
        over.wait(60)
        for lock in locks:
            lock.release()

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait(60)
    yield locks
    over.set()
    thread.join()


def test_locks_of_others_are_open_in_a_child(held):
    assert in_child(lambda: all(lock.acquire(timeout=5) for lock in held)) == 0


@pytest.mark.parametrize("scheduler", ["sync", "threads"])
def test_a_child_computes_though_others_hold_locks(held, scheduler):
    assert in_child(lambda: total(scheduler) == (210, 900)) == 0


def test_the_owner_keeps_its_locks():
    lock = _forks.new_lock()
    with lock:
        assert in_child(lambda: True) == 0
        assert lock.locked()
    assert not lock.locked()


def test_pools_stay_behind(monkeypatch):
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        monkeypatch.setattr(threaded, "default_pool", pool)
        monkeypatch.setitem(threaded.pools, threading.current_thread(), {1: pool})
        assert in_child(lambda: threaded.default_pool is None and not threaded.pools) == 0
        assert threaded.default_pool is pool


@pytest.mark.parametrize("scheduler", ["sync", "threads"])
def test_a_task_that_forks(scheduler):
    def fork(x):
        return in_child(lambda: total("threads") == (210, 900)) + x

    calls = [delayed(fork)(i) for i in range(4)]
    assert dusk.compute(*calls, scheduler=scheduler, num_workers=2) == (0, 1, 2, 3)


def test_names_of_a_child_are_others():
    before = delayed(add)(1, 2).key
    read, write = os.pipe()
    assert in_child(lambda: os.write(write, delayed(add)(1, 2).key.encode()) > 0) == 0
    with os.fdopen(read) as names:
        os.close(write)
        assert names.read() not in {before, delayed(add)(1, 2).key}
