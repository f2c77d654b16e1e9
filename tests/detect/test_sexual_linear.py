from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail.detect.base import Document
from guardrail.detect.sexual import SexualText
from guardrail.detect.sexual.features import BITS, SHORT, features, pair, pairs
from guardrail.detect.sexual.layer import Layer
from guardrail.detect.sexual.linear import Linear, load_linear
from guardrail.records import Operation, Request

LAYER = Layer(
    lexicon=1.0, silent=(-2.0, 1.0), vague=(-1.0, 0.8), telling=(0.0, 0.5), margin=(-4.0, 4.0)
)
HARMLESS = "a watercolour of a quiet harbour with fishing boats and gulls at dawn. "


def model(**weights: int) -> Linear:
    """A model that knows some words and nothing else."""
    buckets = bytearray(1 << BITS)
    for word, weight in weights.items():
        buckets[features(word)[1][0]] = weight % 256
    return Linear(bytes(buckets), scale=0.1, bias=-1.0)


def test_refuses_weights_of_another_size() -> None:
    with pytest.raises(ValueError, match="weights"):
        Linear(b"\x00\x01", scale=1.0, bias=0.0)


def test_a_text_without_words_gets_the_bias() -> None:
    for text in ("", "  ...!  ", "\u200b"):
        assert model().margin(text) == -1.0


def test_known_words_move_the_margin_both_ways() -> None:
    reader = model(red=100, blue=-100)
    assert reader.margin("blue") < reader.margin("green") < reader.margin("red")
    assert reader.margin("red") == pytest.approx(
        -1.0 + 0.1 * 100 / (len(features("red")[1]) + SHORT) ** 0.5
    )


def test_a_word_is_not_lost_in_a_long_text() -> None:
    reader = model(red=127)
    filler = " ".join(f"word{number}" for number in range(3000))
    assert reader.margin(f"{filler} red red red {filler}") > reader.margin(filler)


def test_points_at_the_most_telling_word() -> None:
    start, end = model(red=100).peak("a big red car")
    assert "a big red car"[start:end] == "red"


@given(st.lists(st.integers(0, 2**32 - 1), max_size=40))
def test_many_pairs_are_those_of_one_at_a_time(hashes: list[int]) -> None:
    found = [pair(left, right) for left, right in pairwise(hashes) if left and right]
    assert list(pairs(hashes)) == found


def test_pairs_of_words_have_an_order() -> None:
    left, right = features("red")[0], features("car")[0]
    assert pair(left, right) != pair(right, left)
    assert 0 <= pair(left, right) < 1 << BITS


def test_the_layer_rises_with_both_opinions_and_holds_margins_in_range() -> None:
    assert LAYER.score(0.2, 0.0) < LAYER.score(0.8, 0.0)
    assert LAYER.score(None, 0.0) < LAYER.score(None, 2.0) < LAYER.score(None, 4.0)
    assert LAYER.score(None, 4.0) == LAYER.score(None, 400.0)


def test_words_that_say_little_leave_more_to_the_model() -> None:
    little, more = (LAYER.score(0.5, -2.0, vague=vague) for vague in (True, False))
    assert LAYER.score(None, -2.0) < little < more


def test_notes_count_only_beside_evidence() -> None:
    layer = replace(LAYER, notes={"cue.medical": -1.0})
    assert layer.score(0.6, 0.0, notes={"cue.medical": 1.0}) < layer.score(0.6, 0.0)
    assert layer.score(0.6, 0.0, notes={"unheard of": 1.0}) == layer.score(0.6, 0.0)
    assert layer.score(None, 0.0, notes={"cue.medical": 1.0}) == layer.score(None, 0.0)


def test_no_note_of_the_shipped_layer_raises_a_score() -> None:
    notes = load_linear()[1].notes
    assert notes
    assert max(notes.values()) <= 0.0


def test_the_shipped_layer_never_falls_where_evidence_or_margin_rises() -> None:
    _, layer = load_linear()
    steps = [number / 10 for number in range(-60, 81)]
    for vague in (True, False):
        by_margin = [layer.score(0.3, margin, vague=vague) for margin in steps]
        by_lexicon = [layer.score(of / 20, -2.0, vague=vague) for of in range(21)]
        assert by_margin == sorted(by_margin)
        assert by_lexicon == sorted(by_lexicon)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_any_text_has_a_margin_and_a_word(text: str) -> None:
    reader, layer = load_linear()
    start, end = reader.peak(text)
    assert 0 <= start <= end <= len(text)
    assert 0.0 <= layer.score(None, reader.margin(text)) <= 1.0


def score(text: str) -> float:
    document = Document(Request.of(text, Operation.IMAGE_GENERATE))
    found = SexualText().detect(document)
    return max((f.score for f in found if f.label == "sexual"), default=0.0)


def test_harmless_text_around_a_request_does_not_hide_it() -> None:
    request = "a completely naked woman, nude. "
    assert score(request) >= 0.5
    assert score(HARMLESS * 30 + request + HARMLESS * 30) >= 0.5
    assert score(HARMLESS * 60) < 0.5
