"""What about each token of a text may be a disguise, remembered from text to text."""

from __future__ import annotations

import re
from functools import cache
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple

from guardrail.detect.disguise import leet, pieces
from guardrail.detect.disguise.direction import forwardness, is_dense
from guardrail.detect.disguise.hepburn import is_syllables
from guardrail.detect.disguise.names import may_be_name
from guardrail.detect.disguise.segments import is_listed, is_word, unaccented
from guardrail.detect.disguise.slips import is_sure, is_weak, slip
from guardrail.detect.disguise.spelling import nearest
from guardrail.detect.disguise.vocabulary import vocabulary, worn
from guardrail.detect.familiar import UNLISTED, familiar
from guardrail.detect.persons.lexicon import latin_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

REVERSED, CIPHER = "reversed", "cipher"
WORD = re.compile(r"[^\W\d_]+(?:['\u2019][a-z]+)?")
"""A word, in a folded text."""
LEAST, SURE = 3, 4
"""Letters of a word that may be turned, and of one that is surely."""

_SIGN = re.compile(f"[{leet.SIGNS}]")
_LETTER = re.compile(r"[^\W\d_]")
_AROUND = ".,;:?\"'()[]{}<>*~"
_LONGEST, _MOST = 24, 20_000
_TURNED = 4.0  # log-odds


def _reverse(word: str) -> str:
    return word[::-1]


_LATIN = "abcdefghijklmnopqrstuvwxyz"
_ROT13 = str.maketrans(_LATIN, _LATIN[13:] + _LATIN[:13])
_ATBASH = str.maketrans(_LATIN, _LATIN[::-1])


def _rot13(word: str) -> str:
    return word.translate(_ROT13)


def _pig(word: str) -> str:
    """Pig Latin undone: the letters of its tail brought back to the front."""
    core = word[:-2]
    for size in (1, 2, 3, 0):
        plain = core[len(core) - size :] + core[: len(core) - size]
        if vocabulary().says(plain):
            return plain
    return core[-1:] + core[:-1]


def _atbash(word: str) -> str:
    return word.translate(_ATBASH)


TURNS: dict[str, tuple[str, Callable[[str], str]]] = {
    "r": (REVERSED, _reverse),
    "c": (CIPHER, _rot13),
    "b": (CIPHER, _atbash),
    "p": (CIPHER, _pig),
}


class Marks(dict[str, str]):
    """Token of a text -> what about it may be a disguise, one letter each; filled as met.

    `r`, `c`, `b`, `p`: an ordinary word turned; in capitals a telling one. `a`: an ordinary word
    with accents, `A` a telling one. `m`, `w`, `v`: a telling or an ordinary word
    misspelt, the last short of a letter. `n`: perhaps
    one of a name. `l`, `L`: an ordinary or a telling word in leet. `j`, `J`: one cut into
    pieces. `k`: perhaps a Japanese word in Latin letters. `q`: one that looks turned round.
    `u`: one that no list has, nor one like it.
    """

    def __missing__(self, token: str) -> str:
        low = token.lower()
        core = low.strip(_AROUND)
        if not core.isalpha():
            found = self._of_token(low, core)
        elif core != token:
            found = self[core]
        else:
            (found,) = familiar().marks_of((core,))
            if found == UNLISTED:
                found = marks_of(core)
        return self.remember(token, found)

    def remember(self, token: str, found: str) -> str:
        """Keep the marks of a token for other texts, unless it is long."""
        if len(token) <= _LONGEST:
            if len(self) > _MOST:
                self.clear()
            self[token] = found
        return found

    def _of_token(self, low: str, core: str) -> str:
        """The marks of a folded token that is more than a word between punctuation."""
        words = (self[w] if w.isalpha() else marks_of(w) for w in WORD.findall(low))
        found = "".join(sorted({mark for marks in words for mark in marks}))
        if len(low) > _LONGEST:
            return found
        if _SIGN.search(low) and _LETTER.search(low):
            found += leet.mark(core)
        return found + pieces.mark(core)


