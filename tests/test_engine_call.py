"""What the engine is called with: settings, collections, counters and hooks. The engine itself is a stand-in here."""

from __future__ import annotations

import dataclasses
import sys
import types

import pytest

import dusk
from dusk import _engine, base, config, system
from dusk._collection import DuskMethodsMixin
from dusk.callbacks import Callback


@dataclasses.dataclass(frozen=True)
class Node:
    """A stand-in for a node: a name and the values of its partitions."""

    name: str
    values: tuple = (1,)

    def tier_counts(self):
        return {"native": 1}


class Frame(DuskMethodsMixin):
    """A stand-in for a collection of the engine."""

    def __init__(self, *nodes):
        self.nodes = list(nodes)

    def __dusk_nodes__(self):
        return self.nodes

    def __dusk_finalize__(self, results):
        return [list(chunks) for chunks in results]

    def __dusk_rebuild__(self, nodes):
        return Frame(*nodes)

    def __dask_graph__(self):
        return {(node.name, i): (int, value) for node in self.nodes for i, value in enumerate(node.values)}

    def __dask_keys__(self):
        return [[(node.name, i) for i in range(len(node.values))] for node in self.nodes]

    def __dask_postcompute__(self):
        return (lambda results: ["by graph", *map(list, results)]), ()

    def __dask_postpersist__(self):
        return (lambda graph: ("rebuilt", graph)), ()


class Plain(DuskMethodsMixin):
    """A collection that isn't the engine's."""

    def __dask_graph__(self):
        return {"plain": (int, 7)}

    def __dask_keys__(self):
        return ["plain"]

    def __dask_postcompute__(self):
        return (lambda results: results[0]), ()


class Progress:
    def counts(self):
        return 1, 2

    def volume(self):
        return 5, 6


@pytest.fixture
def core(monkeypatch):
    """A stand-in for the compiled core that notes what it is asked."""
    fake = types.ModuleType("dusk._core")
    fake.asked = []
    fake.fails = None

    def execute(nodes, settings, progress=None, *, whole=False):
        fake.whole = whole
        fake.asked.append((list(nodes), settings, progress))
        if fake.fails is not None:
            raise fake.fails
        return [list(node.values) for node in nodes]

    fake.execute = execute
    fake.optimize = lambda nodes: [Node(node.name + "'", node.values) for node in nodes]
    fake.from_chunks = lambda chunks, like: Node(like.name + " held", tuple(chunks))
    fake.assemble = lambda node, chunks, consume: (node, chunks)
    fake.Progress = Progress
    monkeypatch.setitem(sys.modules, "dusk._core", fake)
    monkeypatch.setattr(dusk, "_core", fake, raising=False)
    return fake


A, B, C = Node("a", (1, 2)), Node("b", (3,)), Node("c", ())


class TestCalls:
    def test_compute_is_one_call(self, core):
        result = base.compute(Frame(A), 5, {"k": Frame(B, C)}, Plain(), Frame(A))
        assert result == ([[1, 2]], 5, {"k": [[3], []]}, 7, [[1, 2]])
        ((nodes, settings, progress),) = core.asked
        assert nodes == [A, B, C, A] and progress is None
        assert settings["optimize"] is True
        assert core.whole  # large arrays are put together by the engine

    def test_default_finalizer(self, core):
        class Default(Frame):
            __dusk_finalize__ = DuskMethodsMixin.__dusk_finalize__

        assert Default(A).compute() == (A, [1, 2])

    def test_without_optimizing(self, core):
        Frame(A).compute(optimize_graph=False)
        assert core.asked[0][1]["optimize"] is False

    def test_persist(self, core):
        held, rest = base.persist(Frame(A, B), 1)
        assert held.nodes == [Node("a held", (1, 2)), Node("b held", (3,))]
        assert rest == 1 and len(core.asked) == 1
        assert not core.whole

    def test_optimize(self, core):
        (better,) = base.optimize(Frame(A))
        assert better.nodes == [Node("a'", (1, 2))] and not core.asked

    @pytest.mark.parametrize(("scheduler", "threads"), [("sync", 0), ("threads", 3)])
    def test_threads(self, core, scheduler, threads):
        Frame(A).compute(scheduler=scheduler, num_workers=3)
        assert core.asked[0][1]["threads"] == threads

    def test_executor_of_threads_says_how_many(self, core):
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(2) as executor:
            assert Frame(A).compute(scheduler=executor) == [[1, 2]]
        assert core.asked[0][1]["threads"] == 2

    def test_other_schedulers_see_the_graph(self, core):
        def get(dsk, keys, **kwargs):
            return base.named_schedulers["sync"](dsk, keys)

        assert Frame(A, B).compute(scheduler=get) == ["by graph", [1, 2], [3]]
        assert not core.asked

    def test_schedulers_of_dusk_given_as_functions(self, core):
        assert Frame(A).compute(scheduler=base.named_schedulers["sync"]) == [[1, 2]]
        assert core.asked[0][1]["threads"] == 0


