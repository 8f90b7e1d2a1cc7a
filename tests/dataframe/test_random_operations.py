"""Random operations against pandas. ``DUSK_FUZZ=10000`` looks at more of them."""

from __future__ import annotations

import os
import sys
import warnings

import numpy as np
import pandas as pd
import pytest

import dusk.dataframe as dd
from tests.dataframe.operation_cases import elementwise_case, groupby_case

COUNT = int(os.environ.get("DUSK_FUZZ", 300))
CASES = {"elementwise": elementwise_case, "groupby": groupby_case}


def compare(found, expected, words):
    # A divisor of zero makes pandas' narrow floats wide: dtypes that depend on values are not promised.
    divides = "floordiv" in words or " mod " in words
    if divides and "loat32" in words and isinstance(found, pd.Series) and found.dtype.kind == "f":
        found, expected = found.astype("Float64"), expected.astype("Float64")
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(found, expected, check_freq=False)
    elif isinstance(expected, pd.Series):
        pd.testing.assert_series_equal(found, expected, check_freq=False)
    else:
        assert found == expected


def check(make, seed):
    """Check one case; give whether pandas had an answer."""
    frame, words, operation = make(seed)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            expected = operation(frame)
        except Exception as error:
            expected = error
        df = dd.from_pandas(frame, npartitions=1 + seed % 3, sort=False)
        try:
            found = operation(df)
            found = found.compute() if hasattr(found, "compute") else found
        except Exception as error:
            # What objects can do depends on those that meet.
            if isinstance(expected, Exception) or "object" in words:
                return False
            error.add_note(words)
            raise
    if isinstance(expected, Exception):
        raise AssertionError(f"{words}: pandas raised {expected!r}, dusk gave {found!r}")
    try:
        compare(found, expected, words)
    except AssertionError as error:
        error.add_note(words)
        raise
    return True


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("part", range(3))
def test_cases(kind, part):
    compared = 0
    for seed in range(part, COUNT, 3):
        try:
            compared += check(CASES[kind], seed)
        except BaseException as error:
            error.add_note(f"{kind}_case({seed})")
            raise
    assert compared > COUNT // 3 // 3


if __name__ == "__main__":
    for seed in range(int(sys.argv[2]), int(sys.argv[3])):
        try:
            check(CASES[sys.argv[1]], seed)
        except BaseException as error:
            text = str(error).replace("\n", " | ")
            print(f"{seed}: {type(error).__name__} {text[:400]} {getattr(error, '__notes__', '')}", flush=True)
