"""Functions about functions: calling them, taking them apart, and small callable objects."""

from __future__ import annotations

import functools
import gc
import importlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")


def apply(func: Callable[..., T], args: Iterable[Any], kwargs: Mapping[str, Any] | None = None) -> T:
    """Call a function with a sequence of arguments and a mapping of keywords.

    Examples
    --------
    >>> apply(int, ["101"], {"base": 2})
    5
    """
    return func(*args, **kwargs) if kwargs else func(*args)


def partial_by_order(*args: Any, function: Callable[..., T], other: Iterable[tuple[int, Any]], **kwargs: Any) -> T:
    """Call a function with more arguments put in at given positions; keywords are its own.

    Examples
    --------
    >>> partial_by_order(5, function=divmod, other=[(0, 20)])
    (4, 0)
    """
    every = list(args)
    for position, value in other:
        every.insert(position, value)
    return function(*every, **kwargs)


class OperatorMethodMixin:
    """Gives classes operators one by one: ``_bind_operator(operator.add)`` makes ``__add__`` and ``__radd__``.

    A subclass says in ``_get_unary_operator(op)`` and ``_get_binary_operator(op, inv=False)`` what the methods are.

    Examples
    --------
    >>> import operator
    >>> class Word(OperatorMethodMixin):
    ...     @classmethod
    ...     def _get_binary_operator(cls, op, inv=False):
    ...         return lambda self, other: f"{op.__name__} {other} {inv}"
    >>> Word._bind_operator(operator.and_)
    >>> Word() & 1, 1 & Word()
    ('and_ 1 False', 'and_ 1 True')
    """

    __slots__ = ()

    @classmethod
    def _bind_operator(cls, op: Callable[..., Any]) -> None:
        name = op.__name__.removesuffix("_")
        name = "invert" if name == "inv" else name
        if name in ("abs", "invert", "neg", "pos"):
            setattr(cls, f"__{name}__", cls._get_unary_operator(op))
            return
        setattr(cls, f"__{name}__", cls._get_binary_operator(op))
        if name not in ("eq", "ne", "lt", "le", "gt", "ge", "getitem"):
            setattr(cls, f"__r{name}__", cls._get_binary_operator(op, inv=True))

    @classmethod
    def _get_unary_operator(cls, op: Callable[..., Any]) -> Any:
        # abstract: as Dask's class of this name
        raise NotImplementedError(f"{cls.__name__} must define `_get_unary_operator` for {op.__name__}")

    @classmethod
    def _get_binary_operator(cls, op: Callable[..., Any], inv: bool = False) -> Any:
        # abstract, as above
        raise NotImplementedError(f"{cls.__name__} must define `_get_binary_operator` for {op.__name__}")


