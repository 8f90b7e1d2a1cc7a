"""Products of arrays: dot, matmul, tensordot, einsum and their relatives, contracted block by block.

Plain numbers are contracted by the engine, which adds the products of blocks up in one place. Other blocks (objects,
masked, sparse) go through calls of their own library for each block of the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from dusk import _core
from dusk._blas import provide as provide_blas
from dusk._derive import derived_from
from dusk.array._array import Array, array_of
from dusk.array._block_calls import block_call
from dusk.array._chunks import unify_chunks
from dusk.array._elemwise import native
from dusk.array._fitting import fitting
from dusk.array._from_array import asanyarray
from dusk.array._meta import compute_meta
from dusk.array.blockwise import blockwise
from dusk.array.dispatch import einsum_lookup, tensordot_lookup

__all__ = ["dot", "einsum", "inner", "matmul", "outer", "tensordot", "vdot"]


class _Contract:
    """Contracts the blocks of two arrays along some axes and adds the products up, one pair of blocks at a time."""

    __slots__ = ("left", "right")

    def __init__(self, left: tuple[int, ...], right: tuple[int, ...]) -> None:
        self.left = left
        self.right = right

    def __call__(self, a: Any, b: Any) -> Any:
        total = None
        for one, other in zip(_leaves(a, len(self.left)), _leaves(b, len(self.right)), strict=True):
            kind = type(max(one, other, key=lambda x: getattr(x, "__array_priority__", 0)))
            product = tensordot_lookup.dispatch(kind)(one, other, axes=(self.left, self.right))
            if total is not None and (np.ma.isMA(total) or np.ma.isMA(product)):
                # masked only where no pair of blocks gave anything
                mask = np.ma.getmaskarray(total) & np.ma.getmaskarray(product)
                total = np.ma.masked_array(np.ma.filled(total, 0) + np.ma.filled(product, 0), mask=mask)
            else:
                total = product if total is None else total + product
        return total

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-contract", self.left, self.right)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Contract, (self.left, self.right))


def _leaves(parts: Any, depth: int) -> list[Any]:
    if depth == 0:
        return [parts]
    return [leaf for part in parts for leaf in _leaves(part, depth - 1)]


def _ascending(left: Sequence[int], right: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return pairs of axes in the order of the first ones, which is that of the nested lists of blocks."""
    pairs = sorted(zip(left, right, strict=True))
    return tuple(a for a, _ in pairs), tuple(b for _, b in pairs)


def _numeric(*arrays: Array) -> bool:
    """Return whether the engine computes with the elements of all arrays."""
    return all(array._node.dtype is not None and array.dtype.kind in "biufc" for array in arrays)


def _added(array: Array, axes: Any, dtype: Any) -> Array:
    """Return sums as products of this dtype are added up: wrapping around, and truth values by `or`."""
    return array.any(axis=axes) if dtype.kind == "b" else array.sum(axis=axes, dtype=dtype)


def _contracted(
    a: Array, b: Array, batch: Sequence[tuple[int, int]], summed: Sequence[tuple[int, int]], dtype: Any, prefix: str
) -> Array | None:
    """Return the engine's contraction of arrays that are cut alike; None where NumPy has to do it.

    The axes of the result are those of `batch`, then what is left of the first and of the second.
    """
    if not _numeric(a, b):
        return None
    a, b = a.astype(dtype), b.astype(dtype)
    if not batch and len(summed) == a.ndim == b.ndim:
        # the sum of all products: one pass over both, and nothing between
        if [j for _, j in summed] != list(range(b.ndim)):
            b = b.transpose([j for _, j in summed])
        product = a * b
        return _added(product, None, dtype)
    provide_blas()
    try:
        node = _core.array_contract(a._node, b._node, list(batch), list(summed), prefix=prefix)
    except _core.NotNative:
        return None
    return array_of(node, np.empty((0,) * len(node.numblocks), dtype=dtype))


