"""Japanese written in Latin letters, read back word by word: `hadaka no` is 裸の."""

from __future__ import annotations

import re
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from guardrail.detect.disguise.changes import Change
from guardrail.detect.disguise.hepburn import TOKEN, in_kana, key, spelled
from guardrail.detect.disguise.vocabulary import vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

TRICK, SOUND = "romaji", "sound"
"""A word that was read, and one of which only the sound is known."""

_RUN = re.compile(rf"(?<![^\W\d])(?<!['@#/.-]){TOKEN}(?:[ ]+{TOKEN})*(?![\w'@/-])", re.IGNORECASE)
_PIECE = re.compile(r"[^ ]+")
_PARTICLES = frozenset(
    ["no", "wo", "o", "ga", "ni", "wa", "de", "to", "mo", "e", "he", "kara", "na", "te"]
)
_LONGEST = 18  # letters of a word
_SPANNED, _CUT, _SPELT, _UNKNOWN, _LETTER = 1.0, 5.0, 1.0, 8.0, 1.5  # costs, as logarithms
_NEVER = 1e9
_LEAST, _LONG_WORD = 3, 4
_SURE, _SURER, _OWN, _MOSTLY, _SOME, _FEW = 0.55, 0.75, 0.25, 0.6, 0.2, 2


class Word(NamedTuple):
    """A Japanese word: how it is written, how spelled, and how rare (negative logarithm)."""

    written: str
    spelled: str
    cost: float


def may_be_romaji(text: str, tokens: Sequence[str], marked: Sequence[str]) -> bool:
    """A quick test that lets through all that `read_romaji` would read.

    marked: the marks of the tokens, `k` for a word that may be Japanese.
    """
    hits = [token for token, marks in zip(tokens, marked, strict=True) if "k" in marks]
    if not (len(hits) > 1 or (hits and not _PARTICLES.isdisjoint(tokens))):
        return False
    amid = len(hits) > _FEW and not _FIRM_PARTICLES.isdisjoint(tokens)
    if not amid and sum(map(len, hits)) < _SOME * len(text):
        return False
    return any(True for _ in read_romaji(text))


def read_romaji(text: str) -> Iterator[Change]:
    """The runs of Japanese words in Latin letters, each word as Japanese writes it."""
    found = list(_RUN.finditer(text[:_MOST]))
    letters = sum(map(str.isalpha, text[:_MOST]))
    if sum(len(m[0]) for m in found) < _MOSTLY * letters:
        found = [m for m in found if _is_sentence(m[0])]
    runs = [list(_PIECE.finditer(text, *m.span())) for m in found]
    read = [(pieces, _segmented(_lowered(text, pieces))) for pieces in runs]
    told = [_Told.of(pieces, words) for pieces, words in read]
    whole = _Told(*map(sum, zip(*told, strict=True))) if told else _NOTHING
    japanese = whole.own_mostly and whole.letters >= _MOSTLY * letters
    for (pieces, words), one in zip(read, told, strict=True):
        if one.surely or (japanese and one.likely):
            yield from _changes(text, pieces, words)


_MOST = 2000


def _is_sentence(run: str) -> bool:
    """Whether a run may be Japanese amid another language."""
    words = run.lower().split(" ")
    return len(words) > _FEW + 1 and not _FIRM_PARTICLES.isdisjoint(words)


_FIRM_PARTICLES = frozenset(["no", "wo", "ga", "ni", "wa"])


def _lowered(text: str, pieces: Sequence[re.Match[str]]) -> Iterator[str]:
    """The words of a run; the first with a 0 in front of it where it counts something."""
    before = text[: pieces[0].start()].rstrip()[-1:]
    for number, piece in enumerate(pieces):
        counted = not number and before.isdecimal() and f"0{piece[0].lower()}" in _table()
        yield f"0{piece[0].lower()}" if counted else piece[0].lower()


def _changes(
    text: str, pieces: Sequence[re.Match[str]], words: Sequence[_Read]
) -> Iterator[Change]:
    """One change for each word, the spaces behind it included."""
    last = len(pieces) - 1
    for begin, end, written in words:
        start, stop = pieces[begin].start(), pieces[min(end, last)].start()
        if not begin and _POINT.match(text[:start].rstrip()[-1:]):
            start = len(text[:start].rstrip())
        if end > last:
            stop = pieces[last].end()
            behind = text[stop:].lstrip()
            stop = len(text) - len(behind) if _POINT.match(behind) else stop
        if written:
            yield Change(start, stop, written, TRICK)
        else:
            yield Change(start, stop, in_kana(pieces[begin][0]), SOUND)


_POINT = re.compile("[\u3001\u3002\u30fb\u300c-\u300f\uff01-\uff1f]")


