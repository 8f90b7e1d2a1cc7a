"""What DataFrame, Series and Index have in common: plan, partitions, length, repr.

Invariant: nothing here runs anything, except `len`, `head`, `tail` and `compute` themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dusk import _core
from dusk._node_collection import HeldResults, NodeCollection
from dusk.base import tokenize
from dusk.dataframe import _repr
from dusk.dataframe._align import cut_at
from dusk.dataframe._array_methods import ArrayMethods
from dusk.dataframe._ends import EndMethods, concat_parts
from dusk.dataframe._fallback import call_node, loosen, merged_node, rowwise, written_out
from dusk.dataframe._meta import meta_nonempty, no_default
from dusk.dataframe._new import new_collection

__all__ = ["FrameBase", "same"]


def same(part: Any) -> Any:
    """Give the partition as it is."""
    return part


class FrameBase(ArrayMethods, EndMethods, NodeCollection):
    """A lazy pandas object in partitions.

    Parameters
    ----------
    expr : _core.Node or FrameBase
        The plan.
    """

    _has_rows = True
    #: pandas lets a collection on the right of an operator do the work.
    __pandas_priority__ = 10_000

    def __init__(
        self,
        expr: Any,
        meta: Any = None,
        cut: str | None = None,
        origin: tuple[Any, ...] | None = None,
        loose: bool = False,
    ) -> None:
        set_ = object.__setattr__
        if isinstance(expr, FrameBase):
            meta, cut, origin, loose = expr._known_meta, expr._known_cut, expr._origin, expr._loose
            expr = expr._node
        set_(self, "_node", expr)
        set_(self, "_known_meta", meta)
        set_(self, "_known_cut", cut)
        set_(self, "_origin", origin)
        set_(self, "_loose", loose or expr.kind == "object")
        set_(self, "_sample", None)
        set_(self, "_promise", None)

    # --- the plan -----------------------------------------------------------------------------------------------------

    @property
    def _meta(self) -> Any:
        if self._known_meta is None:
            object.__setattr__(self, "_known_meta", self._node.meta())
        return self._known_meta

    @property
    def _meta_nonempty(self) -> Any:
        return meta_nonempty(self._meta)

    @property
    def _cut(self) -> str:
        return self._known_cut or self._node.name

    @property
    def expr(self) -> Any:
        """The node of the plan."""
        return self._node

    def _become(self, other: FrameBase) -> None:
        """Turn into another collection, as pandas' assignments do in place."""
        set_ = object.__setattr__
        for name in ("_node", "_known_meta", "_known_cut", "_origin", "_loose", "_sample", "_promise"):
            set_(self, name, getattr(other, name))

    def _partitionwise(self, node: Any, **kwargs: Any) -> Any:
        """Wrap a node that was made from this one partition by partition, under the same index."""
        result = new_collection(node, cut=self._cut, **kwargs)
        if self._promise is not None and not node.known_divisions:
            object.__setattr__(result, "_promise", self._promise)
        return result

    def __dusk_rebuild__(self, nodes: list[Any]) -> Any:
        (node,) = nodes
        # What was read may have turned out wider than it was planned: then the node knows better.
        meta = self._known_meta if self._loose else None
        result = type(self)(node, meta=meta, cut=self._cut, origin=self._origin, loose=self._loose)
        if not node.known_divisions:
            object.__setattr__(result, "_promise", self._promise)
        return result

    def __dusk_finalize__(self, results: list[list[Any]]) -> Any:
        from dusk import _core

        (chunks,) = results
        if self._node.kind == "object" and len(chunks) != 1:
            return concat_parts([chunk.to_object() for chunk in chunks]) if chunks else self._meta
        return _core.assemble(self._node, chunks, consume=True)

    def __dask_postcompute__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return concat_parts, ()

    def __dask_postpersist__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return type(self)._rebuild_from_graph, (self._meta, self.divisions, self._node.prefix, self._loose)

    @staticmethod
    def _rebuild_from_graph(
        dsk: Any, meta: Any, divisions: tuple[Any, ...], prefix: str, loose: bool, rename: dict[str, str] | None = None
    ) -> Any:
        keys = sorted((key for key in dsk if isinstance(key, tuple) and len(key) == 2), key=lambda key: key[1])
        keys = keys[-(len(divisions) - 1) :]
        call = HeldResults(dsk, keys)
        node = _core.source(
            call,
            len(keys),
            loosen(meta) if loose else written_out(meta),
            list(divisions) if divisions[0] is not None else None,
            prefix=prefix,
            library=True,
            token=tokenize(call.keys, meta),
        )
        return new_collection(node, meta=meta if loose else None, loose=loose)

    # --- partitions ---------------------------------------------------------------------------------------------------

    @property
    def npartitions(self) -> int:
        """The number of partitions."""
        return self._node.npartitions

    @property
    def divisions(self) -> tuple[Any, ...]:
        """The index values at which partitions begin, and the last one; None where they aren't known.

        After `set_index` the first look at them computes them.
        """
        if self._promise is not None and not self._node.known_divisions:
            return self._promise.divisions()
        return tuple(self._node.divisions)

    @property
    def _bounds(self) -> tuple[Any, ...] | None:
        """The divisions when they are known without computing anything."""
        return tuple(self._node.divisions) if self._node.known_divisions else None

    @divisions.setter
    def divisions(self, value: Sequence[Any]) -> None:
        value = tuple(value)
        if len(value) != self.npartitions + 1:
            raise ValueError(f"{self.npartitions} partitions need {self.npartitions + 1} divisions, not {len(value)}")
        known = None if any(item is None for item in value) else value
        self._become(self._partitionwise(self._node.with_divisions(known), meta=self._known_meta, loose=self._loose))

    @property
    def known_divisions(self) -> bool:
        """Whether it is known where partitions begin."""
        return self.npartitions > 0 and self.divisions[0] is not None

    def clear_divisions(self) -> Any:
        """Forget where partitions begin.

        Returns
        -------
        DataFrame, Series or Index
        """
        node = self._node.with_divisions(None)
        origin = ("ClearDivisions", self)
        return new_collection(node, meta=self._known_meta, cut=self._cut, loose=self._loose, origin=origin)

    def enforce_runtime_divisions(self) -> Any:
        """Check, when it is computed, that each partition's index lies within its divisions.

        Returns
        -------
        DataFrame, Series or Index
        """
        if not self.known_divisions:
            raise ValueError("No known divisions to enforce!")
        from dusk.dataframe._fallback import numbers

        number = new_collection(numbers(self.npartitions), cut=self._cut)
        return rowwise(
            _check_within,
            self,
            number,
            self.divisions,
            meta=self._meta,
            prefix="enforce",
            loose=self._loose,
            keep_divisions=True,
        )

    def get_partition(self, n: int) -> Any:
        """Give one partition as a collection.

        Parameters
        ----------
        n : int
            Its number.

        Returns
        -------
        DataFrame, Series or Index
        """
        if not 0 <= n < self.npartitions:
            raise ValueError(f"n must be 0 <= n < {self.npartitions}")
        return self._take_partitions([n])

    @property
    def partitions(self) -> Any:
        """Choose partitions by position: ``df.partitions[0]``, ``df.partitions[3:5]``, ``df.partitions[[1, 7]]``."""
        from dusk.dataframe.indexing import PartitionIndexer

        return PartitionIndexer(self)

    def _take_partitions(self, positions: Sequence[int]) -> Any:
        node = self._node.partitions(list(positions))
        cut = f"{self._cut}@{list(positions)}"
        origin = ("Partitions", self, f"partitions={list(positions)}")
        return new_collection(node, meta=self._known_meta, cut=cut, loose=self._loose, origin=origin)

    def _one_partition(self) -> Any:
        """Give the same rows in one partition."""
        if self.npartitions == 1:
            return self
        node = merged_node(self, [0, self.npartitions])
        merged = new_collection(node, meta=self._known_meta, cut=f"{self._cut}/all", loose=self._loose)
        object.__setattr__(merged, "_sample", self._sample)
        return merged

    def repartition(
        self,
        divisions: Sequence[Any] | None = None,
        npartitions: int | None = None,
        partition_size: str | int | None = None,
        freq: Any = None,
        force: bool = False,
    ) -> Any:
        """Cut the same rows into other partitions.

        Parameters
        ----------
        divisions : sequence, optional
            The index values at which partitions begin, and the last one.
        npartitions : int, optional
            How many partitions there shall be.
        partition_size : int or str, optional
            About how many bytes each shall have. This reads the data.
        freq : str or offset, optional
            A time span for each partition, with a time index.
        force : bool
            ``divisions`` may reach beyond the present ones.

        Returns
        -------
        DataFrame, Series or Index
        """
        given = [x for x in (divisions, npartitions, partition_size, freq) if x is not None]
        if len(given) != 1:
            raise ValueError(
                "Please provide exactly one of ``npartitions=``, ``freq=``, ``divisions=``, ``partition_size=``"
            )
        from dusk.dataframe import _repartition

        if divisions is not None:
            if callable(divisions):
                divisions = divisions(self)
            return cut_at(self, divisions, force=force)
        if npartitions is not None:
            count = npartitions(self) if callable(npartitions) else npartitions
            return _repartition.to_count(self, count)
        if partition_size is not None:
            return _repartition.to_size(self, partition_size)
        return _repartition.to_freq(self, freq)

    def to_delayed(self, optimize_graph: bool = True) -> list[Any]:
        """Give each partition as a `Delayed`.

        Parameters
        ----------
        optimize_graph : bool
            Accepted for compatibility; plans are optimized when they run.

        Returns
        -------
        list of Delayed
        """
        from dusk.delayed import Delayed

        nodes = []
        for i in range(self.npartitions):
            part = self._node if self.npartitions == 1 else self._node.partitions([i])
            node = call_node(same, [part], None, mode="gather", prefix=self._node.prefix, divisions=1)
            nodes.append(Delayed(node))
        return nodes

    def map_partitions(
        self,
        func: Callable[..., Any],
        *args: Any,
        meta: Any = no_default,
        enforce_metadata: bool = True,
        transform_divisions: bool = True,
        clear_divisions: bool = False,
        align_dataframes: bool = False,
        parent_meta: Any = None,
        required_columns: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Call a function on each partition.

        Parameters
        ----------
        func : callable
            Takes the partition as a pandas object. When it has a parameter ``partition_info``, that is filled with a
            dictionary: the partition's ``number`` and the value where it begins, ``division``.
        *args, **kwargs
            More for ``func``. Collections arrive as their partitions, delayed values and scalars as values.
        meta : pandas object, dict, tuple, optional
            What comes out; by default ``func`` is tried on two made-up rows.
        enforce_metadata : bool
            Columns that differ from ``meta`` are an error when it is computed.
        transform_divisions : bool
            For an Index, also call ``func`` on the divisions.
        clear_divisions : bool
            Forget the divisions.
        align_dataframes : bool
            Bring the rows of collections together by index first.
        parent_meta, required_columns : object
            Accepted for compatibility.

        Returns
        -------
        DataFrame, Series, Index
        """
        from dusk.dataframe._map import map_partitions

        return map_partitions(
            func,
            self,
            *args,
            meta=meta,
            enforce_metadata=enforce_metadata,
            transform_divisions=transform_divisions,
            clear_divisions=clear_divisions,
            align_dataframes=align_dataframes,
            **kwargs,
        )

    # --- how many rows ------------------------------------------------------------------------------------------------

    def _lengths(self) -> Any:
        """Give the number of rows as a lazy Scalar."""
        from dusk.dataframe._reductions import length_of

        return length_of(self)

    def __len__(self) -> int:
        rows = self._node.partition_rows
        return sum(rows) if rows is not None else int(self._lengths().compute())

    @property
    def size(self) -> Any:
        """The number of values, lazily."""
        width = len(self._meta.columns) if isinstance(self._meta, pd.DataFrame) else 1
        length = self._lengths()
        return length if width == 1 else new_collection((length * width)._node, meta=1, origin=("{}.size()", self))

    @property
    def empty(self) -> bool:
        """Whether there are no values; computes the length."""
        if isinstance(self._meta, pd.DataFrame) and not len(self._meta.columns):
            return True
        return len(self) == 0

    @property
    def ndim(self) -> int:
        """1 or 2."""
        return self._meta.ndim

    # --- odds and ends ------------------------------------------------------------------------------------------------

    def copy(self, deep: bool = False) -> Any:
        """Give another collection of the same plan.

        Parameters
        ----------
        deep : bool
            Accepted for compatibility, without effect: plans never change.
        """
        if deep is not False:
            raise ValueError("The `deep` value must be False: a copy of a plan copies no data")
        return type(self)(self)

    def pipe(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(func, tuple):
            func, target = func
            if target in kwargs:
                raise ValueError(f"{target} is both the pipe target and a keyword argument")
            return func(*args, **{**kwargs, target: self})
        return func(self, *args, **kwargs)

    def simplify(self) -> Any:
        """Give an equal collection with an optimized plan; see `optimize`."""
        return self.optimize()

    lower_once = simplify

    def pprint(self) -> None:
        """Print the plan as it was written."""
        print(self.explain("logical"))

    def to_backend(self, backend: str | None = None, **kwargs: Any) -> Any:
        """Give the collection itself: pandas is the one backend."""
        if backend not in (None, "pandas"):
            raise ValueError(f"No backend dispatch registered for {backend}")
        return self

    @property
    def index(self) -> Any:
        """The index, as a lazy Index."""
        from dusk.dataframe._columns import index_of

        return index_of(self)

    @index.setter
    def index(self, value: Any) -> None:
        from dusk.dataframe._columns import with_index

        self._become(with_index(self, value))

    def __bool__(self) -> bool:
        raise ValueError(f"The truth value of a {type(self).__name__} is ambiguous. Use a.any() or a.all().")

    def __iter__(self) -> Iterator[Any]:
        for i in range(self.npartitions):
            yield from self._take_partitions([i]).compute()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.compute(), dtype=dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from dusk.dataframe._operators import apply_ufunc

        return apply_ufunc(ufunc, method, inputs, kwargs)

    def __repr__(self) -> str:
        return _repr.text_of(self)

    def _repr_html_(self) -> str:
        return _repr.html_of(self)

    def to_string(self, max_rows: int = 5) -> str:
        """Give the structure as text: dtypes, and where partitions begin."""
        return _repr.table_of(self).to_string(max_rows=max_rows)

    def __reduce__(self) -> tuple[Any, ...]:
        state = (self._node, self._known_meta, self._known_cut, None, self._loose)
        return (type(self), state)


def _check_within(part: Any, number: pd.Series, divisions: tuple[Any, ...]) -> Any:
    position = int(number.iloc[0])
    index = part if isinstance(part, pd.Index) else part.index
    if len(index):
        low, high = index.min(), index.max()
        last = position == len(divisions) - 2
        inside = low >= divisions[position] and (
            high <= divisions[position + 1] if last else high < divisions[position + 1]
        )
        if not inside:
            raise RuntimeError(
                f"`enforce_runtime_divisions` failed for partition {position}. Expected a range of "
                f"{divisions[position]} to {divisions[position + 1]}, but the index spans {low} to {high}"
            )
    return part
