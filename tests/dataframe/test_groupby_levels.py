"""Group-bys by several keys: their levels stay codes inside the engine, and nobody may notice."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import dusk
import dusk.dataframe as dd
from dusk import _core

ROWS = 4_000


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(11)
    number = rng.integers(-3, 4, ROWS) / 2.0
    number[rng.random(ROWS) < 0.1] = np.nan
    return pd.DataFrame(
        {
            "text": rng.choice(["b", "a longer label than twelve bytes", "é", "", None], ROWS),
            "number": number,
            "small": rng.integers(0, 200, ROWS).astype("uint8"),
            "large": rng.integers(-(2**62), 2**62, 50)[rng.integers(0, 50, ROWS)],
            "flag": rng.random(ROWS) < 0.5,
            "when": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 300, ROWS), unit="s"),
            "zoned": pd.Timestamp("2026-01-01", tz="Europe/Berlin")
            + pd.to_timedelta(rng.integers(0, 9, ROWS), unit="D"),
            "maybe": pd.array(rng.integers(0, 5, ROWS), dtype="Int16"),
            "kind": pd.Categorical(rng.choice(["z", "y", "x"], ROWS), categories=["z", "y", "x", "w"]),
            "value": rng.integers(0, 100, ROWS),
        }
    ).assign(maybe=lambda df: df["maybe"].mask(df["value"] < 10))


KEYS = [
    ["text", "number"],
    ["number", "flag", "maybe"],
    ["when", "zoned"],
    ["small", "large", "text", "when"],
    ["kind", "text"],
    ["flag", "kind", "number"],
]


def grouped(df, keys, **options):
    return df.groupby(keys, observed=True, **options)[["value"]].agg(["sum", "first", "count"])


@pytest.mark.parametrize("keys", KEYS, ids="-".join)
@pytest.mark.parametrize("sort", [True, False])
@pytest.mark.parametrize("dropna", [True, False])
def test_levels_are_those_of_pandas(frame, keys, sort, dropna):
    expected = grouped(frame, keys, sort=sort, dropna=dropna)
    result = grouped(dd.from_pandas(frame, npartitions=5, sort=False), keys, sort=sort, dropna=dropna).compute()
    pd.testing.assert_frame_equal(result, expected)
    for mine, theirs in zip(result.index.levels, expected.index.levels):
        assert mine.dtype == theirs.dtype
        assert not mine.hasnans
        assert mine.is_unique


@pytest.mark.parametrize("rows", [0, 1])
def test_hardly_any_rows(frame, rows):
    part = frame.head(rows)
    expected = part.groupby(["text", "number"], dropna=False)["value"].sum()
    result = dd.from_pandas(part, npartitions=1).groupby(["text", "number"], dropna=False)["value"].sum().compute()
    pd.testing.assert_series_equal(result, expected)


def test_persisted_groups_go_on(frame):
    keys = ["text", "number", "when"]
    expected = frame.groupby(keys, dropna=False)["value"].sum()
    held = dd.from_pandas(frame, npartitions=3).groupby(keys, dropna=False)["value"].sum().persist()
    pd.testing.assert_series_equal(held.compute(), expected)
    pd.testing.assert_series_equal((held * 2).compute(), expected * 2)
    pd.testing.assert_series_equal(held[held > 80].compute(), expected[expected > 80])
    pd.testing.assert_frame_equal(held.reset_index().compute(), expected.reset_index())
    again = held.reset_index().groupby("text")["value"].max().compute()
    pd.testing.assert_series_equal(again, expected.reset_index().groupby("text")["value"].max())
    pd.testing.assert_series_equal(held.head(7), expected.head(7))
    pd.testing.assert_series_equal(held.tail(7), expected.tail(7))
    pd.testing.assert_series_equal(held.map_partitions(lambda part: part + 1).compute(), expected + 1)


def test_results_of_two_group_bys_joined(frame):
    """Their levels are codes over different values."""
    keys = ["text", "when"]
    low, high = frame[frame["value"] < 30], frame[frame["value"] > 60]
    expected = pd.concat([part.groupby(keys)[["value"]].sum() for part in (low, high)])
    result = dd.concat([dd.from_pandas(part, npartitions=2).groupby(keys)[["value"]].sum() for part in (low, high)])
    pd.testing.assert_frame_equal(result.compute(), expected)


class Stream:
    """The chunks of a collection as a producer of an Arrow stream."""

    def __init__(self, collection):
        self.node = collection._node
        self.chunks = _core.execute([self.node], {"threads": 2})[0]

    def __arrow_c_stream__(self, requested_schema=None):
        return _core.arrow_stream(self.node, self.chunks, requested_schema)


def test_arrow_sees_values(frame):
    keys = ["text", "small"]
    table = pa.table(Stream(dd.from_pandas(frame, npartitions=3).groupby(keys)[["value"]].sum()))
    assert not any(pa.types.is_dictionary(field.type) for field in table.schema)
    pd.testing.assert_frame_equal(table.to_pandas(), frame.groupby(keys)[["value"]].sum())


def test_the_codes_are_the_callers_own(frame):
    held = dd.from_pandas(frame, npartitions=2).groupby(["small", "flag"])[["value"]].sum().persist()
    first = held.compute()
    first.iloc[:, 0] = -1
    pd.testing.assert_frame_equal(held.compute(), frame.groupby(["small", "flag"])[["value"]].sum())


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_nearly_as_many_groups_as_rows(workers, tmp_path):
    """Partial results then give up looking keys up, and hold some of them twice."""
    rows, groups = 1_300_000, 1_200_000
    number = np.arange(rows) % groups
    frame = pd.DataFrame({"a": number // 1000, "b": number * 7919 % groups, "v": np.arange(rows)})
    expected = frame.groupby(["a", "b"])["v"].sum()
    result = dd.from_pandas(frame, npartitions=4).groupby(["a", "b"])["v"].sum()
    pd.testing.assert_series_equal(result.compute(num_workers=workers), expected)
    with dusk.config.set({"memory.limit": 1, "memory.spill-directory": str(tmp_path)}):
        pd.testing.assert_series_equal(result.compute(num_workers=workers), expected)
