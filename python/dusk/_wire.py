"""How Python's objects travel beside the bytes of plans and tasks.

The core writes plans and tasks as bytes, large memory and Python objects (see ``src/wire``). Data goes as whoever
pickles it likes; code goes by cloudpickle where plain pickle can't take it, or would refer to ``__main__``, which other
processes don't have. Large memory goes out of band wherever the pickler offers that.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from typing import Any

from dusk import _core

BufferCallback = Callable[[pickle.PickleBuffer], Any]


def dumps(obj: Any, buffer_callback: BufferCallback | None = None) -> bytes:
    """Return the pickle of an object, by cloudpickle where plain pickle doesn't do.

    Parameters
    ----------
    obj : object
    buffer_callback : callable, optional
        Takes buffers that are to travel out of band.

    Returns
    -------
    bytes
    """
    buffers: list[pickle.PickleBuffer] = []
    collect = None if buffer_callback is None else buffers.append
    try:
        data = pickle.dumps(obj, protocol=5, buffer_callback=collect)
        plain = b"__main__" not in data
    except Exception:  # noqa: BLE001  cloudpickle says what is wrong, if it can't do it either
        plain = False
    if not plain:
        import cloudpickle

        buffers.clear()
        data = cloudpickle.dumps(obj, protocol=5, buffer_callback=collect)
    if buffer_callback is not None:
        for each in buffers:
            buffer_callback(each)
    return data


class Code:
    """Wraps an object that is code while it is pickled; unpickling gives the object itself."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        buffers: list[pickle.PickleBuffer] = []
        data = dumps(self.value, buffers.append if protocol >= 5 else None)
        return (_loads, (data, buffers))


def _loads(data: bytes, buffers: Sequence[Any]) -> Any:
    return pickle.loads(data, buffers=buffers)


def reduce_node(head: bytes, buffers: list[Any], objects: list[tuple[Any, bool]]) -> tuple[Any, ...]:
    """Return what ``Node.__reduce__`` gives to pickle."""
    return (_core.read_node, (head, buffers, [Code(each) if is_code else each for each, is_code in objects]))
