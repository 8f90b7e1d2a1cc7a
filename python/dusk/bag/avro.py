"""Avro files, through the optional package fastavro."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from dusk._units import parse_bytes
from dusk.bag._plan import Each, Source, interned
from dusk.bag.core import Bag
from dusk.tokenize import tokenize

__all__ = ["read_avro", "to_avro"]

MAGIC = b"Obj\x01"
SYNC_SIZE = 16


def _fastavro() -> Any:
    try:
        import fastavro
    except ImportError:
        raise ImportError("Avro files need the package fastavro: `pip install fastavro`") from None
    return fastavro


def read_avro(
    urlpath: Any,
    blocksize: int | str | None = 100_000_000,
    storage_options: dict[str, Any] | None = None,
    compression: str | None = None,
) -> Bag:
    """Read the records of Avro files as dictionaries.

    Parameters
    ----------
    urlpath : str, os.PathLike or sequence of these
        Paths and URLs, also with ``*``.
    blocksize : int or str, optional
        Bytes of a partition, for files larger than that; None reads each file as one partition.
    storage_options : dict, optional
        For the file system.
    compression : str, optional
        Of whole files, beside Avro's own; then ``blocksize`` must be None.

    Returns
    -------
    Bag
    """
    _fastavro()
    from dusk.bytes.core import blocks_of, stamp_of
    from dusk.bytes.files import open_files

    opened = open_files(urlpath, mode="rb", compression=compression, storage_options=storage_options)
    if blocksize is None:
        blocks = [(file, None, None) for file in opened]
    else:
        size = parse_bytes(blocksize)
        blocks = [(file, offset, length) for file in opened for offset, length in blocks_of(file, size)]
    name = f"read-avro-{tokenize([stamp_of(file) for file in opened], blocksize, compression)}"
    return Bag._of(Source(name, len(blocks), _Records(blocks), lazy_out=True))


class _Records:
    """Gives the records of a block: those whose Avro block begins in it."""

    __slots__ = ("blocks",)

    def __init__(self, blocks: list[tuple[Any, int | None, int | None]]) -> None:
        self.blocks = blocks

    def __call__(self, position: int) -> Iterator[Any]:
        fastavro = _fastavro()
        file, offset, length = self.blocks[position]
        from dusk.bytes.files import fresh

        with fresh(file) as stream:
            if offset is None or length is None:
                yield from fastavro.reader(stream)
                return
            for block in fastavro.block_reader(stream):
                if block.offset >= offset + length:
                    return
                if block.offset >= offset:
                    yield from block

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Records, (self.blocks,))


class _WriteAvro:
    """Writes a partition to a file."""

    __slots__ = ("codec", "fs", "metadata", "names", "schema", "sync_interval")

    def __init__(self, fs: Any, names: list[str], schema: Any, codec: str, sync_interval: int, metadata: Any) -> None:
        self.fs = fs
        self.names = names
        self.schema = schema
        self.codec = codec
        self.sync_interval = sync_interval
        self.metadata = metadata

    def __call__(self, part: Iterable[Any], position: int) -> list[str]:
        name = self.names[position]
        with self.fs.open(name, "wb") as stream:
            _fastavro().writer(
                stream, self.schema, part, codec=self.codec, sync_interval=self.sync_interval, metadata=self.metadata
            )
        return [name]

    def __reduce__(self) -> tuple[Any, ...]:
        return (_WriteAvro, (self.fs, self.names, self.schema, self.codec, self.sync_interval, self.metadata))


def to_avro(
    b: Bag,
    filename: Any,
    schema: Any,
    name_function: Any = None,
    storage_options: dict[str, Any] | None = None,
    codec: str = "null",
    sync_interval: int = 16000,
    metadata: Any = None,
    compute: bool = True,
    **kwargs: Any,
) -> Any:
    """Write each partition of a bag of dictionaries to an Avro file.

    Parameters
    ----------
    b : Bag
    filename : str, os.PathLike or sequence of these
        A folder, a path with a ``*`` for the number of the partition, or one path for each partition.
    schema : dict
        Avro's schema of a record.
    name_function : callable, optional
        Makes what stands for the ``*``.
    storage_options : dict, optional
        For the file system.
    codec : str, default "null"
        Avro's compression of blocks.
    sync_interval : int, default 16000
        Bytes of a block.
    metadata : dict, optional
        Stored in the files' heads.
    compute : bool, default True
        Write now; otherwise delayed values come back.
    **kwargs
        For `compute`.
    """
    from dusk.bag import chunk
    from dusk.bag._output import output_files

    _fastavro()
    if not isinstance(schema, dict) or "type" not in schema:
        raise TypeError("an Avro schema is a dict with 'type', 'name' and 'fields'")
    fs, names = output_files(filename, b.npartitions, name_function, ".avro", storage_options)
    numbers = interned(Source(f"positions-{b.npartitions}", b.npartitions, chunk.itself))
    function = _WriteAvro(fs, names, schema, codec, sync_interval, metadata)
    name = f"to-avro-{tokenize(b, names, schema, codec, sync_interval, metadata)}"
    written = Bag._of(Each(name, function, [b._step, numbers], lazy_in=True, library=True))
    return written.compute(**kwargs) if compute else written.to_delayed()
