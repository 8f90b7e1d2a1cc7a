"""`read_csv` against pandas on the concatenated files."""

from __future__ import annotations

import gzip
import warnings

import numpy as np
import pandas as pd
import pytest

import dusk
import dusk.dataframe as dd


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for number in (2, 10, 3):
        frame = pd.DataFrame(
            {
                "i": rng.integers(0, 100, 50),
                "f": np.where(rng.random(50) < 0.1, np.nan, rng.normal(size=50)),
                "s": rng.choice(["a", "b,c", 'q"q', "l\nm", "é", None], 50),
                "d": pd.date_range("2024-01-01", periods=50),
            }
        )
        frame.to_csv(tmp_path / f"f-{number}.csv", index=False)
    return tmp_path


def whole(folder, **kwargs):
    names = sorted(path.name for path in folder.glob("f-*.csv"))
    return pd.concat([pd.read_csv(folder / name, **kwargs) for name in names])


@pytest.mark.parametrize("blocksize", ["default", None, "1kB", 1000, 100, 17, 1])
def test_blocks_do_not_matter(folder, blocksize):
    df = dd.read_csv(f"{folder}/f-*.csv", blocksize=blocksize)
    expected = whole(folder)
    found = df.compute()
    if df.npartitions == 3:
        pd.testing.assert_frame_equal(found, expected)
    pd.testing.assert_frame_equal(found.reset_index(drop=True), expected.reset_index(drop=True))


