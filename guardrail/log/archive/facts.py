"""What an entry says of its attempt: the columns that archived attempts are found and counted by.

They are made from the entries alone, so that whoever has the entries can make them again. From
schema 3 on these only commit to pseudonyms, so that an archive holds nothing that would have to be
erased from it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from guardrail.log.index import event_of
from guardrail.log.times import SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECONDS = len("2026-01-16T09:00:00")
_FRACTION = slice(_SECONDS + 1, -1)


class First(NamedTuple):
    """An attempt as its first entry has it. opened_seq: None where only its end was kept."""

    attempt: str
    opened_seq: int | None
    at: int
    operation: str
    jurisdiction: str
    tier: str
    policy: str
    user: str
    conversation: str
    stage: str
    action: str
    rule: str
    reason: str


class End(NamedTuple):
    """How an attempt ended. closed_at: ns since the epoch, UTC."""

    attempt: str
    closed_seq: int
    closed_at: int
    stage: str
    action: str
    rule: str
    reason: str
    outcome: str


def facts_of(seq: int, body: Mapping[str, Any]) -> tuple[First | None, End | None]:
    """What entry `seq` says; nothing for those that are not of attempts.

    Raises KeyError, TypeError, ValueError and AttributeError for a body that no log wrote.
    """
    event = event_of(body)
    if event == "opened":
        return _first(seq, body), None
    if event != "closed":
        return None, None
    first = _first(None, body["opened"]) if "opened" in body else None
    return first, End(
        body["id"], seq, nanoseconds(body["at"]), body["stage"], *_decided(body), body["outcome"]
    )


def nanoseconds(text: str) -> int:
    """Nanoseconds since the epoch of `2026-01-16T09:00:00.000000000Z`; raises ValueError."""
    moment = datetime.fromisoformat(text[:_SECONDS] + "+00:00")
    return int(moment.timestamp()) * SECOND + int(text[_FRACTION])


def _first(seq: int | None, body: Mapping[str, Any]) -> First:
    return First(
        body["id"],
        seq,
        nanoseconds(body["at"]),
        body["operation"],
        body["jurisdiction"]["code"],
        body["tier"],
        body["policy"],
        body.get("user", ""),
        body.get("conversation", ""),
        body["decision"]["stage"],
        *_decided(body),
    )


def _decided(body: Mapping[str, Any]) -> tuple[str, str, str]:
    decision = body["decision"]
    return decision["action"], decision["rule"], decision["reason"]