def tensordot(lhs: Any, rhs: Any, axes: Any = 2) -> Array:
    """Return the sum of products over axes, as `numpy.tensordot`.

    Parameters
    ----------
    lhs, rhs : array_like
    axes : int or pair of sequences of int, default 2
        How many axes at the end of the first and the beginning of the second one, or which of each.
    """
    lhs, rhs = asanyarray(lhs), asanyarray(rhs)
    if isinstance(axes, (int, np.integer)):
        left = tuple(range(lhs.ndim - axes, lhs.ndim))
        right = tuple(range(axes))
    else:
        left, right = ((each,) if isinstance(each, (int, np.integer)) else tuple(each) for each in axes)
    left = tuple(axis % lhs.ndim for axis in left)
    right = tuple(axis % rhs.ndim for axis in right)
    if len(left) != len(right) or any(
        lhs.shape[a] != rhs.shape[b] and lhs.shape[a] == lhs.shape[a] and rhs.shape[b] == rhs.shape[b]
        for a, b in zip(left, right, strict=False)
    ):
        raise ValueError("shape-mismatch for sum")
    left, right = _ascending(left, right)
    labels_left = list(range(lhs.ndim))
    labels_right = list(range(lhs.ndim, lhs.ndim + rhs.ndim))
    for a, b in zip(left, right, strict=True):
        labels_right[b] = labels_left[a]
    if any(length == length for a in left for length in [lhs.shape[a]]):
        _, (lhs, rhs) = unify_chunks(lhs, labels_left, rhs, labels_right)
    kept = [label for label in labels_left + labels_right if label not in [labels_left[axis] for axis in left]]
    itemsize = np.promote_types(lhs.dtype, rhs.dtype).itemsize
    lhs, rhs = fitting([lhs, rhs], [labels_left, labels_right], kept, itemsize)
    if _numeric(lhs, rhs):
        dtype = np.promote_types(lhs.dtype, rhs.dtype)
        result = _contracted(lhs, rhs, [], list(zip(left, right, strict=True)), dtype, "tensordot")
        if result is not None:
            return result
    out = [i for i in range(lhs.ndim) if i not in left]
    other = [i for i in range(rhs.ndim) if i not in right]
    # blocks of both come in the order of their own axes, so the second one's contracted axes must be in the same order
    if list(right) != sorted(right):
        order = other + list(right)
        rhs = rhs.transpose(order)
        right = tuple(range(len(other), rhs.ndim))
        other = list(range(len(other)))
    chunks = [lhs.chunks[i] for i in out] + [rhs.chunks[i] for i in other]
    picks_left = [out.index(i) if i in out else None for i in range(lhs.ndim)]
    picks_right = [len(out) + other.index(i) if i in other else None for i in range(rhs.ndim)]
    dtype = np.promote_types(lhs.dtype, rhs.dtype) if lhs.dtype != object else np.dtype(object)
    meta = compute_meta(partial(np.tensordot, axes=(left, right)), None, lhs._meta, rhs._meta)
    if meta is None or meta.ndim != len(chunks):
        meta = np.empty((0,) * len(chunks), dtype=dtype)
    return block_call(_Contract(left, right), [(lhs, picks_left), (rhs, picks_right)], chunks, meta, prefix="tensordot")


