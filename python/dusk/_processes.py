"""Worker processes that live across computations, and how requests get to them and replies back.

`Pool` keeps processes; `Transport` sends the tasks of one run to a pool, or to an executor of the user. The engine's
worker threads hand tasks to a transport and wait: so there are as many requests at a time as the run has threads, and
order, memory budget and spilling are the engine's as ever. Does not cover what a worker does (`_worker`).

Invariants: a process serves one request at a time; a request whose process dies is sent again, up to
``multiprocessing.allowed-failures`` times; a process whose request nobody waits for any more is ended; a forked child
never touches its parent's processes.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import multiprocessing
import os
import pickle
import signal
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from multiprocessing import resource_tracker, spawn
from typing import Any

from dusk import _worker, config
from dusk._forks import new_lock
from dusk._worker import Parts, RemoteTraceback
from dusk.system import CPU_COUNT

#: How long a task that nobody waits for any more may take to end by itself.
_GRACE = 0.25
#: How long processes may take to end when they are told to.
_FAREWELL = 2.0
#: Pickled functions that a run keeps for its next tasks.
_KEPT_FUNCTIONS = 128

_WORKER_NAME = "dusk-worker"


class KilledWorker(Exception):  # noqa: N818  the name that dask.distributed gives it
    """The worker processes that ran a task have died, more often than allowed.

    Attributes
    ----------
    task : str
        The key of the task.
    exitcode : int or None
        How the last process ended: negative for a signal.
    allowed_failures : int
        How many deaths were allowed.
    """

    def __init__(self, task: str, exitcode: int | None = None, allowed_failures: int = 0) -> None:
        super().__init__(task, exitcode, allowed_failures)
        self.task = task
        self.exitcode = exitcode
        self.allowed_failures = allowed_failures

    def __str__(self) -> str:
        times = self.allowed_failures + 1
        often = f"all {times} worker processes" if times > 1 else "the worker process"
        return (
            f"{often} that ran {self.task} died, the last one with {_ending(self.exitcode)}. A task that crashes the "
            "interpreter or needs more memory than there is does that; multiprocessing.allowed-failures says how often "
            "a task may"
        )


KilledWorker.__module__ = "dusk.multiprocessing"  # where users import it from


def _ending(exitcode: int | None) -> str:
    if exitcode is None:
        return "its pipe closed"
    if exitcode < 0:
        with contextlib.suppress(ValueError):
            return f"signal {signal.Signals(-exitcode).name}"
    return f"exit code {exitcode}"


def allowed_failures() -> int:
    """Return how many worker processes a task may outlive."""
    found = config.get("multiprocessing.allowed-failures", None)
    if found is None:
        found = config.get("distributed.scheduler.allowed-failures", None)
    if found is None:
        return 3
    if isinstance(found, bool) or int(found) != found or found < 0:
        raise ValueError(f"multiprocessing.allowed-failures must be a whole number from 0 on, got {found!r}")
    return int(found)


# --- processes --------------------------------------------------------------------------------------------------------

_starting = new_lock()


@contextlib.contextmanager
def _start_conditions(method: str) -> Iterator[None]:
    """Let a process start deaf to Ctrl-C, until it can handle that, and with hashes as in the other processes."""
    with _starting, contextlib.ExitStack() as cleanup:
        if hasattr(signal, "pthread_sigmask"):
            if method != "fork":
                # the start of the first process would start it, which lets Ctrl-C through again
                resource_tracker.ensure_running()
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            cleanup.callback(signal.pthread_sigmask, signal.SIG_SETMASK, mask)
        seed = os.environ.get("PYTHONHASHSEED")
        if seed in (None, "", "0", "random"):
            # what groups by hashes in several processes needs the same ones in all; the number means nothing
            os.environ["PYTHONHASHSEED"] = "4811"
            cleanup.callback(_set_variable, "PYTHONHASHSEED", seed)
        given = spawn.get_preparation_data
        cleanup.callback(setattr, spawn, "get_preparation_data", given)
        spawn.get_preparation_data = functools.partial(_without_main, given)
        yield


def _without_main(prepare: Callable[[str], dict[str, Any]], name: str) -> dict[str, Any]:
    """Return what a spawned process is told; one of ours doesn't run the main script a second time.

    What the script defines travels by value, so a script needs no main guard, and notebooks are nothing special.
    """
    told = prepare(name)
    if name == _WORKER_NAME:
        told.pop("init_main_from_path", None)
        told.pop("init_main_from_name", None)
    return told


def _set_variable(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


class Worker:
    """A worker process and the pipe to it.

    Parameters
    ----------
    context : multiprocessing context
        How it is started.
    initializer : bytes or None
        Pickle of what it calls first.
    """

    def __init__(self, context: Any, initializer: bytes | None) -> None:
        self.ready = False
        with _start_conditions(context.get_start_method()):
            self.connection, theirs = context.Pipe()
            try:
                self.process = context.Process(target=_worker.main, args=(theirs, initializer), name=_WORKER_NAME)
                self.process.start()
            finally:
                theirs.close()

    @property
    def pid(self) -> int | None:
        """Its number in the system."""
        return self.process.pid

    def alive(self) -> bool:
        """Whether it is there; one that is idle has nothing to say."""
        return self.process.is_alive() and not (self.ready and self._readable(0))

    def _readable(self, timeout: float) -> bool:
        try:
            return self.connection.poll(timeout)
        except (OSError, EOFError):
            return True

    def send(self, frames: Sequence[Any]) -> None:
        """Send a request; a process that is gone shows when the reply is asked for."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            _worker.send(self.connection, frames)

    def receive(self, timeout: float) -> list[Any] | None:
        """Return a reply, or None if there is none in time.

        Raises
        ------
        EOFError
            If the process is gone.
        """
        if not self._readable(timeout):
            # a child of the process may hold the pipe open
            if not self.process.is_alive() and not self._readable(0):
                raise EOFError
            return None
        try:
            frames = _worker.receive(self.connection)
        except (OSError, pickle.UnpicklingError) as error:
            raise EOFError from error
        if self.ready:
            return frames
        if len(frames) == 1 and bytes(frames[0]) == _worker.READY:
            self.ready = True
            return None
        self.end()
        reraise(frames)
        raise EOFError

    def end(self) -> None:
        """End it at once."""
        with contextlib.suppress(OSError):
            self.connection.close()
        if self.process.is_alive():
            self.process.kill()
        self.process.join(_FAREWELL)


