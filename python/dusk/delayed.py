"""`delayed`: any Python function through the same engine.

Calling a delayed function makes a node of the plan and runs nothing. Its arguments may be other delayed values and any
other collection, also inside lists, tuples, dictionaries, sets, slices, named tuples and dataclasses: the function gets
their computed values.
"""

from __future__ import annotations

import functools
import operator
import types
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any

from dusk import _core
from dusk._collection import DuskMethodsMixin, is_dusk_collection
from dusk._core import Build, DelayedCall
from dusk._delayed_arguments import LEAVES, Places
from dusk._delayed_graph import to_task_dask
from dusk._node_collection import NodeCollection
from dusk._protocol import renamed_key
from dusk._wire import Code
from dusk.tokenize import tokenize

__all__ = ["Delayed", "DelayedAttr", "DelayedLeaf", "delayed", "to_task_dask"]

no_default = "__no__default__"


# --- names ------------------------------------------------------------------------------------------------------------


def _name_of(function: Any) -> str:
    """Give the word by which people know a function or the type of an object."""
    while hasattr(function, "func") and callable(function.func):
        function = function.func
    name = getattr(function, "__name__", None)
    if not isinstance(name, str):
        name = type(function).__name__
    return "lambda" if name == "<lambda>" else name


class _Method:
    """A method of the first argument."""

    __slots__ = ("__name__",)

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __call__(self, obj: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(obj, self.__name__)(*args, **kwargs)

    def __dask_tokenize__(self) -> tuple[str, str]:
        return ("dusk-method", self.__name__)

    def __reduce__(self) -> tuple[type, tuple[str]]:
        return (_Method, (self.__name__,))


class _Foreign:
    """Computes a collection that isn't dusk's own."""

    __slots__ = ("collection",)

    def __init__(self, collection: Any) -> None:
        self.collection = collection

    def __call__(self, *ignored: Any) -> Any:
        from dusk.base import compute

        (value,) = compute(self.collection, scheduler="threads" if hasattr(self.collection, "_node") else None)
        return value

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-foreign", self.collection)

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return (_Foreign, (self.collection,))


def _node_of(x: Any) -> Any:
    if isinstance(x, NodeCollection):
        node = x._node
        # blocks become one array before a function gets them; unknown lengths are settled by computing
        if node.kind != "array" or node.npartitions == 1:
            return node
        if all(length == length for axis in x.chunks for length in axis):  # type: ignore[attr-defined]
            return x.rechunk(-1)._node  # type: ignore[attr-defined]
    return _core.call(_Foreign(x), [], None, prefix="collection", mode="partition", library=False, divisions=1)


def call_function(
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: dict[str, Any],
    *,
    pure: bool | None = None,
    nout: int | None = None,
    key: Hashable = None,
    name: str | None = None,
) -> Delayed:
    """Make the delayed call of a function.

    Parameters
    ----------
    function : callable
        What is called.
    args, kwargs : sequence, dict
        Its arguments.
    pure : bool, optional
        Equal arguments give equal results, so that calls with equal arguments are one. By default as the setting
        ``delayed_pure`` says, else no.
    nout : int, optional
        How many values it returns.
    key : hashable, optional
        The key of the result.
    name : str, optional
        The word in the key; by default the function's name.
    """
    places = Places()
    taken = tuple([places.take(arg) for arg in args])
    keywords = {word: places.take(value) for word, value in kwargs.items()} if kwargs else kwargs
    call = DelayedCall(function, taken, keywords)
    if pure is None:
        pure = _core.pure_by_default()
    token = tokenize(call) if pure else None
    return _call_node(call, places.inputs, name or _name_of(function), token, nout, key)


def _call_node(
    call: Any, inputs: Sequence[Any], word: str, token: str | None, nout: int | None = None, key: Hashable = None
) -> Delayed:
    nodes = [_node_of(x) for x in inputs]
    if all(node.npartitions == 1 for node in nodes):
        return _core.delay(call, nodes, word=word, token=token, length=nout, key=key)
    # Partitions of a frame arrive as one object.
    token = token or _core.unique_name()
    node = _core.call(call, nodes, None, prefix=word, mode="gather", library=False, divisions=1, token=token)
    return Delayed(node if key is None else node.keyed(key), key, nout)


# --- the collection ---------------------------------------------------------------------------------------------------


def _stable_token(function: Any) -> str | None:
    """Return the token of a function whose content never changes; of others it is made anew for each call."""
    from dusk._token_code import importable

    if isinstance(function, types.BuiltinFunctionType):
        # that of a module; a method of an object changes with it
        stable = isinstance(function.__self__, types.ModuleType | None)
    elif isinstance(function, types.FunctionType):
        stable = importable(function) is not None
    else:
        stable = isinstance(function, _Method)
    return tokenize(function) if stable else None


def _callee(function: Any, pure: bool | None = None, word: str | None = None) -> Any:
    """Return what makes delayed calls of a function."""
    return _core.DelayedObject(function, None, pure, word=word or _name_of(function))


@functools.lru_cache(1024)
def _method(name: str) -> Any:
    return _callee(_Method(name))


_getattr = _callee(getattr, pure=True)


def _operator(function: Callable[..., Any], swapped: bool = False) -> Callable[..., Any]:
    call = _callee(function, pure=True)
    if swapped:
        return lambda self, other: call(other, self)
    return lambda self, *others: call(self, *others)


class Delayed(_core.DelayedBase, NodeCollection):
    """A value that a plan computes.

    Made by `delayed`. Attributes, items, operators and calls of it are delayed as well.

    Parameters
    ----------
    node : _core.Node
        The plan.
    key : hashable, optional
        Its key; by default the node's name.
    length : int, optional
        How many values it stands for.
    """

    __slots__ = ()

    _node: Any
    key: Any

    #: What it computes to is what its node makes.
    __dusk_single__ = True

    visualize = DuskMethodsMixin.visualize

    @property
    def _key(self) -> Hashable:
        return self.key

    @property
    def _name(self) -> str:
        return self.key  # type: ignore[return-value]

    @property
    def npartitions(self) -> int:
        """1."""
        return 1

    def __dusk_nodes__(self) -> list[Any]:
        return [self._node]

    def __dusk_rebuild__(self, nodes: list[Any]) -> Delayed:
        (node,) = nodes
        return Delayed(node, self.key, self._length)

    def __dask_keys__(self) -> list[Hashable]:
        return [self.key]

    def __dask_graph__(self) -> Any:
        from dusk._node_graph import node_graph
        from dusk.highlevelgraph import layered

        return layered(str(self.key), node_graph([self._node], [self.key]))

    def __dask_layers__(self) -> tuple[str, ...]:
        return (str(self.key),)

    def __dask_tokenize__(self) -> Any:
        return ("Delayed", self._node.token)

    def __dask_postpersist__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _rebuild, (self.key, self._length)

    def __repr__(self) -> str:
        return f"Delayed({self.key!r})"

    def __hash__(self) -> int:
        return hash(self.key)

    def __dir__(self) -> list[str]:
        return [name for name in dir(type(self)) if not name.startswith("_")]

    def __getattr__(self, attr: str) -> Any:
        if attr.startswith("_"):
            raise AttributeError(f"Attribute {attr} not found")
        if attr == "visualise":  # a common slip that would go unnoticed until it is computed
            raise AttributeError("There is no `visualise`; did you mean `visualize`?")
        return DelayedAttr(self, attr)

    def __setattr__(self, attr: str, value: Any) -> None:
        raise TypeError("Delayed objects are immutable")

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError("Delayed objects are immutable")

    def __iter__(self) -> Iterator[Any]:
        if self._length is None:
            raise TypeError("Delayed objects of unspecified length are not iterable")
        return (self[i] for i in range(self._length))

    def __len__(self) -> int:
        if self._length is None:
            raise TypeError("Delayed objects of unspecified length have no len()")
        return self._length

    def __bool__(self) -> bool:
        raise TypeError("Truth of Delayed objects is not supported")

    __nonzero__ = __bool__  # its name in Dask's public interface, too

    def __get__(self, instance: Any, cls: type) -> Any:
        # a delayed function in a class body is a method
        return self if instance is None else types.MethodType(self, instance)

    def __call__(self, *args: Any, pure: bool | None = None, dask_key_name: Hashable = None, **kwargs: Any) -> Any:
        return _apply(self, *args, pure=pure, dask_key_name=dask_key_name, **kwargs)

    def __copy__(self) -> Delayed:
        return self

    def __deepcopy__(self, memo: Any) -> Delayed:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        order, key, length = _pickled(self)
        return (_unpickled, (Code(order), key, length))

    __getitem__ = _operator(operator.getitem)
    __abs__ = _operator(operator.abs)
    __neg__ = _operator(operator.neg)
    __pos__ = _operator(operator.pos)
    __invert__ = _operator(operator.invert)
    __eq__ = _operator(operator.eq)  # type: ignore[assignment]
    __ne__ = _operator(operator.ne)  # type: ignore[assignment]
    __lt__ = _operator(operator.lt)
    __le__ = _operator(operator.le)
    __gt__ = _operator(operator.gt)
    __ge__ = _operator(operator.ge)


for _word in (
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "matmul",
    "and_",
    "or_",
    "xor",
    "lshift",
    "rshift",
):
    _function = getattr(operator, _word)
    setattr(Delayed, f"__{_word.rstrip('_')}__", _operator(_function))
    setattr(Delayed, f"__r{_word.rstrip('_')}__", _operator(_function, swapped=True))
setattr(Delayed, "__divmod__", _operator(divmod))  # noqa: B010
setattr(Delayed, "__rdivmod__", _operator(divmod, swapped=True))  # noqa: B010


def _call_first(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


_apply = _callee(_call_first, word="apply")


class DelayedLeaf(_core.DelayedObject, Delayed):
    """An object, mostly a function, that isn't computed but given.

    Parameters
    ----------
    obj : object
        The object.
    key : hashable
        Its key.
    pure : bool, optional
        Calls of it with equal arguments are one.
    nout : int, optional
        How many values a call of it returns.
    """

    __slots__ = ("__dict__",)

    def __new__(cls, obj: Any, key: Hashable = None, pure: bool | None = None, nout: int | None = None) -> DelayedLeaf:
        word = _name_of(obj) if callable(obj) else type(obj).__name__
        self = super().__new__(cls, obj, key, pure, nout, word=word)
        if key is not None:
            self.__dict__["_leaf_key"] = key
        return self

    @property
    def _node(self) -> Any:  # type: ignore[override]
        # A function that is only called never becomes a value of its own.
        made = self.__dict__.get("_made")
        if made is None:
            key = self.key
            made = self.__dict__["_made"] = _core.value(self._obj, str(key)).keyed(key)
        return made

    @property
    def key(self) -> Hashable:
        """Its name in a graph."""
        key = self.__dict__.get("_leaf_key")
        if key is None:  # a function that is only called needs none
            key = self.__dict__["_leaf_key"] = f"{self._word}-{_core.unique_name()}"
        return key

    @property
    def _length(self) -> int | None:  # type: ignore[override]
        # of data how many there are; of a function how many each call gives
        return None if callable(self._obj) else self._nout

    @property
    def __wrapped__(self) -> Any:
        return self._obj

    @property
    def __name__(self) -> str:
        return self._obj.__name__

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        return self._obj.__doc__

    def __reduce__(self) -> tuple[Any, ...]:
        return (DelayedLeaf, (Code(self._obj), self.key, self._pure, self._nout))


class DelayedAttr(Delayed):
    """An attribute of a delayed value. Called, it is a method call.

    Parameters
    ----------
    obj : Delayed
        The value.
    attr : str
        The attribute.
    """

    __slots__ = ("__dict__",)

    def __new__(cls, obj: Delayed, attr: str) -> DelayedAttr:
        self = super().__new__(cls)
        self.__dict__.update(_obj=obj, _attr=attr, _made=None)
        return self

    def _as_call(self) -> Delayed:
        own = self.__dict__
        if own["_made"] is None:
            own["_made"] = _getattr(own["_obj"], own["_attr"])
        return own["_made"]

    @property
    def _node(self) -> Any:  # type: ignore[override]
        return self._as_call()._node

    @property
    def key(self) -> Hashable:
        """Its name in a graph."""
        return self._as_call().key

    def __getattr__(self, attr: str) -> Any:
        # `x.dtype` of delayed data may be asked for often, as in `x.dtype.itemsize`
        return super().__getattr__(attr)

    def __call__(self, *args: Any, pure: bool | None = None, dask_key_name: Hashable = None, **kwargs: Any) -> Any:
        own = self.__dict__
        return _method(own["_attr"])(own["_obj"], *args, pure=pure, dask_key_name=dask_key_name, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return (DelayedAttr, (self.__dict__["_obj"], self.__dict__["_attr"]))


# --- pickling ---------------------------------------------------------------------------------------------------------


def _pickled(x: Delayed) -> tuple[Any, ...]:
    """Give what a delayed value is made of, flat: a chain may be longer than the interpreter's stack is deep."""
    order: list[Any] = []
    places: dict[Any, int] = {}
    stack: list[Any] = [x._node]
    while stack:
        node = stack[-1]
        if node in places:
            stack.pop()
            continue
        parts = node.parts()
        inputs = parts[1] if parts is not None and len(parts) > 3 else ()
        missing = [each for each in inputs if each not in places]
        if missing:
            stack.extend(missing)
            continue
        stack.pop()
        places[node] = len(order)
        if inputs:
            parts = (parts[0], None, *parts[2:])
        order.append((node if parts is None else parts, [places[each] for each in inputs]))
    return (order, x._given_key, x._length)


def _unpickled(order: list[Any], key: Hashable, length: int | None) -> Delayed:
    made: list[Any] = []
    for parts, inputs in order:
        node = _core.restored(parts, [made[i] for i in inputs]) if isinstance(parts, tuple) else parts
        made.append(node)
    return Delayed(made[-1], key, length)


def node_of_graph(key: Hashable, graph: Any) -> Any:
    """Return a node that computes a key of a graph."""
    from dusk._graph_nodes import graph_nodes

    if graph is None:
        raise TypeError(f"a Delayed is made of a node, or of a key and a graph, not of {key!r} alone")
    if not isinstance(graph, Mapping):
        graph = graph.__dask_graph__()
    if key not in graph:
        raise ValueError(f"the graph has no key {key!r}")
    (node,) = graph_nodes(graph, [key], _core.unique_name())
    return node.keyed(key)


def _rebuild(dsk: Any, key: Hashable, length: int | None, rename: Mapping[str, str] | None = None) -> Delayed:
    return Delayed(renamed_key(key, rename), dsk, length)


# --- delayed ----------------------------------------------------------------------------------------------------------


def _identity(x: Any) -> Any:
    return x


def delayed(
    obj: Any = no_default,
    name: Hashable = None,
    pure: bool | None = None,
    nout: int | None = None,
    traverse: bool = True,
) -> Any:
    """Make calls of a function, or an object, lazy.

    Parameters
    ----------
    obj : object
        A function or class, whose calls then make nodes of a plan; or data. Without it, a decorator with the other
        arguments comes back.
    name : hashable, optional
        The key of ``obj``.
    pure : bool, optional
        Equal arguments give equal results: calls with equal arguments have the same key and run once. By default no
        two calls are the same.
    nout : int, optional
        How many values a call returns, so that what it gives can be unpacked.
    traverse : bool
        Look for collections in ``obj`` when it is a container.

    Returns
    -------
    Delayed

    Examples
    --------
    >>> import dusk
    >>> @dusk.delayed
    ... def increment(x):
    ...     return x + 1
    >>> total = dusk.delayed(sum)([increment(i) for i in range(3)])
    >>> total.compute()
    6
    """
    kind = type(obj)
    if kind is types.FunctionType and name is None and nout is None and not pure and not _core.pure_by_default():
        return DelayedLeaf(obj, None, pure)
    if kind is str and obj == no_default:
        return lambda obj: delayed(obj, name=name, pure=pure, nout=nout, traverse=traverse)
    if isinstance(obj, Delayed):
        return obj
    if nout is not None and (isinstance(nout, bool) or not isinstance(nout, int) or nout < 0):
        raise ValueError(f"nout must be None or a non-negative integer, got {nout}")
    if is_dusk_collection(obj) or (traverse and kind not in LEAVES and not callable(obj)):
        places = Places()
        taken = places.take(obj)
        if places.inputs:
            call = DelayedCall(_identity, (taken,), {})
            return _call_node(call, places.inputs, kind.__name__, tokenize(call) if pure else None, nout, name)
        if type(taken) is Build:  # an iterator, which can be walked only once
            obj = taken()
    if name is None and (_core.pure_by_default() if pure is None else pure):
        word = _name_of(obj) if callable(obj) else type(obj).__name__
        name = f"{word}-{tokenize(obj, nout, pure)}"
    return DelayedLeaf(obj, name, pure, nout)
