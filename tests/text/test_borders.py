"""Where a text may be cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail.text.borders import REACH, RUN, joined, settled, whole, word_start, words_end


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("two words", "two "),
        ("two words ", "two words "),
        ("砂浜を裸", "砂浜を"),
        ("星。他裸", "星。"),
        ("x" * 40, "x" * 39),
        ("漢" * 40, "漢" * 39),
        ("漢" * 40 + "e\u0301", "漢" * 40),
        ("漢" * 40 + "👍🏽", "漢" * 40),
        ("", ""),
    ],
)
def test_the_last_word_may_go_on(text: str, complete: str) -> None:
    assert text[: words_end(text)] == complete


@given(st.text(max_size=100), st.text(max_size=100))
def test_what_is_complete_is_within_reach_of_the_end(text: str, after: str) -> None:
    assert len(text) - REACH - 1 <= words_end(text) <= len(text)
    assert 0 <= word_start(text + after, len(text)) <= len(text + after)


@pytest.mark.parametrize(
    ("text", "at", "kept"),
    [
        ("two words here", 7, "two "),
        ("two words here", 3, "two"),
        ("庭 VGF5bG9yIFN3aWZ0 庭", 12, "庭 "),
        ("e\u0301te\u0301", 1, ""),
        ("a👩\u200d👩b", 2, "a"),
        ("", 3, ""),
        ("two", -5, ""),
    ],
)
def test_what_is_settled_parts_no_word_and_no_character(text: str, at: int, kept: str) -> None:
    assert text[: settled(text, at)] == kept


def test_a_run_without_an_end_is_let_go_at_last() -> None:
    text = "庭" + "a" * (3 * RUN)
    assert settled(text, RUN) == 1
    assert 2 * RUN - 300 < settled(text, 2 * RUN) < 2 * RUN


@given(st.text(max_size=30), st.lists(st.integers(0, 60), max_size=10))
def test_characters_cut_in_half_are_put_together(text: str, cuts: list[int]) -> None:
    units = text.encode("utf-16-le")
    edges = [0, *sorted(min(2 * cut, len(units)) for cut in cuts), len(units)]
    half = said = ""
    for low, high in pairwise(edges):
        piece, half = joined(half, units[low:high].decode("utf-16-le", "surrogatepass"))
        said += piece
    assert (said, half) == (text, "")


def test_half_a_character_alone_stays_as_it_is() -> None:
    assert joined("", "a\ud83d") == ("a", "\ud83d")
    assert joined("\ud83d", "b") == ("\ud83db", "")
    assert joined("", "\ude00b") == ("\ude00b", "")
    assert whole("a\ud83d\ude00", 2) == 1
