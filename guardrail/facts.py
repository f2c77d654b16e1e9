"""What the findings so far amount to: they only ever add up, so no finding makes facts laxer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import get_args

from guardrail.detect.turns import WHOLE, Thread
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
_PEOPLE = frozenset({"person", "minor"})
_CARRIED = _PEOPLE | {"sexual", "edit"}
_ALL: frozenset[FactName] = frozenset(FACT_NAMES)
_SEVERITIES: Mapping[str, Severity] = {severity.label: severity for severity in Severity}
CORE_FACTS: frozenset[FactName] = frozenset({"sexual", "minor", "persons", "edit"})
assert get_args(FactName) == FACT_NAMES  # noqa: S101  the tuple and the type must not drift


@dataclass(frozen=True, slots=True)
class Carried:
    """What earlier requests of a conversation amounted to: findings without their places.

    thread: of the request before and those it leaned on. older: of everything before that.
    own: whether that thread began with a subject of its own.
    """

    thread: tuple[Finding, ...] = ()
    older: tuple[Finding, ...] = ()
    own: bool = False

    def __bool__(self) -> bool:
        return bool(self.thread or self.older or self.own)


_NOTHING = Carried()
_NOT_SEXUAL, _NO_MINOR = Sexual(), Minor()
_NONE: frozenset[str] = frozenset()


class FactSheet:
    """Facts growing while detectors answer.

    Whom a turn mentions that is itself suggestive or more counts as depicted.

    providers: how many detectors bear on each fact. unscanned: facts that nobody can answer for.
    thread: what the newest turn builds on; the rest counts again where that turn, sexual and
        without a subject of its own, may mean whoever was spoken of there.
    carried: what the conversation amounted to before this request.
    output: whether it is about an output, which may show under any pronoun whom the request only
        mentions: a mention then counts as depicted, whenever it is found.
    """

    def __init__(
        self,
        providers: Mapping[FactName, int],
        unscanned: frozenset[FactName] = frozenset(),
        *,
        thread: Thread = WHOLE,
        carried: Carried = _NOTHING,
        output: bool = False,
    ) -> None:
        self._output = output
        self._thread = thread
        self._carried = carried
        self._own = thread.own or (thread.open and not thread.far and carried.own)
        self._findings: dict[Finding, None] = {}
        self._providers = providers
        self._pending = dict(providers)
        self._open = set(providers)
        self._unscanned = unscanned
        self._bystanders: dict[Person, None] = {}
        self._said = _Sum()
        self._meant = _Sum() if thread.released or carried else self._said
        self._newest = _Sum() if thread.newest or carried else self._meant
        self._recall(carried)

    def add(self, scan: Scan) -> None:
        """Take in one detector's answer; one that gave none leaves its facts unscanned."""
        for fact in scan.provides:
            self._pending[fact] -= 1
            if not self._pending[fact]:
                self._open.discard(fact)
        if scan.unscanned:
            self._unscanned |= scan.provides
        self.extend(scan.findings)

    def extend(self, findings: Iterable[Finding]) -> None:
        """Take in findings."""
        for found in findings:
            finding = _shown(found) if self._output else found
            known = len(self._findings)
            self._findings[finding] = None
            if len(self._findings) > known:
                self._note(finding)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings so far, each once, in the order they came."""
        return tuple(self._findings)

    @property
    def counted(self) -> tuple[Finding, ...]:
        """The findings so far that the facts are made of."""
        everything = self._counts is self._said
        return tuple(
            finding
            for finding in self._findings
            if not self._unsaid(finding) and (everything or not self._released(finding))
        )

    @property
    def alone(self) -> bool:
        """Whether nothing said before is left out of account."""
        return self._meant is self._said

    @property
    def tells_of_minors(self) -> bool:
        """Whether anything at all, however faint or long ago, speaks of a minor, or may."""
        known = (*self._findings, *self._carried.thread, *self._carried.older)
        return "minor" in self._unscanned or any(f.label == "minor" or f.minor for f in known)

    def reopened(self) -> FactSheet:
        """A sheet that knows all this one does, for the output, of which all are asked again."""
        twin = FactSheet(
            self._providers,
            self._unscanned,
            thread=self._thread,
            carried=self._carried,
            output=True,
        )
        twin.extend(self.findings)
        return twin

    def supposing(self, findings: Iterable[Finding]) -> FactSheet:
        """A sheet that knows all this one does and these findings, once everybody was asked."""
        twin = FactSheet(
            self._providers,
            self._unscanned,
            thread=self._thread,
            carried=self._carried,
            output=self._output,
        )
        twin.extend((*self.findings, *findings))
        return twin

    def carry(self, *, made: bool) -> Carried:
        """What the next request of the conversation may lean on.

        made: whether this request was let through; of one that was not, only people are kept.
        """
        everything, before = self._counts is self._said, self._carried
        meant = self.counted
        released = [f for f in self._findings if self._released(f) and not self._unsaid(f)]
        goes_on = everything or self._thread.open
        thread = before.thread if goes_on else ()
        older = before.older if everything or self._thread.far else ()
        return Carried(
            _placeless([*thread, *older, *meant], made=made),
            _placeless([*before.thread, *before.older, *released], made=True),
            self._own and not everything,
        )

    def _recall(self, carried: Carried) -> None:
        for known, meant in (
            (carried.thread, self._thread.open),
            (carried.older, self._thread.far),
        ):
            for found in known:
                finding = _shown(found) if self._output and meant else found
                self._said.note(finding)
                if meant and self._meant is not self._said:
                    self._meant.note(finding)

    def give_up(self, facts: frozenset[FactName]) -> None:
        """Mark facts that nobody can answer for after all."""
        self._unscanned |= facts

    def facts(self, *, settled: bool) -> Facts:
        """The facts as they stand; `settled`: nobody else will be asked."""
        counts, said = self._counts, self._said
        return Facts(
            sexual=counts.sexual,
            minor=counts.minor,
            persons=self._persons(),
            edit_of_photo="photo" in counts.edits,
            undress="undress" in counts.edits,
            obfuscated=frozenset(said.obfuscated) if said.obfuscated else _NONE,
            intent=said.intent[0],
            labels=frozenset(said.labels) if said.labels else _NONE,
            complete=_ALL if settled else _ALL - self._open,
            unscanned=self._unscanned,
        )

    @property
    def _counts(self) -> _Sum:
        if self._meant is self._said:
            return self._said
        means_anyone = self._meant.asks_for_skin and not self._own
        return self._said if means_anyone else self._meant

    def _persons(self) -> tuple[Person, ...]:
        """Everybody spoken of: released ones as mentioned, those a turn turns to as depicted."""
        if not self._said.persons:
            return tuple(self._bystanders)
        everybody, taken_up = self._counts is self._said, self._newest.asks_for_skin
        persons = (
            _cast(person, meant=everybody or person in self._meant.persons, taken_up=taken_up)
            for person in self._said.persons
        )
        return (*dict.fromkeys(persons), *self._bystanders)

    def _released(self, finding: Finding) -> bool:
        return finding.span is not None and finding.span.part in self._thread.released

    def _unsaid(self, finding: Finding) -> bool:
        """Whether it only shows what shall not be done."""
        thread, part = self._thread, finding.span.part if finding.span else -1
        return part in thread.forbidding or (part in thread.declining and finding.label != "person")

    def _note(self, finding: Finding) -> None:
        if self._unsaid(finding):
            if finding.label == "person":
                self._bystanders[replace(_person(finding), role=Role.MENTIONED)] = None
            return
        self._said.note(finding)
        if self._meant is not self._said and not self._released(finding):
            self._meant.note(finding)
        if self._newest is not self._meant and (
            finding.span is None or finding.span.part >= self._thread.newest
        ):
            self._newest.note(finding)


class _Sum:
    """What some findings amount to."""

    __slots__ = ("edits", "intent", "labels", "minor", "obfuscated", "persons", "sexual")

    def __init__(self) -> None:
        self.sexual = _NOT_SEXUAL
        self.minor = _NO_MINOR
        self.persons: dict[Person, None] = {}
        self.edits: set[str] = set()
        self.obfuscated: set[str] = set()
        self.labels: set[str] = set()
        self.intent = ("", 0.0)

    @property
    def asks_for_skin(self) -> bool:
        """Whether something suggestive or more is asked for, or an undressing."""
        return self.sexual.severity >= Severity.SUGGESTIVE or "undress" in self.edits

    def note(self, finding: Finding) -> None:
        match finding.label:
            case "sexual":
                self.sexual = _more_sexual(self.sexual, finding)
            case "minor":
                if finding.score > self.minor.score:
                    present = finding.score >= MINOR_PRESENT
                    self.minor = Minor(present, finding.score, finding.span)
            case "person":
                self.persons[_person(finding)] = None
            case "edit":
                self.edits.add(finding.value)
            case "obfuscated":
                self.obfuscated.add(finding.value)
            case "intent":
                if finding.score > self.intent[1]:
                    self.intent = (finding.value, finding.score)
            case other:
                self.labels.add(other)


def _placeless(findings: Iterable[Finding], *, made: bool) -> tuple[Finding, ...]:
    """The findings a later request may lean on, alike ones once."""
    kept = _CARRIED if made else _PEOPLE
    return tuple(
        dict.fromkeys(
            replace(finding, span=None, score=_carried_score(finding), name=False)
            for finding in findings
            if finding.label in kept
        )
    )


def _carried_score(finding: Finding) -> float:
    return int(finding.score * 10) / 10


def _cast(person: Person, *, meant: bool, taken_up: bool) -> Person:
    if not meant and person.role is Role.DEPICTED:
        return replace(person, role=Role.MENTIONED)
    if meant and taken_up and person.role is Role.MENTIONED:
        return replace(person, role=Role.DEPICTED)
    return person


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
