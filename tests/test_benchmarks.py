"""The races compare answers rightly, and run on a small scale."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import answers

ROOT = Path(__file__).resolve().parent.parent


def digest(frame):
    return answers.digest(frame, ["k", "n"], ["v"])


FRAME = pd.DataFrame({"k": ["a", "b", None], "n": [1, 2, 3], "v": [0.5, np.nan, 1.0]})


def test_form_does_not_matter():
    expected = digest(FRAME)
    assert len(expected["keys"]) == 2
    for same in (
        FRAME.iloc[::-1],
        FRAME.set_index(["k", "n"])["v"],
        FRAME.set_index(["k", "n"]),
        FRAME.astype({"k": object, "n": "int32", "v": "Float64"}),
        FRAME.assign(v=FRAME["v"] * (1 + 1e-13)),
    ):
        assert answers.difference(expected, digest(same)) is None


@pytest.mark.parametrize(
    ("other", "word"),
    [
        (FRAME.iloc[:1], "1 groups in place of 2"),
        (FRAME.assign(n=[1, 3, 3]), "other groups"),
        (FRAME.assign(v=[0.5, 0.0, 1.0]), "1 of 2 values"),
        (FRAME.assign(v=[0.5 + 1e-6, np.nan, 1.0]), "1 of 2 values"),
    ],
)
def test_a_wrong_answer_is_seen(other, word):
    assert word in answers.difference(digest(FRAME), digest(other))


@pytest.mark.slow
@pytest.mark.parametrize(
    "workloads", [["csv_groupby", "groupby_q2", "out_of_core"], ["zarr_normalise", "zarr_to_columns"]]
)
def test_races_run(tmp_path, workloads):
    if any(name.startswith("zarr") for name in workloads):
        pytest.importorskip("zarr")
    options = ["--rounds", "1", "--scale", "0.0005", "--engines", "dusk", "--json", str(tmp_path / "figures.json")]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.run", *workloads, *options],
        cwd=ROOT,
        env=os.environ | {"DUSK_BENCH_DATA": str(tmp_path / "data")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert all(figures["workloads"].values())
    for workload, contestants in figures["workloads"].items():
        for name, contestant in contestants.items():
            assert contestant["out"] is None, (workload, name, contestant)
            assert len(contestant["runs"]) == 1
