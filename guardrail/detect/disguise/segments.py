"""Words written without spaces between them, parted again."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files

from guardrail.detect.disguise.names import name_words
from guardrail.detect.disguise.vocabulary import vocabulary
from guardrail.detect.persons.lexicon import latin_words

_SPACED = re.compile(r"(?:\w\s)+\w")
_LONGEST = 20
_UNKNOWN, _WORD = 8.0, 3.0


def chosen(trick: str, written: str, readings: str) -> str:
    """What a disguised place reads, of readings parted by spaces.

    Letters that were spaced out are parted into words where all of them are known.
    """
    words = readings.split(" ")
    if trick == "separators" and _SPACED.fullmatch(written) and not is_word(words[0]):
        parted = segmented(words[0])
        if all(map(is_word, parted.split())):
            return parted
    return next(filter(is_word, words), words[-1] if trick == "repeats" else words[0])


def segmented(letters: str) -> str:
    """A run of folded letters as the fewest known words; as it is where it is one or unknown."""
    if is_word(letters) or not letters.isalpha():
        return letters
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(letters) + 1):
        best.append(
            min(
                (best[at][0] + _cost(letters[at:end]), at)
                for at in range(max(0, end - _LONGEST), end)
            )
        )
    words, end = [], len(letters)
    while end:
        start = best[end][1]
        words.append(letters[start:end])
        end = start
    return " ".join(reversed(words))


@cache
def listed() -> frozenset[str]:
    """Words of every list that comes with the detectors, read when first needed."""
    package = files("guardrail.detect.sexual").joinpath("data")
    common = package.joinpath("common.jsonl").read_text("utf-8").splitlines()
    found = {str(json.loads(line)[0]) for line in common if line}
    for file in package.iterdir():
        if file.name.endswith(".tsv"):
            lines = file.read_text("utf-8").splitlines()
            found.update(w for line in lines for w in line.split("\t")[0].lower().split())
    return frozenset(w for w in found if len(w) > 2)  # noqa: PLR2004


def is_listed(word: str) -> bool:
    """Whether a folded word is in a lexicon of the sexual detector, or common where it learned."""
    return word in listed()


def is_word(word: str) -> bool:
    """Whether a folded word is in any list that comes with the detectors."""
    words = vocabulary()
    return words.known(word) or word in words.core or word in listed() or word in name_words()


def _cost(word: str) -> float:
    """The cost of a word in a run: rare and short ones cost more, unknown ones most."""
    size = len(word)
    if size == 1:
        return _WORD + 1 if word in "ai" else _UNKNOWN
    if word in vocabulary().common or word in vocabulary().core:
        return _WORD + (size < _SHORT)
    if word in listed() or (size > _SHORT and word in name_words()):
        return _WORD + 0.5 + 2 * (size < _SHORT + 1)
    if size >= _SHORT and word in latin_words():
        return _WORD + 1 + 2 * (size < _SHORT + 1)
    return _UNKNOWN * size


_SHORT = 3
