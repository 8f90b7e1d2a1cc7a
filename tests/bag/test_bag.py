"""Bags against Dask's: what comes out, in which partitions; and what Dask doesn't promise."""

from __future__ import annotations

import operator
import pickle
import statistics
import warnings

import dask
import dask.bag as theirs
import pytest

import dusk
import dusk.bag as db
from dusk.bag._plan import lower

NUMBERS = [5, 3, 8, 1, 9, 2, 8, 5, 7, 0, 4]


def odd(x):
    return x % 2


def add(x, y):
    return x + y


@pytest.fixture
def here():
    """Run bags in this process, where the test sees what functions do."""
    with dusk.config.set(scheduler="threads"):
        yield


def parts(module, bag):
    with dask.config.set(scheduler="sync"):
        done = (dusk if module is db else dask).compute(*bag.to_delayed())
    return [list(each) for each in done]


SAME = {
    "map": lambda m, b: b.map(lambda x: x * 2),
    "map constants": lambda m, b: b.map(add, 10),
    "map two bags": lambda m, b: b.map(add, b.map(odd)),
    "map bag by keyword": lambda m, b: b.map(lambda x, y=0: x - y, y=b),
    "map item": lambda m, b: b.map(add, b.max()),
    "starmap": lambda m, b: b.map(lambda x: (x, 1)).starmap(add),
    "starmap item": lambda m, b: b.map(lambda x: (x, 1)).starmap(lambda x, y, z: x + y + z, z=b.sum()),
    "filter": lambda m, b: b.filter(odd),
    "remove": lambda m, b: b.remove(odd),
    "pluck": lambda m, b: b.map(lambda x: {"a": x}).pluck("a"),
    "pluck default": lambda m, b: b.map(lambda x: {x: 1}).pluck(5, None),
    "pluck list": lambda m, b: b.map(lambda x: (x, -x, 0)).pluck([1, 0]),
    "flatten": lambda m, b: b.map(range).flatten(),
    "map_partitions": lambda m, b: b.map_partitions(lambda p: [sum(p)]),
    "map_partitions item": lambda m, b: b.map_partitions(lambda p, n: [n for _ in p], b.count()),
    "accumulate": lambda m, b: b.accumulate(add),
    "accumulate initial": lambda m, b: b.accumulate(add, initial=100),
    "product": lambda m, b: b.product(b.filter(odd)),
    "join": lambda m, b: b.join([1, 2, 3, 3], odd),
    "join keys": lambda m, b: b.join([(1, "a"), (5, "b")], lambda x: x, 0),
    "zip": lambda m, b: m.zip(b, b.map(str), b),
    "concat": lambda m, b: m.concat([b, b.map(str)]),
    "repartition less": lambda m, b: b.repartition(2),
    "repartition more": lambda m, b: b.repartition(7),
    "distinct": lambda m, b: b.distinct(),
    "distinct key": lambda m, b: b.distinct(key=odd),
    "frequencies": lambda m, b: b.frequencies(),
    "frequencies sorted": lambda m, b: b.map(odd).frequencies(sort=True),
    "topk": lambda m, b: b.topk(3),
    "topk key": lambda m, b: b.topk(3, key=operator.neg),
    "foldby": lambda m, b: b.foldby(odd, add, 0),
    "foldby without initial": lambda m, b: b.foldby(odd, add, combine=add),
    "foldby combine initial": lambda m, b: b.foldby(odd, add, 0, add, 100),
    "foldby made initial": lambda m, b: b.foldby(odd, lambda s, x: s | {x}, set, operator.or_),
    "take": lambda m, b: b.take(2, compute=False),
    "take more": lambda m, b: b.take(5, npartitions=2, compute=False),
    "range": lambda m, b: m.range(10, 3),
    "str": lambda m, b: b.map(lambda x: f"n {x}").str.upper().str.split(" "),
    "match": lambda m, b: b.map(str).str.match("[58]"),
}


