"""Docstrings and signatures that come from pandas and NumPy, and tracebacks that show the user's lines."""

from __future__ import annotations

import inspect
import operator

import numpy as np
import pandas as pd
import pytest

from dusk import config
from dusk._derive import derive, derive_class, find
from dusk.utils import derived_from, shorten_traceback


class TestDerived:
    def test_docstring_names_its_source(self):
        class Frame:
            @derive(pd.DataFrame, unsupported=["numeric_only"], note="Nothing is the same here.")
            def sum(self, *args, **kwargs): ...

            @property
            @derive("pandas.DataFrame", signature=False)
            def shape(self): ...

            @derive(pd.DataFrame)
            def mean(self):
                """Mine."""

            @derive(pd.DataFrame)
            def nothing_like_it(self): ...

        doc = Frame.sum.__doc__
        assert doc.startswith("Return the sum") and "words of pandas.DataFrame.sum" in doc
        assert "Nothing is the same here." in doc and "Parameters\n----------" in doc
        assert any(line.startswith("numeric_only :") and "not supported" in line for line in doc.splitlines())
        assert "tuple" in Frame.shape.__doc__
        assert Frame.mean.__doc__ == "Mine." and not Frame.nothing_like_it.__doc__

    def test_signature_on_demand(self):
        class Frame:
            @derive(pd.DataFrame)
            def sum(self, *args, **kwargs): ...

        expected = inspect.signature(pd.DataFrame.sum)
        assert inspect.signature(Frame.sum) == expected and str(inspect.signature(Frame.sum)) == str(expected)
        assert (
            "axis" in inspect.signature(Frame().sum).parameters
            and "self" not in inspect.signature(Frame().sum).parameters
        )
        inspect.signature(Frame.sum).bind(Frame(), axis=1)

    def test_functions_of_modules(self):
        @derive(np)
        def sum(a): ...

        assert "numpy.sum" in sum.__doc__ and "axis" in inspect.signature(sum).parameters

    def test_properties_and_classes(self):
        @derive_class(pd.Series)
        class Series:
            def max(self): ...

            def min(self):
                """Mine."""

            @property
            def index(self): ...

            def _private(self): ...

        assert "pandas.Series.max" in Series.max.__doc__ and Series.min.__doc__ == "Mine."
        assert "pandas.Series.index" in Series.index.__doc__ and not Series._private.__doc__

    def test_names_that_are_not_loaded(self):
        assert find("no_such_package.Frame", "sum") is None
        assert find("pandas.DataFrame", "sum") is not None and find(pd.Series, "nothing") is None

    def test_derived_from(self):
        class Theirs:
            def f(self, a, b):
                """Do it.

                Well.

                Parameters
                ----------
                a : int
                    The first.
                b : int
                    The second.
                """

        class Ours:
            @derived_from(Theirs, inconsistencies="It is slower.", version="9.9")
            def f(self, a):
                """Our words."""

        doc = Ours.f.__doc__
        assert doc.startswith("Do it.") and "Our words." in doc and "It is slower." in doc and "9.9" in doc
        assert "b : int (not supported in dusk)" in doc and "a : int\n" in doc

    def test_derived_from_marks_given_ones(self):
        @derived_from(pd.Series, ua_args=["skipna"], skipblocks=1)
        def mean(self): ...

        assert "skipna : bool, default True (not supported in dusk)" in mean.__doc__
        assert not mean.__doc__.startswith("Return the mean")


class TestTracebacks:
    def test_frames_are_left_out(self, tmp_path):
        hidden = compile("def through(f):\n    return f()", str(tmp_path / "hidden.py"), "exec")
        space: dict = {}
        exec(hidden, space)

        def fails():
            raise KeyError("x")

        with config.set({"admin.traceback.shorten": [r"hidden\.py"]}), pytest.raises(KeyError) as caught:  # noqa: SIM117
            with shorten_traceback():
                space["through"](fails)
        assert [entry.name for entry in caught.traceback] == ["test_frames_are_left_out", "fails"]

    def test_the_place_of_the_error_stays(self):
        with config.set({"admin.traceback.shorten": [".*"]}), pytest.raises(ZeroDivisionError) as caught:  # noqa: SIM117
            with shorten_traceback():
                operator.truediv(1, 0)
        assert caught.traceback

    def test_no_error(self):
        with shorten_traceback():
            pass
