"""Bags in worker processes, their default."""

import dataclasses
import enum
import os
import subprocess
import sys
import textwrap

import pytest

import dusk
import dusk.array as da
import dusk.bag as db
from dusk.bag.chunk import steady_hash


class Kind(enum.Enum):
    ONE = 1


@dataclasses.dataclass(frozen=True)
class Point:
    x: object
    y: object


def pid(_):
    return os.getpid()


def test_the_default():
    b = db.range(4, npartitions=2).map(pid)
    assert os.getpid() not in b.compute()
    assert set(b.compute(scheduler="threads")) == {os.getpid()}
    with dusk.config.set(scheduler="sync"):
        assert set(b.compute()) == {os.getpid()}
    assert os.getpid() not in b.persist().compute()
    assert set(dusk.delayed(list)(b).compute()) == {os.getpid()}  # a delayed value's own scheduler


def test_mixtures_need_a_word():
    b, x = db.range(4, npartitions=2), da.ones(3)
    with pytest.raises(ValueError, match="differing default schedulers"):
        dusk.compute(b, x)
    with pytest.raises(ValueError, match="differing default schedulers"):
        dusk.persist(b, x)
    numbers, ones = dusk.compute(b, x, scheduler="threads")
    assert numbers == [0, 1, 2, 3] and ones.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    "groups",
    [[None, "a", b"a"], [("a", None), ("b", None)], [Kind.ONE, "ONE"], [Point(1, None), Point("a", (None,))],
     [frozenset("ab"), frozenset("ba")], [1, 1.0, True, 2]],
)  # fmt: skip
def test_groups_meet_over_processes(groups):
    elements = [(group, i) for i in range(20) for group in groups]
    found = db.from_sequence(elements, npartitions=8).groupby(lambda x: x[0]).compute()
    expected = {}
    for group, i in elements:
        expected.setdefault(group, []).append((group, i))
    assert dict(found) == expected and len(found) == len(expected)


def test_equal_objects_have_equal_hashes():
    class Text(str):
        pass

    class Loud(str):
        def __eq__(self, other):
            return self.lower() == other.lower()

        def __hash__(self):
            return hash(self.lower())

    assert steady_hash(Text("a")) == steady_hash("a")
    assert steady_hash(Loud("A")) == steady_hash(Loud("a"))
    assert steady_hash(1) == steady_hash(1.0) == steady_hash(True)
    assert steady_hash((1, "a")) != steady_hash(("a", 1))


def test_only_its_part_goes_to_a_process(monkeypatch):
    from dusk import _processes

    sizes = []
    begin = _processes.Transport._send

    def measured(self, key, frames):
        sizes.append(sum(memoryview(frame).nbytes for frame in frames))
        return begin(self, key, frames)

    monkeypatch.setattr(_processes.Transport, "_send", measured)
    b = db.from_sequence([b"x" * 1000] * 400, npartitions=20).map(len)
    assert b.sum().compute() == 400_000
    assert max(sizes) < 60_000


def test_what_a_script_defines(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
        import dusk.bag as db
        class Box:
            def __init__(self, x):
                self.x = x
        b = db.range(4, npartitions=2).map(Box)
        print(sum(type(each) is Box and each.x for each in b.compute()))
        """)
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.split() == ["6"], done.stderr
