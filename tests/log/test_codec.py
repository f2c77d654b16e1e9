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
    Decision,
    Image,
    Outcome,
    Request,
    Requirement,
    Stage,
)
from tests.log.support import GATE, POLICY, SEXUAL, closed, opened, picture, request

st.register_type_strategy(Image, st.builds(Image, st.binary(max_size=3)))


def travelled(attempt: AttemptOpened | AttemptClosed) -> Any:
    return json.loads(json.dumps(encode(attempt)))


@given(st.builds(AttemptOpened, request=st.builds(Request, images=st.just(()))))
def test_any_opening_comes_back(entry: AttemptOpened) -> None:
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
