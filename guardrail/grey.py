"""What the first stage is in doubt of: what the second is asked about, and what is held back.

A finding held back is not withdrawn: it never counted. Its scan keeps it, for the record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from guardrail.detect.second import NAME, Place
from guardrail.facts import CORE_FACTS
from guardrail.records import FACT_NAMES, FactName, Facts, Finding, Role, Scan, Severity, Span

if TYPE_CHECKING:
    from guardrail.detect.base import Detector, Document
    from guardrail.detect.second import SecondOpinion
    from guardrail.detect.second.stage import Asked

FIRST: frozenset[FactName] = frozenset({"sexual", "minor"})
"""Who answers for these is asked before the second stage is."""


def asked_before(second: SecondOpinion | None) -> frozenset[FactName]:
    """Who answers for these is asked before: all, where the answer may not undo a floor."""
    if second is not None and second.keeps_floors and second.settings.may_lower:
        return frozenset(FACT_NAMES)
    return FIRST


_SEVERITIES = {severity.label: severity for severity in Severity}


class Grey:
    """The doubts at one stage of a request.

    alone: whether nothing said before is left out of account.
    open: whether the second stage may still be asked.
    """

    def __init__(self, second: SecondOpinion | None, document: Document, *, alone: bool) -> None:
        self.open = second is not None
        self._before = asked_before(second)
        self._alone = alone
        self._second = second
        self._document = document
        self._places: dict[int, Place] = {}
        self._held: list[Finding] = []

    def take(self, scan: Scan) -> Scan:
        """Note what is in doubt; the scan without what is held back.

        Its spans count from where each part's whole text begins.
        """
        if self._second is None:
            return scan
        doubts = [finding for finding in scan.findings if self._doubtful(finding)]
        for finding in doubts:
            self._note(finding)
        if not self._second.settings.may_lower:
            return scan
        held = [finding for finding in doubts if _may_be_held(finding, scan)]
        self._held += held
        return replace(scan, findings=tuple(f for f in scan.findings if f not in held))

    @property
    def held(self) -> tuple[Finding, ...]:
        """What is held back so far."""
        return tuple(self._held)

    def ready(self, left: Sequence[Detector]) -> bool:
        """Whether the second stage can be asked now; where nothing is in doubt it never will be.

        left: who is still to be asked.
        """
        if not self.open or any(detector.provides & self._before for detector in left):
            return False
        self.open = bool(self._places)
        return self.open

    def pending(self, facts: Facts) -> Facts:
        """The facts with those incomplete that the second stage may still change."""
        return (
            replace(facts, complete=facts.complete - self._bearing(facts)) if self.open else facts
        )

    def _bearing(self, facts: Facts) -> frozenset[FactName]:
        """The facts that the answer may change.

        Whom a sexual turn mentions counts as depicted; where something said before is left out of
        account, such a turn may mean whoever, and whatever, was spoken of there.
        """
        if not self._alone:
            return CORE_FACTS
        found: set[FactName] = {"sexual"}
        if self._second and self._second.tells_minors:
            found.add("minor")
        if any(person.role is Role.MENTIONED for person in facts.persons):
            found.add("persons")
        return frozenset(found)

    def question(self, facts: Facts) -> Asked:
        """What to ask the second stage."""
        if self._second is None:
            raise ValueError("there is no second stage to ask")
        places = [self._places[part] for part in sorted(self._places)]
        return self._second.about(places, self._bearing(facts))

    def settled(self, answer: Scan, *, firm: bool) -> list[Finding]:
        """What was held back and counts for all that: the answer does not lower it.

        firm: whether nothing may be lowered.
        """
        self.open = False
        return [f for f in self._held if firm or not _lowers(answer, f)]

    def unsettled(self) -> list[Finding]:
        """What was held back, where nobody was asked."""
        return self._held if self.open else []

    def _doubtful(self, finding: Finding) -> bool:
        if self._second is None or finding.label != "sexual":
            return False
        return self._second.settings.low <= finding.score <= self._second.settings.high

    def _note(self, finding: Finding) -> None:
        if (span := finding.span) is not None:
            before = self._document.parts[span.part].offset
            here = Span(span.part, span.start - before, span.end - before)
            self._places[span.part] = Place(span.part, here)
            return
        for part in range(self._document.fresh, len(self._document.parts)):
            if self._document.parts[part].text:
                self._places.setdefault(part, Place(part))


def not_asked(second: SecondOpinion) -> Scan:
    """The scan of a second stage that was not asked."""
    return Scan(NAME, second.version, frozenset({"sexual"}), "skipped")


def _may_be_held(finding: Finding, scan: Scan) -> bool:
    """A `nudity` in one place, where its detector sees nobody undressed."""
    undresses = any(f.label == "edit" and f.value == "undress" for f in scan.findings)
    return finding.value == Severity.NUDITY.label and finding.span is not None and not undresses


def _lowers(answer: Scan, finding: Finding) -> bool:
    """Whether the answer calls the finding's part less severe."""
    told = [
        _SEVERITIES[f.value]
        for f in answer.findings
        if f.label == "sexual" and f.span and finding.span and f.span.part == finding.span.part
    ]
    return bool(told) and not answer.unscanned and max(told) < _SEVERITIES[finding.value]
