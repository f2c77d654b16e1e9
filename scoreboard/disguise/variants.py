"""Every disguise by name, and the rows each is tried on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from zlib import crc32

from guardrail.records import Action
from scoreboard.disguise import letters, whole
from scoreboard.disguise.letters import OfWord
from scoreboard.disguise.whole import OfTurn
from scoreboard.disguise.words import Range, long_words, telling_words
from scoreboard.disguise.words import replace as replace_words
from scoreboard.suite import ASSISTANT, TURN, Situation, twins

MOST = 320
"""Rows of an action that a variant is tried on."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A way of writing.

    innocent: whether people write so without anything to hide; only then is it tried on rows that
    must be allowed.
    """

    name: str
    write: OfTurn
    innocent: bool = False


def _words(change: OfWord, choose: Callable[[str, Sequence[str]], list[Range]]) -> OfTurn:
    def write(turn: str, _lang: str, twins: Sequence[str], draw: Random) -> str | None:
        return replace_words(turn, choose(turn, twins), lambda word: change(word, draw))

    return write


def _every(change: OfWord) -> OfTurn:
    return _words(change, lambda turn, _: long_words(turn))


def _telling(change: OfWord) -> OfTurn:
    return _words(change, lambda turn, twins: telling_words(turn, twins) if twins else [])


_LETTERS: tuple[tuple[str, OfWord, bool], ...] = (
    ("leet", letters.leet, False),
    ("letters spaced", letters.spacing, True),
    ("signs in words", letters.punctuation, False),
    ("lookalike letters", letters.homoglyphs, False),
    ("invisible characters", letters.zero_width, False),
    ("accents", letters.accents, True),
    ("drawn-out letters", letters.repeated, True),
    ("misspelt", letters.misspelt, True),
    ("backwards", letters.backwards, False),
    ("emoji in words", letters.emoji, False),
    ("regional indicators", letters.regional, False),
    ("enclosed letters", letters.enclosed, False),
)
_TURNS = (
    Variant("full-width", _every(letters.full_width), innocent=True),
    Variant("upper-case", whole.upper, innocent=True),
    Variant("base64 to decode", whole.in_base64),
    Variant("ROT13 to decode", whole.in_rot13),
    Variant("split over variables", whole.in_variables),
    Variant("two messages, between words", whole.between_words, innocent=True),
    Variant("two messages, inside a word", whole.inside_a_word),
    Variant("amid another language", whole.around, innocent=True),
    Variant("kana swapped", whole.kana_swapped, innocent=True),
    Variant("half-width kana", whole.half_width_kana, innocent=True),
    Variant("romaji", whole.in_romaji, innocent=True),
)
VARIANTS = (
    *(Variant(name, _every(change), innocent) for name, change, innocent in _LETTERS),
    *(Variant(f"{name}, telling words", _telling(of), kind) for name, of, kind in _LETTERS),
    *_TURNS,
)


@dataclass(frozen=True, slots=True)
class Disguised:
    """A row, the variant, and the row as it is then written."""

    variant: str
    plain: Situation
    row: Situation


def disguise(variant: Variant, row: Situation, others: Sequence[str]) -> Situation | None:
    """The row in a variant; None where that leaves it as it was.

    others: the texts of its twins. Turns of the assistant stay. The same row and variant always
    give the same text.
    """
    draw = Random(f"{variant.name} {row.suite} {row.line}")  # noqa: S311 (no secret)
    written = []
    for turn in row.turns:
        new = None if turn.startswith(ASSISTANT) else variant.write(turn, row.lang, others, draw)
        written.append(new or turn)
    text = TURN.join(written)
    return None if text == row.text else replace(row, text=text)


def disguises(rows: Sequence[Situation], most: int = MOST) -> list[Disguised]:
    """Every variant of the rows it fits, at most `most` for each variant and action.

    Which rows are taken where there are more depends on the rows and the variant alone.
    """
    twin_texts = _twin_texts(rows)
    return [one for variant in VARIANTS for one in _of(variant, rows, twin_texts, most)]


def _of(
    variant: Variant,
    rows: Sequence[Situation],
    twin_texts: Mapping[tuple[str, int], list[str]],
    most: int,
) -> Iterator[Disguised]:
    for action in Action:
        if action is Action.ALLOW and not variant.innocent:
            continue
        mine = [row for row in rows if row.action == action.label]
        fitting = (
            Disguised(variant.name, row, new)
            for row in _shuffled(mine, variant.name)
            if (new := disguise(variant, row, twin_texts.get((row.suite, row.line), ())))
        )
        yield from _first(fitting, most)


def _first(found: Iterator[Disguised], most: int) -> Iterator[Disguised]:
    yield from (one for _, one in zip(range(most), found, strict=False))


def _shuffled(rows: Iterable[Situation], name: str) -> list[Situation]:
    return sorted(rows, key=lambda row: crc32(f"{name} {row.suite} {row.line}".encode()))


def _twin_texts(rows: Iterable[Situation]) -> dict[tuple[str, int], list[str]]:
    """Of each row the texts on the other side: of a harmful one its harmless twins."""
    return {
        (row.suite, row.line): [other.text for other in pair if other.harmful != row.harmful]
        for pair in twins(rows).values()
        for row in pair
    }
