"""A task for one partition takes along what that partition needs of what is in memory."""

import pickle

import cloudpickle
import numpy as np
import pandas as pd
import pytest

import dusk
import dusk.array as da
import dusk.dataframe as dd
from dusk._node_collection import PartitionTask

ROWS = 200_000


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame({"k": rng.integers(0, 9, ROWS), "v": rng.random(ROWS), "t": [f"t{i % 7}" for i in range(ROWS)]})


def sent(graph, dumps=pickle.dumps):
    """Give the bytes of each task and its value elsewhere, with large memory beside the pickle."""
    total, values = 0, []
    for task in graph.values():
        buffers = []
        data = dumps(task, protocol=5, buffer_callback=buffers.append)
        total += len(data) + sum(len(each.raw()) for each in buffers)
        there = pickle.loads(data, buffers=[bytes(each.raw()) for each in buffers])
        values.append(there[0]() if type(there) is tuple else there)
    return total, values


@pytest.mark.parametrize("dumps", [pickle.dumps, cloudpickle.dumps])
def test_a_frame_is_sent_once(frame, dumps):
    ddf = dd.from_pandas(frame, npartitions=100)
    total, values = sent(dict(ddf.__dask_graph__()), dumps)
    once = frame.memory_usage(deep=False).sum() + frame.t.str.len().sum()
    assert len(values) == 100 and total < 1.5 * once
    pd.testing.assert_frame_equal(pd.concat(values).astype(frame.dtypes), frame)


def test_steps_take_what_they_read(frame):
    ddf = dd.from_pandas(frame, npartitions=50)
    made = ddf[ddf.k > 4].v * 2
    total, values = sent(dict(made.__dask_graph__()))
    assert total < 1.3 * frame[["k", "v"]].memory_usage().sum()
    pd.testing.assert_series_equal(pd.concat(values), frame[frame.k > 4].v * 2)


def test_a_value_for_all_goes_with_each(frame):
    ddf = dd.from_pandas(frame.iloc[:1000], npartitions=4)
    made = ddf.v - ddf.v.mean()
    _, values = sent(dict(made.__dask_graph__()))
    pd.testing.assert_series_equal(pd.concat(values), frame.v[:1000] - frame.v[:1000].mean())


def test_held_partitions(frame):
    held = dd.from_pandas(frame, npartitions=40).persist()
    total, values = sent(dict(held.v.__dask_graph__()))
    assert total < 3 * frame.memory_usage(deep=True).sum()
    pd.testing.assert_series_equal(pd.concat(values), frame.v)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x,
        lambda x: x + 1,
        lambda x: x.T[::2, 5:],
        lambda x: x.map_blocks(np.sqrt),
        lambda x: x[:, 3:].map_blocks(np.sqrt) * 2,
        lambda x: x.rechunk((150, 90)),
        lambda x: x - x.mean(axis=0),
    ],
)
def test_arrays(make):
    values = np.arange(480_000.0).reshape(800, 600)
    x = make(da.from_array(values, chunks=(100, 120)))
    keys = np.array(list(dusk.core.flatten(x.__dask_keys__())), dtype=object)
    graph = x.__dask_graph__()
    total, blocks = sent({tuple(key): graph[tuple(key)] for key in keys})
    for where, block in zip(np.ndindex(*x.numblocks), blocks, strict=True):
        np.testing.assert_array_equal(block, x.blocks[where].compute())
    reads_all = x.name.startswith("sub")  # each block needs the mean of its columns
    assert total < (x.npartitions + 1 if reads_all else 2.5) * values.nbytes


def test_what_is_repeated_is_sent_once():
    x = da.from_array(np.broadcast_to(np.arange(1000.0), (5000, 1000)), chunks=(500, 1000)) + 1
    total, values = sent(dict(x.__dask_graph__()))
    assert total < 2e5
    np.testing.assert_array_equal(np.concatenate(values), np.broadcast_to(np.arange(1.0, 1001), (5000, 1000)))


def test_a_task_that_has_travelled_is_the_same(frame):
    task = PartitionTask(dd.from_pandas(frame, npartitions=10).v._node, 3)
    there = pickle.loads(pickle.dumps(task))
    assert there == task and hash(there) == hash(task) and dusk.tokenize(there) == dusk.tokenize(task)
    again = pickle.loads(pickle.dumps(there))
    assert again == task and again != PartitionTask(task.node, 4)
    pd.testing.assert_series_equal(again(), task())


def test_dask_runs_such_graphs_in_processes(frame):
    import dask

    ddf = dd.from_pandas(frame, npartitions=5)
    total = dask.compute(ddf.v.sum(), scheduler="sync")[0]
    assert total == pytest.approx(frame.v.sum())


@pytest.mark.parametrize("npartitions", [1, 3])
def test_a_partition_under_an_index_of_objects_travels(npartitions):
    index = pd.period_range("2020-01-01", periods=20, freq="D")
    df = pd.DataFrame({"x": range(20), "y": ["a", "b"] * 10}, index=index)
    parts = dd.from_pandas(df, npartitions=npartitions).to_delayed()
    again = [pickle.loads(pickle.dumps(part)).compute() for part in parts]
    pd.testing.assert_frame_equal(pd.concat(again), df, check_freq=False)
    graph = dict(dd.from_pandas(df, npartitions=npartitions).__dask_graph__())
    tasks = [task[0] if isinstance(task, tuple) else task for task in graph.values()]
    tasks = [pickle.loads(pickle.dumps(task)) for task in tasks if isinstance(task, PartitionTask)]
    assert sum(len(task()) for task in tasks) == 20
