"""What is checked in: the ledger of what passes, why tests fail, what can't apply, upstream's own faults, the census.

All are plain text. In ``ledger/*.txt`` and ``census.txt`` a line that begins at the margin names a test file,
relative to Dask's package, and indented lines below it are tests of that file. In the ledger a function without
brackets stands for all its parametrizations; after a tab may follow the seconds that the longest of them takes. The
census has, per function, how many tests Dask has and how many of these its own marks skip, expect to fail or call
flaky:

    tests/test_base.py
        test_normalize_function 13
        test_slow 2 skip=2

In `open.txt`, `not_applicable.txt` and `upstream_faults.txt` a line with ``=`` gives a reason, and the lines below it,
up to the next one, are what it is the reason for: a file, ``file::function`` or ``file::function[parameters]``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = HERE / "ledger"
CENSUS = HERE / "census.txt"
NOT_APPLICABLE = HERE / "not_applicable.txt"
UPSTREAM_FAULTS = HERE / "upstream_faults.txt"
OPEN = HERE / "open.txt"

#: Files of Dask's top tests folder that are an area of their own.
_NAMED = ("base", "callbacks", "config", "delayed", "multiprocessing", "threaded", "tokenize", "utils")


def area_of(file: str) -> str:
    """Return the area of a test file.

    Examples
    --------
    >>> area_of("array/tests/test_fft.py"), area_of("tests/test_base.py"), area_of("dataframe/io/tests/test_csv.py")
    ('array', 'base', 'dataframe.io')
    """
    parts = file.split("/")
    if parts[0] == "tests":
        name = parts[-1].removeprefix("test_").removesuffix(".py")
        return name if name in _NAMED else "other"
    if parts[0] == "dataframe" and parts[1] != "tests":
        return f"dataframe.{parts[1]}"
    return parts[0]


def page_of(file: str) -> str:
    """Return the ledger file that a test file stands in, without its ending."""
    return "tests" if file.startswith("tests/") else area_of(file)


def names_of(test: str) -> tuple[str, str, str]:
    """Return the three names by which a list may mean a test: its file, its function, itself.

    Examples
    --------
    >>> names_of("tests/test_base.py::test_x[a::b]")
    ('tests/test_base.py', 'tests/test_base.py::test_x', 'tests/test_base.py::test_x[a::b]')
    """
    return test.split("::")[0], test.split("[")[0], test


def _indented(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the file and the text of each indented line."""
    file = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("    "):
            yield file, line[4:]
        else:
            file = line


def _write_indented(path: Path, head: str, lines: Iterable[tuple[str, str]]) -> None:
    text, last = [head.rstrip()], ""
    for file, line in lines:
        if file != last:
            text.append(file)
            last = file
        text.append("    " + line)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(text) + "\n", encoding="utf-8")


def read_reasons(path: Path) -> dict[str, str]:
    """Read a list of tests with reasons.

    Returns
    -------
    dict
        The reason for each name.
    """
    reasons: dict[str, str] = {}
    reason = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("= "):
            reason = line[2:].strip()
        elif line.strip() and not line.startswith("#"):
            if not reason:
                raise ValueError(f"{path.name}: {line!r} has no reason")
            if line in reasons:
                raise ValueError(f"{path.name}: {line!r} stands there twice")
            reasons[line] = reason
    return reasons


