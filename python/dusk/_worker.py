"""What a worker process does: take a request, run it, send the reply. And how both ends write them.

A message is a list of frames: the first is a pickle that says what the others are; the others are large memory that was
kept out of it. The frames arrive in memory of their own, so that what is made of them may be written to.

A worker ends when its pipe is closed or its parent process is gone, also in the midst of a task. Ctrl-C is the parent's
business: it ends the workers that it doesn't need any more.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Iterable, Sequence
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

Frames = list[Any]

#: How often a worker looks whether its parent is still there.
_PARENT_INTERVAL = 1.0
#: The first message of a worker that is ready.
READY = b"dusk-ready"


class RemoteTraceback(Exception):  # noqa: N818  it says where an exception came from
    """The traceback of an exception in a worker process, as text: the cause of the exception here."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"\n\n{self.text}"


class Parts(NamedTuple):
    """A task or a reply of the core: bytes, large memory, objects."""

    head: bytes
    buffers: Sequence[Any]
    objects: Sequence[Any]


# --- frames -----------------------------------------------------------------------------------------------------------


def send(connection: Connection, frames: Sequence[Any]) -> None:
    """Send the frames of a message."""
    sizes = [memoryview(frame).nbytes for frame in frames]
    connection.send_bytes(pickle.dumps(sizes))
    for frame, size in zip(frames, sizes, strict=True):
        if size:
            connection.send_bytes(memoryview(frame).cast("B"))


def receive(connection: Connection) -> Frames:
    """Receive the frames of a message."""
    frames: Frames = []
    for size in pickle.loads(connection.recv_bytes()):
        frame = bytearray(size)
        if size:
            connection.recv_bytes_into(frame)
        frames.append(frame)
    return frames


def pack(kind: str, rest: Any, parts: Parts | None, pickled: Iterable[tuple[bytes, Sequence[Any]]]) -> Frames:
    """Write a message.

    Parameters
    ----------
    kind : str
        What it is.
    rest : object
        Small things, which plain pickle takes.
    parts : Parts, optional
        Bytes and buffers; the objects are in ``pickled``.
    pickled : iterable of (bytes, list of buffers)
        Pickled objects, each with what is out of band.
    """
    frames: Frames = [b""]
    if parts is not None:
        frames.extend(parts.buffers)
    objects = []
    for data, buffers in pickled:
        frames.extend(each.raw() if isinstance(each, pickle.PickleBuffer) else each for each in buffers)
        objects.append((data, len(buffers)))
    head = None if parts is None else (parts.head, len(parts.buffers))
    frames[0] = pickle.dumps((kind, rest, head, objects), protocol=5)
    return frames


def unpack(frames: Frames, load: Callable[[bytes, Sequence[Any]], Any] | None = None) -> tuple[str, Any, Parts]:
    """Read a message: its kind, the small things, and parts with the objects unpickled."""
    import numpy as np

    kind, rest, head, pickled = pickle.loads(frames[0])
    head, count = head or (b"", 0)
    buffers = [np.frombuffer(frame, dtype=np.uint8) for frame in frames[1 : 1 + count]]
    at = 1 + count
    objects = []
    for data, own in pickled:
        out_of_band = frames[at : at + own]
        objects.append((load or _load)(data, out_of_band))
        at += own
    return kind, rest, Parts(head, buffers, objects)


def _load(data: bytes, buffers: Sequence[Any]) -> Any:
    return pickle.loads(data, buffers=buffers)


def dumps(obj: Any) -> tuple[bytes, list[Any]]:
    """Pickle an object, with large memory out of band."""
    from dusk import _wire

    buffers: list[Any] = []
    return _wire.dumps(obj, buffers.append), buffers


# --- exceptions -------------------------------------------------------------------------------------------------------


def _made(cls: type[BaseException], args: tuple[Any, ...], state: dict[str, Any]) -> BaseException:
    """Make an exception without calling its ``__init__``, which may want other arguments."""
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


def pack_exception(error: BaseException) -> Frames:
    """Write the reply that a request has come to an exception, which arrives as its own type."""
    text = "".join(traceback.format_exception(error))
    return pack("raised", text, None, [(_pickled_exception(error), ())])


