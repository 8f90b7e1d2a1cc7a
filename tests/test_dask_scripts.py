"""Programs written for Dask, run unchanged by `python -m dusk`; pandas, NumPy and Python say what the answers are."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from examples import make_data

SCRIPTS = Path(__file__).parent.parent / "examples" / "dask_scripts"


def run(script: str, *arguments: Path | str, report: bool = False) -> tuple[str, str]:
    """Run a program; return what it printed, and what went to the other stream."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("DUSK_", "DASK_", "PYTEST_"))}
    command = [sys.executable, "-m", "dusk", *(["--report"] if report else []), str(SCRIPTS / script)]
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, env=env, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    make_data.write_files(folder, files=3, rows=3000)
    return folder


def test_scripts_know_nothing_of_dusk():
    for path in SCRIPTS.glob("*.py"):
        code = re.sub(r'""".*?"""', "", path.read_text(encoding="utf-8"), flags=re.S)
        assert "import dask" in code and "dusk" not in code


def test_frame(folder, tmp_path):
    printed, report = run("frame.py", folder / "*.csv", tmp_path / "out", report=True)

    df = pd.concat([pd.read_csv(path, parse_dates=["ts"]) for path in sorted(folder.glob("*.csv"))])
    df["long"] = df.response_len > 500
    df = df.dropna(subset=["score", "response_len"])
    answers = df[df.response_len > 20]
    table = answers.groupby("model").agg({"score": ["mean", "std", "count"], "response_len": ["min", "max"]})
    table.columns = ["_".join(names) for names in table.columns]
    prices = pd.DataFrame({
        "model": ["small-1", "small-2", "medium-1", "large-1", "large-2", "vision-1"],
        "price": [0.25, 0.5, 0.75, 1.5, 2.0, 1.25],
    })  # fmt: skip
    priced = df.merge(prices, on="model", how="left")
    cost = priced.assign(cost=priced.response_len * priced.price).groupby("model").cost.sum()
    best = df.nlargest(10, "score")[["id", "model", "score"]].sort_values(["score", "id"], ascending=[False, True])

    made = pd.read_csv(tmp_path / "out" / "models.csv", index_col="model")
    pd.testing.assert_frame_equal(made, table.join(cost).sort_index(), check_dtype=False)
    made = pd.read_csv(tmp_path / "out" / "best.csv")
    pd.testing.assert_frame_equal(made, best.reset_index(drop=True), check_dtype=False)
    [line] = [line for line in printed.splitlines() if line.endswith("or more")]
    rows, mean, long = map(float, re.findall(r"\d+\.?\d*", line)[:3])
    assert rows == len(df) and mean == pytest.approx(df.score.mean(), abs=1e-6)
    assert long == pytest.approx(df.long.mean(), abs=0.02)  # a mean of means of partitions
    assert "100% Completed" in printed
    assert "user function" in report and "native" in report


def test_array(tmp_path):
    x = np.random.default_rng(5).normal(2, 3, (3500, 24)).astype("f4")
    np.save(tmp_path / "rows.npy", x)
    printed, _ = run("array.py", tmp_path / "rows.npy", tmp_path / "out")

    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    z = (x - x.mean(axis=0, dtype="f8")) / x.std(axis=0, dtype="f8")
    made = {path.stem: np.load(path) for path in (tmp_path / "out").glob("*.npy")}
    np.testing.assert_allclose(made["columns"], unit[::7, 1::2], rtol=1e-5)
    np.testing.assert_array_equal(made["far"], (abs(z) > 3).sum(axis=1))
    padded = np.concatenate([x[:1, 0], x[:, 0], x[-1:, 0]])
    np.testing.assert_allclose(made["smooth"], (padded[:-2] + padded[1:-1] + padded[2:]) / 3, rtol=1e-5, atol=1e-6)
    best = np.argsort(unit @ unit[0])[::-1][:5]
    start, total = printed.rsplit("; ", 1)
    assert start == f"3500 rows in 4 chunks; most like the first: {', '.join(map(str, best))}"
    assert float(total) == pytest.approx((z**2).sum(), rel=1e-4)


def test_delayed(folder, tmp_path):
    texts = tmp_path / "texts"
    texts.mkdir()
    for number, path in enumerate(sorted(folder.glob("*.csv"))):
        (texts / f"{number}.txt").write_text(
            "\n".join(pd.read_csv(path).prompt.dropna()[: 400 + number]), encoding="utf-8"
        )
    printed, _ = run("delayed.py", texts, tmp_path / "counts.csv")

    everything = [path.read_text(encoding="utf-8") for path in sorted(texts.glob("*.txt"))]
    counts = Counter(word for text in everything for word in re.findall(r"\w+", text.lower()) if len(word) > 2)
    with (tmp_path / "counts.csv").open(newline="", encoding="utf-8") as file:
        assert {word: int(number) for word, number in csv.reader(file)} == counts
    order = sorted(counts, key=lambda word: (-counts[word], word))
    first, last = order[0], order[-1]
    longest = max(everything, key=len).strip().split("\n")[0]
    lines = sum(text.count("\n") for text in everything)
    assert printed == (
        f"{lines} lines in 3 files, the most frequent word is {first!r}, the last one {last!r}; "
        f"the longest text begins with {longest!r}\n"
    )
