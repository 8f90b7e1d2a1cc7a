"""The runner's side inside pytest: upstream's root conftest, which the wheel lacks, selection, results, audit.

Options come from the runner: ``--compat-out`` names the folder for results, ``--compat-select`` a JSON file with
``only`` and ``without``, lists of ids where ``file``, ``file::function`` and ``file::function[parameters]`` count.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

import compat_alias
import compat_lenient
import pytest

compat_alias.install_from_environment()

TARGET = os.environ["COMPAT_TARGET"]
TESTS = os.environ["COMPAT_TESTS"]
#: A test that ignores the alarm of its timeout this many times over ends its worker.
HARD_LIMIT = 3

# The real names: `dask.array.utils` never comes to pytest's hook.
pytest.register_assert_rewrite(f"{TARGET}.array.utils", f"{TARGET}.dataframe.utils", f"{TARGET}.bag.utils")

MARKERS = (
    "network: Test requires an internet connection",
    "slow: Skipped unless --runslow passed",
    "gpu: marks tests we want to run on GPUs",
    "skip_with_pyarrow_strings: skipped when pyarrow string conversion is on",
    "xfail_with_pyarrow_strings: xfailed when pyarrow string conversion is on",
    "array_expr: Tests that are array-expr specific",
    "normal_and_array_expr: Tests that should run with and without array-expr",
    "flaky(reruns=0, reruns_delay=0): of pytest-rerunfailures",
)


def ids_of(nodeid: str) -> tuple[str, str, str]:
    """Return the three names of a test: its file, its function, itself, without the folder ``dask``."""
    nodeid = nodeid.removeprefix("dask/")
    return nodeid.split("::")[0], nodeid.split("[")[0], nodeid


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--runslow", action="store_true", help="run slow tests")
    parser.addoption("--runarrayexpr", action="store_true", help="run array-expr tests")
    parser.addoption("--compat-out", default=None, help="folder for results")
    parser.addoption("--compat-select", default=None, help="JSON file with what to run")


def pytest_configure(config: pytest.Config) -> None:
    compat_alias.to_front()  # pytest has put its own hook there
    for line in MARKERS:
        config.addinivalue_line("markers", line)
    out = config.getoption("--compat-out")
    if out:
        config.pluginmanager.register(_Recorder(out, is_worker=hasattr(config, "workerinput")), "compat_recorder")


def pytest_sessionstart(session: pytest.Session) -> None:
    name = os.environ.get("COMPAT_MUTATE")
    if name and (hasattr(session.config, "workerinput") or not session.config.getoption("numprocesses", None)):
        mutate(name)


def mutate(name: str) -> None:
    """Make a function of the target fail, wherever it has been imported to; ``name`` is ``module:qualified.name``."""
    module, _, path = name.partition(":")
    found: Any = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)

    def mutant(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("mutant")

    found.__code__ = mutant.__code__


def _skip_reason(item: pytest.Item) -> str | None:
    """What upstream's root conftest skips, and what would need the network or a GPU."""
    option, marks = item.config.getoption, item.keywords
    if "slow" in marks and not option("--runslow"):
        return "need --runslow option to run"
    if "array_expr" in marks and not option("--runarrayexpr"):
        return "need --runarrayexpr option to run"
    if option("--runarrayexpr") and "array_expr" not in marks and "normal_and_array_expr" not in marks:
        return "only array-expr tests are being run"
    return "needs the network" if "network" in marks else None


def pytest_runtest_setup(item: pytest.Item) -> None:
    reason = _skip_reason(item)
    if reason:
        pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    compat_lenient.in_test = True
    limit = float(item.config.getoption("timeout", None) or 0)
    if limit:  # the alarm is handled by Python, which native code may keep from running
        faulthandler.dump_traceback_later(limit * HARD_LIMIT, exit=True, file=sys.__stderr__)
    try:
        return (yield)
    finally:
        compat_lenient.in_test = False
        if limit:
            faulthandler.cancel_dump_traceback_later()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    out = config.getoption("--compat-out")
    if out:
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        path = os.path.join(out, f"collected-{worker}.json")
        compat_alias.write_json(path, [_describe(item) for item in items])
    path = config.getoption("--compat-select")
    if not path:
        return
    with open(path, encoding="utf-8") as file:
        selection = json.load(file)
    only = None if selection["only"] is None else set(selection["only"])
    without = set(selection["without"])
    kept, dropped = [], []
    for item in items:
        names = ids_of(item.nodeid)
        wanted = (only is None or not only.isdisjoint(names)) and without.isdisjoint(names)
        (kept if wanted else dropped).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=dropped)


