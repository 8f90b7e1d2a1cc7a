"""Methods of strings for the elements of bags."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dusk._calls import methodcaller

if TYPE_CHECKING:
    from dusk.bag.core import Bag

__all__ = ["StringAccessor"]


class StringAccessor:
    """Methods of strings, applied to each element: ``bag.str.upper()``.

    Parameters
    ----------
    bag : Bag
    """

    def __init__(self, bag: Bag) -> None:
        self._bag = bag

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *dir(str)})

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__") or not hasattr(str, key):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {key!r}")

        @functools.wraps(getattr(str, key))
        def method(*args: Any, **kwargs: Any) -> Bag:
            return self._bag.map(methodcaller(key), *args, **kwargs)

        return method

    def match(self, pattern: str) -> Bag:
        """Keep the strings that match a pattern of the shell.

        Parameters
        ----------
        pattern : str
            With ``*``, ``?`` and ``[...]``, as in `fnmatch`.

        Examples
        --------
        >>> import dusk.bag as db
        >>> db.from_sequence(["ab", "cd"]).str.match("a*").compute()
        ['ab']
        """
        from fnmatch import fnmatch

        return self._bag.filter(functools.partial(_matches, fnmatch, pattern))


def _matches(fnmatch: Callable[[str, str], bool], pattern: str, text: str) -> bool:
    return fnmatch(text, pattern)
