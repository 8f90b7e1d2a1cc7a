"""The helpers that Dask's users import from `dask.utils`."""

from __future__ import annotations

import datetime
import doctest
import functools
import importlib
import io
import json
import operator
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dusk import config, utils
from dusk._units import format_elapsed
from dusk.utils import (
    IndexCallable,
    M,
    format_bytes,
    format_time,
    format_time_ago,
    funcname,
    has_keyword,
    itemgetter,
    key_split,
    memory_repr,
    methodcaller,
    natural_sort_key,
    parse_bytes,
    parse_timedelta,
    takes_multiple_arguments,
    tmpdir,
    tmpfile,
    typename,
)


class Callable:
    def __call__(self):
        pass

    def method(self):
        pass


class TestUnits:
    @pytest.mark.parametrize(
        ("text", "size"),
        [
            ("100", 100),
            ("100 MB", 100_000_000),
            ("100M", 100_000_000),
            ("5kB", 5000),
            ("5.4 kB", 5400),
            ("1kiB", 1024),
            ("1Mi", 2**20),
            ("1 gib", 2**30),
            ("1e6", 1_000_000),
            ("1e6 kB", 1_000_000_000),
            ("MB", 1_000_000),
            (" 2 TB ", 2 * 10**12),
            ("1_000", 1000),
            ("-1", -1),
            ("", 1),
            (1.5, 1),
            (10, 10),
            (True, 1),
        ],
    )
    def test_parse_bytes(self, text, size):
        assert parse_bytes(text) == size

    @pytest.mark.parametrize("text", ["5 foos", "5.5.5 kB", "x1", "inf", "1 EB"])
    def test_parse_bytes_refuses(self, text):
        with pytest.raises(ValueError):
            parse_bytes(text)

    def test_parse_bytes_of_something_else(self):
        with pytest.raises(TypeError):
            parse_bytes(None)

    @pytest.mark.parametrize(
        ("n", "text"),
        [
            (0, "0 B"),
            (1, "1 B"),
            (999, "0.98 kiB"),
            (1024, "1.00 kiB"),
            (1234567, "1.18 MiB"),
            (10**12, "0.91 TiB"),
            (2**60, "1024.00 PiB"),
        ],
    )
    def test_format_bytes(self, n, text):
        assert format_bytes(n) == text

    def test_memory_repr(self):
        assert [memory_repr(n) for n in (1.0, 12345, 1e12)] == ["1.0 bytes", "12.1 KB", "931.3 GB"]
        assert memory_repr(1e18).endswith(" TB")

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("3s", 3),
            ("3.5 seconds", 3.5),
            ("300ms", 0.3),
            ("1 min", 60),
            ("2 Days", 172800),
            ("1W", 604800),
            ("h", 3600),
            ("5 us", 5e-6),
            ("5 µs", 5e-6),
            (3, 3),
            ("3", 3),
            (datetime.timedelta(hours=1, milliseconds=500), 3600.5),
            (None, None),
        ],
    )
    def test_parse_timedelta(self, text, seconds):
        assert parse_timedelta(text) == pytest.approx(seconds)

    def test_parse_timedelta_units(self):
        assert parse_timedelta(5, default="minutes") == 300 and isinstance(parse_timedelta("5 m"), int)
        with pytest.raises(ValueError, match="unit"):
            parse_timedelta("5", default=False)
        with pytest.raises(TypeError):
            parse_timedelta("5", default=None)
        with pytest.raises(KeyError, match="Invalid time unit: foo. Valid units are"):
            parse_timedelta("5 foo")
        with pytest.raises(ValueError):
            parse_timedelta("")

    @pytest.mark.parametrize(
        ("seconds", "text"),
        [
            (0, "0.00 us"),
            (1e-6, "1.00 us"),
            (0.0012345, "1.23 ms"),
            (1, "1.00 s"),
            (600, "600.00 s"),
            (601, "10m 1s"),
            (7201, "2hr 0m"),
            (172800, "48hr 0m"),
            (1234567, "14d 6hr"),
        ],
    )
    def test_format_time(self, seconds, text):
        assert format_time(seconds) == text

    def test_format_elapsed(self):
        assert [format_elapsed(s) for s in (0, 1.24, 59.9, 65, 7260)] == ["0.0 s", "1.2 s", "59.9 s", "1m 5s", "2hr 1m"]
        assert format_elapsed(float("nan")) == format_elapsed(-1) == "0.0 s"

    def test_format_time_ago(self):
        now = datetime.datetime.now()
        assert format_time_ago(now - datetime.timedelta(hours=3, minutes=5)) == "3 hours ago"
        assert format_time_ago(now - datetime.timedelta(days=1)) == "1 day ago"
        assert format_time_ago(now) == "Just now"
        assert format_time_ago(datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=70)) == "2 months ago"


