"""Tokens: a short text that is equal for equal inputs, also in another process.

A token is the md5 of ``str`` of the *normalized* arguments. `normalize_token` turns an object into something whose
``str`` says all about it: builtins stand for themselves, containers become ``(type name, items)``, buffers and code
become hashes. Dask's scheme for builtins and containers is kept bit for bit, so tokens of these are Dask's. What
Dask pickles is taken apart here instead, because a pickle depends on the order of sets and on which objects are shared.
"""

from __future__ import annotations

import copyreg
import dataclasses
import datetime
import decimal
import enum
import functools
import hashlib
import pathlib
import pickle
import sys
import types
import uuid
from collections import OrderedDict
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

from dusk import config
from dusk._dispatch import Dispatch

__all__ = ["TokenizationError", "normalize_token", "tokenize"]

_HASHED_FROM = 64 * 1024  # longer bytes are not written out but hashed


class TokenizationError(RuntimeError):
    """An object has no token that would be the same in another process, and one was asked for."""


@dataclasses.dataclass
class _Run:
    """What one call of `tokenize` knows while it walks its arguments."""

    deterministic: bool
    #: Depth of the containers that are being walked, by id: a container in itself becomes its depth.
    seen: dict[int, int] = dataclasses.field(default_factory=dict)
    #: The same for functions and classes that are hashed by what they do.
    code: dict[int, int] = dataclasses.field(default_factory=dict)
    #: Finished functions and classes, with the object to keep its id taken.
    finished_code: dict[int, tuple[Any, Any]] = dataclasses.field(default_factory=dict)


#: Plain objects that had to be told apart. They are kept, so that no other object gets the id of one.
_sentinels: dict[int, tuple[object, str]] = {}
_RUN: ContextVar[_Run] = ContextVar("dusk-tokenize")


class _Seen:
    """What the walk that is under way has seen; nothing when none is."""

    def __len__(self) -> int:
        run = _RUN.get(None)
        return len(run.seen) if run is not None else 0


# Test suites look here whether a walk left anything behind.
_ENSURE_DETERMINISTIC = _RUN
_SEEN = _Seen()
_atoms: set[type] = {int, float, str, bool, type(None), complex, type(Ellipsis)}


def tokenize(*args: object, ensure_deterministic: bool | None = None, **kwargs: object) -> str:
    """Return a token for some arguments.

    Parameters
    ----------
    *args, **kwargs
        What the token stands for. The order of keywords doesn't matter.
    ensure_deterministic : bool, optional
        Raise for objects that have no token that is the same in another process. By default as the setting
        ``tokenize.ensure-deterministic`` says.

    Returns
    -------
    str
        32 hexadecimal digits.

    Raises
    ------
    TokenizationError
        If a token must be deterministic and can't be.

    Examples
    --------
    >>> tokenize([1, 2, "3"])
    '89eac3a815cbd3aa0db70511210963a9'
    """
    outer = _RUN.get(None)
    if ensure_deterministic is not None:
        deterministic = bool(ensure_deterministic)
    elif outer is not None:
        deterministic = outer.deterministic
    else:
        deterministic = bool(config.get("tokenize.ensure-deterministic", False))
    reset = _RUN.set(_Run(deterministic))
    try:
        token: Any = _normalize_items(args)
        if kwargs:
            named = sorted(kwargs.items(), key=_sort_key)
            token = token, _normalize_items(named)
        text = str(token)
    finally:
        _RUN.reset(reset)
    return hashlib.md5(text.encode(errors="surrogatepass"), usedforsecurity=False).hexdigest()


def _tokenize_deterministic(*args: object, **kwargs: object) -> str:
    """Return a token that is the same in every process, or raise TokenizationError."""
    return tokenize(*args, ensure_deterministic=True, **kwargs)


def hash_buffer_hex(buffer: Any) -> str:
    """Return the sha1 of anything with the buffer protocol, in hexadecimal."""
    return hashlib.sha1(buffer, usedforsecurity=False).hexdigest()


class _Normalize(Dispatch):
    """`Dispatch` that gives nested calls a common run, so that cycles end."""

    def __call__(self, arg: Any, *args: Any, **kwargs: Any) -> Any:
        if _RUN.get(None) is not None:
            return self.dispatch(type(arg))(arg, *args, **kwargs)
        reset = _RUN.set(_Run(bool(config.get("tokenize.ensure-deterministic", False))))
        try:
            return self.dispatch(type(arg))(arg, *args, **kwargs)
        finally:
            _RUN.reset(reset)


