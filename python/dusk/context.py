"""Methods that a setting replaces: `globalmethod`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dusk import config

__all__ = ["globalmethod"]


class _Setting:
    """A method that is what a setting says, else its default; see `globalmethod`."""

    def __init__(self, default: Callable[..., Any], key: str, falsey: Callable[..., Any] | None) -> None:
        self._default = default
        self._key = key
        self._falsey = falsey

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if self._key in config.config:
            chosen = config.config[self._key]
            if chosen:
                return chosen
            if self._falsey is not None:
                return self._falsey
        return self._default


def globalmethod(
    default: Callable[..., Any] | None = None, key: str | None = None, falsey: Callable[..., Any] | None = None
) -> Any:
    """Make a static method that the setting ``key`` replaces while it is set.

    Parameters
    ----------
    default : callable, optional
        What is called otherwise; without it, a decorator comes back.
    key : str
        The setting.
    falsey : callable, optional
        What is called when the setting is something false; by default ``default``.

    Examples
    --------
    >>> import dusk
    >>> class Table:
    ...     @globalmethod(key="greeting")
    ...     def greet():
    ...         return "hello"
    >>> with dusk.config.set(greeting=lambda: "good day"):
    ...     Table().greet()
    'good day'
    """
    if key is None:
        raise TypeError("globalmethod needs key, the name of a setting")
    if default is None:
        return lambda function: _Setting(function, key, falsey)
    return _Setting(default, key, falsey)
