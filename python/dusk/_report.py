"""Who did the work: native kernels, pandas or NumPy, or functions of the user.

Every run in this process leaves a short text, the plan that was run, which is read when somebody asks for a report.
"""

from __future__ import annotations

import html
import re
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from dusk._core import Node

__all__ = ["CompatReport", "compat_report"]

#: The tiers as plans call them, and as a reader should see them.
TIERS = {"native": "native", "pandas": "pandas/NumPy", "user": "user function"}
#: How many runs are remembered.
_REMEMBERED = 10_000

_LINE = re.compile(r"\s*(?P<what>.*) \[(?P<tier>native|pandas|user)\] \d+ partitions?")
_CALL = re.compile(r"(\w+)\(")
_lock = threading.Lock()
_runs: deque[_Run] = deque(maxlen=_REMEMBERED)
_count = 0


@dataclass(frozen=True, slots=True)
class _Run:
    number: int
    plans: tuple[str, ...]
    seconds: float
    tasks: tuple[tuple[str, float], ...]


def record(plans: Iterable[str], seconds: float, tasks: Iterable[tuple[str, float]] = ()) -> None:
    """Remember a run.

    Parameters
    ----------
    plans : iterable of str
        The optimized plans, as `Node.explain` writes them.
    seconds : float
        How long the run took.
    tasks : iterable of (str, float), optional
        What each task did, by the name of its node's operation, and how many seconds that took.
    """
    global _count
    with _lock:
        _count += 1
        _runs.append(_Run(_count, tuple(plans), seconds, tuple(tasks)))


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
        try:
            record([node.explain(stage) for node in nodes], seconds)
        except Exception:  # a plan that can't be shown is no reason to lose a result
            record((), seconds)


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
            # The same step may stand in the plans of several results of one run, which does it once.
            steps = {text.strip(): None for plan in run.plans for text in plan.splitlines()}
            seen: set[tuple[str, str]] = set()
            for text in steps:
                match = _LINE.fullmatch(text)
                if match is None:
                    continue
                key = (call_name(match["what"].strip()), match["tier"])
                entry = found.setdefault(key, [0, 0, None])
                entry[0] += 1
                entry[1] += key not in seen
                seen.add(key)
            for name, seconds in run.tasks:
                for key, entry in found.items():
                    if key[0] == name:
                        entry[2] = (entry[2] or 0.0) + seconds
        order = {"user": 0, "pandas": 1, "native": 2}
        calls = [Call(name, tier, *entry) for (name, tier), entry in found.items()]
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
