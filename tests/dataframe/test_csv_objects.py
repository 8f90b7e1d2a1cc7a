"""Plans over CSV columns that turn out, while they are read, to hold what no kernel takes."""

from __future__ import annotations

import warnings

import pandas as pd
import pytest

import dusk.dataframe as dd

ROWS = 300


@pytest.fixture
def path(tmp_path):
    """Bools until one is missing, integers until one is beyond 64 bits."""
    path = tmp_path / "a.csv"
    with open(path, "w") as file:
        file.write("b,u,x\n")
        for i in range(ROWS):
            b = "" if i == 250 else str(i % 3 > 0)
            u = {260: "-5", 240: "18446744073709551615"}.get(i, str(i))
            file.write(f"{b},{u},{i}\n")
    return path


OPERATIONS = {
    "sum": lambda d: d.b.sum(),
    "count": lambda d: d.b.count(),
    "nunique": lambda d: d.b.nunique(),
    "max": lambda d: d.b.max(),
    "any": lambda d: d.b.any(),
    "sum of a frame": lambda d: d.sum(),
    "count of a frame": lambda d: d.count(),
    "sum of text": lambda d: d.u.sum(),
    "text plus one": lambda d: d.u + 1,
    "isna": lambda d: d.b.isna(),
    "fillna": lambda d: d.b.fillna(False),
    "isin": lambda d: d.b.isin([True]),
    "astype": lambda d: d.b.astype(str),
    "comparison": lambda d: (d.b == True) & (d.x > 3),  # noqa: E712
    "filter": lambda d: d[d.b == True],  # noqa: E712
    "filter by not missing": lambda d: d[~d.b.isna()].x.sum(),
    "filter by a single value": lambda d: d[d.b == d.b.max()],
    "objects of filtered": lambda d: d[d.x > d.x.mean()].b,
    "filter by assigned": lambda d: d.assign(z=d.b.isna())[lambda e: e.z],
    "renamed": lambda d: d.rename(columns={"b": "c"}).c == True,  # noqa: E712
    "length": lambda d: len(d[d.b == True]),  # noqa: E712
    "keys": lambda d: d.groupby("b").x.sum(),
    "keys not sorted": lambda d: d.groupby("b", sort=False).x.mean(),
    "keys with missing": lambda d: d.groupby("b", dropna=False).x.sum(),
    "two keys": lambda d: d.groupby(["b", d.x % 2]).x.sum(),
    "sizes": lambda d: d.groupby("b").size(),
    "keys as columns": lambda d: d.groupby("b", as_index=False).x.sum(),
    "values": lambda d: d.groupby(d.x % 5).b.sum(),
    "first values": lambda d: d.groupby(d.x % 5).b.first(),
    "dict of aggregates": lambda d: d.groupby("b").agg({"x": ["sum", "mean", "std"], "u": "count"}),
    "named aggregates": lambda d: d.groupby("b").agg(a=("x", "sum"), c=("b", "count")),
}


@pytest.mark.parametrize("blocksize", [500, None])
@pytest.mark.parametrize("name", OPERATIONS)
def test_pandas_does_what_no_kernel_does(path, name, blocksize):
    pdf = pd.read_csv(path)
    assert pdf.dtypes.astype(str).tolist() == ["object", "str", "int64"]
    operation = OPERATIONS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        df = dd.read_csv(path, blocksize=blocksize, sample=200)
        assert df.dtypes.astype(str).tolist() == ["bool", "int64", "int64"]
        try:
            expected = operation(pdf)
        except TypeError:
            with pytest.raises(TypeError):
                operation(df).compute()
            return
        found = operation(df)
        found = found if isinstance(found, int) else found.compute()
    if isinstance(expected, pd.DataFrame | pd.Series):
        if expected.index.dtype == "int64" and expected.index.max() > 10:  # each block counts its own rows
            found, expected = found.reset_index(drop=True), expected.reset_index(drop=True)
        same = pd.testing.assert_frame_equal if isinstance(expected, pd.DataFrame) else pd.testing.assert_series_equal
        same(found, expected)
    else:
        assert found == expected
        assert type(found) is type(expected)


INDEXED = {
    "as it is": lambda d: d,
    "filter": lambda d: d[d.x > 3],
    "assign": lambda d: d.assign(y=d.x * 2),
    "sum": lambda d: d.x.sum(),
    "by a level": lambda d: d.groupby("b").x.sum(),
    "by a level with missing": lambda d: d.groupby("b", dropna=False).x.sum(),
    "by a level and a column": lambda d: d.groupby(["b", "x"]).size(),
    "index": lambda d: d.index,
}


@pytest.mark.parametrize("index", ["b", ["b", "x2"], ["x2", "b"]])
@pytest.mark.parametrize("sample", [200, 256000])
@pytest.mark.parametrize("name", INDEXED)
def test_a_bool_level_with_a_missing_value(tmp_path, name, sample, index):
    path = tmp_path / "a.csv"
    rows = [f"{'' if i == 250 else i % 3 == 0},{i % 7},{i}" for i in range(ROWS)]
    path.write_text("\n".join(["b,x2,x", *rows]) + "\n")
    expected = INDEXED[name](pd.read_csv(path, index_col=index))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        df = dd.read_csv(path, index_col=index, blocksize=500, sample=sample)
        found = INDEXED[name](df)
        found = found.compute() if hasattr(found, "compute") else found
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(found, expected)
    elif isinstance(expected, pd.Series):
        pd.testing.assert_series_equal(found, expected)
    elif isinstance(expected, pd.Index):
        pd.testing.assert_index_equal(found, expected)
    else:
        assert found == expected


@pytest.mark.parametrize(
    "blocks",
    [
        ["1\n2", "a\n3"], ["a\n3", "01\n2"], ["1\n2", "1.5\n\n3"], ["True\nFalse", "foo\nTrue"], ["True", "1\n2"],
        ["9223372036854775809", "-1"], ["9223372036854775809", "1.5"], ["\n\n", "x\n1"], ["TRUE\n\nTrue", "True"],
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("dtype", ["category", {"x": "category"}, {0: pd.CategoricalDtype()}], ids=["all", "x", "0"])
def test_categories_are_of_the_type_that_all_rows_have(tmp_path, blocks, dtype):
    rows = [[f'"{value}",1\n' for value in block.split("\n")] for block in blocks]
    for i, block in enumerate(rows):
        (tmp_path / f"{i}.csv").write_text("x,y\n" + "".join(block))
    (tmp_path / "whole").write_text("x,y\n" + "".join(map("".join, rows)))
    named = {"x": "category"} if isinstance(dtype, dict) else dtype
    expected = pd.read_csv(tmp_path / "whole", dtype=named).reset_index(drop=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = dd.read_csv(str(tmp_path / "*.csv"), dtype=dtype).compute().reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected)


def test_categories_that_contradict_the_first_rows_are_told(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x\n" + "True\n" * 6000 + "foo\n")
    with pytest.warns(UserWarning, match=r'column "x", row 6000 of .*a.csv holds "foo", but .* categories of bool'):
        found = dd.read_csv(path, dtype="category", blocksize=10_000).compute()
    assert list(found.x.cat.categories) == ["True", "foo"]
