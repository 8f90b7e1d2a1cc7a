"""Bags written to files and made into dataframes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

__all__ = ["bag_to_dataframe", "frame_of", "output_files", "to_textfiles"]


def output_files(
    path: Any,
    count: int,
    name_function: Callable[[int], str] | None,
    ending: str,
    storage_options: dict[str, Any] | None,
) -> tuple[Any, list[str]]:
    """Return the file system and the names of the files to write; folders are made.

    Parameters
    ----------
    path : str, os.PathLike or sequence of these
        A folder, a path with one ``*`` in it, or one path for each file.
    count : int
        How many files there are.
    name_function : callable, optional
        Makes what stands for the ``*`` from the number of the file.
    ending : str
        Ending of names in a folder, with the dot.
    storage_options : dict, optional
        For the file system.
    """
    import fsspec

    if isinstance(path, str | os.PathLike):
        text = os.fspath(path)
        if "*" not in text:
            text = text.rstrip("/") + "/*" + ending
        if text.count("*") > 1:
            raise ValueError(f"the path may have one '*' at most, got {text!r}")
        words = [name_function(i) for i in range(count)] if name_function else _numbers(count)
        if len(set(words)) < count:
            raise ValueError("name_function gives the same name to several files")
        paths = [text.replace("*", word) for word in words]
    elif isinstance(path, Sequence):
        paths = [os.fspath(each) for each in path]
        if len(paths) != count:
            raise ValueError(f"{count} paths are needed, one for each partition; got {len(paths)}")
    else:
        raise TypeError(f"a path or a sequence of paths is needed, got {type(path).__name__}")
    fs, first = fsspec.core.url_to_fs(paths[0], **(storage_options or {}))
    names = [first, *(fs._strip_protocol(each) for each in paths[1:])]
    for folder in {os.path.dirname(name) for name in names} - {""}:
        fs.makedirs(folder, exist_ok=True)
    return fs, names


def _numbers(count: int) -> list[str]:
    """Return numbers of one length, so that names sort as they count."""
    width = len(str(max(count - 1, 0)))
    return [str(i).zfill(width) for i in range(count)]


class WriteText:
    """Writes a partition to a file, an element on each line."""

    __slots__ = ("compression", "encoding", "fs", "last_endline", "names")

    def __init__(self, fs: Any, names: list[str], compression: str | None, encoding: str, last_endline: bool) -> None:
        self.fs = fs
        self.names = names
        self.compression = compression
        self.encoding = encoding
        self.last_endline = last_endline

    def __call__(self, part: Iterable[Any], position: int) -> list[str]:
        import fsspec

        name = self.names[position]
        file = fsspec.core.OpenFile(
            self.fs, name, mode="wt", compression=self.compression, encoding=self.encoding, errors=None, newline=""
        )
        with file as stream:
            between = ""
            for x in part:
                if not isinstance(x, str):
                    if not isinstance(x, bytes):
                        raise TypeError(f"text files hold str; the element {x!r} is a {type(x).__name__}")
                    x = x.decode(self.encoding)
                stream.write(between + x)
                between = "" if x.endswith("\n") else "\n"
            if self.last_endline and between:
                stream.write(between)
        return [name]

    def __reduce__(self) -> tuple[Any, ...]:
        return (WriteText, (self.fs, self.names, self.compression, self.encoding, self.last_endline))


def to_textfiles(
    b: Any,
    path: Any,
    name_function: Callable[[int], str] | None = None,
    compression: str | None = "infer",
    encoding: str = "utf-8",
    compute: bool = True,
    storage_options: dict[str, Any] | None = None,
    last_endline: bool = False,
    **kwargs: Any,
) -> Any:
    """Write each partition of a bag of strings to a file, an element on each line.

    Parameters
    ----------
    b : Bag
    path : str, os.PathLike or sequence of these
        A folder, a path with a ``*`` for the number of the partition, or one path for each partition.
    name_function : callable, optional
        Makes what stands for the ``*``; the names should sort as the numbers do.
    compression : str or None, default "infer"
        By default as the names' ending says.
    encoding : str, default "utf-8"
    compute : bool, default True
        Write now; otherwise delayed values come back.
    storage_options : dict, optional
        For the file system.
    last_endline : bool, default False
        End the last line, too.
    **kwargs
        For `compute`.

    Returns
    -------
    list
        The names of the files, or delayed values.
    """
    from fsspec.utils import infer_compression

    from dusk.bag import chunk
    from dusk.bag._plan import Each, Source, interned
    from dusk.bag.core import Bag
    from dusk.tokenize import tokenize

    fs, names = output_files(path, b.npartitions, name_function, ".part", storage_options)
    if compression == "infer":
        compression = infer_compression(names[0])
    numbers = interned(Source(f"positions-{b.npartitions}", b.npartitions, chunk.itself))
    function = WriteText(fs, names, compression, encoding, last_endline)
    name = f"to-textfiles-{tokenize(b, names, compression, encoding, last_endline)}"
    written = Bag._of(Each(name, function, [b._step, numbers], lazy_in=True, library=True))
    return written.compute(**kwargs) if compute else written.to_delayed()


def frame_of(seq: Iterable[Any], columns: Sequence[Any], dtypes: dict[Any, Any]) -> Any:
    """Make a frame of the elements of a partition.

    Parameters
    ----------
    seq : iterable
    columns : sequence
        Labels of the columns.
    dtypes : dict
        Their dtypes.
    """
    import pandas as pd

    part = seq if isinstance(seq, list | pd.DataFrame) else list(seq)
    frame = pd.DataFrame(part, columns=list(columns))
    return frame.astype(dtypes)


class _MakeFrame:
    """Makes a frame of the elements of a partition."""

    __slots__ = ("columns", "dtypes")

    def __init__(self, columns: list[Any], dtypes: dict[Any, Any]) -> None:
        self.columns = columns
        self.dtypes = dtypes

    def __call__(self, part: Iterable[Any]) -> Any:
        return frame_of(part, self.columns, self.dtypes)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_MakeFrame, (self.columns, self.dtypes))


def bag_to_dataframe(bag: Any, meta: Any, columns: Any) -> Any:
    """Make a dataframe of a bag; see `Bag.to_dataframe`."""
    import pandas as pd

    from dusk import _core
    from dusk.bag._plan import lower
    from dusk.dataframe._meta import make_meta
    from dusk.dataframe._new import new_collection
    from dusk.tokenize import tokenize

    if meta is None:
        head = bag.take(1, warn=False)
        if not head:
            raise ValueError(
                "the first partition is empty, so `to_dataframe` can't see the columns; pass them and their dtypes as "
                "`meta`"
            )
        meta = pd.DataFrame(list(head), columns=columns)
    elif columns is not None:
        raise ValueError("Can't specify both `meta` and `columns`")
    else:
        meta = make_meta(meta)
    meta = meta.iloc[:0]
    function = _MakeFrame(list(meta.columns), meta.dtypes.to_dict())
    nodes = []
    for i, node in enumerate(lower(bag._step)):
        divisions = [None] * (node.npartitions + 1)
        token = tokenize("bag-to-dataframe", bag, meta, i)
        nodes.append(
            _core.call(
                function,
                [node],
                meta,
                prefix="from-bag",
                mode="partition",
                library=True,
                divisions=divisions,
                token=token,
            )
        )
    node = nodes[0] if len(nodes) == 1 else _core.concat(nodes, None)
    return new_collection(node, meta=node.meta())
