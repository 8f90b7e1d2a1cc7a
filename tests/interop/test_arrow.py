"""Frames and series as Arrow streams: against what pyarrow makes of the pandas object."""

import numpy as np
import pandas as pd
import pandas.testing as tm
import pyarrow as pa
import pytest

from dusk import _core
from tests.interop.held import Held, plan
from tests.interop.test_roundtrip import COLUMNS, HOST, INDEXES, VALUES, series

PARTS = [1, 2, 3]


def expected_table(frame):
    """What pyarrow makes of a frame, in the engine's widths: codes of 32 bits, offsets of pandas' text of 64."""
    table = pa.Table.from_pandas(frame)
    dtypes = [*frame.dtypes, *(frame.index.get_level_values(level).dtype for level in range(frame.index.nlevels))]
    for position, (field, dtype) in enumerate(zip(table.schema, dtypes)):
        wide = field.type
        if isinstance(dtype, pd.CategoricalDtype):
            text = pa.types.is_string(wide.value_type) or pa.types.is_large_string(wide.value_type)
            wide = pa.dictionary(pa.int32(), pa.large_string() if text else wide.value_type, wide.ordered)
        elif isinstance(dtype, pd.StringDtype):
            wide = pa.large_string()
        table = table.set_column(position, field.with_type(wide), table.column(position).cast(wide))
    return table


def check(frame, back=True):
    expected = expected_table(frame)
    for count in PARTS:
        table = Held(frame, count).table()
        assert table.schema.names == expected.schema.names
        assert table.schema.types == expected.schema.types
        assert table.to_pydict() == expected.to_pydict()
        assert [column.null_count for column in table.columns] == [column.null_count for column in expected.columns]
        if back:
            tm.assert_frame_equal(expected.to_pandas(), table.to_pandas())


NATIVE = sorted(set(VALUES) - HOST)


@pytest.mark.parametrize("name", NATIVE)
def test_frames(name):
    column = series(name)
    # pyarrow writes the names of these dtypes, which pandas can't read
    check(
        pd.DataFrame({"k": np.arange(len(column)), "x": column}),
        back=name not in {"arrow-list", "arrow-struct", "arrow-dictionary"},
    )


@pytest.mark.parametrize("name", NATIVE)
def test_series(name):
    column = series(name)
    expected = pa.chunked_array([pa.array(column, from_pandas=True)])
    for parts in PARTS:
        stream = Held(column, parts).stream()
        array = pa.chunked_array(stream)
        assert len(array) == len(column) and array.null_count == expected.null_count
        assert array.to_pylist() == expected.to_pylist()


@pytest.mark.parametrize("name", sorted(set(INDEXES) - {"object", "multi-object", "multi-one"}))
def test_indexes(name):
    index = INDEXES[name]
    if index.names == [3]:
        # pyarrow warns of names that aren't text
        index = index.rename("three")
    check(pd.DataFrame({"a": np.arange(6.0), "s": list("uvwxyz")}, index=index))


def test_levels_named_as_columns():
    frame = pd.DataFrame({"a": [1, 2, 3]}, index=pd.Index([7, 8, 9], name="a"))
    check(frame)


def test_ranges_that_do_not_go_on_are_written_out():
    frame = pd.DataFrame({"a": range(6)})
    node = plan(frame, 3)
    twice = Held(_core.concat([node, node], None))
    table = twice.table()
    assert table.column_names == ["a", "__index_level_0__"]
    tm.assert_frame_equal(pd.concat([frame, frame]), table.to_pandas())
    some = Held(node.partitions([0, 2]))
    tm.assert_frame_equal(frame.iloc[[0, 1, 4, 5]], some.table().to_pandas())
    later = Held(node.partitions([1, 2]))
    assert later.table().column_names == ["a"]
    tm.assert_frame_equal(frame.iloc[2:], later.table().to_pandas())


@pytest.mark.parametrize("name", ["default", "ints", "floats", "dates", "multi", "named", "unicode"])
def test_labels(name):
    frame = pd.DataFrame({0: [1, 2, 3], 1: [1.5, None, 2], 2: list("abc")}).set_axis(COLUMNS[name], axis=1)
    assert Held(frame, 2).table().to_pydict() == pa.Table.from_pandas(frame).to_pydict()


@pytest.mark.parametrize("name", ["bools", "duplicate"])
def test_labels_must_differ(name):
    frame = pd.DataFrame({0: [1, 2, 3], 1: [1.5, None, 2], 2: list("abc")}).set_axis(COLUMNS[name], axis=1)
    for make in (pa.Table.from_pandas, lambda frame: Held(frame, 2).table()):
        with pytest.raises(ValueError, match="Duplicate column names"):
            make(frame)


def test_empty():
    for frame in (
        pd.DataFrame({"a": [1, 2]})[:0],
        pd.DataFrame(index=[1, 2, 3]),
        pd.DataFrame(),
        pd.DataFrame(index=range(3)),
    ):
        table = Held(frame, 2).table()
        tm.assert_frame_equal(pa.Table.from_pandas(frame).to_pandas(), table.to_pandas(), check_column_type=False)


def test_numbers_and_text_are_not_copied():
    frame = pd.DataFrame({"a": np.arange(100_000), "b": np.arange(100_000.0), "c": [np.nan, 1.0] * 50_000})
    held = Held(frame, 1)
    table = held.table()
    addresses = [frame[label].to_numpy().__array_interface__["data"][0] for label in frame]
    assert [column.chunk(0).buffers()[1].address for column in table.columns] == addresses
    # and the stream keeps the memory alive
    values = table.column("c").to_pylist()
    del held, frame
    assert values == table.column("c").to_pylist() == [None, 1.0] * 50_000


def test_each_partition_is_a_batch():
    table = Held(pd.DataFrame({"a": range(10)}), 3).table()
    assert table.column("a").num_chunks == 3
    reader = pa.RecordBatchReader.from_stream(Held(pd.DataFrame({"a": range(10)}), 3).stream())
    assert [batch.num_rows for batch in reader] == [3, 3, 4]


def test_requested_schemas():
    held = Held(pd.DataFrame({"a": [1, 2, 3], "s": ["x", None, "é"]}), 2)
    schema = pa.schema([("a", pa.int32()), ("s", pa.string())])
    table = pa.table(held.stream(), schema=schema)
    assert table.schema.types == schema.types
    assert table.to_pydict() == {"a": [1, 2, 3], "s": ["x", None, "é"]}


def test_what_has_no_stream():
    with pytest.raises(_core.NotNative):
        Held(pd.DataFrame({"o": [[1], None]}), 1).table()
    with pytest.raises(_core.NotNative):
        _core.arrow_stream(plan(pd.DataFrame({"o": [[1], None]}), 1), [])
    with pytest.raises(_core.NotNative, match="index"):
        _core.arrow_stream(*vars(Held(pd.Index([1, 2]), 1)).values())
    held = Held(pd.DataFrame({"a": [1]}), 1)
    held.take()
    with pytest.raises(ValueError, match="handed out"):
        held.table()
    with pytest.raises((TypeError, ValueError)):
        held = Held(pd.DataFrame({"a": [1]}), 1)
        _core.arrow_stream(held.node, held.chunks, 5)
