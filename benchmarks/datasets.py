"""The data of the races. Made once for each scale and kept, by default in ``benchmarks/data`` (git does not see it)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# The data takes 1.3 GB at scale 1, and 4 GB more for the Zarr arrays. DUSK_BENCH_DATA puts it elsewhere.
FOLDER = Path(os.environ.get("DUSK_BENCH_DATA") or Path(__file__).resolve().parent / "data")
CSV_FILES = 16
CSV_ROWS = 10_800_000
GROUPBY_ROWS = 10_000_000
GROUPS = 100
EMBEDDINGS = 455_000
DIMENSIONS = 768


@dataclass(frozen=True)
class Data:
    """Files on disk, and their size; or only how many calls to make."""

    folder: Path
    files: list[Path]
    count: int = 0

    @property
    def pattern(self) -> str:
        """The files as a glob pattern."""
        return str(self.folder / f"*{self.files[0].suffix}")

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.stat().st_size for file in self.files)

    def read_through(self) -> None:
        """Bring the files into the page cache. A race must not measure the disk, and files drop out of the cache."""
        buffer = bytearray(1 << 20)
        for file in self.files:
            with file.open("rb", buffering=0) as source:
                while source.readinto(buffer):
                    pass


def made(name: str, make: Callable[[Path], None]) -> Data:
    """Give the data set `name`; `make` writes it into a folder when it is not there yet."""
    folder = FOLDER / name
    if not folder.is_dir():
        # Made under another name, so that an interrupted run does not leave half a data set.
        unfinished = folder.with_name(name + ".part")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        print(f"making {folder} ...", flush=True)
        make(unfinished)
        unfinished.rename(folder)
    return Data(folder, sorted(file for file in folder.rglob("*") if file.is_file()))


def csv_files(scale: float) -> Data:
    """Give 16 CSV files, 1 GB at scale 1: 7 columns, of them one with quoted commas and doubled quotes.

    Line breaks inside quotes and the word NA are left out: with them some engines would have to use slow settings, or
    read something else than the others. Missing values are empty fields.
    """
    rows = max(int(CSV_ROWS * scale) // CSV_FILES, 1)

    def make(folder: Path) -> None:
        from examples.make_data import Kind, write_files

        write_files(
            folder, CSV_FILES, rows, seed=1, kind=Kind(missing_lengths=False, na_words=False, line_breaks=False)
        )

    return made(f"csv-{CSV_FILES}x{rows}", make)


def groupby_table(scale: float) -> Data:
    """Give the table of the public db-benchmark, G1: 10 million rows at scale 1, 100 groups in the small keys.

    `id1`, `id2` hold 100 strings, `id3` rows / 100 strings; `id4`, `id5`, `id6` are the same as integers; `v1` is
    1 to 5, `v2` 1 to 15, `v3` a float below 100. No value is missing.
    """
    rows = max(int(GROUPBY_ROWS * scale), GROUPS)

    def make(folder: Path) -> None:
        import numpy as np
        import pyarrow as pa
        import pyarrow.parquet as pq

        random = np.random.default_rng(108)
        many = rows // GROUPS

        def words(count: int, form: str) -> pa.Array:
            pool = pa.array([form.format(number) for number in range(1, count + 1)])
            return pool.take(pa.array(random.integers(0, count, rows)))

        table = pa.table(
            {
                "id1": words(GROUPS, "id{:03d}"),
                "id2": words(GROUPS, "id{:03d}"),
                "id3": words(many, "id{:010d}"),
                "id4": random.integers(1, GROUPS + 1, rows),
                "id5": random.integers(1, GROUPS + 1, rows),
                "id6": random.integers(1, many + 1, rows),
                "v1": random.integers(1, 6, rows),
                "v2": random.integers(1, 16, rows),
                "v3": np.round(random.random(rows) * 100, 6),
            }
        )
        pq.write_table(table, folder / "table.parquet", row_group_size=500_000)

    return made(f"groupby-{rows}", make)


def embeddings(form: str) -> Callable[[float], Data]:
    """Give the maker of a Zarr array of float32 with 768 columns, 1.4 GB at scale 1, in one of three forms.

    "zstd" and "raw" are of version 3, in chunks of whole rows, by zarr's default codec and uncompressed. "blosc" is of
    version 2, in chunks as zarr's own choice is for that shape: a row is cut over sixteen of them.
    """

    def embeddings_in_form(scale: float) -> Data:
        rows = max(int(EMBEDDINGS * scale), 64)

        def make(folder: Path) -> None:
            import numpy as np
            import zarr

            random = np.random.default_rng(7)
            options = {
                "zstd": {"chunks": (4096, DIMENSIONS)},
                "raw": {"chunks": (4096, DIMENSIONS), "compressors": None},
                "blosc": {"chunks": (14219, 48), "zarr_format": 2, "compressors": _blosc()},
            }[form]
            store = zarr.create_array(folder / "x.zarr", shape=(rows, DIMENSIONS), dtype="f4", **options)
            step = store.chunks[0]
            for at in range(0, rows, step):
                store[at : at + step] = random.standard_normal((min(step, rows - at), DIMENSIONS), dtype="f4")

        return made(f"embeddings-{form}-{rows}", make)

    return embeddings_in_form


def _blosc() -> object:
    import numcodecs

    return numcodecs.Blosc(cname="lz4", clevel=5, shuffle=1)
