"""What a workload is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.datasets import Data

# Gets ready with the data, and gives the query: a call without arguments that returns a pandas object, or a call that
# gives one when what was written to disk is to be checked. Only the query is timed.
Prepare = Callable[[Data], Callable[[], Any]]


@dataclass(frozen=True)
class Workload:
    """The same question to several engines."""

    name: str
    title: str
    data: Callable[[float], Data]
    # The names of the key columns and the value columns of the answer, in every engine.
    keys: list[str]
    values: list[str]
    # Contestants by name: `engine` or `engine:variant`.
    contestants: dict[str, Prepare]
    # The contestant that gives the answer that the others must give.
    check: str = "pandas"
    # Engines that give no answer, only a time to hold the others against.
    unchecked: tuple[str, ...] = ()