@pytest.mark.parametrize("case", SAME)
def test_partitions_as_dasks(case):
    def result(module):
        return SAME[case](module, module.from_sequence(NUMBERS, npartitions=4))

    ours, expected = result(db), result(theirs)
    assert ours.npartitions == expected.npartitions
    assert parts(db, ours) == parts(theirs, expected)
    assert ours.compute() == expected.compute(scheduler="sync")
    assert ours.name == result(db).name
    if case not in ("str", "match"):  # Dask puts the repr of a methodcaller there
        assert ours.name.startswith(expected.name.split("-")[0])


VALUES = ["sum", "max", "min", "any", "all", "count", "mean", "var", "std"]


@pytest.mark.parametrize("method", VALUES)
@pytest.mark.parametrize("npartitions", [1, 2, 3, 11])
def test_values_as_dasks(method, npartitions):
    ours = getattr(db.from_sequence(NUMBERS, npartitions=npartitions), method)()
    expected = getattr(theirs.from_sequence(NUMBERS, npartitions=npartitions), method)()
    assert ours.compute() == pytest.approx(expected.compute(scheduler="sync"))


def test_variance_of_large_numbers():
    data = [1e9 + x for x in (4, 7, 13, 16)]
    assert db.from_sequence(data, npartitions=3).var(ddof=1).compute() == pytest.approx(statistics.variance(data))


@pytest.mark.parametrize("n", [1, 2, 3, 7, 127, 128, 129])
@pytest.mark.parametrize("split_every", [2, None, False])
def test_result_does_not_depend_on_partitions(n, split_every):
    b = db.from_sequence(range(200), npartitions=n)
    assert b.sum(split_every=split_every).compute() == sum(range(200))
    assert b.fold(add, initial=0, split_every=split_every).compute() == sum(range(200))
    assert sorted(b.map(odd).frequencies(split_every=split_every).compute()) == [(0, 100), (1, 100)]
    assert b.foldby(odd, add, 0, add, 1000, split_every=split_every).compute() == [(0, 10900), (1, 11000)]


def test_partitions_without_elements():
    b = db.from_sequence(range(10), npartitions=3)
    assert b.filter(lambda x: x > 8).max().compute() == 9
    none = b.filter(lambda x: x > 100)
    assert none.sum().compute() == 0
    assert none.fold(add, initial=7).compute() == 7
    with pytest.raises(ValueError):
        none.min().compute()
    assert db.from_sequence([]).compute() == []


@pytest.mark.parametrize("shuffle", [None, "disk", "tasks"])
def test_groupby(shuffle):
    b = db.from_sequence(NUMBERS, npartitions=4)
    grouped = b.groupby(lambda x: x % 3, npartitions=2, shuffle=shuffle)
    assert grouped.npartitions == 2
    expected = {i: [x for x in NUMBERS if x % 3 == i] for i in range(3)}
    assert dict(grouped.compute()) == expected
    assert dict(grouped.map(lambda pair: (pair[0], sum(pair[1]))).compute()) == {k: sum(v) for k, v in expected.items()}
    with pytest.raises(NotImplementedError):
        b.groupby(odd, shuffle="other")


@pytest.mark.parametrize("n", [0, 1, 5, 99, 100, 101, 250, 1000])
def test_from_sequence_partitions(n):
    for options in ({}, {"npartitions": 7}, {"partition_size": 6}, {"npartitions": 3, "partition_size": 4}):
        ours, expected = db.from_sequence(range(n), **options), theirs.from_sequence(range(n), **options)
        assert parts(db, ours) == parts(theirs, expected)


# --- laziness, sharing, streaming -------------------------------------------------------------------------------------


def counting(calls):
    def count(x):
        calls.append(x)
        return x

    return count


def test_shared_steps_run_once(here):
    calls = []
    b = db.range(10, 2).map(counting(calls))
    assert calls == []
    assert dusk.compute(b, b.sum(), b.filter(odd).count()) == (list(range(10)), 45, 5)
    assert sorted(calls) == list(range(10))


