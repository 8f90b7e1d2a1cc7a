"""pandas applied by dusk: the path of everything that has no native kernel, and of the user's own functions.

Answers: how a pandas call becomes a node, partition by partition (`rowwise`), over all rows at once (`gather`), or over
all rows at once with the result cut like the input (`gather_aligned`, `spread`). Rows of operands are brought together
by `_align`. Nothing here runs anything.

A *loose* collection is one whose dtypes (or even labels) only the data can tell, such as the sum of two columns whose
indexes may differ. Its node is declared as Python objects, so that whatever pandas returns passes through; its `_meta`
is the best guess. What is computed from it is loose as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dusk import _core
from dusk.base import tokenize
from dusk.dataframe import _align
from dusk.dataframe._calls import Call, CallWithInfo, Input, funcname, split
from dusk.dataframe._meta import empty_like, emulate, is_scalar_meta, no_default
from dusk.dataframe._new import new_collection

__all__ = [
    "call_node",
    "gather",
    "gather_aligned",
    "is_loose",
    "loosen",
    "merged_node",
    "native",
    "numbers",
    "rowwise",
    "spread",
    "written_out",
]


def native(build: Callable[[], Any], *operands: Any) -> Any | None:
    """Build a native node, or give None when pandas has to do it."""
    for operand in operands:
        node = getattr(operand, "_node", None)
        if getattr(operand, "_loose", False) or (node is not None and node.kind == "object"):
            return None
    try:
        return build()
    except _core.NotNative:
        return None


def is_loose(x: Any) -> bool:
    """Whether only the data can tell the dtypes of a collection; a single value is what it is."""
    return getattr(x, "_guessed", getattr(x, "_loose", False))


def _is_plain(x: Any) -> bool:
    """Whether all values are NumPy's, so that a missing number among them is NaN and not NA."""
    meta = getattr(x, "_meta", None)
    dtypes = list(meta.dtypes) if isinstance(meta, pd.DataFrame) else [getattr(meta, "dtype", None)]
    return all(isinstance(dtype, np.dtype) and dtype.kind != "O" for dtype in dtypes)


def loosen(meta: Any) -> Any:
    """Give a meta that any pandas object of the same labels fits."""
    if isinstance(meta, pd.DataFrame):
        return meta.astype(object) if meta.shape[1] else None
    if isinstance(meta, pd.Series):
        return meta.astype(object)
    return None


def written_out(meta: Any) -> Any:
    """Give a meta whose index isn't a range."""
    if isinstance(meta, pd.DataFrame | pd.Series) and isinstance(meta.index, pd.RangeIndex):
        return meta.set_axis(pd.Index([], dtype="int64", name=meta.index.name), axis=0)
    if isinstance(meta, pd.RangeIndex):
        return pd.Index([], dtype="int64", name=meta.name)
    return meta


def _holds_missing(meta: Any) -> bool:
    """Whether missing values that an alignment brings in leave all dtypes as they are."""
    if isinstance(meta, pd.DataFrame):
        dtypes = list(meta.dtypes)
    elif isinstance(meta, pd.Series):
        dtypes = [meta.dtype]
    else:
        return True
    return not any(isinstance(dtype, np.dtype) and dtype.kind in "iub" for dtype in dtypes)


def _metas(x: Any, inputs: Sequence[Any]) -> Any:
    kind = type(x)
    if kind is Input:
        collection = inputs[x.position]
        sample = getattr(collection, "_sample", None)
        return sample if sample is not None else getattr(collection, "_meta", None)
    if kind is list:
        return [_metas(item, inputs) for item in x]
    if kind is tuple:
        return tuple(_metas(item, inputs) for item in x)
    if kind is dict:
        return {key: _metas(value, inputs) for key, value in x.items()}
    return x


def infer(function: Any, args: Sequence[Any], kwargs: dict[str, Any], inputs: Sequence[Any], user: bool) -> Any:
    """Give the meta of a call by making it on made-up rows."""
    from dusk.dataframe._calls import apply

    def stand_in(*args: Any, **kwargs: Any) -> Any:
        return apply(function, args, kwargs)

    stand_in.__name__ = funcname(function)
    return emulate(stand_in, _metas(tuple(args), inputs), _metas(kwargs, inputs), user=user)


