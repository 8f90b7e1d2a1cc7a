"""Docstrings and signatures taken from the libraries whose interface dusk has, instead of copied text.

A docstring is read when a function is defined, which costs a few microseconds; a signature is worked out when somebody
asks for it.
"""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

F = TypeVar("F", bound=Any)

_MISSING = object()


class _LazySignature(inspect.Signature):
    """A signature that is taken from another function when it is first looked at."""

    __slots__ = ("_made", "_source")

    def __init__(self, source: Any) -> None:
        self._source = source
        self._made: inspect.Signature | None = None

    def _real(self) -> inspect.Signature:
        if self._made is None:
            try:
                self._made = inspect.signature(self._source)
            except (TypeError, ValueError):  # a builtin without one
                kinds = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
                names = zip(("args", "kwargs"), kinds, strict=True)
                self._made = inspect.Signature([inspect.Parameter(name, kind) for name, kind in names])
        return self._made

    @property
    def _parameters(self) -> Mapping[str, inspect.Parameter]:
        return self._real().parameters

    @property
    def _return_annotation(self) -> Any:
        return self._real().return_annotation

    def replace(self, **changes: Any) -> inspect.Signature:  # type: ignore[override]
        return self._real().replace(**changes)

    def __reduce__(self) -> tuple[Any, ...]:
        return _LazySignature, (self._source,)


def find(source: Any, name: str) -> Any:
    """Return what is documented as ``name`` of ``source``, or None.

    Parameters
    ----------
    source : module, class, function or str
        Text such as ``"pandas.DataFrame"`` means what is loaded under that name; nothing is imported.
    name : str
        Name of an attribute; functions stand for themselves.
    """
    if isinstance(source, str):
        module, _, rest = source.partition(".")
        found: Any = sys.modules.get(module)
        for part in rest.split(".") if rest else ():
            found = getattr(found, part, None)
        source = found
    if source is None:
        return None
    if isinstance(source, type) or inspect.ismodule(source):
        return inspect.getattr_static(source, name, None) if isinstance(source, type) else getattr(source, name, None)
    return source


def _title(source: Any, name: str) -> str:
    if isinstance(source, str):
        return f"{source}.{name}"
    if inspect.ismodule(source):
        return f"{source.__name__}.{name}"
    module = (getattr(source, "__module__", None) or "").partition(".")[0]
    qualified = str(getattr(source, "__qualname__", None) or getattr(source, "__name__", name))
    if isinstance(source, type):
        qualified = f"{qualified}.{name}"
    return f"{module}.{qualified}" if module else qualified


def document(doc: str, title: str, unsupported: Iterable[str] = (), note: str = "") -> str:
    """Return a docstring with a line that names its source, and marks at parameters that dusk doesn't have.

    Parameters
    ----------
    doc : str
        The docstring of the source.
    title : str
        Name of the source.
    unsupported : iterable of str, optional
        Parameters to mark.
    note : str, optional
        What is different here.
    """
    doc = inspect.cleandoc(doc)
    head, gap, rest = doc.partition("\n\n")
    if re.match(r"\s*\w+\(.*\)\s*$", head) and rest:  # the first paragraph of a builtin is its signature
        head, gap, rest = rest.partition("\n\n")
    added = f"Described here in the words of {title}."
    if note:
        added += f"\n\n{textwrap.dedent(note).strip()}"
    doc = f"{head.strip()}\n\n{added}" + (f"\n\n{rest.strip()}" if gap else "")
    for parameter in unsupported:
        line = rf"^(\s*{re.escape(parameter)}\s*:[^\n]*)$"
        doc = re.sub(line, r"\1 (not supported in dusk)", doc, count=1, flags=re.MULTILINE)
    return doc + "\n"