def _pickled_exception(error: BaseException) -> bytes:
    from dusk import _wire

    attempts: tuple[Callable[[], Any], ...] = (
        lambda: error,
        lambda: _Made(type(error), error.args, dict(error.__dict__)),
        lambda: _Made(type(error), tuple(map(_picklable, error.args)), {"__notes__": getattr(error, "__notes__", [])}),
    )
    for attempt in attempts:
        try:
            data = _wire.dumps(attempt())
            back = pickle.loads(data)
        except BaseException:  # noqa: BLE001  the next attempt asks for less
            continue
        exact = attempt is not attempts[-1]  # the last one tells of arguments instead of having them
        if type(back).__qualname__ == type(error).__qualname__ and (not exact or str(back) == str(error)):
            return data
    return pickle.dumps(RuntimeError(f"{type(error).__qualname__}: {error}"))


def _picklable(x: Any) -> Any:
    from dusk import _wire

    try:
        _wire.dumps(x)
    except Exception:  # noqa: BLE001
        return repr(x)
    return x


class _Made:
    """Pickles as an exception that is made anew."""

    def __init__(self, cls: type[BaseException], args: tuple[Any, ...], state: dict[str, Any]) -> None:
        self.parts = (cls, args, state)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_made, self.parts)


# --- requests ---------------------------------------------------------------------------------------------------------


class _Unloadable(Exception):
    pass


def perform(frames: Frames) -> Frames:
    """Do what a message asks, and return the reply: the one function that worker processes and pools call.

    Parameters
    ----------
    frames : list
        A request: ``"task"``, a task of the engine, or ``"call"``, a function with its arguments.
    """
    key = "?"
    try:
        kind, key, parts = unpack(frames, _load_request)
        frames.clear()
        return _run_task(key, parts) if kind == "task" else _run_call(key, parts.objects)
    except _Unloadable as error:
        cause = error.__cause__ or error
        told = type(cause) if isinstance(cause, ImportError) else pickle.UnpicklingError
        return pack_exception(told(f"what {key} needs can't be read in the worker process: {cause}"))
    except BaseException as error:  # noqa: BLE001  whoever asked gets it
        return pack_exception(error)


def perform_plain(frames: Sequence[Any]) -> list[bytes]:
    """Do the same where frames go through a pickler that takes nothing but bytes."""
    return [bytes(memoryview(frame)) for frame in perform([bytearray(frame) for frame in frames])]


def _load_request(data: bytes, buffers: Sequence[Any]) -> Any:
    try:
        return pickle.loads(data, buffers=buffers)
    except Exception as error:
        raise _Unloadable from error


def _run_task(key: str, parts: Parts) -> Frames:
    from dusk import _core
    from dusk._blas import provide

    provide()  # products are the same wherever they are computed
    reply, error = _core.run_task(parts.head, list(parts.buffers), list(parts.objects))
    if error is not None:
        return pack_exception(error)
    head, buffers, objects = reply
    return pack("done", key, Parts(head, buffers, ()), [_dumped_result(key, each) for each, _ in objects])


def _run_call(key: str, objects: Sequence[Any]) -> Frames:
    function, args = objects
    return pack("done", key, None, [_dumped_result(key, function(*args))])


def _dumped_result(key: str, result: Any) -> tuple[bytes, list[Any]]:
    try:
        return dumps(result)
    except Exception as error:
        kind = type(result).__name__
        raise pickle.PicklingError(
            f"the result of {key}, of type {kind}, can't be sent back from the worker process: {error}"
        ) from error


def _watch_parent() -> None:
    """End this process when its parent is gone: a task under way would otherwise go on alone."""
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    parent = parent_process()
    if parent is None:
        return
    while True:
        if wait([parent.sentinel], _PARENT_INTERVAL) or os.getppid() != parent.pid:
            os._exit(1)


def _ignore(signum: int, frame: Any) -> None:
    """Leave Ctrl-C to the parent process. A function, since what a task starts shall not inherit deafness."""


def main(connection: Connection, initializer: bytes | None) -> None:
    """Live as a worker process.

    Parameters
    ----------
    connection : Connection
        Where requests come from and replies go to.
    initializer : bytes, optional
        Pickle of a function to call first.
    """
    signal.signal(signal.SIGINT, _ignore)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # blocked while the process started
    # one task at a time in each of several processes: kernels that would use all processors stay on one
    os.environ.setdefault("RAYON_NUM_THREADS", "1")
    threading.Thread(target=_watch_parent, name="dusk-parent-watch", daemon=True).start()
    try:
        if initializer is not None:
            pickle.loads(initializer)()
        import dusk._core  # noqa: F401  the first task shall not wait for it longer than the others
    except BaseException as error:  # noqa: BLE001
        send(connection, pack_exception(error))
        return
    try:
        send(connection, [READY])
        while True:
            send(connection, perform(receive(connection)))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # nobody wants anything any more
