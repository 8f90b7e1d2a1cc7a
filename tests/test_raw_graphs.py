"""Graphs that were made by hand: running them, and drawing them."""

from __future__ import annotations

import operator

import pytest

from dusk import base
from dusk.base import visualize


class Held(base.DaskMethodsMixin):
    """A graph and some of its keys as a collection."""

    def __init__(self, graph, keys):
        self.graph, self.keys = graph, keys

    def __dask_graph__(self):
        return self.graph

    def __dask_keys__(self):
        return self.keys


X = Held({"x": (int, 1)}, ["x"])


class TestRawGraphs:
    get = staticmethod(base.named_schedulers["sync"])

    @pytest.mark.parametrize("name", ["sync", "threads"])
    def test_forms(self, name):
        graph = {
            "a": 1,
            ("x", 0): (operator.add, "a", 1),
            "alias": ("x", 0),
            "list": ["a", [("x", 0), "literal"]],
            "nested": (sum, ["a", (operator.mul, ("x", 0), 3)]),
            "dict": {"k": "a"},
            "pair": (lambda x: x, ("a", "zz")),
            5: (operator.neg, "a"),
            "by int": (operator.neg, 5),
        }
        keys = ["alias", ["list", "nested"], "dict", "pair", "by int"]
        expected = (2, ([1, [2, "literal"]], 7), {"k": "a"}, (1, "zz"), 1)
        assert base.named_schedulers[name](graph, keys) == expected

    def test_one_key(self):
        assert self.get({("a", 0): (int, 3)}, ("a", 0)) == 3

    def test_missing_key(self):
        with pytest.raises(KeyError, match="nowhere"):
            self.get({"a": 1}, "nowhere")

    def test_cycle(self):
        with pytest.raises(RuntimeError, match="cycle: a -> b -> a"):
            self.get({"a": (int, "b"), "b": (int, "a")}, "a")

    def test_only_what_is_needed_runs(self):
        assert self.get({"a": (int, 1), "b": (operator.truediv, 1, 0)}, "a") == 1

    def test_long_chains(self):
        n = 20_000
        graph = {f"c{i}": (operator.add, f"c{i - 1}", 1) for i in range(1, n)}
        graph["c0"] = 0
        assert self.get(graph, f"c{n - 1}") == n - 1

    def test_results_are_let_go(self):
        import weakref

        class Big:
            pass

        seen = []

        def last(x):
            return seen[0]()

        def make():
            big = Big()
            seen.append(weakref.ref(big))
            return big

        graph = {"a": (make,), "b": (lambda a: 1, "a"), "c": (lambda b: 2, "b"), "d": (last, "c")}
        assert self.get(graph, "d") is None

    def test_dasks_tasks(self):
        spec = pytest.importorskip("dask._task_spec")
        task = spec.Task("t", operator.add, spec.TaskRef("a"), 2)
        graph = {"a": 1, "t": task, "alias": spec.Alias("alias", "t"), "data": spec.DataNode("data", (len, "a"))}
        assert self.get(graph, ["t", "alias", "data"]) == (3, 3, (len, "a"))

    def test_running_a_failed_task_again_here(self):
        import threading

        seen = []

        def fails():
            seen.append(threading.get_ident() == here)
            raise ZeroDivisionError

        here = threading.get_ident()
        with pytest.raises(ZeroDivisionError):
            base.named_schedulers["threads"]({"a": (fails,)}, "a", rerun_exceptions_locally=True)
        assert seen == [False, True]

    def test_a_failure_stops_the_rest(self):
        ran = []
        graph = {"bad": (operator.truediv, 1, 0), **{f"t{i}": (ran.append, i) for i in range(100)}}
        with pytest.raises(ZeroDivisionError):
            base.named_schedulers["threads"](graph, list(graph), num_workers=2)
        assert len(ran) < 100


class TestVisualize:
    def test_svg(self, tmp_path):
        graph = {
            "load-1": (int, 1),
            ("add-2", 0): (operator.add, "load-1", "<&>"),
            "sum": (sum, [("add-2", 0), "load-1"]),
        }
        drawn = visualize(Held(graph, ["sum"]), filename=str(tmp_path / "plan.svg"), engine="svg")
        text = (tmp_path / "plan.svg").read_text()
        assert text == drawn._repr_svg_()
        assert text.startswith("<svg") and text.count("<rect") == 3 and text.count("<line") == 3
        assert "add" in text and "<&>" not in text

    @pytest.mark.parametrize("rankdir", ["TB", "BT", "LR", "RL"])
    def test_directions_and_colours(self, rankdir):
        graph = {"a": 1, "b": (int, "a"), "c": (max, "a", "b")}
        drawn = Held(graph, ["c"]).visualize(filename=None, engine="svg", rankdir=rankdir, color="order")
        assert "#62" in drawn.data

    def test_is_valid_xml(self):
        import xml.etree.ElementTree as ElementTree

        graph = {f"{'<name>' * 5}{i}": (int, i) for i in range(10)}
        ElementTree.fromstring(Held(graph, list(graph)).visualize(filename=None, engine="svg", verbose=True).data)

    def test_ending_is_added(self, tmp_path):
        X.visualize(filename=str(tmp_path / "plan"), engine="svg")
        assert (tmp_path / "plan.svg").exists()

    def test_errors(self, tmp_path):
        with pytest.raises(ValueError, match="at least one"):
            visualize(1)
        with pytest.raises(ValueError, match="graphviz"):
            X.visualize(filename=str(tmp_path / "a.png"), engine="svg")
        with pytest.raises(ValueError, match="crayon"):
            X.visualize(filename=None, engine="crayon")