class TestNames:
    @pytest.mark.parametrize(
        ("key", "name"),
        [
            ("x", "x"),
            ("x-1", "x"),
            ("x-1-2-3", "x"),
            (("x-2", 1), "x"),
            ("('x-2', 1)", "x"),
            ("hello-world-1", "hello-world"),
            (b"hello-world-1", "hello-world"),
            ("ae05086432ca935f6eba409a8ecd4896", "data"),
            ("add-ae05086432ca935f6eba409a8ecd4896", "add"),
            ("from_pandas-ae05086432ca935f6eba409a8ecd4896", "from_pandas"),
            ("<module.submodule.myclass object at 0xdaf372", "myclass"),
            ("x-abcdefab", "x"),
            ("x-abcdefa", "x-abcdefa"),
            ("dusk-add-0123456789abcdef", "dusk-add"),
            (None, "Other"),
            (1, "Other"),
            ("", "Other"),
            ("-1", "Other"),
            ((), "Other"),
        ],
    )
    def test_key_split(self, key, name):
        assert key_split(key) == name

    def test_funcname(self):
        assert funcname(lambda x: x) == "lambda"
        assert funcname(functools.partial(functools.partial(sum, [1]))) == "sum"
        assert funcname(functools.lru_cache(len)) == "len"
        assert funcname(Callable.method) == funcname(Callable().method) == "method"
        assert funcname(M.foo) == funcname(methodcaller("foo")) == "foo"
        assert funcname(np.add) == "add" and funcname(pd.DataFrame.sum) == "sum"
        assert funcname(np.vectorize(abs)) == "vectorize_abs"
        assert funcname(operator.itemgetter(1)) == "operator.itemgetter(1)"
        assert funcname(type("L" * 80, (), {})) == "L" * 50
        assert funcname(functools.singledispatch(abs)) == "abs"

    def test_funcname_has_no_addresses(self):
        assert funcname(Callable()) == "Callable"

    def test_typename(self):
        assert typename(Callable).endswith("test_utils_public.Callable")
        assert typename(Callable()) == typename(Callable)
        assert typename(int) == typename(5) == "int"
        assert typename(Path, short=True) == "pathlib.Path"
        assert typename(utils.Dispatch, short=True) == "dusk.Dispatch"

    def test_natural_sort_key(self):
        names = ["part.10", "part.9", "part.1a2", "part.1a11"]
        assert sorted(names, key=natural_sort_key) == ["part.1a2", "part.1a11", "part.9", "part.10"]


