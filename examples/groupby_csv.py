"""The mean score of each category over many CSV files: ``python examples/groupby_csv.py "data/large_dataset_*.csv"``.

With ``--check`` the same program runs in pandas as well, on the concatenated files, and the answers are compared.
"""

from __future__ import annotations

import argparse
import glob
import sys
import time

import dusk.dataframe as dd
from dusk.diagnostics import ProgressBar

LEAST_LENGTH = 500


def with_dusk(pattern: str):
    df = dd.read_csv(pattern)
    result = df[df["response_len"] >= LEAST_LENGTH].groupby("category")["score"].mean()
    with ProgressBar():
        return result.compute()  # a pandas Series


def with_pandas(pattern: str):
    import pandas as pd

    df = pd.concat([pd.read_csv(path) for path in sorted(glob.glob(pattern))])
    return df[df["response_len"] >= LEAST_LENGTH].groupby("category")["score"].mean()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="The mean score of each category over many CSV files.")
    parser.add_argument("pattern", nargs="?", default="data/large_dataset_*.csv", help="the files, as a glob pattern")
    parser.add_argument("--check", action="store_true", help="compute the same with pandas and compare")
    options = parser.parse_args(arguments)

    start = time.perf_counter()
    answer = with_dusk(options.pattern)
    seconds = time.perf_counter() - start
    print(answer)
    print(f"\ndusk: {seconds:.3f} s")

    if options.check:
        from pandas.testing import assert_series_equal

        start = time.perf_counter()
        expected = with_pandas(options.pattern)
        print(f"pandas: {time.perf_counter() - start:.3f} s")
        # Index, dtypes and names must be the same. The means may differ in the last digits, because the sums behind
        # them are added in another order.
        assert_series_equal(answer, expected, rtol=1e-12)
        print("The answer equals that of pandas.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
