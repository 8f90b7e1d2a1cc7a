"""The functions that dusk calls on partitions: picklable, comparable by content, and telling their name.

A `Call` is a function (or the name of a method of its first argument) with fixed arguments in which some places, marked
by `Input`, are filled with the partitions of the call's inputs. It is what `_core.call` gets, so it must mean the same
in another process and must not hold collections.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from dusk._node_collection import NodeCollection

__all__ = ["Call", "Input", "funcname", "is_collection", "split"]


class Input:
    """A place in a call's arguments that one of its inputs fills."""

    __slots__ = ("position",)

    def __init__(self, position: int) -> None:
        self.position = position

    def __dask_tokenize__(self) -> tuple[str, int]:
        return ("dusk-input", self.position)

    def __repr__(self) -> str:
        return f"<input {self.position}>"

    def __reduce__(self) -> tuple[type, tuple[int]]:
        return (Input, (self.position,))


class Call:
    """A function, or the name of a method of the first argument, with its arguments.

    Parameters
    ----------
    function : callable or str
        What is called. A name means the method (or, without arguments, the attribute) of the first argument.
    args, kwargs : tuple, dict
        The arguments, with `Input` where a partition comes.
    checked : tuple of int
        Inputs whose indexes must be the same, because nothing else says that their partitions belong together.
    """

    __slots__ = ("__name__", "args", "checked", "function", "kwargs")

    # Said here so that nobody has to work it out for each call.
    __signature__ = inspect.Signature()

    def __init__(
        self,
        function: Callable[..., Any] | str,
        args: Sequence[Any],
        kwargs: dict[str, Any],
        checked: tuple[int, ...] = (),
    ) -> None:
        self.function = function
        self.args = tuple(args)
        self.kwargs = kwargs
        self.checked = checked
        self.__name__ = funcname(function)

    def __call__(self, *inputs: Any) -> Any:
        if self.checked:
            _check_rows([inputs[position] for position in self.checked])
        args = [_fill(arg, inputs) for arg in self.args]
        kwargs = {key: _fill(value, inputs) for key, value in self.kwargs.items()}
        return apply(self.function, args, kwargs)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-call", self.function, self.args, self.kwargs, self.checked)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Call, (self.function, self.args, self.kwargs, self.checked))

    def __repr__(self) -> str:
        return f"Call({self.__name__})"


class CallWithInfo(Call):
    """A call of a user's function that asks for ``partition_info``."""

    __slots__ = ()

    __signature__ = inspect.Signature(
        [inspect.Parameter("partition_info", inspect.Parameter.KEYWORD_ONLY, default=None)]
    )

    def __call__(self, *inputs: Any, partition_info: dict[str, Any] | None = None) -> Any:  # type: ignore[override]
        if self.checked:
            _check_rows([inputs[position] for position in self.checked])
        args = [_fill(arg, inputs) for arg in self.args]
        kwargs = {key: _fill(value, inputs) for key, value in self.kwargs.items()}
        return self.function(*args, **{**kwargs, "partition_info": partition_info})  # type: ignore[operator]

    def __reduce__(self) -> tuple[Any, ...]:
        return (CallWithInfo, (self.function, self.args, self.kwargs, self.checked))


def apply(function: Callable[..., Any] | str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Call a function, or a method by its name (a dotted one goes through an accessor)."""
    if not isinstance(function, str):
        return function(*args, **kwargs)
    target, *rest = args
    for part in function.split("."):
        target = getattr(target, part)
    # The accessors of pandas are attributes; a name without arguments may be one of them.
    return target(*rest, **kwargs) if callable(target) and not isinstance(target, pd.Series | pd.DataFrame) else target


def _fill(x: Any, inputs: Sequence[Any]) -> Any:
    kind = type(x)
    if kind is Input:
        return inputs[x.position]
    if kind is list:
        return [_fill(item, inputs) for item in x]
    if kind is tuple:
        return tuple(_fill(item, inputs) for item in x)
    if kind is dict:
        return {key: _fill(value, inputs) for key, value in x.items()}
    return x


def _check_rows(parts: Sequence[Any]) -> None:
    first = parts[0] if isinstance(parts[0], pd.Index) else parts[0].index
    for part in parts[1:]:
        index = part if isinstance(part, pd.Index) else part.index
        if not first.equals(index):
            raise ValueError(
                "Not all divisions are known, and the partitions hold different index values, so their rows can't be "
                "brought together. Use `set_index` or `repartition(divisions=...)` on both sides first."
            )


def is_collection(x: Any) -> bool:
    """Whether ``x`` is a collection of dusk that stands for one node."""
    return isinstance(x, NodeCollection)


def split(args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any], list[Any]]:
    """Take the collections out of some arguments and leave `Input` in their places.

    Returns
    -------
    args : tuple
    kwargs : dict
    inputs : list of collections
        Each one once, in order of appearance.
    """
    inputs: list[Any] = []
    places: dict[int, Input] = {}

    def place(x: Any) -> Any:
        kind = type(x)
        if kind is list:
            return [place(item) for item in x]
        if kind is tuple:
            return tuple(place(item) for item in x)
        if kind is dict:
            return {key: place(value) for key, value in x.items()}
        if is_collection(x):
            if id(x) not in places:
                places[id(x)] = Input(len(inputs))
                inputs.append(x)
            return places[id(x)]
        return x

    return tuple(place(arg) for arg in args), {key: place(value) for key, value in kwargs.items()}, inputs


def funcname(function: Any) -> str:
    """Give the word by which people know a function."""
    if isinstance(function, str):
        return function.rsplit(".", 1)[-1]
    while hasattr(function, "func") and callable(function.func):
        function = function.func
    name = getattr(function, "__name__", None) or type(function).__name__
    return "lambda" if name == "<lambda>" else str(name)
