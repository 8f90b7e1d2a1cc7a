"""Drawings of what profilers have noted, by bokeh. The files hold all they need and work offline."""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dusk._names import funcname, key_split

__all__ = ["fix_bounds", "get_colors", "plot_cache", "plot_resources", "plot_tasks", "unquote", "visualize"]


def _bokeh() -> Any:
    try:
        import bokeh.plotting
    except ImportError:
        raise ImportError("drawing what profilers note needs the package bokeh: `pip install bokeh`") from None
    return bokeh


def BOKEH_VERSION() -> Any:  # noqa: N802
    """Return the version of bokeh."""
    from packaging.version import parse

    return parse(_bokeh().__version__)


def unquote(expr: Any) -> Any:
    """Return a task with containers that are written as tasks, ``(list, [...])`` and ``(dict, [...])``, as these."""
    if type(expr) is tuple and len(expr) == 2 and expr[0] in (tuple, list, set) and isinstance(expr[1], list | tuple):
        return expr[0](map(unquote, expr[1]))
    pairs = type(expr) is tuple and len(expr) == 2 and expr[0] is dict and isinstance(expr[1], list)
    if pairs and all(isinstance(each, list | tuple) and len(each) == 2 for each in expr[1]):
        return {key: unquote(value) for key, value in expr[1]}
    return expr


def get_colors(palette: str | Sequence[str], funcs: Iterable[Any]) -> list[str]:
    """Return a colour for each thing, the same for equal ones.

    Parameters
    ----------
    palette : str or sequence of str
        A name in ``bokeh.palettes``, or colours.
    funcs : iterable
        What gets colours.
    """
    every = list(funcs)
    unique = sorted(set(every), key=_place)
    colors = palette
    if isinstance(palette, str):
        _bokeh()
        from bokeh import palettes

        found = palettes.all_palettes.get(palette)
        if found is None:
            raise ValueError(f"bokeh has no palette {palette!r}")
        # the smallest that has a colour for each, so that they differ as much as they can
        colors = found[min((size for size in found if size >= len(unique)), default=max(found))]
    cycle = dict(zip(unique, itertools.cycle(colors), strict=False))
    return [cycle[each] for each in every]


def _place(x: Any) -> tuple[bool, Any, str]:
    number = isinstance(x, int | float)
    return (not number, x if number else 0, str(x))


def fix_bounds(start: float, end: float, min_span: float) -> tuple[float, float]:
    """Return a beginning and an end that are at least ``min_span`` apart."""
    return start, max(end, start + min_span)


def _word(key: Any, task: Any) -> str:
    """Return what a task is called in a drawing: by its function, else by its key."""
    if type(task) is tuple and task and callable(task[0]):
        return funcname(task[0])
    function = getattr(task, "func", None)
    return funcname(function) if callable(function) else key_split(key)


def _figure(start: float | None, end: float | None, **kwargs: Any) -> Any:
    bokeh = _bokeh()
    options: dict[str, Any] = {
        "title": "Profile Results",
        "tools": "hover,save,reset,xwheel_zoom,xpan",
        "toolbar_location": "above",
        "width": 800,
        "height": 300,
        "x_range": (0, 1) if start is None or end is None else fix_bounds(0, end - start, 1e-6),
    }
    figure = bokeh.plotting.figure(**{**options, **kwargs})
    figure.xaxis.axis_label = "Time (s)"
    figure.grid.grid_line_color = None
    return figure


def plot_tasks(
    results: Sequence[Any],
    dsk: Mapping[Any, Any],
    start_time: float,
    end_time: float,
    palette: str = "Viridis",
    label_size: int = 60,
    **kwargs: Any,
) -> Any:
    """Draw the tasks as bars over time, one row for each worker.

    Parameters
    ----------
    results : sequence of TaskData
        What a `Profiler` has noted.
    dsk : mapping
        The graph.
    start_time, end_time : float
        When it began and ended.
    palette : str, default "Viridis"
        Colours, by a name in ``bokeh.palettes``.
    label_size : int, default 60
        Longest text of a task.
    **kwargs
        For bokeh's ``figure``.

    Returns
    -------
    bokeh.plotting.figure
    """
    figure = _figure(start_time, end_time, **kwargs)
    workers = {worker: i for i, worker in enumerate(sorted({each.worker_id for each in results}, key=str))}
    words = [_word(each.key, each.task) for each in results]
    data = {
        "left": [each.start_time - start_time for each in results],
        "right": [each.end_time - start_time for each in results],
        "bottom": [workers[each.worker_id] for each in results],
        "top": [workers[each.worker_id] + 0.9 for each in results],
        "color": get_colors(palette, words) if words else [],
        "function": words,
        "key": [_short(each.key, label_size) for each in results],
    }
    figure.quad("left", "right", "top", "bottom", color="color", line_color="white", source=_source(data))
    figure.yaxis.axis_label = "Worker"
    figure.yaxis.ticker = [i + 0.45 for i in workers.values()]
    figure.yaxis.major_label_overrides = {i + 0.45: str(i) for i in workers.values()}
    figure.hover.tooltips = [("key", "@key"), ("function", "@function"), ("from", "@left"), ("to", "@right")]
    return figure


