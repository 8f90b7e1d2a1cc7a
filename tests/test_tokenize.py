"""Tokens: equal for equal things, in every process, and different for different things."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import functools
import operator
import os
import pathlib
import pickle
import re
import subprocess
import sys
import textwrap
import threading
import types
import uuid

import numpy as np
import pandas as pd
import pytest

from dusk import config
from dusk.tokenize import TokenizationError, _tokenize_deterministic, normalize_token, tokenize

MODULE = sys.modules["dusk.tokenize"]  # `dusk.tokenize` is the function


class Color(enum.Enum):
    RED = 1
    GREEN = 2


class Number(enum.IntEnum):
    ONE = 1


@dataclasses.dataclass
class Point:
    x: object
    y: object = 0


Pair = collections.namedtuple("Pair", "a b")


class Plain:
    def __init__(self, value):
        self.value = value


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a):
        self.a = a


class Named:
    def __init__(self, name):
        self.name = name

    def __dask_tokenize__(self):
        return ("Named", self.name)


class Unstable:
    def __reduce__(self):
        return Plain, (uuid.uuid4().hex,)


def function(x, y=1):
    return x + y


def other_function(x, y=1):
    return x - y


def check(x):
    """Return the token of something, which has to be the same when asked again and after a round trip."""
    token = tokenize(x, ensure_deterministic=True)
    assert re.fullmatch("[0-9a-f]{32}", token)
    assert tokenize(x, ensure_deterministic=True) == token
    try:
        copied = pickle.loads(pickle.dumps(x))
    except (TypeError, AttributeError, pickle.PicklingError):
        return token
    assert tokenize(copied, ensure_deterministic=True) == token, x
    return token


def all_different(*values):
    tokens = [check(value) for value in values]
    assert len(set(tokens)) == len(tokens), [value for value in values if tokens.count(check(value)) > 1]


class TestDasksTokens:
    """What Dask 2026.8 gives for builtins and containers."""

    pinned = {
        "c0a8a20f903a4915b94db8de3ea63195": 1,
        "7d1ac3ada9b22d4206378375c3b7fea4": True,
        "8c9f081a88f539969f3dff99d6e05e36": None,
        "66abf62580e5c5bc6acd8f96e2e76cd2": 1.5,
        "b83b3c28a73d5e3acea930ed60d173e1": 1j,
        "98a9da8cfc27e532f75a61a59125b1de": "abc",
        "0522b356feb986479d85c20fbfd173c9": b"abc",
        "1350fcf194893389cffbbecdbe2b6d63": (1, 2),
        "1026cc56654eda6f67e573f1e2963a34": [1, 2],
        "f3c913ac22c6ea3c44e7182c85e424aa": [{"a": [1]}],
        "60aecb2c6867b9e6840791bfe52836ef": datetime.datetime(2020, 1, 1),
        "5b8cc2463e861e477bbd36bd9a024aa3": decimal.Decimal("1.5"),
        "41049756a6fc51665890501fa5c95931": slice(1, 2, 3),
    }

    def test_the_pinned_one(self):
        assert tokenize({"x": 1, 1: "x"}) == "ba2498a4c5583cc3ec540865185cdafd"

    @pytest.mark.parametrize("token", pinned)
    def test_values(self, token):
        assert tokenize(self.pinned[token]) == token

    def test_several_arguments_and_keywords(self):
        assert tokenize() == "bcd8b0c2eb1fce714eab6cef0d771acc"
        assert tokenize(1, 2) == "85985a7bd912508f89c96f0ff61e15a6"
        assert tokenize(1, a=2) == "ba9046fb7c73508429ae9e16cc2aace0"
        assert tokenize(a=2) == "0ac5f65b6f658dce7f4199e2b128e746"

    def test_set(self):
        assert tokenize({3, 1, "a"}) == "6e284a988f35bea0a08f77529c77a882"

    def test_contiguous_array(self):
        assert tokenize(np.arange(3)) == "2e1a5cacbea02b708d596c8e8bf1c1c9"

    def test_cycle(self):
        a: list = []
        a.append(a)
        assert normalize_token(a) == ("list", (("list", ("__seen", 0)),))

    def test_against_dask_itself(self):
        dask_tokenize = pytest.importorskip("dask.tokenize").tokenize
        loop: dict = {"k": {}}
        loop["k"]["z"] = [loop]
        values = [
            *self.pinned.values(),
            [[], (), {}, set()],
            {"b": (1, [2, {3, 4}]), "a": {None: "x", (1, 2): Ellipsis}},
            [True, 0, -0.0, float("inf"), "é\ud800", b"\x00"],
            collections.defaultdict(list, a=[1]),
            types.MappingProxyType({"a": 1}),
            Pair(1, [2]),
            Named("n"),
            pathlib.PurePosixPath("/a/b"),
            loop,
            np.ones((2, 3)),
            np.array(["a", "bc"]),
            np.array("2020-01-01", dtype="M8[ns]")[None],
            np.dtype("f4"),
        ]
        for value in values:
            assert tokenize(value) == dask_tokenize(value), value
        assert tokenize(*values[:5], k=1, b=[2]) == dask_tokenize(*values[:5], b=[2], k=1)


class TestContainers:
    def test_order_of_dictionaries_and_sets_does_not_count(self):
        assert check({"a": 1, "b": 2}) == check({"b": 2, "a": 1})
        assert check({"a", "b", "c"}) == check({"c", "b", "a"})
        assert check(frozenset("abc")) == check(frozenset("cba"))

    def test_keys_with_the_same_text(self):
        assert check({1: "a", "1": "b"}) == check({"1": "b", 1: "a"})
        assert check({1, "1"}) == check({"1", 1})
        assert check({1: "a", "1": "b"}) != check({1: "b", "1": "a"})

    def test_order_of_sequences_counts(self):
        all_different([1, 2], [2, 1], (1, 2), {1, 2}, frozenset({1, 2}), [[1, 2]], [1, [2]])

    def test_order_of_ordered_dictionaries_counts(self):
        ordered = collections.OrderedDict
        all_different(ordered(a=1, b=2), ordered(b=2, a=1), {"a": 1, "b": 2})

    def test_nearly_the_same(self):
        all_different(1, 1.0, "1", b"1", True, None, "None", [1], [None], {}, [], (), set())

    def test_keywords_are_not_arguments(self):
        assert len({tokenize(1, a=1), tokenize(1, ("a", 1)), tokenize(1, {"a": 1}), tokenize(1, "a", 1)}) == 4
        assert tokenize(a=1, b=2) == tokenize(b=2, a=1)

    def test_named_tuples_and_subclasses(self):
        class MyList(list):
            pass

        assert check(Pair(1, 2)) != check((1, 2))
        assert tokenize(MyList([1])) != tokenize([1])

    def test_cycles(self):
        a: list = [1]
        a.append({"q": a})
        b: list = [1]
        b.append({"q": b})
        assert tokenize(a) == tokenize(b)
        c: list = [2]
        c.append({"q": c})
        assert tokenize(c) != tokenize(a)

    def test_shared_parts_are_no_cycles(self):
        inner = [1]
        assert check([inner, inner]) == check([[1], [1]])

    def test_cycle_through_an_object(self):
        o = Plain(None)
        o.value = [o]
        p = Plain(None)
        p.value = [p]
        assert tokenize(o) == tokenize(p)

    def test_deque_and_mapping_proxy(self):
        all_different(collections.deque([1]), collections.deque([1], maxlen=3), collections.deque([2]))
        assert tokenize(types.MappingProxyType({"a": 1})) == tokenize({"a": 1})


class TestBuiltins:
    def test_times(self):
        day = datetime.datetime(2020, 1, 1)
        all_different(
            day,
            day.date(),
            day.time(),
            datetime.timedelta(1),
            day.replace(tzinfo=datetime.UTC),
            day.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
            day.replace(microsecond=1),
        )

    def test_time_zone_without_a_repr(self):
        class Zone(datetime.tzinfo):
            def utcoffset(self, when):
                return datetime.timedelta(0)

        one, two = (datetime.datetime(2020, 1, 1, tzinfo=Zone()) for _ in range(2))
        assert tokenize(one) == tokenize(two)

    def test_paths(self):
        all_different(pathlib.PurePosixPath("/a"), pathlib.PurePosixPath("/b"), pathlib.PureWindowsPath("/a"), "/a")

    def test_buffers(self):
        all_different(b"a", bytearray(b"a"), bytearray(b"b"))
        assert tokenize(memoryview(b"ab")[::-1]) == tokenize(memoryview(b"ba"))

    def test_long_bytes_are_hashed(self):
        long = b"x" * 200_000
        assert len(str(normalize_token(long))) < 100
        all_different(long, long + b"y")

    def test_bytes_that_look_like_an_address(self):
        all_different(b"<object at 0x7f>", "<object at 0x7f>")

    def test_numbers(self):
        all_different(0, -0.0, 0.0, 1, decimal.Decimal(1), decimal.Decimal("1.0"), 10**50, complex(1, 0))

    def test_slices_and_ranges(self):
        all_different(slice(1), slice(1, None), slice(None, 1, 1), range(1), range(2), slice([1], None))
        assert tokenize(slice(np.arange(3), None)) != tokenize(slice(np.arange(4), None))

    def test_enums(self):
        all_different(Color.RED, Color.GREEN, 1, Color, Number, Number.ONE)

    def test_others(self):
        all_different(uuid.UUID(int=1), uuid.UUID(int=2), re.compile("a"), re.compile("a", re.I), NotImplemented, ...)
        all_different(ValueError("x"), ValueError("y"), TypeError("x"))


class TestFunctions:
    def test_importable_ones_are_their_names(self):
        all_different(function, other_function, len, sum, operator.add, operator.sub, str.upper, str.lower, pd.concat)
        assert normalize_token(function)[0] == "function" and "function" in normalize_token(function)

    def test_bound_methods(self):
        all_different("a".upper, "b".upper, "a".lower, Plain(1).__init__, Plain(2).__init__)

    def test_partials(self):
        all_different(
            functools.partial(function, 1),
            functools.partial(function, 2),
            functools.partial(function, y=1),
            functools.partial(other_function, 1),
        )

    def test_callers_and_getters(self):
        all_different(
            operator.itemgetter(1), operator.itemgetter(2), operator.attrgetter("a"), operator.methodcaller("a")
        )

    def test_lambdas(self):
        tokens = {tokenize(f, ensure_deterministic=True) for f in (lambda x: x, lambda x: x + 1, lambda x: x + 2)}
        assert len(tokens) == 3

    def test_a_function_made_twice(self):
        def make(n):
            def inner(x, k=3):
                return [x + n + i for i in range(k)]

            return inner

        assert check(make(1)) == check(make(1))
        assert check(make(1)) != check(make(2))

    def test_defaults_count(self):
        made = [eval(f"lambda x, k={k}, *, q={q}: x + k + q") for k, q in ((1, 1), (1, 2), (2, 1))]
        assert len({tokenize(f, ensure_deterministic=True) for f in made}) == 3

    def test_globals_that_are_read_count(self):
        spaces = [{"n": 1, "unused": 1}, {"n": 2, "unused": 1}, {"n": 1, "unused": 2}]
        for space in spaces:
            exec("def f(x):\n    return [n + i for i in x]", space)
        a, b, c = (tokenize(space["f"], ensure_deterministic=True) for space in spaces)
        assert a == c != b

    def test_recursion(self):
        def make(k):
            def fac(n):
                return n * fac(n - 1) if n > k else 1

            return fac

        assert check(make(1)) == check(make(1))
        assert check(make(1)) != check(make(2))

    def test_functions_that_call_each_other(self):
        space: dict = {}
        exec("def even(n):\n    return n == 0 or odd(n - 1)\ndef odd(n):\n    return n and even(n - 1)", space)
        assert tokenize(space["even"], ensure_deterministic=True) != tokenize(space["odd"], ensure_deterministic=True)

    def test_unused_cell(self):
        def make():
            def inner():
                return later

            yield inner
            later = 1
            yield inner

        makers = make(), make()
        first = [tokenize(next(maker), ensure_deterministic=True) for maker in makers]
        assert first[0] == first[1] != tokenize(next(makers[0]), ensure_deterministic=True)

    def test_sets_in_code(self):
        one, two = (eval(f"lambda x: x in {{{names}}}") for names in ("'a', 'b', 'c'", "'c', 'a', 'b'"))
        assert check(one) == check(two)

    def test_a_lock_in_a_closure(self):
        lock = threading.Lock()

        def guarded():
            with lock:
                return 1

        with pytest.raises(TokenizationError):
            tokenize(guarded, ensure_deterministic=True)

    def test_cached(self):
        cached = functools.lru_cache(lambda x: x)
        with pytest.raises(TokenizationError):
            tokenize(cached, ensure_deterministic=True)

    def test_modules(self):
        all_different(os, sys)

    def test_local_classes(self):
        def make(n, base=object):
            class Local(base):
                size = n

                def method(self):
                    return self.size

                @property
                def double(self):
                    return 2 * self.size

                @staticmethod
                def static():
                    return Local

            return Local

        assert check(make(1)) == check(make(1))
        assert check(make(1)()) == check(make(1)())
        all_different(make(1), make(2), make(1, Plain), make(1)())

    def test_local_dataclasses_and_enums(self):
        def make(default):
            @dataclasses.dataclass(frozen=True)
            class Local:
                a: int
                b: list = dataclasses.field(default_factory=list)
                c: int = default

            class Kind(enum.Enum):
                A = default

            return Local(1), Kind.A

        assert check(make(1)[0]) == check(make(1)[0]) != check(make(2)[0])
        assert check(make(1)[1]) == check(make(1)[1]) != check(make(2)[1])


class TestObjects:
    def test_state_counts(self):
        all_different(Plain(1), Plain(2), Plain([1]), Slotted(1), Slotted(2))

    def test_the_order_of_a_set_in_the_state_does_not_count(self):
        assert check(Plain({"a", "b"})) == check(Plain({"b", "a"}))

    def test_shared_strings_do_not_count(self):
        text = "".join(["long ", "text"])
        assert check(Plain([text, text])) == check(Plain(["long text", "".join(["long te", "xt"])]))

    def test_dataclasses(self):
        all_different(Point(1), Point(2), Point(1, 1), Point([1]), Point)

    def test_dask_tokenize(self):
        assert check(Named("a")) == check(Named("a")) != check(Named("b"))
        assert normalize_token(Named("a")) == ("Named", "a")

    def test_dask_tokenize_that_gives_objects(self):
        class Holder:
            def __init__(self, value):
                self.value = value

            def __dask_tokenize__(self):
                return [Holder, self.value]

        big = np.arange(100_000)
        changed = big.copy()
        changed[50_000] = -1  # what str leaves out
        assert tokenize(Holder(big)) == tokenize(Holder(big.copy())) != tokenize(Holder(changed))

    def test_dask_tokenize_that_asks_for_tokens(self):
        class Outer:
            def __dask_tokenize__(self):
                return tokenize(self.inner, 5)

        a, b = Outer(), Outer()
        a.inner, b.inner = [1], [2]
        assert tokenize(a) != tokenize(b)

    def test_object(self):
        one, two = object(), object()
        assert tokenize(one) == tokenize(one) != tokenize(two)
        with pytest.raises(TokenizationError, match="deterministic"):
            tokenize(one, ensure_deterministic=True)

    def test_an_id_that_is_used_again(self):
        tokens = {tokenize(object()) for _ in range(50)}
        assert len(tokens) == 50

    def test_what_cannot_be_pickled(self):
        lock = threading.Lock()
        assert tokenize(lock) != tokenize(lock)
        with pytest.raises(TokenizationError, match="lock"):
            tokenize([lock], ensure_deterministic=True)

    def test_what_is_pickled_differently_each_time(self):
        with pytest.raises(TokenizationError, match="Unstable"):
            tokenize(Unstable(), ensure_deterministic=True)

    def test_setting(self):
        with config.set({"tokenize.ensure-deterministic": True}):
            with pytest.raises(TokenizationError):
                tokenize(object())
            with pytest.raises(TokenizationError):
                normalize_token(object())
            tokenize(object(), ensure_deterministic=False)
        tokenize(object())
        with pytest.raises(TokenizationError):
            _tokenize_deterministic(object())

    def test_nested_calls_take_over_the_wish(self):
        class Asks:
            def __dask_tokenize__(self):
                return tokenize(object())

        tokenize(Asks())
        with pytest.raises(TokenizationError):
            tokenize(Asks(), ensure_deterministic=True)

    def test_the_error_is_a_runtime_error(self):
        assert issubclass(TokenizationError, RuntimeError)

    def test_state_is_clean_after_an_error(self):
        class Fails:
            def __dask_tokenize__(self):
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            tokenize([Fails()])
        assert MODULE._RUN.get(None) is None
        assert tokenize([1, 2]) == "1026cc56654eda6f67e573f1e2963a34"

    def test_register(self):
        class Mine:
            pass

        @normalize_token.register(Mine)
        def _(x):
            return "mine"

        assert normalize_token(Mine()) == "mine"
        assert tokenize(Mine()) == tokenize("mine")

    def test_many_threads(self):
        value = {"a": [1, {"b": [2] * 50}] * 20}
        expected = tokenize(value)
        found: list[str] = []

        def work():
            found.extend(tokenize(value) for _ in range(50))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(found) == {expected}


PROGRAM = """
import collections, dataclasses, enum, functools, pathlib
import numpy as np, pandas as pd, pyarrow as pa
from dusk.tokenize import tokenize

