"""A function chosen by the type of its first argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dusk._forks import new_rlock


class Dispatch:
    """A single-dispatch function that can wait for a library to be imported.

    Parameters
    ----------
    name : str, optional
        Name of the function.

    Examples
    --------
    >>> size = Dispatch("size")
    >>> @size.register((str, bytes))
    ... def size_text(x):
    ...     return len(x)
    >>> size("abc")
    3
    """

    def __init__(self, name: str | None = None) -> None:
        self._lookup: dict[type, Callable[..., Any]] = {}
        self._lazy: dict[str, Callable[[], Any]] = {}
        self._resolved: dict[type, Callable[..., Any]] = {}
        self._lock = new_rlock()
        if name:
            self.__name__ = name
        self.__doc__ = f"Function {name or ''} chosen by the type of its first argument".replace("  ", " ")

    def register(self, type: type | tuple[type, ...], func: Callable[..., Any] | None = None) -> Callable[..., Any]:
        """Register the function for a type or a tuple of types; without ``func`` a decorator."""

        def wrapper(function: Callable[..., Any]) -> Callable[..., Any]:
            with self._lock:
                for cls in type if isinstance(type, tuple) else (type,):
                    self._lookup[cls] = function
                    if cls is object and function.__doc__:
                        self.__doc__ = function.__doc__
                self._resolved.clear()
            return function

        return wrapper if func is None else wrapper(func)

    def register_lazy(self, toplevel: str, func: Callable[[], Any] | None = None) -> Callable[..., Any]:
        """Register a function that is called once, when a type of the package ``toplevel`` comes first.

        It takes no argument and is expected to call `register` for the package's types.
        """

        def wrapper(function: Callable[[], Any]) -> Callable[[], Any]:
            with self._lock:
                self._lazy[toplevel] = function
                self._resolved.clear()
            return function

        return wrapper if func is None else wrapper(func)

    def dispatch(self, cls: type) -> Callable[..., Any]:
        """Return the function for a type.

        Raises
        ------
        TypeError
            If no function is registered for the type or one of its bases.
        """
        function = self._resolved.get(cls)
        if function is not None:
            return function
        with self._lock:
            mro = cls.__mro__
            for base in mro:
                if base in self._lookup:
                    break
                module = getattr(base, "__module__", None)
                toplevel = module.partition(".")[0] if isinstance(module, str) else ""
                if toplevel in self._lazy:
                    register = self._lazy.pop(toplevel)
                    try:
                        register()
                    except BaseException:
                        self._lazy[toplevel] = register
                        raise
                    return self.dispatch(cls)
            for base in mro:
                if base in self._lookup:
                    function = self._resolved[cls] = self._lookup[base]
                    return function
        raise TypeError(f"No dispatch for {cls}")

    def __call__(self, arg: Any, *args: Any, **kwargs: Any) -> Any:
        """Call the function registered for the type of ``arg``."""
        return self.dispatch(type(arg))(arg, *args, **kwargs)
