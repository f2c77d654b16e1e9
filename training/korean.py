"""Korean rows that the tagger of names is fitted to."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from guardrail.detect.persons.dense import Seen, Surroundings, pieces, ruled_by
from guardrail.detect.persons.korean import KoreanNames
from training.persons import Row, Rows, tags_of
from training.renaming import RENAMED, annotated, filled, make_of, names_of, replaced

if TYPE_CHECKING:
    from training.crf import Example

SENTENCES = Path(__file__).with_name("sentences_ko.txt")


class Korean:
    """Korean rows as training examples."""

    def __init__(self, rows: Rows, seed: int = 5) -> None:
        self._rows = rows
        self._random = random.Random(seed)  # noqa: S311
        self._names = KoreanNames(trained=False)
        self._annotated = annotated(rows, "ko")

    def name(self) -> str:
        """A name of the annotated rows."""
        return self._random.choice(self._annotated)

    def plain(self) -> list[str]:
        """Nothing beyond the vocabulary."""
        return []

    def rows(self) -> list[Row]:
        """Annotated rows, the same with other names, and sentences with names."""
        draw = self._random
        gold = [r for r in self._rows.read("person_spans.jsonl") if r["lang"] == "ko"]
        named = [row for row in gold if row["spans"]]
        pool: dict[tuple[str, int], list[str]] = {}
        for row in named:
            for name in names_of(row):
                pool.setdefault(make_of(name), []).append(name)
        found = list(gold)
        for _ in range(RENAMED):
            found += [replaced(row, lambda old: draw.choice(pool[make_of(old)])) for row in named]
        names = [name for row in named for name in names_of(row)]
        full = [n for n in names if make_of(n) == ("hangul", 3)]
        foreign = [n for n in names if make_of(n)[0] == "mixed" or make_of(n)[1] > 3]  # noqa: PLR2004

        def one(sort: str) -> str:
            if sort == "k" or draw.random() < 0.2:  # noqa: PLR2004
                return draw.choice(foreign)
            if draw.random() < 0.3:  # noqa: PLR2004
                return draw.choice(full)[0] + draw.choice(full)[1:]
            return draw.choice(names)

        for _ in range(8):
            found += filled(SENTENCES, one, draw, ".")
        return found

    def example(self, row: Row, bits: int) -> Example | None:
        """Buckets and tags of the characters."""
        text = row["text"]
        ruled = ruled_by(self._names.by_rule(text))
        seen = [Seen(piece, bits) for piece in pieces(text)]
        around = Surroundings(seen, len(text), ruled, bits)
        found: list[list[int]] = []
        for p, piece in enumerate(seen):
            near, start, n = around.beside(p), len(found), len(piece.own)
            found += [own + around.at(near, start + k, k, n) for k, own in enumerate(piece.own)]
        return np.array(found, np.int32), np.array(tags_of(len(text), row["spans"]), np.int32)