def reraise(frames: list[Any]) -> None:
    """Raise what a reply carries, if that is an exception."""
    kind, text, parts = _worker.unpack(frames)
    if kind == "raised":
        (error,) = parts.objects
        error.__cause__ = RemoteTraceback(text)
        raise error


class Pool:
    """Worker processes of one kind, started when they are needed and kept.

    Parameters
    ----------
    context : multiprocessing context
    initializer : bytes or None
        Pickle of what each process calls first.
    """

    def __init__(self, context: Any, initializer: bytes | None = None) -> None:
        self.context = context
        self.initializer = initializer
        self.lock = threading.Lock()
        self.idle: list[Worker] = []
        self.busy: set[Worker] = set()
        self.most = 0

    def lease(self) -> Worker:
        """Return a process for one request."""
        while True:
            with self.lock:
                worker = self.idle.pop() if self.idle else None
            if worker is None:
                break
            if worker.alive():
                with self.lock:
                    self.busy.add(worker)
                return worker
            worker.end()
        worker = Worker(self.context, self.initializer)
        with self.lock:
            self.busy.add(worker)
        return worker

    def give_back(self, worker: Worker) -> None:
        """Take back a process that has replied."""
        with self.lock:
            self.busy.discard(worker)
            if len(self.idle) < self.most:
                self.idle.append(worker)
                return
        worker.end()

    def discard(self, worker: Worker) -> None:
        """End a process."""
        with self.lock:
            self.busy.discard(worker)
        worker.end()

    def pids(self) -> list[int]:
        """Return the numbers of the processes."""
        with self.lock:
            return [worker.pid for worker in [*self.idle, *self.busy] if worker.pid is not None]

    def shutdown(self) -> None:
        """End all processes."""
        with self.lock:
            workers = [*self.idle, *self.busy]
            busy = set(self.busy)
            self.idle.clear()
            self.busy.clear()
        for worker in workers:
            with contextlib.suppress(OSError):
                worker.connection.close()  # an idle one ends by itself then
            if worker in busy:
                worker.process.kill()
        for worker in workers:
            worker.process.join(_FAREWELL)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join(_FAREWELL)