class TestSettings:
    def test_defaults(self):
        with config.set({"num_workers": None, "threads": None, "memory.limit": None}):
            settings = _engine.snapshot()
        assert settings.threads == system.cpu_count()
        assert settings.memory_limit == int(0.7 * system.memory_limit())
        assert settings.batch_rows == 65536
        assert set(settings.for_core()) >= {"threads", "memory_limit", "spill_directory", "batch_rows"}

    def test_num_workers_before_threads(self):
        with config.set(threads=2):
            assert _engine.snapshot().threads == 2
            with config.set(num_workers=5):
                assert _engine.snapshot().threads == 5
                assert _engine.snapshot(num_workers=7).threads == 7
                assert _engine.snapshot(num_workers=7, sync=True).threads == 0

    @pytest.mark.parametrize("bad", [-1, 1.5, True])
    def test_bad_workers(self, bad):
        with pytest.raises(ValueError, match="num_workers"):
            _engine.snapshot(num_workers=bad)

    @pytest.mark.parametrize(
        ("limit", "bytes_"),
        [
            (None, 700),
            (True, 700),
            ("auto", 700),
            (0.5, 500),
            (1.0, 1000),
            ("0.5", 500),
            ("50%", 500),
            ("100 %", 1000),
            ("200MB", 200_000_000),
            ("1.5 KiB", 1536),
            ("12345", 12345),
            (12345, 12345),
            (1, 1),
            (1e9, 1_000_000_000),
            (False, sys.maxsize),
            (0, sys.maxsize),
            ("0", sys.maxsize),
        ],
    )
    def test_memory_limit(self, limit, bytes_):
        assert _engine.parse_memory_limit(limit, available=1000) == bytes_

    @pytest.mark.parametrize("bad", [-1, "-5", "much", "150%", "0%"])
    def test_bad_memory_limit(self, bad):
        with pytest.raises(ValueError):
            _engine.parse_memory_limit(bad, available=1000)

    def test_folders(self, tmp_path):
        with config.set({"temporary-directory": str(tmp_path)}):
            assert _engine.snapshot().spill_directory == str(tmp_path)
            with config.set({"memory.spill-directory": str(tmp_path / "spill")}):
                assert _engine.snapshot().spill_directory == str(tmp_path / "spill")

    def test_batches(self):
        with config.set({"dataframe.batch-rows": 100}):
            assert _engine.snapshot().batch_rows == 100
        with config.set({"dataframe.batch-rows": 0}), pytest.raises(ValueError, match="batch-rows"):
            _engine.snapshot()

    def test_what_the_machine_offers(self):
        assert 1 <= system.cpu_count() <= 4096 and system.CPU_COUNT >= 1
        assert 2**24 < system.memory_limit() < 2**50

    @pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux'")
    def test_control_groups(self, tmp_path, monkeypatch):
        group = tmp_path / "outer" / "inner"
        group.mkdir(parents=True)
        (group / "memory.max").write_text("max\n")
        (tmp_path / "outer" / "memory.max").write_text("123456789\n")
        (group / "cpu.max").write_text("150000 100000\n")
        monkeypatch.setattr(system, "_CGROUP", tmp_path)
        monkeypatch.setattr(system, "_own_groups", lambda name: iter([group, group.parent, tmp_path]))
        monkeypatch.setattr(system.os, "sched_getaffinity", lambda pid: set(range(64)))
        monkeypatch.setattr(system.os, "cpu_count", lambda: 64)
        assert system.memory_limit() == 123456789
        assert system.cpu_count() == 2
        (group / "cpu.max").write_text("max 100000\n")
        assert system.cpu_count() == 64


