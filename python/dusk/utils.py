"""Helpers that Dask's users import from ``dask.utils``."""

from __future__ import annotations

import importlib
import json
import operator
import platform
import sys
import uuid
from collections.abc import Hashable, Iterable, Sequence
from typing import Any
from weakref import WeakValueDictionary

from dusk import config
from dusk._calls import (
    IndexCallable,
    M,
    MethodCache,
    OperatorMethodMixin,
    apply,
    cached_property,
    disable_gc,
    get_named_args,
    getargspec,
    has_keyword,
    import_required,
    itemgetter,
    methodcaller,
    partial_by_order,
    takes_multiple_arguments,
)
from dusk._collection import is_dusk_collection, is_namedtuple_instance
from dusk._derive import derived_from
from dusk._dispatch import Dispatch
from dusk._docstrings import extra_titles, skip_doctest
from dusk._files import changed_cwd, ensure_not_exists, filetext, filetexts, system_encoding, tmp_cwd, tmpdir, tmpfile
from dusk._forks import new_lock
from dusk._names import funcname, hex_pattern, key_split, natural_sort_key, typename
from dusk._sequences import (
    asciitable,
    cached_cumsum,
    cached_max,
    concrete,
    deepmap,
    digit,
    ensure_bytes,
    ensure_dict,
    ensure_set,
    ensure_unicode,
    homogeneous_deepmap,
    insert,
    iter_chunks,
    ndeepmap,
    ndimlist,
    unzip,
)
from dusk._traceback import shorten_traceback
from dusk._units import (
    byte_sizes,
    format_bytes,
    format_time,
    format_time_ago,
    maybe_pluralize,
    memory_repr,
    parse_bytes,
    parse_timedelta,
    timedelta_sizes,
)
from dusk.config import no_default

__all__ = [
    "Dispatch",
    "IndexCallable",
    "M",
    "OperatorMethodMixin",
    "MethodCache",
    "SerializableLock",
    "apply",
    "asciitable",
    "byte_sizes",
    "cached_cumsum",
    "cached_max",
    "cached_property",
    "changed_cwd",
    "concrete",
    "deepmap",
    "derived_from",
    "digit",
    "disable_gc",
    "ensure_bytes",
    "ensure_dict",
    "ensure_not_exists",
    "ensure_set",
    "ensure_unicode",
    "filetext",
    "filetexts",
    "format_bytes",
    "format_time",
    "format_time_ago",
    "funcname",
    "get_default_shuffle_method",
    "get_named_args",
    "get_scheduler_lock",
    "getargspec",
    "has_keyword",
    "hex_pattern",
    "homogeneous_deepmap",
    "import_required",
    "insert",
    "is_arraylike",
    "is_cupy_type",
    "is_dataframe_like",
    "is_empty",
    "is_index_like",
    "is_integer",
    "is_namedtuple_instance",
    "is_series_like",
    "itemgetter",
    "iter_chunks",
    "key_split",
    "maybe_pluralize",
    "memory_repr",
    "methodcaller",
    "natural_sort_key",
    "ndeepmap",
    "ndimlist",
    "no_default",
    "parse_bytes",
    "parse_timedelta",
    "partial_by_order",
    "pseudorandom",
    "put_lines",
    "random_state_data",
    "shorten_traceback",
    "show_versions",
    "system_encoding",
    "takes_multiple_arguments",
    "timedelta_sizes",
    "tmp_cwd",
    "tmpdir",
    "tmpfile",
    "typename",
    "unzip",
    "extra_titles",
    "get_meta_library",
    "skip_doctest",
    "stringify",
]

# What an object is ----------------------------------------------------------------------------------------------------


def is_integer(i: Any) -> bool:
    """Return whether a number is whole; floats such as 5.0 are."""
    try:
        operator.index(i)
    except TypeError:
        return isinstance(i, float) and i.is_integer()
    return True


