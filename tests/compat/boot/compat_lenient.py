"""A name that the target lacks fails the tests that use it, and not the whole file.

`rewrite` turns the imports from ``dask`` at the top of a test file into calls of `take` and `take_module`, which put a
`Missing` in the place of what isn't there. It does nothing while the file is imported and fails a test that touches it.
"""

from __future__ import annotations

import ast
import importlib
from types import ModuleType
from typing import Any

#: Set by the plugin around each test.
in_test = False

# What importing code and pytest look at in passing.
_LOOKED_AT = {
    "__bases__",
    "__isabstractmethod__",
    "__name__",
    "__origin__",
    "__test__",
    "__wrapped__",
    "_pytestfixturefunction",
    "pytestmark",
}


class Missing:
    """Stands for a name that the target lacks."""

    def __init__(self, name: str) -> None:
        self.__dict__["_name"] = name

    def _touched(self, how: str) -> Missing:
        if in_test:
            import pytest

            # Not an Exception, so that no `raises(TypeError)` takes it for what it waits for.
            pytest.fail(f"there is no {self.__dict__['_name']}{how}", pytrace=False)
        return Missing(self.__dict__["_name"] + how)

    def __getattr__(self, name: str) -> Missing:
        if name in _LOOKED_AT:
            raise AttributeError(name)
        return self._touched(f".{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not in_test and len(args) == 1 and not kwargs and callable(args[0]) and not isinstance(args[0], Missing):
            return args[0]  # a decorator
        return self._touched("()")

    def __getitem__(self, key: Any) -> Missing:
        return self._touched("[]")

    def __iter__(self) -> Any:
        self._touched(" to iterate over")
        return iter(())

    def __len__(self) -> int:  # so that a parametrization over it is an empty one
        self._touched(" to ask for its length")
        return 0

    def __bool__(self) -> bool:
        self._touched(" to ask for its truth")
        return False

    def __instancecheck__(self, instance: Any) -> bool:
        self._touched(" to check a type against")
        return False

    def __mro_entries__(self, bases: Any) -> tuple[type, ...]:
        return (object,)

    def __repr__(self) -> str:
        return f"<missing {self.__dict__['_name']}>"

    def _operand(self, *args: Any) -> Missing:
        return self._touched(" to reckon with")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __or__ = __ror__ = __and__ = _operand
    __lt__ = __le__ = __gt__ = __ge__ = __enter__ = __exit__ = __contains__ = _operand


def take_module(name: str) -> ModuleType | Missing:
    """Import a module, or return what stands for it."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return Missing(name)


def take(module: str, *names: str) -> Any:
    """Do ``from module import names``; one name gives one object, several a tuple."""
    source = take_module(module)
    found: list[Any] = []
    for name in names:
        if isinstance(source, Missing):
            found.append(Missing(f"{module}.{name}"))
            continue
        try:
            found.append(getattr(source, name))
        except AttributeError:
            found.append(take_module(f"{module}.{name}"))
    return found[0] if len(names) == 1 else tuple(found)


def _is_ours(name: str) -> bool:
    return name.split(".")[0] == "dask" and "tests" not in name.split(".")


def rewrite(source: str) -> str:
    """Return a test file with its imports from ``dask`` at the top replaced; line numbers stay.

    Parameters
    ----------
    source : str
        Text of the file.

    Returns
    -------
    str

    Examples
    --------
    >>> rewrite("from dask.core import a, b as c")
    "a, c = __import__('compat_lenient').take('dask.core', 'a', 'b')"
    """
    lines = source.split("\n")
    for node in reversed(ast.parse(source).body):
        text = None
        if isinstance(node, ast.ImportFrom) and not node.level and node.module and _is_ours(node.module):
            if not any(each.name == "*" for each in node.names):
                bound = ", ".join(each.asname or each.name for each in node.names)
                names = ", ".join(repr(each.name) for each in node.names)
                text = f"{bound} = __import__('compat_lenient').take({node.module!r}, {names})"
        elif isinstance(node, ast.Import) and any(_is_ours(each.name) for each in node.names):
            text = "; ".join(_replace_import(each) for each in node.names)
        if text is not None:
            end = node.end_lineno or node.lineno
            lines[node.lineno - 1 : end] = [text] + [""] * (end - node.lineno)
    result = "\n".join(lines)
    ast.parse(result)
    return result


def _replace_import(name: ast.alias) -> str:
    if not _is_ours(name.name) or name.name == "dask":
        return f"import {name.name}" + (f" as {name.asname}" if name.asname else "")
    taken = f"__import__('compat_lenient').take_module({name.name!r})"
    return f"{name.asname} = {taken}" if name.asname else f"import dask; {taken}"