#: Turns an object into something whose ``str`` identifies it; register functions for own types on it.
normalize_token = _Normalize("normalize_token")


def _run() -> _Run:
    run = _RUN.get(None)
    if run is None:
        raise RuntimeError("normalizers are called through dusk.normalize_token")
    return run


def nondeterministic(what: str) -> None:
    """Raise TokenizationError if the token that is being made must be deterministic."""
    if _run().deterministic:
        raise TokenizationError(
            f"{what} cannot be deterministically hashed: give its class a __dask_tokenize__ method, "
            "or register a function for it with dusk.normalize_token.register"
        )


def _one_of_a_kind(what: str) -> tuple[str, str]:
    nondeterministic(what)
    return "once", uuid.uuid4().hex


def _sort_key(item: Any) -> tuple[str, str]:
    """Key of dictionary items: by the text of the key; keys with the same text by type."""
    return str(item[0]), type(item[0]).__qualname__


def _element_key(item: Any) -> tuple[str, str]:
    return str(item), type(item).__qualname__


def _normalize_items(items: Iterable[Any]) -> tuple[Any, ...]:
    """Normalize each item; the items' container counts as walked meanwhile."""
    seen = _run().seen
    identity = id(items)
    if identity in seen:
        return "__seen", seen[identity]
    seen[identity] = len(seen)
    try:
        dispatch = normalize_token.dispatch
        return tuple([x if type(x) in _atoms else dispatch(type(x))(x) for x in items])
    finally:
        del seen[identity]


@normalize_token.register((int, float, complex, str, bytes, type(None), type(Ellipsis)))
@normalize_token.register((decimal.Decimal, datetime.date, datetime.time, datetime.timedelta, pathlib.PurePath))
def _normalize_atom(x: Any) -> Any:
    cls = type(x)
    if cls in _atoms:
        return x
    if cls is bytes:
        return x if len(x) < _HASHED_FROM else ("bytes", hash_buffer_hex(x))
    if isinstance(x, enum.Enum):
        return normalize_enum(x)
    if " at 0x" in repr(x):  # a subclass or a time zone without a repr of its own
        return normalize_object(x)
    return x


@normalize_token.register((list, tuple))
def normalize_seq(seq: Any) -> Any:
    return type(seq).__name__, _normalize_items(seq)


@normalize_token.register((dict, types.MappingProxyType))
def normalize_dict(d: Any) -> Any:
    seen = _run().seen
    identity = id(d)
    if identity in seen:
        return "__seen", seen[identity]
    seen[identity] = len(seen)
    try:
        return "dict", _normalize_items(sorted(d.items(), key=_sort_key))
    finally:
        del seen[identity]


@normalize_token.register(OrderedDict)
def normalize_ordered_dict(d: Any) -> Any:
    return normalize_token(type(d)), ("list", _normalize_items(list(d.items())))


@normalize_token.register(set)
def normalize_set(s: Any) -> Any:
    return type(s).__name__, _normalize_items(sorted(s, key=_element_key))


normalize_token.register(frozenset, normalize_set)


@normalize_token.register(slice)
def normalize_slice(s: slice) -> Any:
    parts = (s.start, s.stop, s.step)
    return s if all(type(part) in _atoms for part in parts) else ("slice", _normalize_items(parts))


@normalize_token.register((bytearray, memoryview))
def normalize_buffer(b: Any) -> Any:
    if isinstance(b, memoryview):
        return "memoryview", b.format, b.shape, hash_buffer_hex(b if b.c_contiguous else b.tobytes())
    return type(b).__name__, hash_buffer_hex(b)


@normalize_token.register(functools.partial)
def normalize_partial(func: functools.partial[Any]) -> Any:
    return normalize_token(func.func), normalize_seq(func.args), normalize_dict(func.keywords)


@normalize_token.register((types.MethodType, types.MethodWrapperType))
def normalize_bound_method(method: Any) -> Any:
    return normalize_token(method.__self__), method.__name__


@normalize_token.register(types.BuiltinFunctionType)
def normalize_builtin(func: Any) -> Any:
    owner = getattr(func, "__self__", None)
    if owner is None or isinstance(owner, types.ModuleType):
        return "builtin", func.__module__, func.__qualname__
    return normalize_token(owner), func.__name__


@normalize_token.register((types.MethodDescriptorType, types.WrapperDescriptorType, types.ClassMethodDescriptorType))
@normalize_token.register((types.MemberDescriptorType, types.GetSetDescriptorType))
def normalize_descriptor(func: Any) -> Any:
    return normalize_token(func.__objclass__), func.__name__