def plot_resources(
    results: Sequence[Any],
    start_time: float,
    end_time: float,
    palette: str = "Viridis",
    label_size: int = 60,
    **kwargs: Any,
) -> Any:
    """Draw the use of the processors and of memory over time.

    Parameters
    ----------
    results : sequence of ResourceData
        What a `ResourceProfiler` has noted.
    start_time, end_time : float
        When it began and ended.
    palette : str, default "Viridis"
        Colours, by a name in ``bokeh.palettes``.
    label_size : int, default 60
        Accepted for compatibility: the other drawings have labels of tasks.
    **kwargs
        For bokeh's ``figure``.

    Returns
    -------
    bokeh.plotting.figure
    """
    figure = _figure(start_time, end_time, **kwargs)
    from bokeh.models import LinearAxis, Range1d

    busy, held = get_colors(palette, ["cpu", "mem"])
    data = {
        "time": [time - start_time for time, _, _ in results],
        "cpu": [cpu for _, _, cpu in results],
        "mem": [mem for _, mem, _ in results],
    }
    source = _source(data)
    figure.y_range = Range1d(*fix_bounds(0, max(data["cpu"], default=0) * 1.05, 100))
    figure.extra_y_ranges = {"memory": Range1d(*fix_bounds(0, max(data["mem"], default=0) * 1.05, 100))}
    figure.add_layout(LinearAxis(y_range_name="memory", axis_label="Memory (MB)"), "right")
    figure.line("time", "cpu", source=source, color=busy, line_width=3, legend_label="% CPU")
    figure.line("time", "mem", source=source, color=held, line_width=3, legend_label="Memory", y_range_name="memory")
    figure.yaxis[0].axis_label = "% CPU"
    figure.hover.tooltips = [("time", "@time"), ("% CPU", "@cpu"), ("MB", "@mem")]
    return figure


def plot_cache(
    results: Sequence[Any],
    dsk: Mapping[Any, Any],
    start_time: float,
    end_time: float,
    metric_name: str,
    palette: str = "Viridis",
    label_size: int = 60,
    **kwargs: Any,
) -> Any:
    """Draw how much is held over time, by the function that made it.

    Parameters
    ----------
    results : sequence of CacheData
        What a `CacheProfiler` has noted.
    dsk : mapping
        The graph.
    start_time, end_time : float
        When it began and ended.
    metric_name : str
        What the measure is called.
    palette : str, default "Viridis"
        Colours, by a name in ``bokeh.palettes``.
    label_size : int, default 60
        Longest text of a function.
    **kwargs
        For bokeh's ``figure``.

    Returns
    -------
    bokeh.plotting.figure
    """
    figure = _figure(start_time, end_time, **kwargs)
    figure.yaxis.axis_label = f"Cache Size ({metric_name})"
    changes: dict[str, list[tuple[float, float]]] = {}
    for each in results:
        word = _word(each.key, each.task)
        changes.setdefault(word, []).append((each.cache_time - start_time, each.metric))
        changes[word].append((each.free_time - start_time, -each.metric))
    words = list(changes)
    for word, color in zip(words, get_colors(palette, words) if words else [], strict=True):
        times, sizes, size = [0.0], [0.0], 0.0
        for when, change in sorted(changes[word]):
            size += change
            times.append(when)
            sizes.append(size)
        data = {"time": times, "size": sizes, "function": [_short(word, label_size)] * len(times)}
        figure.step("time", "size", source=_source(data), color=color, mode="after", line_width=2)
    figure.hover.tooltips = [("function", "@function"), ("time", "@time"), (metric_name, "@size")]
    return figure


def _source(data: dict[str, list[Any]]) -> Any:
    from bokeh.models import ColumnDataSource

    return ColumnDataSource(data)


def _short(x: Any, size: int) -> str:
    text = str(x)
    return text if len(text) <= size else text[: size - 3] + "..."


def visualize(
    profilers: Any,
    filename: str | os.PathLike[str] = "profile.html",
    show: bool = True,
    save: bool | None = None,
    mode: str | None = None,
    file_path: str | os.PathLike[str] | None = None,
    **kwargs: Any,
) -> Any:
    """Draw what profilers have noted, below one another on one axis of time.

    Parameters
    ----------
    profilers : profiler or list of profilers
    filename : str, default "profile.html"
        File to write; it works offline.
    show : bool, default True
        Open it in a browser, or show it in the notebook.
    save : bool, optional
        Write the file; by default not inside a notebook.
    mode : str, optional
        Where the page takes bokeh's code from, as bokeh's ``Resources`` say it: "inline" by default.
    file_path : str, optional
        Another name for ``filename``. Deprecated.
    **kwargs
        For the drawings.

    Returns
    -------
    bokeh figure or grid
    """
    _bokeh()
    import bokeh.io
    import bokeh.layouts
    import bokeh.resources

    if file_path is not None:
        warnings.warn("The file_path keyword argument is deprecated, use filename instead", FutureWarning, stacklevel=2)
        filename = file_path
    several = list(profilers) if isinstance(profilers, list | tuple) else [profilers]
    if not several:
        raise ValueError("visualize needs at least one profiler")
    figures = [each._plot(**kwargs) for each in several]
    # A page for one run: the profilers share the axis of time, named below the last, and the title above the first.
    for each in figures[1:]:
        each.x_range = figures[0].x_range
        each.title = None
    for each in figures[:-1]:
        each.xaxis.axis_label = None
    drawing = figures[0] if len(figures) == 1 else bokeh.layouts.gridplot([[each] for each in figures])
    notebook = bokeh.io.state.curstate().notebook
    if save or (save is None and not notebook):
        path = os.fspath(filename)
        bokeh.io.save(
            drawing, path, resources=bokeh.resources.Resources(mode=mode or "inline"), title="Profile Results"
        )
        if show and not notebook:
            import webbrowser

            webbrowser.open("file://" + os.path.abspath(path))
    if show and notebook:
        bokeh.io.show(drawing)
    return drawing
