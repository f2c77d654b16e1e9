"""Rows in Latin script that the tagger of names is fitted to."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from guardrail.detect.persons.index import NameIndex
from guardrail.detect.persons.latin import LatinNames
from guardrail.detect.persons.spelling import WIDTH, keys_of
from guardrail.detect.persons.tokens import Tokens
from guardrail.records import Kind
from guardrail.text import fold
from training import usage
from training.foreign import Foreign
from training.names import Names
from training.persons import Row, Rows, tags_of
from training.prompts import prompts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from training.crf import Example

MADE, HARMLESS, PROMPTS, ABROAD, WRITTEN = 6000, 7000, 4000, 4000, 2
UNKNOWN = 3
"""One text in so many is learnt from as if the words of other languages were not known."""
LOWERED, RAISED, MADE_LOWER = 1.0, 0.03, 0.5
"""Shares of the annotated rows that come in lower and upper case too, of made-up ones in lower."""
_FOREIGN = frozenset({"ja", "zh", "ar", "ko", "sr", "kk"})
_COUNTED = frozenset({"en", "de"})
_ABROAD = frozenset({"fr", "sp"})
_LABELLED = frozenset({"vi", "it", "jv", "sw"})
_CAPITAL = re.compile(r"(?<=[^.!?:\n]\s)[A-Z\u00c0-\u00de]")
_CREATOR = re.compile(
    r"\b(?:by|style|artists?|artstation|inspired|directed|painter|featuring)\b", re.IGNORECASE
)
_SLOT = re.compile(r"(\{\w\})")
_CUT, _LONG = 160, 600
_TEXTS = ("person_spans", "prompts_unlabelled", "benign", "harmful_nonsexual")


def recased(row: Row, change: Callable[[str], str]) -> Row:
    """The row in another case, where that keeps places."""
    text = change(row["text"])
    return {**row, "text": text} if len(text) == len(row["text"]) else row


class Latin:
    """Rows in Latin script as training examples.

    without: sources to leave out, for measuring on them, or languages of practice prompts and
        vocabulary.
    """

    def __init__(
        self,
        rows: Rows,
        data: Path,
        seed: int = 7,
        without: frozenset[str] = frozenset(),
    ) -> None:
        self._rows = rows
        self._without = without
        self._draw = random.Random(seed)  # noqa: S311
        self._rules = LatinNames(trained=False)
        self.names = Names(data, self._draw, rows.mentions)
        self.foreign = Foreign(random.Random(seed), self.names, without)  # noqa: S311
        self._listed = NameIndex.build((name, Kind.PUBLIC, "") for name in self.names.listed)
        self._shipped = NameIndex.shipped()
        self.usage: Mapping[int, int] = {}
        self.usage_english: Mapping[int, int] = {}
        self.used: usage.Used = {}

    def _read(self, name: str) -> Iterator[Row]:
        for row in self._rows.read(f"{name}.jsonl"):
            if row["source"] not in self._without:
                yield row

    def learn_usage(self) -> usage.Used:
        """Count how words are used, which examples need; words of other languages included."""
        english = usage.count(self.texts(), self.texts_abroad())
        self.used = usage.with_foreign(english, self.foreign.known)
        self.usage, self.usage_english = usage.table(self.used), usage.table(english)
        return self.used

    def share(self, other: Latin) -> None:
        """Take over what another source has learnt of the use of words."""
        self.used, self.usage, self.usage_english = other.used, other.usage, other.usage_english

    def texts(self) -> Iterator[str]:
        """English and German texts, for counting how words are used."""
        for name in _TEXTS:
            for row in self._read(name):
                if row["lang"] in _COUNTED:
                    yield row["text"]

    def texts_abroad(self) -> Iterator[str]:
        """Texts of other languages in Latin script."""
        for row in self._read("harmful_nonsexual"):
            if row["lang"] in _ABROAD:
                yield row["text"]
        for phrases in self.foreign.phrases.values():
            yield from phrases
        for row in self._practice():
            yield row["text"]

    def rows(self) -> list[Row]:
        """Annotated rows in their case and others, rows without names, prompts, made-up ones."""
        harmless, prompts = self._harmless(), self._prompts()
        plain = [r["text"] for r in prompts if not r["spans"]]
        plain += [r["text"] for r in harmless if r["lang"] == "en"]
        return [
            *self._annotated(),
            *harmless[:HARMLESS],
            *[recased(r, str.lower) for r in harmless[: HARMLESS // 3]],
            *prompts[:PROMPTS],
            *[recased(r, str.lower) for r in prompts[: PROMPTS // 2]],
            *self._made(plain),
            *_sentences(),
            *self.foreign.rows(self.used),
            *self._lowercase(),
            *self._written(),
        ]

    def _annotated(self) -> list[Row]:
        draw = self._draw
        gold = [r for r in self._read("person_spans") if r["lang"] in {"en", "de"}]
        lower = [recased(r, str.lower) for r in gold if draw.random() < LOWERED]
        return gold + lower + [recased(r, str.upper) for r in gold if draw.random() < RAISED]

    def _harmless(self) -> list[Row]:
        found = [
            {**row, "spans": []}
            for row in self._read("benign")
            if row["lang"] not in _FOREIGN and "ELLA" not in row["source"]
        ]
        found = [row for row in found if not self._named(row["text"])]
        self._draw.shuffle(found)
        return found

    def _prompts(self) -> list[Row]:
        prompts = [r for r in self._read("prompts_unlabelled") if "nibbler" not in r["source"]]
        self._draw.shuffle(prompts)
        return [row for r in prompts[: 4 * PROMPTS] if (row := self._weak(r))]

    def _named(self, text: str) -> list[tuple[int, int]]:
        folded = fold(text, "canonical")
        if len(folded) != len(text):
            return []
        found = [*self._shipped.find(folded), *self._listed.find(folded)]
        return sorted({(e.start, e.end) for e in found if not e.context})

    def _weak(self, row: Row) -> Row | None:
        """A prompt with the listed names in it; none where it may have others too."""
        text = row["text"][:_LONG]
        if self._rows.mentions(text):
            return None
        spans: list[tuple[int, int]] = []
        for start, end in sorted(self._named(text), key=lambda s: s[0] - s[1]):
            if all(end <= a or b <= start for a, b in spans):
                spans.append((start, end))
        rest = list(text)
        for start, end in spans:
            rest[start:end] = "_" * (end - start)
        left = "".join(rest)
        if _CREATOR.search(left) or self._rules.find(left):
            return None
        return {**row, "text": text, "spans": sorted(spans)}

    def _lowercase(self) -> list[Row]:
        """Texts of other languages whose words have capitals nowhere but at the beginning."""
        found = [
            {**row, "spans": []}
            for name, langs in (("harmful_nonsexual", _ABROAD), ("sexual_labelled", _LABELLED))
            for row in self._read(name)
            if row["lang"] in langs
            and len(row["text"]) <= _LONG
            and not _CAPITAL.search(row["text"])
        ]
        self._draw.shuffle(found)
        return found[:ABROAD]

    def _practice(self) -> Iterator[Row]:
        return prompts(without=self._without)

    def _written(self) -> Iterator[Row]:
        """Practice prompts as they are and in lower case."""
        for row in self._practice():
            for _ in range(WRITTEN):
                yield row
            yield recased(row, str.lower)

    def _made(self, plain: list[str]) -> Iterator[Row]:
        draw = self._draw
        frames = list(_lines("frames.tsv"))
        for _ in range(MADE):
            row = self._filled(*draw.choice(frames), plain)
            chance = draw.random()
            if chance < MADE_LOWER:
                row = recased(row, str.lower)
            elif chance < MADE_LOWER + RAISED:
                row = recased(row, str.upper)
            yield row

    def _filled(self, language: str, frame: str, plain: list[str]) -> Row:
        text = ""
        spans = []
        for piece in _SLOT.split(frame):
            if not _SLOT.fullmatch(piece):
                text += piece
            elif piece == "{s}":
                text += self._draw.choice(plain)[:_CUT].rpartition(" ")[0]
            else:
                name = self.names.of(piece[1], language)
                spans.append((len(text), len(text) + len(name)))
                text += name
        return {"text": text, "spans": spans, "lang": language, "source": "frames"}

    def example(self, row: Row, bits: int) -> Example | None:
        """Buckets and tags of the words; none where there are no words."""
        tokens = Tokens(row["text"], self._rules.lexicon)
        if not tokens.words:
            return None
        known = self.usage if crc32(row["text"].encode()) % UNKNOWN else self.usage_english
        keys = keys_of(tokens, self._rules.by_rule(tokens), known)
        mask = (1 << bits) - 1
        table = np.full((len(keys), WIDTH), mask + 1, np.int32)
        for i, found in enumerate(keys):
            table[i, : len(found)] = [key & mask for key in found]
        runs = [run for span in row["spans"] if (run := _words_of(tokens, *span))]
        return table, np.array(tags_of(len(keys), runs), np.int32)


def _lines(name: str) -> Iterator[list[str]]:
    """The fields of each line of a file beside this one."""
    for line in Path(__file__).with_name(name).read_text("utf-8").split("\n"):
        if line and line[0] != "#":
            yield line.split("\t")


def _sentences() -> Iterator[Row]:
    """Sentences without names, in some cases."""
    for language, text in _lines("plain.tsv"):
        row = {"text": text, "spans": [], "lang": language, "source": "plain"}
        for change in (str, str.lower, str.capitalize, str):
            yield recased(row, change)


def _words_of(tokens: Tokens, start: int, end: int) -> tuple[int, int] | None:
    """The half-open range of the words that a range of the text touches."""
    inside = [
        i for i in range(len(tokens.words)) if tokens.starts[i] < end and start < tokens.end(i)
    ]
    return (inside[0], inside[-1] + 1) if inside else None
