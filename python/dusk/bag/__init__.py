"""Bags: lists of Python objects in partitions, for text, JSON and whatever isn't a table yet.

    >>> import dusk.bag as db
    >>> db.from_sequence(["a b", "b c"]).str.split().flatten().frequencies().compute()
    [('a', 1), ('b', 2), ('c', 1)]

Bags run in worker processes unless another scheduler is configured.
"""

from dusk.bag._make import bag_range as range
from dusk.bag._make import bag_zip as zip
from dusk.bag._make import concat, from_delayed, from_sequence, from_url
from dusk.bag._map import bag_map as map
from dusk.bag._map import map_partitions
from dusk.bag._output import to_textfiles
from dusk.bag.avro import read_avro
from dusk.bag.core import Bag, Item
from dusk.bag.text import read_text
from dusk.bag.utils import assert_eq
from dusk.base import compute

__all__ = [
    "Bag",
    "Item",
    "assert_eq",
    "compute",
    "concat",
    "from_delayed",
    "from_sequence",
    "from_url",
    "map",
    "map_partitions",
    "range",
    "read_avro",
    "read_text",
    "to_textfiles",
    "zip",
]
