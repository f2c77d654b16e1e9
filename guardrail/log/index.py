"""What an entry is found by, held against what it says: nothing signs these columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from guardrail.log.times import iso

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from guardrail.log.session import Session

_REQUEST = ("operation", "tier", "policy")
_SUBJECT = ("user", "conversation")


def columns(session: Session) -> str:
    """What a Stored is made of: an entry `e` and its attempt `a`."""
    return f"""e.seq, {session.octets("e.body")}, e.attempt, e.event, e.at,
 a.opened_seq, a.closed_seq, a.at, a.operation, a.jurisdiction, a.tier, a.policy, a."user",
 a.conversation, a.stage, a.action, a.rule, a.reason, a.outcome"""


class Stored(NamedTuple):
    """An entry beside the row of `attempts` it is found by; its columns are None without one."""

    seq: int
    body: bytes
    attempt: str
    event: str
    at: int
    opened_seq: int | None
    closed_seq: int | None
    opened_at: int | None
    operation: str | None
    jurisdiction: str | None
    tier: str | None
    policy: str | None
    user: str | None
    conversation: str | None
    stage: str | None
    action: str | None
    rule: str | None
    reason: str | None
    outcome: str | None


def begins_attempt(body: Mapping[str, Any]) -> bool:
    """Whether this entry is the first of its attempt."""
    return event_of(body) == "opened" or (event_of(body) == "closed" and "opened" in body)


def event_of(body: Mapping[str, Any]) -> str:
    """The kind of an entry; entries of schema 1 do not name it."""
    event: str = body.get("event") or ("closed" if "outcome" in body else "opened")
    return event


def differing(stored: Stored, body: Mapping[str, Any], names: tuple[str, str] | None) -> list[str]:
    """Names of the columns that are not what `body` says. Raises what a strange body makes it.

    names: user and conversation, as it commits to them; None: not known.
    """
    event = event_of(body)
    pairs = {"event": (stored.event, event), "at": (iso(stored.at), body["at"])}
    if event not in {"opened", "closed"}:
        return _unequal(pairs | {"attempt": (stored.attempt, body.get("worker", ""))})
    pairs["attempt"] = (stored.attempt, body["id"])
    if stored.opened_at is None:
        return [*_unequal(pairs), "attempts"]
    found = [*_opened(stored, body)] if event == "opened" else [*_closed(stored, body)]
    if begins_attempt(body) and names is not None:
        kept = (stored.user, stored.conversation)
        found += zip(_SUBJECT, zip(kept, names, strict=True), strict=True)
    return _unequal(pairs | dict(found))


def _unequal(pairs: Mapping[str, tuple[object, object]]) -> list[str]:
    return [name for name, (kept, said) in pairs.items() if kept != said]


def _opened(stored: Stored, body: Mapping[str, Any]) -> Iterator[tuple[str, tuple[object, object]]]:
    yield "opened_seq", (stored.opened_seq, stored.seq)
    yield from _request(stored, body)
    if stored.closed_seq is None:
        yield "outcome", (stored.outcome, "")
        yield from _decision(stored, body, body["decision"]["stage"])


def _closed(stored: Stored, body: Mapping[str, Any]) -> Iterator[tuple[str, tuple[object, object]]]:
    yield "closed_seq", (stored.closed_seq, stored.seq)
    yield "outcome", (stored.outcome, body["outcome"])
    yield from _decision(stored, body, body["stage"])
    if "opened" in body:
        yield "opened_seq", (stored.opened_seq, None)
        yield from _request(stored, body["opened"])
    else:
        yield "opened_seq", (0 < (stored.opened_seq or 0) < stored.seq, True)
        yield "opened_at", (iso(stored.opened_at or 0), body["opened_at"])


def _request(
    stored: Stored, body: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[object, object]]]:
    yield "opened_at", (iso(stored.opened_at or 0), body["at"])
    yield "jurisdiction", (stored.jurisdiction, body["jurisdiction"]["code"])
    for name in _REQUEST:
        yield name, (getattr(stored, name), body[name])


def _decision(
    stored: Stored, body: Mapping[str, Any], stage: object
) -> Iterator[tuple[str, tuple[object, object]]]:
    yield "stage", (stored.stage, stage)
    for name in ("action", "rule", "reason"):
        yield name, (getattr(stored, name), body["decision"][name])
