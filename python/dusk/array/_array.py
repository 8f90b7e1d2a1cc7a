"""The collection that stands for an array cut into chunks.

Covers what an array is: chunks, dtype, meta, keys, conversion to values. What can be done with it stands in the
mixins, by
subject. Invariant: an array never changes, except by assignment to items or to ``chunks``, which puts another plan
behind
the same object.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Hashable, Iterator, Mapping
from functools import reduce
from itertools import product
from operator import mul
from typing import Any

import numpy as np

from dusk import _core, config
from dusk._node_collection import NodeCollection, PartitionTask
from dusk._schedulers import default_get
from dusk.array._array_operators import Operators
from dusk.array._array_reductions import ReductionMethods
from dusk.array._array_structure import StructureMethods
from dusk.array._array_values import ValueMethods
from dusk.array._chunks import axis_spec, canonical, normalize_chunks
from dusk.array._meta import meta_from_array
from dusk.tokenize import tokenize

__all__ = ["Array", "array_of", "core_dtype"]


def core_dtype(meta: Any) -> Any:
    """Return the dtype under which the engine itself holds blocks like ``meta``; None if they stay Python objects."""
    if type(meta) is not np.ndarray:
        return None
    return meta.dtype


def array_of(node: Any, meta: Any = None, name: str | None = None, boxed: bool = False) -> Array:
    """Return the array that stands for a node.

    Parameters
    ----------
    node : Node
    meta : array, optional
        An empty example of a block; NumPy's by default.
    name : str, optional
        A name given by the user.
    boxed : bool, default False
        Without axes, its value is an array without axes, not a scalar.
    """
    self = object.__new__(Array)
    self._boxed = boxed
    self._node = node
    self._alias = name
    self._known_chunks = None
    self._found_lengths = None
    self._length_origins = None
    self._held = None
    if meta is None:
        meta = np.empty((0,) * len(node.numblocks), dtype=node.dtype)
    self._meta = meta
    if config.config.get("array_plugins"):
        for plugin in config.get("array_plugins"):
            result = plugin(self)
            if result is not None:
                self = result
    return self


class Array(Operators, ReductionMethods, StructureMethods, ValueMethods, NodeCollection):
    """An n-dimensional array cut into chunks, computed chunk by chunk.

    Parameters
    ----------
    dask : mapping
        A graph in Dask's form.
    name : str
        The keys of the blocks are ``(name, i, j, ...)``.
    chunks : tuple of tuples of int
        The lengths of the blocks along each axis.
    dtype : dtype, optional
    meta : array, optional
        An empty example of a block: its type and dtype.
    shape : tuple of int, optional
        For chunks in a short form.

    See Also
    --------
    dusk.array.from_array : Makes one of anything that can be sliced.
    """

    __slots__ = (
        "__weakref__",
        "_alias",
        "_boxed",
        "_found_lengths",
        "_held",
        "_known_chunks",
        "_length_origins",
        "_meta",
        "_node",
    )

    __dask_scheduler__ = staticmethod(default_get("threads"))

    __array_priority__ = 11

    _alias: str | None
    _boxed: bool
    _found_lengths: Any
    _held: Any
    _known_chunks: Any
    _length_origins: Any
    _meta: Any

    def __new__(
        cls, dask: Any, name: str, chunks: Any, dtype: Any = None, meta: Any = None, shape: Any = None
    ) -> Array:
        if isinstance(chunks, (str, int)) or chunks is None or shape is not None:
            chunks = normalize_chunks(chunks, shape, dtype=dtype if dtype is not None else getattr(meta, "dtype", None))
        chunks = tuple(tuple(axis) for axis in chunks)
        meta = meta_from_array(meta, ndim=len(chunks), dtype=dtype)
        return array_of(_of_graph(dask, name, chunks, meta), meta, name)

    def __reduce__(self) -> tuple[Any, ...]:
        return array_of, (self._node, self._meta, self._alias, self._boxed)

    # --- what it is ---------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The first part of the keys of its blocks."""
        return self._alias or self._node.name

    @name.setter
    def name(self, value: str) -> None:
        raise TypeError("Cannot set name directly\n\nName is used to relate the array to the task graph.")

    @property
    def _name(self) -> str:  # type: ignore[override]  # a name that the user gave comes before the plan's
        return self.name

    @property
    def chunks(self) -> tuple[tuple[Any, ...], ...]:
        """The lengths of the blocks along each axis; NaN where unknown."""
        if self._known_chunks is None:
            # one NaN for all unknown lengths, so that equal chunks compare equal
            self._known_chunks = canonical(self._node.chunks)
        return self._known_chunks

    @chunks.setter
    def chunks(self, chunks: Any) -> None:
        raise TypeError(
            "Can not set chunks directly\n\nPlease use the rechunk method instead:\n"
            f"  x.rechunk({chunks!s})\n\nIf trying to avoid unknown chunks, use\n  x.compute_chunk_sizes()"
        )

    @property
    def shape(self) -> tuple[Any, ...]:
        """The length of each axis; NaN where unknown."""
        return self._node.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self._node.numblocks)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""
        if isinstance(self._meta, tuple):
            return self._meta[0].dtype
        return self._meta.dtype

    @property
    def chunksize(self) -> tuple[Any, ...]:
        """The greatest length of a block along each axis."""
        return tuple(max(axis) for axis in self.chunks)

    @property
    def numblocks(self) -> tuple[int, ...]:
        """The number of blocks along each axis."""
        return self._node.numblocks

    @property
    def npartitions(self) -> int:
        """The number of blocks."""
        return self._node.npartitions

    @property
    def size(self) -> Any:
        """The number of elements; NaN when unknown."""
        return reduce(mul, self.shape, 1)

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> Any:
        """Bytes of all elements; NaN when unknown."""
        return self.size * self.itemsize

    @property
    def _elemwise(self) -> Callable[..., Any]:
        from dusk.array._elemwise import elemwise

        return elemwise

    # --- the protocol -------------------------------------------------------------------------------------------------

    def __dask_keys__(self) -> list[Any]:
        name, numblocks = self.name, self.numblocks
        if not numblocks:
            return [(name,)]

        def keys(prefix: tuple[int, ...]) -> list[Any]:
            axis = len(prefix)
            if axis + 1 == len(numblocks):
                return [(name, *prefix, i) for i in range(numblocks[axis])]
            return [keys((*prefix, i)) for i in range(numblocks[axis])]

        return keys(())

    def __dask_graph__(self) -> Any:
        from dusk.highlevelgraph import layered

        node = self._node
        if self._held is not None and self._held[0] is node:
            # whoever reads the graph finds the values of an array that is there, as in Dask
            return self._held[1].graph(self.name, self.chunks)
        index = product(*(range(n) for n in self.numblocks))
        return layered(self.name, {(self.name, *each): (PartitionTask(node, i),) for i, each in enumerate(index)})

    def __dask_tokenize__(self) -> Any:
        return self.name

    def __dask_postcompute__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return (_finalize_boxed, ()) if self._boxed else (finalize, ())

    def __dusk_finalize__(self, results: list[list[Any]]) -> Any:
        value = super().__dusk_finalize__(results)
        return np.asarray(value) if self._boxed and isinstance(value, np.generic) else value

    def __dask_postpersist__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _rebuild, (self.name, self.chunks, self._meta)

    def __dusk_rebuild__(self, nodes: list[Any]) -> Array:
        """Return the same array over another node."""
        return array_of(nodes[0], self._meta, self.name, self._boxed)

    @property
    def dask(self) -> Any:
        """The graph in Dask's form, in one layer: one task for each block."""
        return self.__dask_graph__()

    @dask.setter
    def dask(self, graph: Mapping[Hashable, Any]) -> None:
        name = self.name
        self._node = _of_graph(graph, name, self.chunks, self._meta)
        self._alias = name

    @property
    def _key_array(self) -> Any:
        # as in Dask, with an axis for the parts of a key
        return np.array(self.__dask_keys__(), dtype=object)

    # --- values -------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        if not self.numblocks:
            raise TypeError("len() of unsized object")
        from dusk.array._lengths import sized

        return int(sized(self, [0]).shape[0])

    def _one_value(self, convert: Callable[[Any], Any]) -> Any:
        if self.size > 1:
            raise TypeError("Only length-1 arrays can be converted to Python scalars")
        value = self.compute()
        if isinstance(value, np.ndarray) and value.ndim and value.size == 1:
            value = value[(0,) * value.ndim]
        return convert(value)

    def __bool__(self) -> bool:
        if self.size > 1:
            raise ValueError(f"The truth value of a {type(self).__name__} is ambiguous. Use a.any() or a.all().")
        return bool(self.compute())

    __nonzero__ = __bool__

    def __float__(self) -> float:
        return self._one_value(float)

    def __int__(self) -> int:
        return self._one_value(int)

    __long__ = __int__

    def __complex__(self) -> complex:
        return self._one_value(complex)

    def __index__(self) -> int:
        return self._one_value(lambda value: value.__index__())

    def __iter__(self) -> Iterator[Any]:
        from dusk.array._lengths import sized

        x = sized(self, [0]) if self.numblocks else self
        for i in range(len(x)):
            yield x[i]

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).any().compute())

    def __array__(self, dtype: Any = None, copy: bool | None = None, **kwargs: Any) -> Any:
        if kwargs:
            warnings.warn(
                f"Extra keyword arguments {kwargs} are ignored and won't be accepted in the future",
                FutureWarning,
                stacklevel=2,
            )
        if copy is False:
            warnings.warn(
                "Can't acquire a memory view of a Dask array. This will raise in the future.",
                FutureWarning,
                stacklevel=2,
            )
        x = self.compute()
        if dtype and np.dtype(dtype) != x.dtype:
            x = x.astype(dtype)
        return np.asarray(x)

    def __dlpack__(self, **kwargs: Any) -> Any:
        return np.asarray(self).__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)  # the CPU, in the numbers of the DLPack standard

    def __deepcopy__(self, memo: dict[int, Any]) -> Array:
        result = copy.copy(self)
        memo[id(self)] = result
        return result

    def __copy__(self) -> Array:
        return self.copy()

    def copy(self) -> Array:
        """Return an array of its own: assignments to items of one don't change the other."""
        result = array_of(self._node, self._meta, self._alias, self._boxed)
        result._held = self._held
        return result

    def __repr__(self) -> str:
        name = self.name.rsplit("-", 1)[0]
        kind = type(self._meta)
        class_name = "" if kind is np.ndarray else f", chunktype={kind.__module__.split('.')[0]}.{kind.__name__}"
        if kind is np.ndarray:
            class_name = ", chunktype=numpy.ndarray"
        chunksize = str(tuple(_plain(n) for n in self.chunksize))
        shape = str(tuple(_plain(n) for n in self.shape))
        return f"dask.array<{name}, shape={shape}, dtype={self.dtype}, chunksize={chunksize}{class_name}>"

    def to_delayed(self, optimize_graph: bool = True) -> Any:
        """Return an object array of `dusk.delayed.Delayed` objects, one for each block.

        Parameters
        ----------
        optimize_graph : bool
            Accepted for compatibility.
        """
        from dusk.delayed import Delayed

        parts = np.empty(self.numblocks, dtype=object)
        for number, index in enumerate(np.ndindex(*self.numblocks)):
            node = self._node.partitions([number])
            parts[index] = Delayed(node, (self.name, *index))
        return parts


