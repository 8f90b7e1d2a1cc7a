"""Names for functions, types and keys."""

from __future__ import annotations

import functools
import re
from typing import Any

_LONGEST = 50
_HEX_WORD = re.compile(r"[a-f]{8}")
_TOKEN = re.compile(r"[0-9a-f]{32}")

#: Matches the letters that occur in hexadecimal numbers.
hex_pattern = re.compile("[a-f]+")


def funcname(func: Any) -> str:
    """Return a short name for a function.

    Parameters
    ----------
    func : callable
        Partials, caches, bound methods and `numpy.vectorize` are named after the function inside.

    Returns
    -------
    str
        At most 50 characters.

    Examples
    --------
    >>> funcname(functools.partial(sum, [1, 2]))
    'sum'
    """
    while isinstance(func, (functools.partial, functools.partialmethod)):
        func = func.func
    method = getattr(type(func), "dusk_method_name", None)
    if method is not None:
        return method.__get__(func)[:_LONGEST]
    if type(func).__name__ == "vectorize" and hasattr(func, "pyfunc"):
        return ("vectorize_" + funcname(func.pyfunc))[:_LONGEST]
    inner = getattr(func, "func", None) if not hasattr(func, "__name__") else None
    if inner is not None and callable(inner):
        return funcname(inner)
    name = getattr(func, "__name__", None)
    if isinstance(name, str):
        return "lambda" if name == "<lambda>" else name[:_LONGEST]
    text = str(func)
    if " at 0x" in text:  # an address would make the name differ each time
        text = type(func).__name__
    return text[:_LONGEST]


def typename(typ: Any, short: bool = False) -> str:
    """Return the full name of a type, or of the type of an object.

    Parameters
    ----------
    typ : object
    short : bool, default False
        Leave out all but the first part of the module's name.

    Examples
    --------
    >>> import collections.abc
    >>> typename(collections.abc.Mapping)
    'collections.abc.Mapping'
    >>> typename(collections.abc.Mapping, short=True)
    'collections.Mapping'
    """
    cls = typ if isinstance(typ, type) else type(typ)
    try:
        module = cls.__module__
        if not module or module == "builtins":
            return cls.__name__
        return f"{module.partition('.')[0] if short else module}.{cls.__name__}"
    except AttributeError:
        return str(cls)


def key_split(s: Any) -> str:
    """Return the name in a task's key without its token and numbers.

    Examples
    --------
    >>> key_split("add-1"), key_split(("from_pandas-ae05086432ca935f6eba409a8ecd4896", 0))
    ('add', 'from_pandas')
    """
    while isinstance(s, tuple) and s:
        s = s[0]
    if isinstance(s, bytes):
        s = s.decode(errors="replace")
    return _split_text(s) if isinstance(s, str) else "Other"


@functools.lru_cache(maxsize=100_000)
def _split_text(s: str) -> str:
    first, *rest = s.split("-")
    if not first[:1].isalpha():  # a tuple that was written out
        first = first.partition(",")[0].strip("_'()\"")
    if not first:
        return "Other"
    name = first
    for word in rest:
        if not word.isalpha() or _HEX_WORD.fullmatch(word):
            break
        name += "-" + word
    if _TOKEN.fullmatch(name):
        return "data"
    if name.startswith("<"):  # the repr of an object
        name = name.strip("<>").split()[0].rpartition(".")[2]
    return name


def natural_sort_key(s: str) -> list[str | int]:
    """Return a key that sorts numbers inside text as numbers.

    Examples
    --------
    >>> sorted(["f10", "f9"], key=natural_sort_key)
    ['f9', 'f10']
    """
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", s)]
