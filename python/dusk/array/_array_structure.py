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

    __slots__ = ("_function",)

    def __init__(self, function: Any) -> None:
        self._function = function

    def __getitem__(self, key: Any) -> Any:
        return self._function(key)


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

        return _Indexer(lambda key: vindex(self, key))

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
