"""The table of frequent words says what the code works out."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail.detect import familiar
from guardrail.detect.disguise import names
from guardrail.detect.disguise.marks import MARKS, marks_of
from guardrail.detect.disguise.names import named_of
from guardrail.detect.disguise.spelling import distance
from guardrail.detect.persons.spelled import SpelledTagger
from guardrail.detect.persons.tagging import shipped
from guardrail.detect.sexual.linear import load_linear

SOME = 40
"""Of the weights, every which word is worked out again: a new model changes nearly all."""
BACKWARDS = 0.1
REBUILD = "run python -m training.familiar"


def words(step: int = 1) -> list[str]:
    return list(familiar.familiar().known)[::step]


def test_marks_are_those_worked_out() -> None:
    table = familiar.familiar()
    listed = words()
    found = zip(listed, table.marks_of(listed), strict=True)
    stale = [word for word, marks in found if marks != marks_of(word)]
    assert not stale, f"{len(stale)} words, such as {stale[:5]}: {REBUILD}"


def test_parts_of_names_are_those_worked_out() -> None:
    table = familiar.familiar()
    stale = [word for word in words() if table.named_of(word) != named_of(word)]
    assert not stale, f"{len(stale)} words, such as {stale[:5]}: {REBUILD}"


def test_weights_are_those_of_the_model() -> None:
    table, model = familiar.familiar(), load_linear()[0]
    stale = [word for word in words(SOME) if table.weight_of(word) != model.weigh(word)[:2]]
    assert not stale, f"{len(stale)} words, such as {stale[:5]}: {REBUILD}"


def test_letters_are_those_of_the_tagger() -> None:
    table, tagger = familiar.familiar(), SpelledTagger(shipped("latin"))
    stale = [w for w in words(SOME) if table.spelled_of(w) != tagger.spelled(w.encode())]
    assert not stale, f"{len(stale)} words, such as {stale[:5]}: {REBUILD}"


@pytest.mark.parametrize("word", ["qwertzuiop", "\ud800", "", "漢字", "x" * 400])
def test_a_word_that_is_not_listed_is_worked_out(word: str) -> None:
    assert MARKS[word] == "".join(sorted(MARKS[word]))


def test_what_is_packed_is_unpacked() -> None:
    listed = ["one", "zw\u00f6lf"]
    rows = [("nu", 1, -3, 7, -(2**61)), ("", 0, 32000, 200, 2**61)]
    unpacked = familiar.unpacked_words(familiar.packed_words(listed))
    table = familiar.unpacked(familiar.packed(rows), unpacked)
    found = [
        (marks, table.named_of(w), *(table.weight_of(w) or ()), table.spelled_of(w))
        for w, marks in zip(listed, table.marks_of(listed), strict=True)
    ]
    assert found == rows
    assert table.marks_of(["three"]) == [familiar.UNLISTED]


@given(st.sampled_from(sorted(names._names().sounds)), st.randoms(use_true_random=False))
def test_the_quick_test_of_names_tells_what_the_slow_one_does(
    heard: tuple[str, str], chance: random.Random
) -> None:
    one, other = heard
    left = _edited(chance.choice(sorted(names._names().firsts[one])), chance)
    right = _edited(chance.choice(sorted(names._names().lasts[other])), chance)
    if chance.random() < BACKWARDS:
        left, right = left[::-1], right[::-1]
    first, last = names._heard(left), names._heard(right)
    assert names._is_near(first, last) == (names._pair(first.low, last.low) is not None)


def _edited(word: str, chance: random.Random) -> str:
    """A word with up to two letters put in, left out, exchanged or swapped."""
    for _ in range(chance.randint(0, 2)):
        at = chance.randrange(len(word))
        letter = chance.choice("aeioucksztfnlr")
        word = chance.choice(
            [
                word[:at] + letter + word[at:],
                word[:at] + letter + word[at + 1 :],
                word[:at] + word[at + 1 :] or word,
                word[:at] + word[at + 1 : at + 2] + word[at : at + 1] + word[at + 2 :],
            ]
        )
    return word


@given(st.text("abc", max_size=7), st.text("abc", max_size=7), st.integers(0, 3))
def test_distance_is_that_of_the_whole_table(left: str, right: str, most: int) -> None:
    assert distance(left, right, most) == min(_aligned(left, right), most + 1)


def _aligned(left: str, right: str) -> int:
    """Optimal string alignment, as its definition has it."""
    rows = [[i + j for j in range(len(right) + 1)] for i in range(len(left) + 1)]
    for i in range(1, len(left) + 1):
        for j in range(1, len(right) + 1):
            least = min(
                rows[i - 1][j] + 1,
                rows[i][j - 1] + 1,
                rows[i - 1][j - 1] + (left[i - 1] != right[j - 1]),
            )
            if i > 1 and j > 1 and left[i - 2 : i] == right[j - 2 : j][::-1]:
                least = min(least, rows[i - 2][j - 2] + 1)
            rows[i][j] = least
    return rows[-1][-1]