class TestCalls:
    def test_methodcaller(self):
        upper = methodcaller("upper")
        assert upper("a") == "A" and M.replace("ab", "a", "c") == "cb"
        assert upper is methodcaller("upper") is M.upper is pickle.loads(pickle.dumps(upper))
        assert (upper.method, upper.func) == ("upper", "upper")
        assert "upper" in str(upper) and "upper" in dir(M)
        assert methodcaller("get")({"obj": 1}, "obj") == 1
        with pytest.raises(AttributeError):
            M.__array__  # noqa: B018  looking at it is the test

    def test_itemgetter(self):
        second = itemgetter(1)
        assert second("abc") == "b" and second == itemgetter(1) != itemgetter(2)
        assert pickle.loads(pickle.dumps(second)) == second and len({second, itemgetter(1)}) == 1
        assert second != 1

    def test_has_keyword(self):
        assert has_keyword(lambda x, y=1: 0, "y") and has_keyword(functools.partial(lambda x, y: 0, x=1), "y")
        assert not has_keyword(lambda **kwargs: 0, "y")
        assert not has_keyword(3, "y") and not has_keyword(min, "nothing")

    def test_arguments(self):
        assert utils.get_named_args(lambda a, b=1, *c, d=2, **e: 0) == ["a", "b", "d"]
        assert utils.getargspec(functools.partial(Callable.method)).args == ["self"]
        assert utils.getargspec(threading.Thread).args[:2] == ["self", "group"]

        @functools.wraps(Callable.method)
        def wrapped(*args):
            pass

        assert utils.getargspec(wrapped).args == ["self"]

    @pytest.mark.parametrize(
        ("function", "many"),
        [
            (lambda a: 0, False),
            (lambda a, b: 0, True),
            (lambda a, b=1: 0, False),
            (lambda *a: 0, True),
            (map, True),
            (sum, False),
            (str, False),
            (isinstance, True),
        ],
    )
    def test_takes_multiple_arguments(self, function, many):
        assert takes_multiple_arguments(function) is many

    def test_takes_multiple_arguments_varargs(self):
        assert not takes_multiple_arguments(lambda *a: 0, varargs=False)

    def test_small_ones(self):
        assert utils.apply(dict, (), {"a": 1}) == {"a": 1} and utils.apply(sum, ([1, 2],)) == 3
        assert utils.partial_by_order(5, function=operator.sub, other=[(1, 20)]) == -15
        assert IndexCallable(lambda x: x)[1:2, ...] == (slice(1, 2), ...)
        with pytest.raises(RuntimeError, match="get it"):
            utils.import_required("no_such_module_anywhere", "get it")
        assert utils.import_required("json", "") is json

    def test_cached_property(self):
        class Thing:
            calls = 0

            @utils.cached_property
            def x(self):
                self.calls += 1
                return object()

        thing = Thing()
        assert thing.x is thing.x and thing.calls == 1
        with pytest.raises(AttributeError, match="x"):
            thing.x = 1
        assert isinstance(Thing.x, utils.cached_property)

    def test_disable_gc(self):
        import gc

        assert gc.isenabled()
        with utils.disable_gc(collect=True):
            assert not gc.isenabled()
        assert gc.isenabled()


