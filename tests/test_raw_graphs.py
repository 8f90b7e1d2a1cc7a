"""Graphs that were made by hand: running them, and drawing them."""

from __future__ import annotations

import operator
import struct
import zlib

import numpy as np
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


def png_pixels(data):
    """Read what `Canvas.png` writes."""
    at, found = 8, {}
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length]) == (zlib.crc32(kind + content),)
        found[kind], at = content, at + 12 + length
    width, height = struct.unpack(">II", found[b"IHDR"][:8])
    rows = np.frombuffer(zlib.decompress(found[b"IDAT"]), np.uint8).reshape(height, 1 + 3 * width)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, 3)


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

    @pytest.mark.parametrize("rankdir", ["BT", "LR"])
    def test_png(self, tmp_path, rankdir):
        graph = {"load": (int, 1), "sum": (sum, ["load", "load"]), "é": 1, "all": (max, "sum", "é")}
        options = {"engine": "svg", "rankdir": rankdir}
        drawn = visualize(Held(graph, ["all"]), filename=str(tmp_path / "plan.png"), color="order", **options)
        data = (tmp_path / "plan.png").read_bytes()
        assert data == drawn._repr_png_() and drawn._repr_svg_() is None and data[:8] == b"\x89PNG\r\n\x1a\n"
        pixels = png_pixels(data)
        colors = set(map(tuple, pixels.reshape(-1, 3).tolist()))
        assert {(255, 255, 255), (0, 0, 0), (98, 120, 200), (253, 215, 80)} <= colors
        assert (pixels == 0).all(axis=2).sum() > 300  # letters
        too_large = {i: (int, 1.5) for i in range(15_000)}
        with pytest.raises(ValueError, match="svg"):
            visualize(Held(too_large, list(too_large)), filename=None, format="png", engine="svg")

    def test_dot(self, tmp_path):
        graph = {"a": (int, 1), 'b"': (max, "a", "a")}
        visualize(Held(graph, ['b"']), filename=str(tmp_path / "plan"), format="dot", engine="svg", color="order")
        text = (tmp_path / "plan.dot").read_text()
        assert text.startswith("digraph {") and "0 -> 1" in text and text.count("fillcolor") == 2

    def test_what_colours_may_mean(self):
        graph = {"a": 1, "b": (int, 2), "c": (max, "a", "b"), "d": (abs, "c"), "e": (max, "b", "d")}

        def numbers(what):
            from dusk._draw import _numbers, dependencies_of

            return _numbers(graph, {key: list(set(dependencies_of(task, graph))) for key, task in graph.items()}, what)

        order = numbers("order")
        assert sorted(order.values()) == list(range(5)) and order["e"] == 4
        assert numbers("ages")["b"] == order["e"] - order["b"] and numbers("ages")["e"] == 0
        assert numbers("freed") == {"a": 0, "b": 0, "c": 1, "d": 1, "e": 2}
        assert numbers("memorydecreases")["e"] == 1 and numbers("memoryincreases")["a"] == 1
        assert numbers("memorypressure")["e"] == 2

    def test_ending_is_added(self, tmp_path):
        X.visualize(filename=str(tmp_path / "plan"), engine="svg")
        assert (tmp_path / "plan.svg").exists()

    def test_errors(self, tmp_path):
        with pytest.raises(ValueError, match="at least one"):
            visualize(1)
        with pytest.raises(ValueError, match="graphviz"):
            X.visualize(filename=str(tmp_path / "a.pdf"), engine="svg")
        with pytest.raises(NotImplementedError, match="memorypressure"):
            X.visualize(filename=None, engine="svg", color="rainbow")
        with pytest.raises(ValueError, match="crayon"):
            X.visualize(filename=None, engine="crayon")
