"""Killed worker processes, Ctrl-C and forks, a few times each; `benchmarks.faults` does the same many times."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("what", "times"), [("kills", "10"), ("interrupts", "3"), ("forks", "1")])
def test_faults(what, times):
    command = [sys.executable, "-m", "benchmarks.faults", what, "--times", times, "--seed", str(os.getpid())]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        sum(int(line.split()[0]) for line in done.stdout.splitlines())
        == int(times)
        * {
            "kills": 1,
            "interrupts": 3,
            "forks": 15,
        }[what]
    )
