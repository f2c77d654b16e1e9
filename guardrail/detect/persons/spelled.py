"""The tagger of Latin script at work: sums that are kept, and words that are given up early."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from guardrail.detect.familiar import familiar
from guardrail.detect.persons.spelling import PLACES, Keys, Scene, Word, letters_of
from guardrail.detect.persons.tagging import (
    FIELD,
    OFFSET,
    TAGS,
    TOP,
    Said,
    Tagger,
    revised,
    shipped,
)
from guardrail.detect.persons.tokens import Tokens
from guardrail.detect.persons.usage import usage

SUMMED = (1 << (FIELD - 1)) // OFFSET
"""How many weights the sums of a text stand for: `OFFSET` times this is half of a field."""
HOPE, HOPE_BESIDE, HOPE_WHOLE = 1.0, 0.5, 0.5
"""Log-odds below nothing at which a word is given up: by itself, with those around it, in all."""
_FORGET = 20_000
_ONE = sum(OFFSET << (FIELD * k) for k in range(TAGS - 1))
_BIAS = SUMMED * _ONE


def _nothing(_folded: str) -> None:
    return None


class Known:
    """A word with the sums of its weights, each relative to nothing.

    own: what it shows by itself; none where that was never asked for.
    sides: what it shows to the words around it, each the same.
    hopeful: whether by itself it may be in a name.
    """

    __slots__ = ("hopeful", "own", "sides", "word")

    def __init__(self, word: Word, own: int | None, *, hopeful: bool) -> None:
        self.word = word
        self.own = own
        self.sides: list[int | None] = [None] * len(PLACES)
        self.hopeful = hopeful


class SpelledTagger:
    """Revises what the rules found in Latin script."""

    def __init__(
        self, tagger: Tagger | None = None, known: Mapping[int, int] | None = None
    ) -> None:
        self._listed = _nothing if tagger else familiar().spelled_of
        self._tagger = tagger = tagger or shipped("latin")
        self._usage = usage() if known is None else known
        self._memory: tuple[dict[str, Known], ...] = ({}, {}, {}, {})
        self._sums: dict[tuple[object, ...], int] = {}
        self._mask = (1 << tagger.bits) - 1
        self._alone, self._beside, self._whole = (
            _lifts(hope / tagger.scale) for hope in (HOPE, HOPE_BESIDE, HOPE_WHOLE)
        )

    def revised(self, tokens: Tokens, ruled: Said) -> Said:
        """The names, each with a score in [0, 1] and the half-open range of its words."""
        totals = self.totals(tokens, ruled)
        return revised(self._tagger, totals, SUMMED, ruled) if totals else ruled

    def totals(self, tokens: Tokens, ruled: Said) -> list[int]:
        """The sum at each word that may be in a name, else 0; nothing where no word may be."""
        words = self._known(tokens)
        sums = {
            i: total
            for i, word in enumerate(words)
            if word.hopeful and ((total := self._shown(words, i)) + self._beside) & TOP
        }
        taken = {i for _, start, end in ruled for i in range(start, end)}
        if not (sums or taken):
            return []
        scene = Scene(tokens, [k.word for k in words], ruled)
        totals = [0] * len(words)
        waiting = [*sums, *taken.difference(sums)]
        asked = set(waiting)
        while waiting:
            i = waiting.pop()
            total = (sums.get(i) or self._shown(words, i)) + self._staged(scene, i)
            totals[i] = total + _BIAS
            if (total + self._whole) & TOP:
                beside = {j for j in (i - 1, i + 1) if 0 <= j < len(words)} - asked
                waiting += beside
                asked |= beside
        return totals

    def _known(self, tokens: Tokens) -> list[Known]:
        memory = self._memory[2 * tokens.caseless + tokens.german]
        if len(memory) > _FORGET:
            memory.clear()
        return [
            known
            if (known := memory.get(word)) and known.word.flags == flags
            else self._learn(memory, word, flags, tokens)
            for word, flags in zip(tokens.words, tokens.flags, strict=True)
        ]

    def _shown(self, words: Sequence[Known], i: int) -> int:
        """The sum of what word `i` shows by itself and what those around it show."""
        known = words[i]
        total = known.own
        if total is None:
            total = known.own = self._own(known.word)
        for side, step in enumerate(PLACES):
            j = i + step
            if 0 <= j < len(words):
                near = words[j]
                part = near.sides[side]
                if part is None:
                    part = near.sides[side] = self._sum(near.word.beside(side))
                total += part
        return total

    def _staged(self, scene: Scene, i: int) -> int:
        """The sum of what word `i` and its surroundings show together."""
        sums = self._sums
        if len(sums) > _FORGET:
            sums.clear()
        total = 0
        for make, seen in scene.at(i):
            key = (make, *seen)
            found = sums.get(key)
            if found is None:
                found = sums[key] = self._sum(make(*seen))
            total += found
        return total

    def _sum(self, keys: Keys) -> int:
        look = self._tagger.table.__getitem__
        return sum(map(look, map(self._mask.__and__, keys))) - len(keys) * _ONE

    def spelled(self, folded: bytes) -> int:
        """The sum of what the letters of a folded word alone show."""
        return self._sum(letters_of(folded))

    def _own(self, word: Word) -> int:
        """The sum of what a word shows by itself."""
        letters = self._listed(word.folded.decode("utf-8", "surrogatepass"))
        if letters is None:
            letters = self.spelled(word.folded)
        return letters + self._sum(word.classes())

    def hopeful(self, word: str, flags: int, *, caseless: bool, german: bool) -> bool:
        """Whether a word with these classes may by itself be in a name."""
        seen = Word(word, flags, self._usage, caseless=caseless, german=german)
        return bool((self._own(seen) + self._alone) & TOP)

    def _learn(self, memory: dict[str, Known], word: str, flags: int, t: Tokens) -> Known:
        seen = Word(word, flags, self._usage, caseless=t.caseless, german=t.german)
        if seen.plain:
            found = Known(seen, None, hopeful=False)
        else:
            own = self._own(seen)
            found = Known(seen, own, hopeful=bool((own + self._alone) & TOP))
        memory[word] = found
        return found


def _lifts(hope: float) -> int:
    """What sets the top bit of each field that is not below minus `hope`, when added."""
    lift = (1 << (FIELD - 1)) + int(hope)
    return sum(lift << (FIELD * k) for k in range(TAGS - 1))
