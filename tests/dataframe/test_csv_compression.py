"""Compressed CSV, local and in fsspec's memory, read natively and by pandas."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

import dusk.dataframe as dd

ENDINGS = {"gzip": "gz", "bz2": "bz2", "xz": "xz", "zstd": "zst", "zip": "zip", "tar": "tar"}
WAYS = {
    "native": {},
    "whole files": {"blocksize": None},
    "by pandas": {"on_bad_lines": "skip"},
    "python engine": {"engine": "python"},
}


@pytest.fixture(scope="module")
def pdf():
    rows = range(300)
    return pd.DataFrame(
        {
            "a": rows,
            "b": [f'x "{i}", y' for i in rows],
            "c": [None if i % 7 == 0 else i * 0.5 for i in rows],
        }
    )


def write(pdf, path, compression):
    if compression == "zstd":  # pandas needs a package for it; two frames, as parallel compressors write them
        raw = pdf.to_csv(index=False).encode()
        codec, half = pa.Codec("zstd"), len(raw) // 2
        path.write_bytes(codec.compress(raw[:half], asbytes=True) + codec.compress(raw[half:], asbytes=True))
    else:
        pdf.to_csv(path, index=False, compression=compression)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("compression", ENDINGS)
def test_compression(tmp_path, pdf, compression, told, way):
    import fsspec

    path = tmp_path / ("a.dat" if told else f"a.csv.{ENDINGS[compression]}")
    write(pdf, path, compression)
    memory = fsspec.filesystem("memory")
    memory.pipe(f"/dusk-packed/{path.name}", path.read_bytes())
    try:
        for url in (path, f"memory://dusk-packed/{path.name}"):
            df = dd.read_csv(url, compression=compression if told else "infer", **WAYS[way])
            pd.testing.assert_frame_equal(df.compute(), pdf)
            assert df[df.a > 10].c.sum().compute() == pdf[pdf.a > 10].c.sum()
    finally:
        memory.rm("/dusk-packed", recursive=True)


@pytest.mark.parametrize("way", WAYS)
def test_files_compressed_in_different_ways(tmp_path, pdf, way):
    for number, (compression, ending) in enumerate(ENDINGS.items()):
        write(pdf, tmp_path / f"{number}.csv.{ending}", compression)
    pdf.to_csv(tmp_path / "9.csv", index=False)
    pdf.to_csv(tmp_path / "8.csv.tar.gz", index=False)
    found = dd.read_csv(tmp_path / "*.csv*", **WAYS[way]).compute()
    pd.testing.assert_frame_equal(found, pd.concat([pdf] * 8))


def test_what_is_not_compressed_although_its_name_says_so(tmp_path, pdf):
    pdf.to_csv(tmp_path / "a.csv.gz", index=False, compression=None)
    pd.testing.assert_frame_equal(dd.read_csv(tmp_path / "a.csv.gz", compression=None).compute(), pdf)
