"""Trains the tagger of Latin script: `python -m training.persons --data ../shared/data`."""

from __future__ import annotations

import argparse
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from guardrail.detect.persons.lexicon import DATA
from guardrail.detect.persons.tagging import BEGIN, END, INSIDE, OUT, SINGLE, Tagger
from guardrail.detect.persons.usage import packed
from training import usage
from training.crf import Care, fit, pack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BITS = 18
LEAST, FLOOR = -2.0, -3.0
SEEDS = (7, 8)  # the rows drawn differ; the weights are averaged
Row = dict[str, Any]
_WORD = re.compile(r"[^\W\d_]+")
_NOT_LETTERS = re.compile(r"[\W_]+")
_BEGINNING = 40


def _keys(text: str) -> tuple[str, str]:
    """What two copies of a text share: its letters and digits, and how they begin."""
    letters = _NOT_LETTERS.sub("", text.casefold())
    return letters, letters[:_BEGINNING]


def held_out(data: Path) -> frozenset[str]:
    """The keys of every development text, none of which may be learnt from.

    The training files hold many development rows too, some in another case or spelling.
    """
    found: set[str] = set()
    for path in sorted((data / "dev").glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                letters, beginning = _keys(row["text"])
                found.add(letters)
                if len(beginning) == _BEGINNING:
                    found.add(beginning)
    return frozenset(found)


class Rows:
    """The training rows of a folder of data, without those of its development part."""

    def __init__(self, data: Path) -> None:
        self._folder = data / "train"
        self._held = held_out(data)
        self._named = _names_of(data)

    def read(self, name: str) -> Iterator[Row]:
        """The rows of a file; a handle (@somebody) is no name, whatever the annotators say."""
        with (self._folder / name).open(encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                text = row["text"]
                if not self._held.isdisjoint(_keys(text)):
                    continue
                row["spans"] = [
                    (start, end)
                    for start, end in row.get("spans", ())
                    if "@" not in text[max(0, start - 1) : end]
                ]
                yield row

    def mentions(self, text: str) -> bool:
        """Whether a development text names somebody whom this text names in full."""
        words = _WORD.findall(text.casefold())
        return not self._named.isdisjoint(pairwise(words))


def _names_of(data: Path) -> frozenset[tuple[str, str]]:
    """The two outer words of each full name in the development rows."""
    found = set()
    for name in ("person", "benign"):
        with (data / "dev" / f"{name}.jsonl").open(encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                for start, end in row.get("spans") or ():
                    words = _WORD.findall(row["text"][start:end].casefold())
                    found.update(pairwise(words))
    return frozenset(found)


def tags_of(length: int, runs: Iterable[tuple[int, int]]) -> list[int]:
    """The tag of each unit."""
    tags = [OUT] * length
    for start, end in runs:
        tags[start:end] = [INSIDE] * (end - start)
        tags[start], tags[end - 1] = BEGIN, END
        if end == start + 1:
            tags[start] = SINGLE
    return tags


def train(data: Path, without: frozenset[str] = frozenset()) -> dict[str, bytes]:
    """The files of the tagger of Latin script: its weights, and how words are used.

    without: sources and languages to leave out for measuring, as `Latin` has it.
    """
    from training.latin import Latin

    rows = Rows(data)
    sources = [Latin(rows, data, seed, without) for seed in SEEDS]
    used = sources[0].learn_usage()
    fitted = []
    for source in sources:
        source.share(sources[0])
        examples = [x for row in source.rows() if (x := source.example(row, BITS)) is not None]
        fitted.append(fit(examples, BITS, epochs=6, ridge=1e-5, care=Care(drop=0.2, calm=3)))
    weights = np.mean([one for one, _ in fitted], axis=0)
    moves = np.mean([one for _, one in fitted], axis=0)
    content = pack(weights, moves, BITS, LEAST, FLOOR)
    table = usage.hopeless(used, Tagger.of(content))
    return {"tagger_latin.bin": content, "usage_latin.bin": packed(table)}


def main() -> None:
    """Train the tagger of Latin script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=DATA)
    parser.add_argument(
        "--without", nargs="*", default=[], help="sources or languages to leave out"
    )
    asked = parser.parse_args()
    made = train(asked.data, frozenset(asked.without))
    for name, content in made.items():
        (asked.out / name).write_bytes(content)
        print(name, len(content), "bytes")  # noqa: T201


if __name__ == "__main__":
    main()
