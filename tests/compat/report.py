"""What a run has shown: outcomes, the table per area and file, the causes of failures."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.compat.ledger import Count, area_of, names_of

# A test that skips itself because dusk lacks something is one that fails.
_OUR_FAULT = re.compile(
    r"could not import '?(dask|dusk)\b(?!_)|no module named '?(dask|dusk)\b(?!_)|got empty parameter set"
    r"|condition: not (da|dd|db|bag|array|dataframe)\b",
    re.IGNORECASE,
)


@dataclass
class Results:
    """Outcomes of a run.

    Attributes
    ----------
    tests : dict
        Record of each test: outcome, seconds, cause, where.
    broken : dict
        Files that could not be imported, with the reason.
    skipped_files : dict
        Files that skip themselves as a whole, with the reason.
    marks : dict
        All tests that were collected, also those not run, each with its mark.
    audits : dict
        What each process found wrong with its imports.
    """

    tests: dict[str, dict[str, Any]] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    skipped_files: dict[str, str] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    audits: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def read(cls, out: Path) -> Results:
        """Read what the plugin has written."""
        found = cls()
        path = out / "results.jsonl"
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            record = json.loads(line)
            if "file" in record:
                place = found.broken if record["outcome"] == "failed" else found.skipped_files
                place[record["file"]] = record["cause"]
            else:
                if record["outcome"] == "skipped" and _OUR_FAULT.search(record.get("cause", "")):
                    record["outcome"] = "failed"
                found.tests[record["id"]] = record
        for file, cause in list(found.skipped_files.items()):
            if _OUR_FAULT.search(cause):
                found.broken[file] = found.skipped_files.pop(file)
        for each in sorted(out.glob("collected-*.json")):
            found.marks.update(dict(json.loads(each.read_text(encoding="utf-8"))))
        for each in sorted(out.glob("audit-*.json")):
            found.audits[each.stem] = json.loads(each.read_text(encoding="utf-8"))
        return found

    def faults(self) -> list[str]:
        """Return what the audits found, in words; nothing of it may be there."""
        return [
            f"{process}: {what} {kind}"
            for process, audit in self.audits.items()
            for kind in ("split", "foreign")
            for what in audit[kind]
        ]


@dataclass
class Row:
    """Numbers of a file or an area."""

    census: int = 0
    not_applicable: int = 0
    told_apart: int = 0
    skipped: int = 0
    passed: int = 0
    failed: int = 0

    @property
    def applicable(self) -> int:
        """What ought to pass here: those that passed or failed, and those that are missing."""
        return max(self.census - self.not_applicable - self.told_apart - self.skipped, self.passed)

    @property
    def missing(self) -> int:
        """Tests that Dask has and that did not even start."""
        return max(self.applicable - self.passed - self.failed, 0)

    def __add__(self, other: Row) -> Row:
        return Row(*(mine + theirs for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True)))


def count(
    results: Results,
    files: Iterable[str],
    census: Mapping[str, Count],
    not_applicable: Mapping[str, str],
    faults: Mapping[str, str],
) -> dict[str, Row]:
    """Return a row for each file.

    What applies is counted from the census and not from what was collected, so that a file that fails to import, or a
    parametrization over something that isn't there, can't make the share of passed tests look better.
    """
    rows = {file: Row() for file in files}
    for function, number in census.items():
        file = names_of(function)[0]
        if file in rows:
            row = rows[file]
            row.census += number.tests
            if file in not_applicable or function in not_applicable:
                row.not_applicable += number.tests
            elif function in faults:
                row.told_apart += number.tests
            else:
                row.told_apart += number.flaky + number.xfail
                row.skipped += number.skip
    for name, kind in [*((n, "not_applicable") for n in not_applicable), *((n, "told_apart") for n in faults)]:
        file, function, _ = names_of(name)
        if "[" in name and file in rows and function not in not_applicable and file not in not_applicable:
            setattr(rows[file], kind, getattr(rows[file], kind) + 1)
    here: Counter[str] = Counter()
    for test, record in results.tests.items():
        file, function, _ = names_of(test)
        if file not in rows or any(name in not_applicable or name in faults for name in names_of(test)):
            continue
        row, mark, outcome = rows[file], results.marks.get(test, ""), record["outcome"]
        if mark == "skip" and outcome == "skipped":
            here[function] += 1  # of these the census knows the ones that skip themselves everywhere
        if mark:
            continue  # counted by the census
        if outcome == "passed":
            row.passed += 1
        elif outcome == "failed":
            row.failed += 1
        else:
            row.skipped += 1
    for function, number in here.items():  # a package that they need isn't there
        rows[names_of(function)[0]].skipped += max(number - census[function].skip, 0) if function in census else 0
    for file in results.skipped_files:
        if file in rows:
            row = rows[file]
            row.skipped = row.census - row.not_applicable - row.told_apart
    return rows


def table(rows: Mapping[str, Row], *, by_file: bool = True) -> str:
    """Return the table as text: areas, and below each its files."""
    head = (
        f"{'':54} {'passed':>6} {'applic.':>7} {'%':>6} {'failed':>6} {'absent':>6} {'n/a':>5} {'skip':>5} {'apart':>5}"
    )
    areas: dict[str, list[str]] = {}
    for file in rows:
        areas.setdefault(area_of(file), []).append(file)
    lines = [head]
    for area in sorted(areas):
        lines.append(_line(area, sum((rows[file] for file in areas[area]), Row())))
        if by_file and len(areas[area]) > 1:
            lines += [_line("    " + file, rows[file]) for file in sorted(areas[area]) if rows[file].census]
    lines.append(_line("all", sum(rows.values(), Row())))
    return "\n".join(lines)


def _line(name: str, row: Row) -> str:
    share = f"{100 * row.passed / row.applicable:.1f}" if row.applicable else "-"
    return (
        f"{name:54} {row.passed:6} {row.applicable:7} {share:>6} {row.failed:6} {row.missing:6} "
        f"{row.not_applicable:5} {row.skipped:5} {row.told_apart:5}"
    )


_VARIABLE = (
    (re.compile(r"0x[0-9a-f]+"), "0x"),
    (re.compile(r"[0-9a-f]{16,}"), "#"),
    (re.compile(r"\d+"), "#"),
    (re.compile(r"/[\w./-]{12,}"), "/..."),
)


def plain(cause: str) -> str:
    """Return a message without what differs from one failure to the next.

    Examples
    --------
    >>> plain("KeyError: 'sum-0123456789abcdef0' at 0x7f00, 12 of 30")
    "KeyError: 'sum-#' at 0x, # of #"
    """
    for pattern, word in _VARIABLE:
        cause = pattern.sub(word, cause)
    return cause[:160]


def causes(results: Results, tests: Iterable[str], most: int) -> str:
    """Return the commonest reasons for failing, with how many tests fail for each, and where."""
    counts: Counter[str] = Counter()
    places: dict[str, Counter[str]] = {}
    examples: dict[str, str] = {}
    for test in tests:
        record = results.tests[test]
        words = plain(record.get("cause", ""))
        counts[words] += 1
        places.setdefault(words, Counter())[record.get("where", "").rpartition("/python/")[2]] += 1
        examples.setdefault(words, test)
    lines = []
    for words, number in counts.most_common(most):
        where, _ = places[words].most_common(1)[0]
        lines.append(f"{number:5}  {words}\n       {where}  e.g. {examples[words]}")
    if len(counts) > most:
        lines.append(f"       and {len(counts) - most} other causes, {counts.total() - sum(n for _, n in counts.most_common(most))} tests")  # fmt: skip  # noqa: E501
    return "\n".join(lines)