_pools: dict[Any, Pool] = {}
_pools_lock = new_lock()


def pool_for(context: Any, initializer: Callable[[], Any] | None, num_workers: int) -> Pool:
    """Return the pool of this process with such workers; it is kept until the process ends."""
    from dusk import _wire

    pickled = None if initializer is None else _wire.dumps(initializer)
    method = context.get_start_method()
    with _pools_lock:
        pool = _pools.get((method, pickled))
        if pool is None:
            pool = _pools[method, pickled] = Pool(context, pickled)
        pool.most = max(pool.most, num_workers, CPU_COUNT)
    return pool


def shutdown() -> None:
    """End all worker processes; the next computation starts new ones."""
    with _pools_lock:
        pools = list(_pools.values())
        _pools.clear()
    for pool in pools:
        pool.shutdown()


def _forget() -> None:
    """After a fork: the processes are the parent's."""
    known = getattr(multiprocessing.process, "_children", set())
    for pool in _pools.values():
        for worker in [*pool.idle, *pool.busy]:
            known.discard(worker.process)  # or multiprocessing would wait for them when the child ends
            with contextlib.suppress(OSError):
                worker.connection.close()
    _pools.clear()


atexit.register(shutdown)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


# --- requests ---------------------------------------------------------------------------------------------------------


class _Request:
    """A request on its way through a pool's processes."""

    def __init__(self, pool: Pool, key: str, frames: list[Any], allowed: int) -> None:
        self.pool = pool
        self.key = key
        self.frames = frames
        self.allowed = allowed
        self.failures = 0
        self.worker: Worker | None = None
        self._send()

    def _send(self) -> None:
        self.worker = self.pool.lease()
        self.worker.send(self.frames)

    def wait(self, timeout: float) -> Parts | None:
        """Return the reply; None if it isn't there in time."""
        worker = self.worker
        if worker is None:
            raise RuntimeError("this request is over")
        try:
            frames = worker.receive(timeout)
        except EOFError:
            self._died(worker)
            return None
        except BaseException:
            self.worker = None
            self.pool.discard(worker)
            raise
        if frames is None:
            return None
        self.worker = None
        self.pool.give_back(worker)
        reraise(frames)
        return _worker.unpack(frames)[2]

    def _died(self, worker: Worker) -> None:
        self.worker = None
        self.pool.discard(worker)
        code = worker.process.exitcode
        if not worker.ready and code is not None and code >= 0:
            raise RuntimeError(f"a worker process ended with exit code {code} before it was ready")
        self.failures += 1
        if self.failures > self.allowed:
            raise KilledWorker(self.key, code, self.allowed)
        self._send()

    def abandon(self) -> None:
        """Give the request up: its process ends, unless it has done within a moment."""
        worker, self.worker = self.worker, None
        if worker is None:
            return
        try:
            if worker.receive(_GRACE) is not None:
                self.pool.give_back(worker)
                return
        except BaseException:  # noqa: BLE001  nobody wants to know any more
            pass
        self.pool.discard(worker)


class _Submitted:
    """A request at an executor or a pool of the user."""

    def __init__(self, executor: Any, frames: list[Any]) -> None:
        self.future: Any
        plain = [bytes(memoryview(frame)) for frame in frames]  # any pickler takes these
        if hasattr(executor, "submit"):
            self.future = executor.submit(_worker.perform_plain, plain)
        else:
            self.future = Future()
            executor.apply_async(_worker.perform_plain, (plain,), {}, self.future.set_result, self.future.set_exception)

    def wait(self, timeout: float) -> Parts | None:
        """Return the reply; None if it isn't there in time."""
        try:
            frames = self.future.result(timeout)
        except (FutureTimeout, TimeoutError):
            if self.future.done():
                raise  # the executor's own
            return None
        frames = [bytearray(frame) for frame in frames]
        reraise(frames)
        return _worker.unpack(frames)[2]

    def abandon(self) -> None:
        """Give the request up, if it hasn't begun."""
        self.future.cancel()


