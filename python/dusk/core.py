"""Looking at graphs in Dask's form: which keys a task needs, cycles, order, running a graph in the plainest way.

A graph maps keys to tasks. A task is a tuple of a callable and its arguments; keys within stand for their results.
Dask's task objects (``dask._task_spec``) are understood where they come in. Running graphs in parallel is the business
of `dusk.threaded`, `dusk.multiprocessing` and `dusk.local`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from dusk._pyget import _flat, _is_key, _nest, _Plan, as_graph, dependencies_of, evaluate, is_task
from dusk.config import no_default

__all__ = [
    "flatten",
    "get",
    "get_dependencies",
    "get_deps",
    "getcycle",
    "has_tasks",
    "isdag",
    "ishashable",
    "iskey",
    "istask",
    "keys_in_tasks",
    "lists_to_tuples",
    "literal",
    "no_default",
    "preorder_traversal",
    "quote",
    "reshapelist",
    "reverse_dict",
    "subs",
    "toposort",
    "validate_key",
]

_NONE = object()


def lists_to_tuples(res: Any, keys: Any) -> Any:
    """Return results with tuples where the keys have lists.

    Examples
    --------
    >>> lists_to_tuples([1, [2, 3]], ["x", ["y", "z"]])
    (1, (2, 3))
    """
    if not isinstance(keys, list):
        return res
    return tuple(lists_to_tuples(result, key) for result, key in zip(res, keys, strict=False))


def reshapelist(shape: Sequence[int], seq: Iterable[Any]) -> list[Any]:
    """Return items as nested lists of a shape.

    Examples
    --------
    >>> reshapelist((2, 3), range(6))
    [[0, 1, 2], [3, 4, 5]]
    """
    items = list(seq)
    if len(shape) == 1:
        return items
    width = len(items) // shape[0]
    return [reshapelist(shape[1:], items[i * width : (i + 1) * width]) for i in range(shape[0])]


def ishashable(x: Any) -> bool:
    """Whether an object has a hash.

    Examples
    --------
    >>> ishashable((1, [2]))
    False
    """
    try:
        hash(x)
    except TypeError:
        return False
    return True


def istask(x: Any) -> bool:
    """Whether an object is a tuple that calls a function.

    Examples
    --------
    >>> istask((sum, [1, 2]))
    True
    """
    return is_task(x)


def iskey(key: object) -> bool:
    """Whether an object can be a key: text, bytes, a number of Python's, or a tuple of keys.

    Examples
    --------
    >>> iskey(("x", 0)), iskey(["x"])
    (True, False)
    """
    if type(key) is tuple:
        return all(map(iskey, key))
    return type(key) in (bytes, int, float, str)


def validate_key(key: object) -> None:
    """Raise a TypeError unless an object can be a key; see `iskey`."""
    if iskey(key):
        return
    if type(key) is tuple:
        for index, part in enumerate(key):
            try:
                validate_key(part)
            except TypeError as error:
                raise TypeError(f"Composite key contains unexpected key type at {index=} ({key=!r})") from error
    raise TypeError(f"Unexpected key type {type(key)} ({key=!r})")


def has_tasks(dsk: Mapping[Hashable, Any], x: Any) -> bool:
    """Whether something to compute is in ``x``: a task, or a key of the graph."""
    if istask(x) or _is_key(x, dsk):
        return True
    return isinstance(x, list) and any(has_tasks(dsk, each) for each in x)


def flatten(seq: Any, container: type | tuple[type, ...] = list) -> Iterator[Any]:
    """Yield what is in nested lists.

    Parameters
    ----------
    seq : iterable
        Text stands for itself.
    container : type or tuple of types
        What is opened.

    Examples
    --------
    >>> list(flatten([["a"], [["b"], "c"]]))
    ['a', 'b', 'c']
    """
    if isinstance(seq, str):
        yield seq
        return
    stack = [iter(seq)]
    while stack:
        for each in stack[-1]:
            if isinstance(each, container):
                stack.append(iter(each))
                break
            yield each
        else:
            stack.pop()


def preorder_traversal(task: Any) -> Iterator[Any]:
    """Yield the functions and arguments of a task, outer ones first; a list is announced by its type."""
    for each in task:
        if istask(each):
            yield from preorder_traversal(each)
        elif isinstance(each, list):
            yield list
            yield from preorder_traversal(each)
        else:
            yield each


def get(dsk: Any, out: Any, cache: Mapping[Hashable, Any] | None = None) -> Any:
    """Compute keys of a graph one after the other.

    Parameters
    ----------
    dsk : mapping
        The graph.
    out : key or nested list of keys
        What to compute.
    cache : mapping, optional
        Results that are there.

    Examples
    --------
    >>> get({"x": 1, "y": (sum, ["x", 2])}, "y")
    3
    """
    graph = as_graph(dsk)
    known = dict(cache or {})
    results: dict[Hashable, Any] = {}
    plan = _Plan({**graph, **{key: literal(value) for key, value in known.items()}}, _flat(out))
    for key in plan.rank:
        needed = {each: results[each] for each in plan.needs[key]}
        results[key] = known[key] if key in known else evaluate(graph[key], needed)
    return _nest(out, results)


def keys_in_tasks(keys: Collection[Hashable], tasks: Iterable[Any], as_list: bool = False) -> Any:
    """Return which of ``keys`` are in some tasks, as a set or with repetitions as a list."""
    found: list[Hashable] = []
    stack = list(tasks)
    while stack:
        task = stack.pop()
        if istask(task):
            stack.extend(task[1:])
        elif type(task) is list:
            stack.extend(task)
        elif type(task) is dict:
            stack.extend(task.values())
        elif _is_key(task, keys):
            found.append(task)
        elif hasattr(type(task), "dependencies"):
            found.extend(dependencies_of(task, keys))
    return found if as_list else set(found)


def get_dependencies(dsk: Mapping[Hashable, Any], key: Any = None, task: Any = _NONE, as_list: bool = False) -> Any:
    """Return the keys that a key, or a task, needs directly.

    Parameters
    ----------
    dsk : mapping
        The graph.
    key : hashable, optional
        Its key; or
    task : object, optional
        any task.
    as_list : bool
        Return a list with repetitions.

    Examples
    --------
    >>> get_dependencies({"x": 1, "y": (abs, "x")}, "y")
    {'x'}
    """
    if key is not None:
        task = dsk[key]
    elif task is _NONE:
        raise ValueError("get_dependencies needs a key or a task")
    return keys_in_tasks(dsk, [task], as_list)


def get_deps(dsk: Mapping[Hashable, Any]) -> tuple[dict[Hashable, set[Hashable]], dict[Hashable, set[Hashable]]]:
    """Return for each key of a graph the keys that it needs, and those that need it."""
    dependencies = {key: get_dependencies(dsk, task=task) for key, task in dsk.items()}
    return dependencies, reverse_dict(dependencies)


def reverse_dict(d: Mapping[Hashable, Iterable[Hashable]]) -> dict[Hashable, set[Hashable]]:
    """Turn the edges of a graph around.

    Examples
    --------
    >>> reverse_dict({"a": {"b"}, "b": set()})
    {'a': set(), 'b': {'a'}}
    """
    turned: dict[Hashable, set[Hashable]] = {key: set() for key in d}
    for key, values in d.items():
        for value in values:
            turned.setdefault(value, set()).add(key)
    return turned


def subs(task: Any, key: Hashable, val: Any) -> Any:
    """Return a task with a value in the place of a key.

    Examples
    --------
    >>> subs((sum, [1, "x"]), "x", 2)[1]
    [1, 2]
    """
    if istask(task):
        return (task[0], *[subs(each, key, val) for each in task[1:]])
    if type(task) is list:
        return [subs(each, key, val) for each in task]
    # values may have any notion of equality, so only what can be the key is compared
    return val if type(task) is type(key) and iskey(task) and task == key else task


def _walk(
    dsk: Mapping[Hashable, Any], keys: Iterable[Hashable], dependencies: Mapping[Hashable, Iterable[Hashable]] | None
) -> tuple[list[Hashable], list[Hashable]]:
    """Return the keys in an order in which each follows what it needs, and a cycle if there is one."""
    order: list[Hashable] = []
    done: set[Hashable] = set()
    for first in keys:
        path: dict[Hashable, deque[Hashable]] = {}
        following: Hashable | None = first
        if first in done:
            continue
        while following is not None or path:
            if following is not None:
                needs = get_dependencies(dsk, task=dsk[following]) if dependencies is None else dependencies[following]
                path[following] = deque(needs)
                following = None
            current = next(reversed(path))
            while path[current]:
                needed = path[current].popleft()
                if needed in path:
                    members = list(path)
                    return order, [*members[members.index(needed) :], needed]
                if needed not in done and needed in dsk:
                    following = needed
                    break
            else:
                del path[current]
                done.add(current)
                order.append(current)
    return order, []


def toposort(
    dsk: Mapping[Hashable, Any], dependencies: Mapping[Hashable, Iterable[Hashable]] | None = None
) -> list[Hashable]:
    """Return the keys of a graph, each after those that it needs; a RuntimeError if there is a cycle."""
    order, cycle = _walk(dsk, dsk, dependencies)
    if cycle:
        raise RuntimeError("the graph has a cycle: " + " -> ".join(map(str, cycle)))
    return order


def getcycle(d: Mapping[Hashable, Any], keys: Any) -> list[Hashable]:
    """Return the keys of a cycle, the first one twice; an empty list if there is none below ``keys``."""
    return _walk(d, keys if isinstance(keys, list) else [keys], None)[1]


def isdag(d: Mapping[Hashable, Any], keys: Any) -> bool:
    """Whether there is no cycle below some keys."""
    return not getcycle(d, keys)


class literal:  # noqa: N801
    """A value in a graph that isn't looked into: called, it returns the value.

    Parameters
    ----------
    data : object
        The value.
    """

    __slots__ = ("data",)

    def __init__(self, data: Any) -> None:
        self.data = data

    def __repr__(self) -> str:
        return f"literal<type={type(self.data).__name__}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (literal, (self.data,))

    def __call__(self) -> Any:
        return self.data


def quote(x: Any) -> Any:
    """Return a task that gives ``x``, whatever looks like a task or a key in it.

    Examples
    --------
    >>> get({"x": quote((sum, [1, 2]))}, "x") == (sum, [1, 2])
    True
    """
    if istask(x) or type(x) is list or type(x) is dict:
        return (literal(x),)
    return x
