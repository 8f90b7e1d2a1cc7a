"""`read_csv` against pandas over random files, options and block sizes. ``DUSK_FUZZ=10000`` looks at more of them."""

from __future__ import annotations

import os
import shutil
import sys
import warnings

import pandas as pd
import pytest

import dusk.dataframe as dd
from tests.dataframe.csv_cases import Case

COUNT = int(os.environ.get("DUSK_FUZZ", 150))


def check(seed, folder):
    case = Case(seed)
    paths = case.write(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = case.expected()
        except Exception:
            return False  # how pandas fails is not what is compared here
        found = dd.read_csv(paths, blocksize=case.blocksize, sample=case.sample, **case.options).compute()
    pd.testing.assert_frame_equal(found.reset_index(drop=True), expected)
    return True


@pytest.mark.parametrize("part", range(5))
def test_files(part, tmp_path):
    compared = 0
    for seed in range(part, COUNT, 5):
        folder = tmp_path / str(seed)
        folder.mkdir()
        try:
            compared += check(seed, folder)
        except BaseException as error:
            error.add_note(f"Case({seed}): {Case(seed)}")
            raise
        shutil.rmtree(folder)
    assert compared > COUNT // 5 // 2


if __name__ == "__main__":
    import pathlib
    import tempfile

    for seed in range(int(sys.argv[1]), int(sys.argv[2])):
        with tempfile.TemporaryDirectory() as name:
            try:
                check(seed, pathlib.Path(name))
            except Exception as error:
                print(f"Case({seed}): {Case(seed)}\n    {type(error).__name__}: {str(error)[:600]}")