class Transport:
    """Takes the tasks of one run to other processes.

    Parameters
    ----------
    pool : Pool, executor or multiprocessing pool
    """

    def __init__(self, pool: Any) -> None:
        self.pool = pool
        self.allowed = allowed_failures()
        self.lock = threading.Lock()
        #: Functions and their pickles; the functions are kept, so that no other has their address.
        self.functions: OrderedDict[int, tuple[Any, tuple[bytes, list[Any]]]] = OrderedDict()

    def begin(self, key: str, head: bytes, buffers: list[Any], objects: list[tuple[Any, bool]]) -> Any:
        """Send a task of the engine.

        Returns
        -------
        object
            With ``wait(timeout)`` and ``abandon()``.

        Raises
        ------
        pickle.PicklingError
            If the function or something that it needs can't be pickled.
        """
        pickled = [self._code(key, each) if is_code else self._data(key, each) for each, is_code in objects]
        return self._send(key, _worker.pack("task", key, Parts(head, buffers, ()), pickled))

    def call(self, key: str, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Send a call of a function; its result is the one object of the reply."""
        return self._send(key, _worker.pack("call", key, None, [self._code(key, function), self._data(key, args)]))

    def _send(self, key: str, frames: list[Any]) -> Any:
        if isinstance(self.pool, Pool):
            return _Request(self.pool, key, frames, self.allowed)
        return _Submitted(self.pool, frames)

    def _code(self, key: str, function: Any) -> tuple[bytes, list[Any]]:
        with self.lock:
            known = self.functions.get(id(function))
        if known is not None:
            return known[1]
        pickled = _dumped(key, function, "the function")
        with self.lock:
            self.functions[id(function)] = (function, pickled)
            while len(self.functions) > _KEPT_FUNCTIONS:
                self.functions.popitem(last=False)
        return pickled

    @staticmethod
    def _data(key: str, obj: Any) -> tuple[bytes, list[Any]]:
        return _dumped(key, obj, "an argument")


def _dumped(key: str, obj: Any, what: str) -> tuple[bytes, list[Any]]:
    try:
        return _worker.dumps(obj)
    except Exception as error:
        kind = getattr(obj, "__name__", None) or f"of type {type(obj).__name__}"
        raise pickle.PicklingError(f"{what} of {key} ({kind}) can't be sent to a worker process: {error}") from error


class PoolExecutor(Executor):
    """Runs functions in a pool's processes: a thread waits for each.

    Parameters
    ----------
    pool : Pool
    max_workers : int
        How many at a time.
    """

    #: `submit` takes the key of the task.
    names_tasks = True

    def __init__(self, pool: Pool, max_workers: int) -> None:
        self._max_workers = max_workers
        self._transport = Transport(pool)
        self._threads = ThreadPoolExecutor(max_workers, thread_name_prefix="dusk-process")
        self._over = threading.Event()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run a function in a worker process; the keyword ``dusk_key`` names the task in errors."""
        key = kwargs.pop("dusk_key", getattr(fn, "__name__", "a function"))
        if kwargs:
            raise TypeError(f"no keyword arguments are taken, got {sorted(kwargs)}")
        return self._threads.submit(self._run, key, fn, args)

    def _run(self, key: str, fn: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        request = self._transport.call(key, fn, args)
        try:
            while not self._over.is_set():
                reply = request.wait(0.1)
                if reply is not None:
                    return reply.objects[0]
        finally:
            request.abandon()
        raise RuntimeError("the computation is over")

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End what is under way; the processes stay."""
        self._over.set()
        self._threads.shutdown(wait, cancel_futures=True)
