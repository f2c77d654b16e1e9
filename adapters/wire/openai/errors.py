"""A stopped request as an OpenAI client expects to see it."""

from __future__ import annotations

from typing import Any

from guardrail.errors import RequestGated, RequestStopped
from guardrail.records import Stage

_GATES = ("subscription_required", "age_verification_required")


def as_openai_error(stopped: RequestStopped) -> tuple[int, dict[str, Any]]:
    """HTTP status and body: 400 `moderation_blocked` when refused, 403 when gated.

    `moderation_details`: `categories` holds the reason code, `moderation_stage` is `input` or
    `output`.
    """
    if isinstance(stopped, RequestGated):
        return 403, {"error": {**_error(stopped, "permission_error"), "code": _gate(stopped)}}
    decision = stopped.decision
    stage = "input" if decision.stage is Stage.INPUT else "output"
    details = {"moderation_stage": stage, "categories": [decision.reason]}
    error = _error(stopped, "invalid_request_error")
    return 400, {
        "error": {**error, "code": "moderation_blocked", "moderation_details": details},
    }


def _error(stopped: RequestStopped, kind: str) -> dict[str, Any]:
    return {"message": stopped.message, "type": kind, "param": None, "attempt": stopped.attempt}


def _gate(stopped: RequestStopped) -> str:
    decision = stopped.decision
    if decision.reason in _GATES:
        return decision.reason
    needs = decision.requirement
    return _GATES[1] if needs and needs.age_verified and not needs.tier else _GATES[0]
