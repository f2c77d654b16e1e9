"""The quick tests in front of what is slow change no answer."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from guardrail.detect.disguise.names import is_name_backwards
from guardrail.detect.disguise.spelling import bare, distance
from guardrail.detect.sexual.features import TOKEN, tokens
from guardrail.text import Views, fold

_words = st.text("abelnorstu", min_size=1, max_size=9)
_texts = st.text(max_size=40)


def naive(left: str, right: str) -> int:
    """Optimal string alignment distance, by its definition."""
    rows = [
        [i + j if not (i and j) else 0 for j in range(len(right) + 1)] for i in range(len(left) + 1)
    ]
    for i, a in enumerate(left, 1):
        for j, b in enumerate(right, 1):
            rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
    return rows[-1][-1]


@given(_words, _words, st.integers(1, 3))
def test_distance_is_that_of_the_definition(left: str, right: str, most: int) -> None:
    assert distance(left, right, most) == min(naive(left, right), most + 1)


@given(_texts | st.from_regex(re.compile(r"[ -~]{0,200}", re.ASCII), fullmatch=True))
def test_the_words_of_ascii_text_are_those_of_any_text(text: str) -> None:
    assert tokens(text) == TOKEN.findall(text)


@given(_texts)
def test_a_folded_term_reads_as_its_views_do(text: str) -> None:
    assert fold(text, "canonical") == Views(text).canonical.text
    assert fold(text, "kana") == Views(text).kana.text


@given(st.text("abcxyz", max_size=12))
def test_ascii_has_no_accents(word: str) -> None:
    assert bare(word) == word


def test_names_are_told_backwards_by_both_words() -> None:
    assert is_name_backwards(["rolyat", "tfiws"])
    assert not is_name_backwards(["rolyat", "wolley"])
