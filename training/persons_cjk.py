"""Trains the taggers of names in Chinese and Japanese: `python -m training.persons_cjk --help`."""

from __future__ import annotations

import argparse
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from guardrail.detect.persons.chinese import ChineseNames
from guardrail.detect.persons.dense import Seen as Piece
from guardrail.detect.persons.dense import Surroundings as PieceSurroundings
from guardrail.detect.persons.dense import pieces, ruled_by
from guardrail.detect.persons.hanzi import Surroundings as HanziSurroundings
from guardrail.detect.persons.japanese import GIVEN, SURNAME, JapaneseNames
from guardrail.detect.persons.korean import KoreanNames
from guardrail.detect.persons.lexicon import DATA
from guardrail.detect.persons.morphemes import Seen as Morph
from guardrail.detect.persons.morphemes import Surroundings as MorphSurroundings
from guardrail.detect.persons.segmentation import Page
from training.crf import fit, pack
from training.names_zh import NamesZh
from training.persons import Row, Rows, tags_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from training.crf import Example

# bits of the table, epochs, ridge, log-odds a name needs, log-odds that drop what the rules found
SETTINGS = {
    "ja": (17, 5, 1e-4, -0.5, -2.0),
    "ko": (17, 6, 2e-5, -1.0, -2.5),
    "zh": (17, 6, 2e-4, 0.25, -2.0),
}
SENTENCES = Path(__file__).with_name("sentences_zh.txt")
SENTENCES_KO = Path(__file__).with_name("sentences_ko.txt")
SENTENCES_JA = Path(__file__).with_name("sentences_ja.txt")
RENAMED = 2
REPEATED = 40
SEEDS = (7, 8, 9)  # the names put into sentences differ; the weights are averaged
_LINK = re.compile("[・=\uff1d]")
_KATAKANA = re.compile("[\u30a1-\u30ff=\uff1d]+")
_HAN = re.compile("[\u3005\u3400-\u9fff]+")
_HANGUL = re.compile("[\uac00-\ud7a3]+")
_HE = re.compile("(?<![其吉排])[他她](?![们們人妈])")
_SLOT = re.compile(r"\{(\w?)\}")


class Chinese:
    """Chinese rows as training examples."""

    def __init__(self, rows: Rows, dictionary: Path, seed: int = 7) -> None:
        self._rows = rows
        self._random = random.Random(seed)  # noqa: S311
        self._names = NamesZh(dictionary, self._random)
        self._rules = ChineseNames(trained=False)

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
        around = HanziSurroundings(page, ruled, bits, everywhere=True)
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


class Japanese:
    """Japanese rows as training examples."""

    def __init__(self, rows: Rows, seed: int = 5) -> None:
        self._rows = rows
        self._random = random.Random(seed)  # noqa: S311
        self._analyser = JapaneseNames(trained=False)

    def rows(self) -> list[Row]:
        """Annotated rows, the same with other names, captions, and sentences with names."""
        gold = [r for r in self._rows.read("person_spans.jsonl") if r["lang"] == "ja"]
        calm = [r for r in self._rows.read("benign.jsonl") if r["lang"] == "ja"]
        found = gold + [{**row, "spans": []} for row in calm]
        named = [row for row in gold if row["spans"]]
        pool: dict[tuple[str, int], list[str]] = {}
        for row in named:
            for name in _names(row):
                pool.setdefault(_make(name), []).append(name)
        for _ in range(RENAMED):
            found += [
                replaced(row, lambda old: self._random.choice(pool[_make(old)])) for row in named
            ]
        return found + list(self._sentences(named))

    def example(self, row: Row, bits: int) -> Example | None:
        """Buckets and tags of the morphemes; none where the analyser sees no name."""
        text = row["text"]
        tokens = self._analyser.tokens(text)
        if not tokens:
            return None
        ruled = self._analyser.by_rule(text, tokens)
        seen = [Morph(text[t.begin : t.end], t.code, bits) for t in tokens]
        around = MorphSurroundings(seen, ruled, bits)
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
        names = [name for row in named for name in _names(row)]
        foreign = [name for name in names if _make(name)[0] == "katakana"]
        whole = [name for name in names if _make(name)[0] != "katakana"]
        parts = [part for name in foreign for part in _LINK.split(name) if len(part) > 1]
        family, given = self._cut(name for name in whole if _make(name)[0] == "han")

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
            yield from filled(SENTENCES_JA, one, draw, "。")

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