class TestSequences:
    def test_nested(self):
        assert utils.deepmap(operator.add, [[1], [2, 3]], [[10], [20, 30]]) == [[11], [22, 33]]
        assert utils.ndeepmap(2, str, [[1], [2]]) == [["1"], ["2"]]
        assert utils.ndeepmap(0, str, [1]) == "1"
        assert utils.homogeneous_deepmap(str, [[1], [2]]) == [["1"], ["2"]]
        assert [utils.ndimlist(x) for x in (1, [], [1], [[1]])] == [0, 1, 1, 2]
        assert utils.concrete(iter([1, iter([2, (3,)])])) == [1, [2, [3]]]

    def test_flat(self):
        assert utils.insert((1, 2, 3), 1, ("a",)) == (1, ("a",), 3)
        assert utils.unzip([(1, "a"), (2, "b")], 2) == [(1, 2), ("a", "b")]
        assert utils.unzip([], 3) == [(), (), ()]
        assert utils.cached_cumsum((1, 2, 3)) == (1, 3, 6)
        assert utils.cached_cumsum((1, 2, 3), initial_zero=True) == (0, 1, 3, 6)
        assert utils.cached_max((1, 3, 2)) == 3 and utils.digit(1234, 1, 10) == 3

    def test_iter_chunks(self):
        assert list(utils.iter_chunks([10, 20, 30, 40], 50)) == [[10, 20], [30], [40]]
        assert list(utils.iter_chunks([], 50)) == []
        with pytest.raises(ValueError):
            list(utils.iter_chunks([60], 50))

    def test_conversions(self):
        d, s = {}, set()
        assert utils.ensure_dict(d) is d and utils.ensure_dict(d, copy=True) is not d
        assert utils.ensure_set(s) is s and utils.ensure_set(s, copy=True) is not s
        assert type(utils.ensure_dict(type("D", (dict,), {})())) is dict and utils.ensure_set({1: 2}.keys()) == {1}
        assert (
            utils.ensure_bytes("a")
            == utils.ensure_bytes(bytearray(b"a"))
            == utils.ensure_bytes(memoryview(b"a"))
            == b"a"
        )
        assert [utils.ensure_unicode(x) for x in ("a", b"a", bytearray(b"a"), memoryview(b"a"))] == ["a"] * 4
        with pytest.raises(TypeError):
            utils.ensure_unicode(1)

    def test_table(self):
        table = utils.asciitable(["a", "bb"], [(1, 22), (333, 4)])
        assert (
            table.splitlines()[3:5] == ["| 1   | 22 |", "| 333 | 4  |"] and len(set(map(len, table.splitlines()))) == 1
        )


class TestKinds:
    def test_like(self):
        df, s, i, a = pd.DataFrame(), pd.Series(dtype="f8"), pd.Index([]), np.ones(1)
        values = df, s, i, a, [1], None, pd.DataFrame, pd.Series, pd.Index
        assert [utils.is_dataframe_like(x) for x in values] == [True, *[False] * 5, True, False, False]
        assert [utils.is_series_like(x) for x in values] == [False, True, *[False] * 5, True, False]
        assert [utils.is_index_like(x) for x in values] == [False, False, True, *[False] * 5, True]
        assert [utils.is_arraylike(x) for x in values[:6]] == [False, True, True, True, False, False]

    def test_integers(self):
        assert all(map(utils.is_integer, (5, np.int64(1), 5.0, True)))
        assert not any(map(utils.is_integer, (5.5, "5", None)))

    def test_empty(self):
        assert [utils.is_empty(x) for x in ([], [1], np.empty((0, 3)), np.array(1), None, {})] == [
            True,
            False,
            True,
            False,
            False,
            True,
        ]

    def test_cupy(self):
        assert not utils.is_cupy_type(np.ones(1))


class TestFiles:
    def test_tmpfile(self, tmp_path):
        for extension in ("csv", ".csv"):
            with tmpfile(extension, dir=str(tmp_path)) as name:
                assert name.endswith(".csv") and not name.endswith("..csv") and not os.path.exists(name)
                Path(name).write_text("x")
            assert not os.path.exists(name)
        with tmpfile() as name:
            os.makedirs(os.path.join(name, "deep"))
        assert not os.path.exists(name)

    def test_tmpdir(self, tmp_path):
        with config.set({"temporary-directory": str(tmp_path)}), tmpdir() as name:
            assert Path(name).parent == tmp_path
            Path(name, "a").write_text("x")
        assert not os.path.exists(name)

    def test_texts(self):
        with utils.filetext("abc", ".txt") as name:
            assert Path(name).read_text() == "abc" and name.endswith(".txt")
        before = os.getcwd()
        with utils.filetexts({"a.txt": "1", os.path.join("deep", "b.txt"): "2"}) as names:
            assert [Path(each).read_text() for each in names] == ["1", "2"] and os.getcwd() != before
        assert os.getcwd() == before
        with utils.filetexts({"a.bin": b"1"}, mode="b") as names:
            assert Path(names[0]).read_bytes() == b"1"

    def test_folders(self, tmp_path):
        before = os.getcwd()
        with pytest.raises(ZeroDivisionError), utils.changed_cwd(str(tmp_path)):
            assert Path.cwd() == tmp_path.resolve()
            _ = 1 / 0
        assert os.getcwd() == before
        (tmp_path / "a").write_text("x")
        utils.ensure_not_exists(str(tmp_path / "a"))
        utils.ensure_not_exists(str(tmp_path / "a"))
        assert not (tmp_path / "a").exists()


