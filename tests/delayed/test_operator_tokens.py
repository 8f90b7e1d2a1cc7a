"""Keys of operators, items, attributes and pure calls: equal for equal content, in every process; others for others."""

from __future__ import annotations

import operator
import os
import subprocess
import sys

import pytest

from dusk import delayed
from dusk.delayed import Delayed

X, Y = delayed(3, name="x"), delayed(4, name="y")
EXPRESSIONS = """
    x + y, y + x, x - y, x + 1, 1 + x, x + 1.0, x + True, x + 10**40, x + -1, x + 0.0, x + -0.0, x + None, x + "1",
    x + b"1", x + 1j, x + (1, 2), x + [1, 2], x + (1, (2,)), x + ((1, 2),), x + [y, 1], x + (y, 1), x + "\\ud800",
    x + range(3), x[1:2], x[1:2:3], x[:], x[..., 1], x["a"], x[1], x[None], x < y, x <= y, -x, ~x, abs(x), divmod(x, y),
    x.real, x.imag, x.foo(1, pure=True), x.bar(1, pure=True), x.foo(a=1, pure=True), x.foo(b=1, pure=True),
    x.foo("a", 1, pure=True)
"""


def keys_of(expressions, x=X, y=Y):
    return [each.key for each in eval(f"[{expressions}]", {"x": x, "y": y})]  # noqa: S307


def test_different_expressions_have_different_keys():
    keys = keys_of(EXPRESSIONS)
    assert len(set(keys)) == len(keys)


def test_equal_expressions_have_equal_keys():
    assert keys_of(EXPRESSIONS) == keys_of(EXPRESSIONS, delayed(3, name="x"), delayed(4, name="y"))


@pytest.mark.parametrize("seed", ["1", "2"])
def test_keys_are_the_same_in_other_processes(seed):
    program = "from dusk import delayed\nx, y = delayed(3, name='x'), delayed(4, name='y')\n"
    program += f"print(*[each.key for each in [{EXPRESSIONS.strip()}]])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": seed},
    )
    assert done.stdout.split() == keys_of(EXPRESSIONS)


@pytest.mark.parametrize(
    ("made", "value"),
    [
        (lambda: X + Y, 7),
        (lambda: 2**X, 8),
        (lambda: divmod(Y, X), (1, 1)),
        (lambda: 9 // Y, 2),
        (lambda: delayed([1, 2, 3])[X - 2 :], [2, 3]),
        (lambda: delayed([1, 2, 3])[slice(X - 2, None)], [2, 3]),
        (lambda: delayed({"a": [5]})["a"][0].real, 5),
        (lambda: X.bit_length() + X.denominator, 3),
        (lambda: delayed("a-b").split("-", maxsplit=X), ["a", "b"]),
        (lambda: delayed(operator.add)(X, Y, pure=True), 7),
        (lambda: delayed(max, pure=True)([X, Y], (Y,), key=len), [3, 4]),
        (lambda: delayed(operator.add)(1, Y), 5),
        (lambda: delayed(operator.add, pure=False)(X, Y, dask_key_name="total"), 7),
    ],
)
def test_values(made, value):
    one = made()
    assert isinstance(one, Delayed)
    assert one.compute(scheduler="sync") == value


def test_names_begin_with_the_operation():
    made = [X + Y, 1 - X, X[0], X.real, X.foo(pure=True), delayed(max, pure=True)(X, 1)]
    assert [each.key.split("-")[0] for each in made] == ["add", "sub", "getitem", "getattr", "foo", "max"]


def test_a_function_that_changes_has_other_keys():
    seen = []

    def read(x):
        return len(seen) + x

    call = delayed(read, pure=True)
    before = call(1)
    assert before.key == call(1).key
    seen.append(1)
    assert before.key != call(1).key


def test_a_method_of_an_object_that_changes_has_other_keys():
    numbers = [1, 2]
    call = delayed(numbers.index, pure=True)
    before = call(2)
    assert before.key == call(2).key
    numbers.insert(0, 0)
    after = call(2)
    assert before.key != after.key
    assert after.compute(scheduler="sync") == 2
