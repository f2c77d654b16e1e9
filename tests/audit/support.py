"""A log with made-up traffic, and packs built of it."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from guardrail.audit.build import Built, Order, build
from guardrail.audit.source import Source
from guardrail.log import Log, locate, open_log
from guardrail.policy import load_policy
from guardrail.policy.digest import effective
from guardrail.records import (
    Action,
    AttemptClosed,
    AttemptOpened,
    Caller,
    Decision,
    Facts,
    Jurisdiction,
    Kind,
    Minor,
    Operation,
    Outcome,
    Person,
    PolicyRef,
    Request,
    Role,
    Scan,
    Severity,
    Sexual,
    TextPart,
)
from guardrail.records.attempt import new_id
from guardrail.records.finding import ScanStatus

DAY = 86_400_000_000_000
T0 = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z
OLD, NEW = (PolicyRef("default", version, digit * 64) for version, digit in ((1, "a"), (2, "b")))
TEXT = "a garden in autumn"
LAW = ("JP: portrait right", "EU: AI Act Art. 5", "US: TAKE IT DOWN Act")
REAL = Facts(
    Sexual(Severity.NUDITY, 0.9), persons=(Person(Kind.PUBLIC, Role.DEPICTED, 0.9),), undress=True
)
CASES: tuple[tuple[str, Action, str, str, Facts, Outcome], ...] = (
    ("real", Action.REFUSE, "real-person", "real_person_sexual", REAL, Outcome.REFUSED),
    (
        "minor",
        Action.REFUSE,
        "minor-sexual",
        "minor_sexual",
        Facts(Sexual(Severity.SUGGESTIVE, 0.8), Minor(True, 0.9)),
        Outcome.REFUSED,
    ),
    (
        "gated",
        Action.GATE,
        "adult-content",
        "subscription_required",
        Facts(Sexual(Severity.NUDITY, 0.9)),
        Outcome.GATED,
    ),
    (
        "unscanned",
        Action.REFUSE,
        "on-error",
        "unscanned",
        Facts(unscanned=frozenset({"persons"})),
        Outcome.REFUSED,
    ),
    (
        "failed",
        Action.ALLOW,
        "",
        "allowed",
        Facts(Sexual(Severity.SUGGESTIVE, 0.4)),
        Outcome.FAILED,
    ),
    *(("plain", Action.ALLOW, "", "allowed", Facts(), Outcome.RELEASED),) * 4,
)


def attempt(at: int, case: int, policy: PolicyRef = OLD, **caller: Any) -> AttemptOpened:
    """An attempt of one kind. caller: user, where, tier, operation."""
    _, action, rule, reason, facts, _ = CASES[case]
    asked = Request(
        caller.get("operation", Operation.IMAGE_GENERATE),
        (TextPart(TEXT),),
        caller=Caller(
            caller.get("user", "u1"),
            caller.get("tier", "free"),
            jurisdiction=Jurisdiction(caller.get("where", "JP"), "billing"),
        ),
    )
    law = LAW if rule == "real-person" else ()
    decision = Decision(action, rule, reason, policy, law=law, rules=(rule,) if rule else ())
    status: ScanStatus = "timeout" if facts.unscanned else "ok"
    scans = (
        Scan("persons.names", "3", frozenset({"persons"}), status, (), 0.2),
        Scan("sexual.lexicon", "1", frozenset({"sexual"}), "ok", (), 0.1),
    )
    return AttemptOpened(asked, decision, facts, scans, new_id(at), at)


def ended(opened: AttemptOpened, case: int, ms: float = 2.5) -> AttemptClosed:
    """The end of an attempt."""
    outcome = CASES[case][5]
    called = outcome in {Outcome.RELEASED, Outcome.FAILED}
    error = "APITimeoutError" if outcome is Outcome.FAILED else ""
    at = opened.at + int(ms * 1e6)
    decision, facts = opened.decision, opened.facts
    return AttemptClosed(opened, outcome, decision, facts, opened.scans, called, "", error, at)


def traffic(log: Log, number: int = 180, seed: int = 1) -> None:
    """Attempts over twenty days of January 2026, the second half under another policy."""
    chance = random.Random(seed)  # noqa: S311 (made-up traffic, the same each time)
    for index in range(number):
        at = T0 + index * 20 * DAY // number + chance.randrange(10**9)
        case = chance.randrange(len(CASES))
        opened = attempt(
            at,
            case,
            OLD if at < T0 + 10 * DAY else NEW,
            user=f"u{chance.randrange(12)}",
            where=chance.choice(["JP", "JP", "JP-13", "US-CA", "DE", ""]),
            tier=chance.choice(["free", "free", "adult"]),
            operation=chance.choice([Operation.IMAGE_GENERATE, Operation.IMAGE_EDIT]),
        )
        log.open(opened)
        if index % 45 != 44:
            log.close(ended(opened, case, 1.0 + index % 50))


def policies(log: Log) -> None:
    """What two policies say, as entries."""
    for name, ref in (("default", OLD), ("japan", NEW)):
        fields = {"policy": str(ref), "name": ref.name, "version": ref.version}
        more = {"digest": ref.digest, "whole": True, "text": effective(load_policy(name))}
        log.record("policy", {**fields, **more})


def new_log(path: Path, *, number: int = 180, told: bool = False) -> str:
    """A log with traffic; its URL. told: with entries about the policies."""
    url = f"sqlite:///{path}?excerpt=200"
    with open_log(url) as log:
        if told:
            policies(log)
        traffic(log, number)
    return url


def inquiry(folder: Path, **changed: Any) -> Path:
    """An inquiry's file. A field of None is left out."""
    fields: dict[str, Any] = {
        "inquiry": 1,
        "template": "cabinet-office-jp",
        "authority": {"en": "Cabinet Office", "ja": "内閣府"},
        "reference": "R-12",
        "received": "2026-01-22",
        "due": "2026-02-05",
        "languages": ["en"],
        "scope": {
            "since": "2026-01-01",
            "until": "2026-01-21",
            "utc_offset": 0,
            "jurisdictions": ["JP"],
        },
        "contact": {"organisation": "Example, Inc."},
        "questions": [
            {
                "id": "Q1",
                "text": {"en": "How many?", "ja": "何件ですか。"},
                "answer": "{{ refused }} of {{ attempts }}",
                "sections": ["rules", "summary"],
            }
        ],
        "samples": 6,
    }
    fields |= changed
    kept = {name: value for name, value in fields.items() if value is not None}
    path = folder / "inquiry.yaml"
    path.write_text(yaml.safe_dump(kept, allow_unicode=True, sort_keys=False), "utf-8")
    return path


def built(path: Path, url: str, out: Path, **order: Any) -> Built:
    """Build the pack."""
    source = Source(locate(url))
    try:
        return build(replace(Order(path, out), **order), source)
    finally:
        source.close()