def is_arraylike(x: Any) -> bool:
    """Return whether an object (or a class) has the shape and dtype of an array with at least one dimension known."""
    shape = getattr(x, "shape", None)
    is_lazy = isinstance(shape, tuple) and any(is_dusk_collection(n) for n in shape)
    return isinstance(shape, tuple) and hasattr(x, "dtype") and not is_lazy


def _has(x: Any, methods: Iterable[str], values: Iterable[str], without: Iterable[str] = ()) -> bool:
    cls = x if isinstance(x, type) else type(x)
    return (
        all(callable(getattr(cls, name, None)) for name in methods)
        and all(hasattr(cls, name) for name in values)
        and not any(hasattr(cls, name) for name in without)
    )


def is_dataframe_like(df: Any) -> bool:
    """Return whether an object or a class has what pandas frames have."""
    return _has(df, ("groupby", "head", "merge", "mean"), ("index", "columns", "dtypes"), ("name", "dtype"))


def is_series_like(s: Any) -> bool:
    """Return whether an object or a class has what pandas series have."""
    cls = s if isinstance(s, type) else type(s)
    return _has(s, ("groupby",), ("dtype", "name", "index")) and "index" not in cls.__name__.lower()


def is_index_like(s: Any) -> bool:
    """Return whether an object or a class has what pandas indexes have."""
    cls = s if isinstance(s, type) else type(s)
    return _has(s, (), ("name", "dtype")) and "index" in cls.__name__.lower()


def get_meta_library(like: Any) -> Any:
    """Return the module that a collection's parts are of, such as pandas or NumPy.

    Parameters
    ----------
    like : object or type
        A collection, an array, a frame, or a class of these.
    """
    like = getattr(like, "_meta", like) if is_dusk_collection(like) else like
    cls = like if isinstance(like, type) else type(like)
    return importlib.import_module(cls.__module__.partition(".")[0])


def stringify(obj: Any, exclusive: Any = None) -> Any:
    """Return an object as text, or a graph's task with its keys as text.

    Parameters
    ----------
    obj : object
        Text and bytes stay as they are.
    exclusive : container, optional
        Only what is in it becomes text, also within tuples, lists and dictionaries.

    Examples
    --------
    >>> stringify((abs, ("x", 1)), exclusive=[("x", 1)])[1]
    "('x', 1)"
    """
    kind = type(obj)
    if kind is str or kind is bytes:
        return obj
    if exclusive is None:
        return str(obj)
    if kind is list:
        return [stringify(each, exclusive) for each in obj]
    if kind is dict:
        return {key: stringify(value, exclusive) for key, value in obj.items()}
    try:
        if obj in exclusive:
            return str(obj)
    except TypeError:  # not hashable
        pass
    return tuple(stringify(each, exclusive) for each in obj) if kind is tuple else obj


def is_cupy_type(x: Any) -> bool:
    """Return whether an object is CuPy's; False without asking CuPy."""
    return type(x).__module__.partition(".")[0] == "cupy"


def is_empty(obj: Any) -> bool:
    """Return whether an object is empty: by its length, else by ``nnz``, else by a zero in its shape."""
    try:
        return len(obj) == 0
    except TypeError:
        pass
    count = getattr(obj, "nnz", None)
    if is_integer(count):
        return bool(count == 0)
    shape = getattr(obj, "shape", None)
    return isinstance(shape, tuple) and 0 in shape


# Locks ----------------------------------------------------------------------------------------------------------------


