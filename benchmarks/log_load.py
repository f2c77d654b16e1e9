"""What the benchmark of the attempt log writes, and how it counts."""

from __future__ import annotations

import time
from dataclasses import dataclass

import apsw

from guardrail.log.sqlite.database import Database
from guardrail.records import (
    Action,
    AttemptOpened,
    Caller,
    Decision,
    Facts,
    Finding,
    Jurisdiction,
    Operation,
    PolicyRef,
    Request,
    Scan,
    Severity,
    Sexual,
    Span,
)

IN_FLIGHT = 64
VARIANTS = 512
POLICY = PolicyRef("default", 1, "ab" * 32)
SEASONS = ("spring", "summer", "autumn", "winter")


@dataclass(frozen=True, slots=True)
class Job:
    """What one process does. delay: seconds added to every commit."""

    url: str
    kind: str
    way: str
    seconds: float
    delay: float


@dataclass(frozen=True, slots=True)
class Result:
    """times: seconds of each acknowledgement, sorted; rows: written in `seconds` altogether."""

    rows: int
    seconds: float
    times: list[float]

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds

    def at(self, quantile: float) -> float:
        """Milliseconds that this share of the acknowledgements stayed below."""
        return self.times[min(len(self.times) - 1, int(len(self.times) * quantile))] * 1e3


class Load:
    """Attempts of one kind, by different callers with different prompts and scores."""

    def __init__(self, kind: str) -> None:
        make = {"flagged": _flagged, "plain": _plain}[kind]
        self._made = [(_request(n), *make(n)) for n in range(VARIANTS)]
        self._next = 0

    def next(self) -> AttemptOpened:
        """A new attempt."""
        self._next += 1
        return AttemptOpened(*self._made[self._next % VARIANTS])


def delay_commits(seconds: float) -> None:
    """Make every commit of this process's logs take that much longer."""
    if not seconds:
        return
    count = Database.count_pages

    def later(self: Database, connection: apsw.Connection, name: str, pages: int) -> int:
        time.sleep(seconds)
        return count(self, connection, name, pages)

    Database.count_pages = later  # type: ignore[method-assign,assignment]


def _request(n: int) -> Request:
    caller = Caller(id=f"u{n}", jurisdiction=Jurisdiction("JP", "billing"), app="studio")
    prompt = f"a garden in {SEASONS[n % 4]}, picture {n} " * 6
    return Request.of(prompt, Operation.IMAGE_GENERATE, caller=caller)


def _scans(n: int, found: tuple[Finding, ...]) -> tuple[Scan, ...]:
    quiet = [
        Scan(f"{name}.lexicon", "1", frozenset({"persons"}), "ok", (), (n % 100) / 700)
        for name in ("person", "minor", "intent")
    ]
    return (Scan("sexual.lexicon", "1", frozenset({"sexual"}), "ok", found, n / 3000), *quiet)


def _flagged(n: int) -> tuple[Decision, Facts, tuple[Scan, ...]]:
    score = round(0.5 + n / 1100, 3)
    seen = Finding(
        detector="sexual.lexicon",
        version="1",
        label="sexual",
        value="nudity",
        span=Span(0, 2, 8 + n % 9),
        score=score,
    )
    decision = Decision(
        Action.REFUSE,
        "real-person",
        "real_person_sexual",
        POLICY,
        rules=("real-person",),
        law=("JP: portrait right", "EU: AI Act Art. 5"),
        findings=(seen,),
    )
    facts = Facts(
        sexual=Sexual(Severity.NUDITY, score, seen.span),
        complete=frozenset({"sexual", "minor", "persons"}),
    )
    return decision, facts, _scans(n, (seen,))


def _plain(n: int) -> tuple[Decision, Facts, tuple[Scan, ...]]:
    return Decision(Action.ALLOW, "", "allowed", POLICY), Facts(), _scans(n, ())
