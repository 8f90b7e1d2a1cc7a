"""Tracebacks that show the user's lines and not the way through dusk."""

from __future__ import annotations

import re
import types
from collections.abc import Iterable

from dusk import config


def _kept(tb: types.TracebackType | None, patterns: Iterable[re.Pattern[str]]) -> list[types.TracebackType]:
    every = []
    while tb is not None:
        every.append(tb)
        tb = tb.tb_next
    kept = [each for each in every if not any(p.search(each.tb_frame.f_code.co_filename) for p in patterns)]
    # where it was asked for and where it happened are always shown
    if every and (not kept or kept[0] is not every[0]):
        kept.insert(0, every[0])
    if every and kept[-1] is not every[-1]:
        kept.append(every[-1])
    return kept


def shorten(error: BaseException) -> None:
    """Take the frames that the setting ``admin.traceback.shorten`` names out of an exception's traceback."""
    patterns = config.get("admin.traceback.shorten", None)
    if not patterns:
        return
    compiled = [re.compile(pattern) for pattern in ([patterns] if isinstance(patterns, str) else patterns)]
    short: types.TracebackType | None = None
    for tb in reversed(_kept(error.__traceback__, compiled)):
        short = types.TracebackType(short, tb.tb_frame, tb.tb_lasti, tb.tb_lineno)
    error.__traceback__ = short


class shorten_traceback:  # noqa: N801
    """A block whose exceptions show only what the setting ``admin.traceback.shorten`` leaves.

    Examples
    --------
    >>> with shorten_traceback():
    ...     pass
    """

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, tb: object) -> None:
        if error is not None:
            shorten(error)
