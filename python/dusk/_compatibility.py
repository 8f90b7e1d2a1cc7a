"""Facts about the interpreter and the system, under the names that libraries on top of collections import."""

from __future__ import annotations

import importlib
import importlib.metadata as importlib_metadata
import sys
import warnings
from types import ModuleType
from typing import Literal

from packaging.version import Version

__all__ = [
    "EMSCRIPTEN",
    "LINUX",
    "MACOS",
    "PY_VERSION",
    "WINDOWS",
    "get_version",
    "import_optional_dependency",
    "importlib_metadata",
]

PY_VERSION = Version("{}.{}.{}".format(*sys.version_info[:3]))
EMSCRIPTEN = sys.platform == "emscripten"
LINUX = sys.platform == "linux"
MACOS = sys.platform == "darwin"
WINDOWS = sys.platform == "win32"


def get_version(module: ModuleType) -> str:
    """Return the version that a module tells, or raise ImportError if it tells none."""
    version = getattr(module, "__version__", None)
    if version is None:
        raise ImportError(f"Can't determine version for {module.__name__}")
    return str(version)


def import_optional_dependency(
    name: str,
    extra: str = "",
    min_version: str | None = None,
    *,
    errors: Literal["raise", "warn", "ignore"] = "raise",
) -> ModuleType | None:
    """Import a module that need not be there.

    Parameters
    ----------
    name : str
        The module.
    extra : str
        What to say besides when it is missing.
    min_version : str, optional
        The oldest version that will do.
    errors : {"raise", "warn", "ignore"}
        What to do when the module is missing or too old: raise ImportError; return None, with a warning if it is too
        old; or return None if it is missing and the module whatever its version is.

    Returns
    -------
    module or None
    """
    if errors not in ("raise", "warn", "ignore"):
        raise ValueError(f"errors must be 'raise', 'warn' or 'ignore', not {errors!r}")
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        if errors != "raise":
            return None
        raise type(error)(
            f"Missing optional dependency '{name}'. {extra} Use pip or conda to install {name}."
        ) from error
    if min_version is None or errors == "ignore":
        return module
    parent = sys.modules[name.partition(".")[0]]
    version = get_version(parent)
    if Version(version) >= Version(min_version):
        return module
    text = f"'{parent.__name__}' {min_version} or newer is needed, and {version} is installed."
    if errors == "raise":
        raise ImportError(text)
    warnings.warn(text, UserWarning, stacklevel=2)
    return None