class Meter(Callback):
    def __init__(self):
        self.seen = []

    def _begin(self, progress):
        self.seen.append(("begin", progress.counts()))

    def _end(self, failed):
        self.seen.append(("end", failed))

    def _start(self, dsk):
        self.seen.append("start")


class TestHooks:
    def test_a_meter_gets_counters_and_no_task(self, core):
        with Meter() as meter:
            Frame(A).compute()
            assert Callback.active
        assert meter.seen == [("begin", (1, 2)), ("end", False)]
        assert isinstance(core.asked[0][2], Progress)

    def test_a_meter_hears_of_errors(self, core):
        core.fails = ZeroDivisionError()
        with Meter() as meter, pytest.raises(ZeroDivisionError):
            Frame(A).compute()
        assert meter.seen[-1] == ("end", True)

    def test_a_subclass_of_a_meter_keeps_its_hooks(self, core):
        class Mine(Meter):
            def _finish(self, dsk, state, failed):
                self.seen.append("finish")

        with Mine() as mine:
            Frame(A).compute()
        assert mine.seen == ["start", "finish"]

    def test_hooks_see_nodes_if_the_core_reports_no_tasks(self, core):
        seen = []
        hooks = Callback(
            start=lambda dsk: seen.append(("start", list(dsk))),
            start_state=lambda dsk, state: seen.append(("state", list(state["ready"]))),
            pretask=lambda key, dsk, state: seen.append(("pre", key)),
            posttask=lambda key, result, dsk, state, worker: seen.append(("post", key, result)),
            finish=lambda dsk, state, failed: seen.append(("finish", failed)),
        )
        with hooks:
            Frame(A, B).compute()
        assert seen == [
            ("start", ["a", "b"]),
            ("state", ["b", "a"]),  # the next one is the last, as in Dask
            ("pre", "a"),
            ("pre", "b"),
            ("post", "a", [1, 2]),
            ("post", "b", [3]),
            ("finish", False),
        ]

    def test_hooks_of_a_core_that_reports_tasks(self, core):
        def execute(nodes, settings, progress, events, *, whole=False):
            events.known({"read": (), "sum": ("read",)}, {})
            for key in ("read", "sum"):
                events.before(key)
                events.after(key, key.upper(), 3)
            return [[1]]

        core.task_events = True
        core.execute = execute
        seen = []
        with Callback(posttask=lambda key, result, dsk, state, worker: seen.append((key, result, worker))):
            Frame(A).compute()
        assert seen == [("read", "READ", 3), ("sum", "SUM", 3)]

    def test_callbacks_of_one_call(self, core):
        meter = Meter()
        Frame(A).compute(callbacks=[meter])
        Frame(A).compute(callbacks=())
        assert meter.seen == [("begin", (1, 2)), ("end", False)]

    def test_computing_inside_is_silent(self, core):
        class Outer(Meter):
            def _begin(self, progress):
                Frame(B).compute()
                self.seen.append("inner done")

        with Outer() as outer:
            Frame(A).compute()
        assert outer.seen == ["inner done", ("end", False)]
