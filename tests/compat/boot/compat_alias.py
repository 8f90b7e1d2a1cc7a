"""``import dask[.x]`` gives the very module object ``dusk[.x]``, and nothing of an installed Dask.

Without pytest in here, so that every interpreter can have it: the test session, xdist's workers, child interpreters
that tests start, and spawned pool workers. ``sitecustomize`` beside this file installs it in all of them.

The rules, in their order:

==================================== ================================================================================
``dask.conftest``, ``dask.*.tests``   files of the copied test tree
blocked top-level names               ModuleNotFoundError, as if not installed
``dask[.x]``                          the module ``dusk[.x]``; if there is none, ModuleNotFoundError, no other search
``dusk[.x]``                          loaded as ever, but entered as ``dask[.x]`` before its body runs
==================================== ================================================================================

The last rule keeps functions from being replaced by modules: were ``dask.delayed`` looked up on demand only, the import
system would afterwards set the attribute ``delayed`` of its parent, which is dusk, to the module of that name.

With the target "dask" there is no alias: the installed Dask is tested, with the same copied test tree. That gives the
numbers to compare with.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import sys
import threading
from collections.abc import Sequence
from types import ModuleType
from typing import Any

SOURCE = "dask"


class _MirrorLoader(importlib.abc.Loader):
    """Stands before the loader of a module of the target and enters the alias first."""

    def __init__(self, loader: Any, alias: str) -> None:
        self._loader = loader
        self._alias = alias

    def create_module(self, spec: Any) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # What the module sees of itself must be what it would see without us.
        module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        sys.modules[self._alias] = module
        try:
            self._loader.exec_module(module)
        except BaseException:
            sys.modules.pop(self._alias, None)
            raise
        # A module may have put something else into its own place.
        sys.modules[self._alias] = sys.modules.get(module.__name__, module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)  # `python -m` asks for more than loading


class _AliasLoader(importlib.abc.Loader):
    """Hands out the module of the target under the other name."""

    def __init__(self, name: str, real: str) -> None:
        self._name = name
        self._real = real

    def create_module(self, spec: Any) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        # The import system reads sys.modules again after this. Were the module handed out by `create_module`, the
        # import system would overwrite its `__spec__`, and relative imports in it would warn.
        sys.modules[self._name] = importlib.import_module(self._real)

    def get_code(self, name: str) -> Any:
        spec = importlib.util.find_spec(self._real)
        return spec.loader.get_code(self._real) if spec is not None and spec.loader is not None else None


class _EmptyLoader(importlib.abc.Loader):
    """A package that the target lacks but that is the parent of a tests folder."""

    def create_module(self, spec: Any) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        module.__path__ = []
        module.__compat_empty__ = True


class AliasFinder(importlib.abc.MetaPathFinder):
    """The rules of this module as a finder.

    Parameters
    ----------
    target : str
        Package that takes Dask's place.
    tests : str
        Folder with the copied tree, whose top is ``dask``.
    blocked : sequence of str
        Top-level names that must look as if they weren't installed.
    lenient : bool
        Packages that the target lacks exist as empty ones if they hold tests.
    """

    def __init__(self, target: str, tests: str, blocked: Sequence[str] = (), lenient: bool = False) -> None:
        self.target = target
        self.tests = tests
        self.blocked = frozenset(blocked)
        self.lenient = lenient
        self._local = threading.local()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        top = name.partition(".")[0]
        if top in self.blocked:
            raise ModuleNotFoundError(f"No module named {name!r} (blocked)", name=name)
        if top == SOURCE:
            if self._is_test(name):
                return self._find_test(name)
            return self._find_alias(name) if self.target != SOURCE else self._find_real(name)
        if top == self.target:
            return self._find_target(name, path, target)
        return None

    def _is_test(self, name: str) -> bool:
        parts = name.split(".")[1:]
        return parts == ["conftest"] or "tests" in parts

    def _find_test(self, name: str) -> Any:
        place = os.path.join(self.tests, *name.split("."))
        if name == f"{SOURCE}.conftest":
            return importlib.util.spec_from_file_location(name, place + ".py")
        if os.path.isdir(place):
            init = os.path.join(place, "__init__.py")
            return importlib.util.spec_from_file_location(name, init, submodule_search_locations=[place])
        return None  # a file: for pytest's hook, which rewrites its asserts

    def _find_alias(self, name: str) -> Any:
        real = self.target + name[len(SOURCE) :]
        try:
            found = importlib.util.find_spec(real)
        except (ModuleNotFoundError, ValueError):  # no parent; a module without a spec
            found = sys.modules.get(real)
        if found is not None:
            return importlib.machinery.ModuleSpec(name, _AliasLoader(name, real), origin=f"alias of {real}")
        if self.lenient and os.path.isdir(os.path.join(self.tests, *name.split("."))):
            return importlib.machinery.ModuleSpec(name, _EmptyLoader(), is_package=True)
        raise ModuleNotFoundError(f"No module named {name!r} (there is no {real!r})", name=name)

    def _find_real(self, name: str) -> Any:
        if name != SOURCE:
            return None
        folders = [each for each in sys.path if os.path.abspath(each or ".") != os.path.abspath(self.tests)]
        return importlib.machinery.PathFinder.find_spec(name, folders)

    def _find_target(self, name: str, path: Any, target: Any) -> Any:
        busy = self._local.__dict__.setdefault("busy", set())
        if name in busy:
            return None
        busy.add(name)
        try:
            for finder in list(sys.meta_path):
                if finder is self or not hasattr(finder, "find_spec"):
                    continue
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    if spec.loader is not None:
                        spec.loader = _MirrorLoader(spec.loader, SOURCE + name[len(self.target) :])
                    return spec
        finally:
            busy.discard(name)
        return None


def installed() -> AliasFinder | None:
    """Return the finder in force."""
    return next((each for each in sys.meta_path if isinstance(each, AliasFinder)), None)


def to_front() -> None:
    """Put the finder first again: pytest puts its hook there, which would load modules of the target once more."""
    finder = installed()
    if finder is not None:
        sys.meta_path.remove(finder)
        sys.meta_path.insert(0, finder)


def install_from_environment() -> AliasFinder | None:
    """Install the finder as the runner has said in the environment."""
    target = os.environ.get("COMPAT_TARGET")
    if not target:
        return None
    if installed() is not None:
        to_front()
        return installed()
    early = sorted(name for name in sys.modules if name == SOURCE or name.startswith(SOURCE + "."))
    if early and target != SOURCE:
        raise RuntimeError(f"imported before the alias: {early}")
    blocked = [each for each in os.environ.get("COMPAT_BLOCK", "").split(",") if each]
    finder = AliasFinder(target, os.environ["COMPAT_TESTS"], blocked, os.environ.get("COMPAT_LENIENT") == "1")
    sys.meta_path.insert(0, finder)
    return finder


def audit(target: str, tests: str) -> dict[str, Any]:
    """Return what went wrong with the imports of this process.

    Parameters
    ----------
    target : str
        Package that takes Dask's place.
    tests : str
        Folder with the copied tree.

    Returns
    -------
    dict
        ``aliased``: how many modules have two names. ``split``: modules that exist twice or under one name only.
        ``foreign``: modules under either name whose file lies outside the target's folder.
    """
    modules = {name: module for name, module in sys.modules.items() if module is not None}
    folder = os.path.dirname(os.path.abspath(getattr(modules.get(target), "__file__", None) or "/nowhere/x"))
    split: list[str] = []
    foreign: list[str] = []
    aliased = 0
    for name, module in sorted(modules.items()):
        top, _, rest = name.partition(".")
        parts = rest.split(".")
        if top not in (SOURCE, target) or parts == ["conftest"] or "tests" in parts:
            continue
        if getattr(module, "__compat_empty__", False):
            continue
        twin = modules.get((target if top == SOURCE else SOURCE) + name[len(top) :])
        if twin is not module:
            split.append(name)
        elif top == SOURCE:
            aliased += 1
        file = getattr(module, "__file__", None)
        if file and not os.path.abspath(file).startswith(folder + os.sep):
            foreign.append(f"{name} ({file})")
    return {"aliased": aliased, "split": split, "foreign": foreign}


def write_json(path: str, data: Any) -> None:
    """Write a file that is there as a whole or not at all, since processes may be ended at any time."""
    unfinished = f"{path}.{os.getpid()}"
    with open(unfinished, "w", encoding="utf-8") as file:
        json.dump(data, file)
    os.replace(unfinished, path)


def audit_at_exit() -> None:
    """In child interpreters: leave a note if something went wrong."""
    folder, target = os.environ.get("COMPAT_OUT"), os.environ.get("COMPAT_TARGET")
    if not folder or not target or target == SOURCE or "pytest" in sys.modules or target not in sys.modules:
        return
    found = audit(target, os.environ["COMPAT_TESTS"])
    if found["split"] or found["foreign"]:
        write_json(os.path.join(folder, f"audit-child-{os.getpid()}.json"), {**found, "argv": sys.argv})
