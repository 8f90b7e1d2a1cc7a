"""Profilers, over Python's schedulers and the engine."""

from __future__ import annotations

import operator
import time

import dask.diagnostics
import pytest

import dusk.bag as db
from dusk.diagnostics import CacheProfiler, Profiler, ResourceProfiler, visualize
from dusk.local import get_sync
from dusk.threaded import get

GRAPH = {"a": 1, "b": 2, "c": (operator.add, "a", "b"), "d": (operator.mul, "a", "b"), "e": (operator.mul, "c", "d")}


@pytest.mark.parametrize("run", [get, get_sync])
def test_profiler(run):
    with Profiler() as profile:
        assert run(GRAPH, "e") == 6
    assert sorted(each.key for each in profile.results) == ["c", "d", "e"]
    last = profile.results[-1]
    assert last._fields == dask.diagnostics.profile.TaskData._fields
    assert last.task == GRAPH["e"] and last.start_time <= last.end_time
    run(GRAPH, "e")
    assert len(profile.results) == 3
    profile.clear()
    assert profile.results == []


def test_profiler_of_a_failed_run():
    with Profiler() as profile, pytest.raises(ZeroDivisionError):
        get({"a": (operator.add, 1, 1), "b": (operator.truediv, "a", 0)}, "b")
    assert [each.key for each in profile.results] == ["a"]


def test_profiler_of_the_engine():
    with Profiler() as profile:
        db.range(6, 3).map(str).compute()
    assert profile.results


def test_cache_profiler():
    with CacheProfiler(metric=lambda x: x * 10, metric_name="tens") as profile:
        get_sync(GRAPH, "e")
    held = {each.key: each for each in profile.results}
    assert held["c"].metric == 30 and held["e"].metric == 60
    assert held["c"].cache_time <= held["c"].free_time <= held["e"].free_time
    assert held["c"]._fields == dask.diagnostics.profile.CacheData._fields


def test_resource_profiler():
    pytest.importorskip("psutil")
    with ResourceProfiler(dt=0.01) as profile:
        get({"a": (time.sleep, 0.1)}, "a")
    assert len(profile.results) >= 2
    assert all(each.mem > 1 and each.cpu >= 0 for each in profile.results)
    profile = ResourceProfiler(dt=0.01)
    profile.register()
    try:
        get({"a": (time.sleep, 0.05)}, "a")
    finally:
        profile.unregister()
    seen = len(profile.results)
    assert seen
    time.sleep(0.05)
    assert len(profile.results) == seen
    with pytest.raises(ValueError, match="dt"):
        ResourceProfiler(dt=0)


def test_visualize(tmp_path):
    pytest.importorskip("bokeh")
    with Profiler() as tasks, ResourceProfiler(0.01) as resources, CacheProfiler() as held:
        get({**GRAPH, "f": (time.sleep, 0.05)}, ["e", "f"])
    path = tmp_path / "out.html"
    visualize([tasks, resources, held], filename=str(path), show=False)
    text = path.read_text()
    assert "cdn.bokeh.org" not in text and "Cache Size" in text and len(text) > 100_000
    tasks.visualize(filename=str(path), show=False)


def test_visualize_without_bokeh(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "bokeh", None)
    monkeypatch.setitem(sys.modules, "bokeh.plotting", None)
    with pytest.raises(ImportError, match="bokeh"):
        visualize(Profiler(), show=False)
