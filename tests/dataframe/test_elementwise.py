"""Columns, operators and row-wise methods against pandas."""

from __future__ import annotations

import operator

import numpy as np
import pandas as pd
import pytest

ARITHMETIC = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow"]
COMPARISONS = ["eq", "ne", "lt", "le", "gt", "ge"]
COLUMNS = ["i", "f", "s", "b", "t", "c", "I", "u", "g", "h"]

OPERANDS = {
    "int and literal": lambda f, d: f(d.i, 2),
    "literal and uint8": lambda f, d: f(2, d.u),
    "int and float literal": lambda f, d: f(d.i, 1.5),
    "float and int": lambda f, d: f(d.f, d.i),
    "uint8 and uint8": lambda f, d: f(d.u, d.u),
    "int and int": lambda f, d: f(d.g, d.i),
    "nullable and int": lambda f, d: f(d.I, d.i),
    "bool and bool": lambda f, d: f(d.b, d.b),
    "float and mean": lambda f, d: f(d.f, d.f.mean()),
    "NumPy scalar": lambda f, d: f(d.u, np.int16(3)),
    "frame and literal": lambda f, d: f(d[["i", "f"]], 2),
    "frame and frame": lambda f, d: f(d[["i", "f"]], d[["i", "f"]]),
    "frame and its sums": lambda f, d: f(d[["i", "f"]], d[["i", "f"]].sum()),
    "other rows": lambda f, d: f(d.f, d[d.i > 0].f),
    "method": lambda f, d: getattr(d.i, f.__name__)(3),
}


@pytest.mark.parametrize("name", [*ARITHMETIC, *COMPARISONS])
@pytest.mark.parametrize("operands", OPERANDS)
def test_operator(same, name, operands):
    function = getattr(operator, name)
    same(lambda d, m: OPERANDS[operands](function, d))


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparison_of_text_and_moments(same, name):
    function = getattr(operator, name)
    same(lambda d, m: function(d.s, "bb"))
    same(lambda d, m: function(d.t, pd.Timestamp("2024-01-03")))


@pytest.mark.parametrize("name", ["and_", "or_", "xor"])
def test_logic(same, name):
    function = getattr(operator, name)
    same(lambda d, m: function(d.b, d.i > 0))
    same(lambda d, m: function(d.b, True))
    same(lambda d, m: function(d.i, 3))


@pytest.mark.parametrize("name", ["neg", "pos", "abs", "invert"])
@pytest.mark.parametrize("column", ["i", "f", "b", "u", "I"])
def test_unary(same, name, column):
    same(lambda d, m: getattr(operator, name)(d[column]))


@pytest.mark.parametrize("column", COLUMNS)
def test_choosing_columns(same, column):
    same(lambda d, m: d[column])
    same(lambda d, m: d[[column, "i"]])
    same(lambda d, m: getattr(d, column))


CASTS = [
    ("i", "float64"), ("i", "int8"), ("i", "str"), ("i", "Int64"), ("i", "bool"), ("f", "float32"), ("f", "str"),
    ("f", "int64"), ("b", "int64"), ("b", "str"), ("u", "int64"), ("s", "string"), ("s", "category"), ("s", "int64"),
    ("I", "float64"), ("t", "str"), ("c", "str"),
]  # fmt: skip


@pytest.mark.parametrize(("column", "dtype"), CASTS)
def test_astype(same, column, dtype):
    same(lambda d, m: d[column].astype(dtype))


def _set_items(d, m):
    d = d.copy()
    d["new"] = d.i * 2
    d["i"] = 0
    d["upper"] = d.s.str.upper()
    d[["a", "z"]] = d[["i", "f"]]
    del d["g"]
    return d


def _set_columns(d, m):
    d = d[["i", "f"]].copy()
    d.columns = ["a", "b"]
    return d


def _insert(d, m):
    d = d.copy()
    d.insert(0, "first", 1)
    return d


