"""The house rules that no compiler checks: who imports whom, where `unsafe` and Python may appear, file length.

Rust: the paths that begin with `crate::` (and `super::` chains) are read from the source and held against `LAYERS`.
A module sees lower layers only; folders of one layer do not see each other, except the words of layer 0.
Python: `array`, `dataframe`, `bag` and `delayed` stand on the shared modules and never import each other, except by an
import inside a function.
"""

from __future__ import annotations

import ast
import fnmatch
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"
PACKAGE = ROOT / "python" / "dusk"

LAYERS: list[set[str]] = [
    {"allocator", "config", "dtype", "error", "host", "label", "nd", "parallel", "process"}
    | {"scalar", "schema", "sync", "token", "wire"},
    {"chunk", "op"},
    {"expr", "io", "kernels"},
    {"opt", "task"},
    {"exec", "plan"},
    {"dash"},
    {"py"},
]
LAYER_OF = {module: layer for layer, modules in enumerate(LAYERS) for module in modules}
# Lower, and still not for them: a plan says what is done and never does it.
BARRED = {("plan", "kernels")}

# The border to Python. Everything else must compile and be tested without an interpreter.
BORDER_CRATES = ("numpy", "pyo3", "pyo3_arrow", "pyo3_ffi")
BORDER = ["src/py/**"]

# SIMD and tables without bounds checks; blocks that are written once; the border; the memory limit, the pool
# and the process's numbers.
UNSAFE_ALLOWED = [
    "src/allocator/**",
    "src/kernels/**",
    "src/io/csv/**",
    "src/io/zarr/dest.rs",
    "src/py/**",
    "src/exec/memory.rs",
]

MAX_LINES = 1000

PYTHON_HOUSES = {"array", "bag", "dataframe", "delayed"}
# These show or carry what the houses make, so they may import them. All other modules are what the houses stand on.
PYTHON_GUESTS = {"__main__", "diagnostics", "distributed", "xarray"}


# --- reading Rust -----------------------------------------------------------------------------------------------------

_SKIPPED = re.compile(
    r"""
      (?P<line>//[^\n]*)
    | (?P<block>/\*)
    | (?P<raw>\b(?:br|cr|r)(?P<hashes>\#*)")
    | (?P<string>\b[bc]?"|")
    | (?P<char>b?'(?:\\(?:x[0-9a-fA-F]{2}|u\{[0-9a-fA-F_]+\}|.)|[^\\'\n])')
    """,
    re.VERBOSE,
)
_BLOCK_EDGE = re.compile(r"/\*|\*/")
_STRING_END = re.compile(r'\\.|"', re.DOTALL)


def bare(text: str) -> str:
    """Blank out comments and literals of Rust source; line breaks stay, so that line numbers stay."""
    out: list[str] = []
    at = 0
    while match := _SKIPPED.search(text, at):
        end = match.end()
        if match["block"]:
            depth = 1  # block comments nest in Rust
            while depth:
                edge = _BLOCK_EDGE.search(text, end)
                if edge is None:
                    end = len(text)
                    break
                depth += 1 if edge[0] == "/*" else -1
                end = edge.end()
        elif match["raw"]:
            closing = text.find('"' + match["hashes"], end)
            end = len(text) if closing < 0 else closing + 1 + len(match["hashes"])
        elif match["string"]:
            for edge in _STRING_END.finditer(text, end):
                end = edge.end()
                if edge[0] == '"':
                    break
        out.append(text[at : match.start()])
        # A literal leaves a mark, so that what stands before and after it does not grow together.
        out.append(" " + "\n" * text.count("\n", match.start(), end))
        at = end
    out.append(text[at:])
    return "".join(out)


class Use(NamedTuple):
    """A path in a source file, seen from the crate's root."""

    line: int
    path: tuple[str, ...]


_WORDS = re.compile(r"r#(?=\w)|\$?\w+|::|[{};,*=()<>\[\]!&|]")


def module_path(file: Path) -> tuple[str, ...]:
    """Give the path of the module that a file holds: `src/io/csv/mod.rs` is `io::csv`."""
    parts = file.relative_to(SOURCE).with_suffix("").parts
    return parts[:-1] if parts[-1] in ("mod", "lib", "main") else parts


