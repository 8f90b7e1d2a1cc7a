"""What the tests of the border share: pandas objects cut into partitions, run to chunks, and turned back.

Everything goes through what `dusk._core` offers to the Python layer; nothing here looks into the core.
"""

import pandas as pd
import pyarrow as pa

from dusk import _core

SETTINGS = {"threads": 2}


def even(rows, parts):
    """Positions that cut `rows` rows into `parts` partitions, as alike as can be."""
    return [rows * i // parts for i in range(parts + 1)]


def plan(obj, parts=2, token=None):
    """The node of a pandas object in `parts` partitions."""
    return _core.from_pandas(obj, even(len(obj), parts), None, "held", token)


def through(obj, parts=2):
    """A pandas object through partitions and back."""
    return _core.compute([plan(obj, parts)], SETTINGS)[0]


def written_out(meta):
    """Metadata with an integer index in place of a range, since a function may leave out rows."""
    if isinstance(meta, (pd.DataFrame, pd.Series)) and isinstance(meta.index, pd.RangeIndex):
        return meta.set_axis(pd.Index([], dtype="int64", name=meta.index.name), axis=0)
    return meta


class Stream:
    """Chunks as a producer of an Arrow stream."""

    def __init__(self, node, chunks):
        self.node = node
        self.chunks = chunks

    def __arrow_c_stream__(self, requested_schema=None):
        return _core.arrow_stream(self.node, self.chunks, requested_schema)


class Held:
    """The chunks of a node, held by the engine."""

    def __init__(self, obj, parts=None, settings=SETTINGS):
        self.node = obj if isinstance(obj, _core.Node) else plan(obj, parts)
        self.chunks = _core.execute([self.node], settings)[0]

    def get(self):
        """The pandas object; the chunks live on."""
        return _core.assemble(self.node, self.chunks)

    def take(self):
        """The pandas object; the chunks are gone."""
        return _core.assemble(self.node, self.chunks, consume=True)

    def stream(self):
        return Stream(self.node, self.chunks)

    def table(self):
        return pa.table(self.stream())

    def is_native(self):
        """Whether every chunk is in Arrow's memory; only those make a stream."""
        for chunk in self.chunks:
            try:
                _core.arrow_stream(self.node, [chunk])
            except _core.NotNative:
                return False
        return True

    def addresses(self):
        """Where the values of the first partition's columns lie."""
        table = pa.table(Stream(self.node, self.chunks[:1]))
        columns = table.columns[: len(self.node.columns)]
        return [column.chunk(0).buffers()[1].address for column in columns]

    def nbytes(self):
        return [chunk.nbytes for chunk in self.chunks]

    def map(self, function, meta):
        """The chunks of a function of the user on each partition."""
        node = _core.from_chunks(self.chunks, self.node)
        call = _core.call(function, [node], written_out(meta), prefix="map", mode="partition", library=False)
        return Held(call)


def owned(obj, parts):
    """A pandas object's rows in memory of the engine's own: each is the survivor of a filter over twice the rows."""
    twice = obj.take([row for row in range(len(obj)) for _ in range(2)])
    keep = [row % 2 == 0 for row in range(len(twice))]
    positions = [2 * position for position in even(len(obj), parts)]
    node = _core.from_pandas(twice.assign(keep=keep), positions, None, "owned")
    width = obj.shape[1]
    kept = node.filter(node.select([width], "series")).select(list(range(width)), "frame")
    # in one batch: only that can be handed over as it is
    return Held(kept, settings=SETTINGS | {"batch_rows": 1 << 30})
