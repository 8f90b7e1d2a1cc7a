"""What the engine calls for a partition of a bag: functions made of functions, which can be pickled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

__all__ = ["Apply", "Fused", "Gathered", "Level", "Numbered", "Placed", "Position", "as_list", "take_first"]


class _PositionType:
    """Stands for the number of the partition in an expression."""

    def __reduce__(self) -> str:
        return "Position"


Position = _PositionType()


class Apply:
    """A function with arguments: other expressions, numbers of inputs, or `Position`."""

    __slots__ = ("arguments", "function")

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self.function = function
        self.arguments = arguments

    def value(self, inputs: Sequence[Any]) -> Any:
        arguments = [
            each.value(inputs) if type(each) is Apply else self._given(each, inputs) for each in self.arguments
        ]
        return self.function(*arguments)

    @staticmethod
    def _given(place: Any, inputs: Sequence[Any]) -> Any:
        return inputs[0] if place is Position else inputs[place]

    def __reduce__(self) -> tuple[Any, ...]:
        return (Apply, (self.function, self.arguments))


class Fused:
    """What the engine calls for a partition: functions inside functions."""

    __slots__ = ("__name__", "as_list", "expression")

    def __init__(self, expression: Apply, as_list: bool, name: str) -> None:
        self.expression = expression
        self.as_list = as_list
        self.__name__ = name

    def __call__(self, *inputs: Any) -> Any:
        value = self.expression.value(inputs)
        return as_list(value) if self.as_list else value

    def __reduce__(self) -> tuple[Any, ...]:
        return (Fused, (self.expression, self.as_list, self.__name__))


def as_list(value: Any) -> Any:
    """Return what is kept of a partition: iterators become lists, also as its elements where the first is one."""
    if isinstance(value, Iterator):
        value = list(value)
    if type(value) is list and value and isinstance(value[0], Iterator):
        value = [list(each) if isinstance(each, Iterator) else each for each in value]
    return value


class Level:
    """A call in a tree."""

    __slots__ = ("__name__", "function", "last")

    def __init__(self, function: Callable[[list[Any], bool], Any], last: bool) -> None:
        self.function = function
        self.last = last
        self.__name__ = getattr(function, "__name__", type(function).__name__)

    def __call__(self, parts: list[Any]) -> Any:
        return self.function(parts, self.last)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Level, (self.function, self.last))


class Numbered:
    """A function that gets the number of its partition first."""

    __slots__ = ("function", "position")

    def __init__(self, function: Callable[[int, list[Any]], Any], position: int) -> None:
        self.function = function
        self.position = position

    def __call__(self, parts: list[Any]) -> Any:
        return self.function(self.position, parts)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Numbered, (self.function, self.position))


class Gathered:
    """Hands the partitions of several nodes to a function as one list."""

    __slots__ = ("__name__", "function", "several")

    def __init__(self, function: Callable[[list[Any]], Any], several: tuple[bool, ...]) -> None:
        self.function = function
        self.several = several
        self.__name__ = getattr(function, "__name__", type(function).__name__)

    def __call__(self, *inputs: Any) -> Any:
        parts: list[Any] = []
        for value, several in zip(inputs, self.several, strict=True):
            if several:
                parts.extend(value)
            else:
                parts.append(value)
        return as_list(self.function(parts))

    def __reduce__(self) -> tuple[Any, ...]:
        return (Gathered, (self.function, self.several))


def take_first(pair: tuple[Any, Any]) -> Any:
    return pair[0]


class Placed:
    """Arguments of a call, some of which are partitions, or values that all partitions get.

    Parameters
    ----------
    args : sequence
        Pairs of a kind and a value: ``("bag", n)`` is the n-th input, whose elements are taken one by one,
        ``("value", n)`` the n-th input as it is, ``("constant", x)`` the object ``x``.
    kwargs : dict
        Such pairs by name.
    """

    __slots__ = ("args", "kwargs")

    def __init__(self, args: Sequence[tuple[str, Any]], kwargs: dict[str, tuple[str, Any]]) -> None:
        self.args = tuple(args)
        self.kwargs = kwargs

    def whole(self, inputs: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments with partitions as they are."""

        def give(kind: str, value: Any) -> Any:
            return value if kind == "constant" else inputs[value]

        return [give(*each) for each in self.args], {name: give(*each) for name, each in self.kwargs.items()}

    def __reduce__(self) -> tuple[Any, ...]:
        return (Placed, (self.args, self.kwargs))
