"""Dask's names for dusk, so that programs written for Dask run unchanged.

Where Dask isn't installed, every ``dask[.x]`` is ``dusk[.x]``. Where it is, dusk takes the place of its collections
only: ``dask.dataframe``, ``dask.array``, ``dask.bag`` and ``dask.delayed`` with all below them, and the functions at
the top such as ``dask.compute``. The rest stays Dask's own, because ``distributed`` and other libraries stand on it;
the settings of both become one dictionary.

Modules have one identity: ``dask.dataframe is dusk.dataframe``. Two traps are avoided that a simple
``sys.modules["dask.dataframe"] = dusk.dataframe`` falls into. Submodules would be loaded a second time under their
other name, with classes of their own. And the import system sets a submodule that it finds late as an attribute of
its parent, where a function of the same name may stand, as `delayed` does.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import importlib.util
import os
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from dusk._forks import new_rlock

__all__ = ["API_VERSION", "boot_folder", "install", "installed", "uninstall"]

#: The version of Dask whose API dusk offers; libraries that ask which Dask there is are told this one.
API_VERSION = "2026.8.0"

#: What dusk takes over of an installed Dask.
_COLLECTIONS = ("array", "bag", "dataframe", "delayed")
#: Functions at the top of an installed Dask that are dusk's from then on.
_FUNCTIONS = ("annotate", "compute", "delayed", "optimize", "persist", "visualize")

_lock = new_rlock()
_finder: _Finder | None = None


class _AliasLoader(importlib.abc.Loader):
    """Hands out a module of dusk under Dask's name."""

    def __init__(self, name: str, real: str) -> None:
        self._name = name
        self._real = real

    def create_module(self, spec: Any) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        # The import system reads sys.modules again after this. Had `create_module` returned the module, its `__spec__`
        # would be overwritten.
        sys.modules[self._name] = importlib.import_module(self._real)

    def get_code(self, name: str) -> Any:
        """Return the code for ``python -m``."""
        spec = importlib.util.find_spec(self._real)
        return spec.loader.get_code(self._real) if spec is not None and spec.loader is not None else None  # type: ignore[attr-defined]


