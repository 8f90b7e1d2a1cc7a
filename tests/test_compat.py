"""The runner of Dask's own tests: its parts, that it tests dusk and nothing else, and what the ledger says passes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compat import ledger as books
from tests.compat import report, run, work
from tests.compat.boot import compat_lenient
from tests.compat.ledger import Count, Ledger

ROOT = Path(__file__).parent.parent
#: Seconds that CI spends on tests of Dask that pass. `make compat` runs them all.
FAST_SECONDS = float(os.environ.get("COMPAT_FAST_SECONDS", "40"))


def child(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("COMPAT_", "PYTEST_"))}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT, env=env | environment, timeout=1_600
    )


# --- the books --------------------------------------------------------------------------------------------------------


def test_ledger_only_grows(tmp_path):
    tests = [f"tests/test_x.py::test_a[{i}]" for i in range(3)]
    whole = {"tests/test_x.py::test_a": tests}
    book = Ledger({"tests/test_x.py::test_old": 0.0})
    assert book.extend({tests[0]: ("passed", 0.3), tests[1]: ("failed", 0.0), tests[2]: ("passed", 0.01)}, whole) == 2
    assert book.entries == {"tests/test_x.py::test_old": 0.0, tests[0]: 0.3, tests[2]: 0.0}
    assert book.extend({test: ("failed", 0.0) for test in tests}, whole) == 0
    assert len(book.entries) == 3
    # All of a function's tests become one entry, and that stays when one of them fails later.
    assert book.extend({tests[0]: ("passed", 1.0), tests[1]: ("passed", 0.0), tests[2]: ("skipped", 0.0)}, whole) == 1
    assert book.entries == {"tests/test_x.py::test_old": 0.0, "tests/test_x.py::test_a": 1.0}
    assert tests[1] in book and "tests/test_x.py::test_b[0]" not in book
    book.extend({tests[0]: ("failed", 0.0)}, whole)
    assert "tests/test_x.py::test_a" in book.entries
    book.write(tmp_path)
    assert Ledger.read(tmp_path).entries == book.entries


def test_ledger_keeps_odd_names(tmp_path):
    names = [
        "array/tests/test_x.py::test_a[a b-::c]",
        "dataframe/io/tests/test_y.py::TestB::test_c",
        "tests/t.py::t[#]",
    ]
    Ledger(dict.fromkeys(names, 0.0)).write(tmp_path)
    assert set(Ledger.read(tmp_path).entries) == set(names)
    assert {path.stem for path in tmp_path.iterdir()} == {"array", "dataframe.io", "tests"}


def test_fast_part_keeps_to_its_budget_and_is_the_same_each_time():
    book = Ledger({f"tests/test_x.py::test_{i}": 0.1 * (i % 9) for i in range(500)})
    part = book.fast_part(5)
    assert part == Ledger(dict(reversed(book.entries.items()))).fast_part(5)
    assert 4 < sum(book.entries[name] or 0.02 for name in part) <= 5
    assert max(book.entries[name] for name in part) <= 0.5


def test_what_is_checked_in_fits_together():
    census = books.read_census()
    files = {books.names_of(name)[0] for name in census}
    not_applicable, faults = books.read_reasons(books.NOT_APPLICABLE), books.read_reasons(books.UPSTREAM_FAULTS)
    still_open = books.read_reasons(books.OPEN)
    for reasons in (not_applicable, faults, still_open):
        # Files that skip themselves where the census was taken aren't in it.
        lost = [n for n in reasons if n in files or "::" in n if n not in files and books.names_of(n)[1] not in census]
        lost = [n for n in lost if books.names_of(n)[0] in files]
        assert not lost, "Dask has no such tests"
    listed = [name for name in Ledger.read().entries if any(n in not_applicable for n in books.names_of(name))]
    assert not listed, "the ledger lists tests that are said not to apply"
    both = [name for name in Ledger.read().entries if name in still_open]
    assert not both, "the ledger lists tests that open.txt says fail"
    assert len(census) > 3000 and sum(count.tests for count in census.values()) > 17000


def test_reasons_are_demanded(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("# words\n= Because.\ntests/test_a.py\ntests/test_b.py::test_c\n", encoding="utf-8")
    assert books.read_reasons(path) == {"tests/test_a.py": "Because.", "tests/test_b.py::test_c": "Because."}
    path.write_text("tests/test_a.py\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no reason"):
        books.read_reasons(path)


def test_what_applies_is_counted_from_the_census():
    census = {
        "tests/test_base.py::test_a": Count(10, skip=2, xfail=1),
        "tests/test_base.py::test_b": Count(3),
        "tests/test_core.py::test_c": Count(5),
        "tests/test_core.py::test_d": Count(4),
    }
    results = report.Results(
        tests={
            "tests/test_base.py::test_a[0]": {"outcome": "passed"},
            "tests/test_base.py::test_a[1]": {"outcome": "failed"},
            "tests/test_base.py::test_a[2]": {"outcome": "skipped"},
        },
        broken={"tests/test_core.py": "ImportError"},
    )
    files = ["tests/test_base.py", "tests/test_core.py"]
    rows = report.count(
        results, files, census, {"tests/test_core.py::test_d": "-"}, {"tests/test_base.py::test_b": "-"}
    )
    base, core = rows["tests/test_base.py"], rows["tests/test_core.py"]
    assert (base.census, base.told_apart, base.skipped, base.applicable) == (13, 4, 3, 6)
    assert (base.passed, base.failed, base.missing) == (1, 1, 4)
    assert (core.applicable, core.passed, core.missing, core.not_applicable) == (5, 0, 5, 4)
    assert "base" in report.table(rows) and report.table(rows).splitlines()[-1].split()[1:3] == ["1", "11"]


def test_a_test_that_skips_itself_for_lack_of_ours_fails(tmp_path):
    records = [
        {"id": "a.py::t1", "outcome": "skipped", "cause": "could not import 'dask.array': No module"},
        {"id": "a.py::t2", "outcome": "skipped", "cause": "could not import 'sparse': No module"},
        {"file": "b.py", "outcome": "skipped", "cause": "could not import 'dask.bag': No module"},
    ]
    (tmp_path / "results.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    results = report.Results.read(tmp_path)
    assert [record["outcome"] for record in results.tests.values()] == ["failed", "skipped"]
    assert list(results.broken) == ["b.py"] and not results.skipped_files


def test_regressions_are_found():
    results = report.Results(
        tests={"a.py::t[0]": {"outcome": "passed"}, "a.py::t[1]": {"outcome": "failed", "cause": "E"}},
        broken={"b.py": "ImportError"},
        skipped_files={"c.py": "could not import 'sparse'"},
    )
    assert run.regressions(results, ["a.py::t[0]", "c.py::t"]) == []
    assert run.regressions(results, ["a.py::t"]) == ["a.py::t[1]: E"]
    assert run.regressions(results, ["b.py::t", "a.py::u"]) == ["b.py::t: ImportError", "a.py::u: it was not run"]


# --- lenient imports --------------------------------------------------------------------------------------------------


def test_imports_are_rewritten_in_their_lines():
    head = "from dask.core import (\n    a,\n    b as c,\n)\n"
    source = head + "import dask.array as da, os\nfrom dask.tests.x import y\nz = 1"
    lines = compat_lenient.rewrite(source).split("\n")
    assert len(lines) == len(source.split("\n"))
    assert lines[0] == "a, c = __import__('compat_lenient').take('dask.core', 'a', 'b')"
    assert lines[4] == "da = __import__('compat_lenient').take_module('dask.array'); import os"
    assert lines[5:] == ["from dask.tests.x import y", "z = 1"]


def test_missing_names_fail_the_tests_that_use_them(monkeypatch):
    value = compat_lenient.take("dusk", "no_such_name")
    assert value.anything(1)[2] is not None  # while a file is imported, nothing happens
    monkeypatch.setattr(compat_lenient, "in_test", True)
    for use in (lambda: value(), lambda: value.x, lambda: value + 1, lambda: bool(value), lambda: isinstance(1, value)):
        with pytest.raises(pytest.fail.Exception, match=r"there is no dusk\.no_such_name"):
            use()


# --- the alias --------------------------------------------------------------------------------------------------------

ALIAS = """
import sys
import dask, dask.config, dusk
assert dask is dusk and dask.config is dusk.config and dask.config.__spec__.name == "dusk.config"
from dask.delayed import Delayed, delayed
assert dask.delayed is delayed and dusk.delayed is delayed, "the module has replaced the function"
assert sys.modules["dask.delayed"] is sys.modules["dusk.delayed"]
for name in ("dask._task_spec", "dask.no_such_module", "distributed"):
    try:
        __import__(name)
    except ModuleNotFoundError as error:
        assert error.name == name
    else:
        raise AssertionError(f"{name} came from somewhere")
