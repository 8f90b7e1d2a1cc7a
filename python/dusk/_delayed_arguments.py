"""The arguments of a delayed call: collections are taken out of containers, and their values put back in.

`Places.take` gives an argument with `Input` where a collection was and `Build` where a container held one; the core
makes the argument anew when the values are there. Both marks are picklable and hold no collections. Plain arguments
never come here: the core takes care of them.
"""

from __future__ import annotations

import copy
import dataclasses
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from dusk._collection import is_dusk_collection, is_namedtuple_instance
from dusk._core import Build, Input
from dusk._node_collection import NodeCollection

__all__ = ["LEAVES", "Places", "build_sequence"]

#: Types that are neither collections nor containers of them.
LEAVES = frozenset({int, float, str, bytes, bool, complex, type(None), range})


def _mapping(cls: type, *parts: Any) -> Any:
    half = len(parts) // 2
    return cls(zip(parts[:half], parts[half:]))


def build_sequence(cls: type, *parts: Any) -> Any:
    """Make a list, tuple or set of its parts."""
    return cls(parts)


def _named_tuple(cls: type, *parts: Any) -> Any:
    return cls._make(parts)  # type: ignore[attr-defined]


def _data_class(original: Any, *parts: Any) -> Any:
    new = copy.copy(original)
    names = [field.name for field in dataclasses.fields(original) if hasattr(original, field.name)]
    for name, value in zip(names, parts, strict=True):
        object.__setattr__(new, name, value)
    return new


class Places:
    """Collects the collections among some arguments."""

    __slots__ = ("inputs", "positions")

    def __init__(self) -> None:
        self.inputs: list[Any] = []
        self.positions: dict[int, Input] = {}

    def take(self, x: Any) -> Any:
        """Give ``x`` with `Input` in the place of collections, and `Build` in the place of containers of them."""
        kind = type(x)
        if kind in LEAVES:
            return x
        if isinstance(x, NodeCollection):
            return self._input(x)
        if kind in (list, tuple, set, frozenset):
            return self._container((build_sequence, kind), list(x), x)
        if kind in (dict, OrderedDict):
            return self._container((_mapping, kind), [*x.keys(), *x.values()], x)
        if kind is slice:
            return self._container((slice,), [x.start, x.stop, x.step], x)
        if is_namedtuple_instance(x):
            return self._container((_named_tuple, kind), list(x), x)
        if dataclasses.is_dataclass(x) and not isinstance(x, type):
            names = [field.name for field in dataclasses.fields(x) if hasattr(x, field.name)]
            return self._container((_data_class, x), [getattr(x, name) for name in names], x)
        if isinstance(x, Iterator) and kind.__module__ in ("builtins", "itertools") and kind.__name__ != "generator":
            return self._container((build_sequence, list), list(x), x, always=True)
        if is_dusk_collection(x):
            return self._input(x)
        return x

    def _container(self, how: tuple[Any, ...], parts: list[Any], x: Any, always: bool = False) -> Any:
        taken = [self.take(part) for part in parts]
        if always or any(new is not old for new, old in zip(taken, parts)):
            return Build(how, taken)
        return x

    def _input(self, x: Any) -> Input:
        place = self.positions.get(id(x))
        if place is None:
            place = self.positions[id(x)] = Input(len(self.inputs))
            self.inputs.append(x)
        return place
