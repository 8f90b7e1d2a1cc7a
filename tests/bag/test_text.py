"""Text files read into bags and written, against Dask's."""

from __future__ import annotations

import bz2
import gzip
import os

import dask.bag as theirs
import pytest

import dusk
import dusk.bag as db
import dusk.bytes

CASES = [
    {},
    {"linedelimiter": "|"},
    {"linedelimiter": "\n"},
    {"blocksize": 3},
    {"blocksize": 3, "linedelimiter": "|"},
    {"blocksize": "1 kB", "linedelimiter": "\n"},
    {"include_path": True},
    {"include_path": True, "blocksize": 4},
    {"files_per_partition": 2},
    {"encoding": "latin-1"},
]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"x|y|\nz\r\nl\xc3\xa4st")
    (tmp_path / "b.txt").write_bytes(b"p|q\n")
    (tmp_path / "c.txt").write_bytes(b"one long line without an end")
    return tmp_path


@pytest.mark.parametrize("options", CASES, ids=str)
def test_as_dasks(folder, options):
    path = str(folder / "*.txt")
    ours, expected = db.read_text(path, **options), theirs.read_text(path, **options)
    assert ours.npartitions == expected.npartitions
    assert ours.compute() == expected.compute(scheduler="sync")
    assert ours.name == db.read_text(path, **options).name


@pytest.mark.parametrize("delimiter", [None, "\n", "|", "ab"])
def test_blocks_do_not_change_the_lines(tmp_path, delimiter):
    (tmp_path / "t").write_text("aab|ba\nbab|\nabab||ab\n\nb" * 5)
    whole = db.read_text(str(tmp_path / "t"), linedelimiter=delimiter).compute()
    assert "".join(whole) == (tmp_path / "t").read_text()
    for size in range(1, 40):
        assert db.read_text(str(tmp_path / "t"), linedelimiter=delimiter, blocksize=size).compute() == whole


@pytest.mark.parametrize(("ending", "opened"), [("gz", gzip.open), ("bz2", bz2.open)])
def test_compressed(tmp_path, ending, opened):
    b = db.from_sequence(["a", "b", "c"], npartitions=2)
    paths = b.to_textfiles(str(tmp_path / f"*.txt.{ending}"), last_endline=True)
    assert [os.path.basename(path) for path in paths] == [f"0.txt.{ending}", f"1.txt.{ending}"]
    with opened(paths[0], "rt") as file:
        assert file.read() == "a\nb\n"
    assert db.read_text(paths).map(str.strip).compute() == ["a", "b", "c"]
    with pytest.raises(ValueError, match="compressed"):
        db.read_text(paths, blocksize=3)


def test_name_follows_the_content(tmp_path):
    path = tmp_path / "t"
    path.write_text("a\n")
    first = db.read_text(str(path)).name
    path.write_text("other\n")
    assert db.read_text(str(path)).name != first


def test_errors(folder):
    with pytest.raises(ValueError, match="No files"):
        db.read_text(str(folder / "*.csv"))
    with pytest.raises(FileNotFoundError):
        db.read_text(str(folder / "none")).compute()
    with pytest.raises(ValueError, match="Only one"):
        db.read_text(str(folder / "*"), blocksize=3, files_per_partition=2)
    with pytest.raises(ValueError, match="utf-16"):
        db.read_text(str(folder / "*"), blocksize=3, encoding="utf-16")
    with pytest.raises(UnicodeDecodeError):
        db.read_text(str(folder / "a.txt"), encoding="ascii").compute()


def test_not_a_collection(folder):
    parts = db.read_text(str(folder / "*.txt"), collection=False)
    assert [len(part) for part in dusk.compute(*parts)] == [3, 1, 1]


def test_to_textfiles(tmp_path):
    b = db.from_sequence(["a", "b\n", "c"], npartitions=1)
    (path,) = b.to_textfiles(str(tmp_path / "new"))
    assert path.endswith("new/0.part") and (tmp_path / "new/0.part").read_text() == "a\nb\nc"
    later = b.to_textfiles(str(tmp_path / "x-*.txt"), name_function=lambda i: "n", compute=False)
    assert not (tmp_path / "x-n.txt").exists()
    dusk.compute(later)
    assert (tmp_path / "x-n.txt").exists()
    with pytest.raises(TypeError, match="hold str"):
        db.from_sequence([1]).to_textfiles(str(tmp_path / "z"))
    many = db.range(11, 11).map(str).to_textfiles(str(tmp_path / "m-*"))
    assert many == sorted(many)


def test_read_bytes(folder):
    path = str(folder / "a.txt")
    sample, ((*blocks,),), paths = dusk.bytes.read_bytes(path, delimiter=b"|", blocksize=4, include_path=True)
    assert sample == (folder / "a.txt").read_bytes() and paths == [path]
    assert b"".join(dusk.compute(*blocks)) == sample
    assert dusk.bytes.read_bytes(path, sample=1, delimiter=b"|")[0] == b"x|"
    _, ((first,),) = dusk.bytes.read_bytes(path, blocksize=None, not_zero=True)
    assert first.compute() == sample[1:]
