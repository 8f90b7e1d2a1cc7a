"""`Dispatch` and the locks that Dask's users import from `dask.utils`."""

from __future__ import annotations

import pickle

import pytest

from dusk import config, utils
from dusk.utils import (
    Dispatch,
    SerializableLock,
)


class TestDispatch:
    def test_bases_and_tuples(self):
        kind = Dispatch("kind")
        kind.register((int, str), lambda x: "builtin")
        kind.register(object, lambda x: "any")

        @kind.register(bool)
        def _(x):
            return "bool"

        assert [kind(x) for x in (1, "a", True, 1.5, int)] == ["builtin", "builtin", "bool", "any", "any"]
        kind.register(float, lambda x: "float")
        assert kind(1.5) == "float" and kind.dispatch(float)(0) == "float"

    def test_nothing_registered(self):
        with pytest.raises(TypeError, match="int"):
            Dispatch("empty")(1)

    def test_more_arguments(self):
        power = Dispatch()
        power.register(int, lambda x, y, z=0: x**y + z)
        assert power(2, 3, z=1) == 9

    def test_lazy(self):
        kind = Dispatch("kind")
        calls = []
        kind.register(object, lambda x: "any")

        @kind.register_lazy("decimal")
        def _():
            import decimal

            calls.append(1)
            kind.register(decimal.Decimal, lambda x: "decimal")

        import decimal

        assert kind(1) == "any" and not calls
        assert kind(decimal.Decimal(1)) == kind(decimal.Decimal(2)) == "decimal" and calls == [1]

    def test_a_lazy_one_that_fails_is_tried_again(self):
        kind = Dispatch("kind")
        calls = []

        @kind.register_lazy("decimal")
        def _():
            calls.append(1)
            if len(calls) == 1:
                raise ImportError
            import decimal

            kind.register(decimal.Decimal, str)

        import decimal

        with pytest.raises(ImportError):
            kind(decimal.Decimal(1))
        assert kind(decimal.Decimal(1)) == "1"

    def test_documentation(self):
        kind = Dispatch("kind")
        assert kind.__name__ == "kind" and "kind" in kind.__doc__

        @kind.register(object)
        def _(x):
            """Say what it is."""

        assert kind.__doc__ == "Say what it is."


class TestLocks:
    def test_serializable(self):
        lock = SerializableLock()
        copy = pickle.loads(pickle.dumps(lock))
        assert copy.lock is lock.lock and SerializableLock().lock is not lock.lock
        with lock:
            assert copy.locked() and not copy.acquire(blocking=False)
        assert copy.acquire() and lock.locked()
        lock.release()
        named = SerializableLock("name")
        assert SerializableLock("name").lock is named.lock and "name" in repr(named)

    def test_of_a_scheduler(self):
        assert isinstance(utils.get_scheduler_lock(), SerializableLock)
        assert isinstance(utils.get_scheduler_lock(scheduler="sync"), SerializableLock)

    def test_shuffle_method(self):
        assert utils.get_default_shuffle_method() in ("disk", "p2p")
        with config.set({"dataframe.shuffle.method": "tasks"}):
            assert utils.get_default_shuffle_method() == "tasks"