def dot(a: Any, b: Any) -> Any:
    """Return the product of two arrays, as `numpy.dot`.

    Parameters
    ----------
    a, b : array_like
    """
    a, b = asanyarray(a), asanyarray(b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    return tensordot(a, b, axes=((a.ndim - 1,), (b.ndim - 2 if b.ndim > 1 else 0,)))


def vdot(a: Any, b: Any) -> Any:
    """Return the sum of products of all elements, the first ones conjugated, as `numpy.vdot`.

    Parameters
    ----------
    a, b : array_like
    """
    a, b = asanyarray(a), asanyarray(b)
    if a.dtype.kind == "c":
        a = a.conj()
    if a.shape == b.shape and a.ndim > 1:
        return tensordot(a, b, axes=(range(a.ndim), range(b.ndim)))
    return dot(a.ravel(), b.ravel())


@derived_from(np)
def inner(a: Any, b: Any) -> Any:
    a, b = asanyarray(a), asanyarray(b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    return tensordot(a, b, axes=((a.ndim - 1,), (b.ndim - 1,)))


@derived_from(np)
def outer(a: Any, b: Any) -> Any:
    a, b = asanyarray(a).flatten(), asanyarray(b).flatten()
    a, b = fitting([a, b], ["i", "j"], "ij", np.promote_types(a.dtype, b.dtype).itemsize)
    # no axis is common, so there is nothing to align
    result = native("multiply", [a[:, np.newaxis], b[np.newaxis, :]]) if _numeric(a, b) else None
    if result is not None:
        return result
    dtype = np.outer(np.empty(0, dtype=a.dtype), np.empty(0, dtype=b.dtype)).dtype
    return blockwise(np.outer, "ij", a, "i", b, "j", dtype=dtype, align_arrays=False)


class _Matmul:
    """Multiplies stacks of matrices block by block and adds the products up."""

    __slots__ = ()

    def __call__(self, a: Any, b: Any) -> Any:
        total = None
        for one, other in zip(a, b, strict=True):
            product = np.matmul(one, other)
            if total is not None and (np.ma.isMA(total) or np.ma.isMA(product)):
                # masked only where no pair of blocks gave anything
                mask = np.ma.getmaskarray(total) & np.ma.getmaskarray(product)
                total = np.ma.masked_array(np.ma.filled(total, 0) + np.ma.filled(product, 0), mask=mask)
            else:
                total = product if total is None else total + product
        return total

    def __dask_tokenize__(self) -> tuple[str]:
        return ("dusk-matmul",)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Matmul, ())


@derived_from(np)
def matmul(a: Any, b: Any) -> Any:
    a, b = asanyarray(a), asanyarray(b)
    if a.ndim == 0 or b.ndim == 0:
        raise ValueError("`matmul` does not support scalars.")
    if a.ndim <= 2 and b.ndim <= 2:
        if a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0] and a.shape[-1] == a.shape[-1]:
            inside = b.shape[-2 if b.ndim > 1 else 0]
            raise ValueError(
                f"matmul: Input operand 1 has a mismatch in its core dimension 0 (size {inside} is different from "
                f"{a.shape[-1]})"
            )
        return dot(a, b)
    first = a.ndim == 1
    last = b.ndim == 1
    if first:
        a = a[np.newaxis, :]
    if last:
        b = b[:, np.newaxis]
    ndim = max(a.ndim, b.ndim)
    a = a[(np.newaxis,) * (ndim - a.ndim)]
    b = b[(np.newaxis,) * (ndim - b.ndim)]
    stacked = list(range(ndim - 2))
    rows, inside, columns = ndim - 2, ndim - 1, ndim
    own = [[*stacked, rows, inside], [*stacked, inside, columns]]
    _, (a, b) = unify_chunks(a, own[0], b, own[1])
    a, b = fitting([a, b], own, [*stacked, rows, columns], np.promote_types(a.dtype, b.dtype).itemsize)
    result = None
    if _numeric(a, b):
        dtype = np.promote_types(a.dtype, b.dtype)
        result = _contracted(a, b, [(i, i) for i in stacked], [(inside, rows)], dtype, "matmul")
    if result is None:
        result = _matmul_blocks(a, b)
    if first:
        result = result[..., 0, :]
    if last:
        result = result[..., 0]
    return result


def _matmul_blocks(a: Array, b: Array) -> Array:
    """Multiply stacks of matrices through NumPy, or the blocks' own library."""
    ndim = a.ndim
    stacked = list(range(ndim - 2))
    rows = ndim - 2
    # cut alike, but for axes of length 1, which go with any other length
    lead = [y if x == (1,) else x for x, y in zip(a.chunks[:-2], b.chunks[:-2], strict=True)]
    chunks = [*lead, a.chunks[-2], b.chunks[-1]]
    dtype = np.matmul(np.ones((1, 1), a.dtype), np.ones((1, 1), b.dtype)).dtype
    meta = compute_meta(np.matmul, None, a._meta, b._meta)
    if meta is None or meta.ndim != ndim:
        meta = np.empty((0,) * ndim, dtype=dtype)
    return block_call(
        _Matmul(), [(a, [*stacked, rows, None]), (b, [*stacked, None, rows + 1])], chunks, meta, prefix="matmul"
    )


