"""Graph manipulation, sizes, the cache, entry points of schedulers, made-up data and protocols."""

from __future__ import annotations

import operator
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

import dusk
import dusk.array as da
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


def test_copies_are_plans(tmp_path):
    """What nobody reads is not computed, and partitions are copied one by one."""
    seen = []
    df = dd.from_map(lambda i: seen.append(i) or pd.DataFrame({"a": [i, i], "b": [1.5, 2.5]}), range(6))
    seen.clear()  # one call was for the dtypes
    for made in (clone(df), bind(df, dusk.delayed(abs)(-1))):
        assert not seen
        pd.testing.assert_frame_equal(made.partitions[2].compute(scheduler="sync"), df.partitions[2].compute())
        assert seen.count(2) == len(seen) == 2
        seen.clear()
    for i in range(3):
        (tmp_path / f"{i}.csv").write_text("a,b,c\n" + "1,2,3\n" * (i + 1))
    csv = dd.read_csv(str(tmp_path / "*.csv"))
    made = clone(csv[csv.a > 0].b)
    assert "read-csv(b)" in made.explain() or "columns=['b'" in made.explain() or " b" in made.explain()
    assert dusk.compute(made.sum(), csv.b.sum()) == (12, 12)
    assert made.compute(scheduler="processes", num_workers=1).tolist() == [2] * 6


def test_arrays_copied_block_by_block(here):
    seen = []

    def make(block_info=None):
        seen.append(block_info[None]["chunk-location"])
        return np.full((2, 3), 7.0)

    x = da.map_blocks(make, chunks=((2, 2), (3, 3)), dtype=float)
    seen.clear()
    for made in (clone(x + 1), bind(x + 1, dusk.delayed(abs)(-1)), clone(x) + 1):
        assert not seen and made.chunks == x.chunks and made.name != (x + 1).name
        np.testing.assert_array_equal(made[:2, 3:].compute(), np.full((2, 3), 8.0))
        assert seen == [(0, 1)]
        seen.clear()
    both = dusk.compute(x.sum(), clone(x).sum())
    assert both == (168, 168) and len(seen) == 8
    ones = clone(da.ones((4, 4), chunks=2))
    assert ones.sum().compute() == 16 and ones.name != da.ones((4, 4), chunks=2).name
    pickled = pickle.loads(pickle.dumps(clone(da.from_array(np.arange(6), chunks=2))))
    assert pickled.compute().tolist() == list(range(6))


def test_what_is_omitted_stays(here):
    log = []
    shared = db.range(4, 2).map(noting(log, "shared"))
    above = shared.map(noting(log, "above"))
    copy = clone(above, omit=shared)
    assert dusk.compute(above, copy) == ([0, 1, 2, 3],) * 2
    assert sorted(log) == ["above"] * 8 + ["shared"] * 4
    log.clear()
    values = [dusk.delayed(noting(log, "value"))(i) for i in range(3)]
    total = dusk.delayed(sum)(values)
    one = bind(total, dusk.delayed(noting(log, "first"))(0), omit=values)
    assert one.compute() == 3 and sorted(log) == ["first"] + ["value"] * 3
    named = dusk.delayed(abs)(-3, dask_key_name="mine")
    assert clone(named).key != "mine" and clone(named).key.startswith("mine-") and clone(named).compute() == 3


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
