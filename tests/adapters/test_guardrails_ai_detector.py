"""Validators of guardrails-ai as our detectors."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from guardrail.detect import Document
from guardrail.errors import ConfigurationError, RequestRefused
from guardrail.guard import Guard
from guardrail.policy import Limits, Policy, Rule, When
from guardrail.records import Action, Operation, Output, Request, Role, Span, TextPart
from guardrail.testing import detector_conformance
from guardrail.testing.fakes import MemoryLog

from .cases import only
from .guardrails_cases import (
    ErrorSpan,
    FailResult,
    PassResult,
    Validator,
    ours,
    quiet,
    register_validator,
)

pytestmark = [*quiet]
Detecting = ours.GuardrailsValidatorDetector
RELEASE = threading.Event()
RULE = Rule("mine", Action.REFUSE, When(label=frozenset({"acme.*"})), reason="mine")


@register_validator(name="tests/gardens", data_type="string")
class Gardens(Validator):  # type: ignore[misc]
    """Fails gardens, where they are; does as it is told in its metadata besides."""

    def _validate(self, value: str, metadata: dict[str, Any]) -> Any:
        metadata["seen"] = value
        if metadata.get("hang"):
            RELEASE.wait(20)
        if metadata.get("raise"):
            raise RuntimeError(value)
        at = value.find("庭")
        if metadata.get("odd"):
            return metadata["odd"]
        if at < 0:
            return PassResult()
        return FailResult(
            error_message="x", error_spans=[ErrorSpan(start=at, end=at + 1, reason="x")]
        )


def guard_with(log: MemoryLog, detector: Any, limit_ms: int = 5_000) -> Guard:
    policy = Policy("mine", 1, (RULE,), limits=Limits(detector_ms=limit_ms))
    return Guard(policy, log=log, detectors=[detector])


def ask(guard: Guard, text: str) -> str:
    return guard.call(Request.of(text), lambda: "fine", lambda said: Output((TextPart(said),)))


def test_it_keeps_the_promises_of_a_detector() -> None:
    detector_conformance(Detecting(Gardens(), label="acme.garden"))


def test_its_failure_is_a_finding_where_it_says() -> None:
    detector = Detecting("tests/gardens", label="person:public")
    parts = (TextPart("😀海辺の庭"), TextPart("庭"), TextPart("海"))
    request = Request(Operation.IMAGE_GENERATE, parts)
    found = list(detector.detect(Document(request, fresh=1)))
    assert [finding.span for finding in found] == [Span(1, 0, 1)]
    (first, _) = detector.detect(Document(request))
    assert (first.span, first.role, first.value) == (Span(0, 4, 5), Role.DEPICTED, "public")
    assert (detector.provides, detector.inline) == (frozenset({"persons"}), False)


def test_whatever_it_would_do_on_failure_is_left_out(log: MemoryLog) -> None:
    for action in ("fix", "exception", "noop", "filter"):
        guard = guard_with(log, Detecting(Gardens(on_fail=action), label="acme.garden"))
        with pytest.raises(RequestRefused):
            ask(guard, "秋の庭")
        assert ask(guard, "秋の海") == "fine"


@pytest.mark.parametrize("odd", ["pass", {"outcome": "pass"}, 7, [None]])
def test_an_answer_that_is_none_fails_closed(log: MemoryLog, odd: object) -> None:
    detector = Detecting(Gardens(), label="acme.garden", metadata={"odd": odd})
    with pytest.raises(RequestRefused) as refused:
        ask(guard_with(log, detector), "秋の海")
    assert refused.value.decision.reason == "unscanned"


def test_what_it_raises_fails_closed_and_is_kept_nowhere(log: MemoryLog) -> None:
    detector = Detecting(Gardens(), label="acme.garden", metadata={"raise": True})
    with pytest.raises(RequestRefused) as refused:
        ask(guard_with(log, detector), "秋の海")
    assert refused.value.decision.reason == "unscanned"
    assert [scan.problem for scan in log.opened[0].scans] == ["RuntimeError"]
    assert "海" not in repr(only(log))


def test_its_delay_fails_closed(log: MemoryLog) -> None:
    detector = Detecting(Gardens(), label="acme.garden", metadata={"hang": True})
    try:
        with pytest.raises(RequestRefused) as refused:
            ask(guard_with(log, detector, limit_ms=20), "秋の海")
    finally:
        RELEASE.set()
    assert refused.value.decision.reason == "unscanned"
    assert [scan.status for scan in log.opened[0].scans] == ["timeout"]


def test_its_metadata_is_its_own_each_time() -> None:
    metadata: dict[str, object] = {"kept": 1}
    detector = Detecting(Gardens(), label="acme.garden", metadata=metadata)
    list(detector.detect(Document(Request.of("秋の海"))))
    assert metadata == {"kept": 1}


@pytest.mark.parametrize(
    ("validator", "label"),
    [
        ("tests/gone", "acme.garden"),
        ("tests/gardens", ""),
        ("tests/gardens", "sexual"),
        ("tests/gardens", "sexual:very"),
        ("tests/gardens", "person:nobody"),
    ],
)
def test_what_nobody_knows_is_an_error(validator: str, label: str) -> None:
    with pytest.raises(ConfigurationError):
        Detecting(validator, label=label)


def test_it_provides_what_it_reports() -> None:
    with pytest.raises(ConfigurationError, match="persons"):
        Detecting(Gardens(), label="person", provides=frozenset({"labels"}))
