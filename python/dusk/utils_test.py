"""Small functions, and the tests of a scheduler, that test suites on top of collections import.

`GetFunctionTestMixin` holds a function ``get(graph, keys)`` against what schedulers promise. Helpers for Dask's graph
layers are not here: plans are no layers.
"""

from __future__ import annotations

import contextlib
import importlib
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

__all__ = ["GetFunctionTestMixin", "add", "dec", "import_or_none", "inc", "slowadd"]


def inc(x: Any) -> Any:
    """Return ``x + 1``."""
    return x + 1


def dec(x: Any) -> Any:
    """Return ``x - 1``."""
    return x - 1


def add(x: Any, y: Any) -> Any:
    """Return ``x + y``."""
    return x + y


def slowadd(a: Any, b: Any, delay: float = 0.1) -> Any:
    """Return ``a + b`` after some seconds."""
    time.sleep(delay)
    return a + b


def import_or_none(name: str) -> ModuleType | None:
    """Return a module, or None if it can't be imported."""
    try:
        return importlib.import_module(name)
    except (ImportError, AttributeError):
        return None


@contextlib.contextmanager
def _check_warning(condition: bool, category: type[Warning], message: str) -> Iterator[Any]:
    """Check for a warning if there must be one."""
    if not condition:
        yield None
        return
    import pytest

    with pytest.warns(category, match=message) as record:
        yield record


class GetFunctionTestMixin:
    """Tests for a function that computes graphs: inherit, and set ``get`` to it as a static method."""

    get: Callable[..., Any]

    def test_get(self) -> None:
        """Keys of any text, tasks that use others."""
        graph = {":x": 1, ":y": (inc, ":x"), ":z": (add, ":x", ":y")}
        assert [self.get(graph, key) for key in graph] == [1, 2, 3]

    def test_badkey(self) -> None:
        """A key that isn't there is a KeyError."""
        import pytest

        with pytest.raises(KeyError):
            self.get({"x": 1, "y": (inc, "x")}, "badkey")

    def test_nested_badkey(self) -> None:
        """It is one in nested lists as well."""
        import pytest

        with pytest.raises(KeyError):
            self.get({"x": 1, "y": 2, "z": (sum, ["x", "y"])}, [["badkey"], "y"])

    def test_data_not_in_dict_is_ok(self) -> None:
        """Arguments that are no keys are values."""
        assert self.get({"x": 1, "y": (add, "x", 10)}, "y") == 11

    def test_get_with_list(self) -> None:
        """A list of keys gives a tuple of results, and lists within tasks are looked up."""
        graph = {"x": 1, "y": 2, "z": (sum, ["x", "y"])}
        assert self.get(graph, ["x", "y"]) == (1, 2)
        assert self.get(graph, "z") == 3

    def test_get_with_list_top_level(self) -> None:
        """Values of a graph may be lists of keys, of tasks and of lists."""
        graph = {
            "numbers": [3, 4],
            "same": "numbers",
            "task": [5, (inc, 5)],
            "total": [(sum, "numbers")],
            "both": ["numbers", "same"],
            "deep": [[[(sum, "numbers"), "task"], (sum, "same")], 2],
        }
        results = {
            "numbers": [3, 4],
            "same": [3, 4],
            "task": [5, 6],
            "total": [7],
            "both": [[3, 4], [3, 4]],
            "deep": [[[7, [5, 6]], 7], 2],
        }
        for key, result in results.items():
            assert self.get(graph, key) == result

    def test_get_with_nested_list(self) -> None:
        """Nested lists of keys give nested tuples."""
        graph = {"x": 1, "y": 2, "z": (sum, ["x", "y"])}
        assert self.get(graph, [["x"], "y"]) == ((1,), 2)

    def test_get_works_with_unhashables_in_values(self) -> None:
        """Arguments need no hash."""
        graph = {"x": 1, "y": (lambda x, values: x + len(values), "x", {1})}
        assert self.get(graph, "y") == 2

    def test_nested_tasks(self) -> None:
        """Tasks may stand within tasks."""
        graph = {"x": 1, "y": (inc, "x"), "z": (add, (inc, "x"), "y")}
        assert self.get(graph, "z") == 4

    def test_get_stack_limit(self) -> None:
        """A long chain needs no deep stack."""
        graph: dict[str, Any] = {"x0": 0}
        graph.update((f"x{i + 1}", (inc, f"x{i}")) for i in range(10_000))
        assert self.get(graph, "x10000") == 10_000