MARKS = Marks()


class Marked(NamedTuple):
    """The tokens of a text, folded and without signs around them, and the marks of each."""

    tokens: list[str]
    marks: list[str]


def marked(tokens: Iterable[str]) -> Marked:
    """What about each token of a text may be a disguise."""
    folded = list(map(str.lower, tokens))
    bare = list(map(str.strip, folded, repeat(_AROUND)))
    marks = familiar().marks_of(bare)
    at = -1
    for _ in range(marks.count(UNLISTED)):
        at = marks.index(UNLISTED, at + 1)
        word = bare[at]
        if not word.isalpha():
            marks[at] = MARKS[folded[at]]
        elif (found := MARKS.get(word)) is not None:
            marks[at] = found
        else:
            marks[at] = MARKS.remember(word, marks_of(word))
    return Marked(bare, marks)


def marks_of(word: str) -> str:
    """The marks of a folded word, worked out; empty where it is too short or too long for any."""
    if not LEAST <= len(word) <= _LONGEST:
        return ""
    known = vocabulary().known(word)
    if word.isascii():
        return "" if known else "".join(sorted(_plain_marks(word)))
    return "".join(sorted(set(_marks(word, known=known))))


def _plain_marks(word: str) -> str:
    """The marks of a folded word in plain letters that no list has."""
    found = "n" if may_be_name(word) else ""
    if is_syllables(word):
        found += "k"
    if len(word) >= SURE and forwardness(word) <= -_TURNED and not is_word(word):
        found += "q"
    if not is_listed(word):
        found += _spelling_mark(word)
    turned = word[::-1], _rot13(word), _atbash(word)
    if word.endswith("ay") or not _said().isdisjoint(turned) or _is_read(turned[0]):
        turns = (mark for mark in TURNS if mark != "p" or word.endswith("ay"))
        found += "".join(_turn_mark(word, mark, TURNS[mark][1](word)) for mark in turns)
    return found


@cache
def _said() -> frozenset[str]:
    return vocabulary().common | vocabulary().telling


def _marks(word: str, *, known: bool) -> Iterator[str]:
    if may_be_name(word):
        yield "n"
    if is_syllables(word) and not known:
        yield "k"
    if word in vocabulary().near:
        return
    if len(word) >= SURE and looks_turned(word):
        yield "q"
    yield from _accent_marks(word)


def looks_turned(word: str) -> bool:
    """Whether a folded word no list has is written as words are backwards, and only so."""
    return not is_dense(word) and not is_word(word) and forwardness(word) <= -_TURNED


def _accent_marks(word: str) -> Iterator[str]:
    if not is_dense(word) and not is_word(word):
        yield _turn_mark(word, "r", _reverse(word))
    elif word[::-1] in vocabulary().telling:
        yield "R"
    if not vocabulary().known(word) and not is_dense(word) and not is_word(word):
        yield _spelling_mark(word)
    if not is_dense(word) and (plain := unaccented(word)):
        if plain in worn():
            yield "A"
        elif len(word) > LEAST:
            yield "a"


def _spelling_mark(word: str) -> str:
    if misspelt(word):
        return "m"
    found = slip(word)
    if found is None:
        return "u"
    return "v" if is_weak(word, found) else "w"


def _turn_mark(word: str, mark: str, plain: str) -> str:
    if plain == word:
        return ""
    if plain in vocabulary().telling:
        return mark.upper() if len(word) >= SURE else mark
    return mark if plain in vocabulary().common or (mark == "r" and _is_read(plain)) else ""


def _is_read(word: str) -> bool:
    return len(word) > SURE and (is_listed(word) or bool(latin_words().get(word, 0)))


def misspelt(word: str) -> str:
    """The telling word that an unknown one stands for; empty where there is none."""
    words = vocabulary()
    if is_listed(word) or (word in words.telling and word not in words.alias):
        return ""
    found = words.alias.get(word) or nearest(word)
    if not found and (near := slip(word)) and is_sure(word, near):
        found = near.word
    return found