CASES = {
    "filter": lambda d, m: d[d.i > 0],
    "filter by two": lambda d, m: d[(d.i > 0) & (d.s == "a")],
    "filter by a reduction": lambda d, m: d[d.f > d.f.mean()],
    "filter a column": lambda d, m: d.f[d.i > 0],
    "filter twice": lambda d, m: d[d.i > 0][d[d.i > 0].f > 0],
    "filter by index": lambda d, m: d[d.index > 5],
    "filter by membership": lambda d, m: d[d.s.isin(["a", "bb"])],
    "filter by text": lambda d, m: d[d.h.str.startswith("p")],
    "filter by function": lambda d, m: d[lambda x: x.i > 0],
    "isin ints": lambda d, m: d.i.isin([1, 2, 3]),
    "isin None": lambda d, m: d.s.isin([None, "a"]),
    "isin of a frame": lambda d, m: d[["i", "g"]].isin([1, 2]),
    "isin dict": lambda d, m: d.isin({"i": [1]}),
    "isin column": lambda d, m: d.i.isin(d.g),
    "between": lambda d, m: d.i.between(-1, 2),
    "between neither": lambda d, m: d.f.between(-1, 0.5, inclusive="neither"),
    "isna": lambda d, m: d.isna(),
    "notna": lambda d, m: d.f.notna(),
    "fillna": lambda d, m: d.f.fillna(0),
    "fillna text": lambda d, m: d.s.fillna("zz"),
    "fillna frame": lambda d, m: d[["f", "i"]].fillna(1.5),
    "fillna dict": lambda d, m: d.fillna({"f": 0.5, "s": "zz"}),
    "fillna with a reduction": lambda d, m: d.f.fillna(d.f.mean()),
    "round": lambda d, m: d.f.round(1),
    "round frame": lambda d, m: d[["f", "i"]].round(2),
    "round dict": lambda d, m: d[["f", "i"]].round({"f": 1}),
    "clip": lambda d, m: d.i.clip(-1, 2),
    "clip below": lambda d, m: d.f.clip(lower=0),
    "clip frame": lambda d, m: d[["i", "f"]].clip(0, 1),
    "where": lambda d, m: d.i.where(d.i > 0),
    "where with other": lambda d, m: d.i.where(d.i > 0, -1),
    "where text": lambda d, m: d.s.where(d.s == "a", "q"),
    "where frame": lambda d, m: d[["i", "f"]].where(d[["i", "f"]] > 0),
    "mask": lambda d, m: d.f.mask(d.f > 0),
    "mask with column": lambda d, m: d.f.mask(d.f > 0, d.i),
    "frame mask": lambda d, m: d[["i", "f"]][d[["i", "f"]] > 0],
    "astype dict": lambda d, m: d.astype({"i": "float32", "u": "int64"}),
    "astype of no column": lambda d, m: d.astype({"zz": "int64"}),
    "assign": lambda d, m: d.assign(n=d.i + 1, m=3, k=lambda x: x.n * 2),
    "assign text": lambda d, m: d.assign(n="x"),
    "assign over": lambda d, m: d.assign(i=d.f),
    "assign moment": lambda d, m: d.assign(n=pd.Timestamp("2020-01-01")),
    "assign a reduction": lambda d, m: d.assign(n=d.f.mean()),
    "assign array": lambda d, m: d.assign(q=np.arange(23)),
    "assign other rows": lambda d, m: d.assign(q=d[d.i > 0].f),
    "set items": _set_items,
    "set columns": _set_columns,
    "insert": _insert,
    "pop": lambda d, m: d.copy().pop("i"),
    "rename": lambda d, m: d.rename(columns={"i": "ii"}),
    "rename by function": lambda d, m: d.rename(columns=str.upper),
    "rename series": lambda d, m: d.i.rename("zz"),
    "add_prefix": lambda d, m: d.add_prefix("x_"),
    "drop": lambda d, m: d.drop(columns=["i", "f"]),
    "drop by axis": lambda d, m: d.drop("i", axis=1),
    "drop no column": lambda d, m: d.drop(columns=["zz"]),
    "no column": lambda d, m: d["zz"],
    "select_dtypes": lambda d, m: d.select_dtypes("number"),
    "filter labels": lambda d, m: d.filter(items=["i", "f"]),
    "iloc columns": lambda d, m: d.iloc[:, [0, 2]],
    "to_frame": lambda d, m: d.i.to_frame(),
    "to_frame renamed": lambda d, m: d.i.to_frame("zz"),
    "to_frame unnamed": lambda d, m: d.i.rename(None).to_frame(),
    "difference of reductions": lambda d, m: d.i.max() - d.i.min(),
    "standardise": lambda d, m: (d.f - d.f.mean()) / d.f.std(),
    "standardise frame": lambda d, m: (d[["i", "f"]] - d[["i", "f"]].mean()) / d[["i", "f"]].std(),
    "rows of a frame": lambda d, m: d[["i", "f"]].add(d.g, axis=0),
    "frame and pandas series": lambda d, m: d[["i", "g"]] * pd.Series({"i": 2, "g": 3}),
    "fill value": lambda d, m: d.i.add(d[d.i > 0].f, fill_value=0),
    "list": lambda d, m: d.g + list(range(23)),
    "array": lambda d, m: d.g * np.arange(23),
    "NumPy function": lambda d, m: np.sqrt(d.u),
    "NumPy function of frame": lambda d, m: np.exp(d[["i", "f"]]),
    "index": lambda d, m: d.index,
    "index to_series": lambda d, m: d.index.to_series(),
    "eval": lambda d, m: d.eval("i + g"),
    "query": lambda d, m: d.query("i > 0 and g < 3"),
    "case_when": lambda d, m: d.i.case_when([(d.i > 0, 1), (d.i < 0, -1)]),
    "map": lambda d, m: d.h.map({"p": 1, "q": 2}),
    "map text": lambda d, m: d.h.map({"p": "P"}),
    "map function": lambda d, m: d.i.map(lambda x: x * 2),
    "apply": lambda d, m: d.i.apply(lambda x: x + 1),
    "apply rows": lambda d, m: d.apply(lambda r: r.i + r.g, axis=1),
    "replace": lambda d, m: d.s.replace({"a": "A"}),
    "replace by another kind": lambda d, m: d.i.replace(1, 1.5),
}


