"""`compute` and its kin on containers and on collections that aren't dusk's: what comes back, and from where."""

from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import dataclasses
import operator
import sys
import threading
import types

import pytest

from dusk import base, config
from dusk._collection import DuskMethodsMixin, is_dusk_collection, is_namedtuple_instance, unpack_collections
from dusk.base import (
    annotate,
    clone_key,
    compute,
    flatten,
    get_annotations,
    get_collection_names,
    get_name_from_key,
    get_scheduler,
    optimize,
    persist,
    replace_name_in_key,
    tokenize,
)
from dusk.local import get_sync

Pair = collections.namedtuple("Pair", "a b")


@dataclasses.dataclass(frozen=True)
class Frozen:
    a: object
    fixed: object = dataclasses.field(default=5, init=False)


@dataclasses.dataclass
class Checked:
    a: object
    made: dataclasses.InitVar[int] = 0

    def __post_init__(self, made):
        self.extra = made


class Foreign(DuskMethodsMixin):
    """The smallest collection with Dask's protocol: some keys of a graph."""

    def __init__(self, graph, keys):
        self._graph, self._keys = graph, keys

    def __dask_graph__(self):
        return self._graph

    def __dask_keys__(self):
        return self._keys

    def __dask_tokenize__(self):
        return sorted(map(str, self._graph))

    def __dask_postcompute__(self):
        return tuple, ()

    def __dask_postpersist__(self):
        return Foreign, (self._keys,)


class Single(Foreign):
    def __dask_postcompute__(self):
        return operator.itemgetter(0), ()

    def __dask_postpersist__(self):
        return Single, (self._keys,)


class Lazy:
    """Says that it is a collection and can't bear being computed."""

    def __dask_graph__(self):
        raise AssertionError("made its graph")

    def __dusk_nodes__(self):
        raise AssertionError("made its nodes")


def value(x, name=None):
    return Single({name or f"value-{x}": (int, x)}, [name or f"value-{x}"])


X, Y = value(1), value(2)


class TestIsCollection:
    def test_foreign(self):
        assert is_dusk_collection(X)
        assert base.is_dask_collection is is_dusk_collection

    @pytest.mark.parametrize("x", [None, 1, "a", [X], {"a": X}, Foreign, object(), int, sys])
    def test_others(self, x):
        assert not is_dusk_collection(x)

    def test_none_for_a_graph(self):
        assert not is_dusk_collection(Foreign(None, []))
        assert is_dusk_collection(Foreign({}, []))

    def test_attributes_that_hide(self):
        class Hides:
            @property
            def __dask_graph__(self):
                raise AttributeError

        class NotCallable:
            __dask_graph__ = 3

        assert not is_dusk_collection(Hides())
        assert not is_dusk_collection(NotCallable())

    def test_own_ones_are_not_computed(self):
        assert is_dusk_collection(Lazy())

    def test_expressions_are_not_computed(self):
        class Expression:
            def __dask_graph__(self):
                raise AssertionError("made its graph")

        class Holder:
            expr = Expression()
            __dask_graph__ = Expression.__dask_graph__

        assert is_dusk_collection(Holder())


