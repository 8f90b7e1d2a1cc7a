"""Plans and collections pickled: same name, same result, also in another process; wrong bytes give clear errors."""

from __future__ import annotations

import pickle
import subprocess
import sys

import cloudpickle
import numpy as np
import pandas as pd
import pytest

import dusk.bag as db
import dusk.dataframe as dd
from dusk import _core, delayed

PDF = pd.DataFrame(
    {
        "a": [1, 2, 3, 4, 5, 6],
        "b": list("xyzxyz"),
        "c": pd.Categorical(list("aabbcc"), categories=list("cba"), ordered=True),
        "d": pd.date_range("2020-01-01", periods=6, tz="UTC"),
        "f": [0.5, np.nan, 1.5, 2.5, np.nan, 3.5],
        "n": pd.array([1, None, 3, 4, 5, 6], dtype="Int64"),
        "o": [[1], 2, "three", None, 5.0, (6,)],
    }
)


def frame():
    return dd.from_pandas(PDF, npartitions=3)


def csv(folder):
    PDF[["a", "b", "d", "f"]].to_csv(folder / "x.csv", index=False)
    return dd.read_csv(folder / "*.csv", blocksize=60)


def name_of(x):
    return x.key if hasattr(x, "key") else x._name if hasattr(x, "_name") else x.name


def same(left, right):
    if isinstance(left, pd.DataFrame):
        pd.testing.assert_frame_equal(left, right)
    elif isinstance(left, pd.Series):
        pd.testing.assert_series_equal(left, right)
    elif isinstance(left, pd.Index):
        pd.testing.assert_index_equal(left, right)
    else:
        assert left == right


FRAMES = {
    "from_pandas": lambda x: x,
    "column": lambda x: x.a,
    "index": lambda x: x.index,
    "host column": lambda x: x.o,
    "scalar": lambda x: x.f.sum(),
    "filter": lambda x: x[(x.a > 2) & (x.b != "y")],
    "shared scalar": lambda x: x[x.f > x.f.mean()],
    "assign": lambda x: x.assign(z=x.a.round(1) * 2 + x.a.isin([1, 2]).astype("int8")),
    "reduction": lambda x: x[["a", "f"]].sum(),
    "group-by": lambda x: x.groupby("b").agg({"a": "sum", "f": ["mean", "count"]}),
    "group-by of a category": lambda x: x.groupby("c", observed=False).a.max(),
    "user function": lambda x: x.map_partitions(lambda part: part.assign(z=part.a + 1)),
    "partition_info": lambda x: x.a.map_partitions(
        lambda part, partition_info=None: part + partition_info["number"], meta=("a", "int64")
    ),
    "concat": lambda x: dd.concat([x, x.iloc[:, :]]),
    "merged partitions": lambda x: x.repartition(npartitions=2),
    "split partitions": lambda x: x.repartition(npartitions=5),
    "some partitions": lambda x: x.partitions[1:],
    "head": lambda x: x.head(2, npartitions=2, compute=False),
    "persisted": lambda x: x[["a", "b", "c", "d"]].persist(),
    "persisted objects": lambda x: x.persist(),
}


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
def test_frames(make):
    x = make(frame())
    for dump, protocol in ((pickle.dumps, 5), (pickle.dumps, 4), (cloudpickle.dumps, 5)):
        y = pickle.loads(dump(x, protocol=protocol))
        assert type(y) is type(x)
        assert name_of(y) == name_of(x)
        same(x.compute(), y.compute())


@pytest.mark.parametrize("make", [lambda x: x, lambda x: x[x.a > 2].f.sum(), lambda x: x.groupby("b").a.sum()])
def test_files(tmp_path, make):
    x = make(csv(tmp_path))
    y = pickle.loads(pickle.dumps(x))
    assert name_of(y) == name_of(x)
    same(x.compute(), y.compute())


def test_group_bys():
    for grouped in (frame().groupby("b"), frame().groupby(["b", "c"], observed=True).a):
        again = pickle.loads(pickle.dumps(grouped))
        assert type(again) is type(grouped)
        same(grouped.count().compute(), again.count().compute())


def test_bags_and_delayed():
    bag = db.from_sequence(range(10), npartitions=3).map(lambda x: x * 2).filter(lambda x: x > 4)
    total = delayed(lambda x, y: x + y)(delayed([1, 2]), delayed(lambda: [3])())
    for x in (bag, bag.sum(), total, total[0], total.index(2), delayed(lambda x: x + 1)):
        y = pickle.loads(pickle.dumps(x))
        assert type(y) is type(x)
        assert name_of(y) == name_of(x)
        if not callable(x) or x is bag:
            same(x.compute(), y.compute())
    assert pickle.loads(pickle.dumps(delayed(lambda x: x + 1)))(1).compute() == 2