class SerializableLock:
    """A lock that can be pickled; in one process, equal tokens mean the same lock.

    Parameters
    ----------
    token : hashable, optional
        By default a new one.

    Examples
    --------
    >>> import pickle
    >>> lock = SerializableLock()
    >>> pickle.loads(pickle.dumps(lock)).lock is lock.lock
    True
    """

    _locks: WeakValueDictionary[Hashable, Any] = WeakValueDictionary()
    token: Hashable
    lock: Any

    def __init__(self, token: Hashable | None = None) -> None:
        self.__setstate__(str(uuid.uuid4()) if token is None else token)

    def acquire(self, *args: Any, **kwargs: Any) -> bool:
        return self.lock.acquire(*args, **kwargs)

    def release(self, *args: Any, **kwargs: Any) -> None:
        self.lock.release(*args, **kwargs)

    def locked(self) -> bool:
        return self.lock.locked()

    def __enter__(self) -> bool:
        return self.lock.__enter__()

    def __exit__(self, *exc_info: Any) -> None:
        self.lock.__exit__(*exc_info)

    def __getstate__(self) -> Hashable:
        return self.token

    def __setstate__(self, token: Hashable) -> None:
        self.token = token
        self.lock = SerializableLock._locks.setdefault(token, new_lock())

    def __dask_tokenize__(self) -> tuple[str, Hashable]:
        return "SerializableLock", self.token

    def __str__(self) -> str:
        return f"<{type(self).__name__}: {self.token}>"

    __repr__ = __str__


def put_lines(buf: Any, lines: Iterable[Any]) -> None:
    """Write the texts of objects to a file, a line break between them."""
    buf.write("\n".join(map(str, lines)))


def get_scheduler_lock(collection: Any = None, scheduler: Any = None) -> Any:
    """Return a lock that works between the tasks of a scheduler.

    Parameters
    ----------
    collection : collection, optional
        Not needed here.
    scheduler : str, callable, executor or client, optional
        See `dusk.compute`.
    """
    from dusk._schedulers import find_scheduler

    chosen = find_scheduler(scheduler)
    if chosen.client is not None:
        from distributed import Lock

        return Lock(client=chosen.client)
    if chosen.name == "processes":
        import multiprocessing

        return multiprocessing.Manager().Lock()
    return SerializableLock()


def get_default_shuffle_method() -> str:
    """Return the setting ``dataframe.shuffle.method``, or what is used without one."""
    chosen = config.get("dataframe.shuffle.method", None)
    if chosen:
        return chosen
    from dusk._schedulers import active_client

    return "disk" if active_client() is None else "p2p"


# Numbers and versions -------------------------------------------------------------------------------------------------


def random_state_data(n: int, random_state: Any = None) -> list[Any]:
    """Return states for `numpy.random.RandomState`, as arrays of 624 numbers.

    Parameters
    ----------
    n : int
        How many.
    random_state : int or RandomState, optional
        Where they come from.
    """
    import numpy as np

    if not all(hasattr(random_state, name) for name in ("bytes", "random", "choice")):
        random_state = np.random.RandomState(random_state)
    words = np.frombuffer(random_state.bytes(624 * n * 4), dtype=np.uint32)
    return list(words.reshape((n, -1)))


def pseudorandom(n: int, p: Sequence[float], random_state: Any = None) -> Any:
    """Return ``n`` numbers below ``len(p)`` that occur with the probabilities ``p``.

    Parameters
    ----------
    n : int
        How many.
    p : sequence of float
        Probabilities, which add up to 1.
    random_state : int or RandomState, optional
        Where they come from.
    """
    import numpy as np

    edges = np.cumsum([0, *p])
    if not np.allclose(edges[-1], 1):
        raise ValueError(f"probabilities must add up to 1, these add up to {edges[-1]}")
    if not isinstance(random_state, np.random.RandomState):
        random_state = np.random.RandomState(random_state)
    places = np.searchsorted(edges, random_state.random_sample(n), side="right") - 1
    return np.minimum(places, len(p) - 1).astype(np.int8)


def show_versions() -> None:
    """Print the versions of Python, dusk and the libraries it works with, as JSON."""
    from importlib.metadata import PackageNotFoundError, version

    found: dict[str, str | None] = {"Python": ".".join(map(str, sys.version_info)), "Platform": platform.system()}
    for name in ("dusk", "dask", "distributed", "numpy", "pandas", "pyarrow", "fsspec", "cloudpickle"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    print(json.dumps(found, indent=2))
