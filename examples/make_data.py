"""Write a folder of realistic CSV files: ``python examples/make_data.py data --files 4 --rows 200000``.

The files look like the log of a text service: ``id, ts, category, response_len, score, model, prompt``. They hold what
makes real CSV files hard to read in parallel: quoted commas, doubled quotes, line breaks inside quotes, missing values
written in two ways (an empty field and ``NA``), and text in several scripts. The same seed gives the same bytes, and
file number i does not depend on how many files are written.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

COLUMNS = ["id", "ts", "category", "response_len", "score", "model", "prompt"]
FILE_NAME = "large_dataset_{}.csv"
# Rows that are held in memory at a time. Their joined text of a block stays far below the 2 GiB of 32-bit offsets.
BLOCK_ROWS = 250_000
FIRST_SECOND = 1_767_225_600  # 2026-01-01 00:00:00

CATEGORIES = [
    "coding", "chat", "math", "translation", "summary", "search", "email", "travel", "cooking", "law", "medicine",
    "music", "poetry", "history", "physics", "finance", "café", "Übersetzung", "写作", "日本語", "русский", "emoji 🎉",
    "data, tables", 'the "other"',
]  # fmt: skip
MODELS = ["small-1", "small-2", "medium-1", "large-1", "large-2", "vision-1", "código-1"]

# A prompt is an opening, a topic and an ending. The parts are plain text here and are written as CSV by `Part`.
OPENINGS = [
    "Explain", "Explain, in one line,", "Write about", "Summarise", "Translate: ", 'What does "fast" mean for', "List",
    "Hello, please compare", "Why is", "Draft an email on", "Erkläre", "请解释", "Résume, s'il te plaît,", "Объясни",
]  # fmt: skip
TOPICS = [
    "sorting", "a hash table", "the tides", "rate limits", "rust, steel and bronze", "soup", "naïve Bayes", "東京の空",
    "group-by", "prime numbers", 'the word "set"', "tea", "a long, slow winter", "interest", "bees", "chess openings",
    "el Niño", "Zürich", "low tide", "pandas 🐼", "vitamin C", "grief", "time zones", "CSV files", "the moon", "yeast",
]  # fmt: skip
ENDINGS = [
    "", ".", "?", " in two sentences.", " for a child", ", with examples", ' and say "done" at the end', " 🙂", "!",
    " as a table", " in German", "; be brief",
]  # fmt: skip
BROKEN_ENDINGS = ["\nThanks!", ":\n- one\n- two, or more", ' like this:\n"a","b"\n1,2', "\n\nBest, Åsa"]


@dataclass(frozen=True)
class Kind:
    """Which of the hard cases the files hold.

    The defaults hold all of them. The benchmarks leave out what some engines can read with their slow settings only.
    """

    missing: float = 0.01
    missing_lengths: bool = True
    na_words: bool = True
    line_breaks: bool = True


class Part:
    """A pool of texts, escaped for CSV, with a note of which ones have to stand in quotes."""

    def __init__(self, texts: list[str]) -> None:
        self.size = len(texts)
        self.escaped = pa.array([text.replace('"', '""') for text in texts])
        self.needs_quotes = np.array([any(c in text for c in ',"\n\r') for text in texts])

    def quoted(self) -> pa.Array:
        """Give the texts as whole CSV fields."""
        marks = quote_marks(self.needs_quotes)
        return pc.binary_join_element_wise(marks, self.escaped, marks, "")


def quote_marks(needed: np.ndarray) -> pa.Array:
    return pa.array(["", '"']).take(pa.array(needed.astype(np.int8)))


def skewed(size: int) -> np.ndarray:
    """Give probabilities as real categories have them: few are frequent, many are rare."""
    weights = 1.0 / np.arange(1, size + 1) ** 0.7
    return weights / weights.sum()


def with_missing(text: pa.Array, rate: float, kind: Kind, random: np.random.Generator) -> pa.Array:
    """Empty a share of the fields, or write ``NA`` into them."""
    if rate <= 0:
        return text
    draw = random.random(len(text))
    empty = pa.array(draw < (rate / 2 if kind.na_words else rate))
    text = pc.if_else(empty, "", text)
    if kind.na_words:
        text = pc.if_else(pa.array((draw >= rate / 2) & (draw < rate)), "NA", text)
    return text


class Writer:
    """Makes blocks of rows. What does not change from block to block is prepared once."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.categories = Part(CATEGORIES)
        self.models = Part(MODELS)
        self.parts = [Part(OPENINGS), Part(TOPICS), Part(ENDINGS + (BROKEN_ENDINGS if kind.line_breaks else []))]

    def pick(self, part: Part, rows: int, random: np.random.Generator) -> np.ndarray:
        return random.choice(part.size, size=rows, p=skewed(part.size)).astype(np.int32)

    def prompts(self, rows: int, random: np.random.Generator) -> pa.Array:
        picks = [random.integers(0, part.size, rows, dtype=np.int32) for part in self.parts]
        needed = np.zeros(rows, dtype=bool)
        for part, pick in zip(self.parts, picks, strict=True):
            needed |= part.needs_quotes[pick]
        marks = quote_marks(needed)
        opening, topic, ending = (p.escaped.take(pa.array(i)) for p, i in zip(self.parts, picks, strict=True))
        sentence = pc.binary_join_element_wise(opening, topic, " ")
        return pc.binary_join_element_wise(marks, sentence, ending, marks, "")

    def block(self, first_id: int, rows: int, random: np.random.Generator) -> memoryview:
        """Give ``rows`` rows as the text of a CSV file."""
        kind = self.kind
        category = self.pick(self.categories, rows, random)
        # A long-tailed length: most answers are short, and a quarter is below the limit of the example program.
        lengths = np.minimum(random.lognormal(6.9, 1.0, rows), 32_000).astype(np.int64)
        # The mean depends on the category, so that a wrong grouping shows. No value is 0 or 1, so each has a fraction.
        centre = 0.3 + 0.4 * (category * 7 % self.categories.size) / self.categories.size
        score = np.round(centre + (random.random(rows) - 0.5) * 0.5, 6)
        seconds = FIRST_SECOND + first_id * 2 + random.integers(0, 2, rows) + 2 * np.arange(rows)
        fields = [
            pa.array(np.arange(first_id, first_id + rows)).cast(pa.string()),
            pa.array(seconds).cast(pa.timestamp("s")).cast(pa.string()),
            with_missing(self.categories.quoted().take(pa.array(category)), kind.missing, kind, random),
            with_missing(
                pa.array(lengths).cast(pa.string()), kind.missing if kind.missing_lengths else 0.0, kind, random
            ),
            with_missing(pa.array(score).cast(pa.string()), kind.missing, kind, random),
            self.models.quoted().take(pa.array(self.pick(self.models, rows, random))),
            with_missing(self.prompts(rows, random), kind.missing, kind, random),
        ]
        lines = pc.binary_join_element_wise(*fields, ",")
        lines = pc.binary_join_element_wise(lines, "", "\n")
        # The lines stand one after the other in the array's data buffer: that is the file's text already.
        _, offsets, data = lines.buffers()
        ends = np.frombuffer(offsets, dtype=np.int32)
        return memoryview(data)[ends[lines.offset] : ends[lines.offset + rows]]


