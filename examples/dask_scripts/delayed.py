"""Words counted in text files, written for Dask: `python -m dusk delayed.py texts counts.csv` runs it."""

import csv
import re
import sys
from collections import Counter
from pathlib import Path

import dask
from dask import delayed
from dask.delayed import Delayed


@delayed
def read(path):
    return Path(path).read_text(encoding="utf-8")


@delayed(pure=True)
def count(text, longer_than=0):
    return Counter(word for word in re.findall(r"\w+", text.lower()) if len(word) > longer_than)


@delayed(nout=2)
def extremes(counts):
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    return ordered[0], ordered[-1]


def merge_as_a_tree(parts):
    """Merge two at a time, so that the merging runs in parallel too."""
    add = delayed(lambda left, right: left + right)
    while len(parts) > 1:
        parts = [add(*pair) if len(pair) == 2 else pair[0] for pair in zip_pairs(parts)]
    return parts[0]


def zip_pairs(parts):
    return [parts[i : i + 2] for i in range(0, len(parts), 2)]


def main(folder, out):
    texts = [read(path) for path in sorted(Path(folder).glob("*.txt"))]
    assert all(isinstance(text, Delayed) and dask.is_dask_collection(text) for text in texts)
    (texts,) = dask.persist(texts)  # they are needed three times

    counts = merge_as_a_tree([count(text, longer_than=2) for text in texts])
    first, last = extremes(counts)
    lines = [text.count("\n") for text in texts]  # methods and operators are delayed too
    total = delayed(sum)(lines) + 0

    # containers are looked into, and what two results need is computed once
    result = {"counts": counts, "ends": (first, last), "lines": {"each": lines, "all": total}}
    with dask.config.set(scheduler="threads", num_workers=2):
        (result,) = dask.compute(result)
    longest = delayed(max)(texts, key=len).strip().split("\n")[0].compute(scheduler="sync")

    with open(out, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(sorted(result["counts"].items()))
    print(f"{result['lines']['all']} lines in {len(result['lines']['each'])} files, the most frequent word is", end=" ")
    print(f"{result['ends'][0]!r}, the last one {result['ends'][1]!r}; the longest text begins with {longest!r}")


if __name__ == "__main__":
    main(*sys.argv[1:])
