"""The answer depends on neither partition count, thread count, scheduler nor memory budget."""

import numpy as np
import pandas as pd
import pytest

import dusk
import dusk.dataframe as dd

ROWS = 5_000
PARTITIONS = [1, 2, 3, 7, 127, 128, 129]


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(7)
    score = rng.normal(size=ROWS)
    score[rng.random(ROWS) < 0.1] = np.nan
    return pd.DataFrame(
        {
            "category": rng.choice(["code", "math", "词", "a longer label than twelve bytes", None], ROWS),
            "group": rng.integers(-5, 5, ROWS),
            "flag": rng.random(ROWS) < 0.5,
            "length": rng.integers(0, 1_000, ROWS),
            "score": score,
            "when": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 10**6, ROWS), unit="s"),
        }
    )


QUERIES = {
    "filter_groupby_mean": lambda df: df[df["length"] >= 500].groupby("category")["score"].mean(),
    "two_keys": lambda df: df.groupby(["group", "flag"])["length"].sum(),
    "many_groups": lambda df: df.groupby(["score", "when"])["length"].agg(["sum", "first", "count"]),
    "many_groups_unsorted": lambda df: df.groupby(["category", "when", "flag"], sort=False, dropna=False)[
        ["length", "score"]
    ].max(),
    "text_of_many_groups": lambda df: df.groupby(["when", "group"])["category"].last(),
    "first_last": lambda df: df.groupby("group")[["score", "category"]].first(),
    "last": lambda df: df.groupby("category")[["length", "when"]].last(),
    "unsorted": lambda df: df.groupby("category", sort=False)["length"].count(),
    "missing_key": lambda df: df.groupby("category", dropna=False)["score"].std(),
    "named": lambda df: df.groupby("group").agg(low=("score", "min"), high=("score", "max"), n=("flag", "size")),
    "nunique": lambda df: df.groupby("flag")["category"].nunique(),
    "reduce": lambda df: df[["length", "score"]].std(),
    "elementwise": lambda df: df.assign(z=df["score"] * 2 + df["length"] / 3)[["z", "category"]],
    "filter": lambda df: df[(df["score"] > 0) & df["flag"]],
    "above_mean": lambda df: df[df["score"] > df["score"].mean()]["length"],
    "scalar": lambda df: df["score"].var(),
}


def assert_same(result, expected):
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(result, expected)
    elif isinstance(expected, pd.Series):
        pd.testing.assert_series_equal(result, expected)
    else:
        np.testing.assert_allclose(result, expected, rtol=1e-12)


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("npartitions", PARTITIONS)
def test_partition_count(frame, query, npartitions):
    expected = QUERIES[query](frame)
    result = QUERIES[query](dd.from_pandas(frame, npartitions=npartitions)).compute()
    assert_same(result, expected)


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize(
    "scheduler", [{"scheduler": "sync"}, {"num_workers": 1}, {"num_workers": 2}, {"num_workers": 5}]
)
def test_scheduler_and_threads(frame, query, scheduler):
    expected = QUERIES[query](frame)
    result = QUERIES[query](dd.from_pandas(frame, npartitions=11)).compute(**scheduler)
    assert_same(result, expected)


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("npartitions", [1, 7, 128])
def test_budget_too_small_for_anything(frame, query, npartitions, tmp_path):
    expected = QUERIES[query](frame)
    with dusk.config.set({"memory.limit": 1, "memory.spill-directory": str(tmp_path)}):
        # a user's function between two steps makes chunks that must be held, and so spilled
        df = dd.from_pandas(frame, npartitions=npartitions).map_partitions(lambda part: part.copy())
        result = QUERIES[query](df).compute()
    assert_same(result, expected)
    assert not list(tmp_path.rglob("*.chunk"))
