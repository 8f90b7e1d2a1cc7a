"""`compute` and its kin on containers and on collections that aren't dusk's: what comes back, and from where."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import operator
import sys
import threading

import pytest

from dusk import base
from dusk._collection import is_dusk_collection, is_namedtuple_instance, unpack_collections
from dusk.base import (
    annotate,
    clone_key,
    compute,
    flatten,
    get_annotations,
    get_collection_names,
    get_name_from_key,
    optimize,
    persist,
    replace_name_in_key,
    tokenize,
)
from tests.foreign import Foreign, Single, value

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


class Lazy:
    """Says that it is a collection and can't bear being computed."""

    def __dask_graph__(self):
        raise AssertionError("made its graph")

    def __dusk_nodes__(self):
        raise AssertionError("made its nodes")


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
