"""Dask's public names and signatures, and how dusk's compare.

    python -m tests.surface            say what is missing and what could be taken off the list
    python -m tests.surface shrink     take off the list what exists by now

`data/dask_api.json.gz` has the names: per module, and per class that users meet, each with its parameters as
`[name, kind, has a default]`. `data/missing_api.txt` lists what dusk lacks: a name, or a name with `()` where it is
there but can't be called as Dask's can. It only shrinks.
"""

from __future__ import annotations

import gzip
import importlib
import inspect
import json
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
MISSING = DATA / "missing_api.txt"
_ABSENT = object()
_HEAD = """\
# What of Dask's public API dusk lacks, per module or class; `()` after a name: it can't be called as Dask's can.
# Only to be shortened: `python -m tests.surface shrink` takes off what exists.
"""


def _frame() -> Any:
    import pandas as pd

    import dusk.dataframe as dd

    index = pd.date_range("2000-01-01", periods=4, name="when")
    data = pd.DataFrame({"n": [1, 2, 3, 4], "s": ["a", "b", "c", "d"]}, index=index)
    return dd.from_pandas(data, npartitions=2)


def _dotted(path: str) -> Callable[[], Any]:
    def find() -> Any:
        module, _, name = path.rpartition(".")
        return getattr(importlib.import_module(module), name)

    return find


#: Classes that Dask keeps in private modules, by how a user comes to them.
_REACHED: dict[str, Callable[[], Any]] = {
    "dask.dataframe.dask_expr._collection.FrameBase": lambda: type(_frame()).__mro__[1],
    "dask.dataframe.dask_expr._collection.DataFrame": lambda: type(_frame()),
    "dask.dataframe.dask_expr._collection.Series": lambda: type(_frame().n),
    "dask.dataframe.dask_expr._collection.Index": lambda: type(_frame().index),
    "dask.dataframe.dask_expr._collection.Scalar": lambda: type(_frame().n.sum()),
    "dask.dataframe.dask_expr._groupby.GroupBy": lambda: type(_frame().groupby("s")),
    "dask.dataframe.dask_expr._groupby.SeriesGroupBy": lambda: type(_frame().groupby("s").n),
    "dask.dataframe.dask_expr._str_accessor.StringAccessor": lambda: type(_frame().s.str),
    "dask.dataframe.dask_expr._datetime.DatetimeAccessor": lambda: type(_frame().index.to_series().dt),
    "dask.dataframe.dask_expr._categorical.CategoricalAccessor": lambda: type(_frame().s.astype("category").cat),
    "dask.dataframe.dask_expr._rolling.Rolling": lambda: type(_frame().rolling(2)),
    "dask.dataframe.tseries.resample.Resampler": lambda: type(_frame().resample("2D")),
    "dask.dataframe.dask_expr._indexing.LocIndexer": lambda: type(_frame().loc),
    "dask.dataframe.dask_expr._indexing.ILocIndexer": lambda: type(_frame().iloc),
}


@cache
def dask_api() -> dict[str, Any]:
    """Return Dask's names."""
    return json.loads(gzip.decompress((DATA / "dask_api.json.gz").read_bytes()))


def read_missing(path: Path = MISSING) -> set[str]:
    """Return the listed names, as ``place:name``."""
    found: set[str] = set()
    place = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("    "):
            found.update(f"{place}:{name}" for name in line.split())
        elif line and not line.startswith("#"):
            place = line
    return found


def write_missing(names: Iterable[str], path: Path = MISSING) -> None:
    """Write the list."""
    places: dict[str, list[str]] = {}
    for name in sorted(names):
        place, _, member = name.partition(":")
        places.setdefault(place, []).append(member)
    text = _HEAD
    for place, members in places.items():
        lines = textwrap.wrap(" ".join(members), 110, break_long_words=False, break_on_hyphens=False)
        text += f"\n{place}\n" + "".join(f"    {line}\n" for line in lines)
    path.write_text(text, encoding="utf-8")


