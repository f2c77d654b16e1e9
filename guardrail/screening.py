"""One stage of a request: ask detectors, the most telling first, until the policy can decide."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from guardrail.detect.base import Detector, Document
from guardrail.detect.intake import check_images
from guardrail.detect.second import NAME as SECOND
from guardrail.detect.turns import WHOLE, latest_thread
from guardrail.facts import CORE_FACTS, Carried, FactSheet
from guardrail.grey import Grey, asked_before, not_asked
from guardrail.policy import Policy
from guardrail.records import (
    Action,
    Caller,
    Decision,
    FactName,
    Facts,
    Finding,
    Output,
    Request,
    Scan,
    Stage,
    TextPart,
)

if TYPE_CHECKING:
    from guardrail.detect.second import SecondOpinion
    from guardrail.policy import BoundPolicy
    from guardrail.policy.rule import Rule

TRIVIAL_US = 5.0
"""Detectors up to this cost are asked along with another: judging again would cost more."""


@dataclass(frozen=True, slots=True)
class AskDetector:
    """Effect: let this detector read this document; answered with its Scan, never an exception.

    limit: seconds it may take; None: as the policy says of every detector.
    """

    detector: Detector
    document: Document
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Recall:
    """Effect: what earlier requests of this one's conversation amounted to; answered with it."""

    request: Request


@dataclass(frozen=True, slots=True)
class Keep:
    """Effect: remember what the conversation of this request amounts to; answered with None."""

    request: Request
    carried: Carried


_Detectors = tuple[Detector, ...]
ScreeningEffect = AskDetector | Recall | Keep
Scanning = Generator[ScreeningEffect, Any, "StageResult"]


@dataclass(frozen=True, slots=True)
class Screening:
    """A stage's result.

    problem: why it could not be read in full; empty when it could.
    ms: wall time, milliseconds.
    """

    decision: Decision
    facts: Facts
    scans: tuple[Scan, ...]
    ms: float
    problem: str = ""


@dataclass(frozen=True, slots=True)
class StageResult:
    """A stage's result with what the next stage builds on."""

    screening: Screening
    sheet: FactSheet
    asked: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Turn:
    """What one stage works on; `seen`: the part from which a detector has not read yet."""

    caller: Caller
    stage: Stage
    document: Document
    sheet: FactSheet
    askable: tuple[Detector, ...]
    seen: dict[str, int]
    problem: str


