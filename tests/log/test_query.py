"""What the log finds and counts is what a list of all attempts would say."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guardrail.errors import InputError
from guardrail.log import DIMENSIONS, AttemptFilter, Log, Stats, open_log
from guardrail.records import Action, AttemptOpened, Decision, Operation, Outcome
from tests.log.engines import BOTH, Databases, Engine, drop, make, url_of
from tests.log.support import ALLOW, GATE, HOUR, REFUSE, SEXUAL, T0, closed, opened, request

ENGINES = BOTH
Kept: TypeAlias = "Callable[[list[Made]], AbstractContextManager[Log]]"
FIXTURE = [HealthCheck.function_scoped_fixture]  # what it gives keeps nothing between examples
PLACES = ["", "JP", "US", "US-CA", "USX"]
USERS = ["", "u1", "u2"]
DECISIONS: list[Decision] = [
    ALLOW,
    GATE,
    REFUSE,
    replace(ALLOW, rule="label", reason="labelled"),
    replace(REFUSE, rule="minor", reason="minor_sexual"),
]


class Made(NamedTuple):
    """One attempt as it was handed to the log; `final` and `outcome` are None while open."""

    entry: AttemptOpened
    final: Decision | None
    outcome: Outcome | None

    @property
    def decision(self) -> Decision:
        return self.final or self.entry.decision

    @property
    def flagged(self) -> bool:
        return self.entry.flagged or self.decision.action is not Action.ALLOW

    @property
    def place(self) -> str:
        return self.entry.request.caller.jurisdiction.code


@st.composite
def _made(draw: st.DrawFn) -> Made:
    asked = request(
        user=draw(st.sampled_from(USERS)),
        where=draw(st.sampled_from(PLACES)),
        operation=draw(st.sampled_from([Operation.CHAT, Operation.IMAGE_EDIT])),
        conversation=draw(st.sampled_from(["", "c1"])),
    )
    decision = draw(st.sampled_from(DECISIONS))
    facts = SEXUAL if draw(st.booleans()) else None
    at = T0 + draw(st.integers(-3, 3)) * HOUR // 2 + draw(st.integers(0, 1))
    entry = opened(decision, facts, asked=asked, at=at)
    if draw(st.booleans()):
        return Made(entry, None, None)
    worse = [d for d in DECISIONS if d.action >= decision.action]
    return Made(entry, draw(st.sampled_from(worse)), draw(st.sampled_from(Outcome)))


_filters = st.builds(
    AttemptFilter,
    since=st.none() | st.just(T0),
    until=st.none() | st.just(T0 + HOUR),
    action=st.none() | st.sampled_from(Action),
    rule=st.none() | st.sampled_from(["", "minor", "real-person"]),
    reason=st.none() | st.sampled_from(["adult", "minor_sexual"]),
    operation=st.none() | st.sampled_from([Operation.CHAT, Operation.TEXT]),
    jurisdiction=st.none() | st.sampled_from([*PLACES, "us", "%"]),
    tier=st.none() | st.sampled_from(["free", "adult"]),
    user=st.none() | st.sampled_from(["u1", "u3"]),
    conversation=st.none() | st.just("c1"),
    outcome=st.none() | st.sampled_from([*Outcome, "open"]),
    limit=st.none() | st.integers(0, 4),
    newest_first=st.booleans(),
)


def _matches(made: Made, wanted: AttemptFilter) -> bool:
    entry, asked = made.entry, made.entry.request
    place = (wanted.jurisdiction or "").upper()
    ended = "open" if made.outcome is None else made.outcome
    return (
        made.flagged
        and (wanted.since is None or entry.at >= wanted.since)
        and (wanted.until is None or entry.at < wanted.until)
        and wanted.action in {None, made.decision.action}
        and wanted.rule in {None, made.decision.rule}
        and wanted.reason in {None, made.decision.reason}
        and wanted.operation in {None, asked.operation}
        and (
            wanted.jurisdiction is None
            or made.place == place
            or (place != "" and made.place.startswith(f"{place}-"))
        )
        and wanted.tier in {None, asked.caller.tier}
        and wanted.user in {None, asked.caller.id}
        and wanted.conversation in {None, asked.conversation}
        and wanted.outcome in {None, ended}
    )


@pytest.fixture
def kept_as(engine: Engine, databases: Databases) -> Kept:
    """Makes a new log of these attempts."""
    return partial(_log_of, engine, databases)


@contextmanager
def _log_of(engine: Engine, databases: Databases, attempts: list[Made]) -> Iterator[Log]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        path = Path(folder) / "a.db"
        make(path, engine, databases)
        stack.callback(drop, path)
        log = stack.enter_context(open_log(url_of(path)))
        for made in attempts:
            log.open(made.entry)
        for made in attempts:
            if made.final is not None:
                log.close(closed(made.entry, made.outcome, decision=made.final))
        log.flush()
        yield log


@settings(max_examples=25, deadline=None, suppress_health_check=FIXTURE)
@given(attempts=st.lists(_made(), max_size=8), filters=st.lists(_filters, min_size=1, max_size=12))
def test_filters_find_what_a_search_by_hand_finds(
    kept_as: Kept, attempts: list[Made], filters: list[AttemptFilter]
) -> None:
    with kept_as(attempts) as log:
        for wanted in filters:
            hits = [made.entry for made in attempts if _matches(made, wanted)]
            hits.sort(key=lambda entry: (entry.at, entry.id), reverse=wanted.newest_first)
            expected = [entry.id for entry in hits[: wanted.limit]]
            assert [row.id for row in log.attempts(wanted)] == expected


def _key(made: Made, by: tuple[str, ...]) -> tuple[str, ...]:
    caller, kept = made.entry.request.caller, made.flagged
    hour = {-2: "15T22", -1: "15T23", 0: "16T00", 1: "16T01"}[(made.entry.at - T0) // HOUR]
    hour = f"2026-01-{hour}:00Z"
    values: dict[str, str] = {
        "month": hour[:7],
        "day": hour[:10],
        "hour": hour,
        "operation": made.entry.request.operation.value,
        "jurisdiction": made.place,
        "tier": caller.tier,
        "policy": str(made.entry.decision.policy),
        "action": made.decision.action.label,
        "rule": made.decision.rule if kept else "",
        "reason": made.decision.reason if kept else "",
    }
    return tuple(values[name] for name in by)


def _counted(attempts: list[Made]) -> dict[str, int]:
    ends = Counter(made.outcome.value if made.outcome else "unfinished" for made in attempts)
    kept = [made for made in attempts if made.flagged]
    names = {made.entry.request.caller.id for made in kept} - {""}
    outcomes = {outcome.value: ends[outcome.value] for outcome in Outcome}
    return {
        **outcomes,
        "opened": len(attempts),
        "unfinished": ends["unfinished"],
        "flagged": len(kept),
        "users": len(names),
    }


def _numbers(row: Any, names: dict[str, int]) -> dict[str, int]:
    return {name: getattr(row, name) for name in names}


@settings(max_examples=25, deadline=None, suppress_health_check=FIXTURE)
@given(
    attempts=st.lists(_made(), max_size=10),
    by=st.lists(st.sampled_from(DIMENSIONS), max_size=3, unique=True).map(tuple),
    since=st.none() | st.sampled_from([T0, T0 + 1, T0 + HOUR]),
    until=st.none() | st.sampled_from([T0, T0 + 1, T0 + HOUR]),
)
def test_counts_are_those_of_a_count_by_hand(
    kept_as: Kept, attempts: list[Made], by: tuple[str, ...], since: int | None, until: int | None
) -> None:
    first = -1 if since is None else since // HOUR
    last = (1 << 40) if until is None else -(-until // HOUR)
    within = [made for made in attempts if first <= made.entry.at // HOUR < last]
    groups: dict[tuple[str, ...], list[Made]] = {}
    for made in within:
        groups.setdefault(_key(made, by), []).append(made)
    with kept_as(attempts) as log:
        found: Stats = log.stats(since, until, by)
    total = _counted(within)
    assert _numbers(found.total, total) == total
    if by:
        assert [row.key for row in found.rows] == sorted(groups)
        for row in found.rows:
            expected = _counted(groups[row.key])
            assert _numbers(row, expected) == expected
    stopped = Counter(
        made.entry.request.caller.id for made in within if made.decision.action is not Action.ALLOW
    )
    repeats = [name for name, times in stopped.items() if name and times > 1]
    assert found.repeat_users == len(repeats)


def test_an_unknown_dimension_is_refused(kept_as: Kept) -> None:
    with kept_as([]) as log, pytest.raises(InputError, match="known: month, day"):
        log.stats(by=["colour", "day"])


def test_counts_as_json(kept_as: Kept) -> None:
    entry = opened(REFUSE, at=T0 + 5)
    with kept_as([Made(entry, REFUSE, Outcome.REFUSED)]) as log:
        found = log.stats(T0 + 1, T0 + 2, ["day", "action"]).json()
    assert found["since"] == "2026-01-16T00:00:00.000000000Z"
    assert found["until"] == "2026-01-16T01:00:00.000000000Z"
    (row,) = found["rows"]
    assert (row["day"], row["action"], row["refused"], row["unfinished"]) == (
        "2026-01-16",
        "refuse",
        1,
        0,
    )
