"""A policy's digest: SHA-256 over its canonical JSON, whatever the file looked like."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from guardrail.policy.rule import HOLD_BACK, Limits, Rule, When
from guardrail.records import Action

if TYPE_CHECKING:
    from guardrail.policy.model import Policy
    from guardrail.policy.second import SecondStage

_UNORDERED = ("stage", "person", "label", "tier", "app")


def digest(policy: Policy) -> str:
    """Hex SHA-256 over RFC 8785 JSON of the effective policy, defaults filled in."""
    return hashlib.sha256(canonical(effective(policy))).hexdigest()


def canonical(value: object) -> bytes:
    """RFC 8785 for the values policies hold: text, booleans and integers below 2**53.

    Keys here are ASCII, so code-point order is the UTF-16 order the RFC asks for.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def effective(policy: Policy) -> dict[str, object]:
    """The policy as JSON values: everything that bears on a decision or its record."""
    made: dict[str, object] = {
        "policy": policy.name,
        "version": policy.version,
        "unknown_jurisdiction": policy.unknown_jurisdiction,
        "jurisdiction_confidence": str(float(policy.jurisdiction_confidence)),
        "on_error": policy.on_error.label,
        "limits": _limits(policy.limits),
        "detectors": None if policy.detectors is None else sorted(policy.detectors),
        "rules": [_rule(rule) for rule in policy.rules],
        "overlays": {code: [_rule(r) for r in rules] for code, rules in policy.overlays},
    }
    if policy.second_stage is not None:
        made["second_stage"] = _second(policy.second_stage)
    return made


def _limits(limits: Limits) -> dict[str, object]:
    """The limits; `hold_back`, younger than the others, only where it is not the default."""
    written = {f.name: getattr(limits, f.name) for f in fields(limits)}
    if limits.hold_back == HOLD_BACK:
        del written["hold_back"]
    return written


def _second(stage: SecondStage) -> dict[str, object]:
    """Its settings; not where a model's folder lies on this machine."""
    written: dict[str, object] = {
        key: str(value) if isinstance(value, float) else value
        for key, value in asdict(stage).items()
    }
    backend = {k: v for k, v in asdict(stage.backend).items() if k != "place"}
    return {**written, "backend": backend, "labels": dict(stage.labels)}


def _rule(rule: Rule) -> dict[str, object]:
    require = rule.require
    return {
        "id": rule.id,
        "action": rule.action.label,
        "floor": rule.floor,
        "when": _when(rule.when),
        "require": require and {"tier": list(require.tier), "age_verified": require.age_verified},
        "reason": rule.reason,
        "law": list(rule.law),
        "obligations": list(rule.obligations),
        "on_error": rule.on_error.label if isinstance(rule.on_error, Action) else None,
        "description": rule.description,
    }


def _when(when: When) -> dict[str, object]:
    return {
        "operation": sorted(when.operation),
        **{name: sorted(getattr(when, name)) for name in _UNORDERED},
        "sexual": when.sexual.label,
        "minor": when.minor,
        "edit_of_photo": when.edit_of_photo,
        "undress": when.undress,
        "obfuscated": when.obfuscated,
        "protected": when.protected,
    }