def einsum(subscripts: Any, *operands: Any, **kwargs: Any) -> Array:
    """Return a sum of products by Einstein's convention, as `numpy.einsum`.

    Parameters
    ----------
    subscripts : str
        Labels of the axes of the operands and of the result, such as ``"ij,jk->ik"``.
    *operands : array_like
    dtype : dtype, optional
        Type of the computation.
    optimize : bool or str, default False
        How NumPy orders the products of a block.
    split_every : int, optional
        How many parts are added up at once.
    **kwargs
        More for `numpy.einsum`.
    """
    split_every = kwargs.pop("split_every", None)
    dtype = kwargs.pop("dtype", None)
    if not isinstance(subscripts, str):
        subscripts, operands = _written(subscripts, operands)
    arrays = [asanyarray(operand) for operand in operands]
    terms, out = _terms(subscripts, arrays)
    if dtype is None:
        dtype = np.result_type(*[array.dtype for array in arrays])
    if set(kwargs) <= {"optimize"} and all(len(set(term)) == len(term) for term in terms):
        native = _einsum_native(arrays, terms, out, np.dtype(dtype))
        if native is not None:
            return native
    gone = [label for label in dict.fromkeys("".join(terms)) if label not in out]
    # products keep the contracted labels with length 1, and are added up along these
    kept = list(out) + gone
    spec = ",".join(terms) + "->" + out
    args: list[Any] = []
    for array, term in zip(arrays, terms, strict=True):
        if len(set(term)) != len(term):
            # a repeated label is a diagonal, which crosses blocks: such an axis is in one piece
            array = array.rechunk({i: -1 for i, label in enumerate(term) if term.count(label) > 1})
        args += [array, tuple(term)]
    pairs = []
    for array, term in zip(args[::2], terms, strict=True):
        pairs += [array, tuple(dict.fromkeys(term))] if len(set(term)) == len(term) else [array, tuple(term)]
    function = partial(_einsum_block, spec, len(gone), kwargs, np.dtype(dtype))
    if any(len(set(term)) != len(term) for term in terms):
        distinct = [
            a.map_blocks(partial(_diagonals, term), dtype=a.dtype, **_diagonal_chunks(a, term))
            for a, term in zip(args[::2], terms, strict=True)
        ]
        terms = ["".join(dict.fromkeys(term)) for term in terms]
        return einsum(",".join(terms) + "->" + out, *distinct, dtype=dtype, split_every=split_every, **kwargs)
    _, cut = unify_chunks(*pairs)
    cut = fitting(cut, pairs[1::2], out, np.dtype(dtype).itemsize)
    pairs = [each for pair in zip(cut, pairs[1::2], strict=True) for each in pair]
    result = blockwise(
        function,
        tuple(kept),
        *pairs,
        align_arrays=False,
        dtype=dtype,
        adjust_chunks=dict.fromkeys(gone, 1),
        token="einsum",
    )
    if gone:
        axes = tuple(range(len(out), len(kept)))
        result = result.sum(axis=axes, split_every=split_every, dtype=dtype)
    return result


def _einsum_native(arrays: list[Array], terms: list[str], out: str, dtype: Any) -> Array | None:
    """Return the sum of products of one or two arrays of numbers; None where NumPy has to do it for each block."""
    if len(arrays) > 2 or not _numeric(*arrays) or dtype.kind not in "biufc":
        return None
    lengths: dict[str, Any] = {}
    for array, term in zip(arrays, terms, strict=True):
        for label, length in zip(term, array.shape, strict=True):
            if lengths.setdefault(label, length) != length:  # an axis of length 1 that goes with all, or unknown
                return None
    arrays = [array.astype(dtype) for array in arrays]
    alone = []
    for number, (array, term) in enumerate(zip(arrays, terms, strict=True)):
        others = "".join(each for i, each in enumerate(terms) if i != number)
        axes = tuple(i for i, label in enumerate(term) if label not in out and label not in others)
        if axes:
            array = _added(array, axes, dtype)
            term = "".join(label for i, label in enumerate(term) if i not in axes)
        alone.append((array, term))
    if len(alone) == 1:
        return _ordered(*alone[0], out)
    (a, of_a), (b, of_b) = alone
    _, (a, b) = unify_chunks(a, of_a, b, of_b)
    a, b = fitting([a, b], [of_a, of_b], out, dtype.itemsize)
    both = [label for label in of_a if label in of_b]
    batch = [label for label in both if label in out]
    summed = [label for label in both if label not in out]
    left = [label for label in of_a if label not in of_b]
    right = [label for label in of_b if label not in of_a]
    if not summed or not (left or right):
        # nothing to multiply matrices for: products of elements, added up as they are made
        labels = "".join([*batch, *left, *right, *summed])
        spread = [_spread(a, of_a, labels), _spread(b, of_b, labels)]
        product = native("multiply", spread)  # they are aligned already
        product = spread[0] * spread[1] if product is None else product
        axes = tuple(range(len(labels) - len(summed), len(labels)))
        if axes:
            product = _added(product, axes, dtype)
        return _ordered(product, labels[: len(labels) - len(summed)], out)
    pairs = [[(of_a.index(label), of_b.index(label)) for label in labels] for labels in (batch, summed)]
    result = _contracted(a, b, pairs[0], pairs[1], dtype, "einsum")
    return None if result is None else _ordered(result, "".join([*batch, *left, *right]), out)


