"""Dask's public names exist in dusk and can be called as Dask's; what is missing stands in a list that only shrinks."""

from __future__ import annotations

import pytest

from tests import surface


@pytest.fixture(scope="module")
def now():
    return set(surface.differences())


def test_nothing_is_missing_that_is_not_listed(now):
    listed = surface.read_missing()
    lost = sorted(name for name in now if not surface.is_covered(name, listed))
    assert not lost, "Dask has these, and dusk had them too:\n" + "\n".join(lost)


def test_nothing_is_listed_that_exists(now):
    found = sorted(surface.read_missing() - now)
    assert not found, "these exist: remove them from the list by `python -m tests.surface shrink`\n" + "\n".join(found)


def test_the_list_holds_names_of_dask_only():
    api = surface.dask_api()
    known = {f"{place}:{name}" for place, names in api["modules"].items() for name in names}
    known |= {f"{place}:{name}" for place, record in api["classes"].items() for name in ["", *record["members"]]}
    assert not {name.removesuffix("()") for name in surface.read_missing()} - known


def test_list_round_trips(tmp_path):
    names = {f"dask.array:{'name'}{i}" for i in range(100)} | {"dask.bag:Bag()", "dask.bag.core.Bag:()"}
    surface.write_missing(names, tmp_path / "list.txt")
    assert surface.read_missing(tmp_path / "list.txt") == names


PLAIN = [["x", "pos", False], ["how", "pos", True], ["axis", "kw", True]]


@pytest.mark.parametrize(
    "function",
    [
        lambda x, how=None, *, axis=0: None,
        lambda x, how=None, axis=0: None,
        lambda x, how=None, more=1, **kwargs: None,
        lambda *args, **kwargs: None,
        lambda y, how=None, *, axis=0, other=1: None,
    ],
)
def test_compatible_signature(function):
    assert surface.accepts(function, PLAIN)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, how=None: None,
        lambda x, axis=0, how=None: None,
        lambda x, how, *, axis=0: None,
        lambda x, how=None, *, axis: None,
        lambda x, how=None, *, axis=0, needed: None,
        lambda x, *, how=None, axis=0: None,
    ],
)
def test_incompatible_signature(function):
    assert not surface.accepts(function, PLAIN)


def test_signature_kinds():
    assert surface.accepts(lambda *args: None, [["args", "args", False]])
    assert not surface.accepts(lambda args: None, [["args", "args", False]])
    assert surface.accepts(property(lambda self: 1), None)
    assert surface.accepts(3, None)
    assert not surface.accepts(3, PLAIN)