class Color(enum.Enum):
    RED = {"a", "b", "c"}.__len__()

@dataclasses.dataclass
class Point:
    x: int
    names: frozenset = frozenset({"p", "q", "r"})

class Thing:
    kinds = {"one", "two", "three"}
    def __init__(self): self.state = {"s", "t", "u"}
    def check(self, x): return x in {"k", "l", "m"} and self.kinds and helper(x)

def helper(x, *, options=frozenset({"o", "p", "q"})):
    return [LIMIT + i for i in x]

LIMIT = 3
values = [
    helper, Thing, Thing(), Thing().check, Point(1), Point, Color.RED, Color, lambda x: helper(x) in {"a", "b"},
    functools.partial(helper, 1, k={"v", "w"}), {"a", "b", "c"}, frozenset({"a", "b"}), {"k": {"x", "y"}},
    pathlib.PurePosixPath("/a"), collections.OrderedDict(b=1), np.arange(5), np.array(["a", 1, None], dtype=object),
    pd.DataFrame({"a": [1.5, None], "b": ["x", "y"], "c": pd.Categorical(["u", "v"])}),
    pd.date_range("2020", periods=2), pd.MultiIndex.from_product([[1, 2], ["a", "b"]]),
    pd.array([1, None], dtype="Int64"), pa.table({"a": [[1], None]}),
    np.random.default_rng(1), len, pd.concat, np.add,
]
for value in values:
    print(tokenize(value, ensure_deterministic=True))
"""


def test_equal_in_other_processes():
    package = str(pathlib.Path(MODULE.__file__).parent.parent)
    outputs = set()
    for seed in ("1", "2", "77"):
        path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path}
        done = subprocess.run([sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        outputs.add(done.stdout)
    assert len(outputs) == 1
    lines = outputs.pop().split()
    assert len(lines) == len(set(lines)) == 26


def test_a_function_defined_again():
    program = textwrap.dedent(
        """
        from dusk.tokenize import tokenize
        cell = "def f(x):\\n    return x + %d\\nclass C:\\n    k = %d"
        tokens = []
        for run, k in enumerate((1, 1, 2)):
            exec(compile(cell % (k, k), f"<cell {run}>", "exec"))
            tokens.append((tokenize(f), tokenize(C), tokenize(C())))
        assert tokens[0] == tokens[1]
        assert not set(tokens[0]) & set(tokens[2])
        """
    )
    package = str(pathlib.Path(MODULE.__file__).parent.parent)
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    done = subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": path}, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