class TestContainers:
    def test_each_kind(self):
        ordered = collections.OrderedDict
        given = [X], (X, 3), {"a": X}, {X: "b"}, ordered(a=X), Pair(X, 1), Frozen(X), {X, 7}, X
        back = compute(*given)
        assert back == ([1], (1, 3), {"a": 1}, {1: "b"}, ordered(a=1), Pair(1, 1), Frozen(1), {1, 7}, 1)
        assert [type(each) for each in back] == [list, tuple, dict, dict, ordered, Pair, Frozen, set, int]

    def test_nested(self):
        assert compute({"a": [Pair((X, {"k": Y}), None)]}) == ({"a": [Pair((1, {"k": 2}), None)]},)

    def test_iterators_become_lists(self):
        assert compute(iter([X, 2]), (each for each in (X, Y)), map(lambda x: x, [X]), zip([X], [1])) == (
            [1, 2],
            [1, 2],
            [1],
            [(1, 1)],
        )
        assert compute(iter([1, 2]), 3) == ([1, 2], 3)

    def test_files_are_not_read(self, tmp_path):
        path = tmp_path / "a.txt"
        path.write_text("text")
        with path.open() as file:
            assert compute(file, X) == (file, 1)
            assert file.read() == "text"

    def test_subclasses_are_left_alone(self):
        class MyList(list):
            pass

        given = MyList([X]), collections.defaultdict(list, a=X), collections.deque([X]), collections.Counter()
        for got, each in zip(compute(*given, X), given, strict=False):
            assert got is each

    def test_dataclasses_with_fields_that_init_does_not_take(self):
        computed, checked = compute(Frozen(X), Checked(X, 7))
        assert computed.fixed == 5 and computed.a == 1
        assert checked.a == 1 and checked.extra == 7

    def test_nothing_is_copied_without_need(self):
        inner, whole = [1, [2]], {"a": [3]}
        back = compute(inner, whole, X, [inner, X])
        assert back[0] is inner and back[1] is whole
        assert back[3][0] is inner

    def test_no_collections(self):
        given = (1, [2], "x", None)
        assert compute(*given) == given
        assert compute() == ()

    def test_traverse(self):
        held = [X]
        assert compute(held, X, traverse=False) == (held, 1)
        assert compute(held, X, traverse=False)[0][0] is X

    def test_order_of_arguments_of_mixed_kinds(self):
        """Dask 2026.8 gives the results of such a call in another order."""

        class Other(Foreign):
            @staticmethod
            def __dask_optimize__(dsk, keys, **kwargs):
                return dict(dsk)

        def other(i):
            return Other({f"o{i}": (int, i)}, [f"o{i}"])

        assert compute(value(1), other(2), value(3), other(4), value(5)) == (1, (2,), 3, (4,), 5)

    def test_the_same_collection_is_computed_once(self):
        calls = []
        counted = Single({"n": (calls.append, 1)}, ["n"])
        compute(counted, [counted], {"a": counted})
        assert calls == [1]

    def test_shared_tasks_run_once(self):
        calls = []
        graph = {"a": (lambda: calls.append(1) or 5,), "b": (operator.add, "a", 1), "c": (operator.add, "a", 2)}
        assert compute(Single(graph, ["b"]), Single(graph, ["c"])) == (6, 7)
        assert calls == [1]

    def test_unpack_and_repack(self):
        found, repack = unpack_collections([X, (Y, X)], 5)
        assert found == [X, Y]
        assert repack(["x", "y"]) == (["x", ("y", "x")], 5)

    def test_named_tuples(self):
        assert is_namedtuple_instance(Pair(1, 2))
        assert not is_namedtuple_instance((1, 2)) and not is_namedtuple_instance(Pair)


class TestMethods:
    def test_compute_and_persist(self):
        assert X.compute() == 1
        held = X.persist()
        assert type(held) is Single and held.compute() == 1

    def test_await(self):
        async def wait():
            return await X

        assert asyncio.run(wait()) is X

    def test_computing_inside_a_task(self):
        inner = Single({"i": (operator.add, 1, 1)}, ["i"])
        outer = Single({"o": (lambda: inner.compute() + 1,), "p": (lambda x: x + inner.compute(), "o")}, ["p"])
        assert outer.compute(scheduler="threads", num_workers=1) == 5
        assert outer.compute(scheduler="sync") == 5


class TestPersistAndOptimize:
    def test_persist(self):
        calls = []
        graph = {"a": (calls.append, 1), "b": (lambda a: "done", "a")}
        held, rest = persist([Single(graph, ["b"])], 5)
        assert (type(held[0]), rest) == (Single, 5)
        assert compute(held, held) == (["done"], ["done"])
        assert calls == [1]
        assert list(held[0].__dask_graph__()) == ["b"]

    def test_persisted_values_are_not_taken_for_tasks(self):
        graph = {"a": (lambda: (len, "a"),), "b": (lambda: "a",), "c": (lambda: [("a",)],)}
        (held,) = persist(Foreign(graph, ["a", "b", "c"]))
        assert held.compute() == ((len, "a"), "a", [("a",)])

    def test_optimize(self):
        class Optimized(Single):
            @staticmethod
            def __dask_optimize__(dsk, keys, **kwargs):
                return {key: (int, 42) for key in flatten(keys)}

            def __dask_postpersist__(self):
                return Optimized, (self._keys,)

        given = Optimized({"a": (int, 1)}, ["a"])
        assert given.compute() == 42
        assert given.compute(optimize_graph=False) == 1
        better, same, rest = optimize(given, [X], 5)
        assert type(better) is Optimized and better.__dask_graph__() == {"a": (int, 42)}
        assert same == [X] and rest == 5

    def test_without_collections(self):
        assert persist(1, [2]) == (1, [2])
        assert optimize(1, [2]) == (1, [2])


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


