"""`delayed`: what it takes, what it gives, and that nothing runs before it is computed."""

from __future__ import annotations

import collections
import dataclasses
import operator
import pickle

import pytest

import dusk
from dusk import delayed
from dusk.delayed import Delayed


def add(a, b=1):
    return a + b


@dataclasses.dataclass
class Point:
    x: object
    y: object = 0


Pair = collections.namedtuple("Pair", "left right")


class Counter:
    def __init__(self, start=0):
        self.start = start

    def up(self, by):
        return self.start + by

    @delayed
    def twice(self, x):
        return 2 * x + self.start


@pytest.fixture
def two():
    return delayed(add)(1, dask_key_name="two")


# --- making them ------------------------------------------------------------------------------------------------------


def test_function_and_decorator():
    @delayed
    def inc(x):
        return x + 1

    @delayed(pure=True, nout=2)
    def both(x):
        return x, x + 1

    assert inc(1).compute() == 2
    assert inc(x=inc(1)).compute() == 3
    low, high = both(inc(1))
    assert (low.compute(), high.compute()) == (2, 3)
    assert both(1).key == both(1).key
    assert inc.__name__ == "inc"
    assert inc.__wrapped__(3) == 4
    assert inc.compute()(4) == 5


def test_data():
    assert delayed(5).compute() == 5
    assert delayed(None).compute() is None
    assert delayed("text", name="t").key == "t"
    assert delayed(range(3)).compute() == range(3)
    assert delayed([1, [2]]).compute() == [1, [2]]
    value = delayed(3)
    assert delayed(value) is value
    assert delayed(int)("5").compute() == 5
    assert delayed(Counter)(3).up(4).compute() == 7


def test_nothing_runs_before_compute():
    ran = []
    value = delayed(ran.append)(1)
    later = delayed(lambda *a: len(ran))(value)
    assert ran == []
    assert later.compute() == 1


def test_each_call_runs_once():
    ran = []

    def note(x):
        ran.append(x)
        return x

    shared = delayed(note)(1)
    assert dusk.compute(shared + 1, shared + 2, [shared]) == (2, 3, [1])
    assert ran == [1]


# --- arguments --------------------------------------------------------------------------------------------------------

ARGUMENTS = {
    "list": (lambda d: [d, [d, 3]], [2, [2, 3]]),
    "tuple": (lambda d: (d, (d,)), (2, (2,))),
    "dict": (lambda d: {"a": d, "b": {"c": [d]}}, {"a": 2, "b": {"c": [2]}}),
    "set": (lambda d: {d}, {2}),
    "slice": (lambda d: slice(d, 5), slice(2, 5)),
    "dataclass": (lambda d: Point(d, [d]), Point(2, [2])),
    "named tuple": (lambda d: Pair(d, 1), Pair(2, 1)),
    "ordered dict": (lambda d: collections.OrderedDict(a=d), collections.OrderedDict(a=2)),
    "iterator": (lambda d: iter([d, 1]), [2, 1]),
    "plain": (lambda d: [1, {"a": (2, 3)}], [1, {"a": (2, 3)}]),
}


@pytest.mark.parametrize("case", ARGUMENTS)
def test_values_arrive_inside_containers(two, case):
    make, expected = ARGUMENTS[case]
    assert delayed(lambda x: x)(make(two)).compute() == expected
    assert delayed(lambda *, key: key)(key=make(two)).compute() == expected
    assert delayed(make(two)).compute() == expected


def test_without_traversal_containers_stay(two):
    (inner,) = delayed([two], traverse=False).compute()
    assert isinstance(inner, Delayed)


def test_collections_arrive_as_values(two):
    pd = pytest.importorskip("pandas")
    import dusk.dataframe as dd

    df = dd.from_pandas(pd.DataFrame({"a": range(6)}), npartitions=3)
    assert delayed(len)(df).compute() == 6
    assert delayed(type)(df).compute() is pd.DataFrame
    assert delayed(add)(df.a.sum(), two).compute() == 17
    assert delayed(lambda x: x["frames"][0].a.tolist())({"frames": [df]}).compute() == list(range(6))


def test_foreign_collections_arrive_as_values():
    dask = pytest.importorskip("dask")
    assert delayed(add)(dask.delayed(add)(3), 4).compute() == 8


# --- attributes, items, operators -------------------------------------------------------------------------------------


def test_attributes_and_methods():
    text = delayed("abc")
    assert text.upper().compute() == "ABC"
    assert text.replace("a", delayed("z")).compute() == "zbc"
    assert delayed(3 + 4j).imag.compute() == 4
    assert delayed(Point(Point(5))).x.x.compute() == 5
    with pytest.raises(AttributeError, match="Attribute _private not found"):
        text._private  # noqa: B018
    with pytest.raises(AttributeError):
        text.no_such_thing.compute()


def test_a_method_in_a_class():
    assert Counter(1).twice(4).compute() == 9


