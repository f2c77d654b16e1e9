"""What of an attempt is signed: spans, scores and commitments, never text, ids or their hashes.

Bodies are written as canonical JSON (RFC 8785) at once: names stand in their order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrail.log.fragments import (
    BOOL,
    MAX_LIST,
    code_text,
    decision_text,
    facts_text,
    finding_text,
    number_text,
    quoted,
    said,
    scan_text,
)
from guardrail.log.times import iso

if TYPE_CHECKING:
    from collections.abc import Mapping

    from guardrail.records import (
        AttemptClosed,
        AttemptOpened,
        Finding,
        Jurisdiction,
        Request,
        Scan,
    )

MAX_FINDINGS = 100


def opened_body(entry: AttemptOpened, commitments: Mapping[str, str]) -> str:
    """The input stage of an attempt. Lists are cut at fixed lengths; their totals are not.

    commitments: to what may have to be erased (`guardrail.log.personal`), sorted by name.
    """
    request, decision = entry.request, entry.decision
    caller = request.caller
    findings = _findings(entry.scans, decision.findings)
    opens = ",".join([f'"{name}":"{digest}"' for name, digest in commitments.items()])
    return (
        f'{{"age_verified":{BOOL[caller.age_verified]},"app":{said(caller.app)},'
        f'"at":"{iso(entry.at)}","commitments":{{{opens}}},"decision":{decision_text(decision)},'
        f'"event":"opened","facts":{facts_text(entry.facts)},'
        f'"findings":[{",".join(findings[:MAX_FINDINGS])}],"findings_total":{len(findings)},'
        f'"id":{quoted(entry.id)},"images_total":{len(request.images)},'
        f'"jurisdiction":{_where(caller.jurisdiction)},"model":{said(request.model)},'
        f'"operation":"{request.operation.value}","parts":{_parts(request)},'
        f'"policy":{said(str(decision.policy))},"problem":{said(request.problem)},'
        f'"scans":{_scans(entry.scans)},"tier":{said(caller.tier, 64)}}}'
    )


def closed_body(entry: AttemptClosed, commitments: Mapping[str, str] | None) -> str:
    """The end of an attempt; carries `opened` when only the end made it worth keeping in full.

    commitments: of that opening, None where it was kept before. ms: from opened to closed,
    milliseconds.
    """
    decision, opened = entry.decision, entry.opened
    findings = _findings(entry.scans, decision.findings)
    late = "" if commitments is None else f'"opened":{opened_body(opened, commitments)},'
    return (
        f'{{"at":"{iso(entry.at)}","decision":{decision_text(decision)},'
        f'"error":{code_text(entry.error)},"event":"closed","facts":{facts_text(entry.facts)},'
        f'"findings":[{",".join(findings[:MAX_FINDINGS])}],"findings_total":{len(findings)},'
        f'"id":{quoted(entry.id)},"model_called":{BOOL[entry.model_called]},'
        f'"ms":{number_text((entry.at - opened.at) / 1e6)},{late}'
        f'"opened_at":"{iso(opened.at)}","outcome":"{entry.outcome.value}",'
        f'"output_sha256":{code_text(entry.output_sha256)},"policy":{said(str(decision.policy))},'
        f'"scans":{_scans(entry.scans)},"stage":"{decision.stage.value}"}}'
    )


def _where(where: Jurisdiction) -> str:
    return (
        f'{{"code":{said(where.code, 16)},"confidence":{number_text(where.confidence)},'
        f'"source":{said(where.source, 64)}}}'
    )


def _parts(request: Request) -> str:
    lengths = [len(part.text) for part in request.parts]
    shown = ",".join(map(repr, lengths[-MAX_LIST:]))
    return f'{{"characters":{sum(lengths)},"count":{len(lengths)},"lengths":[{shown}]}}'


def _scans(scans: tuple[Scan, ...]) -> str:
    return f"[{','.join(map(scan_text, scans[:MAX_LIST]))}]"


def _findings(scans: tuple[Scan, ...], behind: tuple[Finding, ...]) -> list[str]:
    """Every finding once: those behind the decision first, then the rest in order of the scans."""
    every = [*behind, *(finding for scan in scans for finding in scan.findings)]
    found = [*{id(finding): finding for finding in every}.values()]
    return [*map(finding_text, found if len(found) <= 1 else dict.fromkeys(found))]
