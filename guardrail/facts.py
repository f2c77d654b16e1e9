"""What the findings so far amount to: they only ever add up, so no finding makes facts laxer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import get_args

from guardrail.records import (
    FACT_NAMES,
    FactName,
    Facts,
    Finding,
    Kind,
    Minor,
    Person,
    Role,
    Scan,
    Severity,
    Sexual,
)

MINOR_PRESENT = 0.5
_ALL: frozenset[FactName] = frozenset(FACT_NAMES)
_SEVERITIES: Mapping[str, Severity] = {severity.label: severity for severity in Severity}
CORE_FACTS: frozenset[FactName] = frozenset({"sexual", "minor", "persons", "edit"})
assert get_args(FactName) == FACT_NAMES  # noqa: S101  the tuple and the type must not drift


class FactSheet:
    """Facts growing while detectors answer.

    providers: how many detectors bear on each fact. unscanned: facts that nobody can answer for.
    output: whether it is about an output, which may show under any pronoun whom the request only
        mentions: a mention then counts as depicted, whenever it is found.
    """

    def __init__(
        self,
        providers: Mapping[FactName, int],
        unscanned: frozenset[FactName] = frozenset(),
        *,
        output: bool = False,
    ) -> None:
        self._output = output
        self._findings: dict[Finding, None] = {}
        self._providers = providers
        self._pending = dict(providers)
        self._unscanned = unscanned
        self._sexual = Sexual()
        self._minor = Minor()
        self._persons: dict[Person, None] = {}
        self._edits: set[str] = set()
        self._obfuscated: set[str] = set()
        self._labels: set[str] = set()
        self._intent = ("", 0.0)

    def add(self, scan: Scan) -> None:
        """Take in one detector's answer; one that gave none leaves its facts unscanned."""
        for fact in scan.provides:
            self._pending[fact] -= 1
        if scan.unscanned:
            self._unscanned |= scan.provides
        self.extend(scan.findings)

    def extend(self, findings: Iterable[Finding]) -> None:
        """Take in findings."""
        for found in findings:
            finding = _shown(found) if self._output else found
            if finding not in self._findings:
                self._findings[finding] = None
                self._note(finding)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings so far, each once, in the order they came."""
        return tuple(self._findings)

    def reopened(self) -> FactSheet:
        """A sheet that knows all this one does, for the output, of which all are asked again."""
        twin = FactSheet(self._providers, self._unscanned, output=True)
        twin.extend(self.findings)
        return twin

    def give_up(self, facts: frozenset[FactName]) -> None:
        """Mark facts that nobody can answer for after all."""
        self._unscanned |= facts

    def facts(self, *, settled: bool) -> Facts:
        """The facts as they stand; `settled`: nobody else will be asked."""
        return Facts(
            sexual=self._sexual,
            minor=self._minor,
            persons=tuple(self._persons),
            edit_of_photo="photo" in self._edits,
            undress="undress" in self._edits,
            obfuscated=frozenset(self._obfuscated),
            intent=self._intent[0],
            labels=frozenset(self._labels),
            complete=_ALL if settled else self._answered(),
            unscanned=self._unscanned,
        )

    def _answered(self) -> frozenset[FactName]:
        return frozenset(fact for fact in FACT_NAMES if self._pending.get(fact, 0) <= 0)

    def _note(self, finding: Finding) -> None:
        match finding.label:
            case "sexual":
                self._sexual = _more_sexual(self._sexual, finding)
            case "minor":
                if finding.score > self._minor.score:
                    present = finding.score >= MINOR_PRESENT
                    self._minor = Minor(present, finding.score, finding.span)
            case "person":
                self._persons[_person(finding)] = None
            case "edit":
                self._edits.add(finding.value)
            case "obfuscated":
                self._obfuscated.add(finding.value)
            case "intent":
                if finding.score > self._intent[1]:
                    self._intent = (finding.value, finding.score)
            case other:
                self._labels.add(other)


def _more_sexual(known: Sexual, finding: Finding) -> Sexual:
    severity = _SEVERITIES[finding.value or "none"]
    score = max(known.score, finding.score)
    if severity > known.severity or (
        severity == known.severity and finding.score > known.score and finding.span
    ):
        return Sexual(severity, score, finding.span)
    return Sexual(known.severity, score, known.span)


def _shown(finding: Finding) -> Finding:
    mentioned = finding.label == "person" and finding.role is Role.MENTIONED
    return replace(finding, role=Role.DEPICTED) if mentioned else finding


def _person(finding: Finding) -> Person:
    return Person(
        kind=Kind(finding.value),
        role=finding.role or Role.DEPICTED,
        score=finding.score,
        span=finding.span,
        name=finding.name,
        minor=finding.minor,
        protected=finding.protected,
        consented=finding.consented,
    )