def uses(text: str, module: tuple[str, ...]) -> list[Use]:
    """Give all paths of a file that begin at the crate's root, or lead out of the module by `super`."""
    text = bare(text)
    words: list[tuple[str, int]] = []
    line, seen = 1, 0
    for match in _WORDS.finditer(text):
        if match[0] == "r#":
            continue
        line += text.count("\n", seen, match.start())
        seen = match.start()
        words.append((match[0].removeprefix("$"), line))
    found: list[Use] = []
    inline: list[tuple[str, int]] = []  # modules opened in this file, with the brace depth inside them
    depth = at = 0
    while at < len(words):
        word = words[at][0]
        if word == "mod" and at + 2 < len(words) and words[at + 2][0] == "{":
            depth += 1
            inline.append((words[at + 1][0], depth))
            at += 3
            continue
        if word == "{":
            depth += 1
        elif word == "}":
            if inline and inline[-1][1] == depth:
                inline.pop()
            depth -= 1
        elif word in ("crate", "super") and at + 1 < len(words) and words[at + 1][0] == "::":
            here = module + tuple(name for name, _ in inline)
            at, paths = _tree(words, at)
            found.extend(Use(line, _rooted(path, here)) for line, path in paths)
            continue
        at += 1
    return found


def _tree(words: list[tuple[str, int]], at: int) -> tuple[int, list[tuple[int, tuple[str, ...]]]]:
    """Read a path at `at`, with the alternatives in braces that a `use` may have."""
    path: list[str] = []
    line = words[at][1]
    while at < len(words):
        word = words[at][0]
        if word == "{":
            at += 1
            paths = []
            while at < len(words) and words[at][0] != "}":
                if words[at][0] == ",":
                    at += 1
                elif words[at][0] == "as":
                    at += 2
                else:
                    before = at
                    at, inner = _tree(words, at)
                    paths.extend((line, (*path, *tail)) for line, tail in inner)
                    at = max(at, before + 1)
            return at + 1, paths
        if not (word == "*" or re.fullmatch(r"\w+", word)):
            break
        path.append(word)
        at += 1
        if at >= len(words) or words[at][0] != "::":
            break
        at += 1
    return at, [(line, tuple(path))]


def _rooted(path: tuple[str, ...], module: tuple[str, ...]) -> tuple[str, ...]:
    """Turn `super::` and `crate::` at the front of a path into a path from the root."""
    if path[0] == "crate":
        return path[1:]
    ups = next((i for i, part in enumerate(path) if part != "super"), len(path))
    return module[: max(len(module) - ups, 0)] + path[ups:]


def exported_macros(files: dict[Path, str]) -> dict[str, str]:
    """Macros marked `#[macro_export]` live at the crate's root: give the module that each one comes from."""
    pattern = re.compile(r"#\[macro_export[^\]]*\]\s*(?:#\[[^\]]*\]\s*)*macro_rules!\s*(\w+)")
    return {
        name: module_path(file)[0]
        for file, text in files.items()
        if module_path(file)
        for name in pattern.findall(bare(text))
    }


def breaches(file: Path, text: str, macros: dict[str, str]) -> Iterator[str]:
    """Give what in a file goes against the layer table, in words."""
    module = module_path(file)
    if not module:
        return  # lib.rs lists the modules
    own = module[0]
    where = file.relative_to(ROOT)
    if own not in LAYER_OF:
        yield f"{where}: module `{own}` has no place in the layer table"
        return
    for line, path in dict.fromkeys((use.line, use.path[:1]) for use in uses(text, module)):
        if not path or path[0] in ("*", "self"):
            yield f"{where}:{line}: imports everything at the crate's root; name the module"
            continue
        target = macros.get(path[0], path[0])
        if target == own:
            continue
        if target not in LAYER_OF:
            yield f"{where}:{line}: `{target}` has no place in the layer table"
        elif LAYER_OF[target] > LAYER_OF[own]:
            yield f"{where}:{line}: `{own}` (layer {LAYER_OF[own]}) sees `{target}` (layer {LAYER_OF[target]}) above it"
        elif LAYER_OF[target] == LAYER_OF[own] > 0:
            yield f"{where}:{line}: `{own}` sees `{target}` beside it in layer {LAYER_OF[own]}"
        elif (own, target) in BARRED:
            yield f"{where}:{line}: `{own}` must not see `{target}`"