import compat_alias
found = compat_alias.audit("dusk", "/nowhere")
assert found["aliased"] > 5 and not found["split"] and not found["foreign"], found
# and the audit would see it
import types
sys.modules["dask.core"] = types.ModuleType("dask.core")
sys.modules["dask.core"].__file__ = "/elsewhere/core.py"
found = compat_alias.audit("dusk", "/nowhere")
assert found["split"] == ["dask.core"] and len(found["foreign"]) == 1, found
"""


def test_alias_in_a_child_interpreter(tmp_path):
    env = work.environment(tmp_path, tmp_path, "dusk", None, blocked=("distributed",), lenient=False)
    done = subprocess.run([sys.executable, "-c", ALIAS], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


# --- runs -------------------------------------------------------------------------------------------------------------

FEW = "tests/test_config.py"


def compat(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return child("-m", "tests.compat", *arguments, **environment)


def test_dusk_is_what_is_tested(tmp_path):
    """With a function of dusk broken, tests that pass otherwise fail, and say that this function did it."""
    tests = [f"{FEW}::{name}" for name in ("test_update", "test_merge", "test_collect_yaml_dir")]
    sound, broken = tmp_path / "sound.txt", tmp_path / "broken.txt"
    done = compat("run", "-n1", "--failures", str(sound), *tests)
    assert done.returncode == 0 and not sound.read_text().strip(), done.stdout + done.stderr
    done = compat("run", "-n1", "--failures", str(broken), *tests, COMPAT_MUTATE="dusk.config:update")
    failures = broken.read_text().splitlines()
    assert failures and all(line.endswith("RuntimeError: mutant") for line in failures), done.stdout + done.stderr


@pytest.mark.timeout(1_700)  # a busy machine takes many times as long, and no test of it may fail for that
def test_the_ledger_still_passes():
    """The part of the ledger that CI has time for."""
    done = compat("check", "--fast", str(FAST_SECONDS), "--limit", "1500")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
