"""Ranges of any view of any text lead back to the original."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from guardrail.text import View, Views

regex = pytest.importorskip("regex")

PIECES = [
    *"aeinuxNUDE03@$.-_* ,\n\t\r",
    "\r\n",
    "\x00",
    "\u00ad",
    "\u200b",
    "\u200d",
    "\ufe0f",
    "\u202e",
    "\u0301",
    "\u0323",
    "\u0336",
    "\u20dd",
    "\u0307",
    "\u0130",
    "ß",
    "ﬁ",
    "\ufdfa",
    "½",
    "㍿",
    "\uff4e",
    "\U0001d4f7",
    "ⓝ",
    "ｶ",
    "ﾞ",
    "ヌ",
    "ー",
    "・",
    "ド",
    "ゞ",
    "ぁ",
    "裸",
    "口",
    "\u1100",
    "\u1161",
    "\u11a8",
    "가",
    "ㅋ",
    "\u0430",
    "\u0438",
    "\u03bd",
    "👩",
    "👩\u200d👩\u200d👧",
    "👍🏽",
    "1\ufe0f\u20e3",
    "🇯",
    "🇵",
    "\U0001f3f4\U000e0067\U000e0062\U000e007f",
    "\U000e006e\U000e0075\U000e0064",
    "\ud800",
    "\udfff",
    "\u0e01\u0e33",
    "\u0915\u094d\u0937\u093f",
    "\u0600",
    "uuu",
    "n u d e",
]
CONTEXTUAL = regex.compile(
    r"[\U0001F1E6-\U0001F1FF\U000E0020-\U000E007F\u00b5]|(?!\p{Latin}|\p{Han})\p{L}"
)
LATIN = st.characters(min_codepoint=0xC0, max_codepoint=0x17F, categories=["Lu", "Ll"])

texts = st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.text(max_size=12)


def all_views(views: Views) -> list[View]:
    made = [views.canonical, views.kana]
    return made if views.skeleton is None else [*made, views.skeleton]


def cluster_starts(text: str) -> set[int]:
    return {m.start() for m in regex.finditer(r"\X", text)} | {len(text)}


@settings(max_examples=150, deadline=None)
@given(texts)
def test_every_span_is_ordered_aligned_and_monotone(text: str) -> None:
    views, starts = Views(text), cluster_starts(text)
    for view in all_views(views):
        size = len(view.text)
        spans = {(s, e): view.span(s, e) for s in range(size + 1) for e in range(s, size + 1)}
        for (start, end), (low, high) in spans.items():
            assert 0 <= low <= high <= len(text)
            assert {low, high} <= starts
            if start < end:
                shorter, later = spans[start, end - 1], spans[start + 1, end]
                assert low < high
                assert shorter[0] <= low <= later[0]
                assert shorter[1] <= high <= later[1]


@settings(max_examples=150, deadline=None)
@given(texts, st.data())
def test_the_original_behind_a_range_reads_the_same(text: str, data: st.DataObject) -> None:
    """Context aside: flags and lookalikes are read by what stands around them."""
    assume(not CONTEXTUAL.search(text))
    view = Views(text).canonical
    start = data.draw(st.integers(0, len(view.text)))
    end = data.draw(st.integers(start, len(view.text)))
    low, high = view.span(start, end)
    assert view.text[start:end] in Views(text[low:high]).canonical.text


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(max_codepoint=0x7E, min_codepoint=0x20)), st.data())
def test_ascii_is_lower_cased_in_place(text: str, data: st.DataObject) -> None:
    view = Views(text).canonical
    assert view.text == text.lower()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    assert view.span(start, end) == (start, end)


@settings(max_examples=150, deadline=None)
@given(st.text(LATIN))
def test_accented_letters_are_compatibility_case_folded(text: str) -> None:
    """NFKC_Casefold (UAX 31), with one i for Turkish."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    folded = unicodedata.normalize("NFKC", folded).replace("i\u0307", "i")
    assert Views(text).canonical.text == folded


@settings(max_examples=100, deadline=None)
@given(texts)
def test_views_are_stable(text: str) -> None:
    views = Views(text)
    assert views.canonical is views.canonical
    assert views.skeleton is views.skeleton
    assert views.undone == views.undone
    assert views.undone <= {
        "invisible",
        "bidi",
        "width",
        "confusable",
        "leet",
        "separators",
        "repeats",
    }


@pytest.mark.parametrize(
    ("text", "start", "end", "span"),
    [
        ("a\u200bb", 0, 1, (0, 1)),
        ("a\u200bb", 1, 2, (2, 3)),
        ("a\u200bb", 0, 2, (0, 3)),
        ("\ufdfa", 3, 4, (0, 1)),
        ("x\ufdfay", 1, 1, (1, 1)),
        ("x\ufdfay", 4, 4, (1, 2)),
        ("xßy", 2, 3, (1, 2)),
        ("e\u0301x", 0, 1, (0, 2)),
        ("a\r\nb", 1, 2, (1, 3)),
        ("a👩\u200d👩b", 1, 2, (1, 4)),
        ("nude\u200b", 4, 4, (5, 5)),
    ],
)
def test_spans_of_one_character(text: str, start: int, end: int, span: tuple[int, int]) -> None:
    assert Views(text).canonical.span(start, end) == span


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (2, 1), (0, 5), (5, 5)])
def test_a_range_outside_the_view_is_an_error(start: int, end: int) -> None:
    with pytest.raises(IndexError):
        Views("nude").canonical.span(start, end)


def test_a_long_run_of_flags_keeps_its_clusters() -> None:
    text = "🇯🇵" * 50 + "🇯" + "x"
    view = Views(text).canonical
    starts = cluster_starts(text)
    for at in range(len(view.text)):
        assert set(view.span(at, at + 1)) <= starts