class TestRandomAndVersions:
    def test_states(self):
        states = utils.random_state_data(3, 42)
        assert [state.shape for state in states] == [(624,)] * 3 and states[0].dtype == np.uint32
        again = utils.random_state_data(3, np.random.RandomState(42))
        assert all((a == b).all() for a, b in zip(states, again, strict=True))
        assert not (states[0] == states[1]).all()

    def test_pseudorandom(self):
        """As Dask 2026.8 draws them."""
        assert utils.pseudorandom(5, [0.5, 0.5], 123).tolist() == [1, 0, 0, 1, 1]
        counts = np.bincount(utils.pseudorandom(10_000, [0.1, 0.9], 1)) / 10_000
        assert abs(counts[0] - 0.1) < 0.02
        with pytest.raises(ValueError, match="1"):
            utils.pseudorandom(5, [0.5, 0.6])

    def test_show_versions(self, capsys):
        utils.show_versions()
        shown = json.loads(capsys.readouterr().out)
        assert shown["numpy"] == np.__version__ and set(shown) >= {"Python", "dusk", "pandas", "pyarrow"}


@pytest.mark.parametrize(
    "name",
    [
        "_calls",
        "_derive",
        "_names",
        "_sequences",
        "_units",
        "base",
        "config",
        "tokenize",
        "utils",
        "diagnostics.progress",
    ],
)
def test_examples_in_docstrings(name):
    module = importlib.import_module(f"dusk.{name}")
    result = doctest.testmod(module)
    assert result.attempted and not result.failed


def test_all_names_exist():
    missing = [name for name in utils.__all__ if not hasattr(utils, name)]
    assert not missing and len(set(utils.__all__)) == len(utils.__all__)


def test_operators_bound_to_a_class():
    class Text(utils.OperatorMethodMixin):
        @classmethod
        def _get_unary_operator(cls, op):
            return lambda self: op.__name__

        @classmethod
        def _get_binary_operator(cls, op, inv=False):
            return lambda self, other: (op.__name__, inv, other)

    for op in (operator.add, operator.and_, operator.inv, operator.eq, operator.getitem):
        Text._bind_operator(op)
    assert (Text() + 1, 1 + Text(), Text() & 2, ~Text()) == (
        ("add", False, 1),
        ("add", True, 1),
        ("and_", False, 2),
        "inv",
    )
    assert (Text() == 3, Text()[4]) == (("eq", False, 3), ("getitem", False, 4))
    assert not hasattr(Text, "__req__") and not hasattr(Text, "__rgetitem__")


def test_lines_and_keywords():
    out = io.StringIO()
    utils.put_lines(out, ["a", 1, None])
    assert out.getvalue() == "a\n1\nNone"
    assert utils.partial_by_order([2, 1], function=sorted, other=[], reverse=True) == [2, 1]


def test_exceptions_travel_with_their_traceback():
    from dusk.multiprocessing import pack_exception

    try:
        raise ValueError("x")
    except ValueError as error:
        exception, text = pickle.loads(pack_exception(error, pickle.dumps))
    assert (type(exception), str(exception)) == (ValueError, "x") and "raise ValueError" in text
    local = type("Local", (Exception,), {})
    exception, _ = pickle.loads(pack_exception(local(), pickle.dumps))
    assert isinstance(exception, (pickle.PicklingError, AttributeError))


def test_importing_loads_no_array_library():
    code = "import sys; import dusk.utils, dusk.base; print(sorted({'numpy', 'pandas', 'pyarrow'} & set(sys.modules)))"
    path = os.pathsep.join(filter(None, [str(Path(utils.__file__).parent.parent), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stderr
