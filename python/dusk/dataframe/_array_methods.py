"""What makes arrays of frames: `values`, `to_dask_array`, `to_records`. The work is done in `_arrays`."""

from __future__ import annotations

from typing import Any

__all__ = ["ArrayMethods"]


class ArrayMethods:
    """Frames, series and indexes as arrays."""

    @property
    def values(self) -> Any:
        """The values as an array whose lengths along the rows aren't known."""
        from dusk.dataframe._arrays import values

        return values(self)

    def to_dask_array(
        self, lengths: Any = None, meta: Any = None, optimize: bool = True, **optimize_kwargs: Any
    ) -> Any:
        """Return the values as an array, each partition as a block of rows.

        Parameters
        ----------
        lengths : True or sequence of int, optional
            The lengths of the blocks; True computes them now. By default they aren't known.
        meta : array, optional
            An empty example of a block.
        optimize : bool
            Accepted for compatibility: plans are optimized when they run.
        **optimize_kwargs
            Accepted for compatibility.

        Returns
        -------
        Array
        """
        from dusk.dataframe._arrays import to_dask_array

        return to_dask_array(self, lengths, meta)

    def to_records(self, index: bool = False, lengths: Any = None) -> Any:
        """Return the rows as an array of records, with the index as a field.

        Parameters
        ----------
        index : bool
            Accepted for compatibility.
        lengths : True or sequence of int, optional
            The lengths of the blocks; True computes them now.

        Returns
        -------
        Array
        """
        from dusk.dataframe._arrays import to_records

        return to_records(self, index, lengths)