class _AroundLoader(importlib.abc.Loader):
    """A loader with something before or after it; all else is the loader's own."""

    def __init__(self, loader: Any, before: Callable[[ModuleType], None], after: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._before = before
        self._after = after

    def create_module(self, spec: Any) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._before(module)
        try:
            self._loader.exec_module(module)
        finally:
            self._after(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


class _Metadata(importlib.metadata.Distribution):
    """What a Dask that isn't installed would say of itself."""

    def read_text(self, filename: str) -> str | None:
        if filename == "METADATA":
            return f"Metadata-Version: 2.1\nName: dask\nVersion: {API_VERSION}\n"
        return None

    def locate_file(self, path: Any) -> Any:
        from pathlib import Path

        return Path(__file__).parent / path


class _Finder(importlib.abc.MetaPathFinder):
    """Finds Dask's names.

    Parameters
    ----------
    overlay : bool
        Whether Dask is installed, and dusk takes only its collections' place.
    """

    def __init__(self, overlay: bool) -> None:
        self.overlay = overlay
        offered = [name for name in _COLLECTIONS if importlib.util.find_spec(f"dusk.{name}") is not None]
        #: Names that are aliases with all below them, and what they stand for.
        self.table = {f"dask.{name}": f"dusk.{name}" for name in offered} if overlay else {"dask": "dusk"}
        #: Dask's modules whose names are taken, and attributes that were replaced, for `uninstall`.
        self.set_aside: dict[str, ModuleType] = {}
        self.replaced: dict[str, Any] = {}
        self.settings: _SharedSettings | None = None
        self._local = threading.local()

    def target_of(self, name: str) -> str | None:
        """Return the name in dusk of a name of Dask, or None if that stays Dask's."""
        return _renamed(name, self.table)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        top = name.partition(".")[0]
        if top == "dask":
            real = self.target_of(name)
            if real is not None:
                return self._alias(name, real)
            return self._patched(path) if name == "dask" else None
        if top == "dusk":
            alias = _renamed(name, {theirs: back for back, theirs in self.table.items()})
            return None if alias is None else self._mirrored(name, alias, path, target)
        return None

    def find_distributions(self, context: Any = None) -> Iterator[importlib.metadata.Distribution]:
        """Say that Dask is installed, for libraries that ask for its version."""
        wanted = getattr(context, "name", None)
        if not self.overlay and (wanted is None or re.sub(r"[-_.]+", "-", wanted).lower() == "dask"):
            yield _Metadata()

    def _alias(self, name: str, real: str) -> Any:
        try:
            found = importlib.util.find_spec(real)
        except (ModuleNotFoundError, ValueError):  # no parent; a module without a spec
            found = sys.modules.get(real)
        if found is None:
            raise ModuleNotFoundError(
                f"No module named {name!r}: dusk stands in for dask and has no {real!r} (dusk.uninstall() ends that)",
                name=name,
            )
        package = bool(getattr(found, "submodule_search_locations", None) or getattr(found, "__path__", None))
        spec = importlib.machinery.ModuleSpec(
            name, _AliasLoader(name, real), origin=f"alias of {real}", is_package=package
        )
        return spec

    def _patched(self, path: Any) -> Any:
        """Return the spec of the real Dask, with its top patched once it is loaded."""
        spec = self._elsewhere("dask", path, None)
        if spec is not None and spec.loader is not None:
            spec.loader = _AroundLoader(spec.loader, lambda module: None, self.patch)
        return spec

    def _mirrored(self, name: str, alias: str, path: Any, target: Any) -> Any:
        """Return the spec of a module of dusk, which is entered under both names before its body runs."""

        def enter(module: ModuleType) -> None:
            sys.modules[alias] = module

        def settle(module: ModuleType) -> None:
            # It may have put something else in its place, or failed and be gone.
            if name in sys.modules:
                sys.modules[alias] = sys.modules[name]
            else:
                sys.modules.pop(alias, None)

        spec = self._elsewhere(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _AroundLoader(spec.loader, enter, settle)
        return spec

    def _elsewhere(self, name: str, path: Any, target: Any) -> Any:
        """Return what the other finders find."""
        busy = self._local.__dict__.setdefault("busy", set())
        if name in busy:  # one of them has asked the import system in turn
            return None
        busy.add(name)
        try:
            others = [each for each in sys.meta_path if each is not self and hasattr(each, "find_spec")]
            found = (each.find_spec(name, path, target) for each in others)
            return next((spec for spec in found if spec is not None), None)
        finally:
            busy.discard(name)

    # Taking over, and giving back ------------------------------------------------------------------------------------

    def take_over(self) -> list[str]:
        """Enter what is loaded already; return the modules of Dask that somebody may still hold."""
        real = sys.modules.get("dask") if self.overlay else None
        names = [name for name in sys.modules if self.target_of(name) is not None]
        for name in names:
            module = sys.modules.pop(name)
            if module is not None:
                self.set_aside[name] = module
        for name, module in list(sys.modules.items()):
            alias = _renamed(name, {theirs: back for back, theirs in self.table.items()})
            if alias is not None:
                sys.modules[alias] = module
        if real is not None:
            for name in self.table:
                child = name.partition(".")[2]
                if child in vars(real) and child not in _FUNCTIONS:
                    before = vars(real)[child]
                    self._replace(real, child, importlib.import_module(name))
                    self.replaced[child] = before  # the import itself has set the attribute already
            self.patch(real)
        return sorted(name for name in names if self.overlay)

    def patch(self, dask: ModuleType) -> None:
        """Make the functions at the top of the real Dask dusk's, and the settings of both one."""
        if not hasattr(dask, "compute"):  # loading it has failed
            return
        import dusk

        for name in _FUNCTIONS:
            ours, theirs = getattr(dusk, name, None), getattr(dask, name, None)
            if callable(ours):
                self._replace(dask, name, _both(theirs, ours) if name == "annotate" and theirs is not None else ours)
        if self.settings is None:
            self.settings = _SharedSettings(sys.modules["dask.config"])

    def _replace(self, dask: ModuleType, name: str, value: Any) -> None:
        self.replaced.setdefault(name, vars(dask).get(name))
        setattr(dask, name, value)

    def give_back(self) -> None:
        """Undo all of it, as far as names are concerned; what programs hold they keep."""
        for name in [name for name in sys.modules if self.target_of(name) is not None]:
            del sys.modules[name]
        sys.modules.update(self.set_aside)
        dask = sys.modules.get("dask")
        if self.overlay and dask is not None:
            for name in self.table:  # set by the import system
                child = name.partition(".")[2]
                if child not in self.replaced and child not in self.set_aside:
                    vars(dask).pop(child, None)
            for name, value in self.replaced.items():
                if value is None:
                    vars(dask).pop(name, None)
                else:
                    setattr(dask, name, value)
            if _is_ours(vars(dask).get("delayed")):
                # Dask was loaded while its name was ours, so it has never had its own.
                module = importlib.import_module("dask.delayed")
                dask.delayed = module.delayed  # type: ignore[attr-defined]
        if self.settings is not None:
            self.settings.separate()


def _is_ours(value: Any) -> bool:
    return (getattr(value, "__module__", None) or "").partition(".")[0] == "dusk"


def _renamed(name: str, table: Mapping[str, str]) -> str | None:
    for old, new in table.items():
        if name == old or name.startswith(old + "."):
            return new + name[len(old) :]
    return None


def _both(theirs: Callable[..., Any], ours: Callable[..., Any]) -> Callable[..., Any]:
    """Return an `annotate` that counts for dusk's collections and for what is Dask's own still."""

    @contextmanager
    def annotate(**annotations: Any) -> Iterator[None]:
        with theirs(**annotations), ours(**annotations):
            yield

    annotate.__doc__ = ours.__doc__
    return annotate


class _SharedSettings:
    """One dictionary of settings for dusk and the real Dask, so that ``dask.config.set`` counts for both.

    Parameters
    ----------
    theirs : module
        ``dask.config``, whose dictionary it is: default arguments of its functions hold it.
    """

    def __init__(self, theirs: ModuleType) -> None:
        from dusk import config as ours

        self._theirs, self._ours = theirs, ours
        self._own, self._their_defaults, self._our_defaults = ours.config, list(theirs.defaults), list(ours.defaults)
        changed = [_changed(module.config, ours.merge(*module.defaults)) for module in (theirs, ours)]
        merged = ours.merge(*self._their_defaults, *self._our_defaults, *changed)
        theirs.config.clear()
        theirs.config.update(merged)
        ours.config = ours.global_config = theirs.config
        # `refresh` of either builds the dictionary from its defaults, which must not lose the other's.
        theirs.defaults.extend(self._our_defaults)
        ours.defaults[:0] = self._their_defaults

    def separate(self) -> None:
        """Give dusk a dictionary of its own again, with the settings as they are."""
        self._own.clear()
        self._own.update(self._ours.merge(self._theirs.config))
        self._ours.config = self._ours.global_config = self._own
        _drop(self._theirs.defaults, self._our_defaults)
        _drop(self._ours.defaults, self._their_defaults)


def _drop(values: list[Any], gone: Iterable[Any]) -> None:
    """Take objects out of a list; equal ones that aren't the same stay."""
    identities = {id(each) for each in gone}
    values[:] = [each for each in values if id(each) not in identities]


def _changed(settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that aren't what the defaults say."""
    missing = object()
    changed: dict[str, Any] = {}
    for key, value in settings.items():
        default = defaults.get(key, missing)
        if isinstance(value, Mapping) and isinstance(default, Mapping):
            below = _changed(value, default)
            if below:
                changed[key] = below
        elif value != default:
            changed[key] = value
    return changed


# What users call ------------------------------------------------------------------------------------------------------


def install() -> None:
    """Let ``import dask`` and all below it give dusk.

    Where Dask is installed, its collections and the functions at its top are replaced, and the rest stays; where it
    isn't, all of its names are dusk's. Best called before anything of Dask is imported: names that a program has
    bound already keep Dask's own, which a warning says. ``python -m dusk script.py`` does it before the script
    begins.

    Examples
    --------
    >>> import dusk
    >>> dusk.install()  # doctest: +SKIP
    >>> import dask.dataframe as dd  # doctest: +SKIP
    >>> dd.__name__  # doctest: +SKIP
    'dusk.dataframe'
    """
    global _finder
    with _lock:
        # Looking for Dask may install dusk: ``_boot`` does at the first import of Dask, and the search looks like one.
        overlay = _dask_is_installed()
        if _finder is not None:
            return
        finder = _Finder(overlay=overlay)
        _finder = finder
        sys.meta_path.insert(0, finder)
        early = finder.take_over()
    if early:
        names = ", ".join(early[:3]) + (", ..." if len(early) > 3 else "")
        warnings.warn(
            f"{names} had been imported before dusk.install(); names bound then keep Dask's own", stacklevel=2
        )


def uninstall() -> None:
    """Undo `install`: ``import dask`` gives Dask again, if it is installed. What a program has imported it keeps."""
    global _finder
    with _lock:
        if _finder is None:
            return
        finder, _finder = _finder, None
        sys.meta_path.remove(finder)
        finder.give_back()


def installed() -> bool:
    """Return whether dusk stands in for Dask in this process."""
    return _finder is not None


def _dask_is_installed() -> bool:
    try:
        spec = importlib.util.find_spec("dask")
    except ValueError:  # a module without a spec, put there by hand
        return True
    return spec is not None and spec.origin is not None  # a folder called dask is no package


def boot_folder() -> str:
    """Return the folder that, put first in ``PYTHONPATH``, makes ``DUSK_INSTALL=1`` count in every interpreter.

    Child processes such as those of `multiprocessing` are interpreters of their own: with it they install dusk as well.
    ``python -m dusk`` sets both for what it runs.
    """
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "_boot")


def install_in_children() -> None:
    """Let interpreters that this process starts install dusk too."""
    os.environ["DUSK_INSTALL"] = "1"
    path = [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    if boot_folder() not in path:
        os.environ["PYTHONPATH"] = os.pathsep.join([boot_folder(), *path])


def install_if_asked() -> None:
    """Install if the environment variable ``DUSK_INSTALL`` is set, and not to 0."""
    if os.environ.get("DUSK_INSTALL", "0").lower() not in ("", "0", "false", "no"):
        install()