@dataclass
class Ledger:
    """What passes: names of tests or whole functions, with the seconds of the longest one."""

    entries: dict[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path = FOLDER) -> Ledger:
        """Read all pages."""
        found: dict[str, float] = {}
        for path in sorted(folder.glob("*.txt")):
            for file, line in _indented(path):
                name, _, seconds = line.partition("\t")
                found[f"{file}::{name}"] = float(seconds or 0)
        return cls(found)

    def write(self, folder: Path = FOLDER) -> None:
        """Write the pages."""
        pages: dict[str, list[tuple[str, str]]] = {}
        for test, seconds in sorted(self.entries.items(), key=lambda entry: entry[0].partition("::")[::2]):
            file, _, name = test.partition("::")
            text = f"{name}\t{seconds:g}" if seconds else name
            pages.setdefault(page_of(file), []).append((file, text))
        for page, lines in pages.items():
            head = (
                "# Tests of Dask that dusk passes. Written by `python -m tests.compat run --extend`, which only adds."
            )
            _write_indented(folder / f"{page}.txt", head, lines)

    def __contains__(self, test: str) -> bool:
        return any(name in self.entries for name in names_of(test)[1:])

    def extend(self, outcomes: Mapping[str, tuple[str, float]], whole: Mapping[str, list[str]]) -> int:
        """Add what has passed; nothing is taken away.

        Parameters
        ----------
        outcomes : mapping
            Outcome and seconds of each test that was run; only "passed" is added.
        whole : mapping
            For each function all its tests that apply. A function whose tests all passed is entered as one.

        Returns
        -------
        int
            How many tests are new.
        """
        new = [test for test, (outcome, _) in outcomes.items() if outcome == "passed" and test not in self]
        for test in new:
            self.entries[test] = _rounded(outcomes[test][1])
        for function, tests in whole.items():
            results = [outcomes.get(test, ("missing", 0.0)) for test in tests]
            passed = [seconds for outcome, seconds in results if outcome == "passed"]
            # What isn't installed here may be elsewhere: a skipped test neither helps nor hinders.
            if (
                passed
                and function not in self.entries
                and all(o in ("passed", "skipped", "xfailed") for o, _ in results)
            ):
                for test in tests:
                    self.entries.pop(test, None)
                self.entries[function] = _rounded(max(passed))
        return len(new)

    def fast_part(self, seconds: float, limit: float = 0.5) -> list[str]:
        """Choose functions that take about so long together, the same ones each time.

        Parameters
        ----------
        seconds : float
            Budget for the tests themselves.
        limit : float, default 0.5
            Slower ones stay out.

        Returns
        -------
        list of str
            Names of single tests and of functions.
        """
        chosen: list[str] = []
        spent = 0.0
        for test in sorted(self.entries, key=lambda name: hashlib.blake2b(name.encode()).digest()):
            cost = self.entries[test] or 0.02
            if cost <= limit and spent + cost <= seconds:
                chosen.append(test)
                spent += cost
        return sorted(chosen)


def _rounded(seconds: float) -> float:
    """Return the seconds worth noting: small ones change from run to run and would only make noise."""
    return 0.0 if seconds < 0.1 else float(f"{seconds:.1g}")


@dataclass
class Count:
    """Tests of one function, as Dask itself has them.

    Attributes
    ----------
    tests : int
        All of them.
    skip, xfail, flaky : int
        Those that upstream's marks skip, expect to fail, or try again when they fail.
    """

    tests: int = 0
    skip: int = 0
    xfail: int = 0
    flaky: int = 0

    @property
    def real(self) -> int:
        """Those that ought to pass."""
        return self.tests - self.skip - self.xfail - self.flaky


def read_census(path: Path = CENSUS) -> dict[str, Count]:
    """Read the census: a `Count` for each function."""
    census: dict[str, Count] = {}
    for file, line in _indented(path):
        name, number, *marks = line.split(" ")
        census[f"{file}::{name}"] = Count(int(number), **{key: int(n) for key, n in (m.split("=") for m in marks)})
    return census


def write_census(collected: Iterable[tuple[str, str]], path: Path = CENSUS) -> None:
    """Write the census.

    Parameters
    ----------
    collected : iterable
        Each test and its mark: "", "skip", "xfail" or "flaky".
    path : Path
        The file.
    """
    census: dict[str, Count] = {}
    for test, mark in collected:
        count = census.setdefault(names_of(test)[1], Count())
        count.tests += 1
        if mark:
            setattr(count, mark, getattr(count, mark) + 1)
    lines = []
    for function, count in sorted(census.items(), key=lambda entry: entry[0].partition("::")[::2]):
        file, _, name = function.partition("::")
        marks = [f"{mark}={n}" for mark in ("skip", "xfail", "flaky") if (n := getattr(count, mark))]
        lines.append((file, " ".join([name, str(count.tests), *marks])))
    _write_indented(path, "# How many tests Dask has. Written by `python -m tests.compat census`.", lines)
