"""Draws personal names: listed ones, put together from word lists, or made up."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from guardrail.detect.persons.lexicon import COMMON, PLACE, latin_words
from guardrail.detect.persons.lexicon import rows as lines_of

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_GLYPHS = "bcdfghjklmnprstvwxyz"
_VOWELS = "aeiouy"
_INITIALS = "ABCDEGHJKLMPRST"
_ALIKE = {
    **dict.fromkeys(("sv", "da", "no", "fi", "et"), "nordic"),
    **dict.fromkeys(("pl", "cs", "sk", "hr", "sl"), "slavic"),
    **dict.fromkeys(("id", "ms"), "idms"),
    **dict.fromkeys(("ca", "gl"), "es"),
    "fil": "ph",
    "sw": "af",
    "az": "tr",
    "vi": "vn",
    "af": "nl",
}
"""Languages -> what the lists of names call them, or one whose names are alike."""
_MIXTURE = ("en", "en", "en", "de", "fr", "it", "es", "slavic", "nordic", "jp")
LISTED, SHUFFLED, STRANGE, INITIAL, SYLLABLES = 0.3, 0.25, 0.15, 0.06, 0.12
"""Shares of full names: listed, of parts of listed ones (English, else), with an initial; of parts
that are made of syllables."""


class Names:
    """Draws names: listed ones, made from the word lists or from parts of others."""

    def __init__(self, data: Path, draw: random.Random, avoid: Callable[[str], bool]) -> None:
        self._draw = draw
        self.listed = [name for name in _listed(data) if not avoid(name)]
        self._parts = {"f": _by_language("given.tsv"), "l": _by_language("surnames.tsv")}
        self._vietnamese = _vietnamese()
        self._firsts = [name.split()[0] for name in self.listed]
        self._lasts = [name.split()[-1] for name in self.listed]

    def of(self, slot: str, language: str) -> str:
        """A name for a slot of a frame."""
        language = _ALIKE.get(language, language)
        if language == "vn":
            return self._in_vietnam(slot)
        if slot == "p":
            slot = "n" if self._chance(0.5) else "h"
        if slot == "n":
            return self._full(language)
        if slot == "h":
            return self._stage()
        if self._chance(0.75):
            return self._part(slot, language)
        return self._draw.choice(self._firsts if slot == "f" else self._lasts)

    def _chance(self, share: float) -> bool:
        return self._draw.random() < share

    def _full(self, language: str) -> str:
        draw = self._draw
        english = language == "en"
        if english and self._chance(LISTED):
            return draw.choice(self.listed)
        if self._chance(SHUFFLED if english else STRANGE):
            return f"{draw.choice(self._firsts)} {draw.choice(self._lasts)}"
        if english:
            language = draw.choice(_MIXTURE)
        middle = f" {draw.choice(_INITIALS)}." if self._chance(INITIAL) else ""
        return f"{self._part('f', language)}{middle} {self._part('l', language)}"

    def _in_vietnam(self, slot: str) -> str:
        """A name whose parts are put together, the family name first."""
        family, middle, given = map(self._draw.choice, self._vietnamese)
        if slot == "l":
            return family
        called = given if self._chance(0.3) else f"{middle} {given}"
        return called if slot == "f" else f"{family} {called}"

    def _part(self, slot: str, language: str) -> str:
        found = self._parts[slot].get(language) or self._parts[slot]["en"]
        if self._chance(SYLLABLES):
            return self._syllables(self._draw.randint(2, 3)).title()
        return self._draw.choice(found).title()

    def _stage(self) -> str:
        if self._chance(0.35):
            return self._part("f" if self._chance(0.6) else "l", "en")
        made = self._syllables(self._draw.randint(1, 3))
        if self._chance(0.2):
            made += self._syllables(1).title()
        return made.title() if self._chance(0.7) else made

    def _syllables(self, count: int) -> str:
        choice = self._draw.choice
        ends = ("", "", *_GLYPHS)
        return "".join(choice(_GLYPHS) + choice(_VOWELS) + choice(ends) for _ in range(count))


def _listed(data: Path) -> list[str]:
    """The full names of real people in the lists of the data."""
    found = []
    for path in sorted((data / "names").glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                name = row["name"].strip()
                if row["real"] and row["lang"] == "en" and " " in name:
                    found.append(name)
    return found


def _vietnamese() -> list[list[str]]:
    """Family names, middle and given names."""
    lines = Path(__file__).with_name("names_vi.tsv").read_text("utf-8").split("\n")
    return [line.partition("\t")[2].split() for line in lines if line and line[0] != "#"]


def _by_language(file: str) -> dict[str, list[str]]:
    """Language -> names of a word list that are no ordinary words."""
    lexicon = latin_words()
    found: dict[str, list[str]] = defaultdict(list)
    for word, languages in lines_of(file):
        if not lexicon[word] & (COMMON | PLACE):
            for language in re.split("[,/]", languages):
                found[language].append(word)
    return found