def test_unique_names_stay():
    x = delayed(object(), pure=False)
    assert pickle.loads(pickle.dumps(x)).key == x.key
    persisted = frame().map_partitions(lambda part: part, meta=PDF).persist()
    assert pickle.loads(pickle.dumps(persisted))._name == persisted._name


def test_large_memory_is_out_of_band():
    big = pd.DataFrame({"x": np.arange(1_000_000)})
    for x in (dd.from_pandas(big, npartitions=2), dd.from_pandas(big, npartitions=2).persist()):
        buffers = []
        data = pickle.dumps(x, protocol=5, buffer_callback=buffers.append)
        assert len(data) < 100_000
        assert sum(each.raw().nbytes for each in buffers) >= 8_000_000
        same(pickle.loads(data, buffers=buffers).compute(), big)


def test_shared_plans_are_written_once():
    x = dd.from_pandas(pd.DataFrame({"x": np.arange(100_000)}), npartitions=2).x
    x = x.map_partitions(lambda part: part + 1)
    assert len(pickle.dumps(dd.concat([x, x, x + 1, x + 2]))) < 1.3 * len(pickle.dumps(x))


def test_a_deep_plan():
    x = frame().a
    for _ in range(5_000):
        x = x.map_partitions(abs, meta=("a", "int64"))
    assert pickle.loads(pickle.dumps(x))._name == x._name


def test_another_process_reads_it(tmp_path):
    x = csv(tmp_path).groupby("b").a.sum()
    (tmp_path / "plan").write_bytes(cloudpickle.dumps((x, frame().map_partitions(lambda part: part.a + 1))))
    script = (
        "import pickle, sys; x, y = pickle.load(open(sys.argv[1], 'rb')); "
        "print(x._name, y._name, x.compute().sum(), y.compute().sum())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "plan")], capture_output=True, text=True, check=True
    )
    y = frame().map_partitions(lambda part: part.a + 1)
    assert done.stdout.split()[0] == x._name
    assert done.stdout.split()[1].split("-")[0] == y._name.split("-")[0]
    assert done.stdout.split()[2:] == ["21", "27"]


def test_wrong_bytes():
    head, buffers, objects = frame().a.sum()._node.__reduce__()[1]
    for wrong in (b"", b"nonsense", b"DUSKTASK" + head[8:]):
        with pytest.raises(ValueError, match="not a plan of dusk"):
            _core.read_node(wrong, buffers, objects)
    with pytest.raises(ValueError, match="wire format 999"):
        _core.read_node(head[:8] + (999).to_bytes(2, "little") + head[10:], buffers, objects)
    for end in range(10, len(head) - 1, 7):
        with pytest.raises(ValueError, match="damaged"):
            _core.read_node(head[:end], buffers, objects)
    with pytest.raises(ValueError, match="damaged"):
        _core.read_node(head + b"\0", buffers, objects)
    with pytest.raises(ValueError, match="an object is missing"):
        _core.read_node(head, buffers, [])


def test_every_changed_byte_is_noticed():
    head, buffers, objects = frame()[["a", "f"]].sum()._node.__reduce__()[1]
    for at in range(10, len(head)):
        changed = bytearray(head)
        changed[at] ^= 0xFF
        with pytest.raises(ValueError, match="damaged"):
            _core.read_node(bytes(changed), buffers, objects)


def test_a_file_that_is_gone(tmp_path):
    x = csv(tmp_path)
    data = pickle.dumps(x)
    (tmp_path / "x.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"x\.csv"):
        pickle.loads(data)


ARRAYS = {
    "source": lambda x: x,
    "elementwise": lambda x: np.sqrt(x * 2 + 1) - x.astype("float32"),
    "reduction": lambda x: x.sum(axis=0),
    "moments": lambda x: x.std(axis=1, ddof=1, keepdims=True),
    "scalar": lambda x: x.mean(),
    "blocks of the user": lambda x: x.map_blocks(lambda block: block + 1),
    "persisted": lambda x: (x + 1).persist(),
}


@pytest.mark.parametrize("make", ARRAYS.values(), ids=ARRAYS)
def test_arrays(make):
    import dusk.array as da

    values = np.arange(80).reshape(8, 10)
    x = make(da.from_array(values, chunks=(3, 4)))
    for dump in (pickle.dumps, cloudpickle.dumps):
        y = pickle.loads(dump(x))
        assert type(y) is type(x)
        assert y.name == x.name
        np.testing.assert_array_equal(y.compute(), x.compute())
