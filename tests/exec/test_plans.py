"""What the optimizer does to plans, read from `explain`."""

import pandas as pd
import pytest

import dusk
import dusk.dataframe as dd


@pytest.fixture
def files(tmp_path):
    frame = pd.DataFrame({"a": range(8), "b": list("xyxyxyxy"), "c": [0.5] * 8, "d": range(8)})
    for i in range(2):
        frame.to_csv(tmp_path / f"part-{i}.csv", index=False)
    return str(tmp_path / "part-*.csv")


def lines(collection, stage="optimized"):
    return [line.strip() for line in collection.explain(stage=stage).splitlines() if line.strip()]


def test_columns_and_filter_reach_the_file(files):
    df = dd.read_csv(files)
    assert lines(df[df["a"] >= 3].groupby("b")["c"].mean()) == [
        "GroupBy [b] mean(c) [native] 1 partition",
        "Scan read-csv columns=[b, c] where (a >= 3) [native] 2 partitions",
    ]


def test_filter_moves_below_assignment(files):
    df = dd.read_csv(files).assign(e=lambda df: df["a"] * 2)
    plan = lines(df[df["a"] >= 3]["e"])
    assert plan == [
        "Select e = (a * 2) [native] 2 partitions",
        "Scan read-csv columns=[a] where (a >= 3) [native] 2 partitions",
    ]


def test_filter_on_an_assigned_column_is_computed_from_its_parts(files):
    df = dd.read_csv(files).assign(e=lambda df: df["a"] * 2)
    assert lines(df[df["e"] >= 3]["b"])[-1] == "Scan read-csv columns=[b] where ((a * 2) >= 3) [native] 2 partitions"


def test_filter_moves_through_concat(files):
    df = dd.concat([dd.read_csv(files), dd.read_csv(files)])
    plan = lines(df[df["a"] > 5]["c"])
    assert sum("where (a > 5)" in line for line in plan) == 2
    assert not any(line.startswith("Filter") for line in plan)


def test_reductions_of_the_same_rows_share_a_pass(files):
    df = dd.read_csv(files)
    plan = lines(df["a"].sum() / df["c"].mean())
    assert sum(line.startswith("Scan") for line in plan) <= 2
    assert any(line.startswith("Reduce sum(a), mean(c)") for line in plan)


def test_shared_pass_gives_the_same(files):
    df = dd.read_csv(files)
    whole = df.compute()
    assert (df["a"].sum() / df["c"].mean()).compute() == whole["a"].sum() / whole["c"].mean()
    assert dusk.compute(df["a"].sum(), df["c"].mean(), df["a"].max()) == (56, 0.5, 7)


def test_a_reduction_that_reads_another_one(files):
    df = dd.read_csv(files)
    whole = df.compute()
    result = df[df["a"] > df["a"].mean()]["a"].sum()
    assert result.compute() == whole[whole["a"] > whole["a"].mean()]["a"].sum()


def test_user_functions_and_pandas_are_marked(files):
    df = dd.read_csv(files)
    plan = lines(df.map_partitions(lambda part: part))
    assert any("[user]" in line for line in plan)
    plan = lines(df["b"].str.upper())
    assert any("[pandas]" in line for line in plan)


def test_physical_stage_counts_tasks(files):
    df = dd.read_csv(files)
    text = df.groupby("b")["c"].mean().explain(stage="physical")
    assert text.startswith("3 tasks")
    assert "finish an aggregation of 2 parts" in text


def test_unknown_stage(files):
    with pytest.raises(ValueError, match="stage"):
        dd.read_csv(files).explain(stage="sideways")


def test_unoptimized_gives_the_same(files):
    df = dd.read_csv(files)
    query = df[df["a"] >= 3].assign(e=df["a"] + df["d"]).groupby("b")["e"].sum()
    pd.testing.assert_series_equal(query.compute(optimize_graph=False), query.compute())
