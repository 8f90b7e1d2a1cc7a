"""Random operations on columns of all dtypes, and random group-bys: each made of a seed alone.

A case is data and a function that does the same in dusk and in pandas.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["DTYPES", "column", "elementwise_case", "groupby_case"]

NUMBERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64"]
NULLABLE = ["Int8", "Int64", "UInt16", "Float32", "Float64", "int64[pyarrow]", "double[pyarrow]"]
BOOLS = ["bool", "boolean", "bool[pyarrow]"]
TEXTS = ["str", "string", "string[pyarrow]", "large_string[pyarrow]"]
MOMENTS = ["datetime64[ns]", "datetime64[us]", "datetime64[s]", "datetime64[ns, UTC]"]
TIMES = [*MOMENTS, "timedelta64[ns]", "timedelta64[us]"]
OTHERS = ["category", "category of ints", "object"]
DTYPES = [*NUMBERS, *NULLABLE, *BOOLS, *TEXTS, *TIMES, *OTHERS]

ARITHMETIC = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow"]
COMPARISONS = ["eq", "ne", "lt", "le", "gt", "ge"]
LOGIC = ["and_", "or_", "xor"]
LITERALS: list[Any] = [
    0, 1, -1, 3, 300, 2.5, float("nan"), True, False, "a", "bb", None, np.int8(2), np.float32(0.5), np.uint64(7),
    pd.Timestamp("2024-01-03"), pd.Timestamp("2024-01-03", tz="UTC"), pd.Timedelta("1h"),
]  # fmt: skip


def column(rng: np.random.Generator, dtype: str, rows: int, missing: bool) -> pd.Series:
    """Give random values of a dtype."""
    if dtype in NUMBERS or dtype in NULLABLE:
        values: Any = rng.integers(0, 5, rows) if "u" in dtype.lower()[:2] else rng.integers(-4, 5, rows)
        if "loat" in dtype or "double" in dtype:
            values = values / 2
    elif dtype in BOOLS:
        values = rng.random(rows) < 0.5
    elif dtype in TEXTS or dtype == "category":
        values = rng.choice(["a", "bb", "", "é", "Z"], rows).astype(object)
    elif dtype == "category of ints":
        values = rng.integers(0, 3, rows)
    elif dtype == "object":
        values = rng.choice(np.array([1, "a", 2.5, True], dtype=object), rows)
    elif dtype.startswith("datetime"):
        values = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 100, rows), unit="h")
    else:
        values = pd.to_timedelta(rng.integers(-5, 5, rows), unit="h")
    kind = "category" if dtype == "category of ints" else dtype
    result = pd.Series(values)
    if dtype.endswith("UTC]"):
        result = result.dt.tz_localize("UTC")
    result = result.astype(kind)
    holds = not (isinstance(result.dtype, np.dtype) and result.dtype.kind in "iub")
    if missing and holds and rows:
        result = result.mask(rng.random(rows) < 0.2)
    return result


def elementwise_case(seed: int) -> tuple[pd.DataFrame, str, Callable[[Any], Any]]:
    """Give a frame, what is done with it in words, and a function that does it."""
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(1, 12))
    kinds = [str(rng.choice(DTYPES)) for _ in range(2)]
    if rng.random() < 0.4:
        kinds[1] = kinds[0]
    missing = bool(rng.random() < 0.6)
    frame = pd.DataFrame({name: column(rng, kind, rows, missing) for name, kind in zip("ab", kinds)})
    form = rng.choice(["columns", "literal", "reflected", "unary", "method"], p=[0.4, 0.2, 0.1, 0.1, 0.2])
    literal = LITERALS[int(rng.integers(len(LITERALS)))]
    if form in ("columns", "literal", "reflected"):
        name = str(rng.choice([*ARITHMETIC, *COMPARISONS, *LOGIC]))
        function = getattr(operator, name)
        if form == "columns":
            return frame, f"{kinds[0]} {name} {kinds[1]}", lambda d: function(d.a, d.b)
        if form == "literal":
            return frame, f"{kinds[0]} {name} {literal!r}", lambda d: function(d.a, literal)
        return frame, f"{literal!r} {name} {kinds[0]}", lambda d: function(literal, d.a)
    if form == "unary":
        name = str(rng.choice(["neg", "pos", "abs", "invert"]))
        return frame, f"{name} {kinds[0]}", lambda d: getattr(operator, name)(d.a)
    methods: dict[str, Callable[[Any], Any]] = {
        "isna": lambda d: d.a.isna(),
        "notna": lambda d: d.a.notna(),
        f"fillna({literal!r})": lambda d: d.a.fillna(0 if literal is None else literal),
        "abs": lambda d: d.a.abs(),
        "round": lambda d: d.a.round(1),
        f"clip({literal!r})": lambda d: d.a.clip(literal),
        "clip(0, 2)": lambda d: d.a.clip(0, 2),
        "between": lambda d: d.a.between(0, literal),
        "isin": lambda d: d.a.isin([literal, 1, 2]),
        "isin of texts": lambda d: d.a.isin(["a", "é"]),
        f"astype({kinds[1]})": lambda d: d.a.astype("category" if kinds[1].startswith("cat") else kinds[1]),
    }
    name = str(rng.choice(list(methods)))
    return frame, f"{kinds[0]}.{name}", methods[name]


AGGREGATES = ["sum", "mean", "min", "max", "count", "size", "std", "var", "first", "last", "nunique", "any", "all"]
AGGREGATES.append("prod")


def groupby_case(seed: int) -> tuple[pd.DataFrame, str, Callable[[Any], Any]]:
    """Give a frame, a group-by in words, and a function that does it."""
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(1, 40))
    width = int(rng.choice([1, 2, 3], p=[0.6, 0.3, 0.1]))
    missing = bool(rng.random() < 0.6)
    keys = {f"k{i}": str(rng.choice([k for k in DTYPES if k != "object"])) for i in range(width)}
    kinds = [*NUMBERS, *NULLABLE, *BOOLS, "str", "datetime64[ns]", "timedelta64[us]"]
    values = {f"v{i}": str(rng.choice(kinds)) for i in range(2)}
    first, second = (str(name) for name in rng.choice(AGGREGATES, 2))
    # A plan promises its dtypes: sums of narrow integers are wide, whatever the values.
    if {first, second} & {"sum", "prod", "mean"}:
        wide = {kind: "int64" for kind in [*NUMBERS, *NULLABLE] if "nt" in kind and "64" not in kind}
        wide["float32"] = "float64"
        values = {name: wide.get(kind, kind) for name, kind in values.items()}
    frame = pd.DataFrame({n: column(rng, kind, rows, missing) for n, kind in {**keys, **values}.items()})
    options = {
        "sort": bool(rng.random() < 0.7),
        "dropna": bool(rng.random() < 0.7),
        "observed": bool(rng.random() < 0.6),
        "as_index": bool(rng.random() < 0.8),
    }
    options = {key: value for key, value in options.items() if rng.random() < 0.7}
    by = list(keys) if width > 1 or rng.random() < 0.3 else "k0"
    form = rng.choice(["all", "column", "columns", "agg", "agg list", "agg dict", "named"])
    words = f"{keys} {values} {options} {form} {first} {second}"

    def group(d: Any) -> Any:
        return d.groupby(by, **options)

    forms: dict[str, Callable[[Any], Any]] = {
        "all": lambda d: getattr(group(d), first)(),
        "column": lambda d: getattr(group(d).v0, first)(),
        "columns": lambda d: getattr(group(d)[["v0", "v1"]], first)(),
        "agg": lambda d: group(d).agg(first),
        "agg list": lambda d: group(d).v0.agg([first, second] if first != second else [first]),
        "agg dict": lambda d: group(d).agg({"v0": first, "v1": second}),
        "named": lambda d: group(d).agg(p=("v0", first), q=("v1", second)),
    }
    return frame, words, forms[str(form)]
