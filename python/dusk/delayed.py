"""`delayed`: any Python function through the same engine.

Calling a delayed function makes a node of the plan and runs nothing. Its arguments may be other delayed values and any
other collection, also inside lists, tuples, dictionaries, sets, slices, named tuples and dataclasses: the function gets
their computed values.
"""

from __future__ import annotations

import inspect
import itertools
import operator
import os
import types
import uuid
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

from dusk import _core, config
from dusk._collection import DuskMethodsMixin, is_dusk_collection
from dusk._delayed_arguments import LEAVES, Build, Places, fill
from dusk._node_collection import HeldResults, NodeCollection
from dusk._wire import Code
from dusk.tokenize import tokenize

__all__ = ["Delayed", "DelayedAttr", "DelayedLeaf", "delayed"]

no_default = "__no__default__"


# --- names ------------------------------------------------------------------------------------------------------------

_unique_start = uuid.uuid4().hex[:16]
_unique_count = itertools.count()


def _restart_names() -> None:
    """Begin other unique names: those of a forked process must not meet its parent's."""
    global _unique_start, _unique_count
    _unique_start = uuid.uuid4().hex[:16]
    _unique_count = itertools.count()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_restart_names)


def _unique_token() -> str:
    return f"{_unique_start}{next(_unique_count):016x}"


def _name_of(function: Any) -> str:
    """Give the word by which people know a function or the type of an object."""
    while hasattr(function, "func") and callable(function.func):
        function = function.func
    name = getattr(function, "__name__", None)
    if not isinstance(name, str):
        name = type(function).__name__
    return "lambda" if name == "<lambda>" else name


class DelayedCall:
    """A function with its arguments, some of which are filled with the inputs of the call."""

    __slots__ = ("__name__", "args", "function", "kwargs")

    # Said here so that nobody has to work it out for each call.
    __signature__ = inspect.Signature()

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs
        self.__name__ = _name_of(function)

    def __call__(self, *inputs: Any) -> Any:
        args = [fill(arg, inputs) for arg in self.args]
        if not self.kwargs:
            return self.function(*args)
        return self.function(*args, **{key: fill(value, inputs) for key, value in self.kwargs.items()})

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-delayed-call", self.function, self.args, self.kwargs)

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return (DelayedCall, (self.function, self.args, self.kwargs))


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

        (value,) = compute(self.collection)
        return value

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-foreign", self.collection)

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return (_Foreign, (self.collection,))


def _node_of(x: Any) -> Any:
    if isinstance(x, NodeCollection):
        return x._node
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
        pure = config.get("delayed_pure", False)
    token = tokenize(call) if pure else _unique_token()
    return _call_node(call, places.inputs, name or call.__name__, token, nout, key)


def _call_node(
    call: Any, inputs: Sequence[Any], prefix: str, token: str, nout: int | None = None, key: Hashable = None
) -> Delayed:
    # Partitions of a frame arrive as one object; a call without inputs, or with single values, needs no gathering.
    mode = "partition"
    nodes = []
    for x in inputs:
        node = _node_of(x)
        if not isinstance(x, Delayed) and node.npartitions != 1:
            mode = "gather"
        nodes.append(node)
    node = _core.call(call, nodes, None, prefix=prefix, mode=mode, library=False, divisions=1, token=token)
    return Delayed(node, key, nout, (call, tuple(inputs), prefix, token))


# --- the collection ---------------------------------------------------------------------------------------------------


def _operator(function: Callable[..., Any], swapped: bool = False) -> Callable[..., Any]:
    if swapped:
        return lambda self, other: call_function(function, (other, self), {}, pure=True)
    return lambda self, *others: call_function(function, (self, *others), {}, pure=True)


