"""Arguments of delayed calls as tasks in Dask's form, for libraries that build graphs by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterator
from typing import Any

from dusk._calls import apply
from dusk._collection import is_dusk_collection, is_namedtuple_instance
from dusk._protocol import Finish
from dusk.tokenize import tokenize

__all__ = ["to_task_dask"]


def to_task_dask(expr: Any) -> tuple[Any, dict[Hashable, Any]]:
    """Return an object as a task, and the graph of the collections in it.

    Parameters
    ----------
    expr : object
        Collections, also in lists, tuples, sets, dictionaries, slices, named tuples and dataclasses; anything else is
        its own task.

    Returns
    -------
    task : object
    graph : dict
    """
    if is_dusk_collection(expr):
        graph = dict(expr.__dask_graph__())
        if getattr(type(expr), "__dusk_single__", False):
            return expr.key, graph
        name = f"finalize-{tokenize(expr)}"
        graph[name] = (Finish(*expr.__dask_postcompute__()), expr.__dask_keys__())
        return name, graph
    kind = type(expr)
    if isinstance(expr, Iterator):
        return _several(list(expr))
    if kind is list:
        return _several(expr)
    if kind in (tuple, set):
        tasks, graph = _several(list(expr))
        return (kind, tasks), graph
    if kind is dict:
        tasks, graph = _several([[key, value] for key, value in expr.items()])
        return (dict, tasks), graph
    if kind is slice:
        tasks, graph = _several([expr.start, expr.stop, expr.step])
        return (slice, *tasks), graph
    if is_namedtuple_instance(expr):
        tasks, graph = _several(list(expr))
        return (kind, *tasks), graph
    if dataclasses.is_dataclass(expr) and not isinstance(expr, type):
        fields = [[field.name, getattr(expr, field.name)] for field in dataclasses.fields(expr)]
        tasks, graph = _several(fields)
        return (apply, kind, (), (dict, tasks)), graph
    return expr, {}


def _several(items: list[Any]) -> tuple[list[Any], dict[Hashable, Any]]:
    graph: dict[Hashable, Any] = {}
    tasks = []
    for each in items:
        task, own = to_task_dask(each)
        tasks.append(task)
        graph.update(own)
    return tasks, graph
