"""Graph manipulation, sizes, the cache, entry points of schedulers, made-up data and protocols."""

from __future__ import annotations

import operator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

import dusk
import dusk.bag as db
import dusk.dataframe as dd
from dusk.cache import Cache
from dusk.datasets import make_people, timeseries
from dusk.graph_manipulation import bind, checkpoint, clone, wait_on
from dusk.local import get_apply_async, get_async, get_sync
from dusk.sizeof import sizeof
from dusk.threaded import get
from dusk.typing import DaskCollection, HLGDaskCollection


def noting(log, word):
    def note(x):
        log.append(word)
        return x

    return note


def frame():
    return dd.from_pandas(pd.DataFrame({"a": range(10), "s": list("abcdefghij")}), npartitions=3)


@pytest.fixture
def here():
    """Run bags in this process, where the test sees what functions do."""
    with dusk.config.set(scheduler="threads"):
        yield


def test_bind_orders(here):
    log = []
    parents, children = db.range(20, 10).map(noting(log, "parent")), db.range(6, 3).map(noting(log, "child"))
    bound = bind(children, parents)
    assert bound.compute() == list(range(6)) and bound.name != children.name
    assert log == ["parent"] * 20 + ["child"] * 6


def test_wait_on_and_checkpoint(here):
    log = []
    slow, fast = db.range(6, 3).map(noting(log, "slow")), db.range(4, 2)
    one, (two,) = wait_on(fast, [slow])
    assert one.map(noting(log, "after")).compute() == [0, 1, 2, 3]
    assert log == ["slow"] * 6 + ["after"] * 4
    assert two.compute() == list(range(6))
    log.clear()
    assert checkpoint(slow, {"x": frame()}, split_every=2).compute() is None and log == ["slow"] * 6
    with pytest.raises(ValueError, match="split_every"):
        checkpoint(slow, split_every=1)


def test_of_frames_and_values():
    df = frame()
    expected = df.compute()
    for made in (wait_on(df), clone(df), bind(df, df.a.sum())):
        assert made.divisions == df.divisions
        pd.testing.assert_frame_equal(made.compute(), expected)
    assert bind(df.a.sum(), df).compute() == 45
    assert clone(df.s).compute().equals(expected.s)
    x = dusk.delayed(lambda: 5)()
    assert clone(x).compute() == 5 and clone(x).key != x.key
    assert clone(x, seed=1).key == clone(x, seed=1).key
    assert clone(x, omit=x).key == x.key


def test_clone_shares_nothing(here):
    log = []
    b = db.range(4, 2).map(noting(log, "run"))
    assert dusk.compute(b, clone(b)) == ([0, 1, 2, 3],) * 2
    assert len(log) == 8


def test_sizeof():
    class Mine:
        pass

    @sizeof.register(Mine)
    def size_of_mine(x):
        return 12345

    assert sizeof([Mine()] * 3) > 3 * 12345
    assert sizeof([Mine()] * 1000) > 1000 * 12345
    assert sizeof(np.zeros(1000)) == 8000
    assert sizeof(np.broadcast_to(np.float64(1), (10**6,))) == 8
    assert sizeof(pd.DataFrame({"a": [f"{i:1000}" for i in range(100)]})) > 100_000
    assert sizeof(pd.DataFrame({"a": pd.Series([f"{i:1000}" for i in range(100)], dtype=object)})) > 100_000
    assert sizeof(b"abc") == 3 and sizeof({"a": b"x" * 5000}) > 5000


def test_cache():
    calls = []

    def slow(x):
        calls.append(x)
        return x + 1

    cache = Cache(1e6)
    with cache:
        for _ in range(2):
            assert get({"x": (slow, 1), "y": (operator.add, "x", 10)}, "y") == 12
    assert calls == [1]
    get({"x": (slow, 1)}, "x")
    assert calls == [1, 1]
    small = Cache(100)
    with small:
        get({"z": (bytes, 10**5)}, "z")
    assert not small.cache.data
    plain = {}
    with Cache(plain):
        get({"w": (operator.add, 1, 1)}, "w")
    assert plain == {"w": 2}
    with pytest.raises(TypeError):
        Cache("1 GB")


def test_gets():
    graph = {"a": 1, "b": (operator.add, "a", 2), "c": (sum, ["a", "b"])}
    assert get(graph, ["c", ["a", "b"]]) == (4, (1, 3))
    assert get_sync(graph, "c") == 4
    found = {}
    assert get(graph, ["c", "b"], cache=found, num_workers=2) == (4, 3) and found == {"c": 4, "b": 3}
    with ThreadPoolExecutor(2) as pool:
        assert get_async(pool.submit, 2, graph, "c") == 4
        assert get_async(lambda f, *args: pool.submit(f, *args), 2, graph, ["b"]) == (3,)
    from multiprocessing.pool import ThreadPool

    with ThreadPool(2) as pool:
        assert get_apply_async(pool.apply_async, 2, graph, "c") == 4


def test_processes_get():
    from dusk.multiprocessing import get

    assert get({"a": (operator.add, 1, 2), "b": (pow, "a", 2)}, ["a", "b"], num_workers=1) == (3, 9)


def test_timeseries():
    df = timeseries(end="2000-01-04", freq="1h", seed=3)
    assert df.npartitions == 3 and df.divisions == tuple(pd.date_range("2000-01-01", "2000-01-04"))
    data = df.compute()
    assert list(data.columns) == ["name", "id", "x", "y"] and len(data) == 72 and data.index.name == "timestamp"
    assert data.dtypes.astype(str).tolist() == ["str", "int64", "float64", "float64"]
    assert data.x.between(-1, 1).all() and data.index.is_monotonic_increasing
    pd.testing.assert_frame_equal(data, timeseries(end="2000-01-04", freq="1h", seed=3).compute())
    assert not data.equals(timeseries(end="2000-01-04", freq="1h", seed=4).compute())
    assert data.x.iloc[:24].tolist() != data.x.iloc[24:48].tolist()
    other = timeseries(end="2000-01-02", freq="1h", dtypes={"n": int, "c": "category"}, n_lam=5, c_choices=["u", "v"])
    assert other.n.max().compute() < 30 and set(other.compute().c.cat.categories) == {"u", "v"}
    with pytest.raises(TypeError, match="no column"):
        timeseries(z_lam=3)
    with pytest.raises(ValueError, match="made-up"):
        timeseries(dtypes={"a": "datetime64[ns]"})


def test_people():
    people = make_people(2, 5, seed=1)
    assert people.npartitions == 2 and people.count().compute() == 10
    assert set(people.take(1)[0]) == {"age", "name", "occupation", "telephone", "address", "credit-card"}


def test_protocols():
    for x in (frame(), db.range(3, 1), db.range(3, 1).sum(), dusk.delayed(1)):
        assert isinstance(x, DaskCollection) and isinstance(x, HLGDaskCollection)
    assert not isinstance(3, DaskCollection)
