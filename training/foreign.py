"""Ordinary words of many languages: text without names, alone, side by side and around names."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from guardrail.detect.persons.lexicon import GIVEN, SURNAME, latin_words
from guardrail.detect.persons.usage import FOREIGN, GROUPS
from training.synthetic import terms

if TYPE_CHECKING:
    import random
    from collections.abc import Collection, Iterator, Mapping

    from training.names import Names
    from training.persons import Row

ALONE, BESIDE, PHRASES, NAMED = 200, 100, 250, 250
"""Rows drawn for each language: a word alone, a few words, a phrase, a phrase with a name."""
NAMES_ALONE = 3000
_FEW = (2, 3, 3, 4)
_RAISED = 0.1
_WORD = re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff'’-]+")
_FRAMES = ("{n}, {p}", "{p} {n}", "{n} {p}", "{n} & {n}, {p}", "{p}: {n}", "{f} {p}", "{p}, {f}")
MAIN = frozenset(
    ["es", "fr", "pt", "it", "nl", "sv", "da", "ro", "pl", "tr", "vi", "id", "ms", "fil"]
)
"""Languages whose words the shipped table holds."""


VOCABULARY = Path(__file__).with_name("vocabulary")
_DENSE = frozenset({"ja", "ko", "zh"})


def lines_of(lang: str) -> list[str]:
    """The words and phrases of a language."""
    lines = (VOCABULARY / f"{lang}.txt").read_text("utf-8").split("\n")
    return [line for line in lines if line]


class Foreign:
    """Words and phrases of `vocabulary/`, with the terms of the sexual lexicon.

    without: languages to leave out.
    """

    def __init__(self, draw: random.Random, names: Names, without: Collection[str] = ()) -> None:
        self._draw = draw
        self._names = names
        self.phrases: dict[str, list[str]] = {}
        self.words: dict[str, list[str]] = {}
        for lang in sorted(path.stem for path in VOCABULARY.glob("*.txt")):
            if lang not in _DENSE and lang not in without:
                lines = lines_of(lang)
                self.words[lang] = [line for line in lines if " " not in line]
                self.phrases[lang] = [line for line in lines if " " in line]

    @cached_property
    def known(self) -> frozenset[str]:
        """The folded words of the languages that the table holds."""
        return frozenset(w.casefold() for lang in MAIN for w in self.words.get(lang, ()))

    def rows(self, used: Mapping[tuple[str, bool], int]) -> Iterator[Row]:
        """Rows without names and rows with them.

        used: how words are used, as `usage.with_foreign` has it.
        """
        for lang, words in self.words.items():
            yield from self._without(lang, [w for w in words if _plain(w.casefold(), used)])
            for _ in range(NAMED):
                yield self._named(lang)
        yield from _terms(self.words)
        for _ in range(NAMES_ALONE):
            yield self._alone()

    def _without(self, lang: str, plain: list[str]) -> Iterator[Row]:
        draw = self._draw
        for _ in range(ALONE):
            word = draw.choice(plain).lower()
            yield _row(word.capitalize() if draw.random() < _RAISED else word, lang)
        for _ in range(BESIDE):
            few = [draw.choice(plain).lower() for _ in range(draw.choice(_FEW))]
            yield _row(" ".join(few), lang)
        for phrase in draw.sample(self.phrases[lang], min(PHRASES, len(self.phrases[lang]))):
            yield _row(phrase.lower() if draw.random() < 0.5 else phrase, lang)  # noqa: PLR2004

    def _named(self, lang: str) -> Row:
        """A phrase with names before, after or in it."""
        draw = self._draw
        phrase = draw.choice(self.phrases[lang])
        frame = draw.choice(_FRAMES)
        if "{f}" in frame:
            head, _, tail = phrase.partition(" ")
            frame = f"{head} {{f}} {_inside(tail)}" if draw.random() < 0.3 else frame  # noqa: PLR2004
        text, spans = "", []
        for piece in re.split(r"(\{\w\})", frame):
            if piece in {"{n}", "{f}"}:
                name = self._names.of(piece[1], lang)
                spans.append((len(text), len(text) + len(name)))
                text += name
            else:
                text += piece.replace("{p}", _inside(phrase) if spans else phrase)
        if draw.random() < 0.5 and len(text.lower()) == len(text):  # noqa: PLR2004
            text = text.lower()
        return {"text": text, "spans": spans, "lang": lang, "source": "vocabulary"}

    def _alone(self) -> Row:
        """A name and nothing else; a given name only where it is no word that we know."""
        draw = self._draw
        lang = draw.choice(sorted(self.words))
        name = self._names.of(draw.choice("nnf"), lang)
        if " " not in name and name.casefold() in self.known:
            name = self._names.of("n", lang)
        text = name.lower() if draw.random() < 0.6 and len(name.lower()) == len(name) else name  # noqa: PLR2004
        return {"text": text, "spans": [(0, len(text))], "lang": lang, "source": "vocabulary"}


def _inside(phrase: str) -> str:
    """The phrase as it stands within a sentence."""
    return phrase[0].lower() + phrase[1:]


def _plain(low: str, used: Mapping[tuple[str, bool], int]) -> bool:
    """Whether a word is no listed name, or known as a word in a language but not in English."""
    if used.get((low, False), 0) // GROUPS == FOREIGN:
        return True
    return not latin_words().get(low, 0) & (GIVEN | SURNAME)


def _row(text: str, lang: str) -> Row:
    return {"text": text, "spans": [], "lang": lang, "source": "vocabulary"}


def _terms(langs: Collection[str]) -> Iterator[Row]:
    """The terms of the sexual lexicon in some languages and English, each alone."""
    for lang, tiers in sorted(terms().items()):
        if lang not in langs and lang != "en":
            continue
        for tier in sorted(tiers):
            for term in sorted(set(tiers[tier])):
                if _WORD.match(term):
                    yield _row(term, lang)
