"""Callbacks and the progress bar, in terminals, in notebooks, and where there is neither."""

from __future__ import annotations

import io
import operator
import re
import sys
import threading
import time
import types

import pytest

from dusk import base
from dusk.callbacks import (
    Callback,
    TaskEvents,
    add_callbacks,
    local_callbacks,
    normalize_callback,
    split_meters,
    unpack_callbacks,
)
from dusk.diagnostics import ProgressBar

sync = base.named_schedulers["sync"]
threads = base.named_schedulers["threads"]
LINE = re.compile(r"\[(#*) *\] \| (\d+)% Completed \| ([\d.]+ s|\d+m \d+s|\d+hr \d+m)(.*)")


def frames(text):
    """Take the text of a bar apart: the length of the bar and the percentage of each drawing."""
    assert text.startswith("\r") and text.endswith("\n") and text.count("\n") == 1
    drawn = [LINE.fullmatch(part.rstrip()) for part in text.strip("\r\n").split("\r")]
    assert all(drawn), text
    return [(len(match[1]), int(match[2])) for match in drawn if match]


class Counter:
    """What the engine offers: counters that change while it works."""

    def __init__(self, done=0, total=4, rows=0, read=0):
        self.done, self.total, self.rows, self.read = done, total, rows, read

    def counts(self):
        return self.done, self.total

    def volume(self):
        return self.rows, self.read


@pytest.fixture(autouse=True)
def no_callbacks_left():
    yield
    left = set(Callback.active)
    Callback.active.clear()
    assert not left