class Delayed(NodeCollection):
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
    recipe : tuple, optional
        What it was made of, for pickling.
    """

    __slots__ = ("_key", "_length", "_recipe")

    visualize = DuskMethodsMixin.visualize

    def __init__(
        self,
        node: Any,
        key: Hashable = None,
        length: int | None = None,
        recipe: tuple[Any, ...] | None = None,
    ) -> None:
        set_ = object.__setattr__
        set_(self, "_node", node)
        set_(self, "_key", key)
        set_(self, "_length", length)
        set_(self, "_recipe", recipe)

    @property
    def key(self) -> Hashable:
        """Its name in a graph."""
        return self._key if self._key is not None else self._node.name

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

    def __get__(self, instance: Any, cls: type) -> Any:
        # a delayed function in a class body is a method
        return self if instance is None else types.MethodType(self, instance)

    def __call__(self, *args: Any, pure: bool | None = None, dask_key_name: Hashable = None, **kwargs: Any) -> Any:
        return call_function(_call_first, (self, *args), kwargs, pure=pure, key=dask_key_name, name="apply")

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


class DelayedLeaf(Delayed):
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

    def __init__(self, obj: Any, key: Hashable, pure: bool | None = None, nout: int | None = None) -> None:
        self.__dict__.update(_obj=obj, _leaf_key=key, _pure=pure, _nout=nout, _made=None)
        object.__setattr__(self, "_length", None)
        object.__setattr__(self, "_recipe", None)

    @property
    def _node(self) -> Any:  # type: ignore[override]
        # A function that is only called never becomes a value of its own.
        made = self.__dict__["_made"]
        if made is None:
            made = self.__dict__["_made"] = _core.value(self.__dict__["_obj"], str(self.key))
        return made

    @property
    def key(self) -> Hashable:
        """Its name in a graph."""
        return self.__dict__["_leaf_key"]

    @property
    def __wrapped__(self) -> Any:
        return self.__dict__["_obj"]

    @property
    def __name__(self) -> str:
        return self.__dict__["_obj"].__name__

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        return self.__dict__["_obj"].__doc__

    def __call__(self, *args: Any, pure: bool | None = None, dask_key_name: Hashable = None, **kwargs: Any) -> Any:
        own = self.__dict__
        pure = own["_pure"] if pure is None else pure
        return call_function(own["_obj"], args, kwargs, pure=pure, nout=own["_nout"], key=dask_key_name)

    def __reduce__(self) -> tuple[Any, ...]:
        own = self.__dict__
        return (DelayedLeaf, (Code(own["_obj"]), own["_leaf_key"], own["_pure"], own["_nout"]))


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

    def __init__(self, obj: Delayed, attr: str) -> None:
        self.__dict__.update(_obj=obj, _attr=attr, _made=None)
        object.__setattr__(self, "_key", None)
        object.__setattr__(self, "_length", None)

    def _as_call(self) -> Delayed:
        own = self.__dict__
        if own["_made"] is None:
            own["_made"] = call_function(getattr, (own["_obj"], own["_attr"]), {}, pure=True)
        return own["_made"]

    @property
    def _node(self) -> Any:  # type: ignore[override]
        return self._as_call()._node

    @property
    def _recipe(self) -> Any:  # type: ignore[override]
        return self._as_call()._recipe

    def __getattr__(self, attr: str) -> Any:
        # `x.dtype` of delayed data may be asked for often, as in `x.dtype.itemsize`
        return super().__getattr__(attr)

    def __call__(self, *args: Any, pure: bool | None = None, dask_key_name: Hashable = None, **kwargs: Any) -> Any:
        own = self.__dict__
        return call_function(_Method(own["_attr"]), (own["_obj"], *args), kwargs, pure=pure, key=dask_key_name)

    def __reduce__(self) -> tuple[Any, ...]:
        return (DelayedAttr, (self.__dict__["_obj"], self.__dict__["_attr"]))


# --- pickling ---------------------------------------------------------------------------------------------------------


def _pickled(x: Delayed) -> tuple[Any, ...]:
    """Give what a delayed value is made of, flat: a chain may be longer than the interpreter's stack is deep."""
    order: list[Any] = []
    seen: dict[int, int] = {}
    stack: list[tuple[Any, bool]] = [(x, False)]
    while stack:
        item, ready = stack.pop()
        if id(item) in seen:
            continue
        recipe = item._recipe if isinstance(item, Delayed) else None
        if recipe is None or ready:
            seen[id(item)] = len(order)
            if recipe is None:
                order.append((None, item if item is not x else item._node, (), None, None, None, None))
            else:
                call, inputs, prefix, token = recipe
                key = item._key if not isinstance(item, DelayedAttr) else None
                order.append((call, None, tuple(seen[id(each)] for each in inputs), prefix, token, item._length, key))
            continue
        stack.append((item, True))
        stack.extend((each, False) for each in recipe[1] if id(each) not in seen)
    return (order, x._key, x._length)


def _unpickled(order: list[Any], key: Hashable, length: int | None) -> Delayed:
    made: list[Any] = []
    for call, item, inputs, prefix, token, its_length, its_key in order:
        if call is None:
            made.append(item)
        else:
            made.append(_call_node(call, [made[i] for i in inputs], prefix, token, its_length, its_key))
    result = made[-1]
    return result if isinstance(result, Delayed) else Delayed(result, key, length)


def _rebuild(dsk: Any, key: Hashable, length: int | None, rename: Any = None) -> Delayed:
    node = _core.call(
        HeldResults(dsk, [key]), [], None, prefix="persisted", mode="partition", library=False, divisions=1
    )
    return Delayed(node, key, length)


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
    if isinstance(obj, str) and obj == no_default:
        return lambda obj: delayed(obj, name=name, pure=pure, nout=nout, traverse=traverse)
    if isinstance(obj, Delayed):
        return obj
    if nout is not None and (isinstance(nout, bool) or not isinstance(nout, int) or nout < 0):
        raise ValueError(f"nout must be None or a non-negative integer, got {nout}")
    if is_dusk_collection(obj) or (traverse and type(obj) not in LEAVES and not callable(obj)):
        places = Places()
        taken = places.take(obj)
        if places.inputs:
            call = DelayedCall(_identity, (taken,), {})
            prefix = type(obj).__name__
            return _call_node(call, places.inputs, prefix, tokenize(call) if pure else _unique_token(), nout, name)
        if type(taken) is Build:  # an iterator, which can be walked only once
            obj = fill(taken, ())
    if name is None:
        word = _name_of(obj) if callable(obj) else type(obj).__name__
        pure_token = config.get("delayed_pure", False) if pure is None else pure
        name = f"{word}-{tokenize(obj, nout, pure) if pure_token else _unique_token()}"
    return DelayedLeaf(obj, name, pure, nout)