def rust_files() -> dict[Path, str]:
    return {file: file.read_text(encoding="utf-8") for file in sorted(SOURCE.rglob("*.rs"))}


def matches(file: Path, patterns: list[str]) -> bool:
    name = file.relative_to(ROOT).as_posix()
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def lines_with(pattern: re.Pattern[str], file: Path, text: str) -> list[str]:
    return [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for number, line in enumerate(bare(text).splitlines(), 1)
        if pattern.search(line)
    ]


# --- the rules on the Rust source -------------------------------------------------------------------------------------


def test_rust_imports_go_down_only():
    files = rust_files()
    macros = exported_macros(files)
    wrong = [breach for file, text in files.items() for breach in breaches(file, text, macros)]
    assert not wrong, "\n" + "\n".join(wrong)


def test_only_the_border_knows_python():
    # A name before it means a module of ours that is called so: `convert::numpy`.
    pattern = re.compile(rf"(?<![\w:])(?:{'|'.join(BORDER_CRATES)})::|\buse\s+(?:{'|'.join(BORDER_CRATES)})\b")
    wrong = [
        line
        for file, text in rust_files().items()
        if not matches(file, BORDER)
        for line in lines_with(pattern, file, text)
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_unsafe_stands_in_listed_files_only():
    pattern = re.compile(r"\bunsafe\b")
    wrong = [
        line
        for file, text in rust_files().items()
        if not matches(file, UNSAFE_ALLOWED)
        for line in lines_with(pattern, file, text)
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_files_stay_short():
    files = [file for suffix in ("rs", "py", "pyi") for top in (SOURCE, PACKAGE) for file in top.rglob(f"*.{suffix}")]
    lengths = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in files}
    wrong = [f"{file.relative_to(ROOT)}: {n} lines" for file, n in sorted(lengths.items()) if n > MAX_LINES]
    assert not wrong, f"more than {MAX_LINES} lines:\n" + "\n".join(wrong)


# --- the rules on the Python source -----------------------------------------------------------------------------------


def imports_at_module_level(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """Give the imports that run when the module is imported. Those in functions and for type checkers do not."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            waiting.extend(node.orelse)
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        waiting.extend(ast.iter_child_nodes(node))


def imported(node: ast.Import | ast.ImportFrom, package: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Give the full dotted names that an import may load, seen from the package that the file is in."""
    if isinstance(node, ast.Import):
        yield from (tuple(alias.name.split(".")) for alias in node.names)
        return
    base = package[: len(package) - node.level + 1] if node.level else ()
    base += tuple(node.module.split(".")) if node.module else ()
    yield from ((*base, alias.name) for alias in node.names)


def python_breaches(name: tuple[str, ...], is_package: bool, text: str) -> Iterator[str]:
    """Give what a module `dusk.<name>` imports at module level and must not."""
    house = name[0] if name else ""
    package = ("dusk", *name) if is_package else ("dusk", *name[:-1])
    if not name:
        return  # the package's front door opens all houses
    for node in imports_at_module_level(ast.parse(text)):
        for target in imported(node, package):
            if len(target) < 2 or target[0] != "dusk" or target[1] not in PYTHON_HOUSES or target[1] == house:
                continue
            if house not in PYTHON_GUESTS:
                yield f"dusk.{'.'.join(name)}:{node.lineno}: imports dusk.{target[1]}; import it inside the function"


def test_python_houses_do_not_import_each_other():
    wrong = []
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = parts[:-1] if is_package else parts
        wrong.extend(python_breaches(name, is_package, file.read_text(encoding="utf-8")))
    assert not wrong, "\n" + "\n".join(wrong)


# --- the readers above find what they are there to find ---------------------------------------------------------------


def found_in(path: str, text: str) -> list[str]:
    return [breach.split(": ", 1)[1] for breach in breaches(ROOT / path, text, {"dispatch": "dtype"})]


@pytest.mark.parametrize(
    ("path", "text", "word"),
    [
        ("src/op/mod.rs", "use crate::kernels::hash;", "above"),
        ("src/chunk/mod.rs", "use crate::op::Op;", "beside"),
        ("src/op/mod.rs", "fn f(x: crate::exec::state::State) {}", "above"),
        (
            "src/io/csv/mod.rs",
            "use crate::{error::Result, chunk::{Chunk, frame}, kernels::{hash as h, take}};",
            "beside",
        ),
        ("src/io/csv/mod.rs", "use super::super::kernels::hash;", "beside"),
        ("src/io/csv/mod.rs", "mod tests { use super::super::super::kernels::hash; }", "beside"),
        ("src/plan/agg.rs", "use crate::kernels::agg;", "must not"),
        ("src/error.rs", "use crate::op::Op;", "above"),
        ("src/helpers.rs", "", "no place"),
        ("src/op/mod.rs", "use crate::helpers;", "no place"),
        ("src/op/mod.rs", "use crate::*;", "crate's root"),
        ("src/op/mod.rs", 'let a = \'x\'; let b = "\\""; use crate::py::x;', "above"),
        ("src/op/mod.rs", "fn f<'a>(x: &'a str) -> &'a str { crate::py::f(x) }", "above"),
        ("src/op/mod.rs", "macro_rules! m { () => { $crate::py::f() } }", "above"),
    ],
)
def test_a_breach_is_found(path, text, word):
    assert [word in line for line in found_in(path, text)] == [True]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("src/lib.rs", "pub mod op; use crate::py::x;"),
        ("src/dtype.rs", "use crate::error::{Error, Result};"),
        ("src/op/scalar.rs", "use super::tree::Tree; use crate::op::reduce; use crate::dtype::DType;"),
        ("src/op/scalar.rs", "mod tests { use super::*; use super::super::tree::Tree; }"),
        ("src/op/scalar.rs", "crate::dispatch!(dtype, T => f::<T>())"),
        ("src/op/scalar.rs", "// use crate::py::x;\n/* crate::py /* crate::py */ crate::py */ pub(crate) fn f() {}"),
        ("src/op/scalar.rs", 'const A: &str = r#"" crate::py::x "#; const B: &str = "\\" crate::py::x";'),
        ("src/op/scalar.rs", "const A: char = '\"'; use crate::dtype::DType; const B: char = '\"';"),
        ("src/task/run.rs", "use crate::{\n    chunk,\n    expr::frame::{self, Node},\n    kernels::program::*,\n};"),
    ],
)
def test_what_is_allowed_passes(path, text):
    assert found_in(path, text) == []


