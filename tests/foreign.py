"""The smallest collections with Dask's protocol: some keys of a graph."""

from __future__ import annotations

import operator

from dusk._collection import DuskMethodsMixin


class Foreign(DuskMethodsMixin):
    """The smallest collection with Dask's protocol: some keys of a graph."""

    def __init__(self, graph, keys):
        self._graph, self._keys = graph, keys

    def __dask_graph__(self):
        return self._graph

    def __dask_keys__(self):
        return self._keys

    def __dask_tokenize__(self):
        return sorted(map(str, self._graph))

    def __dask_postcompute__(self):
        return tuple, ()

    def __dask_postpersist__(self):
        return Foreign, (self._keys,)


class Single(Foreign):
    def __dask_postcompute__(self):
        return operator.itemgetter(0), ()

    def __dask_postpersist__(self):
        return Single, (self._keys,)


def value(x, name=None):
    return Single({name or f"value-{x}": (int, x)}, [name or f"value-{x}"])
