"""Builds attempts for tests, and reads a log's database without the log."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, TypeAlias

from guardrail.records import (
    Action,
    AttemptClosed,
    AttemptOpened,
    Caller,
    Decision,
    Facts,
    Finding,
    Image,
    Jurisdiction,
    Operation,
    Outcome,
    PolicyRef,
    Request,
    Scan,
    Severity,
    Sexual,
    Span,
    Stage,
    TextPart,
)
from tests.log import engines

held, rows, tamper, url_of = engines.held, engines.rows, engines.tamper, engines.url_of

POLICY = PolicyRef("default", 1, "ab" * 32)
HOUR = 3_600_000_000_000
T0 = 1_768_521_600_000_000_000  # 2026-01-16T00:00:00Z
ROOT = Path(__file__).parents[2]

ALLOW = Decision(Action.ALLOW, "", "allowed", POLICY)
REFUSE = Decision(Action.REFUSE, "real-person", "real_person_sexual", POLICY)
GATE = Decision(Action.GATE, "adult-content", "adult", POLICY)
SEXUAL = Facts(sexual=Sexual(Severity.NUDITY, 0.97, Span(0, 0, 4)))

Daemon: TypeAlias = subprocess.Popen[str]


def request(
    prompt: str = "a garden in autumn", user: str = "u1", where: str = "JP", **fields: Any
) -> Request:
    caller = Caller(id=user, jurisdiction=Jurisdiction(where, "billing"), app="studio")
    return Request(
        fields.pop("operation", Operation.IMAGE_GENERATE),
        (TextPart("be kind", role="system"), TextPart(prompt)),
        caller=caller,
        **fields,
    )


def opened(decision: Decision = ALLOW, facts: Facts | None = None, **fields: Any) -> AttemptOpened:
    extra = {name: fields.pop(name) for name in ("id", "at") if name in fields}
    asked = fields.pop("asked", None) or request(**fields)
    known = facts or (Facts() if decision.action is Action.ALLOW else SEXUAL)
    return AttemptOpened(asked, decision, known, (scan(),), **extra)


def closed(entry: AttemptOpened, outcome: Outcome | None = None, **fields: Any) -> AttemptClosed:
    ends = {Action.REFUSE: Outcome.REFUSED, Action.GATE: Outcome.GATED}
    decision = fields.pop("decision", entry.decision)
    facts = fields.pop("facts", entry.facts)
    outcome = outcome or ends.get(decision.action, Outcome.RELEASED)
    fields.setdefault("at", entry.at + 2_500_000)
    return AttemptClosed(entry, outcome, decision, facts, **fields)


def scan() -> Scan:
    seen = Finding(
        detector="sexual.lexicon",
        version="1",
        label="sexual",
        value="nudity",
        span=Span(1, 2, 8),
        score=0.97,
    )
    return Scan("sexual.lexicon", "1", frozenset({"sexual"}), "ok", (seen,), 0.05)


def output_refusal() -> Decision:
    return Decision(Action.REFUSE, "real-person", "real_person_sexual", POLICY, Stage.OUTPUT)


def picture(data: bytes = b"picture") -> Image:
    return Image(data)


def python(code: str, *args: str, **options: Any) -> subprocess.Popen[str]:
    """Start a process that runs `code` with this repository on its path."""
    command = [sys.executable, "-W", "error", "-c", code, *args]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def stop(daemon: Daemon) -> None:
    daemon.send_signal(signal.SIGTERM)
    _, errors = daemon.communicate(timeout=60)
    assert (daemon.returncode, errors) == (0, "")
