"""Changes to docstrings that are taken from elsewhere."""

from __future__ import annotations

import re

__all__ = ["extra_titles", "skip_doctest"]

_TITLE = re.compile(r"^(?P<indent> *)(?P<title>[A-Za-z][^\n]*)\n(?P=indent)(?P<line>-+) *$", re.MULTILINE)


def skip_doctest(doc: str | None) -> str:
    """Return a docstring whose examples doctest doesn't run.

    Examples
    --------
    >>> "+SKIP" in skip_doctest(">>" + "> 1 / 0")
    True
    """
    return "" if doc is None else "\n".join(map(_skipped, doc.split("\n")))


def _skipped(line: str) -> str:
    code = line.partition(">>>")[2].strip()
    if not code or code.startswith("#"):
        return line
    return f"{line}, +SKIP" if "# doctest:" in line else f"{line}  # doctest: +SKIP"


def extra_titles(doc: str) -> str:
    """Return a docstring in which a title that comes again is called an extra one: numpydoc takes each only once."""
    seen: set[str] = set()

    def renamed(found: re.Match[str]) -> str:
        title, indent, line = found["title"], found["indent"], found["line"]
        if title not in seen:
            seen.add(title)
            return found[0]
        return f"{indent}Extra {title}\n{indent}{'-' * len('Extra ')}{line}"

    return _TITLE.sub(renamed, doc)
