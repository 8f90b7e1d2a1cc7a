"""Race the engines: ``python -m benchmarks.run [workload ...] --rounds 5 --scale 1``.

Each run is a new process, so that no engine profits from what another left behind. Within a round the engines take
turns, and each round begins with another engine, so that a slow minute of the machine hits all of them. The files are
read into the page cache before each run. In the first round every answer is compared with that of pandas, or of NumPy
for arrays.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import answers
from benchmarks.datasets import Data
from benchmarks.workloads import ALL, Workload

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "results"
OURS = "dusk"


@dataclass
class Contestant:
    """What is known about an engine in one race."""

    name: str
    runs: list[dict] = field(default_factory=list)
    # Why it takes no further part: not installed, failed, too slow, a wrong answer.
    out: str | None = None
    wrong: bool = False

    def of(self, name: str) -> list[float]:
        """Give one figure of all runs."""
        return [run[name] for run in self.runs]


def run_once(workload: Workload, name: str, scale: float, answer: Path | None, timeout: float) -> dict:
    """Start one run in a new process; give its figures, or {"failed": why}."""
    command = [sys.executable, "-m", "benchmarks.child", workload.name, name, "--scale", str(scale)]
    if answer is not None:
        command += ["--answer", str(answer)]
    try:
        done = subprocess.run(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"stopped after {timeout:.0f} s"}
    if done.returncode != 0:
        # The exception's own line says more than what may follow it.
        said = [line for line in done.stderr.splitlines() if line.strip()]
        named = [line for line in said if re.match(r"[\w.]+(Error|Exception|Interrupt)\b", line)]
        return {"failed": (named or said or [f"ended with status {done.returncode}"])[-1][:300]}
    return json.loads(done.stdout.splitlines()[-1])


def take_turn(workload: Workload, data: Data, contestant: Contestant, options, expected: dict | None) -> dict | None:
    """Run a contestant once, note the figures, and give its answer when it has to be compared."""
    with tempfile.TemporaryDirectory() as folder:
        first = not contestant.runs and contestant.name.split(":")[0] not in workload.unchecked
        path = Path(folder) / "answer.npz" if first else None
        data.read_through()
        outcome = run_once(workload, contestant.name, options.scale, path, options.timeout)
        answer = answers.load(path) if path is not None and path.exists() else None
    if "missing" in outcome:
        contestant.out = f"SKIPPED, does not import: {outcome['missing']}"
    elif "failed" in outcome:
        contestant.out = f"FAILED: {outcome['failed']}"
    else:
        contestant.runs.append(outcome)
        if expected is not None and answer is not None and (how := answers.difference(expected, answer)):
            contestant.out, contestant.wrong = f"WRONG ANSWER: {how}", True
    if contestant.out:
        print(f"  {contestant.name}: {contestant.out}", flush=True)
    return answer


def race(workload: Workload, options) -> list[Contestant]:
    """Run one workload and print its table."""
    try:
        data = workload.data(options.scale)
    except ImportError as error:
        print(f"\n{workload.name}: SKIPPED, its data can't be made: {error}", flush=True)
        return []
    print(f"\n{workload.name}: {workload.title}  ({data.size / 1e6:,.0f} MB on disk)", flush=True)
    check = Contestant(workload.check)
    expected = take_turn(workload, data, check, options, None)
    if expected is None:
        print(f"  the answers can't be compared: {workload.check} gave none", flush=True)
    names = [name for name in workload.contestants if name != workload.check]
    if options.engines:
        names = [name for name in names if name in options.engines or name.split(":")[0] in options.engines]
    field_ = [Contestant(name) for name in names]
    for number in range(options.rounds):
        turn = number % len(field_) if field_ else 0
        # NumPy races as well; its first run gave the answer. pandas is there for the answer alone.
        also = [check] if number and workload.check != "pandas" else []
        for contestant in field_[turn:] + field_[:turn] + also:
            if contestant.out is None:
                take_turn(workload, data, contestant, options, expected)
    print_table([*field_, check])
    return [*field_, check]


def print_table(field_: list[Contestant]) -> None:
    """Print the figures. The ratios say how many times dusk's time (or memory) an engine takes."""
    heads = [
        "engine",
        "version",
        "runs",
        "min s",
        "median s",
        "CPU s",
        "of it sys",
        "x min",
        "x median",
        "peak MB",
        "x MB",
    ]
    ours = next((c for c in field_ if c.name == OURS and c.runs), None)

    def ratio(value: float, name: str, pick) -> str:
        return f"{value / pick(ours.of(name)):.2f}" if ours else "-"

    rows = []
    for contestant in sorted(field_, key=lambda c: min(c.of("seconds"), default=float("inf"))):
        if not contestant.runs:
            rows.append([contestant.name, contestant.out or "no run"])
            continue
        seconds, peak = contestant.of("seconds"), max(contestant.of("peak_mb"))
        cpu = [user + system for user, system in zip(contestant.of("user"), contestant.of("system"), strict=True)]
        rows.append(
            [
                contestant.name,
                contestant.runs[0]["version"],
                str(len(seconds)),
                f"{min(seconds):.3f}",
                f"{statistics.median(seconds):.3f}",
                f"{statistics.median(cpu):.2f}",
                f"{statistics.median(contestant.of('system')):.2f}",
                ratio(min(seconds), "seconds", min),
                ratio(statistics.median(seconds), "seconds", statistics.median),
                f"{peak:,.0f}",
                ratio(peak, "peak_mb", max),
                contestant.out or "",
            ]
        )
    whole = [row for row in rows if len(row) > 2]
    widths = [max(len(row[i]) for row in [heads, *whole]) for i in range(len(heads))]
    widths[0] = max(len(row[0]) for row in [heads, *rows])
    for row in [heads, *rows]:
        if len(row) == 2:
            print(f"  {row[0]:<{widths[0]}}  {row[1]}")
            continue
        cells = [f"{cell:<{w}}" if i < 2 else f"{cell:>{w}}" for i, (cell, w) in enumerate(zip(row, widths))]
        print("  " + "  ".join([*cells, *row[len(heads) :]]).rstrip())
    sys.stdout.flush()


