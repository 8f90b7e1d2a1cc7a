"""The modules that test suites and libraries on top of frames import: compatibility, methods, extensions, dask_expr."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from pandas.tests.extension.decimal.array import DecimalArray, DecimalDtype

import dusk.dataframe as dd
from dusk import _compatibility, config, utils_test
from dusk._schedulers import get_scheduler
from dusk.dataframe import _compat, _pyarrow, dask_expr, extensions, methods, utils
from dusk.dataframe.dask_expr import _collection


class TestThreadedGet(utils_test.GetFunctionTestMixin):
    """The scheduler of threads keeps what graphs promise."""

    get = staticmethod(get_scheduler(scheduler="threads"))


@pytest.mark.parametrize("module", [dask_expr, _collection])
def test_expression_modules_have_the_very_same_names(module):
    for name in dd.__all__:
        assert getattr(module, name) is getattr(dd, name)
    pdf = pd.DataFrame({"x": [3, 1, 2]})
    df = module.from_pandas(pdf, npartitions=2)
    assert isinstance(df, module.FrameBase)
    assert isinstance(module.new_collection(df._node), dd.DataFrame)
    (optimized,) = module.optimize(df)
    pd.testing.assert_frame_equal(optimized.compute(), pdf)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        module.nothing  # noqa: B018


# --- methods ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", [[1, 2, 2, 4, 6], [4, 2, 1, 6, 2]])
@pytest.mark.parametrize("start", [None, 0, 2, 3, 9])
@pytest.mark.parametrize("stop", [None, 0, 2, 5, 6, 9])
@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("right", [True, False])
def test_boundary_slice(labels, start, stop, left, right):
    s = pd.Series(range(5), index=labels)
    wanted = [
        value
        for label, value in zip(labels, range(5))
        if (start is None or start < label or (left and start == label))
        and (stop is None or label < stop or (right and stop == label))
    ]
    result = methods.boundary_slice(s, start, stop, left_boundary=left, right_boundary=right)
    assert result.to_list() == wanted


def test_boundary_slice_takes_parts_of_dates():
    s = pd.Series(range(4), index=pd.date_range("2020-01-30", periods=4))
    assert methods.boundary_slice(s, "2020-01-31", "2020-02").to_list() == [1, 2, 3]
    assert methods.boundary_slice(s, "2020-01", "2020-02", left_boundary=False, right_boundary=False).to_list() == []
    assert methods.boundary_slice(s.iloc[:0], "2020-01", None).empty


def test_assign_leaves_the_frame_alone():
    df = pd.DataFrame({"a": [1, 2], "b": [1.5, 2.5]})
    result = methods.assign(df, "a", 5, "c", "x")
    assert result.to_dict("list") == {"a": [5, 5], "b": [1.5, 2.5], "c": ["x", "x"]}
    assert df.to_dict("list") == {"a": [1, 2], "b": [1.5, 2.5]}


def test_concat_keeps_categoricals():
    a = pd.DataFrame({"c": pd.Categorical(["x", "y"]), "n": [1, 2]})
    b = pd.DataFrame({"c": pd.Categorical(["z", "x"]), "n": [3, 4]})
    result = methods.concat([a, b])
    assert result["c"].cat.categories.to_list() == ["x", "y", "z"]
    assert result["c"].to_list() == ["x", "y", "z", "x"]
    assert methods.concat([a["c"], b["c"]]).dtype == result["c"].dtype
    index = methods.concat([pd.CategoricalIndex(a["c"]), pd.CategoricalIndex(b["c"])])
    assert isinstance(index, pd.CategoricalIndex)
    assert index.to_list() == ["x", "y", "z", "x"]
    by_label = methods.concat([a.set_index("c"), b.set_index("c")])
    assert by_label.index.dtype == result["c"].dtype
    pd.testing.assert_frame_equal(methods.concat([a[["n"]], b[["n"]]], axis=1), pd.concat([a[["n"]], b[["n"]]], axis=1))
    plain = methods.concat([a, b.astype({"c": object})], ignore_index=True)
    assert plain["c"].to_list() == ["x", "y", "z", "x"]


def test_try_loc():
    s = pd.DataFrame({"a": [1, 2]}, index=["x", "y"])
    assert methods.try_loc(s, ["y"])["a"].to_list() == [2]
    assert methods.try_loc(s, ["z"]).empty
    assert methods.try_loc(s, ["z"], ["a"]).columns.to_list() == ["a"]


# --- extensions -------------------------------------------------------------------------------------------------------


class Money:
    """A class of single values."""


def test_examples_of_other_libraries(monkeypatch):
    for examples in (extensions.make_array_nonempty, extensions.make_scalar):
        monkeypatch.setattr(examples, "_lookup", dict(examples._lookup))
        monkeypatch.setattr(examples, "_resolved", {})
    with pytest.raises(TypeError, match="Money"):
        utils.make_meta(Money())

    @extensions.make_array_nonempty.register(DecimalDtype)
    def _(dtype):
        return DecimalArray._from_sequence([Decimal("7"), Decimal("8")], dtype=dtype)

    @extensions.make_scalar.register(Money)
    def _(x):
        return "an example"

    empty = pd.Series(DecimalArray._from_sequence([]))
    assert utils.meta_nonempty(empty).to_list() == [Decimal("7"), Decimal("8")]
    assert utils.make_meta(Money()) == "an example"


# --- compatibility ----------------------------------------------------------------------------------------------------


def test_versions_and_optional_dependencies():
    assert _compat.PANDAS_GE_300 is (int(pd.__version__.split(".")[0]) >= 3)
    assert _compatibility.import_optional_dependency("pandas", min_version="1.0") is pd
    for kwargs in ({}, {"min_version": "1"}):
        with pytest.raises(ImportError, match="Missing optional dependency 'no_such_module'. Needed"):
            _compatibility.import_optional_dependency("no_such_module", "Needed here.", **kwargs)
    assert _compatibility.import_optional_dependency("no_such_module", errors="ignore") is None
    with pytest.raises(ImportError, match="'pandas' 999 or newer"):
        _compatibility.import_optional_dependency("pandas", min_version="999")
    with pytest.warns(UserWarning, match="999"):
        assert _compatibility.import_optional_dependency("pandas", min_version="999", errors="warn") is None
    assert _compatibility.import_optional_dependency("pandas", min_version="999", errors="ignore") is pd


def test_small_frames():
    frame = _compat.makeDataFrame()
    pd.testing.assert_frame_equal(frame, _compat.makeDataFrame())
    assert 0 < _compat.makeMissingDataFrame().isna().to_numpy().sum() < frame.size
    assert isinstance(_compat.makeTimeDataFrame().index, pd.DatetimeIndex)
    assert _compat.makeTimeSeries().to_list() == frame["A"].to_list()
    kinds = [dtype.kind for dtype in _compat.makeMixedDataFrame().dtypes]
    assert kinds[:2] == ["f", "f"]
    assert kinds[3] == "M"


def test_comparisons_see_differences():
    _compat.assert_numpy_array_equal(np.array([1, np.nan]), np.array([1, np.nan]))
    for other in ([1, 2], [2, np.nan]):
        with pytest.raises(AssertionError):
            _compat.assert_numpy_array_equal(np.array([1, np.nan]), np.array(other))
    _compat.assert_categorical_equal(pd.Categorical(["a"]), pd.Categorical(["a"]))
    with pytest.raises(AssertionError):
        _compat.assert_categorical_equal(pd.Categorical(["a"]), pd.Categorical(["a"], categories=["a", "b"]))
    with pytest.raises(AssertionError, match="not categorical"):
        _compat.assert_categorical_equal(pd.array([1]), pd.array([1]))


def test_text_as_the_setting_says():
    arrow = pd.StringDtype("pyarrow")
    pdf = pd.DataFrame({"s": ["a", None], "n": [1, 2]}, index=["x", "y"])
    assert not utils.pyarrow_strings_enabled()
    assert utils.get_string_dtype() is object
    with config.set({"dataframe.convert-string": True}):
        assert utils.pyarrow_strings_enabled()
        assert utils.get_string_dtype() == arrow
        df = dd.from_pandas(pdf, npartitions=1)
        assert df["s"].dtype == arrow
        utils.assert_eq(df, pdf)
    converted = _pyarrow.to_pyarrow_string(pdf)
    assert converted.dtypes.to_list() == [arrow, np.dtype("int64")]
    assert converted.index.dtype == arrow
    assert _pyarrow.to_pyarrow_string(pdf.index).dtype == arrow
    assert _pyarrow.is_pyarrow_string_dtype(arrow)
    assert not _pyarrow.is_object_string_dtype(arrow)
    objects = pd.Series([{}, [1]])
    assert _pyarrow.to_pyarrow_string(objects).to_list() == [{}, [1]]


def test_small_questions_of_utils():
    assert [utils.valid_divisions(x) for x in ([1, 2, 2], (1, 2), [1, 1, 2], [2, 1], [1, None], 5, "ab")] == [
        True, True, False, False, False, False, False,
    ]  # fmt: skip
    scalars = [1, "a", None, pd.NA, pd.Timestamp(0), np.float64(1)]
    assert all(map(utils.is_scalar, scalars))
    df = dd.from_pandas(pd.DataFrame({"x": [1]}), npartitions=1)
    assert not any(map(utils.is_scalar, [[1], (1,), {}, pd.Series([1]), df, df.x, df.x.sum(), np.array(1)]))
    assert utils.is_integer_na_dtype(pd.array([1]))
    assert not utils.is_integer_na_dtype(np.dtype(int))
    assert utils.is_float_na_dtype(pd.Float32Dtype())
    assert not utils.is_float_na_dtype(pd.Int8Dtype())
    utils.assert_eq_dtypes(df, pd.DataFrame({"y": [2]}))
    with pytest.raises(AssertionError):
        utils.assert_eq_dtypes(df, pd.DataFrame({"x": [2.0]}))


@pytest.mark.parametrize("word", ["add", "radd", "div", "rtruediv", "divide", "eq"])
def test_errors_of_operator_methods_name_the_method(word):
    df = dd.from_pandas(pd.DataFrame({"x": [1, 2]}), npartitions=2)
    with pytest.raises(ValueError, match=f"Unable to {word} dd.Series with axis=1"):
        getattr(df, word)(df.x, axis=1)
    with pytest.raises(NotImplementedError, match="level must be None"):
        getattr(df, word)(df, level=0)
