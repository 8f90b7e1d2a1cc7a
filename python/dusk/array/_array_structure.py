"""Methods of arrays that change structure: indexing, chunks, shape, order of axes.

Each is one line that calls the function of the module that it belongs to. Covers no arithmetic and no reductions.
"""

from __future__ import annotations


class StructureMethods:
    """What `Array` can do about its structure."""

    __slots__ = ()
