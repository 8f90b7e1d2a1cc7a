"""Modules for graphs in Dask's form: `core`, `hashing`, `context`, `highlevelgraph`, and what collections show."""

import operator
import pickle

import dask.core
import dask.hashing
import numpy as np
import pytest

import dusk
import dusk.array as da
import dusk.bag as db
from dusk import delayed
from dusk.context import globalmethod
from dusk.core import flatten, get, get_deps, getcycle, isdag, istask, quote, subs, toposort, validate_key
from dusk.graph_manipulation import bind, clone, wait_on
from dusk.hashing import hash_buffer, hash_buffer_hex
from dusk.highlevelgraph import HighLevelGraph

GRAPH = {"a": 1, "b": (operator.neg, "a"), "c": (sum, ["a", "b", 5]), "d": "c"}


def add(x, y):
    return x + y


def by(dsk, keys, **kwargs):
    return dusk.get(dsk, keys, **kwargs)


class TestCore:
    def test_get(self):
        assert get(GRAPH, ["a", ["b", "d"]]) == (1, (-1, 5))
        assert get(GRAPH, "c", cache={"b": 10}) == 16
        assert get({"x": quote((sum, [1]))}, "x") == (sum, [1])
        with pytest.raises(KeyError, match="nope"):
            get(GRAPH, "nope")

    @pytest.mark.parametrize("x", [[["a"], [["b"], "c"]], "foo", (), [[], [[]]], [("x", 0), [("y", 1)]]])
    def test_flatten(self, x):
        assert list(flatten(x)) == list(dask.core.flatten(x))

    def test_dependencies(self):
        assert get_deps(GRAPH) == dask.core.get_deps(GRAPH)
        order = toposort(GRAPH)
        assert sorted(order) == sorted(GRAPH) and order.index("b") < order.index("c") < order.index("d")

    def test_cycles(self):
        loop = {"a": (abs, "b"), "b": (abs, "c"), "c": (abs, "a")}
        cycle = getcycle(loop, "a")
        assert cycle[0] == cycle[-1] and set(cycle) == set(loop)
        assert not isdag(loop, ["a"]) and isdag(GRAPH, ["d"])
        with pytest.raises(RuntimeError, match="cycle"):
            toposort(loop)

    def test_long_chains(self):
        chain = {f"k{i}": (abs, f"k{i - 1}") for i in range(1, 5000)} | {"k0": 0}
        assert toposort(chain)[-1] == "k4999" and get(chain, "k4999") == 0

    def test_tasks(self):
        assert istask((sum, [1])) and not istask((1, 2))
        assert subs((sum, [1, ["x"]]), "x", 2) == (sum, [1, [2]])
        with pytest.raises(TypeError, match="index=1"):
            validate_key(("x", [1]))


class TestHashing:
    @pytest.mark.parametrize(
        "x", [b"abc", bytearray(b"12"), memoryview(b"x"), np.ones((3, 4)), np.ones(10)[::2], np.zeros(2, "i4,i2")]
    )
    def test_equal_buffers(self, x):
        assert hash_buffer(x) == hash_buffer(x) and len(hash_buffer(x)) in range(8, 32)
        assert hash_buffer_hex(x) == hash_buffer(x).hex()

    def test_different_buffers(self):
        assert len({hash_buffer(np.arange(10) + i) for i in range(100)}) == 100
        assert hash_buffer(b"x", hasher=lambda b: b"own" + bytes(b)) == b"ownx"


def test_globalmethod():
    class Table:
        f = globalmethod(lambda: "own", key="test_f", falsey=lambda: "off")

    assert Table().f() == Table.f() == "own"
    with dusk.config.set(test_f=lambda: "set"):
        assert Table().f() == "set"
    with dusk.config.set(test_f=False):
        assert Table().f() == "off"


class TestLayers:
    def test_mapping(self):
        graph = HighLevelGraph({"one": {"a": 1}, "two": {"b": (operator.neg, "a")}}, {"one": set(), "two": {"one"}})
        assert dict(graph) == graph.to_dict() == {"a": 1, "b": (operator.neg, "a")} and len(graph) == 2
        assert "b" in graph and "c" not in graph and [] not in graph
        assert graph.dependents == {"one": {"two"}, "two": set()}
        assert set(graph.cull(["a"]).layers) == {"one"}
        assert delayed(graph["b"][0])(2).compute() == -2
        graph.validate()

    def test_from_collections(self):
        x = da.ones(4, chunks=2)
        keys = {("y", i): (add, (x.name, i), 1) for i in range(2)}
        graph = HighLevelGraph.from_collections("y", keys, dependencies=[x])
        assert graph.dependencies["y"] == set(x.dask.layers)
        y = da.Array(graph, "y", x.chunks, dtype=x.dtype)
        assert y.compute().tolist() == [2, 2, 2, 2]


class TestShownGraphs:
    def test_delayed(self):
        one, two = delayed(abs)(-1), delayed(abs)(-2)
        total = delayed(add)(one, [two, one])
        graph = total.__dask_graph__()
        assert set(graph) == {one.key, two.key, total.key}
        assert set(graph[total.key][1:]) == {one.key, two.key}
        both = delayed(add)(one, two)
        assert both.compute(scheduler=by) == 3
        assert get(pickle.loads(pickle.dumps(dict(both.dask))), both.key) == 3

    def test_an_array_of_several_blocks_arrives_whole(self):
        x = np.arange(36).reshape(6, 6)
        d = da.from_array(x, chunks=(4, 3))
        total = delayed(sum)([d, x, 1])
        assert np.array_equal(total.compute(), x * 2 + 1)
        assert np.array_equal(total.compute(scheduler=by), x * 2 + 1)
        unknown = delayed(np.sort)(d[d > 20])
        assert unknown.compute().tolist() == list(range(21, 36))

    def test_bags(self):
        b = db.from_sequence(range(10), npartitions=5).map(add, 1)
        assert b.compute(scheduler=by) == list(range(1, 11))
        assert set(b.__dask_keys__()) <= set(b.dask) and b.sum().compute(scheduler=by) == 55
        grouped = db.range(100, npartitions=10).groupby(lambda x: x % 7)
        calls = []
        noted = {key: task if type(task) is not tuple else (note(calls), task) for key, task in grouped.dask.items()}
        parts = dusk.get(noted, grouped.__dask_keys__())
        assert sorted(len(members) for part in parts for _, members in part) == sorted([15, 15, 14, 14, 14, 14, 14])
        assert len(calls) == len(grouped.dask)  # no part is made twice

    def test_long_chains(self):
        x = delayed(0)
        for _ in range(3000):
            x = delayed(add)(x, 1)
        assert len(x.dask) == 3001 and x.compute(scheduler=by) == 3000

    def test_one_key_for_each_collection(self):
        seen = []

        def single(dsk, keys, **kwargs):
            seen.append(list(keys))
            return dusk.get(dsk.__dask_graph__(), keys)

        x = da.arange(6, chunks=2)
        one, two = dusk.compute(x, delayed(add)(1, 2), scheduler=single)
        assert one.tolist() == list(range(6)) and two == 3
        assert len(seen) == 1 and len(seen[0]) == 2


def note(calls):
    def noted(value):
        calls.append(1)
        return value

    return noted


@pytest.mark.parametrize("make", [clone, wait_on, lambda x: bind(x, delayed(abs)(-1))])
def test_arrays_are_copied_and_wait(make):
    x = da.arange(12, chunks=5).reshape(3, 4) + 1
    y = make(x)
    assert y.name != x.name and y.chunks == x.chunks and y.dtype == x.dtype
    assert np.array_equal(y.compute(), x.compute())
