"""Notebooks: ``%load_ext dusk`` lets ``import dask`` give dusk, ``%dusk_report`` says who did the work.

=============================  ===============================================================
``%load_ext dusk``             `dusk.install`; ``%unload_ext dusk`` undoes it
``%dusk_report``               the report of all runs so far; ``%dusk_report reset`` forgets them
``%%dusk_report``              runs the cell and then reports on its runs
=============================  ===============================================================
"""

from __future__ import annotations

from typing import Any

from dusk import _install
from dusk._report import CompatReport, compat_report

_NAME = "dusk_report"


def load_ipython_extension(ipython: Any) -> None:
    """Install dusk under Dask's names and register the magics; IPython calls this for ``%load_ext dusk``.

    Parameters
    ----------
    ipython : InteractiveShell
        The shell.
    """

    def line_report(line: str) -> CompatReport:
        """Report which calls ran native, through pandas or NumPy, or as user functions; `reset` forgets them."""
        return compat_report(reset=line.strip() == "reset")

    def cell_report(line: str, cell: str) -> CompatReport:
        """Run the cell, then report on what ran in it."""
        with compat_report() as report:
            ipython.run_cell(cell).raise_error()
        return report

    _install.install()
    ipython.register_magic_function(line_report, "line", _NAME)
    ipython.register_magic_function(cell_report, "cell", _NAME)


def unload_ipython_extension(ipython: Any) -> None:
    """Undo what `load_ipython_extension` did.

    Parameters
    ----------
    ipython : InteractiveShell
        The shell.
    """
    _install.uninstall()
    for kind in ("line", "cell"):
        ipython.magics_manager.magics[kind].pop(_NAME, None)