class _Told(NamedTuple):
    """How much of a run is Japanese, in letters.

    own: of Japanese words; shared: of those that are English or names as well; other: of neither.
    words: Japanese ones of some length. particles: how many there are.
    """

    own: int
    shared: int
    other: int
    words: int
    particles: int

    @classmethod
    def of(cls, pieces: Sequence[re.Match[str]], read: Sequence[_Read]) -> _Told:
        """Count the words of a run; particles say nothing by themselves."""
        known_elsewhere = vocabulary().known
        tokens = [piece[0].lower() for piece in pieces]
        own = shared = other = 0
        known = set[str]()
        for begin, end, written in read:
            word = "".join(tokens[begin:end])
            if word in _PARTICLES or len(word) < _LEAST:
                continue
            if not written:
                other += len(word)
            elif known_elsewhere(word) or all(map(known_elsewhere, tokens[begin:end])):
                shared += len(word)
            else:
                own += len(word)
                known.add(word)
        long = sum(len(word) >= _LONG_WORD for word in known)
        return cls(own, shared, other, long, sum(token in _PARTICLES for token in tokens))

    @property
    def letters(self) -> int:
        """All letters that were counted, and some for the particles that were not."""
        return self.own + self.shared + self.other + self.particles

    @property
    def likely(self) -> bool:
        """Whether a run is Japanese in a text that is elsewhere."""
        return self.own + self.shared >= self.other

    @property
    def own_mostly(self) -> bool:
        """Whether what is mostly Japanese words is Japanese, where there is nothing else."""
        enough = self.words >= _FEW or (self.words == 1 and self.particles > 0)
        counted = self.own + self.shared + self.other
        return enough and self.own + self.shared >= _SURE * counted and self.own >= _OWN * counted

    @property
    def surely(self) -> bool:
        """Whether a run is Japanese amid another language."""
        enough = self.words > _FEW and self.particles > 0
        return enough and self.own >= _SURER * (self.own + self.shared + self.other)


_NOTHING = _Told(0, 0, 0, 0, 0)


class _Read(NamedTuple):
    """Half-open range of tokens and what they are; empty where nothing is known."""

    begin: int
    end: int
    written: str


@cache
def _table() -> dict[str, tuple[Word, ...]]:
    found: dict[str, list[Word]] = {}
    page = Path(__file__).with_name("romaji.tsv").read_text("utf-8")
    for line in page.splitlines():
        if line[0] != "#":
            short, written, cost, said = (*line.split("\t"), "")[:4]
            found.setdefault(short, []).append(Word(written, said or short, float(cost)))
    return {short: tuple(words) for short, words in found.items()}


def words() -> Iterator[Word]:
    """Every word that is known, the likeliest spelling of each as a word of its own."""
    for found in _table().values():
        yield from found


class _Line(NamedTuple):
    """Tokens without long vowels, put together.

    full: the tokens as spelled. bounds: where each begins, and the end of the last.
    token_at: the number of the token that begins at a place.
    """

    text: str
    full: tuple[str, ...]
    bounds: tuple[int, ...]
    token_at: dict[int, int]

    @classmethod
    def of(cls, tokens: Iterable[str]) -> _Line:
        """Put folded tokens together."""
        full = tuple(map(spelled, tokens))
        short = [key(word) for word in full]
        bounds = tuple(accumulate(map(len, short), initial=0))
        return cls("".join(short), full, bounds, {at: i for i, at in enumerate(bounds)})

    def cost(self, word: Word, begin: int, end: int) -> float:
        """What it costs to read a word there: it may span tokens or part one."""
        index = self.token_at
        if begin in index and end in index:
            first, last = index[begin], index[end]
            spelt = "".join(self.full[first:last]) != word.spelled
            return word.cost + _SPANNED * (last - first - 1) + _SPELT * spelt
        spanned = sum(begin < at < end for at in self.bounds)
        return word.cost + _CUT * (begin not in index) + _SPANNED * spanned


class _Step(NamedTuple):
    cost: float
    begin: int
    written: str


def _segmented(tokens: Iterable[str]) -> list[_Read]:
    """The cheapest reading of tokens: words of one or several tokens, parts of one together."""
    line = _Line.of(tokens)
    best = [_Step(0.0, 0, "")]
    for end in range(1, len(line.text) + 1):
        best.append(min(_steps(line, best, end), default=_Step(_NEVER, end - 1, "")))
    return _traced(best, line)


def _steps(line: _Line, best: Sequence[_Step], end: int) -> Iterator[_Step]:
    """Every way to read what ends at a place."""
    for begin in range(max(0, end - _LONGEST), end):
        for word in _table().get(line.text[begin:end], ()):
            cost = best[begin].cost + line.cost(word, begin, end)
            yield _Step(cost, begin, word.written)
    if end in line.token_at and (begin := line.bounds[line.token_at[end] - 1]) < end:
        yield _Step(best[begin].cost + _UNKNOWN + _LETTER * (end - begin), begin, "")


def _traced(best: Sequence[_Step], line: _Line) -> list[_Read]:
    """The words of the best reading by tokens; those that part a token are put together."""
    found: list[_Read] = []
    end = stop = len(best) - 1
    written = ""
    while end:
        _, begin, word = best[end]
        written = word + written
        if begin in line.token_at:
            found.append(_Read(line.token_at[begin], line.token_at[stop], written))
            stop, written = begin, ""
        end = begin
    return found[::-1]