def write_file(path: Path, number: int, rows: int, seed: int, kind: Kind) -> int:
    """Write one file and give its size in bytes."""
    writer = Writer(kind)
    random = np.random.default_rng([seed, number])
    # Written under another name first, so that an interrupted run leaves no half file behind that looks whole.
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("wb") as out:
        out.write((",".join(COLUMNS) + "\n").encode())
        for start in range(0, rows, BLOCK_ROWS):
            count = min(BLOCK_ROWS, rows - start)
            out.write(writer.block(number * rows + start, count, random))
    unfinished.replace(path)
    return path.stat().st_size


def write_files(folder: Path, files: int, rows: int, seed: int = 0, kind: Kind | None = None) -> list[Path]:
    """Write ``files`` files of ``rows`` rows each into ``folder`` and give their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / FILE_NAME.format(number) for number in range(files)]
    for number, path in enumerate(paths):
        write_file(path, number, rows, seed, kind or Kind())
    return paths


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write a folder of realistic CSV files.")
    parser.add_argument("folder", type=Path, help="where the files go; made when it does not exist")
    parser.add_argument("--files", type=int, default=4, help="number of files (default: 4)")
    parser.add_argument("--rows", type=int, default=200_000, help="rows in each file (default: 200000)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same bytes (default: 0)")
    options = parser.parse_args(arguments)
    if options.files < 1 or options.rows < 0:
        parser.error("--files must be at least 1 and --rows at least 0")
    paths = write_files(options.folder, options.files, options.rows, options.seed)
    size = sum(path.stat().st_size for path in paths)
    print(f"{len(paths)} files, {options.files * options.rows:,} rows, {size / 1e6:,.1f} MB in {options.folder}/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
