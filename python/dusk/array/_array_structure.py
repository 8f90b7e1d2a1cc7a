"""Methods of arrays that change structure: indexing, chunks, shape, order of axes.

Each is one line that calls the function of the module that it belongs to. Covers no arithmetic and no reductions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dusk.array._array import Array
    from dusk.array._getitem import BlockView


class _Indexer:
    """Something that is indexed instead of called."""

    __slots__ = ("_assign", "_function")

    def __init__(self, function: Any, assign: Any) -> None:
        self._function = function
        self._assign = assign

    def __getitem__(self, key: Any) -> Any:
        return self._function(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._assign(key, value)


class StructureMethods:
    """What `Array` can do about its structure."""

    __slots__ = ()

    def __getitem__(self: Array, index: Any) -> Array:
        from dusk.array._getitem import getitem

        return getitem(self, index)

    def __setitem__(self: Array, key: Any, value: Any) -> None:
        from dusk.array._setitem import setitem

        setitem(self, key, value)

    @property
    def vindex(self: Array) -> Any:
        """Indexing by points: arrays of positions are broadcast against each other, and their axes come first.

        Examples
        --------
        >>> import dusk.array as da
        >>> da.arange(9, chunks=2).reshape((3, 3)).vindex[[0, 1, 2], [0, 1, 2]].compute()
        array([0, 4, 8])
        """
        from dusk.array._getitem import vindex
        from dusk.array._setitem import set_vindex

        return _Indexer(lambda key: vindex(self, key), lambda key, value: set_vindex(self, key, value))

    @property
    def blocks(self: Array) -> BlockView:
        """The blocks, to be indexed as if each were an element; what comes out is an array of these blocks."""
        from dusk.array._getitem import BlockView

        return BlockView(self)

    @property
    def partitions(self: Array) -> BlockView:
        """The same as `blocks`."""
        return self.blocks

    def rechunk(
        self: Array,
        chunks: Any = "auto",
        threshold: Any = None,
        block_size_limit: Any = None,
        balance: bool = False,
        method: str | None = None,
    ) -> Array:
        """Return the array cut into other chunks; see `dusk.array.rechunk`."""
        from dusk.array.rechunk import rechunk

        return rechunk(self, chunks, threshold, block_size_limit, balance, method)

    def reshape(self: Array, *shape: Any, merge_chunks: bool = True, limit: Any = None) -> Array:
        """Return the array in another shape; see `dusk.array.reshape`."""
        from dusk.array.reshape import reshape

        if len(shape) == 1 and not isinstance(shape[0], int):
            shape = shape[0]
        return reshape(self, shape, merge_chunks=merge_chunks, limit=limit)

    def ravel(self: Array) -> Array:
        """Return the array with one axis, in C order."""
        from dusk.array.reshape import ravel

        return ravel(self)

    flatten = ravel

    @property
    def _chunks(self: Array) -> Any:
        """The chunks; set by those who know lengths better than the plan does."""
        return self.chunks

    @_chunks.setter
    def _chunks(self: Array, chunks: Any) -> None:
        from dusk.array._views import assign_to, relabel

        name = self.name
        assign_to(self, relabel(self, chunks))
        self._alias = name

    @property
    def T(self: Array) -> Array:  # noqa: N802  NumPy's name
        """The array with its axes in reverse order."""
        return self.transpose()

    @property
    def mT(self: Array) -> Array:  # noqa: N802  NumPy's name
        """The matrices of the last two axes, transposed."""
        if self.ndim < 2:
            raise ValueError("matrix transpose with ndim < 2 is undefined")
        return self.swapaxes(-2, -1)

    @property
    def A(self: Array) -> Array:  # noqa: N802  NumPy's name
        """The array itself."""
        return self

    def transpose(self: Array, *axes: Any) -> Array:
        """Return the array with its axes in another order; see `dusk.array.transpose`."""
        from dusk.array._axes import transpose

        given: Any = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else (axes or None)
        return transpose(self, axes=given)

    def swapaxes(self: Array, axis1: int, axis2: int) -> Array:
        """Return the array with two axes exchanged."""
        from dusk.array._axes import swapaxes

        return swapaxes(self, axis1, axis2)

    def squeeze(self: Array, axis: Any = None) -> Array:
        """Return the array without axes of length 1."""
        from dusk.array._axes import squeeze

        return squeeze(self, axis)

    def repeat(self: Array, repeats: int, axis: int | None = None) -> Array:
        """Return the array with each element repeated."""
        from dusk.array._selecting import repeat

        return repeat(self, repeats, axis=axis)

    def choose(self: Array, choices: Any) -> Array:
        """Return elements of other arrays, chosen by the numbers in this one."""
        from dusk.array._selecting import choose

        return choose(self, choices)

    def shuffle(self: Array, indexer: list[list[int]], axis: int, chunks: Any = "auto") -> Array:
        """Return the elements of an axis in groups that each lie in one chunk; see `dusk.array.shuffle`."""
        from dusk.array._selecting import shuffle

        return shuffle(self, indexer, axis, chunks)

    def map_overlap(
        self: Array, func: Any, depth: Any, boundary: Any = None, trim: bool = True, **kwargs: Any
    ) -> Array:
        """Call a function for each block with elements of its neighbours; see `dusk.array.map_overlap`."""
        from dusk.array.overlap import map_overlap

        return map_overlap(func, self, depth=depth, boundary=boundary, trim=trim, **kwargs)

    def to_svg(self: Array, size: int = 500) -> str:
        """Return a drawing of the chunks, in SVG.

        Parameters
        ----------
        size : int
            About how many pixels wide and high.
        """
        from dusk.array.svg import svg

        return svg(self.chunks, size=size)

    def _repr_html_(self: Array) -> str:
        from dusk.array._array_html import array_html

        return array_html(self)
