"""The report on who did the work."""

from __future__ import annotations

import pandas as pd
import pytest

import dusk
import dusk.dataframe as dd
from dusk import _core, _report
from dusk._report import compat_report

named = pytest.mark.skipif(not hasattr(_core, "steps"), reason="the core doesn't list the steps of a plan")


@pytest.fixture
def frame():
    return dd.from_pandas(pd.DataFrame({"k": [1, 2] * 5, "x": range(10)}), npartitions=2)


def double(part):
    return part * 2


def test_tiers_are_counted(frame):
    with compat_report() as report:
        frame[frame.x > 3].groupby("k").x.sum().compute()
    assert report.runs == 1 and report.seconds > 0
    counts = report.counts()
    assert counts["native"] > 0 and counts["pandas"] == counts["user"] == 0
    with compat_report() as report:
        frame.map_partitions(double).compute()
        frame.x.sum().compute()
    assert report.runs == 2 and report.counts()["user"] == 1


@named
def test_calls_are_named(frame):
    with compat_report() as report:
        frame.map_partitions(double).compute()
        frame[frame.x > 3].groupby("k").x.sum().compute()
    calls = {call.name: call for call in report.calls}
    assert calls["double"].tier == "user" and calls["double"].count == calls["double"].runs == 1
    assert calls["GroupBy sum"].tier == "native"
    assert report.calls[0].name == "double"  # what is worth a look comes first
    text = str(report)
    assert "double" in text and "user function" in text and text.startswith("2 runs in ")


def test_all_runs_so_far_and_reset(frame):
    frame.x.max().compute()
    assert compat_report(reset=True).runs >= 1
    assert compat_report().runs == 0 and "nothing to report" in str(compat_report())
    assert "nothing" in compat_report()._repr_html_()
    frame.x.max().compute()
    assert compat_report().runs == 1


def test_a_run_that_fails_is_counted(frame):
    def broken(part):
        raise ValueError("mine")

    with compat_report() as report, pytest.raises(ValueError, match="mine"):
        frame.map_partitions(broken, meta=frame._meta).compute()
    assert report.runs == 1


def test_plans_with_much_sharing_cost_nothing():
    value = dusk.delayed(1)
    for _ in range(60):
        value = value + value  # as a tree it would have 2 ** 60 leaves
    with compat_report() as report:
        assert value.compute() == 2**60
    assert report.runs == 1 and 60 <= sum(report.counts().values()) < 200


def test_table():
    report = _report.CompatReport(
        [
            _report._Run(1, {("Filter", "native"): 2, ("<f>", "user"): 1}, 0.5, (("<f>", 0.25), ("<f>", 0.125))),
            _report._Run(2, {("Filter", "native"): 1, ("rank", "pandas"): 1}, 0.25, ()),
        ]
    )
    frame = report.to_frame()
    assert frame.to_dict("list") == {
        "call": ["<f>", "rank", "Filter"],
        "by": ["user function", "pandas/NumPy", "native"],
        "count": [1, 1, 3],
        "runs": [1, 1, 2],
        "seconds": [0.375, pytest.approx(float("nan"), nan_ok=True), pytest.approx(float("nan"), nan_ok=True)],
    }
    assert report.counts() == {"native": 3, "pandas": 1, "user": 1}
    assert str(report).splitlines()[0] == "2 runs in 0.75 s, 5 steps: 3 native, 1 pandas/NumPy, 1 user function"
    html = report._repr_html_()
    assert "<table" in html and "&lt;f&gt;" in html


def test_report_is_a_name_of_dusk():
    assert dusk.compat_report is compat_report
