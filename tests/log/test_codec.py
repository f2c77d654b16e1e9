"""Attempts come out of the codec as they went in, and nothing else does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail.errors import InputError
from guardrail.log.remote.codec import decode_closed, decode_opened, encode
from guardrail.records import (
    Action,
    AttemptClosed,
    AttemptOpened,
    Caller,
    Decision,
    Facts,
    Finding,
    Image,
    Jurisdiction,
    Kind,
    Operation,
    Outcome,
    Person,
    Request,
    Requirement,
    Role,
    Scan,
    Severity,
    Sexual,
    Span,
    Stage,
    TextPart,
)
from tests.log.support import GATE, POLICY, SEXUAL, closed, opened, picture, request

_text = st.text(st.characters(), max_size=5)
_texts = st.lists(_text, max_size=2).map(tuple)
_score = st.floats(0, 1)
_spans = st.none() | st.builds(lambda at, size: Span(1, at, at + size), *[st.integers(0, 99)] * 2)
_findings = st.builds(
    Finding,
    detector=_text,
    version=_text,
    label=_text.map(lambda name: f"x.{name}"),
    value=_text,
    span=_spans,
    score=_score,
    role=st.none() | st.sampled_from(Role),
    minor=st.booleans(),
)
_facts = st.builds(
    Facts,
    st.builds(Sexual, st.sampled_from(Severity), _score, _spans),
    persons=st.tuples(
        st.builds(Person, st.sampled_from(Kind), st.sampled_from(Role), _score, _spans)
    ),
    obfuscated=st.frozensets(_text, max_size=2),
    unscanned=st.frozensets(st.sampled_from(["sexual", "minor"])),
)
_decisions = st.builds(
    Decision,
    st.sampled_from(Action),
    _text,
    _text,
    st.just(POLICY),
    st.sampled_from(Stage),
    _texts,
    requirement=st.none() | st.builds(Requirement, _texts, st.booleans()),
    findings=st.lists(_findings, max_size=2).map(tuple),
)
_callers = st.builds(Caller, _text, _text, st.booleans(), st.builds(Jurisdiction, _text))
_requests = st.builds(
    Request,
    st.sampled_from(Operation),
    st.lists(st.builds(TextPart, _text), max_size=2).map(tuple),
    caller=_callers,
    conversation=_text,
)
_scans = st.builds(
    Scan, _text, _text, st.just(frozenset({"sexual"})), st.just("ok"), st.tuples(_findings), _score
)


def travelled(attempt: AttemptOpened | AttemptClosed) -> Any:
    return json.loads(json.dumps(encode(attempt)))


@given(_requests, _decisions, _facts, _scans)
def test_any_opening_comes_back(
    asked: Request, decision: Decision, facts: Facts, scan: Scan
) -> None:
    entry = AttemptOpened(asked, decision, facts, (scan, scan))
    assert decode_opened(travelled(entry)) == entry


def test_an_end_comes_back_with_its_opening() -> None:
    need = Requirement(("adult",), age_verified=True)
    decision = Decision(Action.GATE, "r", "adult", POLICY, Stage.OUTPUT, requirement=need)
    end = closed(opened(GATE, SEXUAL), Outcome.GATED, decision=decision, error="OSError")
    assert decode_closed(travelled(end)) == end


def test_a_picture_travels_as_its_hash() -> None:
    image = picture()
    entry = opened(GATE, asked=request(images=(image, Image(None, "too large"))))
    data = travelled(entry)
    assert "picture" not in json.dumps(data)
    first, second = decode_opened(data).request.images
    assert (first.sha256, first.data) == (image.sha256, None)
    assert (second.sha256, second.problem) == ("", "too large")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=7),
    max_leaves=20,
)


@given(_json)
def test_anything_else_is_refused(data: object) -> None:
    with pytest.raises(InputError, match="not an attempt"):
        decode_opened(data)


@given(st.data())
def test_a_value_of_another_type_is_refused(data: st.DataObject) -> None:
    message = travelled(opened(GATE, SEXUAL))
    places = [*_places(message)]
    holder, index = data.draw(st.sampled_from(places))
    holder[index] = {"not": "this"}
    with pytest.raises(InputError, match="not an attempt"):
        decode_opened(message)


def _places(value: Any) -> Any:
    for index, inner in enumerate(value):
        yield value, index
        if isinstance(inner, list):
            yield from _places(inner)
