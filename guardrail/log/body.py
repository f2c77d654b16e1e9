"""What of an attempt is signed: spans, scores and commitments, never text, ids or their hashes."""

from __future__ import annotations

import json
import math
import re
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from guardrail.log.times import iso
from guardrail.records import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from guardrail.records import (
        AttemptClosed,
        AttemptOpened,
        Decision,
        Facts,
        Finding,
        Person,
        Request,
        Scan,
    )

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

MAX_FINDINGS = 100
MAX_PERSONS = 50
MAX_LIST = 100
MAX_NUMBER = (1 << 53) - 1  # beyond it, readers of JSON may not keep a number exactly

_ENCODER = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)
_CODE = re.compile(r"[A-Za-z0-9_.:/+@-]{0,64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def canonical(value: Mapping[str, Json]) -> str:
    """RFC 8785 for what bodies are made of: ASCII names, text, safe integers, four decimals.

    Many times faster than for any JSON (`guardrail.chain.entry.canonical`), and the same bytes.
    """
    return _ENCODER.encode(value)


def opened_body(entry: AttemptOpened, commitments: Mapping[str, str]) -> dict[str, Json]:
    """The input stage of an attempt. Lists are cut at fixed lengths; their totals are not.

    commitments: to what may have to be erased (`guardrail.log.personal`).
    """
    findings = _findings(entry.scans, entry.decision.findings)
    return {
        "id": plain(entry.id),
        "event": "opened",
        "at": iso(entry.at),
        **_request(entry.request),
        "commitments": dict(commitments),
        "policy": plain(str(entry.decision.policy)),
        "decision": _decision(entry.decision),
        "facts": _facts(entry.facts),
        "findings": findings[:MAX_FINDINGS],
        "findings_total": len(findings),
        "scans": [_scan(scan) for scan in entry.scans[:MAX_LIST]],
    }


def closed_body(entry: AttemptClosed, commitments: Mapping[str, str] | None) -> dict[str, Json]:
    """The end of an attempt; carries `opened` when only the end made it worth keeping in full.

    commitments: of that opening, None where it was kept before. ms: from opened to closed,
    milliseconds.
    """
    findings = _findings(entry.scans, entry.decision.findings)
    body: dict[str, Json] = {
        "id": plain(entry.id),
        "event": "closed",
        "at": iso(entry.at),
        "opened_at": iso(entry.opened.at),
        "outcome": entry.outcome.value,
        "policy": plain(str(entry.decision.policy)),
        "decision": _decision(entry.decision),
        "stage": entry.decision.stage.value,
        "model_called": entry.model_called,
        "output_sha256": _code(entry.output_sha256),
        "error": _code(entry.error),
        "ms": _number((entry.at - entry.opened.at) / 1e6),
        "facts": _facts(entry.facts),
        "findings": findings[:MAX_FINDINGS],
        "findings_total": len(findings),
        "scans": [_scan(scan) for scan in entry.scans[:MAX_LIST]],
    }
    if commitments is not None:
        body["opened"] = opened_body(entry.opened, commitments)
    return body


def plain(text: str, limit: int = 200) -> str:
    """`text` on one line, valid Unicode, at most `limit` characters."""
    if text.isascii() and text.isprintable():
        return text[:limit]
    whole = text[:limit].encode("utf-8", "replace").decode()
    return _CONTROL.sub(" ", whole)


def _request(request: Request) -> dict[str, Json]:
    caller, where = request.caller, request.caller.jurisdiction
    lengths = [len(part.text) for part in request.parts]
    return {
        "operation": request.operation.value,
        "model": plain(request.model),
        "app": plain(caller.app),
        "tier": plain(caller.tier, 64),
        "age_verified": caller.age_verified,
        "jurisdiction": {
            "code": plain(where.code, 16),
            "source": plain(where.source, 64),
            "confidence": _number(where.confidence),
        },
        "parts": {
            "count": len(lengths),
            "characters": sum(lengths),
            "lengths": [*lengths[-MAX_LIST:]],
        },
        "images_total": len(request.images),
        "problem": plain(request.problem),
    }


def _decision(decision: Decision) -> dict[str, Json]:
    need = decision.requirement
    return {
        "action": decision.action.label,
        "rule": plain(decision.rule),
        "reason": plain(decision.reason),
        "rules": _texts(decision.rules),
        "obligations": _texts(decision.obligations),
        "law": _texts(decision.law),
        "overlays": _texts(decision.overlays),
        "requirement": None
        if need is None
        else {"tier": _texts(need.tier), "age_verified": need.age_verified},
        "stage": decision.stage.value,
    }


def _facts(facts: Facts) -> dict[str, Json]:
    sexual, minor = facts.sexual, facts.minor
    return {
        "sexual": {
            "severity": sexual.severity.label,
            "score": _number(sexual.score),
            "span": _span(sexual.span),
        },
        "minor": {
            "present": minor.present,
            "score": _number(minor.score),
            "span": _span(minor.span),
        },
        "persons": [_person(person) for person in facts.persons[:MAX_PERSONS]],
        "persons_total": len(facts.persons),
        "edit_of_photo": facts.edit_of_photo,
        "undress": facts.undress,
        "obfuscated": _codes(facts.obfuscated),
        "intent": _code(facts.intent),
        "labels": _codes(facts.labels),
        "complete": _codes(facts.complete),
        "unscanned": _codes(facts.unscanned),
    }


def _person(person: Person) -> dict[str, Json]:
    return {
        "kind": person.kind.value,
        "role": person.role.value,
        "score": _number(person.score),
        "span": _span(person.span),
        "minor": person.minor,
        "protected": person.protected,
        "consented": person.consented,
    }


def _findings(scans: tuple[Scan, ...], behind: tuple[Finding, ...]) -> list[Json]:
    """Every finding once: those behind the decision first, then the rest in order of the scans."""
    found = dict.fromkeys((*behind, *(finding for scan in scans for finding in scan.findings)))
    return [_finding(finding) for finding in found]


def _finding(finding: Finding) -> dict[str, Json]:
    body: dict[str, Json] = {
        "detector": _code(finding.detector),
        "version": _code(finding.version),
        "label": _code(finding.label),
        "value": _code(finding.value),
        "score": _number(finding.score),
    }
    if finding.span is not None:
        span = finding.span
        body |= {"part": span.part, "start": span.start, "end": span.end}
    if finding.role is not None:
        body["role"] = finding.role.value
    return body


def _scan(scan: Scan) -> dict[str, Json]:
    return {
        "detector": _code(scan.detector),
        "version": _code(scan.version),
        "status": scan.status,
        "ms": _number(scan.ms),
        "problem": _code(scan.problem),
    }


def _span(span: Span | None) -> Json:
    return None if span is None else {"part": span.part, "start": span.start, "end": span.end}


def _code(text: str) -> str:
    """`text` if it can only be an identifier: detectors and clients must not leak text here."""
    return text if _CODE.fullmatch(text) else "?"


def _codes(texts: Iterable[str]) -> list[Json]:
    return [*sorted({_code(text) for text in texts})[:MAX_LIST]]


def _texts(texts: Iterable[str]) -> list[Json]:
    return [*islice(map(plain, texts), MAX_LIST)]


def _number(value: float) -> Json:
    """Four decimals, whole numbers as integers, so that RFC 8785 writes it the same; else null."""
    if not math.isfinite(value) or abs(value) > MAX_NUMBER:
        return None
    rounded = round(value, 4)
    return int(rounded) if rounded == int(rounded) else rounded
