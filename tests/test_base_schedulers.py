"""Which scheduler or client computes a collection that isn't dusk's."""

from __future__ import annotations

import concurrent.futures
import operator
import sys
import threading
import types

import pytest

from dusk import base, config
from dusk.base import compute, get_scheduler, persist
from dusk.local import get_sync
from tests.foreign import Foreign, Single, value

X, Y = value(1), value(2)


class TestSchedulers:
    @pytest.mark.parametrize(
        "name", ["sync", "synchronous", "single-threaded", "threads", "threading", "SYNC", "Threads"]
    )
    def test_names(self, name):
        assert compute(X, scheduler=name) == (1,)

    def test_sync_runs_here(self):
        here = threading.get_ident()
        where = Single({"w": (threading.get_ident,)}, ["w"])
        assert where.compute(scheduler="sync") == here
        assert where.compute(scheduler="threads") != here

    def test_unknown_name(self):
        with pytest.raises(ValueError, match="not-real.*sync.*threads"):
            compute(X, scheduler="not-real")

    def test_processes_are_known(self):
        for name in ("processes", "multiprocessing"):
            assert compute(X, scheduler=name) == (1,)

    def test_get_is_gone(self):
        with pytest.raises(TypeError, match="scheduler="):
            compute(X, get=lambda dsk, keys: None)
        with pytest.raises(TypeError, match="scheduler="):
            X.compute(get=lambda dsk, keys: None)

    def test_no_scheduler_at_all(self):
        with pytest.raises(ValueError, match="not a scheduler"):
            compute(X, scheduler=3)

    def test_function(self):
        asked = []

        def get(dsk, keys, **kwargs):
            asked.append((dsk.__dask_graph__(), keys, kwargs))
            return ["one", "two"]

        assert compute(X, Y, scheduler=get, num_workers=3) == ("one", "two")
        ((graph, keys, options),) = asked
        assert graph["value-1"] == (int, 1) and graph["value-2"] == (int, 2) and options == {"num_workers": 3}
        # one key for each collection, as in Dask: a task that makes its value of those of its own keys
        assert len(graph) == 4 and get_sync(graph, keys) == (1, 2)

    def test_setting(self):
        with config.set(scheduler=lambda dsk, keys, **kwargs: ["configured"]):
            assert compute(X) == ("configured",)
            assert compute(X, scheduler="sync") == (1,)

    @pytest.mark.parametrize("kind", [concurrent.futures.ThreadPoolExecutor, concurrent.futures.ProcessPoolExecutor])
    def test_executors(self, kind):
        import multiprocessing

        extra = {}
        if kind is concurrent.futures.ProcessPoolExecutor:
            extra["mp_context"] = multiprocessing.get_context("spawn")
        graph = {"a": (int, 4), "b": (lambda x: x + 1, "a"), "c": (sum, ["a", "b"])}
        with kind(2, **extra) as executor:
            assert Foreign(graph, ["c", "b"]).compute(scheduler=executor) == (9, 5)

    def test_pool(self):
        import multiprocessing.pool

        with multiprocessing.pool.ThreadPool(2) as pool:
            assert X.compute(pool=pool) == 1
            with config.set(pool=pool):
                assert X.compute() == 1

    def test_num_workers(self):
        barrier = threading.Barrier(4, timeout=20)
        graph = {f"w{i}": (lambda: barrier.wait() is not None,) for i in range(4)}
        assert all(Foreign(graph, list(graph)).compute(num_workers=4))
        with config.set(num_workers=4):
            assert all(Foreign(graph, list(graph)).compute())

    def test_own_scheduler_of_a_collection(self):
        class Wants(Single):
            @staticmethod
            def __dask_scheduler__(dsk, keys, **kwargs):
                return ["by its own"]

        wants = Wants({"a": (int, 1)}, ["a"])
        assert wants.compute() == "by its own"
        assert wants.compute(scheduler="sync") == 1

        class WantsAnother(Single):
            @staticmethod
            def __dask_scheduler__(dsk, keys, **kwargs):
                return ["by another"]

        with pytest.raises(ValueError, match="different schedulers"):
            compute(wants, WantsAnother({"a": (int, 1)}, ["a"]))

    def test_get_scheduler(self):
        assert get_scheduler() is None
        assert get_scheduler(scheduler="threads") is base.named_schedulers["threads"]
        assert get_scheduler(scheduler="sync")({"a": (int, 3)}, "a") == 3
        with config.set(scheduler="sync"):
            assert get_scheduler() is base.named_schedulers["sync"]
        with concurrent.futures.ThreadPoolExecutor(1) as executor:
            assert get_scheduler(scheduler=executor)({"a": (int, 3)}, ["a"]) == (3,)

    def test_errors_come_as_they_are(self):
        class MyError(Exception):
            pass

        def fails(x):
            raise MyError("mine")

        for scheduler in ("sync", "threads"):
            with pytest.raises(MyError, match="mine") as caught:
                Single({"a": (fails, 1)}, ["a"]).compute(scheduler=scheduler)
            names = [entry.name for entry in caught.traceback]
            assert names == ["test_errors_come_as_they_are", "compute", "compute", "fails"]

    def test_the_whole_traceback_on_request(self):
        with config.set({"admin.traceback.shorten": []}), pytest.raises(ZeroDivisionError) as caught:
            Single({"a": (operator.truediv, 1, 0)}, ["a"]).compute()
        assert len(caught.traceback) > 3