class Screener:
    """A policy and the detectors it can ask: knows no effects, logs nothing, keeps nothing.

    second: asked where the others are in doubt of something sexual.
    """

    def __init__(
        self,
        policy: Policy,
        detectors: Sequence[Detector],
        second: SecondOpinion | None = None,
    ) -> None:
        self.policy = policy
        self.detectors = tuple(sorted(detectors, key=lambda detector: detector.cost))
        self._providers = Counter[FactName](
            fact for detector in self.detectors for fact in detector.provides
        )
        self._absent = frozenset((CORE_FACTS | policy.facts.keys()) - self._providers.keys())
        self._worth = {
            detector.name: sum(policy.facts.get(fact, 0) for fact in detector.provides)
            / max(detector.cost, TRIVIAL_US)
            for detector in self.detectors
        }
        self._skipped = {
            detector.name: Scan(detector.name, detector.version, detector.provides, "skipped")
            for detector in self.detectors
        }
        self._next: dict[tuple[tuple[int, ...], tuple[FactName, ...]], _Detectors] = {}
        self._rest: dict[tuple[tuple[int, ...], tuple[int, ...]], _Detectors] = {}
        self._second = second
        self._first = asked_before(second)
        self._floors = _floors(policy) if second and second.keeps_floors else None
        if second is not None:
            self._skipped[SECOND] = not_asked(second)

    def request(self, request: Request, *, everything: bool = False) -> Scanning:
        """Screen the input stage; `everything` asks every detector whether needed or not."""
        problem = request.problem or self._over_limits(request)
        unscanned = self._absent | CORE_FACTS if problem else self._absent
        document = Document(request)
        too_long = self._too_long(request.parts)
        carried: Carried = (yield Recall(request)) if request.conversation else Carried()
        thread = WHOLE if too_long else latest_thread(document, continued=bool(carried))
        sheet = FactSheet(self._providers, unscanned, thread=thread, carried=carried)
        askable = () if too_long else self.detectors
        turn = _Turn(request.caller, Stage.INPUT, document, sheet, askable, {}, problem)
        result = yield from self._screen(turn, everything=everything)
        if request.conversation:
            made = result.screening.decision.action is Action.ALLOW
            yield Keep(request, sheet.carry(made=made))
        return result

    def output(
        self, request: Request, output: Output, before: StageResult, stage: Stage
    ) -> Scanning:
        """Screen what came back, on top of what the request itself amounted to."""
        sheet = before.sheet.reopened()
        askable: tuple[Detector, ...] = self.detectors
        problem = output.problem or self._too_long(output.parts)
        if problem:
            sheet.give_up(CORE_FACTS)
            askable = ()
        document = Document(request, output)
        seen = dict.fromkeys(before.asked, len(request.parts))
        turn = _Turn(request.caller, stage, document, sheet, askable, seen, problem)
        return self._screen(turn)

    def _screen(self, turn: _Turn, *, everything: bool = False) -> Scanning:
        started = time.perf_counter()
        document, sheet = turn.document, turn.sheet
        bound = self.policy.bind(document.operation, turn.caller)
        scans: dict[str, Scan] = dict(self._skipped)
        left = turn.askable
        batch = left if everything else ()
        grey = Grey(self._second if left else None, document, alone=sheet.alone)
        while True:
            for detector in batch:
                fresh = document.since(turn.seen.get(detector.name, 0))
                scan = _rebased((yield AskDetector(detector, fresh)), document)
                scans[detector.name] = scan
                sheet.add(grey.take(scan))
            if batch:
                left = self._without(left, batch)
            if grey.ready(left) and (everything or not batch):
                scans[SECOND] = yield from self._consult(turn, grey, settled=not left)
            facts = grey.pending(sheet.facts(settled=not left))
            verdict = bound.judge(facts, turn.stage)
            if isinstance(verdict, Decision):
                break
            batch = self._most_telling(left, verdict.facts)
        if unsettled := grey.unsettled():
            sheet.extend(unsettled)
            facts = grey.pending(sheet.facts(settled=not left))
        decision = verdict
        if decision.action is not Action.ALLOW:
            decision = _with_findings(decision, sheet.counted, bound)
        asked = frozenset(d.name for d in turn.askable if scans[d.name].status != "skipped")
        ms = (time.perf_counter() - started) * 1e3
        screening = Screening(decision, facts, tuple(scans.values()), ms, turn.problem)
        return StageResult(screening, sheet, asked | turn.seen.keys())

    def _consult(
        self, turn: _Turn, grey: Grey, *, settled: bool
    ) -> Generator[ScreeningEffect, Any, Scan]:
        """Ask the second stage, and settle what was held back."""
        sheet = turn.sheet
        firm = sheet.tells_of_minors or self._on_a_floor(turn, grey)
        question = grey.question(sheet.facts(settled=settled))
        answer = yield AskDetector(question, turn.document, question.limit)
        scan = _rebased(answer, turn.document)
        if scan.unscanned:
            sheet.give_up(scan.provides)
        sheet.extend((*scan.findings, *grey.settled(scan, firm=firm)))
        return scan

    def _on_a_floor(self, turn: _Turn, grey: Grey) -> bool:
        """Whether a floor refuses what is held back."""
        if self._floors is None or not grey.held:
            return False
        facts = turn.sheet.supposing(grey.held).facts(settled=True)
        verdict = self._floors.bind(turn.document.operation, turn.caller).judge(facts, turn.stage)
        return not isinstance(verdict, Decision) or verdict.action is not Action.ALLOW

    def _most_telling(self, left: _Detectors, needed: tuple[FactName, ...]) -> _Detectors:
        """The detector most rules wait for, by its cost, and the trivial ones they wait for.

        Where all of them were asked, those that the second stage waits for, if any.
        """
        key = tuple(map(id, left)), needed
        found = self._next.get(key)
        if found is None:
            found = self._next[key] = tuple(self._worthiest(left, frozenset(needed)))
        return found

    def _worthiest(self, left: _Detectors, needed: frozenset[FactName]) -> list[Detector]:
        useful = [detector for detector in left if detector.provides & needed]
        if not useful:
            return [detector for detector in left if detector.provides & self._first]
        best = max(useful, key=lambda detector: self._worth[detector.name])
        return [d for d in useful if d is best or d.cost <= TRIVIAL_US]

    def _without(self, left: _Detectors, asked: _Detectors) -> _Detectors:
        if left is asked:
            return ()
        key = tuple(map(id, left)), tuple(map(id, asked))
        rest = self._rest.get(key)
        if rest is None:
            rest = self._rest[key] = tuple(d for d in left if d not in asked)
        return rest

    def _over_limits(self, request: Request) -> str:
        limits = self.policy.limits
        return self._too_long(request.parts) or check_images(
            request.images, max_images=limits.images, max_bytes=limits.image_bytes
        )

    def _too_long(self, parts: Sequence[TextPart]) -> str:
        total = sum(len(part.text) for part in parts)
        limit = self.policy.limits.text_chars
        return f"the text is longer than {limit} characters" if total > limit else ""


def _floors(policy: Policy) -> Policy:
    """The same policy with nothing but its floors."""
    overlays = tuple((code, _only_floors(rules)) for code, rules in policy.overlays)
    return replace(policy, rules=_only_floors(policy.rules), overlays=overlays)


def _only_floors(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    return tuple(rule for rule in rules if rule.floor)


def _rebased(scan: Scan, document: Document) -> Scan:
    """Spans count from where a window's text really begins."""
    if document.stage is Stage.INPUT or not scan.findings:
        return scan
    shifted = (finding.shifted(document.parts) for finding in scan.findings)
    return replace(scan, findings=tuple(shifted))


def _with_findings(decision: Decision, findings: Sequence[Finding], bound: BoundPolicy) -> Decision:
    if not findings:
        return decision
    labels = bound.labels_of(decision.rule)
    behind = tuple(finding for finding in findings if finding.label in labels)
    return replace(decision, findings=behind)
