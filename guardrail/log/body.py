"""What of an attempt is signed: spans, scores and commitments, never text, ids or their hashes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrail.log.fragments import (
    MAX_LIST,
    MAX_NUMBER,
    MAX_PERSONS,
    canonical,
    decision_text,
    facts_text,
    finding_text,
    plain,
    scan_text,
)
from guardrail.log.fragments import code as _code
from guardrail.log.fragments import number as _number
from guardrail.log.times import iso

if TYPE_CHECKING:
    from collections.abc import Mapping

    from guardrail.log.fragments import Json
    from guardrail.records import (
        AttemptClosed,
        AttemptOpened,
        Finding,
        Request,
        Scan,
    )

MAX_FINDINGS = 100

__all__ = [
    "MAX_FINDINGS",
    "MAX_LIST",
    "MAX_NUMBER",
    "MAX_PERSONS",
    "canonical",
    "closed_body",
    "opened_body",
    "plain",
]


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
        "decision": decision_text(entry.decision),
        "facts": facts_text(entry.facts),
        "findings": findings[:MAX_FINDINGS],
        "findings_total": len(findings),
        "scans": [scan_text(scan) for scan in entry.scans[:MAX_LIST]],
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
        "decision": decision_text(entry.decision),
        "stage": entry.decision.stage.value,
        "model_called": entry.model_called,
        "output_sha256": _code(entry.output_sha256),
        "error": _code(entry.error),
        "ms": _number((entry.at - entry.opened.at) / 1e6),
        "facts": facts_text(entry.facts),
        "findings": findings[:MAX_FINDINGS],
        "findings_total": len(findings),
        "scans": [scan_text(scan) for scan in entry.scans[:MAX_LIST]],
    }
    if commitments is not None:
        body["opened"] = opened_body(entry.opened, commitments)
    return body


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


def _findings(scans: tuple[Scan, ...], behind: tuple[Finding, ...]) -> list[Json]:
    """Every finding once: those behind the decision first, then the rest in order of the scans."""
    every = [*behind, *(finding for scan in scans for finding in scan.findings)]
    found = [*{id(finding): finding for finding in every}.values()]
    return [*map(finding_text, found if len(found) <= 1 else dict.fromkeys(found))]