class TestDasksCollections:
    """Collections of the real Dask, run by dusk."""

    def test_all_kinds_in_one_call(self):
        da = pytest.importorskip("dask.array")
        import dask.bag as db
        import dask.dataframe as dd
        import pandas as pd
        from dask import delayed

        frame = pd.DataFrame({"x": range(10), "k": list("ab") * 5})
        lazy = dd.from_pandas(frame, npartitions=3)
        array, bag = da.arange(10, chunks=3) + 1, db.from_sequence(range(5), npartitions=2).map(lambda x: x * 2)
        for scheduler in (None, "sync"):
            results = compute(
                array, bag, [array.sum(), lazy.groupby("k").x.sum()], delayed(max)(3, 4), scheduler=scheduler
            )
            assert results[0].tolist() == list(range(1, 11))
            assert results[1] == [0, 2, 4, 6, 8]
            assert results[2][0] == 55 and results[2][1].sort_index().tolist() == [20, 25]
            assert results[3] == 4

    def test_persist_and_optimize(self):
        da = pytest.importorskip("dask.array")
        import dask.dataframe as dd
        import pandas as pd

        array = da.ones(6, chunks=3) + 1
        lazy = dd.from_pandas(pd.DataFrame({"x": range(10)}), npartitions=3).x + 1
        for function in (persist, optimize):
            held, rest = function(array, [lazy])
            assert type(held) is type(array) and held.compute(scheduler="sync").tolist() == [2] * 6
            assert rest[0].compute(scheduler="sync").tolist() == list(range(1, 11))

    def test_are_collections(self):
        da = pytest.importorskip("dask.array")
        import dask.dataframe as dd
        import pandas as pd

        assert is_dusk_collection(da.ones(3)) and is_dusk_collection(dd.from_pandas(pd.DataFrame({"x": [1]})))
        assert not is_dusk_collection(da.Array)


class TestAnnotations:
    def test_nested(self):
        assert get_annotations() == {}
        with annotate(priority=1, mine="a"):
            with annotate(priority=2):
                assert get_annotations() == {"priority": 2, "mine": "a"}
            assert get_annotations() == {"priority": 1, "mine": "a"}
        assert get_annotations() == {}

    def test_ends_after_an_error(self):
        with pytest.raises(ZeroDivisionError), annotate(mine=1):
            _ = 1 / 0
        assert get_annotations() == {}

    def test_a_copy_is_given(self):
        with annotate(mine=1):
            get_annotations()["mine"] = 2
            assert get_annotations() == {"mine": 1}

    @pytest.mark.parametrize("workers", ["a", ["a"], ("a",), {"a"}])
    def test_workers_become_a_list(self, workers):
        with annotate(workers=workers):
            assert get_annotations() == {"workers": ["a"]}

    @pytest.mark.parametrize(
        ("name", "bad", "good"),
        [
            ("workers", [1, None, [1]], [len]),
            ("priority", ["a", None], [1, 1.5, len]),
            ("retries", ["a", None], [1, len]),
            ("resources", [1, "GPU", None], [{"GPU": 1}, len]),
            ("allow_other_workers", [1, "a", None], [True, len]),
        ],
    )
    def test_types(self, name, bad, good):
        for each in good:
            with annotate(**{name: each}):
                assert get_annotations()[name] == each
        for each in bad:
            with pytest.raises(TypeError, match=name), annotate(**{name: each}):
                pass
        assert get_annotations() == {}

    def test_belong_to_a_context(self):
        seen = []
        with annotate(mine=1):
            thread = threading.Thread(target=lambda: seen.append(get_annotations()))
            thread.start()
            thread.join()
        assert seen == [{}]


class TestKeys:
    def test_names(self):
        assert get_name_from_key("a-1") == "a-1"
        assert get_name_from_key(("a-1", 0, 1)) == "a-1"
        assert get_collection_names(Foreign({}, ["a", [("b", 0), ("b", 1)]])) == {"a", "b"}
        assert replace_name_in_key(("a", 0), {"a": "b"}) == ("b", 0)
        assert replace_name_in_key("a", {"c": "b"}) == "a"

    @pytest.mark.parametrize("bad", [1, (1,), (), None])
    def test_no_keys(self, bad):
        for function in (get_name_from_key, lambda key: replace_name_in_key(key, {}), lambda key: clone_key(key, 1)):
            with pytest.raises(TypeError):
                function(bad)
        with pytest.raises(TypeError):
            get_collection_names(bad)

    def test_clone_key(self):
        """As Dask 2026.8 names them."""
        assert clone_key("x", 1) == "x-1b1db4fed462275609df1d9aa82fd22e"
        assert clone_key("inc-cbb1eca3bafafbb3e8b2419c4eebb387", 123) == "inc-f81b5a88038a2132882aa29a9fcfec06"
        assert clone_key(("sum-cbb1eca3bafafbb3e8b2419c4eebb387", 4, 3), 123) == (
            "sum-fd6be9e9fe07fc232ad576fa997255e8",
            4,
            3,
        )

    def test_flatten(self):
        assert list(flatten([1, [2, [3]], (4, 5)])) == [1, 2, 3, (4, 5)]
        assert list(flatten([1, (2, [3])], container=(list, tuple))) == [1, 2, 3]
        assert list(flatten("abc")) == ["abc"]

    def test_tokens_of_collections(self):
        assert tokenize(X) == tokenize(value(1)) != tokenize(Y)
