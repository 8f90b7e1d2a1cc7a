"""Run Dask's own tests against dusk.

    python -m tests.compat run [FILES...]       what applies; a table, and why tests fail
    python -m tests.compat run --extend         the same, and enter into the ledger what passed
    python -m tests.compat check [FILES...]     what the ledger lists; fails when one of these doesn't pass
    python -m tests.compat check --fast 60      a part of it that takes about so many seconds
    python -m tests.compat census               count Dask's tests anew, after another version was pinned

Files are relative to Dask's package: `array/tests/test_fft.py`, `dataframe` for a folder, `tests/test_base.py::test_x`.
What stands after `--` goes to pytest.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.compat import ledger as books
from tests.compat import report, work
from tests.compat.ledger import Ledger, names_of


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit status."""
    given = list(sys.argv[1:] if argv is None else argv)
    after = given.index("--") if "--" in given else len(given)
    options = _parser().parse_args(given[:after])
    options.pytest = given[after + 1 :]
    try:
        with contextlib.ExitStack() as stack:
            folder = options.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dusk-compat-")))
            options.work = folder.resolve()
            return options.command(options)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("files", nargs="*", metavar="FILE", help="files, folders or tests; by default everything")
    common.add_argument("-n", dest="workers", type=int, default=min(os.cpu_count() or 1, 4), help="worker processes")
    common.add_argument("--timeout", type=float, default=60, help="seconds for one test")
    common.add_argument("--limit", type=float, default=2400, help="seconds for all of it")
    common.add_argument("--target", default="dusk", help="package in Dask's place; 'dask' runs the installed Dask")
    common.add_argument("--target-path", type=Path, help="folder that holds the target, if it isn't installed")
    common.add_argument("--work", type=Path, help="folder to work in, which stays; by default a temporary one")
    common.add_argument("--block", default=",".join(work.BLOCKED), help="names that must look uninstalled")
    common.add_argument("--lenient", action=argparse.BooleanOptionalAction, default=True,
                        help="a name the target lacks fails the tests that use it, not the whole file")  # fmt: skip
    common.add_argument("--strict", action=argparse.BooleanOptionalAction, default=True,
                        help="warnings are errors, as upstream has it")  # fmt: skip
    common.add_argument("--runslow", action="store_true", help="also what upstream calls slow")
    parser = argparse.ArgumentParser(
        prog="python -m tests.compat", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", parents=[common], help="run what applies")
    run.add_argument("--extend", action="store_true", help="enter what passed into the ledger")
    run.add_argument("--all", action="store_true", help="also what can't apply, to see whether it does after all")
    run.add_argument("--causes", type=int, default=30, help="how many reasons for failing to print")
    run.add_argument("--failures", type=Path, help="file to write all failures to")
    run.add_argument("--areas-only", action="store_true", help="no line per file in the table")
    run.set_defaults(command=_run)
    check = commands.add_parser("check", parents=[common], help="run what the ledger lists")
    check.add_argument("--fast", type=float, metavar="SECONDS", help="only a part of it, of about that length")
    check.set_defaults(command=_check)
    census = commands.add_parser("census", parents=[common], help="count Dask's tests")
    census.set_defaults(command=_census)
    return parser


class Session:
    """One run of pytest on the copied tests.

    Parameters
    ----------
    options : argparse.Namespace
        As the command line gives them.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.work: Path = options.work
        self.out = self.work / "out"
        self.out.mkdir(parents=True, exist_ok=True)
        for old in self.out.iterdir():
            old.unlink()
        folder = work.find_dask() if options.target == "dask" else work.find_target(options.target, options.target_path)
        self.all_files = work.make_work_folder(
            self.work, options.target, folder, lenient=options.lenient and options.target != "dask",
            strict=options.strict,
        )  # fmt: skip

    def chosen(self) -> list[str]:
        """Return the test files that the command line names."""
        wanted = [each.split("::")[0].rstrip("/") for each in self.options.files]
        found = [f for f in self.all_files if not wanted or any(f == w or f.startswith(w + "/") for w in wanted)]
        lost = [w for w in wanted if not any(f == w or f.startswith(w + "/") for f in self.all_files)]
        if lost:
            raise RuntimeError(f"Dask has no test file {lost[0]}")
        return found

    def run(
        self,
        files: Sequence[str],
        *,
        only: Iterable[str] | None = None,
        without: Iterable[str] = (),
        extra: Sequence[str] = (),
    ) -> report.Results:
        """Run pytest and return what it showed.

        Parameters
        ----------
        files : sequence of str
            Test files to collect.
        only : iterable of str, optional
            Names of what to run; by default everything in the files.
        without : iterable of str
            Names of what not to run.
        extra : sequence of str
            More arguments for pytest.
        """
        options = self.options
        named = [each for each in options.files if "::" in each]
        if named:
            only = [name for name in only if name in named or names_of(name)[1] in named] if only is not None else named
        selection = {"only": None if only is None else sorted(only), "without": sorted(without)}
        (self.out / "selection.json").write_text(json.dumps(selection), encoding="utf-8")
        plugins = [] if "--collect-only" in extra else [f"-n{options.workers}", "--max-worker-restart=100"]
        command = [
            sys.executable, "-m", "pytest", "-p", "compat_plugin", "-p", "no:cacheprovider", "-c", "pytest.ini",
            f"--rootdir={self.work}", f"--compat-out={self.out}", f"--compat-select={self.out / 'selection.json'}",
            f"--timeout={options.timeout}", "--continue-on-collection-errors", "-q", "--tb=short", *plugins,
            *(["--runslow"] if options.runslow else []), *extra, *options.pytest, *(f"dask/{file}" for file in files),
        ]  # fmt: skip
        blocked = tuple(each for each in options.block.split(",") if each)
        env = work.environment(
            self.work, self.out, options.target, options.target_path, blocked=blocked, lenient=options.lenient
        )
        if os.environ.get("COMPAT_MUTATE"):
            env["COMPAT_MUTATE"] = os.environ["COMPAT_MUTATE"]
        started, log = time.monotonic(), self.out / "pytest.log"
        process = work.start(command, self.work, env, log)
        try:
            status = process.wait(options.limit)
        except subprocess.TimeoutExpired:
            status = -1
            print(f"stopped after {options.limit:.0f} s; what follows is about the part that was run")
        finally:
            with contextlib.suppress(ProcessLookupError):  # children may outlive pytest
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        results = report.Results.read(self.out)
        # 0: all passed, 1: some failed, 2: some files failed to import, 5: nothing was collected
        if status not in (-1, 0, 1, 2, 5) or not (results.marks or results.broken or results.skipped_files):
            print(log.read_text(encoding="utf-8", errors="replace")[-6000:])
            raise RuntimeError(f"pytest ended with status {status}")
        print(f"{len(results.tests)} tests in {time.monotonic() - started:.0f} s")
        return results


def _lists() -> tuple[dict[str, str], dict[str, str]]:
    return books.read_reasons(books.NOT_APPLICABLE), books.read_reasons(books.UPSTREAM_FAULTS)


def _audited(results: report.Results, target: str) -> bool:
    """Print what the audits found; say whether all is well."""
    faults = results.faults()
    if target != "dask" and results.tests and not any(audit["aliased"] for audit in results.audits.values()):
        faults.append("no process that ran tests has said what it imported")
    for line in faults[:20]:
        print("AUDIT", line)
    return not faults


def _run(options: argparse.Namespace) -> int:
    not_applicable, faults = _lists()
    session = Session(options)
    files = session.chosen()
    without = set() if options.all else set(not_applicable)
    results = session.run([file for file in files if file not in without], without=without)
    rows = report.count(results, files, books.read_census(), not_applicable, faults)
    print(report.table(rows, by_file=not options.areas_only))
    failed = [
        test
        for test, record in results.tests.items()
        if record["outcome"] == "failed" and not any(n in not_applicable or n in faults for n in names_of(test))
    ]
    if failed:
        print(f"\n{len(failed)} failures by cause")
        print(report.causes(results, failed, options.causes))
    _explain(results, failed)
    for file, cause in sorted(results.broken.items()):
        if file not in not_applicable:
            print(f"\nnot imported: {file}: {cause}")
    if options.failures:
        lines = [
            f"{t}\t{results.tests[t].get('where', '')}\t{results.tests[t].get('cause', '')}" for t in sorted(failed)
        ]
        options.failures.write_text("\n".join(lines) + "\n", encoding="utf-8")
    surprises = [t for t, r in results.tests.items() if r["outcome"] == "passed" and _is_listed(t, not_applicable)]
    if surprises:
        print(f"\n{len(surprises)} tests pass though not_applicable.txt says they can't apply, e.g. {surprises[0]}")
    if options.extend and options.target == "dusk":
        print(f"{_extend(results, not_applicable, faults)} tests are new in the ledger")
    return 0 if _audited(results, options.target) else 1


def _explain(results: report.Results, failed: Sequence[str]) -> None:
    """Print what the failures are put down to, which ones to nothing, and which reasons have no failure any more."""
    reasons = books.read_reasons(books.OPEN)
    known: dict[str, int] = {}
    unknown = []
    for test in failed:
        name = next((name for name in names_of(test) if name in reasons), None)
        if name is None:
            unknown.append(test)
        else:
            known[reasons[name]] = known.get(reasons[name], 0) + 1
    for reason, number in sorted(known.items(), key=lambda entry: -entry[1]):
        print(f"{number:5}  {reason}")
    if unknown:
        print(f"{len(unknown):5}  failures without a reason in open.txt, e.g. {unknown[0]}")
    failing = {name for test in failed for name in names_of(test)}
    run = {name for test in results.tests for name in names_of(test)}
    over = [name for name in reasons if name in run and name not in failing]
    if over:
        print(f"{len(over)} entries of open.txt fail no more, e.g. {over[0]}")


def _is_listed(test: str, reasons: dict[str, str]) -> bool:
    return any(name in reasons for name in names_of(test))


def _extend(results: report.Results, not_applicable: dict[str, str], faults: dict[str, str]) -> int:
    """Enter what passed into the ledger, but what is said to fail; return how many tests are new."""
    not_applicable = not_applicable | books.read_reasons(books.OPEN)
    counted = {
        test: (record["outcome"], record["seconds"])
        for test, record in results.tests.items()
        if not _is_listed(test, not_applicable) and not _is_listed(test, faults) and results.marks.get(test) != "flaky"
    }
    whole: dict[str, list[str]] = {}
    for test, mark in results.marks.items():
        if mark != "flaky" and not _is_listed(test, not_applicable) and not _is_listed(test, faults):
            whole.setdefault(names_of(test)[1], []).append(test)
    # A parametrization over something that the target lacks is collected in part; such a function isn't entered as one.
    census = books.read_census()
    whole = {function: tests for function, tests in whole.items() if len(tests) >= _expected(function, census, faults)}
    ledger = Ledger.read()
    new = ledger.extend(counted, whole)
    ledger.write()
    return new


def _expected(function: str, census: dict[str, books.Count], faults: dict[str, str]) -> int:
    count = census.get(function)
    listed = sum(names_of(name)[1] == function for name in faults)
    return count.tests - count.flaky - listed if count is not None else 0


def _check(options: argparse.Namespace) -> int:
    session = Session(options)
    files = session.chosen()
    ledger = Ledger.read()
    names = ledger.fast_part(options.fast) if options.fast else sorted(ledger.entries)
    names = [name for name in names if names_of(name)[0] in set(files)]
    if not names:
        print("the ledger lists nothing there")
        return 1
    not_applicable, faults = _lists()
    needed = sorted({names_of(name)[0] for name in names})
    results = session.run(needed, only=names, without=[*not_applicable, *faults])
    bad = regressions(results, names)
    for line in bad:
        print("NO LONGER PASSES", line)
    print(f"{len(names)} entries of the ledger, {len(bad)} of them no longer pass")
    return 0 if _audited(results, options.target) and not bad else 1


def regressions(results: report.Results, names: Iterable[str]) -> list[str]:
    """Return, in words, which entries of the ledger no longer pass.

    Parameters
    ----------
    results : Results
        What a run of them has shown.
    names : iterable of str
        The entries: tests, and functions that stand for all their tests.
    """
    seen: dict[str, list[str]] = {}
    for test in results.tests:
        for name in names_of(test)[1:]:
            seen.setdefault(name, []).append(test)
    skipped = {file for file in results.skipped_files if file not in results.broken}
    bad: list[str] = []
    for name in names:
        tests = dict.fromkeys(seen.get(name, ()))
        if not tests and names_of(name)[0] not in skipped:
            bad.append(f"{name}: {results.broken.get(names_of(name)[0], 'it was not run')}")
        for test in tests:
            record = results.tests[test]
            if record["outcome"] == "failed" and results.marks.get(test) != "flaky":
                bad.append(f"{test}: {record.get('cause', '')}")
    return bad


def _census(options: argparse.Namespace) -> int:
    options.target = "dask"
    session = Session(options)
    results = session.run(session.all_files, extra=["--collect-only"])
    books.write_census(results.marks.items())
    print(f"{len(results.marks)} tests")
    return 0