@normalize_token.register(types.ModuleType)
def normalize_module(module: types.ModuleType) -> Any:
    return "module", module.__name__


@normalize_token.register((types.FunctionType, type, types.CodeType, property, staticmethod, classmethod))
def normalize_code(x: Any) -> Any:
    """Normalize what consists of code: by name if it can be imported, otherwise by what it does."""
    from dusk._token_code import normalize

    return normalize(x, _run())


@normalize_token.register(BaseException)
def normalize_exception(error: BaseException) -> Any:
    # Libraries that pickle tracebacks change how exceptions are pickled when they are imported.
    if hasattr(type(error), "__dask_tokenize__"):
        return normalize_object(error)
    return normalize_token(type(error)), _normalize_items(error.args), normalize_dict(vars(error))


@normalize_token.register(enum.Enum)
def normalize_enum(member: enum.Enum) -> Any:
    return "enum", normalize_token(type(member)), member.name, normalize_token(member.value)


def plain(x: Any) -> Any:
    """Return what a ``__dask_tokenize__`` gave, normalized unless all of it is made of builtins."""
    return x if _is_plain(x, 0) else normalize_token(x)


def _is_plain(x: Any, depth: int) -> bool:
    if type(x) in _atoms or type(x) is bytes:
        return True
    return type(x) in (list, tuple) and depth < 20 and all(_is_plain(each, depth + 1) for each in x)


@normalize_token.register(object)
def normalize_object(o: object) -> Any:
    """Normalize an object without a function of its own.

    Taken in this order: its ``__dask_tokenize__`` method, the fields of a dataclass, what it would be pickled by.
    """
    method = getattr(type(o), "__dask_tokenize__", None)
    if method is not None:
        return plain(o.__dask_tokenize__())  # type: ignore[attr-defined]
    if type(o) is object:
        return _normalize_sentinel(o)
    seen = _run().seen
    identity = id(o)
    if identity in seen:
        return "__seen", seen[identity]
    seen[identity] = len(seen)
    try:
        if dataclasses.is_dataclass(o):
            return _normalize_dataclass(o)
        return _normalize_reduced(o)
    finally:
        del seen[identity]


def _normalize_sentinel(o: object) -> Any:
    nondeterministic("object()")
    return "once", _sentinels.setdefault(id(o), (o, uuid.uuid4().hex))[1]


def _normalize_dataclass(o: Any) -> Any:
    names = [field.name for field in dataclasses.fields(o) if hasattr(o, field.name)]
    return normalize_token(type(o)), [(name, normalize_token(getattr(o, name))) for name in names]


def _normalize_reduced(o: Any) -> Any:
    """Normalize the parts that pickle would write: how to make the object and what to put into it."""
    parts = _normalize_parts(o)
    run = _run()
    if run.deterministic:
        run.deterministic = False  # the comparison is made at each level, once is enough
        try:
            again = _normalize_parts(o)
        finally:
            run.deterministic = True
        if str(parts) != str(again):
            nondeterministic(f"an object of type {type(o).__qualname__}, which is pickled differently each time,")
    return parts


def _normalize_parts(o: Any) -> Any:
    special = copyreg.dispatch_table.get(type(o))
    try:
        reduced = special(o) if special is not None else o.__reduce_ex__(4)
    except RecursionError:
        raise
    except Exception:
        return _one_of_a_kind(f"an object of type {type(o).__qualname__}, which can't be pickled,")
    if isinstance(reduced, str):
        module = pickle.whichmodule(o, reduced)  # type: ignore[attr-defined]
        found: Any = sys.modules.get(module)
        for part in reduced.split("."):
            found = getattr(found, part, None)
        if found is not o:
            return _one_of_a_kind(f"an object of type {type(o).__qualname__}, which isn't found under its name,")
        return "global", module, reduced
    make, args, *rest = reduced
    state, items, pairs = [*rest, None, None, None][:3]
    parts = [normalize_token(make), _normalize_items(args)]
    if state is not None:
        parts.append(normalize_token(state))
    for more in (items, pairs):
        if more is not None:
            parts.append(_normalize_items(list(more)))
    return tuple(parts)


def _register_external(package: str) -> None:
    from dusk import _token_arrays

    getattr(_token_arrays, "register_" + package)(normalize_token)


for _package in ("numpy", "pandas", "pyarrow"):
    normalize_token.register_lazy(_package, functools.partial(_register_external, _package))