class methodcaller:  # noqa: N801
    """A function that calls a method of its first argument; the same name gives the same object.

    Parameters
    ----------
    method : str
        Name of the method.

    Examples
    --------
    >>> methodcaller("upper")("abc")
    'ABC'
    """

    __slots__ = ("__weakref__", "method")
    _known: WeakValueDictionary[str, methodcaller] = WeakValueDictionary()
    method: str

    def __new__(cls, method: str) -> methodcaller:
        self = cls._known.get(method)
        if self is None:
            self = object.__new__(cls)
            self.method = method
            self = cls._known.setdefault(method, self)
        return self

    @property
    def func(self) -> str:
        """Name of the method."""
        return self.method

    @property
    def dusk_method_name(self) -> str:
        """Name that `funcname` gives."""
        return self.method

    def __call__(self, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        return getattr(obj, self.method)(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return methodcaller, (self.method,)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.method}>"


class MethodCache:
    """Attributes of this are `methodcaller` objects: ``M.upper("abc")``."""

    def __getattr__(self, name: str) -> methodcaller:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return methodcaller(name)

    def __dir__(self) -> list[str]:
        return sorted(methodcaller._known)


#: Calls methods by attribute: ``M.upper("abc") == "ABC"``.
M = MethodCache()


class itemgetter:  # noqa: N801
    """A function that gets an item of its argument, equal to others with an equal index.

    Parameters
    ----------
    index : object
    """

    __slots__ = ("index",)

    def __init__(self, index: Any) -> None:
        self.index = index

    def __call__(self, x: Any) -> Any:
        return x[self.index]

    def __reduce__(self) -> tuple[Any, ...]:
        return itemgetter, (self.index,)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.index == other.index  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((itemgetter, self.index))

    def __repr__(self) -> str:
        return f"itemgetter({self.index!r})"


class IndexCallable:
    """An object whose items are the results of a function of the index."""

    __slots__ = ("fn",)

    def __init__(self, fn: Callable[[Any], Any]) -> None:
        self.fn = fn

    def __getitem__(self, key: Any) -> Any:
        return self.fn(key)


class cached_property(functools.cached_property):  # noqa: N801
    """A property that is worked out once and can't be set."""

    def __set__(self, instance: Any, value: Any) -> None:
        raise AttributeError(f"attribute {self.attrname!r} can't be set")

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        values = instance.__dict__
        if self.attrname not in values:
            values[self.attrname] = self.func(instance)
        return values[self.attrname]


def has_keyword(func: Any, keyword: str) -> bool:
    """Return whether a function has a parameter of that name; False if it can't be told.

    Examples
    --------
    >>> has_keyword(print, "end"), has_keyword(print, "colour")
    (True, False)
    """
    try:
        return keyword in inspect.signature(func).parameters
    except (TypeError, ValueError):
        return False


def getargspec(func: Any) -> inspect.FullArgSpec:
    """Return `inspect.getfullargspec` of a function, of what a partial calls, or of a class's ``__init__``."""
    if isinstance(func, functools.partial):
        return getargspec(func.func)
    if isinstance(func, type):
        func = getattr(func, "__init__")  # noqa: B009  plain access to it is unsound to mypy
    return inspect.getfullargspec(inspect.unwrap(func))


def get_named_args(func: Any) -> list[str]:
    """Return the names of the parameters that can be given by keyword.

    Examples
    --------
    >>> get_named_args(lambda a, b=1, *c, d=2, **e: 0)
    ['a', 'b', 'd']
    """
    kinds = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    return [name for name, each in inspect.signature(func).parameters.items() if each.kind in kinds]


def takes_multiple_arguments(func: Any, varargs: bool = True) -> bool:
    """Return whether a function needs more than one argument.

    Parameters
    ----------
    func : callable
    varargs : bool, default True
        What to return for a function that takes ``*args``, and for one whose parameters can't be told.

    Examples
    --------
    >>> takes_multiple_arguments(lambda a, b: 0), takes_multiple_arguments(lambda a, b=1: 0)
    (True, False)
    """
    if func in (map, filter, divmod, pow, getattr, setattr, hasattr, delattr, isinstance, issubclass, compile):
        return True
    try:
        parameters = inspect.signature(func).parameters.values()
    except (TypeError, ValueError):
        return False if isinstance(func, type) or inspect.isbuiltin(func) else varargs
    if any(each.kind is each.VAR_POSITIONAL for each in parameters):
        return False if isinstance(func, type) and func.__module__ == "builtins" else varargs
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(each.kind in positional and each.default is each.empty for each in parameters) > 1


@contextmanager
def disable_gc(collect: bool = False) -> Iterator[None]:
    """Keep the garbage collector off in this block, or in a function that this decorates.

    Parameters
    ----------
    collect : bool, default False
        Collect before.
    """
    if collect:
        gc.collect()
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def import_required(mod_name: str, error_msg: str) -> Any:
    """Import a module, or raise RuntimeError with the given words if it is missing."""
    try:
        return importlib.import_module(mod_name)
    except ImportError as error:
        raise RuntimeError(error_msg) from error