def test_equal_steps_run_once(here):
    calls = []
    count = counting(calls)
    base = db.range(10, 2)
    # Made twice, nobody holds them, but they are the same.
    low, high = base.map(count).map(add, 0).min(), base.map(count).map(add, 0).max()
    assert dusk.compute(low, high) == (0, 9)
    assert sorted(calls) == list(range(10))


def test_changed_data_is_seen():
    data = [[1], [2]]
    first = db.from_sequence(data, npartitions=1)
    data[0].append(5)
    again = db.from_sequence([[1], [2]], npartitions=1)
    assert first.name == again.name
    assert again.map(list).compute() == [[1], [2]]


def test_changed_arguments_are_seen():
    b, table = db.range(2, 1), [10]
    first = b.map(lambda x, y: (x, list(y)), table)
    table.append(20)
    again = b.map(lambda x, y: (x, list(y)), [10])
    assert again.compute() == [(0, [10]), (1, [10])] and first.compute()


def test_chains_stream(here):
    seen = []

    def first(x):
        seen.append(("first", x))
        return x

    def second(x):
        seen.append(("second", x))
        return x

    total = db.range(3, 1).map(first).filter(lambda x: True).map(second).sum().compute()
    assert total == 3
    assert seen == [(word, x) for x in range(3) for word in ("first", "second")]


def test_user_functions_get_lists():
    kinds = db.range(4, 2).map(str).map_partitions(lambda part: [type(part).__name__, len(part)])
    assert kinds.compute() == ["list", 2, "list", 2]
    assert db.range(4, 2).map(str).reduction(len, sum).compute() == 4


def test_long_chain():
    b = db.range(3, 2)
    for _ in range(3000):
        b = b.map(add, 1)
    assert b.compute() == [3000, 3001, 3002]


def test_different_arguments_are_different_steps():
    b = db.from_sequence([{"a": 1, "b": 2}, {"a": 1, "b": 3}], npartitions=2)
    made = [b.distinct("a"), b.distinct("b"), b.pluck("a"), b.pluck("b"), b.pluck("a", 0), b.pluck("a").topk(1)]
    made += [b.pluck("a").topk(2), b.take(1, compute=False), b.take(2, compute=False), b.pluck("a").var(1)]
    made += [b.pluck("a").var(0), b.repartition(1), b.map(lambda x: x), b.map(lambda x: 1)]
    assert len({each._name for each in made}) == len(made)
    assert made[1].compute() == [{"a": 1, "b": 2}, {"a": 1, "b": 3}]


def test_persist_and_optimize(here):
    calls = []
    b = db.range(6, 3).map(counting(calls))
    held = b.persist()
    assert isinstance(held, db.Bag) and held.name == b.name and len(calls) == 6
    assert held.map(add, 1).compute() == [1, 2, 3, 4, 5, 6] and len(calls) == 6
    assert b.optimize().compute() == list(range(6))
    assert b.sum().persist().compute() == 15


def test_pickle():
    b = db.range(6, 3).map(add, 1)
    assert pickle.loads(pickle.dumps(b)).compute() == b.compute()
    assert pickle.loads(pickle.dumps(b.sum())).compute() == 21


# --- with other collections -------------------------------------------------------------------------------------------


def test_delayed():
    total = dusk.delayed(sum)([1, 2])
    b = db.range(4, 2)
    assert b.map(lambda x, y: x + sum(y.values()), {"a": total}).compute() == [3, 4, 5, 6]
    assert dusk.delayed(len)(b).compute() == 4
    assert db.from_delayed([dusk.delayed(range)(2), dusk.delayed(iter)([7])]).compute() == [0, 1, 7]
    assert [each.key for each in b.to_delayed()] == [(b.name, 0), (b.name, 1)]
    assert db.Item.from_delayed(total).apply(str).compute() == "3"
    assert b.sum().to_delayed().compute() == 6
    assert b.join(dusk.delayed([2]), lambda x: x).compute() == [(2, 2)]


