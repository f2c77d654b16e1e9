"""Entries that speak of no attempt: what a worker, an auditor or an operator did."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from guardrail.chain.entry import canonical, entry_leaf
from guardrail.chain.errors import EvidenceError
from guardrail.errors import InputError
from guardrail.log.record import Entry
from guardrail.log.times import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from guardrail.log.session import WriteSession
    from guardrail.log.vault import Sealed

Change: TypeAlias = "Callable[[WriteSession, int], None]"
ATTEMPT_EVENTS = frozenset({"opened", "closed"})
_NAME = re.compile(r"[a-z][a-z-]{0,31}")
_OURS = frozenset({"event", "at"})


@dataclass(frozen=True, slots=True)
class Event:
    """An entry of another kind than `opened` and `closed`, ready to be written."""

    entry: Entry

    @property
    def at(self) -> int:
        """Nanoseconds since the epoch, UTC."""
        return self.entry.at


@dataclass(frozen=True, slots=True)
class Personal:
    """What of an event may have to be erased.

    values: JSON by name. subject: the pseudonym with which it goes.
    """

    values: Mapping[str, Any]
    subject: str


@dataclass(slots=True)
class Pending:
    """An event on its way into the log, with what is changed in the same transaction.

    change: gets the session and the event's number; an InputError it raises takes both back, and
    nothing else. private: what its commitments are of. seq: its number, once it is written.
    refused: what was raised instead.
    """

    event: Event
    change: Change | None = None
    private: Sealed | None = None
    seq: int = 0
    refused: str = ""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry as it stands in the log. seq: from 1; at: ns, UTC; body: its JSON as signed."""

    seq: int
    event: str
    at: int
    body: str


def make_event(event: str, at: int, fields: Mapping[str, Any], name: str = "") -> Event:
    """The entry `{"event": event, "at": at, **fields}` in the form of RFC 8785.

    event: lower-case letters and hyphens. fields: JSON without `event` and `at`; 64 KiB at most.
    name: what it is found by. Raises InputError.
    """
    if not _NAME.fullmatch(event) or event in ATTEMPT_EVENTS:
        raise InputError(f"{event!r} is no kind of event")
    if clash := _OURS & fields.keys():
        raise InputError(f"an event's {', '.join(sorted(clash))} is set by the log")
    try:
        body = canonical({"event": event, "at": iso(at), **fields})
        leaf = entry_leaf(body)
    except EvidenceError as error:
        raise InputError(f"event {event!r} cannot be written ({error})") from None
    return Event(Entry(name, event, at, leaf, body.decode()))