def call_node(
    call: Callable[..., Any],
    nodes: Sequence[Any],
    meta: Any,
    *,
    mode: str,
    prefix: str,
    user: bool = False,
    divisions: Any = None,
    range_index: bool = False,
) -> Any:
    """Make the node of a host call.

    What it gives may have other dtypes than ``meta``: it is kept as it is.

    A single value has no schema of its own: its node holds an object. An index is declared as written out unless the
    call is known to leave ranges as they are, since only the data can tell whether it is a range.
    """
    if not range_index:
        meta = written_out(meta)
    return _core.call(
        call,
        list(nodes),
        None if is_scalar_meta(meta) else meta,
        prefix=prefix,
        mode=mode,
        library=not user,
        divisions=divisions,
        token=tokenize(call),
    )


class _AsSeries:
    """A call whose single value becomes a Series of one row, so that one stands for each partition."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call

    def __call__(self, *inputs: Any) -> pd.Series:
        return pd.Series([self.call(*inputs)])

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-as-series", self.call)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_AsSeries, (self.call,))


def rowwise(
    function: Any,
    *args: Any,
    meta: Any = no_default,
    prefix: str | None = None,
    user: bool = False,
    broadcast: bool = True,
    keep_divisions: bool | None = None,
    keep_cut: bool = True,
    loose: bool = False,
    wants_info: bool = False,
    kwargs: dict[str, Any] | None = None,
    scalars_as_series: bool = False,
    aligned: bool = True,
    steady: bool = False,
    same_rows: bool = False,
    settled: bool = False,
) -> Any:
    """Call a function on each partition.

    Parameters
    ----------
    function : callable or str
        A function, or the name of a method of the first argument.
    *args
        Its arguments. Collections are filled with their partitions, those of one partition with that one.
    meta : object, optional
        What it returns; by default learned from a call on made-up rows.
    prefix : str, optional
        The word in the node's name.
    user : bool
        The function is the user's and not pandas' own.
    broadcast : bool
        A frame of one partition is handed to every call. Otherwise it is brought together with the others by index.
    keep_divisions : bool, optional
        The result's rows lie where the input's lay. By default they do, but for what is made of an Index.
    keep_cut : bool
        The result's partitions hold rows of the same input partitions, so it can meet its input partition by partition.
    loose : bool
        The dtypes of the result depend on the data.
    wants_info : bool
        The function takes ``partition_info``.
    kwargs : dict, optional
        Its keyword arguments.
    scalars_as_series : bool
        A single value for each partition becomes a Series of them.
    aligned : bool
        Rows of several collections are brought together by index.
    steady : bool
        The result's dtypes are the same when rows of one collection are missing in another.
    same_rows : bool
        The result has the rows and the index of the first collection.
    settled : bool
        The result has the dtypes of ``meta`` even where those of the inputs depend on the data.
    """
    places, keywords, inputs = split(args, kwargs or {})
    if meta is no_default:
        meta = infer(function, places, keywords, inputs, user)
    together = _align.bring_together(inputs, broadcast=broadcast, aligned=aligned)
    kind = CallWithInfo if wants_info else Call
    call: Any = kind(function, places, keywords, together.checked)
    if keep_divisions is None:
        keep_divisions = not (inputs and isinstance(getattr(inputs[0], "_meta", None), pd.Index))
    if isinstance(meta, np.ndarray) and meta.ndim:
        from dusk.dataframe._arrays import objects_as_blocks

        word = prefix or funcname(function)
        count = together.npartitions
        node = call_node(call, together.nodes, None, mode="partition", prefix=word, user=user, divisions=count)
        return objects_as_blocks(node, meta, word)
    if scalars_as_series and is_scalar_meta(meta):
        call, meta = _AsSeries(call), pd.Series([meta]).iloc[:0]
        keep_divisions = False
    if together.differs and not user and not steady:
        loose = loose or not _holds_missing(meta)
    loose = loose or (not settled and any(is_loose(x) for x in inputs))
    divisions: Any = together.npartitions
    if keep_divisions and together.divisions is not None:
        divisions = together.divisions
    node = call_node(
        call,
        together.nodes,
        loosen(meta) if loose else meta,
        mode="partition",
        prefix=prefix or funcname(function),
        user=user,
        divisions=divisions,
        range_index=same_rows,
    )
    if not same_rows:
        meta = written_out(meta)
    return new_collection(node, meta=meta, cut=together.cut if keep_cut else None, loose=loose)


def gather(
    function: Any,
    *args: Any,
    meta: Any = no_default,
    prefix: str | None = None,
    user: bool = False,
    loose: bool = False,
    kwargs: dict[str, Any] | None = None,
) -> Any:
    """Call a function once, with all rows of each collection in its arguments.

    See `rowwise` for the parameters.
    """
    places, keywords, inputs = split(args, kwargs or {})
    if meta is no_default:
        meta = infer(function, places, keywords, inputs, user)
    loose = loose or any(is_loose(x) for x in inputs)
    call: Any = Call(function, places, keywords)
    word = prefix or funcname(function)
    nodes = [x._node for x in inputs]
    is_float = isinstance(meta, float | np.floating) and not isinstance(meta, np.float16)
    if is_float and not loose and not user and all(_is_plain(x) for x in inputs):
        # A float has a native form, with which masks and columns can be computed natively.
        series = call_node(_AsSeries(call), nodes, pd.Series([meta]).iloc[:0], mode="gather", prefix=word, divisions=1)
        return new_collection(series.reduce("first", skipna=False), meta=meta)
    node = call_node(call, nodes, None if loose else meta, mode="gather", prefix=word, user=user, divisions=1)
    return new_collection(node, meta=written_out(meta), loose=loose)


def merged_node(x: Any, bounds: Sequence[int], positions: Sequence[int] | None = None) -> Any:
    """Give a node of fewer partitions: number ``i`` is the old ones from ``bounds[i]`` up to ``bounds[i + 1]``.

    Parameters
    ----------
    x : DataFrame, Series or Index
        The collection.
    bounds : sequence of int
        Where each new partition begins, and the end.
    positions : sequence of int, optional
        The old partitions that the bounds count, where they aren't all of them in order.
    """
    node = x._node
    return (node if positions is None else node.partitions(list(positions))).merge_partitions(list(bounds))


class _Pieces:
    """A call whose result is cut into pieces, kept as a list."""

    __slots__ = ("call", "cut")

    def __init__(self, call: Callable[..., Any], cut: Callable[..., list[Any]]) -> None:
        self.call = call
        self.cut = cut

    def __call__(self, *inputs: Any) -> list[Any]:
        *values, lengths = inputs
        return self.cut(self.call(*values), lengths)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-pieces", self.call, self.cut)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Pieces, (self.call, self.cut))


def _cut_by_lengths(result: Any, lengths: pd.Series) -> list[Any]:
    if len(result) != int(lengths.sum()):
        raise ValueError(f"a result of {len(result)} rows in place of {int(lengths.sum())}")
    ends = [0, *lengths.cumsum().tolist()]
    if isinstance(result, pd.Index):
        return [result[start:end] for start, end in zip(ends, ends[1:])]
    return [result.iloc[start:end] for start, end in zip(ends, ends[1:])]


def _pick(pieces: list[Any], number: pd.Series) -> Any:
    return pieces[int(number.iloc[0])]


def _length(part: Any) -> pd.Series:
    return pd.Series([len(part)], dtype="int64")


def _number(position: int) -> pd.Series:
    return pd.Series([position], dtype="int64")


_NUMBER_META = pd.Series([], dtype="int64")


def numbers(npartitions: int) -> Any:
    """Give a node of which partition ``i`` is a Series that holds ``i``."""
    return _core.source(
        _number, npartitions, _NUMBER_META, None, prefix="number", library=True, token=tokenize("dusk-number")
    )


def gather_aligned(
    function: Any,
    first: Any,
    *args: Any,
    meta: Any = no_default,
    prefix: str | None = None,
    user: bool = False,
    loose: bool = False,
    kwargs: dict[str, Any] | None = None,
) -> Any:
    """Call a function once with all rows, and cut its result, which has the same rows, as ``first`` is cut.

    See `rowwise` for the parameters.
    """
    if first.npartitions == 1 and all(getattr(x, "npartitions", 1) == 1 for x in args):
        return rowwise(function, first, *args, meta=meta, prefix=prefix, user=user, loose=loose, kwargs=kwargs)
    places, keywords, inputs = split((first, *args), kwargs or {})
    if meta is no_default:
        meta = infer(function, places, keywords, inputs, user)
    loose = loose or any(is_loose(x) for x in inputs)
    word = prefix or funcname(function)
    lengths = call_node(
        _length, [first._node], _NUMBER_META, mode="partition", prefix="len", divisions=first.npartitions
    )
    pieces = call_node(
        _Pieces(Call(function, places, keywords), _cut_by_lengths),
        [*(x._node for x in inputs), lengths],
        None,
        mode="gather",
        prefix=word,
        user=user,
        divisions=1,
    )
    divisions = first._bounds or first.npartitions
    node = _picked(pieces, first.npartitions, loosen(meta) if loose else meta, word, divisions)
    return new_collection(node, meta=written_out(meta), cut=first._cut, loose=loose)


def _picked(pieces: Any, npartitions: int, meta: Any, prefix: str, divisions: Any) -> Any:
    return call_node(_pick, [pieces, numbers(npartitions)], meta, mode="partition", prefix=prefix, divisions=divisions)


class _Even:
    """Cuts rows into about equal pieces; equal values of the index stay together when asked."""

    __slots__ = ("pieces", "together")

    def __init__(self, pieces: int, together: bool) -> None:
        self.pieces = pieces
        self.together = together

    def __call__(self, result: Any) -> list[Any]:
        count = len(result)
        ends = [count * i // self.pieces for i in range(self.pieces + 1)]
        if self.together:
            index = result if isinstance(result, pd.Index) else result.index
            # Where another value begins; missing values are one value.
            codes, _ = pd.factorize(index, use_na_sentinel=False)
            begins = np.append(np.flatnonzero(np.diff(codes)) + 1, count)
            ends[1:-1] = [int(begins[np.searchsorted(begins, end)]) if end else 0 for end in ends[1:-1]]
            # Empty pieces come before the last one: behind it there is no division that keeps them apart.
            last = max((end for end in ends if end < count), default=0)
            ends[1:-1] = [min(end, last) for end in ends[1:-1]]
        take = (lambda a, b: result[a:b]) if isinstance(result, pd.Index) else (lambda a, b: result.iloc[a:b])
        return [take(start, end) for start, end in zip(ends, ends[1:])]

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-even", self.pieces, self.together)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Even, (self.pieces, self.together))


class _Then:
    """One function on the result of another."""

    __slots__ = ("call", "then")

    def __init__(self, call: Callable[..., Any], then: Callable[[Any], Any]) -> None:
        self.call = call
        self.then = then

    def __call__(self, *inputs: Any) -> Any:
        return self.then(self.call(*inputs))

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-then", self.call, self.then)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Then, (self.call, self.then))


def spread(
    function: Any,
    *args: Any,
    npartitions: int,
    cut: Callable[[Any], list[Any]] | None = None,
    together: bool = False,
    meta: Any = no_default,
    prefix: str | None = None,
    user: bool = False,
    loose: bool = False,
    divisions: Sequence[Any] | None = None,
    kwargs: dict[str, Any] | None = None,
) -> Any:
    """Call a function once with all rows and cut its result into ``npartitions`` partitions.

    Parameters
    ----------
    npartitions : int
        How many partitions the result has.
    cut : callable, optional
        Makes a list of ``npartitions`` pieces of the result; by default they are about equally long.
    together : bool
        Rows with the same index value stay in one piece.
    divisions : sequence, optional
        The divisions of the result, when they are known.

    See `rowwise` for the other parameters.
    """
    if npartitions == 1 and cut is None and divisions is None:
        return gather(function, *args, meta=meta, prefix=prefix, user=user, loose=loose, kwargs=kwargs)
    places, keywords, inputs = split(args, kwargs or {})
    if meta is no_default:
        meta = infer(function, places, keywords, inputs, user)
    word = prefix or funcname(function)
    loose = loose or any(is_loose(x) for x in inputs)
    pieces = call_node(
        _Then(Call(function, places, keywords), cut or _Even(npartitions, together)),
        [x._node for x in inputs],
        None,
        mode="gather",
        prefix=word,
        user=user,
        divisions=1,
    )
    meta = empty_like(meta)
    node = _picked(pieces, npartitions, loosen(meta) if loose else meta, word, divisions or npartitions)
    return new_collection(node, meta=written_out(meta), loose=loose)
