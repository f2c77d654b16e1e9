"""A `Screening` as one JSON line; pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from guardrail.cli.lines import JsonScalar
    from guardrail.records import Decision, Facts, Person, Scan, Sexual, Span
    from guardrail.screening import Screening

SCORE_DIGITS = 4
MS_DIGITS = 3


def answer(identity: JsonScalar, screening: Screening) -> dict[str, Any]:
    """Say what was decided on one request, keys in the order they are written.

    After the ten fixed keys come `references` (persons that are not names: "my ex", a handle,
    an upload) and `obligations`; `requirement`, `unscanned` and `problem` only where there is any.
    """
    decision, facts = screening.decision, screening.facts
    return {
        "id": identity,
        "action": decision.action.label,
        "rule": decision.rule,
        "reason": decision.reason,
        "sexual": _sexual(facts.sexual),
        "minor": {"present": facts.minor.present, "score": _score(facts.minor.score)},
        "persons": [_person(person) for person in facts.persons if _is_name(person)],
        "detectors": [_detector(scan) for scan in screening.scans],
        "policy": str(decision.policy),
        "ms": round(screening.ms, MS_DIGITS),
        "references": [_person(person) for person in facts.persons if not _is_name(person)],
        "obligations": list(decision.obligations),
        **_where_any(decision, facts, screening.problem),
    }


def fault(identity: JsonScalar, number: int, message: str) -> dict[str, Any]:
    """Say why a line could not be read; `number` counts from 1."""
    return {"id": identity, "error": {"line": number, "message": message}}


def write_line(value: dict[str, Any]) -> bytes:
    """One JSON line in UTF-8 with its newline; only lone surrogates make it plain ASCII."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(value, allow_nan=False).encode() + b"\n"


def _is_name(person: Person) -> bool:
    return person.name and person.span is not None


def _score(score: float) -> float:
    return round(score, SCORE_DIGITS)


def _range(span: Span) -> dict[str, int]:
    return {"start": span.start, "end": span.end}


def _sexual(sexual: Sexual) -> dict[str, Any]:
    found: dict[str, Any] = {
        "severity": sexual.severity.label,
        "score": _score(sexual.score),
    }
    return (
        found if sexual.span is None else found | _range(sexual.span) | {"part": sexual.span.part}
    )


def _person(person: Person) -> dict[str, Any]:
    place = {} if person.span is None else {"part": person.span.part} | _range(person.span)
    return place | {
        "kind": person.kind.value,
        "role": person.role.value,
        "score": _score(person.score),
    }


def _detector(scan: Scan) -> dict[str, Any]:
    return {
        "name": scan.detector,
        "version": scan.version,
        "status": scan.status,
        "ms": round(scan.ms, MS_DIGITS),
    }


def _where_any(decision: Decision, facts: Facts, problem: str) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    if decision.requirement is not None:
        needed = decision.requirement
        extra["requirement"] = {"tier": list(needed.tier), "age_verified": needed.age_verified}
    if facts.unscanned:
        extra["unscanned"] = sorted(facts.unscanned)
    if problem:
        extra["problem"] = problem
    return extra
