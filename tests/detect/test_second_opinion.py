from __future__ import annotations

import math
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail.detect import Document
from guardrail.detect.second import NAME, Place, SecondOpinion
from guardrail.detect.second.opinion import BadAnswer, Memory, OverBudget, opinion
from guardrail.records import Request, Severity, Span
from guardrail.testing.conformance import detector_conformance
from tests.detect.second import Scores, says, settings

ALL = (("a", "suggestive"), ("b", "nudity"), ("c", "explicit"), ("d", "minor"))
shares = st.floats(0, 1)


@given(shares, shares, shares, shares)
def test_the_score_tells_nudity_and_the_label_says_how_much(
    a: float, b: float, c: float, d: float
) -> None:
    found = opinion({"a": a, "b": b, "c": c, "d": d}, settings(labels=ALL))
    assert (found.score >= 0.5) is (found.severity >= Severity.NUDITY)
    assert found.score == pytest.approx(max(b, c, d), abs=1e-4)
    assert (found.severity is Severity.EXPLICIT) is (round(c, 4) >= 0.5)


@given(shares, shares, st.floats(0.1, 10), st.floats(-5, 5))
def test_calibration_keeps_the_order(a: float, b: float, slope: float, bias: float) -> None:
    made = settings(labels=(("x", "nudity"),), slope=slope, bias=bias)
    low, high = sorted((a, b))
    assert opinion({"x": low}, made).score <= opinion({"x": high}, made).score


def test_a_bias_moves_what_decides() -> None:
    strict = settings(labels=(("x", "nudity"),), bias=2.0)
    assert opinion({"x": 0.2}, strict).severity is Severity.NUDITY
    assert opinion({"x": 0.2}, settings(labels=(("x", "nudity"),))).severity is Severity.NONE


@pytest.mark.parametrize("score", [-0.1, 1.1, math.nan, math.inf])
def test_a_score_that_is_none_is_refused(score: float) -> None:
    with pytest.raises(BadAnswer):
        opinion({"x": score}, settings(labels=(("x", "nudity"),)))
    with pytest.raises(BadAnswer):
        opinion({"y": 0.1}, settings(labels=(("x", "nudity"),)))


def test_a_text_is_asked_about_once_and_memory_is_bounded() -> None:
    backend = says(0.7)
    stage = SecondOpinion(settings(cache=2), backend)
    for text in ("one", "two", "one", "three", "one", "two"):
        stage.opinion(text)
    assert backend.asked == 4


def test_memory_holds_no_text_and_no_digest_that_others_could_make() -> None:
    one, other = Memory(4), Memory(4)
    assert one.key("a text") == one.key("a text")
    assert one.key("a text") != other.key("a text")
    assert b"text" not in one.key("a text")


def test_a_failure_is_not_remembered() -> None:
    answers = iter([{"nsfw": 2.0, "sexual/minors": 0.0}, {"nsfw": 0.9, "sexual/minors": 0.0}])
    stage = SecondOpinion(settings(), Scores(lambda _: next(answers)))
    with pytest.raises(BadAnswer):
        stage.opinion("a text")
    assert stage.opinion("a text").score == pytest.approx(0.9, abs=1e-4)


def test_more_texts_a_minute_than_allowed_are_not_asked_about() -> None:
    backend = says(0.7)
    stage = SecondOpinion(settings(per_minute=2), backend)
    stage.opinion("one")
    stage.opinion("two")
    with pytest.raises(OverBudget):
        stage.opinion("three")
    stage.opinion("one")
    assert backend.asked == 2


def test_no_more_texts_at_once_than_allowed() -> None:
    busy, done = threading.Event(), threading.Event()

    def told(_: str) -> dict[str, float]:
        busy.set()
        done.wait(10)
        return {"nsfw": 0.1, "sexual/minors": 0.0}

    stage = SecondOpinion(settings(concurrency=1, limit_ms=20), Scores(told))
    thread = threading.Thread(target=stage.opinion, args=("one",))
    thread.start()
    assert busy.wait(10)
    with pytest.raises(OverBudget):
        stage.opinion("two")
    done.set()
    thread.join()
    assert stage.opinion("two").severity is Severity.NONE


def test_it_reads_texts_with_their_disguises_undone() -> None:
    read: list[str] = []

    def told(text: str) -> dict[str, float]:
        read.append(text)
        return {"nsfw": 0.9, "sexual/minors": 0.8}

    stage = SecondOpinion(settings(), Scores(told))
    text = "a n-a-k-e-d woman"
    found = list(
        stage.about([Place(0)], frozenset({"sexual", "minor"})).detect(Document(Request.of(text)))
    )
    assert read == [read[0]]
    assert "naked" in read[0]
    assert [(f.detector, f.label, f.value) for f in found] == [
        (NAME, "sexual", "nudity"),
        (NAME, "minor", "model"),
    ]
    assert {f.span for f in found} == {Span(0, 0, len(text))}


def test_half_a_surrogate_pair_is_no_failure() -> None:
    def told(text: str) -> dict[str, float]:
        text.encode()
        return {"nsfw": 0.1, "sexual/minors": 0.0}

    assert (
        SecondOpinion(settings(), Scores(told)).opinion("a \ud800 text").severity is Severity.NONE
    )


def test_it_keeps_the_promises_of_a_detector() -> None:
    detector_conformance(SecondOpinion(settings(), says(0.9)).about([], frozenset({"sexual"})))