def _plain(n: Any) -> Any:
    return n if isinstance(n, float) else int(n)


def _of_graph(dask: Mapping[Hashable, Any], name: str, chunks: Any, meta: Any) -> Any:
    """Return the node of an array whose blocks are keys of a graph."""
    from dusk._graph_nodes import graph_nodes

    if not isinstance(dask, dict):
        dask = dict(dask)  # Dask's layered graphs can't be asked for keys of any type
    keys: list[Hashable] = [(name, *index) for index in product(*(range(len(axis)) for axis in chunks))]
    absent = {key: (_NoKey(key),) for key in keys if key not in dask}
    if absent:  # an error for who computes, not for who describes
        dask = {**dask, **absent}
    return joined(graph_nodes(dask, keys, tokenize("array", name)), chunks, meta, name.rsplit("-", 1)[0])


def joined(nodes: list[Any], chunks: Any, meta: Any, prefix: str) -> Any:
    """Return the node of an array whose blocks are what other nodes compute: any objects, made blocks on the way."""
    specs = [axis_spec(axis) for axis in chunks]
    objects = _core.array_join(nodes, specs, None, prefix=prefix)
    dtype = core_dtype(meta)
    if dtype is None:
        return objects
    picks = [list(range(len(specs)))]
    token = tokenize("blocks-of", objects.token)
    return _core.array_blocks(_as_it_is, [objects], picks, specs, dtype, prefix=prefix, library=True, token=token)


