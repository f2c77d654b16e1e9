"""What the skeleton undoes, leaves alone and how its ranges map back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail.text import Views
from guardrail.text.disguise import PASSES
from guardrail.text.skeleton import undo


def test_the_range_of_a_joined_word_is_the_whole_disguise() -> None:
    text = "please draw n u d e now"
    skeleton = Views(text).skeleton
    assert skeleton is not None
    assert skeleton.text == "please draw nude now"
    at = skeleton.text.index("nude")
    assert skeleton.span(at, at + 4) == (12, 19)
    assert skeleton.span(0, 6) == (0, 6)
    assert skeleton.span(at + 5, at + 8) == (20, 23)


def test_both_readings_map_to_the_same_place() -> None:
    skeleton = Views("big boooobs here").skeleton
    assert skeleton is not None
    for reading in ("boobs", "bobs"):
        at = skeleton.text.index(reading)
        assert skeleton.span(at, at + len(reading)) == (4, 11)


def test_disguises_stack() -> None:
    views = Views("n\u200b u \u0501 \u0435 and s3xxxy")
    assert views.skeleton is not None
    assert views.skeleton.text == "nude and sexy"
    assert views.undone == {"confusable", "leet", "separators", "repeats"}


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("J.R.R. Tolkien", "jrr. tolkien"),
        ("e f g a", "efga efg"),
        ("image6 photo7 robot5", "image6 photo7 robots"),
        ("my @bob", "my abob"),
    ],
)
def test_weak_evidence_makes_a_skeleton_but_is_not_reported(text: str, reads: str) -> None:
    views = Views(text)
    assert views.skeleton is not None
    assert views.skeleton.text == reads
    assert views.undone <= {"separators"}


@pytest.mark.parametrize("text", ["s*x", "f**k", "***", "n**e"])
def test_wildcards_cannot_be_undone(text: str) -> None:
    assert Views(text).skeleton is None


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="aenudsx03@!.-_* 裸体ヌー・á", max_size=16))
def test_the_quick_test_lets_through_all_that_would_be_undone(text: str) -> None:
    view = Views(text).canonical
    skeleton, undone = undo(view)
    if any(d.sure for _, find in PASSES for d in find(view)):
        assert skeleton is not None
        assert undone


@pytest.mark.parametrize(
    "unit", ["a1", "n ", "n.u", "・裸", "a@", "a!", "ab-", "∂", "\uff21\uff21", "\u0301"]
)
def test_long_input_is_read(unit: str) -> None:
    text = unit * 5_000 + "あ"
    views = Views(text)
    view = views.skeleton or views.kana
    assert view.span(0, len(view.text)) == (0, len(text))