def _describe(item: pytest.Item) -> tuple[str, str]:
    """Return a test's id and, as far as its marks say so, what will become of it: "", "skip", "xfail" or "flaky"."""
    from _pytest.skipping import evaluate_skip_marks, evaluate_xfail_marks

    name = ids_of(item.nodeid)[2]
    if "flaky" in item.keywords:
        return name, "flaky"
    try:
        if _skip_reason(item) or evaluate_skip_marks(item):
            return name, "skip"
        return name, "xfail" if evaluate_xfail_marks(item) else ""
    except BaseException:  # a condition may touch what the target lacks, and `pytest.fail` is no Exception
        return name, ""


class _Recorder:
    """Writes a line for each test, each file that fails to import, and an audit of each process.

    Parameters
    ----------
    out : str
        Folder for the files.
    is_worker : bool
        Whether another process, the one that starts the workers, gets all results.
    """

    def __init__(self, out: str, is_worker: bool) -> None:
        self._out = out
        self._is_worker = is_worker
        self._tests: dict[str, dict[str, Any]] = {}

    def _write(self, record: dict[str, Any]) -> None:
        with open(os.path.join(self._out, "results.jsonl"), "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        # Workers tell of failures but not of skips; each of them collects the same files, and one line is enough for
        # all.
        if report.outcome == "skipped" or (report.outcome == "failed" and not self._is_worker):
            name = ids_of(report.nodeid)[0]
            self._write({"file": name, "outcome": report.outcome, "cause": _cause(report)})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._is_worker or str(report.outcome) == "rerun":
            return
        name = ids_of(report.nodeid)[2]
        if report.when == "setup":  # also of a second try
            self._tests[name] = {"id": name, "outcome": "passed", "seconds": 0.0}
        record = self._tests.setdefault(name, {"id": name, "outcome": "passed", "seconds": 0.0})
        record["seconds"] = round(record["seconds"] + report.duration, 3)
        if hasattr(report, "wasxfail"):
            record["outcome"] = "xfailed" if report.outcome == "skipped" else "xpassed"
        elif report.outcome != "passed" and record["outcome"] != "failed":
            record["outcome"] = report.outcome
            record["cause"] = _cause(report)
            record["where"] = _where(report)
        if report.when == "teardown" or report.when not in ("setup", "call"):  # "???": the worker has died
            self._write(self._tests.pop(name))

    @pytest.hookimpl(tryfirst=True)  # before xdist tells that this worker is done
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        for record in self._tests.values():
            self._write(record)
        if TARGET != compat_alias.SOURCE:
            worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
            path = os.path.join(self._out, f"audit-{worker}.json")
            compat_alias.write_json(path, compat_alias.audit(TARGET, TESTS))


def _cause(report: Any) -> str:
    """Return the first line of what a report says about a failure or a skip."""
    told = report.longrepr
    if isinstance(told, tuple):  # a skip: file, line, reason
        return str(told[2]).removeprefix("Skipped: ").split("\n")[0]
    crash = getattr(told, "reprcrash", None)
    text = str(crash.message if crash is not None else told).strip()
    lines = text.split("\n")
    if crash is None and len(lines) > 1:  # an error in importing a file: the last line says most
        marked = [line for line in lines if line.startswith("E  ")]
        return re.sub(r"^E\s+", "", (marked or lines)[-1])[:400]
    return lines[0][:400]


def _where(report: Any) -> str:
    """Return where in the target a test failed, else where in the test: ``file:line``."""
    entries = getattr(getattr(report.longrepr, "reprtraceback", None), "reprentries", [])
    places = [each.reprfileloc for each in entries if getattr(each, "reprfileloc", None) is not None]
    inside = [each for each in places if f"{os.sep}{TARGET}{os.sep}" in os.path.abspath(os.path.join(TESTS, each.path))]
    chosen = (inside or places)[-1:]
    return f"{chosen[0].path}:{chosen[0].lineno}" if chosen else ""
