"""Who did the work: native kernels, pandas or NumPy, or functions of the user.

Every run in this process leaves a short note of the steps of its plan, which is read when somebody asks for a report.
"""

from __future__ import annotations

import html
import re
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dusk._forks import new_lock

if TYPE_CHECKING:
    import pandas as pd

    from dusk._core import Node

__all__ = ["CompatReport", "compat_report"]

#: The tiers as plans call them, and as a reader should see them.
TIERS = {"native": "native", "pandas": "pandas/NumPy", "user": "user function"}
#: How many runs are remembered, and how many steps a run may have for its steps to be noted one by one.
_REMEMBERED = 10_000
_MOST_STEPS = 2_000

_CALL = re.compile(r"(\w+)\(")
_lock = new_lock()
_runs: deque[_Run] = deque(maxlen=_REMEMBERED)
_count = 0


@dataclass(frozen=True, slots=True)
class _Run:
    number: int
    steps: Mapping[tuple[str, str], int]
    seconds: float
    tasks: tuple[tuple[str, float], ...]


def record(steps: Mapping[tuple[str, str], int], seconds: float, tasks: Iterable[tuple[str, float]] = ()) -> None:
    """Remember a run.

    Parameters
    ----------
    steps : mapping
        How often the plan held each pair of what was done and by which tier.
    seconds : float
        How long the run took.
    tasks : iterable of (str, float), optional
        For tasks that were timed, what they did, in the words of ``steps``, and how many seconds that took.
    """
    global _count
    with _lock:
        _count += 1
        _runs.append(_Run(_count, steps, seconds, tuple(tasks)))


@contextmanager
def watch(nodes: Sequence[Node], stage: str = "optimized") -> Iterator[None]:
    """Remember the run of some nodes that happens in this block.

    Parameters
    ----------
    nodes : sequence of Node
        What is run.
    stage : {"optimized", "logical"}
        "logical" for nodes that are run as they are.
    """
    started = time.perf_counter()
    try:
        yield
    finally:
        seconds = time.perf_counter() - started
        record(_steps_of(nodes, stage), seconds)


def _steps_of(nodes: Sequence[Node], stage: str) -> dict[tuple[str, str], int]:
    """Return what a run does, without names if the plan is so long that asking for them would cost time."""
    from dusk import _core

    count = getattr(_core, "tier_counts", None)
    tiers = [count(nodes)] if count is not None else [node.tier_counts() for node in nodes]
    steps = getattr(_core, "steps", None)
    if steps is not None and sum(sum(counts.values()) for counts in tiers) <= _MOST_STEPS:
        try:
            named: Counter[tuple[str, str]] = Counter()
            for what, tier, number in steps(nodes, stage):
                named[call_name(what), tier] += number
            return named
        except Exception:  # a plan that can't be optimized has failed already, and with a better message
            pass
    counts: Counter[tuple[str, str]] = Counter()
    for each in tiers:
        counts.update({("", tier): number for tier, number in each.items() if number})
    return counts


def call_name(what: str) -> str:
    """Return what a line of a plan is about, without its columns and values.

    Examples
    --------
    >>> call_name("GroupBy [k] sum(x), mean(y)")
    'GroupBy mean, sum'
    >>> call_name("PerPartition str.title"), call_name("Filter (x > 5)"), call_name("Scan csv columns=[a, b]")
    ('str.title', 'Filter', 'Scan csv')
    """
    word, _, rest = what.partition(" ")
    if word in ("PerPartition", "Gather"):
        return rest
    if word in ("GroupBy", "Reduce"):
        calls = rest.rpartition("] ")[2] if word == "GroupBy" else rest
        return f"{word} {', '.join(sorted(set(_CALL.findall(calls + '('))))}".rstrip()
    if word == "Scan":
        return " ".join(what.split(" ")[:2])
    return word


@dataclass(frozen=True, slots=True)
class Call:
    """What was done, and by whom.

    Attributes
    ----------
    name : str
        The operation, or the name of the function.
    tier : {"native", "pandas", "user"}
        Who did it.
    count : int
        How often plans held it.
    runs : int
        In how many runs.
    seconds : float or None
        Time of its tasks, over all threads; None if the engine didn't measure that.
    """

    name: str
    tier: str
    count: int
    runs: int
    seconds: float | None


