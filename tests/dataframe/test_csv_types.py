"""Types that turn out otherwise late, in either reader: as pandas over all rows, with one warning that says where."""

from __future__ import annotations

import io
import warnings

import pandas as pd
import pytest

import dusk.dataframe as dd

HEAD = "k,v,d\n1,2,2024-01-01\n2,3,2024-01-02\n"
LATE_KEY = [HEAD, "k,v,d\nx,3,2024-01-02\n"]
DATES = "d,x\n2024-01-01,1\n2024-01-02,1\n"

#: Files, and options with which one file of all their rows is read by pandas.
CASES = {
    "index becomes text": (LATE_KEY, {"index_col": "k"}),
    "index becomes text, by pandas": (LATE_KEY, {"index_col": "k", "engine": "python"}),
    "index gets a missing value": ([HEAD, "k,v,d\n,3,2024-01-02\n"], {"index_col": "k"}),
    "index of two levels": (LATE_KEY, {"index_col": ["k", "v"]}),
    "index of dates": ([HEAD, HEAD], {"index_col": "d", "parse_dates": True}),
    "index from the end": ([HEAD, HEAD], {"index_col": -1}),
    "index among usecols": (LATE_KEY, {"index_col": "k", "usecols": ["k", "d"]}),
    "index of text by request": ([HEAD, HEAD], {"index_col": "k", "dtype": {"k": str}}),
    "index of categories": ([HEAD, HEAD], {"index_col": "k", "dtype": {"k": "category"}}),
    "bools and a missing value": (["a,b\nTrue,1\nFalse,2\n", "a,b\n,3\n"], {}),
    "bools and a missing value, by pandas": (["a,b\nTrue,1\nFalse,2\n", "a,b\n,3\n"], {"engine": "python"}),
    "bools and text": (["a,b\nTrue,1\nFalse,2\n", "a,b\n,3\nx,1\n"], {"comment": "#"}),
    "integers and bools": (["a,b\n1,2\n", "a,b\nTrue,3\n"], {"comment": "#"}),
    "dates of two forms": ([DATES, "d,x\n01/02/2024,1\n"], {"parse_dates": ["d"]}),
    "dates and text": ([DATES, "d,x\nhello,1\n"], {"parse_dates": ["d"]}),
    "dates and text, by pandas": ([DATES, "d,x\nhello,1\n"], {"parse_dates": ["d"], "engine": "python"}),
    "dates and none": ([DATES, "d,x\n,1\n"], {"parse_dates": [0], "comment": "#"}),
    "days first": (["d,x\n13/02/2024,1\n", "d,x\n05/06/2024,1\n"], {"parse_dates": ["d"], "dayfirst": True}),
    "thousands": (['a,b\n"1,000",2\n', 'a,b\n"2,000.5",2\n'], {"thousands": ","}),
    "decimal mark": (["a;b\n1,5;2\n", "a;b\n2,5;2,5\n"], {"sep": ";", "decimal": ",", "comment": "#"}),
    "leading zeros": (["a,b\n1,2\n007,3\n", "a,b\nx,2.5\n"], {"encoding": "latin-1"}),
    "integers beyond 2^53": (["a,b\n1,9007199254740993\n", "a,b\n2,x\n"], {"encoding": "latin-1"}),
    "integers beyond int64": (["a,b\n1,1\n", "a,b\n9223372036854775808,2\n-1,3\n"], {"encoding": "latin-1"}),
    "integers beyond 64 bits": (["a,b\n1,1\n", "a,b\n18446744073709551616,2\n"], {}),
    "skipped rows": (["a,b\n1,2\n3,x\n"], {"skiprows": [1]}),
    "skipped bad lines": (["a,b\n1,2\n1,2,3\n3,x\n"], {"on_bad_lines": "skip"}),
    "mended bad lines": (["a,b\n1,2\n1,2,3\n3,x\n"], {"on_bad_lines": lambda line: line[:2], "engine": "python"}),
    "escapes": (["a,b\n1\\,2,3\n", "a,b\nx,y\n"], {"escapechar": "\\"}),
    "separator of several characters": (["a||b\n1||2\n", "a||b\n1||x\n"], {"sep": r"\|\|", "engine": "python"}),
    "functions": (["a,b\n1,2\n", "a,b\nx,2\n"], {"converters": {"a": lambda s: s * 2}}),
    "functions of several types": (["a,b\n1,2\n", "a,b\nx,2\n"], {"converters": {"a": lambda s: len(s) or s}}),
    "categories": (["a,b\nx,2\n", "a,b\ny,2.5\n"], {"dtype": {"a": "category"}}),
    "nullable": (["a,b\n1,True\n", "a,b\n,\n"], {"dtype_backend": "numpy_nullable"}),
    "pyarrow": (["a,b\n1,2\n", "a,b\n,x\n"], {"dtype_backend": "pyarrow"}),
    "first file without rows": (["a,b\n", "a,b\n1,x\n"], {}),
    "labels twice": (["a,a\n1,2\n", "a,a\nx,3\n"], {"comment": "#"}),
    "two header lines": (["a,b\nc,d\n1,2\n3,x\n"], {"header": [0, 1]}),
}


def written(folder, texts):
    for number, text in enumerate(texts):
        (folder / f"{number}.csv").write_text(text)
    return f"{folder}/*.csv"


def whole(texts):
    head, _ = texts[0].split("\n", 1)
    return io.StringIO("\n".join([head, *("\n" + text.split("\n", 1)[1] for text in texts)]).replace("\n\n", "\n"))