def differences() -> Iterator[str]:
    """Yield what dusk lacks, as ``place:name``, or ``place:name()`` where only the call differs."""
    api = dask_api()
    for place, names in api["modules"].items():
        module = _quietly(lambda place=place: importlib.import_module("dusk" + place.removeprefix("dask")))
        for name, parameters in names.items():
            yield from _compare(f"{place}:{name}", module, name, parameters)
    for place, record in api["classes"].items():
        found = _quietly(_REACHED.get(place, _dotted("dusk" + place.removeprefix("dask"))))
        if found is not _ABSENT and place not in _REACHED and not accepts(found, record["init"]):
            yield f"{place}:()"
        for name, parameters in record["members"].items():
            yield from _compare(f"{place}:{name}", found, name, parameters)


def _compare(label: str, owner: Any, name: str, parameters: list[Any] | None) -> Iterator[str]:
    if owner is _ABSENT:
        yield label
        return
    value = _quietly(lambda: inspect.getattr_static(owner, name) if inspect.isclass(owner) else getattr(owner, name))
    if value is _ABSENT:
        value = _quietly(lambda: getattr(owner, name))
    if value is _ABSENT:
        yield label
    elif not accepts(value, parameters):
        yield label + "()"


def _quietly(find: Callable[[], Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return find()
        except Exception:  # absent, however that shows
            return _ABSENT


def accepts(function: Any, parameters: list[Any] | None) -> bool:
    """Say whether something can be called as Dask's counterpart.

    All of Dask's parameters must be taken, by position in the same order where Dask takes them so; those that Dask
    has a default for must have one; and there must be no others without one.

    Parameters
    ----------
    function : object
        What dusk has; also a descriptor as classes hold it.
    parameters : list or None
        Name, kind ("pos", "posonly", "kw", "args" or "kwargs") and whether there is a default, for each parameter. None
        for what isn't called, or is written in C.

    Returns
    -------
    bool
    """
    if isinstance(function, staticmethod | classmethod):
        function = function.__func__
    if parameters is None or isinstance(function, property) or not callable(function):
        return parameters is None or isinstance(function, property) or hasattr(type(function), "__get__")
    try:
        own = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return True
    kinds = {each.kind for each in own}
    by_name = {each.name: each for each in own}
    any_position, any_name = inspect.Parameter.VAR_POSITIONAL in kinds, inspect.Parameter.VAR_KEYWORD in kinds
    in_order = [p for p in own if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    theirs = [each for each in parameters if each[1] in ("pos", "posonly")]
    for position, (name, kind, default) in enumerate(theirs):
        here = in_order[position] if position < len(in_order) else None
        # The name counts only where somebody may use it: `self` and the like are given by position.
        same = here is not None and (here.name == name or kind == "posonly" or (position == 0 and not default))
        if not same and not any_position:
            return False
        if not same and kind == "pos" and name not in by_name and not any_name:
            return False
        if default and here is not None and here.default is here.empty:
            return False
    for name, kind, default in parameters:
        if kind == "kw":
            if name not in by_name and not any_name:
                return False
            if default and name in by_name and by_name[name].default is inspect.Parameter.empty:
                return False
        elif (kind == "args" and not any_position) or (kind == "kwargs" and not any_name and _means_more(parameters)):
            return False
    known = {each[0] for each in parameters}
    required = [p for p in own if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return all(p in in_order[: len(theirs)] or p.name in known for p in required)


def _means_more(parameters: list[Any]) -> bool:
    """Say whether keywords are all that a function takes, beside its first argument; else they are only handed on."""
    return sum(each[1] != "kwargs" for each in parameters) == 0


def main() -> int:
    """Do what the command line says."""
    now, listed = set(differences()), read_missing() if MISSING.exists() else None
    if listed is None:
        write_missing(now)
    elif sys.argv[1:] == ["shrink"]:
        write_missing(listed & now)
    else:
        print(*(f"missing: {name}" for name in sorted(now - listed)), sep="\n")
        print(*(f"exists: {name}" for name in sorted(listed - now)), sep="\n")
    api = dask_api()
    total = sum(map(len, api["modules"].values())) + sum(len(each["members"]) for each in api["classes"].values())
    print(f"{len(now)} of {total} names are missing or differ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
