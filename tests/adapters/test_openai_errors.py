"""A stopped request in the shape an OpenAI client expects."""

from __future__ import annotations

from typing import Any

import pytest

from guardrail.adapters.litellm import as_openai_error
from guardrail.errors import RequestGated, RequestRefused
from guardrail.records import Action, Decision, PolicyRef, Requirement, Stage


def decision(action: Action, reason: str, **fields: Any) -> Decision:
    return Decision(action, "rule", reason, PolicyRef("p", 1, "0"), **fields)


@pytest.mark.parametrize(
    ("stage", "said"), [(Stage.INPUT, "input"), (Stage.OUTPUT, "output"), (Stage.STREAM, "output")]
)
def test_a_refusal(stage: Stage, said: str) -> None:
    refused = decision(Action.REFUSE, "real_person_sexual", stage=stage)
    status, body = as_openai_error(RequestRefused(refused, "No.", attempt="a1"))
    assert status == 400
    assert body["error"]["code"] == "moderation_blocked"
    assert body["error"]["message"] == "No."
    assert body["error"]["moderation_details"] == {
        "moderation_stage": said,
        "categories": ["real_person_sexual"],
    }


@pytest.mark.parametrize(
    ("reason", "requirement", "code"),
    [
        ("subscription_required", None, "subscription_required"),
        ("age_verification_required", None, "age_verification_required"),
        ("custom", Requirement(("adult",), age_verified=True), "subscription_required"),
        ("custom", Requirement((), age_verified=True), "age_verification_required"),
        ("custom", None, "subscription_required"),
    ],
)
def test_a_gate(reason: str, requirement: Requirement | None, code: str) -> None:
    gated = decision(Action.GATE, reason, requirement=requirement)
    status, body = as_openai_error(RequestGated(gated, "Not yet."))
    assert (status, body["error"]["code"]) == (403, code)