def test_items():
    assert delayed([1, 2, 3])[1:].compute() == [2, 3]
    assert delayed([1, 2, 3])[delayed(0)].compute() == 1
    assert delayed({"a": 5})["a"].compute() == 5


@pytest.mark.parametrize(
    "name", ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and_", "or_", "xor", "lshift", "rshift"]
)
def test_operators(name):
    function = getattr(operator, name)
    assert function(delayed(7), 2).compute() == function(7, 2)
    assert function(7, delayed(2)).compute() == function(7, 2)
    assert function(delayed(7), delayed(2)).compute() == function(7, 2)


def test_comparisons_and_unary_operators():
    x = delayed(3)
    assert [(x < 4).compute(), (x >= 4).compute(), (x == 3).compute(), (x != 3).compute()] == [True, False, True, False]
    assert [(-x).compute(), (+x).compute(), (~x).compute(), abs(-x).compute()] == [-3, 3, -4, 3]
    assert divmod(delayed(7), 2).compute() == (3, 1)


def test_a_call_of_a_value():
    assert delayed(delayed(lambda: add)())(1, b=5).compute() == 6


# --- names ------------------------------------------------------------------------------------------------------------


def test_keys(two):
    assert two.key == "two"
    assert repr(two) == "Delayed('two')"
    assert hash(two) == hash("two")
    assert delayed(add)(1).key.startswith("add-")
    assert delayed(add)(1).key != delayed(add)(1).key
    assert delayed(add)(1, pure=True).key == delayed(add)(1, pure=True).key
    assert delayed(add)(1, pure=True).key != delayed(add)(2, pure=True).key
    assert delayed(add, pure=True)([two]).key == delayed(add, pure=True)([two]).key
    assert delayed([1, 2], pure=True).key == delayed([1, 2], pure=True).key
    assert delayed([1, 2]).key != delayed([1, 2]).key
    assert (two + 1).key == (two + 1).key
    assert two.real.key == two.real.key
    assert two.bit_length().key != two.bit_length().key


def test_purity_is_a_setting():
    with dusk.config.set(delayed_pure=True):
        assert delayed(add)(1).key == delayed(add)(1).key
        assert delayed(add)(1, pure=False).key != delayed(add)(1, pure=False).key
    assert delayed(add)(1).key != delayed(add)(1).key


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_refusals(two):
    with pytest.raises(TypeError, match="unspecified length have no len"):
        len(two)
    with pytest.raises(TypeError, match="unspecified length are not iterable"):
        iter(two)
    with pytest.raises(TypeError, match="Truth of Delayed objects"):
        bool(two)
    with pytest.raises(TypeError, match="immutable"):
        two.x = 1
    with pytest.raises(TypeError, match="immutable"):
        two[0] = 1
    for nout in (-1, "a", 1.5, True):
        with pytest.raises(ValueError, match="nout must be None or a non-negative integer"):
            delayed(add, nout=nout)
    assert list(delayed(add, nout=0)(1)) == []


def test_the_users_exception_arrives():
    class Mine(Exception):
        pass

    def fail(x):
        raise Mine(x)

    with pytest.raises(Mine, match="5") as caught:
        delayed(add)(delayed(fail)(5)).compute()
    assert any(frame.name == "fail" for frame in caught.traceback)


# --- the protocol, pickling -------------------------------------------------------------------------------------------


def test_persist_and_optimize(two):
    held = (two + 1).persist()
    assert held.compute() == 3
    assert held.key == (two + 1).key
    (again,) = dusk.optimize(two)
    assert (again.key, again.compute()) == ("two", 2)


def test_graph(two):
    assert two.__dask_keys__() == ["two"]
    ((task,),) = two.__dask_graph__().values()
    assert task() == 2
    assert dusk.is_dask_collection(two)
    dask = pytest.importorskip("dask")
    assert dask.compute(two, two + 1, scheduler="sync") == (2, 3)
    assert dask.persist(two, scheduler="sync")[0].compute() == 2


@pytest.mark.parametrize(
    "make",
    [
        lambda two: two,
        lambda two: two + [1][0],
        lambda two: delayed(add)(two, b=[two][0]),
        lambda two: two.real,
        lambda two: delayed(add),
        lambda two: delayed([two, {"a": two}]),
        lambda two: delayed(5),
    ],
)
def test_pickling(two, make):
    value = make(two)
    again = pickle.loads(pickle.dumps(value))
    assert again.key == value.key
    assert again.compute() == value.compute()


def test_a_long_chain_is_pickled():
    value = delayed(0)
    for _ in range(3000):
        value = delayed(add)(value)
    again = pickle.loads(pickle.dumps(value))
    assert again.key == value.key
    assert again.compute() == 3000


def test_many_calls():
    values = [delayed(add)(i) for i in range(5000)]
    assert sum(dusk.compute(*values)) == sum(range(1, 5001))
    while len(values) > 1:
        values = [
            delayed(add)(*values[i : i + 2]) if i + 1 < len(values) else values[i] for i in range(0, len(values), 2)
        ]
    assert values[0].compute() == sum(range(1, 5001))
