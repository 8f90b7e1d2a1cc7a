"""Operations between two frames of which one lacks rows of the other: pandas computes in floats then, in all rows."""

from __future__ import annotations

import operator

import pandas as pd
import pytest

import dusk.dataframe as dd

VALUES = pd.Series([0, 1, 2, 250, 7, 9, 3, 4, 0, 0], name="v")
OTHERS = VALUES.iloc[::-1].reset_index(drop=True)
OPERATIONS = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and_", "or_", "xor"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("left", ["uint8", "uint64", "bool", "Int16"])
@pytest.mark.parametrize("right", ["uint8", "int64"])
@pytest.mark.parametrize("rows", [(7, 2), (10, 0)], ids=str)
@pytest.mark.parametrize("as_frame", [False, True])
def test_types_are_those_of_all_rows(left, right, rows, as_frame):
    stop, start = rows
    a, b = VALUES.astype(left).iloc[:stop], OTHERS.astype("int64").clip(upper=9).astype(right).iloc[start:]
    if as_frame:
        a, b = a.to_frame(), b.to_frame()
    check = pd.testing.assert_frame_equal if as_frame else pd.testing.assert_series_equal
    lazy = dd.from_pandas(a, npartitions=3), dd.from_pandas(b, npartitions=2)
    for name in OPERATIONS:
        operation = getattr(operator, name)
        try:
            expected = operation(a, b)
        except Exception as error:
            with pytest.raises(type(error)):
                operation(*lazy).compute()
            continue
        check(operation(*lazy).compute(), expected)


def test_nothing_is_looked_for_where_it_does_not_matter():
    a = dd.from_pandas(VALUES.astype("int64"), npartitions=3)
    b = dd.from_pandas(OTHERS.iloc[2:], npartitions=2)
    assert "lacking" not in (a + b).explain(stage="logical")
    assert "lacking" in (a // b).explain(stage="logical")