class CompatReport:
    """Which calls ran native, through pandas or NumPy, or as functions of the user.

    As the target of a ``with`` block it is about the runs in that block; else about all so far.

    Attributes
    ----------
    calls : list of Call
        The calls, those that aren't native first.
    runs : int
        How many runs there were.
    seconds : float
        How long they took together.

    Examples
    --------
    >>> import dusk
    >>> with dusk.compat_report() as report:  # doctest: +SKIP
    ...     df.groupby("k").x.mean().compute()
    >>> print(report)  # doctest: +SKIP
    """

    def __init__(self, runs: Sequence[_Run]) -> None:
        self._fill(runs)

    def _fill(self, runs: Sequence[_Run]) -> None:
        found: dict[tuple[str, str], list[Any]] = {}
        for run in runs:
            for key, number in run.steps.items():
                entry = found.setdefault(key, [0, 0, None])
                entry[0] += number
                entry[1] += 1
            for name, seconds in run.tasks:
                for key in run.steps:
                    if key[0] == name:
                        found[key][2] = (found[key][2] or 0.0) + seconds
        order = {"user": 0, "pandas": 1, "native": 2}
        calls = [Call(name or "(steps of long plans)", tier, *entry) for (name, tier), entry in found.items()]
        self.calls = sorted(calls, key=lambda call: (order[call.tier], -(call.seconds or 0), -call.count, call.name))
        self.runs = len(runs)
        self.seconds = sum(run.seconds for run in runs)

    def __enter__(self) -> CompatReport:
        self._start = _count
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._fill(_runs_after(self._start))

    def counts(self) -> dict[str, int]:
        """Return how many steps each tier did."""
        return {tier: sum(call.count for call in self.calls if call.tier == tier) for tier in TIERS}

    def to_frame(self) -> pd.DataFrame:
        """Return the calls as a pandas frame with columns ``call``, ``by``, ``count``, ``runs`` and ``seconds``."""
        import pandas as pd

        rows = [(call.name, TIERS[call.tier], call.count, call.runs, call.seconds) for call in self.calls]
        frame = pd.DataFrame(rows, columns=["call", "by", "count", "runs", "seconds"])
        return frame.astype({"seconds": "float64"})

    def _summary(self) -> str:
        counts = self.counts()
        total = sum(counts.values())
        if not total:
            return f"{self.runs} runs, nothing to report"
        shares = ", ".join(f"{number} {TIERS[tier]}" for tier, number in counts.items() if number)
        runs = "1 run" if self.runs == 1 else f"{self.runs} runs"
        return f"{runs} in {self.seconds:.3g} s, {total} steps: {shares}"

    def __str__(self) -> str:
        if not self.calls:
            return self._summary()
        width = max(len(call.name) for call in self.calls)
        lines = [self._summary(), f"  {'call':{width}}  {'by':13}  {'count':>6}  {'runs':>6}  {'seconds':>8}"]
        for call in self.calls:
            seconds = "" if call.seconds is None else f"{call.seconds:.3g}"
            lines.append(
                f"  {call.name:{width}}  {TIERS[call.tier]:13}  {call.count:6}  {call.runs:6}  {seconds:>8}".rstrip()
            )
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        if not self.calls:
            return f"<p>{html.escape(self._summary())}</p>"
        frame = self.to_frame()
        if frame["seconds"].isna().all():
            frame = frame.drop(columns="seconds")
        return f"<p>{html.escape(self._summary())}</p>{frame.to_html(index=False)}"


def _runs_after(number: int) -> list[_Run]:
    with _lock:
        return [run for run in _runs if run.number > number]


def compat_report(reset: bool = False) -> CompatReport:
    """Report which calls ran native, through pandas or NumPy, or as functions of the user.

    Parameters
    ----------
    reset : bool, default False
        Forget the runs so far, once they are in the report.

    Returns
    -------
    CompatReport
        Prints as text, shows as a table in notebooks, `CompatReport.to_frame` gives a pandas frame. In a ``with``
        block it is about that block.

    Examples
    --------
    >>> import dusk
    >>> print(dusk.compat_report())  # doctest: +SKIP
    12 runs in 1.4 s, 40 steps: 38 native, 2 user function
    """
    report = CompatReport(_runs_after(0))
    if reset:
        with _lock:
            _runs.clear()
    return report
