"""What a decision rests on and what other callers would get; pure but for the guard's scan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from guardrail.cli.answers import answer, write_line
from guardrail.errors import GuardrailError
from guardrail.records import Caller, Decision, Facts, Finding, Jurisdiction, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from guardrail.guard import Guard
    from guardrail.policy import Policy
    from guardrail.records import Scan
    from guardrail.screening import Screening

SORTS: Mapping[str, Caller] = {
    "free": Caller(),
    "adult tier, age not verified": Caller(tier="adult"),
    "adult tier, age verified": Caller(tier="adult", age_verified=True),
}
PLACES: Mapping[str, str] = {"JP": "JP", "US": "US", "DE": "DE", "unknown": ""}


@dataclass(frozen=True, slots=True)
class MatchedRule:
    """A rule that matches. law: the legal bases it names."""

    id: str
    floor: bool
    law: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A request, its screening, the rules that match, and others' decisions by sort and place."""

    request: Request
    screening: Screening
    rules: tuple[MatchedRule, ...]
    others: Mapping[str, Mapping[str, Decision]]


def explain(guard: Guard, request: Request) -> Explanation:
    """Screen with every detector and judge for other callers as well."""
    screening = guard.screen(request, facts="all")
    bound = guard.policy.bind(request.operation, request.caller)
    named = {rule.id: rule for rule in bound.rules}
    ids = dict.fromkeys((screening.decision.rule, *bound.matching(screening.facts)))
    rules = tuple(
        MatchedRule(name, named[name].floor, named[name].law) for name in ids if name in named
    )
    others = {
        sort: {
            place: _decide(
                guard.policy, replace(request, caller=_in(caller, code)), screening.facts
            )
            for place, code in PLACES.items()
        }
        for sort, caller in SORTS.items()
    }
    return Explanation(request, screening, rules, others)


def _in(caller: Caller, code: str) -> Caller:
    return replace(caller, jurisdiction=Jurisdiction(code))


def _decide(policy: Policy, request: Request, facts: Facts) -> Decision:
    verdict = policy.bind(request.operation, request.caller).judge(facts)
    if not isinstance(verdict, Decision):
        raise GuardrailError(f"the facts {', '.join(verdict.facts)} are still open")
    return verdict


def located(scans: tuple[Scan, ...]) -> list[Finding]:
    """The findings that have a span, in reading order, one for each thing said about it."""
    found = {
        (
            finding.span.part,
            finding.span.start,
            -finding.span.end,
            finding.label,
            finding.value,
        ): finding
        for scan in scans
        for finding in sorted(scan.findings, key=lambda finding: finding.score)
        if finding.span is not None and _says_something(finding)
    }
    return [found[place] for place in sorted(found)]


def _says_something(finding: Finding) -> bool:
    return not (finding.label == "sexual" and finding.value in ("", "none"))


def as_object(explanation: Explanation) -> bytes:
    """The answer line of `guardrail screen` with `rules` and `callers` added."""
    line = answer("check", explanation.screening)
    line["rules"] = [rule.id for rule in explanation.rules]
    line["callers"] = {
        sort: {place: _brief(decision) for place, decision in places.items()}
        for sort, places in explanation.others.items()
    }
    return write_line(line)


def _brief(decision: Decision) -> dict[str, str]:
    return {"action": decision.action.label, "rule": decision.rule, "reason": decision.reason}
