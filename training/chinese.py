"""Chinese rows that the tagger of names is fitted to."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from guardrail.detect.persons.chinese import ChineseNames
from guardrail.detect.persons.dense import ruled_by
from guardrail.detect.persons.hanzi import Surroundings
from guardrail.detect.persons.segmentation import Page
from training.names_zh import NamesZh
from training.persons import Row, Rows, tags_of
from training.renaming import filled, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training.crf import Example

PLAIN = 12_000
SENTENCES = Path(__file__).with_name("sentences_zh.txt")
REPEATED = 40
_HE = re.compile("(?<![其吉排])[他她](?![们們人妈])")


class Chinese:
    """Chinese rows as training examples."""

    def __init__(self, rows: Rows, dictionary: Path, seed: int = 7) -> None:
        self._rows = rows
        self._random = random.Random(seed)  # noqa: S311
        self._names = NamesZh(dictionary, self._random)
        self._rules = ChineseNames(trained=False)

    def name(self) -> str:
        """A name of any make."""
        return self._names.any()

    def plain(self) -> list[str]:
        """Ordinary words of the dictionary and places, some of them drawn."""
        return self._names.words(PLAIN)

    def rows(self) -> list[Row]:
        """Annotated rows, the same with other names, and sentences that names were put into."""
        gold = [row for row in self._rows.read("person_spans.jsonl") if row["lang"] == "zh"]
        found = list(gold)
        for row in gold:
            if row["spans"]:
                found += [self._renamed(row) for _ in range(2)]
        found += [q for row in gold for q in self._pronouns(row)]
        for _ in range(REPEATED):
            found += filled(SENTENCES, self._slot, self._random, "。！，", "pq")
        for name in ("harmful_nonsexual.jsonl", "benign.jsonl"):
            for row in self._rows.read(name):
                if row["lang"] == "zh" and not self._rules.find(row["text"]):
                    found.append({**row, "spans": []})
                    found += self._pronouns({**row, "spans": []})
        return found

    def example(self, row: Row, bits: int) -> Example | None:
        """Buckets and tags of the characters."""
        text = row["text"]
        page = Page(text)
        ruled = ruled_by(self._rules.by_rule(text, page))
        around = Surroundings(page, ruled, bits, everywhere=True)
        seen = np.array([around.at(i) for i in range(len(text))], np.int32)
        return seen, np.array(tags_of(len(text), row["spans"]), np.int32)

    def _renamed(self, row: Row) -> Row:
        """The row with other names in the places of its own."""
        return replaced(row, self._other)

    def _other(self, old: str) -> str:
        if len(old) == 1:
            return old
        return self._names.foreign() if len(old) > 3 else self._names.any()  # noqa: PLR2004

    def _pronouns(self, row: Row) -> Iterator[Row]:
        """The row with a name for its first "he" or "she"."""
        match = _HE.search(row["text"])
        if match and not any(a < match.end() and match.start() < b for a, b in row["spans"]):
            spans = sorted([*row["spans"], match.span()])
            yield self._renamed_at(row, spans, match.start())

    def _renamed_at(self, row: Row, spans: list[tuple[int, int]], place: int) -> Row:
        text, found, done = "", [], 0
        for start, end in spans:
            text += row["text"][done:start]
            name = self._names.any() if start == place else row["text"][start:end]
            found.append((len(text), len(text) + len(name)))
            text += name
            done = end
        return {**row, "text": text + row["text"][done:], "spans": found}

    def _slot(self, sort: str) -> str:
        if sort == "f":
            return self._names.foreign()
        if sort == "p":
            return self._names.place()
        if sort == "q":
            return self._names.nonsense()
        return self._names.surname() if sort == "s" else self._names.any()
