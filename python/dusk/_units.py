"""Sizes and spans of time: reading them from text and writing them for people."""

from __future__ import annotations

import datetime as _datetime
import math

_PREFIXES = "kmgtp"

#: Bytes per unit, keyed by the unit in lower case.
byte_sizes: dict[str, int] = {"": 1, "b": 1}
for _power, _prefix in enumerate(_PREFIXES, start=1):
    byte_sizes[_prefix] = byte_sizes[_prefix + "b"] = 1000**_power
    byte_sizes[_prefix + "i"] = byte_sizes[_prefix + "ib"] = 1024**_power

_SECONDS: dict[str, float] = {
    "s": 1,
    "ms": 1e-3,
    "us": 1e-6,
    "ns": 1e-9,
    "m": 60,
    "h": 3600,
    "d": 86400,
    "w": 7 * 86400,
}
_WORDS: dict[str, float] = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86400,
    "week": 7 * 86400,
    "millisecond": 1e-3,
    "microsecond": 1e-6,
    "nanosecond": 1e-9,
}
#: Seconds per unit, keyed by symbol and by singular or plural word.
timedelta_sizes: dict[str, float] = {
    **_SECONDS,
    **_WORDS,
    **{word + "s": seconds for word, seconds in _WORDS.items()},
    "min": 60,
    "sec": 1,
    "hr": 3600,
    "µs": 1e-6,
    "μs": 1e-6,
}


def _number_and_unit(text: str) -> tuple[str, str]:
    """Split ``"5.4 kB"`` into ``("5.4", "kB")``; a missing number is an empty string."""
    compact = "".join(text.split())
    end = len(compact)
    while end and compact[end - 1].isalpha():
        end -= 1
    return compact[:end], compact[end:]


def parse_bytes(s: float | str) -> int:
    """Read a number of bytes.

    Parameters
    ----------
    s : int, float or str
        A number, or text such as ``"100 MB"``, ``"1.5GiB"`` or ``"1e6"``. Units ignore case; ``k M G T P`` are powers
        of 1000 and ``Ki Mi Gi Ti Pi`` powers of 1024. A unit alone counts once.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If the number or the unit can't be read.

    Examples
    --------
    >>> parse_bytes("5.4 kB")
    5400
    >>> parse_bytes("1 MiB")
    1048576
    """
    if isinstance(s, (int, float)):
        return int(s)
    if not isinstance(s, str):
        raise TypeError(f"expected a number or text for a size in bytes, got {type(s).__name__}")
    number, unit = _number_and_unit(s)
    try:
        size = byte_sizes[unit.lower()]
    except KeyError:
        raise ValueError(f"Could not interpret {unit!r} as a byte unit") from None
    try:
        return int(float(number or "1") * size)
    except ValueError:
        raise ValueError(f"Could not interpret {number!r} as a number") from None


def format_bytes(n: float) -> str:
    """Write a number of bytes with a binary unit.

    Examples
    --------
    >>> format_bytes(1)
    '1 B'
    >>> format_bytes(1234567)
    '1.18 MiB'
    """
    for prefix, size in (("Pi", 2**50), ("Ti", 2**40), ("Gi", 2**30), ("Mi", 2**20), ("ki", 2**10)):
        if n >= size * 0.9:
            return f"{n / size:.2f} {prefix}B"
    return f"{n} B"


def memory_repr(num: float) -> str:
    """Write a number of bytes as pandas' ``info`` does.

    Examples
    --------
    >>> memory_repr(12345)
    '12.1 KB'
    """
    unit = "bytes"
    for unit in ("bytes", "KB", "MB", "GB", "TB"):
        if num < 1024 or unit == "TB":
            break
        num /= 1024
    return f"{num:3.1f} {unit}"


def parse_timedelta(s: object, default: str | bool | None = "seconds") -> float | int | None:
    """Read a span of time in seconds.

    Parameters
    ----------
    s : str, int, float, datetime.timedelta or None
        ``"3s"``, ``"1.5 hours"``, ``"300ms"`` or a plain number. None stays None.
    default : str or False, default "seconds"
        Unit of a plain number. With a false value a plain number is refused.

    Returns
    -------
    float, int or None
        Whole results are ints.

    Examples
    --------
    >>> parse_timedelta("300ms")
    0.3
    >>> parse_timedelta(5, default="minutes")
    300
    """
    if s is None:
        return None
    if isinstance(s, _datetime.timedelta):
        seconds = s.total_seconds()
        return int(seconds) if seconds.is_integer() else seconds
    text = str(s)
    if not text.strip():
        raise ValueError("a span of time is needed, got empty text")
    number, unit = _number_and_unit(text)
    if not unit:
        if default is None:
            raise TypeError("default must be a unit of time or False, not None")
        if not isinstance(default, str) or not default:
            raise ValueError(f"a unit of time is needed in {s!r}")
        unit = default
    try:
        size = timedelta_sizes[unit] if unit in timedelta_sizes else timedelta_sizes[unit.lower()]
    except KeyError:
        names = ", ".join(timedelta_sizes)
        raise KeyError(f"Invalid time unit: {unit}. Valid units are: {names}") from None
    result = float(number or "1") * size
    return int(result) if result.is_integer() else result


def format_time(n: float) -> str:
    """Write a span of seconds in two units that fit.

    Examples
    --------
    >>> format_time(0.0012345)
    '1.23 ms'
    >>> format_time(601)
    '10m 1s'
    """
    if n > 2 * 86400:
        days, rest = divmod(int(n), 86400)
        return f"{days}d {rest // 3600}hr"
    if n > 2 * 3600:
        hours, rest = divmod(int(n), 3600)
        return f"{hours}hr {rest // 60}m"
    if n > 10 * 60:
        minutes, rest = divmod(int(n), 60)
        return f"{minutes}m {rest}s"
    if n >= 1:
        return f"{n:.2f} s"
    if n >= 1e-3:
        return f"{n * 1e3:.2f} ms"
    return f"{n * 1e6:.2f} us"


def format_elapsed(seconds: float) -> str:
    """Write a running time for a progress line: ``"1.2 s"``, ``"3m 5s"``, ``"2hr 0m"``."""
    if not math.isfinite(seconds) or seconds < 0:
        seconds = 0.0
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest}s"
    return f"{minutes // 60}hr {minutes % 60}m"


def format_time_ago(n: _datetime.datetime) -> str:
    """Say how long ago a moment was, in its largest unit.

    Examples
    --------
    >>> format_time_ago(_datetime.datetime.now() - _datetime.timedelta(days=3))
    '3 days ago'
    """
    delta = _datetime.datetime.now(n.tzinfo) - n
    spans = (
        ("year", delta.days // 365),
        ("month", delta.days // 30),
        ("day", delta.days),
        ("hour", delta.seconds // 3600),
        ("minute", delta.seconds // 60),
        ("second", delta.seconds),
    )
    for unit, count in spans:
        if count > 0:
            return f"{maybe_pluralize(count, unit)} ago"
    return "Just now"


def maybe_pluralize(count: int, noun: str, plural_form: str | None = None) -> str:
    """Write a count with its noun, in the plural unless the count is one.

    Examples
    --------
    >>> maybe_pluralize(2, "partition")
    '2 partitions'
    """
    return f"{count} {noun if count == 1 else plural_form or noun + 's'}"