@pytest.mark.parametrize("blocksize", [None, 7, 20])
@pytest.mark.parametrize("name", CASES)
def test_types_are_those_of_all_rows(name, blocksize, tmp_path):
    texts, options = CASES[name]
    expected = pd.read_csv(whole(texts), **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = dd.read_csv(written(tmp_path, texts), blocksize=blocksize, sample=12, **options).compute()
    if isinstance(expected.index, pd.RangeIndex):
        found = found.reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize("options", [{}, {"encoding": "latin-1"}])
def test_one_warning_says_where(tmp_path, options):
    lines = [f"{i},{i}" for i in range(1000)]
    path = written(tmp_path, ["a,b\n" + "\n".join(lines) + "\n", "a,b\n1,2\n,3\n4,5\n"])
    df = dd.read_csv(path, blocksize=1000, sample=100, **options)
    with pytest.warns(UserWarning) as caught:
        found = df[df.b >= 0].a.sum().compute()
    assert found == sum(range(1000)) + 5
    assert len(caught) == 1
    text = str(caught[0].message)
    assert 'column "a", ' in text
    assert "1.csv" in text
    assert "row 1" in text or "line 3" in text


def test_rows_in_later_blocks(tmp_path):
    lines = [f"{i},{i}" for i in range(6000)] + ["x,1"]
    path = written(tmp_path, ["a,b\n" + "\n".join(lines) + "\n"])
    with pytest.warns(UserWarning, match='row 6000 of .*0.csv holds "x", but the first rows have int64'):
        dd.read_csv(path, blocksize=3000, comment="#").a.compute()


def test_plans_over_widened_columns(tmp_path):
    path = written(tmp_path, ["a,b,k\nTrue,1,x\nFalse,2,y\n", "a,b,k\n,3,x\n"])
    pdf = pd.read_csv(io.StringIO("a,b,k\nTrue,1,x\nFalse,2,y\n,3,x\n"))
    df = dd.read_csv(path, sample=12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = df[df.b > 1].assign(c=df.b * 2).compute().reset_index(drop=True)
        pd.testing.assert_frame_equal(found, pdf[pdf.b > 1].assign(c=pdf.b * 2).reset_index(drop=True))
        assert df.groupby("k").b.sum().compute().to_dict() == {"x": 4, "y": 2}
        assert df.head(3).a.tolist()[:2] == [True, False]
        # no kernel sums objects: pandas does
        assert df.a.sum().compute() == pdf.a.sum() == 1


def test_errors_say_where(tmp_path):
    lines = [f"{i},{i}" for i in range(6000)]
    lines[5900] = "1,2,3"
    path = written(tmp_path, ["a,b\n" + "\n".join(lines) + "\n"])
    with pytest.raises(pd.errors.ParserError, match="Expected 2 fields") as caught:
        dd.read_csv(path, blocksize=1000, comment="#").compute()
    notes = "\n".join(caught.value.__notes__)
    assert "0.csv, bytes" in notes
    assert "that is line 5902 of " in notes
    lines[50] = "1,2,3"
    path = written(tmp_path, ["a,b\n" + "\n".join(lines) + "\n"])
    with pytest.raises(pd.errors.ParserError, match="in line 52, saw 3") as caught:
        dd.read_csv(path, blocksize=1000, comment="#")
    assert "0.csv" in "\n".join(caught.value.__notes__)
    (tmp_path / "0.csv").write_text("a,b\n1,2\n3,x\n")
    with pytest.raises(ValueError, match="invalid literal") as caught:
        dd.read_csv(path, dtype={"b": "int64"}, comment="#").compute()
    assert f'column "b", row 1 of {tmp_path}/0.csv, holds "x"' in "\n".join(caught.value.__notes__)
    lines = [f'{i},"{i}\n"' for i in range(3000)] + ["x,"]
    (tmp_path / "0.csv").write_text("a,b\n" + "\n".join(lines) + "\n")
    with pytest.raises(ValueError, match="Unable to convert column a") as caught:
        dd.read_csv(path, dtype={"a": "int64"}, engine="python", blocksize=3000).compute()
    assert f'column "a", row 3000 of {tmp_path}/0.csv, holds "x"' in "\n".join(caught.value.__notes__)


def test_errors_of_functions_name_the_file(tmp_path):
    path = written(tmp_path, ["a,b\n1,2\n", "a,b\n3,4\n"])

    def fails(part):
        if part.a.iloc[0] == 3:
            raise KeyError("mine")
        return part

    df = dd.read_csv(path)
    with pytest.raises(KeyError, match="mine") as caught:
        df[df.b > 0].map_partitions(fails, meta=df._meta).compute()
    (note,) = caught.value.__notes__
    assert "partition 1 of 2" in note
    assert "1.csv" in note


def test_keys_that_no_kernel_groups_by():
    # no kernel groups by these floats, and none counts them: pandas does, from the start
    pdf = pd.DataFrame({"k": [1.5, 2.5, 1.5], "v": [1, 2, 3]}).astype({"k": "double[pyarrow]"})
    df = dd.from_pandas(pdf, npartitions=2)
    pd.testing.assert_series_equal(df.groupby("k").v.sum().compute(), pdf.groupby("k").v.sum())
    pd.testing.assert_series_equal(df.groupby("v").k.nunique().compute(), pdf.groupby("v").k.nunique())
