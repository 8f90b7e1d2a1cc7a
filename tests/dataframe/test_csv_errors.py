"""What goes wrong in CSV has the exception class of pandas, and says in which file and where."""

from __future__ import annotations

import warnings

import pandas as pd
import pytest

import dusk.dataframe as dd

LONG = "a,b\n1,2\n3,4\n5,6\n7,8\n9,10\n"
CASES = {
    "too many fields": (LONG + "1,2,3\n", {}, "Expected 2 fields in line 7, saw 3"),
    "too many fields, by pandas": (LONG + "1,2,3\n", {"dayfirst": True}, "Expected 2 fields in line 7, saw 3"),
    "open quote": (LONG + '1,"2\n3,4\n', {}, "EOF inside string starting at row 6"),
    "nothing": ("", {}, "No columns to parse from file"),
    "blank lines": ("\n\n\n", {}, "No columns to parse from file"),
    "all skipped": ("a,b\n1,2\n", {"skiprows": 10}, "No columns to parse from file"),
    "no such header": ("a,b\n1,2\n", {"header": 5}, "Passed header=5 but only 2 lines in file"),
    "not UTF-8": (b"a,b\n1,2\n3,4\n5,6\nx\xff,2\n", {}, "can't decode byte 0xff"),
    "not UTF-8, in 20 bytes": (b"a,b\n1,2\nx,3\n" + b"n" * 19 + b"\xff,2\n", {}, "can't decode byte 0xff"),
    "not UTF-8, in 90 bytes": (b"a,b\n1,2\nx,3\n" + b"n" * 89 + b"\xff,2\n", {}, "can't decode byte 0xff"),
    "not UTF-8, in the header": (b"a,b\xff\n1,2\n", {}, "can't decode byte 0xff"),
    "dates that are not there": ("a,b\n1,2\n", {"parse_dates": ["d", "c"]}, "provided to 'parse_dates': 'c, d'"),
    "dates that are not read": ("a,b\n1,2\n", {"parse_dates": ["b"], "usecols": ["a"]}, "Missing column provided"),
    "names twice": ("a,b\n1,2\n", {"names": ["x", "x"]}, "Duplicate names are not allowed."),
    "names without order": ("a,b\n1,2\n", {"names": {"x", "y"}}, "Names should be an ordered collection."),
}  # fmt: skip


@pytest.mark.parametrize("blocksize", [None, 20])
@pytest.mark.parametrize("name", CASES)
def test_class_and_place(tmp_path, name, blocksize):
    text, options, words = CASES[name]
    path = tmp_path / "f.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(Exception) as theirs:
        pd.read_csv(path, **options)
    with pytest.raises(ValueError) as ours:
        dd.read_csv(path, blocksize=blocksize, **options).compute()
    assert type(ours.value) is type(theirs.value)
    said = "\n".join([str(ours.value), *getattr(ours.value, "__notes__", ())])
    assert words in said and words in str(theirs.value)
    if "names" not in options and "parse_dates" not in options:
        assert str(path) in said


@pytest.mark.parametrize("blocksize", [None, 1, 7, 12])
def test_an_index_of_surplus_fields_is_one_of_the_whole_file(tmp_path, blocksize):
    path = tmp_path / "f.csv"
    path.write_text("a,b\n1,2,5\n3,4\n5,6,7\n8,9\n1,2\n3,4\n8,9,1\n")
    expected = pd.read_csv(path)
    for options in ({}, {"dayfirst": True}):
        pd.testing.assert_frame_equal(dd.read_csv(path, blocksize=blocksize, **options).compute(), expected)


@pytest.mark.parametrize("blocksize", [None, 30, 100])
@pytest.mark.parametrize("options", [{}, {"thousands": "_"}], ids=str)
def test_categories_of_all_blocks(tmp_path, blocksize, options):
    rows = [f"{word},{number}" for number, word in enumerate(["y", "", "x", "", "", "b", "z", "", "a", "y"] * 3)]
    path = tmp_path / "f.csv"
    path.write_text("\n".join(["c,n", *rows, ""]))
    expected = pd.read_csv(path, dtype="category", **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = dd.read_csv(path, blocksize=blocksize, dtype="category", **options).compute()
    pd.testing.assert_frame_equal(found.reset_index(drop=True), expected)