OPTIONS = {
    "usecols": {"usecols": ["i", "s"]},
    "usecols by position": {"usecols": [0, 2]},
    "usecols by function": {"usecols": lambda name: name in ("i", "f")},
    "dtype": {"dtype": {"i": "float64"}},
    "dtype of all": {"dtype": str},
    "dtype category": {"dtype": {"s": "category"}},
    "parse_dates": {"parse_dates": ["d"]},
    "index_col": {"index_col": "i"},
    "index_col by position": {"index_col": 0},
    "two index_col": {"index_col": ["i", "s"]},
    "index_col False": {"index_col": False},
    "na_values": {"na_values": ["a"]},
    "na_values by column": {"na_values": {"s": ["a"]}},
    "keep_default_na": {"keep_default_na": False},
    "skiprows": {"skiprows": 1, "header": None},
    "skiprows list": {"skiprows": [1, 2]},
    "no header": {"header": None},
    "names": {"names": ["p", "q", "r", "s"], "header": 0},
    "converters": {"converters": {"i": lambda text: int(text) * 2}},
    "python engine": {"engine": "python"},
    "pyarrow engine": {"engine": "pyarrow"},
    "skipfooter": {"skipfooter": 1, "engine": "python"},
    "decimal": {"decimal": ","},
    "comment": {"comment": "#"},
    "encoding": {"encoding": "latin-1"},
    "bad lines": {"on_bad_lines": "skip"},
    "nullable": {"dtype_backend": "numpy_nullable"},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options(folder, name):
    found = dd.read_csv(f"{folder}/f-*.csv", **OPTIONS[name]).compute()
    pd.testing.assert_frame_equal(found, whole(folder, **OPTIONS[name]))


def test_files(folder):
    assert dd.read_csv([folder / "f-2.csv", str(folder / "f-3.csv")]).npartitions == 2
    assert dd.read_csv(folder).npartitions == 3
    assert dd.read_csv(folder / "f-2.csv").npartitions == 1
    expected = pd.read_csv(folder / "f-2.csv")
    pd.testing.assert_frame_equal(dd.read_csv(f"file://{folder}/f-2.csv").compute(), expected)
    with gzip.open(folder / "z.csv.gz", "wb") as file:
        file.write((folder / "f-2.csv").read_bytes())
    pd.testing.assert_frame_equal(dd.read_csv(folder / "z.csv.gz").compute(), expected)
    with pytest.warns(UserWarning, match="gzip compression does not support breaking apart files"):
        dd.read_csv(folder / "z.csv.gz", blocksize=100)


def test_urls(folder):
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/dusk-test/a.csv", (folder / "f-2.csv").read_bytes())
    try:
        df = dd.read_csv("memory://dusk-test/*.csv", blocksize=500)
        assert df.npartitions > 1
        pd.testing.assert_frame_equal(df.compute().reset_index(drop=True), pd.read_csv(folder / "f-2.csv"))
    finally:
        memory.rm("/dusk-test", recursive=True)


def test_no_files(folder):
    with pytest.raises(OSError, match="resolved to no files"):
        dd.read_csv(f"{folder}/nothing-*.csv")
    with pytest.raises(FileNotFoundError):
        dd.read_csv(f"{folder}/nothing.csv")
    with pytest.raises(ValueError, match="empty urlpath sequence"):
        dd.read_csv([])


@pytest.mark.parametrize("option", [{"nrows": 3}, {"iterator": True}, {"chunksize": 3}, {"index": True}])
def test_refused(folder, option):
    with pytest.raises(ValueError, match=next(iter(option))):
        dd.read_csv(f"{folder}/f-*.csv", **option)


def test_path_column(folder):
    df = dd.read_csv(f"{folder}/f-*.csv", include_path_column=True)
    paths = df.path.compute()
    assert paths.dtype == "category"
    assert sorted(path.rsplit("/", 1)[-1] for path in paths.cat.categories) == ["f-10.csv", "f-2.csv", "f-3.csv"]
    assert set(paths.value_counts()) == {50}
    by_pandas = dd.read_csv(f"{folder}/f-*.csv", include_path_column="where", engine="python")["where"].compute()
    assert by_pandas.tolist() == paths.tolist()
    with pytest.raises(ValueError, match="already contain the column name: s"):
        dd.read_csv(f"{folder}/f-*.csv", include_path_column="s")


def test_assume_missing(folder):
    df = dd.read_csv(f"{folder}/f-*.csv", assume_missing=True)
    assert df.dtypes["i"] == "float64"
    assert dd.read_csv(f"{folder}/f-*.csv", assume_missing=True, dtype={"i": "int64"}).dtypes["i"] == "int64"


def write(folder, *texts):
    for number, text in enumerate(texts):
        (folder / f"{number}.csv").write_text(text)
    return f"{folder}/*.csv"


def test_types_are_settled_over_all_rows(tmp_path):
    path = write(tmp_path, "a,b\n1,2\n3,4\n5,6\n", "a,b\nx,1\n007,2\n")
    with pytest.warns(UserWarning, match="a"):
        found = dd.read_csv(path, sample=20).compute()
    assert found.a.tolist() == ["1", "3", "5", "x", "007"]
    path = write(tmp_path, "a,b\n1,2\n3,4\n5,6\n", "a,b\n,1\n1.5,2\n")
    with pytest.warns(UserWarning):
        found = dd.read_csv(path, sample=20).compute()
    assert found.a.dtype == "float64"
    assert found.b.dtype == "int64"


def test_text_keeps_its_zeros(tmp_path):
    path = write(tmp_path, "a,b\nx,1\ny,2\n", "a,b\n007,1\n")
    assert dd.read_csv(path, sample=10).compute().a.tolist() == ["x", "y", "007"]
    assert dd.read_csv(path, engine="python").compute().a.tolist() == ["x", "y", "007"]


def test_contradictions(tmp_path):
    with pytest.raises(ValueError, match="do not match"):
        dd.read_csv(write(tmp_path, "a,b\n1,2\n", "a,c\n1,2\n")).compute()
    with pytest.raises(ValueError, match=r"1\.csv"):
        dd.read_csv(write(tmp_path, "a,b\n1,2\n", "a,b\nx,2\n"), dtype={"a": "int64"}).compute()
    with pytest.warns(UserWarning, match=r'column "a", row 0 of .*1\.csv holds "x", but the first rows have int64'):
        found = dd.read_csv(write(tmp_path, "a,b\n1,2\n", "a,b\nx,2\n"), engine="python").compute()
    assert found.a.tolist() == ["1", "x"]
    (tmp_path / "1.csv").unlink()
    with pytest.raises(ValueError, match="Expected 2 fields in line 5, saw 3"):
        dd.read_csv(write(tmp_path, "a,b\n1,2\n3,4\n5,6\n1,2,3\n")).compute()


def test_pandas_reads_plain_files_in_blocks(tmp_path):
    pdf = pd.DataFrame({"i": range(100), "s": ["x"] * 100})
    pdf.to_csv(tmp_path / "plain.csv", index=False)
    df = dd.read_csv(tmp_path / "plain.csv", blocksize=70, encoding="latin-1")
    assert df.npartitions > 4
    pd.testing.assert_frame_equal(df.compute().reset_index(drop=True), pdf)
    # a quote may hide line breaks
    pdf.assign(s='a"b\nc').to_csv(tmp_path / "plain.csv", index=False)
    df = dd.read_csv(tmp_path / "plain.csv", blocksize=70, encoding="latin-1")
    pd.testing.assert_frame_equal(df.compute().reset_index(drop=True), pdf.assign(s='a"b\nc'))


def test_other_readers(tmp_path):
    (tmp_path / "a.txt").write_text("aa bb\n 1  2\n 3  4\n")
    pd.testing.assert_frame_equal(dd.read_fwf(tmp_path / "a.txt").compute(), pd.read_fwf(tmp_path / "a.txt"))
    (tmp_path / "a.tsv").write_text("a\tb\n1\tx\n")
    pd.testing.assert_frame_equal(dd.read_table(tmp_path / "a.tsv").compute(), pd.read_table(tmp_path / "a.tsv"))


def test_names_follow_content(folder):
    path = folder / "f-2.csv"
    first = dd.read_csv(path)._name
    assert dd.read_csv(path)._name == first
    assert dd.read_csv(path, blocksize=100)._name != first
    path.write_text("i,f\n1,2\n")
    assert dd.read_csv(path)._name != first


def test_reading_is_lazy_and_selective(folder, nothing_runs):
    df = dd.read_csv(f"{folder}/f-*.csv")
    result = df[df["i"] >= 50].groupby("s")["f"].mean()
    assert result._node.tier_counts()["pandas"] == 0
    nothing_runs.undo()
    pdf = whole(folder)
    pd.testing.assert_series_equal(result.compute(), pdf[pdf["i"] >= 50].groupby("s")["f"].mean())


def test_arrow_strings_on_request(folder):
    with dusk.config.set({"dataframe.convert-string": True}):
        df = dd.read_csv(f"{folder}/f-*.csv")
        assert df.dtypes["s"] == pd.StringDtype("pyarrow")
        assert df.compute().dtypes["s"] == pd.StringDtype("pyarrow")
        assert dd.from_pandas(pd.DataFrame({"s": ["a"]}), npartitions=1).compute().s.dtype == pd.StringDtype("pyarrow")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert dd.read_csv(f"{folder}/f-*.csv").dtypes["s"] == "str"