def test_raw_graph_and_protocol():
    graph = {("n", 0): (list, "one"), ("n", 1): (map, odd, [1, 2]), "one": (range, 3), "total": (sum, ("n", 0))}
    b = db.Bag(graph, "n", 2)
    assert b.compute() == [0, 1, 2, 1, 0]
    assert db.Item(graph, "total").compute() == 3
    for get in (dask.get, dask.threaded.get):
        assert b.map(add, 1).compute(scheduler=get) == [1, 2, 3, 2, 1]
        assert b.sum().compute(scheduler=get) == 4
    assert dask.is_dask_collection(b)
    with pytest.raises(ValueError, match="not in the graph"):
        db.Bag({}, "n", 1)


def test_to_dataframe():
    records = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}, {"a": 3, "b": "z"}]
    b = db.from_sequence(records, npartitions=2)
    import pandas as pd

    pd.testing.assert_frame_equal(b.to_dataframe().compute().reset_index(drop=True), pd.DataFrame(records))
    assert list(b.to_dataframe(columns=["b"]).columns) == ["b"]
    assert db.concat([b, b]).to_dataframe().a.sum().compute() == 12
    assert b.pluck("a").to_dataframe(meta={"n": "float64"}).compute().n.tolist() == [1.0, 2.0, 3.0]
    with pytest.raises(ValueError, match="both"):
        b.to_dataframe(meta={"a": "i8"}, columns=["a"])
    with pytest.raises(ValueError, match="meta"):
        b.filter(lambda x: False).to_dataframe()


# --- random -----------------------------------------------------------------------------------------------------------


def test_random_sample():
    b = db.range(1000, 4)
    first = b.random_sample(0.3, 42)
    assert first.compute() == first.compute() == b.random_sample(0.3, 42).compute()
    assert first.compute() != b.random_sample(0.3, 43).compute()
    assert 200 < first.count().compute() < 400
    with pytest.raises(ValueError, match="prob"):
        b.random_sample(1.5)


def test_choices_and_sample():
    import dusk.bag.random as random

    b = db.from_sequence(range(100), npartitions=20)
    assert sorted(random.sample(b, 100, split_every=3).compute()) == list(range(100))
    assert len(set(random.sample(b, 40).compute())) == 40
    assert len(random.choices(b, 300).compute()) == 300
    with pytest.raises(ValueError, match="larger"):
        random.sample(b, 101).compute()


def test_choices_are_even_over_partitions_of_other_lengths():
    import dusk.bag.random as random

    b = db.from_delayed([dusk.delayed(["a"]), dusk.delayed(["b"] * 9)])
    chosen = random.choices(b, 5000).compute()
    assert 350 < chosen.count("a") < 650


# --- errors -----------------------------------------------------------------------------------------------------------


def test_errors():
    b = db.range(4, 2)
    with pytest.raises(ValueError, match="same number of partitions"):
        b.map(add, db.range(4, 4))
    with pytest.raises(ValueError, match="identically partitioned"):
        b.map(add, b.filter(odd)).compute()
    with pytest.raises(ValueError, match="At least one"):
        db.map(add, 1, 2)
    with pytest.raises(ValueError, match="only 2 partitions"):
        b.take(1, npartitions=3)
    with pytest.raises(ValueError, match="split_every"):
        b.sum(split_every=1)
    with pytest.raises(NotImplementedError, match="one partition"):
        b.join(b, odd)
    with pytest.raises(ValueError, match="exactly one"):
        b.repartition()
    with pytest.raises(TypeError):
        b.filter(3)
    with pytest.raises(AttributeError):
        b.str.nothing  # noqa: B018
    with pytest.raises(ZeroDivisionError):
        b.map(lambda x: 1 / x).compute()


def test_take():
    b = db.range(10, 5)
    assert b.take(3, npartitions=-1) == (0, 1, 2)
    with pytest.warns(UserWarning, match="Insufficient elements"):
        assert b.take(3) == (0, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        b.take(3, warn=False)


def test_one_call_for_each_partition():
    b = db.range(10, 2).map(add, 1).filter(odd).map(str)
    assert len(lower(b._step)) == 1
    assert "2 chunks" in b.sum().explain("physical") or "2 x" in b.explain("physical")
