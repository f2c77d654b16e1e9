"""Requests put through `guardrail screen`, all facts, and what it answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from guardrail.cli.screener import Settings, engine
from guardrail.errors import InputError
from guardrail.records import Severity

Ask: TypeAlias = Mapping[str, Any]
"""A request as `guardrail screen` reads it, without an id."""


@dataclass(frozen=True, slots=True)
class Name:
    """A personal name that was found: a half-open code-point range, its kind and role."""

    start: int
    end: int
    kind: str
    role: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What one line out says. score: that of `sexual`, [0, 1]."""

    action: str
    reason: str
    severity: Severity
    score: float
    names: tuple[Name, ...]
    policy: str
    detectors: tuple[str, ...]

    @property
    def stopped(self) -> bool:
        """Whether the request did not go on."""
        return self.action != "allow"

    @property
    def nude(self) -> bool:
        """Whether the severity is `nudity` or more."""
        return self.severity >= Severity.NUDITY


def screen(asks: Sequence[Ask], workers: int, tick: Callable[[], None]) -> list[Seen]:
    """Screen each request, in order; `tick` is called after each.

    Raises InputError, naming only numbers, when a line was not read or not fully scanned: figures
    over such answers would mean nothing.
    """
    lines = ((number, _line(number, ask)) for number, ask in enumerate(asks, 1))
    seen: list[Seen] = []
    with engine(Settings(facts="all"), workers) as run:
        for answer in run(lines):
            seen.append(read_answer(json.loads(answer.line)))
            tick()
    return seen


def _line(number: int, ask: Ask) -> bytes:
    return json.dumps({"id": number, **ask}).encode()


def read_answer(answer: Mapping[str, Any]) -> Seen:
    """Read one line out; InputError when it holds an error or something went unscanned."""
    if "error" in answer or answer.get("unscanned") or answer.get("problem"):
        raise InputError(f"request {answer['id']} was not read or not fully scanned")
    return Seen(
        action=answer["action"],
        reason=answer["reason"],
        severity=Severity[answer["sexual"]["severity"].upper()],
        score=float(answer["sexual"]["score"]),
        names=tuple(
            Name(person["start"], person["end"], person["kind"], person["role"])
            for person in answer["persons"]
        ),
        policy=answer["policy"],
        detectors=tuple(sorted(f"{d['name']} {d['version']}" for d in answer["detectors"])),
    )
