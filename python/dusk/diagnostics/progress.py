"""A bar that shows how far a computation is."""

from __future__ import annotations

import contextlib
import html
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from dusk._units import format_bytes, format_elapsed
from dusk.callbacks import Callback


class ProgressBar(Callback):
    """A bar for computations on this machine, in terminals and notebooks.

    Parameters
    ----------
    minimum : float, default 0
        Seconds that a computation takes before the bar appears.
    width : int, default 40
        Width of the bar in characters.
    dt : float, default 0.1
        Seconds between two drawings.
    out : file or False, optional
        Where to draw; by default the standard output, or the cell's output in a notebook. Nothing is drawn with False.

    Attributes
    ----------
    last_duration : float
        Seconds that the last computation took.

    Examples
    --------
    >>> with ProgressBar():  # doctest: +SKIP
    ...     df.x.mean().compute()
    [########################################] | 100% Completed | 1.2 s

    For all computations from now on:

    >>> bar = ProgressBar()
    >>> bar.register()
    >>> bar.unregister()
    """

    def __init__(self, minimum: float = 0, width: int = 40, dt: float = 0.1, out: TextIO | bool | None = None) -> None:
        self._minimum = minimum
        self._width = width
        self._dt = dt
        self._out = out
        self.last_duration: float = 0
        self._running = False
        self._timer: threading.Thread | None = None
        self._stop = threading.Event()
        self._screen: _Screen | None = None
        self._counts: Callable[[], tuple[int, int]] = _nothing_known
        self._volume: Callable[[], tuple[int, int]] | None = None

    # Hooks for schedulers in Python -------------------------------------------------------------------------------

    def _start(self, dsk: Any) -> None:
        self._open(_nothing_known)

    def _start_state(self, dsk: Any, state: Mapping[str, Any]) -> None:
        self._counts = lambda: _counts_of(state)

    def _finish(self, dsk: Any, state: Mapping[str, Any], errored: bool) -> None:
        self._close(errored)

    # For the engine -----------------------------------------------------------------------------------------------

    def _begin(self, progress: Any) -> None:
        """Follow an object with ``counts() -> (done, total)`` and perhaps ``volume() -> (rows, bytes)``."""
        self._open(progress.counts, getattr(progress, "volume", None))

    def _end(self, failed: bool) -> None:
        """Stop following it."""
        self._close(failed)

    # --------------------------------------------------------------------------------------------------------------

    def _open(self, counts: Callable[[], tuple[int, int]], volume: Callable[[], tuple[int, int]] | None = None) -> None:
        self._counts, self._volume = counts, volume
        self._began = time.perf_counter()
        self._stop = threading.Event()
        self._screen = None if self._out is False else _screen_for(self._out)
        self._running = True
        self._timer = threading.Thread(target=self._draw_until, args=(self._stop,), name="dusk-progress", daemon=True)
        self._timer.start()

    def _draw_until(self, stop: threading.Event) -> None:
        wait = self._minimum
        while not stop.wait(wait):
            self._draw()
            wait = self._dt

    def _close(self, failed: bool) -> None:
        if not self._running:
            return
        self._running = False
        self._stop.set()
        if self._timer is not None:
            self._timer.join()
        self.last_duration = time.perf_counter() - self._began
        if self._screen is not None and self.last_duration >= self._minimum:
            self._draw(final=True, failed=failed)
            self._screen.end()
        self._screen = None
        self._counts, self._volume = _nothing_known, None

    def _draw(self, final: bool = False, failed: bool = False) -> None:
        if self._screen is None:
            return
        done, total = self._counts()
        share = min(1.0, done / total) if total else 0.0
        if final and not failed:
            share = 1.0
        elif failed:
            share = min(share, 0.99)
        notes = []
        if self._volume is not None:
            rows, read = self._volume()
            notes += [format_bytes(read)] if read else []
            notes += [f"{rows:,} rows"] if rows else []
        self._screen.show(share, self._width, format_elapsed(time.perf_counter() - self._began), notes, failed)


def _nothing_known() -> tuple[int, int]:
    return 0, 0


def _counts_of(state: Mapping[str, Any]) -> tuple[int, int]:
    done = len(state["finished"])
    return done, done + sum(len(state[name]) for name in ("ready", "waiting", "running"))


class _Screen:
    """A line of text that is written over again and again."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._length = 0

    def show(self, share: float, width: int, elapsed: str, notes: list[str], failed: bool) -> None:
        line = " | ".join([f"[{'#' * int(width * share):<{width}}]", f"{int(share * 100)}% Completed", elapsed, *notes])
        self._write("\r" + line.ljust(self._length))
        self._length = len(line)

    def end(self) -> None:
        self._write("\n")

    def _write(self, text: str) -> None:
        with contextlib.suppress(ValueError, OSError):  # a file that was closed must not end the computation
            self._file.write(text)
            self._file.flush()


class _Cell(_Screen):
    """An output of a notebook that is replaced again and again."""

    def __init__(self, display: Callable[..., Any]) -> None:
        self._display = display
        self._handle: Any = None

    def show(self, share: float, width: int, elapsed: str, notes: list[str], failed: bool) -> None:
        colour = "#d9534f" if failed else "#3a86c8"
        text = html.escape(" | ".join([f"{int(share * 100)}% Completed", elapsed, *notes]))
        content = {
            "text/plain": f"[{'#' * int(width * share):<{width}}] | {html.unescape(text)}",
            "text/html": (
                '<div style="display:flex;align-items:center;gap:1em;font-family:monospace">'
                f'<div style="width:{width}ch;height:1em;border:1px solid #888;border-radius:3px">'
                f'<div style="width:{share * 100:.1f}%;height:100%;background:{colour}"></div></div>'
                f"<span>{text}</span></div>"
            ),
        }
        if self._handle is None:
            self._handle = self._display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)

    def end(self) -> None:
        pass


def _screen_for(out: TextIO | bool | None) -> _Screen | None:
    if out is None or out is True:
        ipython = sys.modules.get("IPython")
        shell = ipython.get_ipython() if ipython is not None else None
        if shell is not None and hasattr(shell, "kernel"):
            from IPython.display import display

            return _Cell(display)
        out = sys.stdout
    return _Screen(out) if out is not None else None  # a process without a console has no stdout


def format_time(t: float) -> str:
    """Return seconds as text of eight letters. Deprecated: use `dusk.utils.format_time`."""
    import warnings

    warnings.warn(
        "format_time of the progress bar is deprecated; use dask.utils.format_time, or dusk.utils.format_time",
        FutureWarning,
        stacklevel=2,
    )
    minutes, seconds = divmod(t, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours:2.0f}hr {minutes:2.0f}min {seconds:4.1f}s"
    return f"{minutes:2.0f}min {seconds:4.1f}s" if minutes else f"{seconds:4.1f}s"
