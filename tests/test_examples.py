"""The data set of the demo holds the hard cases that it is said to hold, and the example program runs on it."""

from __future__ import annotations

import csv

import pandas as pd
import pytest

from examples import make_data

ROWS = 4000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    make_data.write_files(folder, files=3, rows=ROWS)
    return folder


@pytest.fixture(scope="module")
def records(folder):
    """All rows as the fields' text, read by the standard library."""
    rows = []
    for path in sorted(folder.glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            assert reader.fieldnames == make_data.COLUMNS
            rows.extend(reader)
    return rows


def test_rows_and_ids_are_complete(records):
    assert [int(row["id"]) for row in records] == list(range(3 * ROWS))
    assert all(None not in row and None not in row.values() for row in records)


def test_hard_cases_are_there(records):
    prompts = [row["prompt"] for row in records]
    for case in (",", '"', "\n", '","', "東", "🐼", "é"):
        assert any(case in prompt for prompt in prompts), case
    for column in ("category", "response_len", "score", "prompt"):
        assert {"", "NA"} <= {row[column] for row in records}, column
    for column in ("id", "ts", "model"):
        assert not {"", "NA"} & {row[column] for row in records}, column


def test_kind_leaves_hard_cases_out(tmp_path):
    kind = make_data.Kind(missing_lengths=False, na_words=False, line_breaks=False)
    [path] = make_data.write_files(tmp_path, files=1, rows=ROWS, kind=kind)
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") == ROWS + 1
    assert ",NA," not in text
    frame = pd.read_csv(path)
    assert frame["response_len"].dtype == "int64"
    assert frame["score"].isna().any()


def test_same_seed_same_bytes_whatever_the_number_of_files(folder, tmp_path):
    again = make_data.write_files(tmp_path, files=2, rows=ROWS)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in sorted(folder.glob("*.csv"))[:2]]
    [other] = make_data.write_files(tmp_path, files=1, rows=ROWS, seed=1)
    assert other.read_bytes() != (folder / other.name).read_bytes()


def test_blocks_do_not_show(tmp_path, monkeypatch):
    monkeypatch.setattr(make_data, "BLOCK_ROWS", 1000)
    [path] = make_data.write_files(tmp_path, files=1, rows=2500)
    assert pd.read_csv(path)["id"].tolist() == list(range(2500))


def test_command_line(tmp_path, capsys):
    assert make_data.main([str(tmp_path / "new"), "--files", "2", "--rows", "10"]) == 0
    assert "2 files, 20 rows" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["large_dataset_0.csv", "large_dataset_1.csv"]


def test_program_equals_pandas(folder, capsys):
    from examples import groupby_csv

    assert groupby_csv.main([str(folder / "*.csv"), "--check"]) == 0
    assert "The answer equals that of pandas." in capsys.readouterr().out