def derive(
    source: Any,
    name: str | None = None,
    *,
    signature: bool = True,
    unsupported: Iterable[str] = (),
    note: str = "",
) -> Callable[[F], F]:
    """Return a decorator that documents a function, method or property after another.

    What the function says itself comes first: an own docstring of it stays unless it is empty.

    Parameters
    ----------
    source : module, class, function or str
        Where the other is found: ``pandas.DataFrame``, or the text ``"pandas.DataFrame"``.
    name : str, optional
        Name of the other; by default the function's own.
    signature : bool, default True
        Also take the signature. Leave it out where the own one differs.
    unsupported : iterable of str, optional
        Parameters that dusk doesn't have; they are marked in the text.
    note : str, optional
        What is different here.

    Examples
    --------
    >>> import pandas as pd
    >>> class Frame:
    ...     @derive(pd.DataFrame)
    ...     def sum(self, *args, **kwargs): ...
    >>> "words of pandas.DataFrame.sum" in Frame.sum.__doc__
    True
    """

    def decorate(target: F) -> F:
        function: Any = target.fget if isinstance(target, property) else target
        own = str(name or getattr(function, "__name__", ""))
        other = find(source, own)
        if other is None:
            return target
        doc = getattr(other, "__doc__", None)
        if doc and not (getattr(function, "__doc__", None) or "").strip():
            text = document(doc, _title(source, own), unsupported, note)
            if isinstance(target, property):
                return property(target.fget, target.fset, target.fdel, text)  # type: ignore[return-value]
            function.__doc__ = text
        if signature and not isinstance(target, property) and callable(other):
            function.__signature__ = _LazySignature(other)
        return target

    return decorate


def derive_class(source: Any, names: Iterable[str] | None = None) -> Callable[[type], type]:
    """Return a class decorator that documents all methods without a docstring after those of another class.

    Parameters
    ----------
    source : class or str
        The other class.
    names : iterable of str, optional
        Only these methods.
    """

    def decorate(cls: type) -> type:
        for name in vars(cls) if names is None else names:
            member = vars(cls).get(name, _MISSING)
            if name.startswith("_") or member is _MISSING:
                continue
            if isinstance(member, property):
                setattr(cls, name, derive(source, name, signature=False)(member))
            elif inspect.isfunction(member) and not (member.__doc__ or "").strip():
                derive(source, name, signature=False)(member)
        return cls

    return decorate


def derived_from(
    original_klass: Any,
    version: str | None = None,
    ua_args: Iterable[str] | None = None,
    skipblocks: int = 0,
    inconsistencies: str | None = None,
) -> Callable[[F], F]:
    """Document a method after another; `derive` under the name and with the arguments that Dask's libraries know.

    Parameters
    ----------
    original_klass : type or module
        Where the other is found under the same name.
    version : str, optional
        The version of dusk from which the method exists.
    ua_args : iterable of str, optional
        Parameters that are not supported.
    skipblocks : int, default 0
        Paragraphs of the text to leave out at the start.
    inconsistencies : str, optional
        What is different.
    """

    def decorate(method: F) -> F:
        name = getattr(method, "__name__", "")
        other = find(original_klass, name)
        doc = getattr(other, "__doc__", None)
        if not doc:
            return method
        missing = _parameters_missing(method, other) if ua_args is None else ua_args
        own = textwrap.dedent(getattr(method, "__doc__", None) or "").strip()
        note = "There may be inconsistencies with dusk."
        if inconsistencies:
            note = f"Known inconsistencies:\n\n{textwrap.dedent(inconsistencies).strip()}"
        blocks = inspect.cleandoc(doc).split("\n\n")
        notes = "\n\n".join(each for each in (note, own) if each)
        text = document("\n\n".join(blocks[skipblocks:]), _title(original_klass, name), missing, notes)
        method.__doc__ = text + (f"\n.. versionadded:: {version}\n" if version else "")
        return method

    return decorate


def _parameters_missing(method: Any, other: Any) -> list[str]:
    """Return the names of the parameters of ``other`` that ``method`` doesn't take."""
    if isinstance(other, property):
        return []
    try:
        ours, theirs = inspect.signature(method).parameters, inspect.signature(other).parameters
    except (TypeError, ValueError):
        return []
    if any(each.kind is each.VAR_KEYWORD for each in ours.values()):
        return []
    return [name for name in theirs if name not in ours]
