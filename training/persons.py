"""Trains the taggers of personal names: `python -m training.persons --data ../shared/data`."""

from __future__ import annotations

import argparse
import json
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from guardrail.detect import Document
from guardrail.detect.persons import PersonNames
from guardrail.detect.persons.dense import columns, ruled_by
from guardrail.detect.persons.korean import KoreanNames
from guardrail.detect.persons.latin import LatinNames
from guardrail.detect.persons.lexicon import COMMON, DATA, GIVEN, SURNAME
from guardrail.detect.persons.spelled import Seen, Surroundings
from guardrail.detect.persons.tagging import BEGIN, END, INSIDE, OUT, SINGLE
from guardrail.detect.persons.tokens import Tokens
from guardrail.records import Operation, Request
from training.crf import fit, pack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training.crf import Example

SETTINGS = {"latin": (17, 4, -1.0, -3.0), "ko": (16, 6, -1.75, -3.0)}
PROMPTS, INVENTED, HARMLESS = 5000, 3000, 6000
FRAMES = (
    "{}, ", "portrait of {}, ", "a photo of {} ", "{} as ", "{} and {}, ", "{} with ",
    "painting of {} by ", "{} standing in front of ", "young {}, ", "{} wearing ",
)  # fmt: skip
Row = dict[str, Any]
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


def lowered(row: Row) -> Row:
    """The row in lower case, where that keeps places."""
    text = row["text"].lower()
    return {**row, "text": text} if len(text) == len(row["text"]) else row


def tags_of(length: int, runs: list[tuple[int, int]]) -> list[int]:
    """The tag of each unit."""
    tags = [OUT] * length
    for start, end in runs:
        tags[start:end] = [INSIDE] * (end - start)
        tags[start], tags[end - 1] = BEGIN, END
        if end == start + 1:
            tags[start] = SINGLE
    return tags


class Latin:
    """Rows in Latin script as training examples."""

    def __init__(self, rows: Rows, seed: int = 7) -> None:
        self._rows = rows
        self._random = random.Random(seed)  # noqa: S311
        self._names = LatinNames(trained=False)
        self._persons = PersonNames(trained=False)
        words = sorted(self._names.lexicon.items())
        self._given = [w for w, bits in words if bits & GIVEN and not bits & COMMON]
        self._family = [w for w, bits in words if bits & SURNAME and not bits & COMMON]

    def rows(self) -> list[Row]:
        """Annotated rows cased and lower-cased, harmless ones, prompts, and prompts with names."""
        draw = self._random
        gold = [r for r in self._rows.read("person_spans.jsonl") if r["lang"] in {"en", "de"}]
        rows = gold + [lowered(row) for row in gold if draw.random() < 0.5]  # noqa: PLR2004
        harmless = [
            {**row, "spans": []}
            for row in self._rows.read("benign.jsonl")
            if row["lang"] not in {"ja", "zh", "ar"} and "ELLA" not in row["source"]
        ]
        draw.shuffle(harmless)
        rows += harmless[:HARMLESS] + [lowered(row) for row in harmless[: HARMLESS // 3]]
        prompts = [
            row
            for row in self._rows.read("prompts_unlabelled.jsonl")
            if "nibbler" not in row["source"]
        ]
        prompts = draw.sample(prompts, PROMPTS + INVENTED)
        seen = [row for r in prompts[:PROMPTS] if (row := self._weak(r))]
        rows += seen + [lowered(row) for row in seen[: PROMPTS // 3]]
        return rows + [q for r in prompts[PROMPTS:] if (w := self._weak(r)) for q in self._put(w)]

    def example(self, row: Row, bits: int) -> Example | None:
        """Buckets and tags of the words; none where there are no words."""
        tokens = Tokens(row["text"], self._names.lexicon)
        if not tokens.words:
            return None
        ruled = self._names.by_rule(tokens)
        pairs = zip(tokens.words, tokens.flags, strict=True)
        seen = [Seen(word, flags, bits, caseless=tokens.caseless) for word, flags in pairs]
        around = Surroundings(tokens, seen, ruled, bits)
        beside = np.array([around.at(i) for i in range(len(seen))], np.int32)
        own = np.array([s.own for s in seen], np.int32)
        runs = []
        for start, end in row["spans"]:
            inside = [
                i
                for i, at in enumerate(tokens.starts[: len(seen)])
                if at < end and start < tokens.end(i)
            ]
            if inside:
                runs.append((inside[0], inside[-1] + 1))
        return np.column_stack([own, beside]), np.array(tags_of(len(seen), runs), np.int32)

    def _weak(self, row: Row) -> Row | None:
        """The row with the names the rules and the index see; none where a character is named."""
        document = Document(Request.of(row["text"], Operation.IMAGE_GENERATE))
        named = [f for f in self._persons.detect(document) if f.name]
        if any(f.value == "fictional" for f in named):
            return None
        spans = sorted({(f.span.start, f.span.end) for f in named if f.span})
        return {**row, "spans": spans}

    def _put(self, row: Row) -> Iterator[Row]:
        """A prompt without names, after a frame that has some."""
        if row["spans"]:
            return
        draw, given, family = self._random, self._given, self._family
        pieces = draw.choice(FRAMES).split("{}")
        text, spans = "", []
        for piece in pieces[:-1]:
            name = f"{draw.choice(given)} {draw.choice(family)}"
            name = name.title() if draw.random() < 0.3 else name  # noqa: PLR2004
            text += piece
            spans.append((len(text), len(text) + len(name)))
            text += name
        whole = {**row, "text": text + pieces[-1] + row["text"], "spans": spans}
        yield lowered(whole) if draw.random() < 0.6 else whole  # noqa: PLR2004


class Korean:
    """Korean rows as training examples."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._names = KoreanNames(trained=False)

    def rows(self) -> list[Row]:
        """Annotated rows."""
        return [r for r in self._rows.read("person_spans.jsonl") if r["lang"] == "ko"]

    def example(self, row: Row, bits: int) -> Example | None:
        """Buckets and tags of the characters."""
        text = row["text"]
        ruled = ruled_by(self._names.by_rule(text))
        seen = np.array(columns(text, ruled, bits), np.int32).T
        return seen, np.array(tags_of(len(text), row["spans"]), np.int32)


def train(script: str, rows: Rows) -> bytes:
    """The file of the tagger of a script."""
    bits, epochs, least, floor = SETTINGS[script]
    source = Latin(rows) if script == "latin" else Korean(rows)
    examples = [x for row in source.rows() if (x := source.example(row, bits)) is not None]
    weights, moves = fit(examples, bits, epochs=epochs)
    return pack(weights, moves, bits, least, floor)


def main() -> None:
    """Train the taggers asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=DATA)
    parser.add_argument("scripts", nargs="*", default=sorted(SETTINGS))
    asked = parser.parse_args()
    rows = Rows(asked.data)
    for script in asked.scripts:
        content = train(script, rows)
        (asked.out / f"tagger_{script}.bin").write_bytes(content)
        print(script, len(content), "bytes")  # noqa: T201


if __name__ == "__main__":
    main()
