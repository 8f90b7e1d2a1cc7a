"""Made-up data for examples and tests."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from dusk import _core

__all__ = ["make_people", "timeseries"]

_NAMES = (
    "Ada", "Björn", "Carla", "Dmitri", "Elena", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Keiko", "Lars", "Maya",
    "Nils", "Olga", "Pavel", "Rosa", "Sven", "Tilda", "Umar", "Vera", "Wim", "Yuki", "Zoe",
)  # fmt: skip
_SURNAMES = ("Adler", "Berg", "Costa", "Dahl", "Endo", "Fischer", "Garcia", "Holm", "Ito", "Jensen", "Kaya", "Lind")
_WORK = ("baker", "carpenter", "doctor", "farmer", "gardener", "pilot", "sailor", "smith", "tailor", "teacher")
_STREETS = ("Elm Street", "Harbour Road", "High Street", "Mill Lane", "Park Avenue", "Station Road")
_CITIES = ("Bergen", "Ghent", "Kyoto", "Lima", "Lyon", "Porto", "Quito", "Riga")


# --- time series ------------------------------------------------------------------------------------------------------


def _numbers(n: int, rng: Any, lam: float = 1000, **kwargs: Any) -> Any:
    return rng.poisson(lam, size=n, **kwargs)


def _fractions(n: int, rng: Any, low: float = -1.0, high: float = 1.0) -> Any:
    return rng.uniform(low, high, size=n)


def _strings(n: int, rng: Any, choices: Any = None, random: bool = False, length: int = 25) -> Any:
    import numpy as np

    if random:
        letters = np.array(list("abcdefghijklmnopqrstuvwxyz0123456789"))
        return ["".join(row) for row in letters[rng.integers(0, len(letters), size=(n, length))]]
    return rng.choice(np.array(choices or _NAMES, dtype=object), size=n)


def _categories(n: int, rng: Any, choices: Any = None, nunique: int | None = None) -> Any:
    import numpy as np
    import pandas as pd

    labels = list(choices or ([f"c{i}" for i in range(nunique)] if nunique else _NAMES))
    return pd.Categorical.from_codes(rng.integers(0, len(labels), size=n).astype(np.int64), labels)


def _maker(dtype: Any) -> Callable[..., Any]:
    import numpy as np
    import pandas as pd

    if dtype in ("category",) or isinstance(dtype, pd.CategoricalDtype):
        return _categories
    if dtype in (str, object, "str", "string", "object") or isinstance(dtype, pd.StringDtype):
        return _strings
    try:
        kind = np.dtype(dtype).kind
    except TypeError:
        kind = ""
    if kind in "iu" and kind:
        return _numbers
    if kind == "f":
        return _fractions
    raise ValueError(f"there are no made-up values of dtype {dtype!r}; use str, 'category', or one of ints or floats")


class _Part:
    """Makes a partition of a time series."""

    def __init__(self, edges: Any, freq: str, columns: list[tuple[Any, Any, dict[str, Any]]], seeds: list[int]) -> None:
        self.edges = edges
        self.freq = freq
        self.columns = columns
        self.seeds = seeds

    def __call__(self, position: int) -> Any:
        import pandas as pd

        times = pd.date_range(
            self.edges[position], self.edges[position + 1], freq=self.freq, inclusive="left", name="timestamp"
        )
        return self.frame(times, self.seeds[position])

    def frame(self, times: Any, seed: int) -> Any:
        """Make the rows for some points in time."""
        import numpy as np
        import pandas as pd

        data = {}
        for i, (name, dtype, options) in enumerate(self.columns):
            values = _maker(dtype)(len(times), np.random.default_rng([seed, i]), **options)
            wanted = "str" if _maker(dtype) is _strings else dtype
            data[name] = pd.Series(values, index=times).astype(wanted)
        return pd.DataFrame(data, index=times)


def timeseries(
    start: Any = "2000-01-01",
    end: Any = "2000-01-31",
    freq: str = "1s",
    partition_freq: str = "1D",
    dtypes: dict[str, Any] | None = None,
    seed: int | None = None,
    **kwargs: Any,
) -> Any:
    """Make a frame of random values at regular points in time.

    Parameters
    ----------
    start, end : datetime or str
        The first point in time, and the one before which the last lies.
    freq : str, default "1s"
        How far apart rows are.
    partition_freq : str, default "1D"
        How far apart partitions begin.
    dtypes : dict, optional
        The columns and their dtypes: ints, floats, ``str`` or ``"category"``. By default a ``name``, an ``id`` and two
        floats ``x`` and ``y``.
    seed : int, optional
        The same number gives the same values.
    **kwargs
        Options of columns, as ``id_lam=500``: ``lam`` of ints, ``low`` and ``high`` of floats, ``choices``, ``random``
        and ``length`` of strings, ``choices`` and ``nunique`` of categories.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> import dusk.datasets
    >>> dusk.datasets.timeseries(end="2000-01-03", seed=1).npartitions
    2
    """
    import pandas as pd

    from dusk.dataframe._new import new_collection
    from dusk.tokenize import tokenize

    dtypes = {"name": str, "id": int, "x": float, "y": float} if dtypes is None else dict(dtypes)
    options: dict[str, dict[str, Any]] = {name: {} for name in dtypes}
    for word, value in kwargs.items():
        name = next((name for name in sorted(dtypes, key=len, reverse=True) if word.startswith(f"{name}_")), None)
        if name is None:
            raise TypeError(f"timeseries got {word!r}, which begins with no column's name")
        options[name][word[len(name) + 1 :]] = value
    columns = [(name, dtype, options[name]) for name, dtype in dtypes.items()]
    edges = list(pd.date_range(start, end, freq=partition_freq))
    if len(edges) < 2:
        raise ValueError(f"there is no whole partition of {partition_freq} between {start} and {end}")
    chance = random.Random(seed)
    part = _Part(edges, freq, columns, [chance.getrandbits(64) for _ in edges[1:]])
    meta = part.frame(pd.DatetimeIndex(edges[:2], name="timestamp"), 0).iloc[:0]
    meta.index = pd.date_range(edges[0], periods=2, freq=freq, name="timestamp")[:0]
    meta.index.freq = None
    token = tokenize("timeseries", edges, freq, repr(columns), part.seeds)
    node = _core.source(part, len(edges) - 1, meta, edges, prefix="timeseries", library=True, token=token)
    return new_collection(node, meta=node.meta())


# --- people -----------------------------------------------------------------------------------------------------------


class _People:
    """Makes a partition of records."""

    def __init__(self, records: int, seeds: list[int]) -> None:
        self.records = records
        self.seeds = seeds

    def __call__(self, position: int) -> list[dict[str, Any]]:
        chance = random.Random(self.seeds[position])
        return [_person(chance) for _ in range(self.records)]


def _person(chance: random.Random) -> dict[str, Any]:
    def digits(n: int) -> str:
        return "".join(chance.choice("0123456789") for _ in range(n))

    return {
        "age": chance.randint(18, 90),
        "name": (chance.choice(_NAMES), chance.choice(_SURNAMES)),
        "occupation": chance.choice(_WORK),
        "telephone": f"555-{digits(3)}-{digits(4)}",
        "address": {"address": f"{chance.randint(1, 999)} {chance.choice(_STREETS)}", "city": chance.choice(_CITIES)},
        "credit-card": {
            "number": " ".join(digits(4) for _ in range(4)),
            "expiration-date": f"{chance.randint(1, 12):02d}/{chance.randint(27, 35)}",
        },
    }


def make_people(
    npartitions: int = 10, records_per_partition: int = 1000, seed: int | None = None, locale: str = "en"
) -> Any:
    """Make a bag of dictionaries that describe people who don't exist.

    Parameters
    ----------
    npartitions : int, default 10
    records_per_partition : int, default 1000
    seed : int, optional
        The same number gives the same people.
    locale : str
        Accepted for compatibility.

    Returns
    -------
    Bag
    """
    from dusk.bag._plan import Source
    from dusk.bag.core import Bag
    from dusk.tokenize import tokenize

    if npartitions < 1 or records_per_partition < 0:
        raise ValueError("npartitions must be positive and records_per_partition not negative")
    chance = random.Random(seed)
    seeds = [chance.getrandbits(64) for _ in range(npartitions)]
    name = f"make-people-{tokenize(npartitions, records_per_partition, seeds)}"
    return Bag._of(Source(name, npartitions, _People(records_per_partition, seeds)))