def machine() -> dict[str, object]:
    """Describe the machine, for the file with the results."""
    return {
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
    }


def parsed(arguments: list[str] | None):
    parser = argparse.ArgumentParser(description="Race dusk against Dask, Polars, DuckDB and DataFusion.")
    parser.add_argument("workloads", nargs="*", metavar="workload", help=f"which of {', '.join(ALL)}; all by default")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each engine (default: 5)")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the data; 0.01 for a quick look (default: 1)")
    parser.add_argument("--engines", type=lambda text: text.split(","), help="only these, separated by commas")
    parser.add_argument(
        "--timeout", type=float, default=900, help="seconds after which a run is given up (default: 900)"
    )
    parser.add_argument("--json", type=Path, help="where the figures go (default: a file in benchmarks/results)")
    options = parser.parse_args(arguments)
    for name in options.workloads:
        # argparse's `choices` does not allow an empty list, which means all.
        if name not in ALL:
            parser.error(f"no workload {name!r}; there are {', '.join(ALL)}")
    return options


def main(arguments: list[str] | None = None) -> int:
    options = parsed(arguments)
    facts = machine()
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    wrong = False
    report: dict[str, object] = {"machine": facts, "scale": options.scale, "workloads": {}}
    for name in options.workloads or ALL:
        outcome = race(ALL[name], options)
        wrong |= any(contestant.wrong for contestant in outcome)
        report["workloads"][name] = {c.name: {"runs": c.runs, "out": c.out} for c in outcome}
    path = options.json or RESULTS / time.strftime("%Y%m%d-%H%M%S.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n")
    print(f"\nfigures in {os.path.relpath(path)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
