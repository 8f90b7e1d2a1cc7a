"""Order, windows, joins, shapes and choices of rows against pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import dusk.dataframe as dd

ORDERED = [
    "cumsum",
    "cumprod",
    "cummax",
    "cummin",
    "shift",
    "diff",
    "ffill",
    "bfill",
    "rank",
    "pct_change",
    "interpolate",
]


@pytest.mark.parametrize("name", ORDERED)
def test_methods_over_all_rows(same, name):
    same(lambda d, m: getattr(d.f, name)())
    same(lambda d, m: getattr(d[["i", "f"]], name)())


def _is_pandas(d) -> bool:
    return isinstance(d, pd.DataFrame | pd.Series)


def _sorted_set_index(key, **kwargs):
    def operation(d, m):
        key_of = key(d) if callable(key) else key
        if _is_pandas(d):
            return d.set_index(key_of, **kwargs).sort_index(kind="stable")
        return d.set_index(key_of, **kwargs)

    return operation


CASES = {
    "cumsum meets its column": lambda d, m: d.f.cumsum() + d.f,
    "filter by cumsum": lambda d, m: d[d.i.cumsum() > 0],
    "cumsum by rows": lambda d, m: d[["i", "f"]].cumsum(axis=1),
    "shift back": lambda d, m: d.i.shift(-1),
    "shift all": lambda d, m: d.shift(2),
    "shift filled": lambda d, m: d.i.shift(1, fill_value=0),
    "duplicated": lambda d, m: d.duplicated("g"),
    "dropna": lambda d, m: d.dropna(),
    "dropna subset": lambda d, m: d.dropna(subset=["f"]),
    "dropna all": lambda d, m: d[["f", "s"]].dropna(how="all"),
    "dropna thresh": lambda d, m: d.dropna(thresh=9),
    "dropna of a column": lambda d, m: d.s.dropna(),
    "reset_index": lambda d, m: d.reset_index(),
    "reset_index dropped": lambda d, m: d[d.i > 0].reset_index(drop=True),
    "reset_index of a column": lambda d, m: d.f.reset_index(),
    "set_index": _sorted_set_index("t"),
    "set_index of text": _sorted_set_index("h"),
    "set_index kept": _sorted_set_index("i", drop=False),
    "set_index series": _sorted_set_index(lambda d: d.g * 2),
    "set_index two": lambda d, m: d.set_index(["g", "h"]),
    "set_index of no column": lambda d, m: d.set_index("zz"),
    "sort_values": lambda d, m: d.sort_values("i", kind="stable"),
    "sort_values two": lambda d, m: d.sort_values(["g", "f"], ascending=[True, False], kind="stable"),
    "sort_values missing first": lambda d, m: d.sort_values("f", na_position="first", kind="stable"),
    "sort_values renumbered": lambda d, m: d.sort_values("f", ignore_index=True, kind="stable"),
    "sort_values of a column": lambda d, m: d.f.sort_values(kind="stable"),
    "sort_index": lambda d, m: d.sort_values("i", kind="stable").sort_index(),
    "sort_index down": lambda d, m: d.sort_index(ascending=False),
    "drop_duplicates": lambda d, m: d.drop_duplicates("g"),
    "drop_duplicates last": lambda d, m: d.drop_duplicates(["g", "h"], keep="last"),
    "drop_duplicates none": lambda d, m: d.drop_duplicates("i", keep=False),
    "drop_duplicates of a column": lambda d, m: d.g.drop_duplicates(),
    "explode": lambda d, m: d.assign(l=d.h.str.split("")).explode("l")[["i", "l"]],
    "rolling": lambda d, m: d.f.rolling(3).mean(),
    "rolling frame": lambda d, m: d[["i", "f"]].rolling(3, min_periods=1).sum(),
    "rolling column": lambda d, m: d.rolling(3)["f"].max(),
    "rolling agg": lambda d, m: d.f.rolling(3).agg(["sum", "mean"]),
    "rolling over time": lambda d, m: _sorted_set_index("t")(d, m).f.rolling("5h").sum(),
    "expanding": lambda d, m: d.f.expanding().mean(),
    "ewm": lambda d, m: d.f.ewm(span=3).mean(),
    "resample": lambda d, m: _sorted_set_index("t")(d, m).f.resample("D").sum(),
    "merge": lambda d, m: d[["i", "g"]].merge(d[["g", "h"]].drop_duplicates("g"), on="g"),
    "merge left": lambda d, m: d.merge(pd.DataFrame({"g": [0, 1, 9], "w": [1.0, 2.0, 3.0]}), on="g", how="left"),
    "merge inner": lambda d, m: d.merge(pd.DataFrame({"g": [0, 1, 1], "w": [1, 2, 3]}), on="g"),
    "merge outer": lambda d, m: d[["i", "g"]].merge(pd.DataFrame({"g": [0, 9], "w": [1, 3]}), on="g", how="outer"),
    "merge right": lambda d, m: d[["i", "g"]].merge(pd.DataFrame({"g": [0, 9], "w": [1, 3]}), on="g", how="right"),
    "merge by index": lambda d, m: d[["i"]].merge(d[["f"]], left_index=True, right_index=True),
    "merge on nothing": lambda d, m: d.merge(d, on="zz"),
    "join": lambda d, m: d[["i"]].join(d[["f"]][d.f > 0]),
    "melt": lambda d, m: d[["i", "f", "g"]].melt(id_vars="g"),
    "pivot_table": lambda d, m: d.pivot_table(index="g", columns="h", values="f"),
    "transpose": lambda d, m: d[["i", "f"]].transpose(),
    "get_dummies": lambda d, m: m.get_dummies(d.c),
    "squeeze": lambda d, m: d[["i"]].squeeze(),
    "transform": lambda d, m: d.i.transform(lambda x: x - x.mean()),
    "combine_first": lambda d, m: d.f.combine_first(d.i),
    "pipe": lambda d, m: d.pipe(lambda x: x.i + 1),
    "loc slice": lambda d, m: d.loc[3:9],
    "loc open slice": lambda d, m: d.loc[5:],
    "loc labels": lambda d, m: d.loc[[3, 9, 1]],
    "loc columns": lambda d, m: d.loc[:, ["i", "f"]],
    "loc both": lambda d, m: d.loc[2:5, "i"],
    "loc mask": lambda d, m: d.loc[d.i > 0, "f"],
    "loc function": lambda d, m: d.loc[lambda x: x.i > 0],
    "loc missing": lambda d, m: d.loc[[100]],
    "iloc": lambda d, m: d.iloc[2:9],
    "iloc list": lambda d, m: d.iloc[[1, 5, 3]],
    "iloc from the end": lambda d, m: d.iloc[-3:],
    "iloc value": lambda d, m: d.i.iloc[3],
    "slice of rows": lambda d, m: d[2:7],
    "concat": lambda d, m: m.concat([d, d]),
    "concat of other columns": lambda d, m: m.concat([d[["i"]], d[["f"]]]),
    "concat inner": lambda d, m: m.concat([d[["i", "g"]], d[["g", "f"]]], join="inner"),
    "concat of other dtypes": lambda d, m: m.concat([d[["i"]], d[["f"]].rename(columns={"f": "i"})]),
    "concat renumbered": lambda d, m: m.concat([d, d], ignore_index=True),
    "concat columns": lambda d, m: m.concat([d[["i"]], d[["f"]]], axis=1),
    "concat series": lambda d, m: m.concat([d.i, d.g]),
    "concat of nothing": lambda d, m: m.concat([]),
    "unique": lambda d, m: pd.Series(d.s.unique(), name="s") if _is_pandas(d) else d.s.unique(),
    "unique of categories": lambda d, m: pd.Series(d.c.unique(), name="c") if _is_pandas(d) else d.c.unique(),
    "to_dict": lambda d, m: d[["i", "g"]].to_dict(),
    "to_numpy": lambda d, m: d[["i", "g"]].to_numpy(),
    "items": lambda d, m: [label for label, _ in d.items()],
    "itertuples": lambda d, m: [row.i for row in d.itertuples()],
    "iteration": lambda d, m: list(d),
    "iteration of a column": lambda d, m: list(d.i),
    "memory_usage": lambda d, m: d[["i", "f"]].memory_usage(index=False),
    "head": lambda d, m: d.head(),
    "head beyond a partition": lambda d, m: d.head(12),
    "head beyond the end": lambda d, m: d.head(100),
    "head after a filter": lambda d, m: d[d.i > 3].head(2),
    "head but the last": lambda d, m: d.head(-3),
    "tail": lambda d, m: d.tail(8),
    "tail of a column": lambda d, m: d.s.tail(3),
}


@pytest.mark.parametrize("case", CASES)
def test_against_pandas(same, case):
    same(CASES[case])


def test_rows_of_unknown_divisions_are_found_by_label(pdf):
    df = dd.from_pandas(pdf.set_index("h"), npartitions=3, sort=False)
    assert not df.known_divisions
    pd.testing.assert_frame_equal(df.loc[["p"]].compute(), pdf.set_index("h").loc[["p"]])


def test_sample_is_drawn_once(pdf):
    df = dd.from_pandas(pdf, npartitions=3)
    sample = df.sample(frac=0.5)
    assert len(sample.compute()) == 12
    pd.testing.assert_frame_equal(sample.compute(), sample.compute())
    pd.testing.assert_frame_equal(df.sample(n=5, random_state=1).compute(), pdf.sample(n=5, random_state=1))


def test_random_split_shares_all_rows(pdf):
    df = dd.from_pandas(pdf, npartitions=3)
    parts = df.random_split([0.7, 0.3], random_state=1)
    rows = pd.concat([part.compute() for part in parts]).sort_index()
    pd.testing.assert_frame_equal(rows, pdf)


def test_shuffle_brings_equal_values_together(pdf):
    df = dd.from_pandas(pdf, npartitions=3)
    shuffled = df.shuffle("g")
    seen: dict[int, int] = {}
    for i in range(shuffled.npartitions):
        for value in shuffled.get_partition(i).g.compute().unique():
            assert seen.setdefault(value, i) == i
    pd.testing.assert_frame_equal(shuffled.compute().sort_index(), pdf)


def test_reduction_of_ones_own(pdf):
    df = dd.from_pandas(pdf, npartitions=3)
    assert df.i.reduction(lambda part: part.sum(), lambda sums: sums.sum()).compute() == pdf.i.sum()
    found = df.reduction(lambda part: part[["i"]].max().to_frame().T, lambda parts: parts.max()).compute()
    assert found["i"] == pdf.i.max()


def test_map_overlap(pdf):
    df = dd.from_pandas(pdf, npartitions=3)
    found = df.f.map_overlap(lambda part: part.rolling(3).mean(), 2, 0).compute()
    pd.testing.assert_series_equal(found, pdf.f.rolling(3).mean())


def test_merge_asof(pdf):
    left = pdf[["t", "i"]].sort_values("t", kind="stable")
    right = pd.DataFrame(
        {"t": pd.to_datetime("2024-01-01") + pd.to_timedelta(np.arange(0, 100, 10), "h"), "w": range(10)}
    )
    right["t"] = right["t"].astype(left["t"].dtype)
    found = dd.merge_asof(dd.from_pandas(left, npartitions=3, sort=False), right, on="t").compute()
    pd.testing.assert_frame_equal(found.reset_index(drop=True), pd.merge_asof(left, right, on="t"))


def test_conversions(pdf):
    texts = pd.Series(["1", "2", "x", "4"])
    s = dd.from_pandas(texts, npartitions=2)
    pd.testing.assert_series_equal(dd.to_numeric(s, errors="coerce").compute(), pd.to_numeric(texts, errors="coerce"))
    dates = pd.Series(["2024-01-01", "2024-02-03", None])
    s = dd.from_pandas(dates, npartitions=2)
    pd.testing.assert_series_equal(dd.to_datetime(s).compute(), pd.to_datetime(dates))
    spans = pd.Series(["1 day", "2 h"])
    pd.testing.assert_series_equal(
        dd.to_timedelta(dd.from_pandas(spans, npartitions=2)).compute(), pd.to_timedelta(spans)
    )


LOOSE = {
    "division of integers": lambda d, m: (d.g // d.g) + 1,
    "lengths of text": lambda d, m: d[d.s.str.len() > 1].f.sum(),
    "hidden integers": lambda d, m: d.i.where(d.i > 0).fillna(0) + d.g,
    "other rows": lambda d, m: (d.i + d[d.i > 0].g).count(),
    "group by lengths": lambda d, m: d.assign(n=d.s.str.len()).groupby("n").f.mean(),
    "filter by a quantile": lambda d, m: d[d.f > d.f.quantile(0.5)].i.sum(),
    "merge that leaves rows alone": lambda d, m: (
        d[["i", "g"]].merge(pd.DataFrame({"g": [0], "w": [1]}), on="g", how="left").groupby("g").w.sum()
    ),
    "integers or not": lambda d, m: d[d.i > 0].i.min(),
    "smallest of nothing": lambda d, m: d[d.i > 100][["i", "g"]].min(),
}


@pytest.mark.parametrize("case", LOOSE)
def test_dtypes_that_only_the_data_can_tell(same, case):
    same(LOOSE[case])


@pytest.mark.parametrize("npartitions", [1, 3])
def test_categories_made_known_are_known(npartitions):
    values = pd.Series(["y", "x", "z", None, "x", "y"])
    found = dd.from_pandas(values, npartitions=npartitions).astype("category")
    assert not found.cat.known
    known = found.cat.as_known()
    assert known.cat.known and known.cat.categories.to_list() == ["x", "y", "z"]
    pd.testing.assert_series_equal(known.compute(), values.astype("category"))
    pd.testing.assert_series_equal(known.cat.codes.compute(), values.astype("category").cat.codes)
    pd.testing.assert_frame_equal(dd.get_dummies(known).compute(), pd.get_dummies(values.astype("category")))


@pytest.mark.parametrize(
    "index", [pd.date_range("2020", periods=10), pd.timedelta_range("1 day", periods=10, freq="h")]
)
def test_divisions_move_with_the_index(index):
    df = pd.DataFrame({"x": range(10)}, index=index)
    ddf = dd.from_pandas(df, npartitions=4)
    for found, expected in (
        (ddf.shift(2, freq="s"), df.shift(2, freq="s")),
        (ddf.x.shift(-1, freq=pd.Timedelta(10, "h")), df.x.shift(-1, freq=pd.Timedelta(10, "h"))),
        (ddf.index.shift(2, freq="h"), df.index.shift(2, freq="h")),
    ):
        assert found.known_divisions
        dd.utils.assert_eq(found, expected)
    assert not (ddf.index + pd.Timedelta(1, "D")).known_divisions
    dd.utils.assert_eq(ddf.index + pd.Timedelta(1, "D"), df.index + pd.Timedelta(1, "D"))


def test_weeks_and_changed_numbers_forget_divisions():
    df = pd.DataFrame({"x": range(10)}, index=pd.date_range("2020", periods=10))
    weeks = dd.from_pandas(df, npartitions=4).shift(2, freq="W")
    assert not weeks.known_divisions
    pd.testing.assert_frame_equal(weeks.compute(), df.shift(2, freq="W"), check_freq=False)
    numbers = dd.from_pandas(df.reset_index(drop=True), npartitions=4).index
    for changed in (-numbers, 10 * numbers, numbers + numbers):
        assert not changed.known_divisions
    pd.testing.assert_index_equal((-numbers).compute(), -pd.RangeIndex(10), exact=False)


def test_accessors_of_an_index():
    s = pd.Series(range(5), index=["b", "a", "cc", "d", "a"])
    text = dd.from_pandas(s, npartitions=2, sort=False).index
    pd.testing.assert_index_equal(text.str.upper().compute(), s.index.str.upper())
    pd.testing.assert_index_equal(text.str.len().compute(), s.index.str.len())
    assert not dd.from_pandas(s, npartitions=2).index.str.upper().known_divisions
    kinds = dd.from_pandas(s.set_axis(pd.CategoricalIndex(s.index)), npartitions=2, sort=False).index
    assert list(kinds.categories) == ["a", "b", "cc", "d"]
    assert kinds.cat.codes.compute().tolist() == [1, 0, 2, 3, 0]
    times = dd.from_pandas(s.set_axis(pd.date_range("2020-01-01 07:00", periods=5)), npartitions=2).index
    assert times.dt.day.compute().tolist() == [1, 2, 3, 4, 5]
    assert "cat" not in dir(text) and "str" in dir(text)


def test_categories_can_be_forgotten():
    s = dd.from_pandas(pd.Series(["x", "y", "x"], dtype="category"), npartitions=2)
    unknown = s.cat.as_unknown()
    assert s.cat.known and not unknown.cat.known
    for kind in (NotImplementedError, AttributeError):
        with pytest.raises(kind, match="with unknown categories"):
            _ = unknown.cat.codes
    assert unknown.cat.set_categories(["y", "x"]).cat.codes.compute().tolist() == [1, 0, 1]


def test_set_index_by_a_column_keeps_it():
    df = pd.DataFrame({"x": [3, 1, 2, 1], "y": range(4)})
    ddf = dd.from_pandas(df, npartitions=2)
    pd.testing.assert_frame_equal(ddf.set_index(ddf.x).compute(), df.set_index(df.x).sort_index(kind="stable"))
    with pytest.raises(TypeError, match="list of collections"):
        ddf.set_index([ddf.x, ddf.y])


def test_more_partitions_than_values_have_right_divisions():
    df = pd.DataFrame({"x": list(range(20)) * 5, "y": range(100)})
    found = dd.from_pandas(df, npartitions=30).set_index("x")
    dd.utils.assert_eq(found, df.set_index("x"))
    assert found.known_divisions and found.optimize().known_divisions


INDEXED_BY = {
    "categories": pd.Categorical(list("bbbaaaccc"), categories=list("bac")),
    "ordered categories": pd.Categorical(list("bbbaaaccc"), categories=list("bac"), ordered=True),
    "floats": [1.0, 1, 1, np.nan, np.nan, 2, 2, 2, 2],
    "text": list("bbbaaaccc"),
    "text with missing": ["a", "a", "a", None, None, "b", "b", "b", "b"],
    "nullable": pd.array([1, 1, 1, 2, 2, None, None, 3, 3], dtype="Int64"),
    "bools": [True] * 5 + [False] * 4,
    "zoned": pd.to_datetime(["2020"] * 5 + ["2021"] * 4).tz_localize("UTC"),
    "one value": [1] * 9,
}


@pytest.mark.parametrize("npartitions", [2, 3, 7, 12])
@pytest.mark.parametrize("values", INDEXED_BY.values(), ids=INDEXED_BY)
def test_equal_values_of_an_index_stay_together(values, npartitions):
    df = pd.DataFrame({"k": values, "v": range(9)})
    found = dd.from_pandas(df, npartitions=npartitions).set_index("k")
    expected = df.set_index("k").sort_index(kind="stable")
    pd.testing.assert_frame_equal(found.compute(), expected, check_index_type=False)
    dd.utils.assert_eq(found, expected, sort_results=False)
    parts = [found.get_partition(i).compute().index.unique() for i in range(found.npartitions)]
    assert sum(map(len, parts)) == expected.index.nunique(dropna=False)


def test_an_index_is_set():
    df = pd.DataFrame({"x": [3, 1, 2, 1], "y": range(4)})
    ddf = dd.from_pandas(df, npartitions=2)
    ddf.index = ddf.x * 2
    df.index = df.x * 2
    pd.testing.assert_frame_equal(ddf.compute(), df)
    with pytest.raises(TypeError, match="same partitions"):
        ddf.index = [1, 2, 3, 4]


def test_a_key_that_is_a_level_of_both_stays_the_index():
    left = pd.DataFrame({"k": [1, 1, 2, 2, 2], "v": range(5)}).set_index("k")
    right = pd.DataFrame({"k": [1, 2], "w": [5, 6]}).set_index("k")
    for other in (right, right.reset_index()):
        found = dd.from_pandas(left, npartitions=2).merge(dd.from_pandas(other, npartitions=1), on="k")
        pd.testing.assert_frame_equal(found.compute(), left.merge(other, on="k"), check_index_type=False)


@pytest.mark.parametrize("least", [1, 2, 3, 4])
@pytest.mark.parametrize("name", ["sum", "prod"])
def test_groups_with_too_few_values(name, least):
    df = pd.DataFrame({"k": [1, 1, 2, 2, 2], "i": range(5), "f": [1.0, None, None, None, 3.0]})
    ddf = dd.from_pandas(df, npartitions=2)
    dd.utils.assert_eq(
        getattr(ddf.groupby("k"), name)(min_count=least), getattr(df.groupby("k"), name)(min_count=least)
    )
    found, expected = (getattr(x.groupby("k").i, name)(min_count=least) for x in (ddf, df))
    dd.utils.assert_eq(found, expected)


def test_what_lists_hold_is_told_by_the_data():
    df = pd.DataFrame({"k": [1, 1, 2], "i": [5, 6, 7]})
    found = dd.from_pandas(df, npartitions=2).groupby("k").i.unique().explode()
    dd.utils.assert_eq(found, df.groupby("k").i.unique().explode())


@pytest.mark.parametrize("rule", ["30min", "D", "W", "ME"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_resampled_rows_have_divisions(rule, side):
    index = pd.date_range("2000-01-01", "2000-02-15", freq="h").union(pd.date_range("2000-04-15", periods=9, freq="h"))
    df = pd.DataFrame({"a": range(len(index))}, index=index)
    ddf = dd.from_pandas(df, npartitions=3)
    for found, expected in (
        (ddf.resample(rule, label=side).a.count(), df.resample(rule, label=side).a.count()),
        (ddf.resample(rule, label=side).agg(["sum", "max"]), df.resample(rule, label=side).agg(["sum", "max"])),
    ):
        assert found.divisions == (expected.index[0], expected.index[-1])
        dd.utils.assert_eq(found, expected)
    assert not ddf.resample(rule).a.apply(lambda part: part.iloc[:1]).known_divisions


@pytest.mark.parametrize("npartitions", [1, 3, 30])
def test_different_rows_are_counted(pdf, npartitions):
    ddf = dd.from_pandas(pdf, npartitions=npartitions)
    assert ddf.nunique_approx().compute() == len(pdf.drop_duplicates())
    assert ddf.i.nunique_approx(split_every=2).compute() == pdf.i.nunique(dropna=False)
    assert ddf.index.nunique_approx().compute() == pdf.index.nunique(dropna=False)


def test_a_value_as_a_series():
    total = dd.from_pandas(pd.Series([1, 2]), npartitions=2).sum()
    dd.utils.assert_eq(total.to_series(), pd.Series([3]))
    dd.utils.assert_eq(total.to_series("xxx"), pd.Series([3], index=["xxx"]))


def _with_neighbours(df, before, after, other=0):
    return df + df.shift(before) + df.shift(-after) + other


@pytest.mark.parametrize("npartitions", [1, 2, 4, 20])
@pytest.mark.parametrize(("before", "after"), [(0, 3), (3, 0), (3, 3), (0, 0), (7, 9)])
def test_overlaps_reach_over_any_number_of_partitions(npartitions, before, after):
    df = pd.DataFrame({"x": range(20), "y": np.arange(20) * 1.5}, index=pd.date_range("2020", periods=20, freq="h"))
    ddf = dd.from_pandas(df, npartitions=npartitions)
    rows = before, after
    dd.utils.assert_eq(ddf.map_overlap(_with_neighbours, *rows, *rows, other=2), _with_neighbours(df, *rows, 2))
    aligned = dd.map_overlap(
        _with_neighbours, ddf, *rows, *rows, dd.from_pandas(df * 2, npartitions=2), align_dataframes=True
    )
    dd.utils.assert_eq(aligned, _with_neighbours(df, *rows, df * 2))
    met = dd.map_overlap(_with_neighbours, ddf.x, *rows, *rows, (ddf * 2).x)
    dd.utils.assert_eq(met, _with_neighbours(df.x, *rows, df.x * 2))


@pytest.mark.parametrize("npartitions", [1, 4, 20])
def test_overlaps_pass_empty_partitions_and_spans_of_time(npartitions):
    df = pd.DataFrame({"x": range(20)}, index=pd.date_range("2020", periods=20, freq="h"))
    few, few_rows = (d[d.x % 7 == 0] for d in (dd.from_pandas(df, npartitions=npartitions), df))
    for reach, window in ((2, 3), ("9h", "9h"), (pd.Timedelta("30h"), "30h")):
        found = few.map_overlap(lambda part, window=window: part.rolling(window).sum(), reach, 0)
        dd.utils.assert_eq(found, few_rows.rolling(window).sum())
    doubled = few.map_overlap(lambda part: part.loc[part.index.repeat(2)], 1, 1)
    dd.utils.assert_eq(doubled, few_rows.loc[few_rows.index.repeat(2)])
    with pytest.raises(TypeError, match="DatetimeIndex"):
        few.reset_index(drop=True).map_overlap(len, "1h", 0)
    with pytest.raises(ValueError, match="positive integers"):
        few.map_overlap(len, -1, 0)


def test_objects_pass_through_everything(same):
    frame = pd.DataFrame({"o": pd.Series([[1], "x", None, 2.5, {"a": 1}, "y"], dtype=object), "k": [1, 2, 1, 2, 1, 2]})
    for operation in (
        lambda d, m: d,
        lambda d, m: d[d.k > 1],
        lambda d, m: d.assign(z=d.k + 1),
        lambda d, m: d.groupby("k").o.count(),
        lambda d, m: d.groupby("k").o.first(),
        lambda d, m: d.sort_values("k", kind="stable"),
        lambda d, m: m.concat([d, d]),
        lambda d, m: d.o.isna().sum(),
        lambda d, m: d.head(4),
        lambda d, m: d.k.sum(),
    ):
        same(operation, frame=frame)
    df = dd.from_pandas(frame, npartitions=3)
    for again in (
        df.repartition(npartitions=1),
        df.repartition(npartitions=2),
        df.clear_divisions().repartition(npartitions=5),
    ):
        pd.testing.assert_frame_equal(again.compute(), frame)
    pd.testing.assert_frame_equal(df.head(4, compute=False).compute(), frame.head(4))
