"""chunks= in all its forms, and chunks of several arrays, against Dask's."""

import numpy as np
import pytest
from dask.array import core as dask_core
from hypothesis import given, settings
from hypothesis import strategies as st

from dusk.array import _chunks
from tests.array.structures import chunks_of


def outcome(function, *args, **kwargs):
    try:
        return repr(function(*args, **kwargs))
    except (ValueError, TypeError, NotImplementedError) as error:
        return type(error), str(error)


@st.composite
def requests(draw):
    shape = tuple(draw(st.lists(st.sampled_from([0, 1, 5, 10, 100, 12345]), max_size=3)))
    forms = [3, 7, -1, None, "auto", "1kiB", "auto"]
    each = tuple(draw(st.sampled_from(forms) | chunks_of(min(n, 100))) for n in shape)
    chunks = draw(st.sampled_from([each, list(each), 5, -1, "auto", "100kiB", dict(enumerate(each)), None]))
    return chunks, {
        "shape": shape,
        "dtype": draw(st.sampled_from(["f8", "u1", None, object])),
        "limit": draw(st.sampled_from([None, 1000, "10kiB"])),
        "previous_chunks": draw(st.none() | st.tuples(*(chunks_of(min(n, 100)) for n in shape)))
        if all(n <= 100 for n in shape)
        else None,
    }


@settings(max_examples=300, deadline=None)
@given(requests())
def test_normalize_chunks_as_dask(request_):
    chunks, options = request_
    try:
        want = outcome(dask_core.normalize_chunks, chunks, **options)
    except ZeroDivisionError:  # an axis without elements beside "auto"
        return
    assert outcome(_chunks.normalize_chunks, chunks, **options) == want


def test_zero_length_beside_auto():
    chunks = _chunks.normalize_chunks(("auto", (0,)), shape=(10**9, 0), dtype="f8")
    assert sum(chunks[0]) == 10**9
    assert chunks[1] == (0,)


@given(st.data())
def test_common_blockdim_as_dask(data):
    length = data.draw(st.integers(1, 12))
    dims = {data.draw(chunks_of(length)) for _ in range(data.draw(st.integers(1, 4)))}
    assert _chunks.common_blockdim(dims) == dask_core.common_blockdim(dims)


@pytest.mark.parametrize("lengths", [(4, 4, 2), (4,), (0,), (4, 4, 4), (4, 2, 4), (4, 4, 5), (0, 0), (4, 0), (2, 4, 2)])
def test_axis_spec_keeps_lengths(lengths):
    spec = _chunks.axis_spec(lengths)
    if isinstance(spec, range):
        cut = [min(spec.step, spec.stop - i) for i in spec] or [0]
        assert tuple(cut) == lengths
    else:
        assert tuple(spec) == lengths


def test_unknown_lengths_compare_equal():
    a, b = ((float("nan"), 2),), ((np.nan, 2),)
    assert _chunks.same_chunks(a, b)
    assert _chunks.axis_spec((np.nan, np.nan)) == (np.nan, np.nan)
