"""The first rows of a frame and the last: partitions are read until there are as many as asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from dusk.dataframe._fallback import gather
from dusk.dataframe._new import new_collection

__all__ = ["EndMethods", "concat_parts"]


def concat_parts(parts: Sequence[Any]) -> Any:
    """Bring computed partitions together."""
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], pd.Index):
        return parts[0].append(list(parts[1:]))
    filled = [part for part in parts if len(part)] or list(parts[:1])
    return pd.concat(filled) if len(filled) > 1 else filled[0]


class _Unset(int):
    """Dask's default of 1, told apart from a 1 that was given."""


_FIRST = _Unset(1)


class EndMethods:
    """`head` and `tail`."""

    def head(self, n: int = 5, npartitions: int = _FIRST, compute: bool = True) -> Any:
        """Give the first rows.

        Parameters
        ----------
        n : int
            How many.
        npartitions : int
            How many partitions to look into; -1 for all. By default partitions are read until there are ``n`` rows.
        compute : bool
            Give them as a pandas object; otherwise as a collection of one partition.

        Returns
        -------
        pandas object, or collection
        """
        return self._end(n, npartitions, compute, tail=False)

    def tail(self, n: int = 5, compute: bool = True) -> Any:
        """Give the last rows.

        Parameters
        ----------
        n : int
            How many. Partitions are read from the last one on until there are so many.
        compute : bool
            Give them as a pandas object; otherwise as a collection of one partition.

        Returns
        -------
        pandas object, or collection
        """
        return self._end(n, _FIRST, compute, tail=True)

    def _end(self, n: int, npartitions: int, compute: bool, tail: bool) -> Any:
        if n < 0:
            result = gather("tail" if tail else "head", self, n, meta=self._meta)
            return result.compute() if compute else result
        total = self.npartitions
        given = not isinstance(npartitions, _Unset)
        if given and npartitions > total:
            raise ValueError(f"only {total} partitions, head received {npartitions}")
        if given or not compute:
            count = total if not given or npartitions == -1 else npartitions
            result = self._end_of(range(count), n, tail)
            if not compute:
                return result
            found = result.compute()
            if given and npartitions != -1 and len(found) < n:
                import warnings

                warnings.warn(
                    f"Insufficient elements for `head`. {n} elements requested, only {len(found)} elements available. "
                    "Without `npartitions`, `head` reads on until there are enough.",
                    stacklevel=3,
                )
            return found
        parts: list[Any] = []
        start, width = 0, self._enough_partitions(n, tail)
        while True:
            chosen = range(start, min(start + width, total))
            part = self._end_of([total - 1 - i for i in reversed(chosen)] if tail else chosen, n, tail).compute()
            parts.insert(0, part) if tail else parts.append(part)
            n -= len(part)
            start, width = start + width, width * 2
            if n <= 0 or start >= total:
                return concat_parts(parts)

    def _enough_partitions(self, n: int, tail: bool) -> int:
        """Give how many partitions hold ``n`` rows, where their lengths are known; else 1."""
        rows = self._node.partition_rows
        if rows is None:
            return 1
        seen = 0
        for count, length in enumerate(reversed(rows) if tail else rows, 1):
            seen += length
            if seen >= n:
                return count
        return max(len(rows), 1)

    def _end_of(self, positions: Sequence[int], n: int, tail: bool) -> Any:
        """Give the first or last rows of some partitions, as one partition."""
        part = self if len(positions) == self.npartitions else self._take_partitions(list(positions))
        ends = part._limited(n, tail)
        if part.npartitions > 1:
            ends = ends._one_partition()._limited(n, tail)
        object.__setattr__(ends, "_origin", ("Tail" if tail else "Head", self, f"n={n}"))
        return ends

    def _limited(self, n: int, tail: bool) -> Any:
        return new_collection(self._node.limit(n, tail), meta=self._known_meta, loose=self._loose)