def test_line_numbers_survive_comments_and_strings():
    text = '/* a\nb */\nconst A: &str = "x\ny";\nuse crate::py::x;\n'
    assert [use.line for use in uses(text, ("op",))] == [5]


@pytest.mark.parametrize(
    ("name", "is_package", "text", "count"),
    [
        (("array", "core"), False, "from dusk.dataframe import DataFrame", 1),
        (("array", "core"), False, "from dusk import dataframe, base", 1),
        (("array", "core"), False, "from .. import delayed", 1),
        (("array", "core"), False, "from ..dataframe.core import x", 1),
        (("array",), True, "from ..bag import Bag", 1),
        (("array", "core"), False, "try:\n    import dusk.bag.core\nexcept ImportError:\n    pass", 1),
        (("base",), False, "class A:\n    from .array import Array", 1),
        (("array", "core"), False, "from . import slicing\nfrom .slicing import f\nfrom ..base import g", 0),
        (("array", "core"), False, "def f():\n    from dusk.dataframe import DataFrame", 0),
        (("array", "core"), False, "if TYPE_CHECKING:\n    from dusk.dataframe import DataFrame", 0),
        (("dataframe",), True, "from .frame import DataFrame\nfrom dusk.dataframe.series import Series", 0),
        (("diagnostics", "progress"), False, "import dusk.dataframe", 0),
        ((), True, "from . import array, dataframe", 0),
    ],
)
def test_python_imports_are_read(name, is_package, text, count):
    assert len(list(python_breaches(name, is_package, text))) == count
