"""Windows over rows: `rolling`, `expanding`, `ewm` and `resample`, done by pandas over all rows at once.

Windows reach over the borders of partitions, so results do not depend on them.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from dusk.dataframe._calls import is_collection
from dusk.dataframe._derived import document_like
from dusk.dataframe._fallback import gather, gather_aligned
from dusk.dataframe._new import new_collection

__all__ = ["GroupWindow", "Resampler", "Rolling", "Window"]


class _WindowCall:
    """Makes a window of a pandas object and calls a method of it."""

    __slots__ = ("__name__", "args", "kind", "kwargs", "method", "options", "positional", "selection")

    def __init__(
        self,
        kind: str,
        positional: tuple[Any, ...],
        options: dict[str, Any],
        selection: Any,
        method: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        self.kind = kind
        self.positional = positional
        self.options = options
        self.selection = selection
        self.method = method
        self.args = args
        self.kwargs = kwargs
        self.__name__ = method

    def __call__(self, obj: Any, *others: Any) -> Any:
        window = getattr(obj, self.kind)(*self.positional, **self.options)
        if self.selection is not None:
            window = window[self.selection]
        member = getattr(window, self.method)
        return member(*others, *self.args, **self.kwargs) if callable(member) else member

    def _state(self) -> tuple[Any, ...]:
        return (self.kind, self.positional, self.options, self.selection, self.method, self.args, self.kwargs)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-window", *self._state())

    def __reduce__(self) -> tuple[Any, ...]:
        return (_WindowCall, self._state())


class Window:
    """A window over the rows of a DataFrame or Series.

    Parameters
    ----------
    obj : DataFrame or Series
        The collection.
    kind : {"rolling", "expanding", "ewm", "resample"}
        The method of pandas that makes it.
    positional, options : tuple, dict
        Its arguments.
    selection : label or list of labels, optional
        The columns that are looked at.
    """

    _aligned = True

    def __init__(
        self, obj: Any, kind: str, positional: tuple[Any, ...], options: dict[str, Any], selection: Any = None
    ) -> None:
        getattr(obj._meta_nonempty, kind)(*positional, **options)  # pandas says at once what is wrong
        self.obj = obj
        self._kind = kind
        self._positional = positional
        self._options = options
        self._selection = selection

    def _window_of(self, obj: Any) -> Any:
        window = getattr(obj, self._kind)(*self._positional, **self._options)
        return window if self._selection is None else window[self._selection]

    def __getitem__(self, key: Any) -> Any:
        self._window_of(self.obj._meta_nonempty)[key]
        return type(self)(self.obj, self._kind, self._positional, self._options, key)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        window = self._window_of(self.obj._meta_nonempty)
        if isinstance(self.obj._meta, pd.DataFrame) and name in self.obj.columns:
            return self[name]
        member = getattr(window, name)
        if not callable(member):
            return member
        return lambda *args, **kwargs: self._call(name, args, kwargs)

    def _call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        kwargs = {key: value for key, value in kwargs.items() if key not in ("split_every", "split_out")}
        others = [arg for arg in args[:1] if is_collection(arg)]
        args = args[len(others) :]
        call = _WindowCall(self._kind, self._positional, self._options, self._selection, name, args, kwargs)
        user = name == "apply"
        if self._aligned and name not in ("cov", "corr") and not others:
            return gather_aligned(call, self.obj, prefix=name, user=user, loose=name in ("agg", "aggregate"))
        # What comes out of a resampling is named and counted by the data.
        return gather(call, self.obj, *others, prefix=name, user=user, loose=not self._aligned or bool(others))

    def __repr__(self) -> str:
        options = ", ".join(
            [*map(repr, self._positional), *(f"{key}={value!r}" for key, value in self._options.items())]
        )
        return f"{type(self).__name__} [{options}]"


class Rolling(Window):
    """A moving window."""


#: Methods that give one row for each span.
_ONE_ROW_EACH = frozenset(
    {"agg", "aggregate", "count", "first", "last", "max", "mean", "median", "min", "nunique", "ohlc", "prod",
     "quantile", "sem", "size", "std", "sum", "var"}
)  # fmt: skip


class Resampler(Window):
    """Spans of time."""

    _aligned = False

    def _call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        result = super()._call(name, args, kwargs)
        bounds = self.obj._bounds
        index = getattr(getattr(result, "_meta", None), "index", None)
        spans = isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex | pd.PeriodIndex)
        if bounds is None or not spans or name not in _ONE_ROW_EACH:
            return result
        # The labels of the first and the last span follow from where the rows begin and end.
        ends = pd.Series(0, index=pd.Index([bounds[0], bounds[-1]]))
        labels = getattr(ends, self._kind)(*self._positional, **self._options).count().index
        node = result._node.with_divisions([labels[0], labels[-1]])
        return new_collection(node, meta=result._known_meta, loose=result._loose)


def _install(cls: type, source: type) -> None:
    """Give a class the methods of a window of pandas."""

    def method(name: str) -> Any:
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            return self._call(name, args, kwargs)

        call.__name__ = name
        call.__qualname__ = f"{cls.__name__}.{name}"
        return document_like(call, source, name)

    for name in dir(source):
        if not name.startswith("_") and callable(getattr(source, name)) and not hasattr(cls, name):
            setattr(cls, name, method(name))


_install(Rolling, pd.api.typing.Rolling)
_install(Resampler, pd.api.typing.Resampler)


class GroupWindow:
    """A window over the rows of each group.

    Parameters
    ----------
    grouped : GroupBy
        The group-by.
    kind : str
        The method of pandas that makes the window.
    positional, options : tuple, dict
        Its arguments.
    """

    def __init__(self, grouped: Any, kind: str, positional: tuple[Any, ...], options: dict[str, Any]) -> None:
        self._grouped = grouped
        self._kind = kind
        self._positional = positional
        self._options = options

    def __getitem__(self, key: Any) -> GroupWindow:
        return GroupWindow(self._grouped[key], self._kind, self._positional, self._options)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        def method(*args: Any, **kwargs: Any) -> Any:
            call = _WindowCall(self._kind, self._positional, self._options, None, name, args, kwargs)
            group, inputs = self._grouped._pandas_call(call, (), {})
            return gather(group, *inputs, prefix=name, user=name == "apply", loose=self._kind == "resample")

        method.__name__ = name
        return method


def install_windows(cls: type) -> None:
    """Give DataFrame or Series the methods that make windows."""

    def rolling(self: Any, window: Any, **kwargs: Any) -> Rolling:
        if isinstance(window, int) and window < 0:
            raise ValueError("window must be >= 0")
        return Rolling(self, "rolling", (window,), kwargs)

    def expanding(self: Any, *args: Any, **kwargs: Any) -> Window:
        return Window(self, "expanding", args, kwargs)

    def ewm(self: Any, *args: Any, **kwargs: Any) -> Window:
        return Window(self, "ewm", args, kwargs)

    def resample(self: Any, rule: Any, closed: Any = None, label: Any = None, **kwargs: Any) -> Resampler:
        options = {
            key: value for key, value in {"closed": closed, "label": label, **kwargs}.items() if value is not None
        }
        return Resampler(self, "resample", (rule,), options)

    source = pd.DataFrame if cls.__name__ == "DataFrame" else pd.Series
    for function in (rolling, expanding, ewm, resample):
        setattr(cls, function.__name__, document_like(function, source, function.__name__))
