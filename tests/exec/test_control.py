"""Ctrl-C, users' exceptions, and what a failed run leaves behind."""

import os
import signal
import threading
import time
import traceback

import numpy as np
import pandas as pd
import pytest

import dusk
import dusk.dataframe as dd


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    path = tmp_path_factory.mktemp("control") / "data.csv"
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"k": rng.integers(0, 1_000, 300_000), "text": rng.integers(0, 10**12, 300_000).astype(str)})
    frame.to_csv(path, index=False)
    return [str(path)] * 200


def interrupt_after(seconds):
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    return timer


@pytest.mark.parametrize("scheduler", ["threads", "sync"])
def test_ctrl_c_stops_native_work(files, scheduler):
    query = dd.read_csv(files).groupby("text")["k"].mean()
    timer = interrupt_after(0.3)
    started = time.process_time()
    with pytest.raises(KeyboardInterrupt):
        query.compute(scheduler=scheduler)
    timer.join()
    # the whole run takes many seconds of work; on a busy machine any of it may take long
    assert time.process_time() - started < 5
    assert dd.read_csv(files[:1])["k"].count().compute() == 300_000


@pytest.mark.parametrize("scheduler", ["threads", "sync"])
def test_ctrl_c_stops_between_calls_of_users(scheduler):
    df = dd.from_pandas(pd.DataFrame({"x": range(1_000)}), npartitions=500)
    calls = []

    def slow(part):
        calls.append(1)
        time.sleep(0.02)
        return part

    timer = interrupt_after(0.2)
    with pytest.raises(KeyboardInterrupt):
        df.map_partitions(slow, meta=df._meta).compute(scheduler=scheduler)
    timer.join()
    assert len(calls) < 400
    assert df["x"].sum().compute() == 499_500


class Unlucky(RuntimeError):
    pass


def test_a_users_exception_is_the_users_own():
    df = dd.from_pandas(pd.DataFrame({"x": range(9)}), npartitions=3)

    def fails(part):
        if part["x"].max() == 5:
            raise Unlucky("thirteen")
        return part

    with pytest.raises(Unlucky, match="thirteen") as caught:
        df.map_partitions(fails, meta=df._meta).compute()
    notes = "\n".join(caught.value.__notes__)
    assert "fails" in notes and "partition 1" in notes
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert frames[-1].name == "fails"
    # between the user's call and the user's function there is nothing of ours but `compute`
    assert len(frames) <= 5


def test_an_exception_names_the_file(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n3,4\n")
    (tmp_path / "b.csv").write_text("x,y\n1,2\n3,4,5\n")
    with pytest.raises(Exception, match="Expected 2 fields in line 3, saw 3") as caught:
        dd.read_csv(str(tmp_path / "*.csv")).compute()
    text = str(caught.value) + "\n".join(getattr(caught.value, "__notes__", []))
    assert "b.csv" in text


def test_a_failed_run_leaves_no_files(tmp_path):
    df = dd.from_pandas(pd.DataFrame({"x": np.arange(100_000.0)}), npartitions=20)

    def fails(part, partition_info=None):
        if partition_info["number"] == 15:
            raise Unlucky
        return part + 1

    with dusk.config.set({"memory.limit": 1, "memory.spill-directory": str(tmp_path)}):
        with pytest.raises(Unlucky):
            df.map_partitions(fails, meta=df._meta).sum().compute()
        assert df["x"].sum().compute() == np.arange(100_000.0).sum()
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size] == []


def test_runs_at_once_from_several_threads():
    df = dd.from_pandas(pd.DataFrame({"x": range(10_000)}), npartitions=50)
    results = []

    def work(i):
        results.append((i, (df["x"] * i).sum().compute()))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [(i, i * 49_995_000) for i in range(8)]


def test_a_run_inside_a_run():
    inner = dd.from_pandas(pd.DataFrame({"x": range(10)}), npartitions=3)
    outer = dd.from_pandas(pd.DataFrame({"x": range(8)}), npartitions=4)

    def nested(part):
        return part + inner["x"].sum().compute()

    result = outer.map_partitions(nested, meta=outer._meta).compute()
    assert result["x"].tolist() == [i + 45 for i in range(8)]
