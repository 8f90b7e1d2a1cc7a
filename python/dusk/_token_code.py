"""Normal forms of functions and classes.

What can be imported by its name is its name, as for pickle. The rest (lambdas, local functions, everything of
``__main__``) is taken apart: bytecode, constants, defaults, closure and the globals that the code reads. The line where
it begins counts, as it does for pickle; the file's name doesn't, as it differs each time a notebook's cell runs.
"""

from __future__ import annotations

import dis
import functools
import sys
import types
from typing import Any

from dusk.tokenize import _normalize_items, _Run, hash_buffer_hex, normalize_dict, normalize_token

#: Entries of a class's namespace that say nothing about what it does, or differ each time.
_CLASS_NOISE = {
    "__dict__",
    "__weakref__",
    "__doc__",
    "__module__",
    "__qualname__",
    "__firstlineno__",
    "__static_attributes__",
    "__annotations_cache__",
    "__annotate_func__",
    "__annotate__",
    "__abstractmethods__",
    "_abc_impl",
    "__orig_bases__",
    "__parameters__",
    "__slotnames__",
    "_member_names_",
    "_member_map_",
    "_value2member_map_",
    "_unhashable_values_",
    "_unhashable_values_map_",
    "_hashable_values_",
    "_use_args_",
    "_member_type_",
    "_value_repr_",
    "_new_member_",
    "__new_member__",
}


def importable(x: Any) -> tuple[str, str] | None:
    """Return module and qualified name of a function or class if they lead back to it, else None."""
    module = getattr(x, "__module__", None)
    name = getattr(x, "__qualname__", None) or getattr(x, "__name__", None)
    if not isinstance(module, str) or not isinstance(name, str) or module == "__main__" or "<locals>" in name:
        return None
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return (module, name) if found is x else None


def normalize(x: Any, run: _Run) -> Any:
    """Normalize a function, class, code object or descriptor that holds functions."""
    if isinstance(x, (types.FunctionType, type)):
        name = importable(x)
        if name is not None:
            return ("function" if isinstance(x, types.FunctionType) else "class", *name)
        return _once(x, run)
    if isinstance(x, types.CodeType):
        return _normalize_bytecode(x)
    if isinstance(x, property):
        return "property", _normalize_items((x.fget, x.fset, x.fdel))
    return type(x).__name__, normalize_token(x.__func__)


def _once(x: Any, run: _Run) -> Any:
    """Normalize by content; each object once in a run, and within itself as a reference."""
    identity = id(x)
    if identity in run.code:
        return "__code", run.code[identity]
    if not run.code and identity in run.finished_code:
        return run.finished_code[identity][0]
    run.code[identity] = len(run.code)
    try:
        form = _normalize_class(x) if isinstance(x, type) else _normalize_function(x)
    finally:
        del run.code[identity]
    if not run.code:
        form = form[0], form[1], hash_buffer_hex(str(form).encode(errors="surrogatepass"))
        run.finished_code[identity] = form, x
    return form


def _normalize_function(func: types.FunctionType) -> Any:
    code = func.__code__
    known = func.__globals__
    reads = {name: known[name] for name in _globals_read(code) if name in known}
    cells = []
    for name, cell in zip(code.co_freevars, func.__closure__ or (), strict=True):
        try:
            cells.append((name, normalize_token(cell.cell_contents)))
        except ValueError:  # not assigned yet
            cells.append((name, "empty cell"))
    attributes = {key: value for key, value in vars(func).items() if key != "__wrapped__"}
    return (
        "function",
        func.__qualname__,
        _normalize_bytecode(code),
        _normalize_items(func.__defaults__ or ()),
        normalize_dict(func.__kwdefaults__ or {}),
        cells,
        normalize_dict(reads),
        normalize_dict(attributes),
    )


@functools.lru_cache(maxsize=4096)
def _globals_read(code: types.CodeType) -> tuple[str, ...]:
    """Return the names of the globals that code reads, nested functions included."""
    names = {
        instruction.argval
        for instruction in dis.get_instructions(code)
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME")
    }
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names.update(_globals_read(constant))
    return tuple(sorted(names))


def _normalize_bytecode(code: types.CodeType) -> Any:
    return (
        code.co_name,
        code.co_firstlineno,
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_flags,
        code.co_code,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        getattr(code, "co_exceptiontable", b""),
        _normalize_items(code.co_consts),
    )


def _normalize_class(cls: type) -> Any:
    members: dict[str, Any] = {}
    for name, value in vars(cls).items():
        if name in _CLASS_NOISE or isinstance(value, (types.MemberDescriptorType, types.GetSetDescriptorType)):
            continue
        members[name] = value
    if "__dataclass_fields__" in members:
        members["__dataclass_fields__"] = [
            (field.name, field.default, field.default_factory, field.init, field.compare, field.kw_only)
            for field in members["__dataclass_fields__"].values()
        ]
    annotations = members.pop("__annotations__", None) or {}
    slots = [name for name, value in vars(cls).items() if isinstance(value, types.MemberDescriptorType)]
    return (
        "class",
        cls.__qualname__,
        _normalize_items(cls.__bases__),
        normalize_token(type(cls)),
        sorted(slots),
        sorted(
            (name, kind if isinstance(kind, str) else getattr(kind, "__qualname__", str(kind)))
            for name, kind in annotations.items()
        ),
        normalize_dict(members),
    )