def _ordered(array: Array, labels: str, out: str) -> Array:
    return array if labels == out else array.transpose([labels.index(label) for label in out])


def _spread(array: Array, own: str, labels: str) -> Array:
    """Return the array with an axis for each label, of length 1 where it hasn't got it."""
    array = _ordered(array, own, "".join(label for label in labels if label in own))
    return array[tuple(slice(None) if label in own else np.newaxis for label in labels)]


def _einsum_block(spec: str, gone: int, kwargs: dict[str, Any], dtype: Any, *blocks: Any) -> Any:
    function = einsum_lookup.dispatch(type(blocks[0]))
    if all(type(block) is np.ndarray for block in blocks):  # other libraries' functions may not know the argument
        kwargs = {"casting": "unsafe", **kwargs}
    result = function(spec, *blocks, dtype=dtype, **kwargs)
    if not hasattr(result, "reshape"):
        result = np.asarray(result)
    return result.reshape(result.shape + (1,) * gone)


def _diagonals(term: str, block: Any) -> Any:
    return np.einsum(f"{term}->{''.join(dict.fromkeys(term))}", block).copy()


def _diagonal_chunks(a: Array, term: str) -> dict[str, Any]:
    first = {label: term.index(label) for label in term}
    dropped = [i for i, label in enumerate(term) if first[label] != i]
    if not dropped:
        return {}
    return {"drop_axis": dropped, "chunks": [a.chunks[i] for i in range(a.ndim) if i not in dropped]}


def _written(first: Any, rest: Sequence[Any]) -> tuple[str, list[Any]]:
    """Return the text form of operands that are followed by lists of labels."""
    everything = [first, *rest]
    out = everything.pop() if len(everything) % 2 else None
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

    def text(labels: Any) -> str:
        return "".join("..." if label is Ellipsis else letters[label] for label in labels)

    terms = ",".join(text(labels) for labels in everything[1::2])
    return (terms if out is None else f"{terms}->{text(out)}"), list(everything[::2])


def _terms(subscripts: str, arrays: Sequence[Array]) -> tuple[list[str], str]:
    """Return the labels of each operand and of the result, with letters in the place of dots."""
    subscripts = subscripts.replace(" ", "")
    left, arrow, out = subscripts.partition("->")
    terms = left.split(",")
    if len(terms) != len(arrays):
        raise ValueError("Number of einsum subscripts must be equal to the number of operands.")
    used = set(subscripts) - set(",->.")
    free = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" if c not in used]
    most = max(
        (array.ndim - len(term.replace("...", "")) for array, term in zip(arrays, terms, strict=True) if "..." in term),
        default=0,
    )
    dots = "".join(free[:most])
    named = []
    for array, term in zip(arrays, terms, strict=True):
        if "..." in term:
            count = array.ndim - len(term.replace("...", ""))
            term = term.replace("...", dots[most - count :])
        if len(term) != array.ndim:
            raise ValueError(f"einsum subscripts {term!r} do not match an operand of {array.ndim} dimensions")
        named.append(term)
    if arrow:
        out = out.replace("...", dots)
    else:
        every = "".join(named)
        out = dots + "".join(sorted(c for c in set(every) - set(dots) if every.count(c) == 1))
    unknown = set(out) - set("".join(named))
    if unknown:
        raise ValueError(f"Output character {sorted(unknown)[0]!r} did not appear in the input")
    return named, out