@pytest.mark.parametrize("case", CASES)
def test_against_pandas(same, case):
    same(CASES[case])


def test_query_reads_variables_of_the_caller(same):
    def query(d, m):
        limit = 2  # noqa: F841
        return d.query("i > @limit")

    same(query)


@pytest.mark.parametrize("name", ["year", "hour", "dayofweek", "date", "is_month_start", "quarter"])
def test_fields_of_moments(same, name):
    same(lambda d, m: getattr(d.t.dt, name))


TEXT = {
    "upper": lambda d, m: d.s.str.upper(),
    "len": lambda d, m: d.s.str.len(),
    "title": lambda d, m: d.s.str.title(),
    "contains": lambda d, m: d.h.str.contains("p"),
    "split": lambda d, m: d.h.str.split("q"),
    "split into columns": lambda d, m: (d.h + "-" + d.h).str.split("-", n=1, expand=True),
    "replace": lambda d, m: d.s.str.replace("b", "x"),
    "cat": lambda d, m: d.h.str.cat(d.h, sep="_"),
    "item": lambda d, m: d.s.str[0],
    "extract": lambda d, m: d.h.str.extract("(p)"),
    "of numbers": lambda d, m: d.i.str.upper(),
    "floor": lambda d, m: d.t.dt.floor("D"),
    "strftime": lambda d, m: d.t.dt.strftime("%Y"),
    "zone": lambda d, m: d.t.dt.tz_localize("UTC"),
    "of no moments": lambda d, m: d.i.dt.year,
    "spans": lambda d, m: (d.t - d.t.min()).dt.total_seconds(),
    "codes": lambda d, m: d.c.cat.codes,
    "categories": lambda d, m: d.c.cat.categories,
    "rename categories": lambda d, m: d.c.cat.rename_categories({"x": "X"}),
    "unused categories": lambda d, m: d.c.cat.remove_unused_categories(),
    "set categories": lambda d, m: d.c.cat.set_categories(["y", "x"]),
}


@pytest.mark.parametrize("case", TEXT)
def test_accessors(same, case):
    same(TEXT[case])


@pytest.mark.parametrize("missing", [0, 1])
@pytest.mark.parametrize("dtype", ["str", "string", object])
def test_categories_of_integers_as_text(same, dtype, missing):
    """pandas writes them as floats where any row of the whole column is missing."""
    codes = [0, 1, 0, 0, 1, -missing]
    frame = pd.DataFrame({"c": pd.Categorical.from_codes(codes, categories=[1, 2]), "n": range(6)})
    for operation in (
        lambda d, m: d.c.astype(dtype),
        lambda d, m: d.astype(dtype),
        lambda d, m: d[d.n < 3].astype({"c": dtype}),
    ):
        same(operation, frame=frame)
