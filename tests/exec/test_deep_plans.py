"""Plans of any depth and width are built, run and let go without recursion."""

import dusk
from dusk import delayed


def add(*numbers):
    return sum(numbers)


def test_a_chain_of_calls():
    total = delayed(add)(0)
    for _ in range(20_000):
        total = delayed(add)(total, 1)
    assert total.compute() == 20_000
    del total


def test_a_tree_of_calls():
    level = [delayed(add)(i) for i in range(4_096)]
    while len(level) > 1:
        level = [delayed(add)(left, right) for left, right in zip(level[::2], level[1::2], strict=True)]
    assert level[0].compute() == sum(range(4_096))


def test_many_calls_at_once():
    assert dusk.compute(*(delayed(add)(i) for i in range(5_000))) == tuple(range(5_000))
