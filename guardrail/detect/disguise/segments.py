"""Words written without spaces between them, parted again."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files

from guardrail.detect.disguise.names import name_words
from guardrail.detect.disguise.spelling import bare
from guardrail.detect.disguise.vocabulary import vocabulary, worn
from guardrail.detect.persons.lexicon import latin_words

_SIGN = re.compile(r"[^\w]+")
_LONGEST = 20
_LATIN_END = "\u0370"
_UNKNOWN, _LETTER, _WORD = 6.0, 1.8, 3.0


def chosen(trick: str, written: str, readings: str) -> str:
    """What a disguised place reads, of readings parted by spaces.

    Letters that were spaced out are parted into words where most of them are known.
    """
    words = readings.split(" ")
    if trick == "separators" and 2 * written.count(" ") >= len(written) - len(words[0]):
        if is_word(words[0]):
            return words[0]
        pieces = (_SIGN.sub("", piece) for piece in written.split("-"))
        parted = "-".join(map(segmented, pieces))
        found = [word for word in re.split("[ -]", parted) if is_word(word)]
        telling = any(len(word) > _SHORT and word in worn() for word in found)
        if telling or 2 * sum(map(len, found)) >= len(words[0]):
            return parted
    return next(filter(is_word, words), words[-1] if trick == "repeats" else words[0])


def segmented(letters: str) -> str:
    """A run of folded letters as words, known ones and others; as it is where it is one."""
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


@cache
def _bared() -> dict[str, str]:
    """Listed words with accents, by what is left without them; one that is telling first."""
    found = {bare(word): word for word in sorted(listed()) if not word.isascii()}
    telling = (word for word in sorted(worn()) if not word.isascii())
    return found | {bare(word): word for word in telling}


def unaccented(word: str) -> str:
    """The listed word that an accented one is but for its accents; empty where there is none."""
    plain = bare(word)
    if plain == word or plain[:1] >= _LATIN_END or is_word(word):
        return ""
    if plain.isascii() and is_word(plain):
        return plain
    found = _bared().get(plain, "")
    return "" if found == word else found


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
        return _WORD + 1 if word in "ai" else _UNKNOWN + _LETTER
    if word in vocabulary().common or word in vocabulary().core:
        return _WORD + (size < _SHORT)
    if word in listed() or (size > _SHORT and word in name_words()):
        return _WORD + 0.5 + _TINY.get(size, 0.0)
    if size >= _SHORT and word in latin_words():
        return _WORD + 1 + _TINY.get(size, 0.0)
    return _UNKNOWN + _LETTER * size


_SHORT = 3
_TINY = {2: 5.0, 3: 3.5, 4: 1.5}  # what a short word costs more that is not English