def _as_it_is(block: Any) -> Any:
    return block


class _NoKey:
    """Stands for a key that a graph lacks."""

    __slots__ = ("key",)

    def __init__(self, key: Hashable) -> None:
        self.key = key

    def __call__(self) -> Any:
        raise KeyError(self.key)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_NoKey, (self.key,))


class HeldValue:
    """The value of an array that was made of one, for those who read graphs."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def graph(self, name: str, chunks: Any) -> dict[Hashable, Any]:
        """Return the blocks by their keys."""
        from dusk.array._chunks import slices_from_chunks

        index = product(*(range(len(axis)) for axis in chunks))
        # of an array without axes `[...]` keeps an array
        return {(name, *each): self.value[where or ...] for each, where in zip(index, slices_from_chunks(chunks))}


def finalize(results: Any) -> Any:
    """Return the value of an array from the values of its keys."""
    from dusk.array._host import join_blocks

    depth, first = 0, results
    while isinstance(first, (list, tuple)) and len(first):
        depth, first = depth + 1, first[0]
    if depth == 1 and len(results) == 1 and not getattr(results[0], "shape", ()):
        return results[0]
    return join_blocks(results, depth)


def _finalize_boxed(results: Any) -> Any:
    value = finalize(results)
    return np.asarray(value) if isinstance(value, np.generic) else value


def _rebuild(dsk: Any, name: str, chunks: Any, meta: Any, rename: Mapping[str, str] | None = None) -> Array:
    if rename:
        name = rename.get(name, name)
    return Array(dsk, name, chunks, meta=meta)