class FakeClient:
    """What dusk asks of a distributed client."""

    asynchronous = False

    def __init__(self):
        self.asked = []

    def get(self, dsk, keys, sync=True, **kwargs):
        self.asked.append((dict(dsk), keys, kwargs))
        return ["from the cluster" for _ in keys]

    def persist(self, collections, optimize_graph=True, **kwargs):
        return [f"persisted {len(collection.__dask_keys__())}" for collection in collections]


@pytest.fixture
def client(monkeypatch):
    """Make a client the active one, as if distributed were loaded."""
    fake = FakeClient()
    module = types.ModuleType("distributed.client")
    module.default_client = lambda: fake
    monkeypatch.setitem(sys.modules, "distributed.client", module)
    monkeypatch.delitem(sys.modules, "distributed.worker", raising=False)
    return fake


class TestDistributed:
    def test_active_client(self, client):
        assert compute(X, Y, num_workers=2, retries=3) == ("from the cluster", "from the cluster")
        assert client.asked[0][2] == {"retries": 3}

    def test_a_setting_and_an_argument_come_first(self, client):
        assert compute(X, scheduler="sync") == (1,)
        with config.set(scheduler="threads"):
            assert compute(X) == (1,)
        assert not client.asked

    def test_by_name_and_as_object(self, client):
        with config.set(scheduler="sync"):
            assert compute(X, scheduler="distributed") == ("from the cluster",)
            assert compute(X, scheduler=FakeClient()) == ("from the cluster",)

    def test_persist(self, client):
        assert persist(X) == ("persisted 1",)

    def test_no_client(self, monkeypatch):
        module = types.ModuleType("distributed.client")

        def none():
            raise ValueError("No clients found")

        module.default_client = none
        monkeypatch.setitem(sys.modules, "distributed.client", module)
        assert compute(X) == (1,)
        with pytest.raises(RuntimeError, match="Client"):
            compute(X, scheduler="distributed")

    def test_asynchronous_client(self, client):
        client.asynchronous = True
        with pytest.raises(RuntimeError, match="asynchronous"):
            compute(X)
        with config.set({"admin.async-client-fallback": "sync"}), pytest.warns(UserWarning, match="asynchronous"):
            assert compute(X) == (1,)

    def test_nothing_is_imported_to_look(self):
        compute(X)
        assert "distributed" not in sys.modules or hasattr(sys.modules["distributed"], "Client")
