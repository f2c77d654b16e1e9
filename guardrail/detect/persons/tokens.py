"""The Latin-script words of a text, with the classes the word lists give them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import accumulate, repeat

from guardrail.detect.persons.lexicon import ALSO, BRAND, COMMON, CUE, GIVEN, ORG, PARTICLE, SURNAME

_LETTER = "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff"
_WORD = re.compile(f"([{_LETTER}]+(?:['’-](?![sS](?![{_LETTER}]))[{_LETTER}]+)*)")
_BREAK = re.compile(r"[.!?\n:\"“”„«»|•…]")
_GERMAN = frozenset(
    ("der", "die", "das", "und", "ist", "von", "mit", "den", "dem", "ein", "eine", "auf", "für")
)
_GERMAN_WORDS = 2
_MIN_TITLED = 6
_FOREIGN_WORDS = 2


class Tokens:
    """The Latin-script words of a text with their classes.

    caseless: capitals tell nothing here, as they are everywhere or nowhere.
    german: every noun has a capital.
    """

    __slots__ = ("caps", "caseless", "flags", "german", "lows", "seps", "starts", "words")

    def __init__(self, text: str, lexicon: Mapping[str, int]) -> None:
        pieces = _WORD.split(text)
        self.words = pieces[1::2]
        self.seps = pieces[0::2]
        self.starts = list(accumulate(map(len, pieces)))[0::2]
        self.lows = list(map(str.casefold, self.words))
        self.flags = list(map(lexicon.get, self.lows, repeat(0)))
        self.caps = [word[0].isupper() for word in self.words]
        upper = sum(self.caps)
        self.caseless = (
            not upper
            or text.isupper()
            or (len(self.caps) >= _MIN_TITLED and upper > 0.75 * len(self.caps))
        )
        self.german = sum(map(_GERMAN.__contains__, self.lows)) >= _GERMAN_WORDS
        for i, low in enumerate(self.lows) if "-" in text else ():
            if not self.flags[i] and "-" in low:
                self.flags[i] = self._hyphened(low, lexicon)
        if self.flags and max(self.flags) >= ALSO:
            self._settle_language()

    def _settle_language(self) -> None:
        """Make names that are words of the text's language ordinary, and forget such classes."""
        foreign = sum(f >= CUE for f in self.flags) >= _FOREIGN_WORDS
        for i, flags in enumerate(self.flags):
            if flags < ALSO:
                continue
            self.flags[i] = flags & (ALSO - 1)
            if foreign and (
                self.caseless or not self.caps[i] or (flags >= CUE and self.initial(i))
            ):
                self.flags[i] = COMMON | flags & PARTICLE

    @staticmethod
    def _hyphened(low: str, lexicon: Mapping[str, int]) -> int:
        bits = 0
        for piece in low.split("-"):
            flag = lexicon.get(piece, 0)
            if flag & (COMMON | ORG | BRAND):
                return COMMON
            bits |= flag & (GIVEN | SURNAME)
        return bits

    def linked(self, i: int) -> bool:
        """Whether token `i` continues the name of token `i - 1`."""
        sep = self.seps[i]
        if sep == " ":
            return True
        return sep in {". ", "."} and (
            len(self.words[i - 1]) == 1 or self.lows[i - 1] in {"st", "jr", "dr"}
        )

    def initial(self, i: int) -> bool:
        """Whether token `i` begins a sentence or a quotation."""
        return i == 0 or _BREAK.search(self.seps[i]) is not None

    def end(self, i: int) -> int:
        """Where token `i` ends."""
        return self.starts[i] + len(self.words[i])
