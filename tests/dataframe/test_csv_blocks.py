"""Blocks of the files that pandas reads: quotes and the line breaks in them, headers, lines that don't count."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dusk.dataframe as dd
from dusk.dataframe.io import _csv_blocks
from dusk.dataframe.io._csv_blocks import Records
from dusk.dataframe.io._paths import resolve

WORDS = ["", "a", "b,c", 'q"q', "l\nm", '"', "x\r\ny", "\n", '""']


def field(word, quoted):
    return '"' + word.replace('"', '""') + '"' if quoted or set(word) & set(',"\r\n') else word


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.sampled_from(WORDS), st.booleans()), min_size=2, max_size=2), max_size=9),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([0, 2]),
    st.sampled_from([1, 2, 3, 7, 50]),
)
def test_records(tmp_path_factory, records, end, skip, chunk):
    text = f"junk{end}" * skip + f'"h1","h\n2"{end}'
    starts = []
    for record in records:
        starts.append(len(text))
        text += ",".join(field(word, quoted) for word, quoted in record) + end
    path = tmp_path_factory.getbasetemp() / "records.csv"
    path.write_bytes(text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_csv_blocks, "_CHUNK", chunk)
        found = Records(resolve(path)[0], b'"', b",", skip, True, True, b"")
        assert found.cuts
        for offset in range(len(text) + 1):
            want = next((start for start in starts if start >= offset), len(text))
            assert found.start(offset) == want
            assert found.rows_before(want) == sum(start < want for start in starts)


@pytest.mark.parametrize("text", ['a,b\n5" x,1\n', 'a,b\n"x"y,1\n', 'a,b\nx "y",1\n', 'a,b\n"x\n'])
@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
def test_quotes_elsewhere(tmp_path, monkeypatch, text, chunk):
    monkeypatch.setattr(_csv_blocks, "_CHUNK", chunk)
    (tmp_path / "a.csv").write_text(text)
    assert not Records(resolve(tmp_path / "a.csv")[0], b'"', b",", 0, True, False, b"").cuts


OPTIONS = {
    "plain": {},
    "no header": {"header": None},
    "names": {"names": ["p", "q"]},
    "names for others": {"names": ["p", "q"], "header": 0},
    "skiprows": {"skiprows": 3},
    "blank lines": {"skip_blank_lines": False},
    "quoting": {"quoting": 3},
}


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("quotes", [False, True])
@pytest.mark.parametrize("blocksize", [3, 20, 100, None])
def test_blocks_do_not_matter(tmp_path, name, quotes, blocksize):
    options = {"engine": "python", **OPTIONS[name]}
    if quotes and name == "quoting":
        return
    lines = [f'"x\n{i},",{i}' if quotes and i % 3 else f"{i},{i}" for i in range(50)]
    lines.insert(0, "s,t")
    lines.insert(30, "")
    if name not in ("no header", "blank lines"):
        lines.insert(0, "")
    path = tmp_path / "a.csv"
    path.write_text("\n".join(lines) + "\n")
    expected = pd.read_csv(path, **options)
    found = dd.read_csv(path, blocksize=blocksize, **options)
    if blocksize == 20:
        lengths = found.map_partitions(len).compute()
        assert (lengths > 0).sum() > 5
    pd.testing.assert_frame_equal(found.compute().reset_index(drop=True), expected)