class Korean:
    """Korean rows as training examples."""

    def __init__(self, rows: Rows, seed: int = 5) -> None:
        self._rows = rows
        self._random = random.Random(seed)  # noqa: S311
        self._names = KoreanNames(trained=False)

    def rows(self) -> list[Row]:
        """Annotated rows, the same with other names, and sentences with names."""
        draw = self._random
        gold = [r for r in self._rows.read("person_spans.jsonl") if r["lang"] == "ko"]
        named = [row for row in gold if row["spans"]]
        pool: dict[tuple[str, int], list[str]] = {}
        for row in named:
            for name in _names(row):
                pool.setdefault(_make(name), []).append(name)
        found = list(gold)
        for _ in range(RENAMED):
            found += [replaced(row, lambda old: draw.choice(pool[_make(old)])) for row in named]
        names = [name for row in named for name in _names(row)]
        full = [n for n in names if _make(n) == ("hangul", 3)]
        foreign = [n for n in names if _make(n)[0] == "mixed" or _make(n)[1] > 3]  # noqa: PLR2004

        def one(sort: str) -> str:
            if sort == "k" or draw.random() < 0.2:  # noqa: PLR2004
                return draw.choice(foreign)
            if draw.random() < 0.3:  # noqa: PLR2004
                return draw.choice(full)[0] + draw.choice(full)[1:]
            return draw.choice(names)

        for _ in range(8):
            found += filled(SENTENCES_KO, one, draw, ".")
        return found

    def example(self, row: Row, bits: int) -> Example | None:
        """Buckets and tags of the characters."""
        text = row["text"]
        ruled = ruled_by(self._names.by_rule(text))
        seen = [Piece(piece, bits) for piece in pieces(text)]
        around = PieceSurroundings(seen, len(text), ruled, bits)
        found: list[list[int]] = []
        for p, piece in enumerate(seen):
            near, start, n = around.beside(p), len(found), len(piece.own)
            found += [own + around.at(near, start + k, k, n) for k, own in enumerate(piece.own)]
        return np.array(found, np.int32), np.array(tags_of(len(text), row["spans"]), np.int32)


def _names(row: Row) -> list[str]:
    return [row["text"][start:end] for start, end in row["spans"]]


def _make(name: str) -> tuple[str, int]:
    """How a name is written, and how long it is or how many parts it has."""
    if _KATAKANA.fullmatch(name):
        return "katakana", len(_LINK.split(name)) > 1
    if _HAN.fullmatch(name):
        return "han", min(len(name), 3)
    return ("hangul" if _HANGUL.fullmatch(name) else "mixed"), min(len(name), 4)


def replaced(row: Row, other: Callable[[str], str]) -> Row:
    """The row with other names in the places of its own."""
    text, spans, done = "", [], 0
    for start, end in sorted(row["spans"]):
        if start < done:
            continue
        text += row["text"][done:start]
        name = other(row["text"][start:end])
        spans.append((len(text), len(text) + len(name)))
        text += name
        done = end
    return {**row, "text": text + row["text"][done:], "spans": spans}


def filled(
    path: Path, name: Callable[[str], str], draw: random.Random, stops: str, empty: str = ""
) -> Iterator[Row]:
    """The sentences of a file with names for their places; those of a sort in `empty` are none."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        text, spans, done = "", [], 0
        for match in _SLOT.finditer(line):
            text += line[done : match.start()]
            put = name(match[1])
            if not match[1] or match[1] not in empty:
                spans.append((len(text), len(text) + len(put)))
            text += put
            done = match.end()
        text += line[done:] + (draw.choice(stops) if draw.random() < 0.4 else "")  # noqa: PLR2004
        yield {"text": text, "spans": spans, "lang": "", "source": "own"}


def train(script: str, rows: Rows, words: Path | None) -> bytes:
    """The file of the tagger of a script.

    words: jieba's dictionary, needed for Chinese.
    """
    bits, epochs, ridge, least, floor = SETTINGS[script]
    fitted = []
    for seed in SEEDS:
        source = _source(script, rows, words, seed)
        examples = [x for row in source.rows() if (x := source.example(row, bits)) is not None]
        fitted.append(fit(examples, bits, epochs=epochs, ridge=ridge))
    weights = np.mean([one for one, _ in fitted], axis=0)
    moves = np.mean([one for _, one in fitted], axis=0)
    return pack(weights, moves, bits, least, floor)


def _source(script: str, rows: Rows, words: Path | None, seed: int) -> Chinese | Japanese | Korean:
    if script == "ja":
        return Japanese(rows, seed)
    if script == "ko":
        return Korean(rows, seed)
    if words is None:
        raise SystemExit("zh needs --words, the dictionary of jieba")
    return Chinese(rows, words, seed)


def main() -> None:
    """Train the taggers asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--words", type=Path)
    parser.add_argument("--out", type=Path, default=DATA)
    parser.add_argument("scripts", nargs="*", default=sorted(SETTINGS))
    asked = parser.parse_args()
    rows = Rows(asked.data)
    for script in asked.scripts:
        content = train(script, rows, asked.words)
        (asked.out / f"tagger_{script}.bin").write_bytes(content)
        print(script, len(content), "bytes")  # noqa: T201


if __name__ == "__main__":
    main()
