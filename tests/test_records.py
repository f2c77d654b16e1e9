from __future__ import annotations

import pickle
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail.errors import PolicyError, Problem, RequestGated, RequestRefused
from guardrail.messages import language_of, message_for
from guardrail.records import (
    Action,
    Caller,
    Decision,
    Finding,
    Image,
    Jurisdiction,
    Operation,
    PolicyRef,
    Severity,
    Span,
)
from guardrail.records.attempt import new_id

REFUSED = Decision(Action.REFUSE, "r", "minor_sexual", PolicyRef("p", 1, "0" * 64))


def test_strictness_orders_actions_and_severities() -> None:
    assert Action.ALLOW < Action.GATE < Action.REFUSE
    assert list(Severity) == sorted(Severity)
    assert [severity.label for severity in Severity] == ["none", "suggestive", "nudity", "explicit"]


@pytest.mark.parametrize("operation", Operation)
def test_an_operation_knows_its_medium(operation: Operation) -> None:
    assert operation.visual == (operation.value.split(".")[0] in {"image", "video"})
    assert operation.edits == (operation.value.split(".")[-1] in {"edit", "variation"})


@pytest.mark.parametrize(
    "build",
    [
        lambda: Span(0, 3, 2),
        lambda: Span(-1, 0, 0),
        lambda: Finding(detector="d", version="1", label="minor", score=1.1),
        lambda: Finding(detector="d", version="1", label="person", value="robot"),
        lambda: Finding(detector="d", version="1", label="sexual", value="very"),
        Image,
        lambda: Jurisdiction("JP", confidence=2.0),
    ],
)
def test_values_are_valid_by_construction(build: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        build()  # type: ignore[operator]


def test_an_image_is_known_by_its_digest_and_never_printed() -> None:
    image = Image(b"abc")
    assert image.sha256.startswith("ba7816bf")
    assert "abc" not in repr(image)


@pytest.mark.parametrize("kind", [RequestRefused, RequestGated])
def test_a_stopped_request_survives_pickling(kind: type[RequestRefused]) -> None:
    error = pickle.loads(pickle.dumps(kind(REFUSED, "no", attempt="a1")))  # noqa: S301
    assert (type(error), error.decision, str(error), error.attempt) == (kind, REFUSED, "no", "a1")


def test_a_policy_error_shows_every_problem_with_its_place() -> None:
    error = PolicyError([Problem("p.yaml", 3, 5, "found a"), Problem("p.yaml", 9, 1, "found b")])
    assert str(error) == "p.yaml:3:5: found a\np.yaml:9:1: found b"
    assert pickle.loads(pickle.dumps(error)).problems == error.problems  # noqa: S301


@pytest.mark.parametrize(
    ("caller", "language"),
    [
        (Caller(), "en"),
        (Caller(language="ja"), "ja"),
        (Caller(language="ja-JP"), "ja"),
        (Caller(language="fr"), "en"),
        (Caller(jurisdiction=Jurisdiction("jp")), "ja"),
        (Caller(jurisdiction=Jurisdiction("JP"), language="en-GB"), "en"),
    ],
)
def test_the_message_is_in_the_callers_language(caller: Caller, language: str) -> None:
    assert language_of(caller) == language
    said = message_for(REFUSED, caller)
    assert "18" in said
    assert ("歳" in said) is (language == "ja")


@given(st.integers(0, 1 << 66), st.integers(0, 1 << 66))
def test_ids_sort_by_time(one: int, other: int) -> None:
    first, second = sorted((one, other))
    found = [UUID(new_id(at)) for at in (first, second)]
    assert [(uuid.version, uuid.variant) for uuid in found] == [(7, RFC_4122)] * 2
    assert [uuid.int >> 80 for uuid in found] == [first // 1_000_000, second // 1_000_000]
    if second - first >= 1000:
        assert found[0] < found[1]


def test_ids_differ() -> None:
    assert len({new_id(5) for _ in range(1000)}) == 1000
