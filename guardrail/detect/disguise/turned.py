"""Words written backwards, ciphered, accented beyond need or misspelt, as they read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from guardrail.detect.disguise import leet, pieces
from guardrail.detect.disguise.changes import Change
from guardrail.detect.disguise.direction import forwardness
from guardrail.detect.disguise.marks import LEAST, MARKS, REVERSED, SURE, TURNS, WORD, misspelt
from guardrail.detect.disguise.names import is_name_backwards
from guardrail.detect.disguise.segments import is_word, unaccented
from guardrail.detect.disguise.slips import slip
from guardrail.detect.disguise.spelling import bare
from guardrail.detect.disguise.vocabulary import vocabulary, worn

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

ACCENT, SPELLING = "confusable", "misspelt"
MANY = 0.4
"""Share of slips among words no list has from which on they are slips."""

_CUE = re.compile(
    r"(?i)rot-? ?(?:13|n\b)|c(?:a)?esar|cipher|decrypt|decipher|暗号|密码|атбаш|atbash"
)
_ROT13 = re.compile(r"rot-? ?13")
_BACKWARDS = re.compile(
    r"(?i)revers|backward|mirror|逆|反(?:転|过来|向)|거꾸로|umgekehrt|rückwärts"
)
_POINT = re.compile(r"\w[.,!?;:](?:\s|\Z)")
_LEADING_POINT = re.compile(r"(?:\s|^)[.,!?;:]\w")
_TURNED = frozenset("rRq")
_ENOUGH, _LIKELY = 2, 3.0


def is_backwards(text: str) -> bool:
    """Whether a text is written from its last letter to its first, words and all."""
    if _ROT13.search(text.lower()):
        return False
    words = WORD.findall(text.lower())
    found = [MARKS[w] for w in words]
    long = sum(len(w) >= SURE for w in words)
    turned_round = sum(_is_turned(m) and len(w) >= SURE for w, m in zip(words, found, strict=True))
    if _hits("r", words, found) < _ENOUGH or 3 * turned_round < 2 * long:
        return False
    if not vocabulary().upright.isdisjoint(words):
        return False
    opens = vocabulary().opening
    if (words[-1][::-1] in opens) != (words[0][::-1] in opens):
        return words[-1][::-1] in opens
    if _LEADING_POINT.search(text) is not None:
        return True
    return _POINT.search(text) is None and not is_name_backwards(words)


def _is_turned(marks: str) -> bool:
    return not _TURNED.isdisjoint(marks)


def turned(text: str, marks: set[str], tricks: Collection[str]) -> Iterator[Change]:
    """The changes that undo what the marks of the text's tokens say is there.

    tricks: disguises that are known to be in the text.
    """
    if not marks.isdisjoint("lL") or leet.TRICK in tricks:
        yield from leet.unleeted(text, sure=leet.TRICK in tricks)
    if not marks.isdisjoint("jJ"):
        yield from pieces.joined(text, sure="J" in marks or pieces.TRICK in tricks)
    low = text.lower()
    named = _ROT13.search(low) is not None
    if not named:
        yield from _each(text, low, marks)
    if named:
        marks = marks - {"q", "r", "v", "w"}
    for mark in TURNS:
        if (
            mark in marks
            or mark.upper() in marks
            or (mark == "r" and "q" in marks)
            or (named and mark == "c")
        ):
            yield from _turn(text, low, mark)


def _each(text: str, low: str, marks: set[str]) -> Iterator[Change]:
    """Single words: misspelt ones, and those with accents they do not need."""
    accented = not marks.isdisjoint("aA") and _are_needless(low)
    if not accented and _FIRM.isdisjoint(marks):
        return
    words = list(WORD.finditer(low))
    often = not marks.isdisjoint("wv") and _are_slips([match[0] for match in words])
    for match in words:
        word = match[0]
        if not word.isascii():
            plain = unaccented(word) or bare(word)
            if accented and plain != word and (plain.isascii() or is_word(plain)):
                yield Change(*match.span(), _cased(text[match.start()], plain), ACCENT)
                continue
        if "m" in MARKS[word] and (plain := misspelt(word)):
            yield Change(*match.span(), _cased(text[match.start()], plain), SPELLING)
        elif often and not _WEAK.isdisjoint(MARKS[word]) and (found := slip(word)):
            yield Change(*match.span(), _cased(text[match.start()], found.word), SPELLING)


def _are_slips(words: list[str]) -> bool:
    """Whether slips are many among the words that no list has, and enough of them.

    A letter too few may be another language, so that it counts less.
    """
    found = [MARKS[word] for word in words]
    firm = sum(not _FIRM.isdisjoint(marks) for marks in found)
    weak = sum("v" in marks for marks in found)
    if not firm or 2 * firm + weak < _ENOUGH + 1:
        return False
    unknown = sum("u" in marks for marks in found)
    return firm + weak >= MANY * (firm + weak + unknown)


_FIRM, _WEAK = frozenset("mw"), frozenset("wv")


def _are_needless(low: str) -> bool:
    """Whether accents disguise: on a telling word, or on most of several ordinary English ones."""
    words = WORD.findall(low)
    plain = [w for w in words if w.isascii() and len(w) > 1]
    found = [MARKS[w] for w in words if not w.isascii()]
    if any("A" in marks for marks in found):
        return True
    hits = sum("a" in marks for marks in found)
    english = 2 * sum(map(vocabulary().says, plain)) >= len(plain)
    if 2 * hits < len(found):
        return False
    if english and hits >= (2 if plain else 3):
        return True
    marked = {c for word in words for c in word if not c.isascii()}
    return hits > 1 and not any(marked <= letters for letters in vocabulary().alphabets)


def _cased(first: str, word: str) -> str:
    return word.capitalize() if first.isupper() else word


def _turn(text: str, low: str, mark: str) -> Iterator[Change]:
    """The words of a text turned back, where enough of them say so."""
    trick, turn = TURNS[mark]
    words = list(WORD.finditer(low))
    found = [MARKS[w[0]] for w in words]
    asked = mark != "p" and (_BACKWARDS if mark == "r" else _CUE).search(low) is not None
    hits = _hits(mark, [w[0] for w in words], found)
    if not (hits >= _ENOUGH or (asked and (hits or _ROT13.search(low)))):
        return
    if mark == "r":
        yield from _reversed(text, low, asked=asked)
        return
    says = vocabulary().says
    rest = sum(
        not m and len(w[0]) > LEAST and not says(w[0]) for w, m in zip(words, found, strict=True)
    )
    most = asked or sum(mark in m.lower() for m in found) >= rest
    for match, marked in zip(words, found, strict=True):
        if mark in marked.lower() or (most and (marked or not says(match[0]))):
            yield Change(*match.span(), turn(match[0]), trick)


def _reversed(text: str, low: str, *, asked: bool) -> Iterator[Change]:
    """The words of a text that are written backwards, the right way round.

    asked: whether the text itself says that some are.
    """
    for match in WORD.finditer(low):
        word, written = match[0], text[match.start() : match.end()]
        capital = written[-1].isupper() and written[0].islower()
        if capital or _is_turned(MARKS[word]) or _reads_better(word, asked=asked):
            back = written[::-1]
            plain = back.capitalize() if back != back.lower() else back
            yield Change(*match.span(), plain, REVERSED)


def _reads_better(word: str, *, asked: bool) -> bool:
    """Whether a word without marks is more of a word backwards, where others are so."""
    back, words = word[::-1], vocabulary()
    if len(word) < LEAST or words.known(word):
        return len(word) >= LEAST and word not in words.common and back in words.telling
    if is_word(back) != is_word(word):
        return is_word(back)
    return len(word) >= SURE and (asked or forwardness(word) < 0)


def _hits(mark: str, words: list[str], found: list[str]) -> int:
    """How much speaks for words being turned: 2 for a telling one, 1 for another.

    A telling one that is a word of some language too counts 1 where the text is not English.
    """
    says = sum(vocabulary().says(w) or mark in m for w, m in zip(words, found, strict=True))
    english = 2 * says >= len(words)
    sure = sum(mark.upper() in m for m in found)
    doubtful = 0 if english else sum(w in vocabulary().foreign for w in words)
    plain = _ENOUGH * sure - doubtful + sum(mark in m for m in found)
    return plain + _look(words, found, english=english) if mark == "r" else plain


def _look(words: list[str], found: list[str], *, english: bool) -> int:
    """How much the letters of words say that they are turned: 1 for a listed one, half for others.

    In English a term of the lexicons, clothes among them. One where what is listed stands in a
    text that looks so as a whole.
    """
    listed = sum("r" in m for m in found)
    both = sum(
        "r" in m and "q" in m and (not english or w[::-1] in worn())
        for w, m in zip(words, found, strict=True)
    )
    others = sum("q" in m and "r" not in m.lower() for m in found)
    if listed and not both and sum(forwardness(w) for w in words) <= -_LIKELY:
        both = 1
    return both + others // _ENOUGH
