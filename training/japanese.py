"""Japanese rows that the tagger of names is fitted to."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from guardrail.detect.persons.japanese import GIVEN, SURNAME, JapaneseNames
from guardrail.detect.persons.morphemes import Seen, Surroundings
from training.persons import Row, Rows, tags_of
from training.renaming import LINK, RENAMED, annotated, filled, make_of, names_of, replaced

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from training.crf import Example

SENTENCES = Path(__file__).with_name("sentences_ja.txt")


class Japanese:
    """Japanese rows as training examples."""

    def __init__(self, rows: Rows, seed: int = 5) -> None:
        self._rows = rows
        self._random = random.Random(seed)  # noqa: S311
        self._analyser = JapaneseNames(trained=False)
        self._annotated = annotated(rows, "ja")

    def name(self) -> str:
        """A name of the annotated rows."""
        return self._random.choice(self._annotated)

    def plain(self) -> list[str]:
        """Nothing beyond the vocabulary."""
        return []

    def rows(self) -> list[Row]:
        """Annotated rows, the same with other names, captions, and sentences with names."""
        gold = [r for r in self._rows.read("person_spans.jsonl") if r["lang"] == "ja"]
        calm = [r for r in self._rows.read("benign.jsonl") if r["lang"] == "ja"]
        found = gold + [{**row, "spans": []} for row in calm]
        named = [row for row in gold if row["spans"]]
        pool: dict[tuple[str, int], list[str]] = {}
        for row in named:
            for name in names_of(row):
                pool.setdefault(make_of(name), []).append(name)
        for _ in range(RENAMED):
            found += [
                replaced(row, lambda old: self._random.choice(pool[make_of(old)])) for row in named
            ]
        return found + list(self._sentences(named))

    def example(self, row: Row, bits: int) -> Example | None:
        """Buckets and tags of the morphemes; none where the analyser sees no name."""
        text = row["text"]
        tokens = self._analyser.tokens(text)
        if not tokens:
            return None
        ruled = self._analyser.by_rule(text, tokens)
        seen = [Seen(text[t.begin : t.end], t.code, bits) for t in tokens]
        around = Surroundings(seen, ruled, bits)
        beside = np.array([around.at(i) for i in range(len(seen))], np.int32)
        own = np.array([s.own for s in seen], np.int32)
        runs: list[tuple[int, int]] = []
        for start, end in row["spans"]:
            inside = [i for i, t in enumerate(tokens) if t.begin < end and start < t.end]
            if inside and (not runs or inside[0] >= runs[-1][1]):
                runs.append((inside[0], inside[-1] + 1))
        return np.column_stack([own, beside]), np.array(tags_of(len(tokens), runs), np.int32)

    def _sentences(self, named: list[Row]) -> Iterator[Row]:
        """Sentences of our own with names taken from the annotated rows, whole or put together."""
        draw = self._random
        names = [name for row in named for name in names_of(row)]
        foreign = [name for name in names if make_of(name)[0] == "katakana"]
        whole = [name for name in names if make_of(name)[0] != "katakana"]
        parts = [part for name in foreign for part in LINK.split(name) if len(part) > 1]
        family, given = self._cut(name for name in whole if make_of(name)[0] == "han")

        def one(sort: str) -> str:
            chance = draw.random()
            if sort == "g":
                return draw.choice(given)
            if sort == "s":
                return draw.choice(family)
            if sort == "k" or chance < 0.3:  # noqa: PLR2004
                linked = draw.choice(parts) + "・" + draw.choice(parts)
                return draw.choice((draw.choice(foreign), linked, draw.choice(parts)))
            if chance < 0.55:  # noqa: PLR2004
                return draw.choice(whole)
            if chance < 0.9:  # noqa: PLR2004
                return draw.choice(family) + draw.choice(given)
            return draw.choice(given)

        for _ in range(15):
            yield from filled(SENTENCES, one, draw, "。")

    def _cut(self, names: Iterable[str]) -> tuple[list[str], list[str]]:
        """The surnames and the given names in names written in characters."""
        family, given = [], []
        for name in names:
            sorts = [(t.sort, t.end) for t in self._analyser.tokens(name)]
            if len(sorts) == 2 and sorts[0][0] == SURNAME:  # noqa: PLR2004
                family.append(name[: sorts[0][1]])
                given.append(name[sorts[0][1] :])
            elif len(sorts) == 1 and sorts[0][0] in {SURNAME, GIVEN}:
                (family if sorts[0][0] == SURNAME else given).append(name)
        return family, given