class TestCallback:
    graph = {"a": 1, "b": (operator.add, "a", 1), "c": (operator.add, "b", "b"), "unused": (operator.add, "a", 5)}

    def record(self):
        seen = []
        names = "start", "start_state", "pretask", "posttask", "finish"
        return seen, {name: (lambda *args, name=name: seen.append((name, args))) for name in names}

    @pytest.mark.parametrize("get", [sync, threads])
    def test_hooks_and_their_arguments(self, get):
        seen, hooks = self.record()
        with Callback(**hooks):
            assert get(self.graph, "c") == 4
        assert [name for name, _ in seen] == [
            "start",
            "start_state",
            "pretask",
            "posttask",
            "pretask",
            "posttask",
            "finish",
        ]
        assert list(seen[0][1][0]) == ["a", "b", "c", "unused"]
        assert [args[0] for name, args in seen if name == "pretask"] == ["b", "c"]
        assert [args[:2] for name, args in seen if name == "posttask"] == [("b", 2), ("c", 4)]
        assert all(len(args) == 5 for name, args in seen if name == "posttask")
        assert seen[-1][1][2] is False

    def test_state(self):
        states = []

        def copy(dsk, state, *rest):
            states.append({name: len(value) for name, value in state.items()})

        with Callback(start_state=copy, pretask=lambda key, *rest: copy(*rest), finish=copy):
            sync(self.graph, "c")
        assert set(states[0]) == {
            "dependencies",
            "dependents",
            "waiting",
            "waiting_data",
            "cache",
            "ready",
            "running",
            "finished",
            "released",
        }
        tracked = [(s["ready"], s["waiting"], s["running"], s["finished"]) for s in states]
        assert tracked == [(1, 1, 0, 0), (0, 1, 1, 0), (0, 0, 1, 1), (0, 0, 0, 2)]
        assert states[-1]["released"] == 2

    @pytest.mark.parametrize("get", [sync, threads])
    def test_finish_hears_of_errors(self, get):
        seen = []
        with pytest.raises(ZeroDivisionError), Callback(finish=lambda dsk, state, failed: seen.append(failed)):
            get({"a": (operator.truediv, 1, 0)}, "a")
        assert seen == [True]

    def test_an_error_in_a_hook_ends_the_run(self):
        seen = []

        def stop(*args):
            raise KeyboardInterrupt

        with Callback(posttask=stop, finish=lambda *args: seen.append(args[-1])), pytest.raises(KeyboardInterrupt):
            sync(self.graph, "c")
        assert seen == [True]

    def test_methods_of_a_subclass(self):
        class Mine(Callback):
            keys = ()

            def _pretask(self, key, dsk, state):
                self.keys += (key,)

        with Mine() as mine:
            sync(self.graph, "c")
        assert mine.keys == ("b", "c")

    def test_register(self):
        seen, hooks = self.record()
        callback = Callback(pretask=hooks["pretask"])
        callback.register()
        sync(self.graph, "b")
        callback.unregister()
        sync(self.graph, "b")
        assert len(seen) == 1
        with pytest.raises(KeyError):
            callback.unregister()

    def test_add_callbacks(self):
        seen, hooks = self.record()
        with add_callbacks(Callback(pretask=hooks["pretask"]), (hooks["start"], None, None, None, None)):
            assert len(Callback.active) == 2
            sync(self.graph, "b")
        assert [name for name, _ in seen] == ["start", "pretask"]

    def test_given_to_a_run(self):
        seen, hooks = self.record()
        sync(self.graph, "b", callbacks=[Callback(pretask=hooks["pretask"])])
        assert len(seen) == 1

    def test_a_run_inside_a_task_is_silent(self):
        seen, hooks = self.record()
        graph = {"outer": (lambda: sync(self.graph, "c"),)}
        with Callback(pretask=hooks["pretask"]):
            sync(graph, "outer")
            sync(graph, "outer")
        assert [args[0] for _, args in seen] == ["outer", "outer"]

    def test_local_callbacks(self):
        callback = Callback(start=print)
        with callback:
            with local_callbacks() as mine:
                assert mine == {callback._callback} and not Callback.active
            with local_callbacks([callback]) as mine:
                assert mine == [callback] and Callback.active
            assert Callback.active

    def test_dasks_own_callbacks_are_called_too(self, monkeypatch):
        theirs = types.ModuleType("dask.callbacks")
        theirs.Callback = type("Callback", (), {"active": set()})
        monkeypatch.setitem(sys.modules, "dask.callbacks", theirs)
        seen, hooks = self.record()
        theirs.Callback.active.add((None, None, hooks["pretask"], None, None))
        sync(self.graph, "b")
        assert len(seen) == 1 and len(theirs.Callback.active) == 1

    def test_forms(self):
        callback = Callback(start=print)
        assert normalize_callback(callback) == (print, None, None, None, None)
        assert unpack_callbacks([callback._callback, callback]) == [[print, print], [], [], [], []]
        assert unpack_callbacks(None) == [[], [], [], [], []]
        with pytest.raises(TypeError, match="five"):
            normalize_callback(3)

    def test_meters_are_told_apart(self):
        bar, other = ProgressBar(), Callback(start=print)
        assert split_meters([bar, other, other._callback]) == ([bar], [other._callback, other._callback])

    def test_events_from_many_threads(self):
        count = 200
        events = TaskEvents([Callback(posttask=lambda *args: None)], {})
        events.known({i: () for i in range(count)} | {"end": range(count)}, {})

        def work(part):
            for i in part:
                events.before(i)
                events.after(i, i, None)

        workers = [threading.Thread(target=work, args=(range(k, count, 4),)) for k in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert len(events.state["finished"]) == count and events.state["ready"] == ["end"]


class TestProgressBar:
    @pytest.mark.parametrize("get", [sync, threads])
    def test_line(self, get):
        out = io.StringIO()
        with ProgressBar(out=out, dt=0.02) as bar:
            get({f"t{i}": (time.sleep, 0.05) for i in range(4)}, [f"t{i}" for i in range(4)], num_workers=1)
        drawn = frames(out.getvalue())
        assert drawn[0] == (0, 0) and drawn[-1] == (40, 100)
        assert drawn == sorted(drawn) and len(set(drawn)) > 2
        assert 0.2 <= bar.last_duration < 5

    def test_width(self):
        out = io.StringIO()
        with ProgressBar(out=out, width=10):
            sync({"a": (int, 1)}, "a")
        assert out.getvalue().rstrip().rpartition("\r")[2].startswith("[##########] | 100% Completed | 0.")

    def test_nothing_to_do_is_all_done(self):
        out = io.StringIO()
        with ProgressBar(out=out):
            sync({}, [])
        assert frames(out.getvalue())[-1] == (40, 100)

    def test_minimum(self):
        out = io.StringIO()
        with ProgressBar(out=out, minimum=5) as bar:
            sync({"a": (int, 1)}, "a")
        assert out.getvalue() == "" and 0 < bar.last_duration < 5
        with ProgressBar(out=out, minimum=0.1, dt=0.01):
            sync({"a": (time.sleep, 0.3)}, "a")
        assert frames(out.getvalue())[-1] == (40, 100)

    def test_an_error_never_claims_to_be_complete(self):
        out = io.StringIO()
        with pytest.raises(ZeroDivisionError), ProgressBar(out=out, width=10):
            sync({"a": (int, 1), "b": (operator.truediv, "a", 0), "c": (int, "b")}, "c")
        assert frames(out.getvalue())[-1] == (3, 33)
        out = io.StringIO()
        bar = ProgressBar(out=out, width=10)
        bar._begin(Counter(4, 4))
        bar._end(True)
        assert frames(out.getvalue())[-1][1] == 99

    def test_last_state_of_a_run_that_is_done_at_once(self):
        began = time.perf_counter()
        with ProgressBar(out=io.StringIO(), dt=10):
            sync({"a": (int, 1)}, "a")
        assert time.perf_counter() - began < 5

    def test_register(self, capsys):
        bar = ProgressBar()
        bar.register()
        try:
            sync({"a": (int, 1)}, "a")
        finally:
            bar.unregister()
        assert frames(capsys.readouterr().out)[-1] == (40, 100)
        sync({"a": (int, 1)}, "a")
        assert capsys.readouterr().out == ""

    def test_used_twice(self):
        out = io.StringIO()
        with ProgressBar(out=out):
            sync({"a": (int, 1)}, "a")
            sync({"a": (int, 1)}, "a")
        first, second, rest = out.getvalue().split("\n")
        assert rest == "" and frames(first + "\n")[-1] == frames(second + "\n")[-1] == (40, 100)

    def test_two_bars(self):
        one, two = io.StringIO(), io.StringIO()
        with ProgressBar(out=one), ProgressBar(out=two):
            sync({"a": (int, 1)}, "a")
        assert frames(one.getvalue())[-1] == frames(two.getvalue())[-1] == (40, 100)

    def test_no_output_wanted(self, capsys):
        with ProgressBar(out=False) as bar:
            sync({"a": (int, 1)}, "a")
        assert capsys.readouterr().out == "" and bar.last_duration > 0

    def test_no_console(self, monkeypatch):
        monkeypatch.setattr(sys, "stdout", None)
        with ProgressBar():
            assert sync({"a": (int, 1)}, "a") == 1

    def test_a_closed_file_does_not_end_the_run(self):
        out = io.StringIO()
        out.close()
        with ProgressBar(out=out):
            assert sync({"a": (int, 1)}, "a") == 1

    def test_no_thread_stays(self):
        with ProgressBar(out=io.StringIO()):
            sync({"a": (int, 1)}, "a")
        assert not [thread for thread in threading.enumerate() if thread.name == "dusk-progress"]


class TestEngineCounters:
    def test_polls_counters(self):
        out = io.StringIO()
        bar, counter = ProgressBar(out=out, width=4, dt=0.01), Counter()
        bar._begin(counter)
        for _ in range(4):
            time.sleep(0.06)
            counter.done += 1
        bar._end(False)
        drawn = frames(out.getvalue())
        assert {(0, 0), (1, 25), (2, 50), (3, 75), (4, 100)} <= set(drawn)

    def test_total_that_grows(self):
        out = io.StringIO()
        bar = ProgressBar(out=out)
        bar._begin(Counter(5, 4))
        bar._end(True)
        assert frames(out.getvalue())[-1][1] == 99

    def test_rows_and_bytes_when_known(self):
        out = io.StringIO()
        bar = ProgressBar(out=out)
        bar._begin(Counter(1, 2, rows=12345, read=3 * 2**20))
        bar._end(False)
        last = out.getvalue().rstrip("\n").rpartition("\r")[2]
        assert last.endswith(" | 3.00 MiB | 12,345 rows")

    def test_a_shorter_line_covers_the_longer_one(self):
        out = io.StringIO()
        bar, counter = ProgressBar(out=out, dt=0.01), Counter(rows=10**9)
        bar._begin(counter)
        time.sleep(0.1)
        counter.rows = 0
        bar._end(False)
        *_, before, last = out.getvalue().rstrip("\n").split("\r")
        assert len(last) >= len(before.rstrip())

    def test_an_ended_bar_lets_go(self):
        bar, counter = ProgressBar(out=False), Counter()
        bar._begin(counter)
        bar._end(False)
        bar._end(False)
        assert bar._counts() == (0, 0)


class TestNotebook:
    @pytest.fixture
    def shown(self, monkeypatch):
        contents = []

        class Handle:
            def update(self, content, raw):
                contents.append(content)

        def display(content, raw, display_id):
            contents.append(content)
            return Handle()

        ipython = types.ModuleType("IPython")
        ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        shows = types.ModuleType("IPython.display")
        shows.display = display
        monkeypatch.setitem(sys.modules, "IPython.display", shows)
        return contents

    def test_html(self, shown, capsys):
        with ProgressBar(dt=0.01):
            sync({"a": (time.sleep, 0.1)}, "a")
        assert len(shown) > 1
        assert "width:100.0%" in shown[-1]["text/html"] and "100% Completed" in shown[-1]["text/html"]
        assert LINE.fullmatch(shown[-1]["text/plain"])
        assert capsys.readouterr().out == ""

    def test_an_error_has_another_colour(self, shown):
        with pytest.raises(ZeroDivisionError), ProgressBar():
            sync({"a": (operator.truediv, 1, 0)}, "a")
        with ProgressBar():
            sync({"a": (int, 1)}, "a")
        colours = [re.search("background:(#[0-9a-f]+)", content["text/html"])[1] for content in (shown[0], shown[-1])]
        assert len(shown) >= 2 and "100" not in shown[0]["text/plain"] and colours

    def test_a_file_comes_first(self, shown):
        out = io.StringIO()
        with ProgressBar(out=out):
            sync({"a": (int, 1)}, "a")
        assert out.getvalue() and not shown

    def test_a_terminal_ipython_has_no_kernel(self, shown, monkeypatch, capsys):
        sys.modules["IPython"].get_ipython = lambda: types.SimpleNamespace()
        with ProgressBar():
            sync({"a": (int, 1)}, "a")
        assert frames(capsys.readouterr().out) and not shown


def test_tqdm():
    tqdm = pytest.importorskip("tqdm")
    pytest.importorskip("tqdm.dask")
    from tqdm.dask import TqdmCallback

    out = io.StringIO()
    with TqdmCallback(tqdm_class=tqdm.tqdm, file=out):
        sync({f"t{i}": (int, i) for i in range(5)}, [f"t{i}" for i in range(5)])
    assert "5/5" in out.getvalue()
