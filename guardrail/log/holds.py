"""Legal holds: what a hold covers is neither shredded nor expired until it is released."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from shlex import quote
from typing import TYPE_CHECKING, Any

from guardrail.errors import GuardrailError, InputError
from guardrail.log.entries import NO_ATTEMPT
from guardrail.log.event import Personal
from guardrail.log.fragments import plain
from guardrail.log.personal import read_private
from guardrail.log.times import iso, parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from guardrail.log.access import Identity
    from guardrail.log.log import Log
    from guardrail.log.private import Kept
    from guardrail.log.session import Session, WriteSession
    from guardrail.log.vault import Vault

EVENT = "hold"
_ENTRIES = f"SELECT seq, body FROM entries WHERE event = 'hold' AND {NO_ATTEMPT} ORDER BY seq"  # noqa: S608


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a hold covers: attempts for which all that is given holds; nothing given: every one.

    user: a caller's id in the clear; pseudonym: one of a caller's instead, of one key epoch.
    attempt: full id. jurisdiction: also its parts (`US` covers `US-CA`). since, until: of the
    opening, ns, UTC, `until` exclusive.
    """

    user: str = field(default="", repr=False)
    pseudonym: str = ""
    attempt: str = ""
    rule: str = ""
    jurisdiction: str = ""
    since: int | None = None
    until: int | None = None

    @property
    def subject(self) -> dict[str, str]:
        """The part that no entry may say."""
        return {
            name: value
            for name, value in (("user", self.user), ("pseudonym", self.pseudonym))
            if value
        }

    def json(self) -> dict[str, Any]:
        """The part that an entry says; times as text."""
        found: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("attempt", "rule", "jurisdiction")
            if getattr(self, name)
        }
        for name in ("since", "until"):
            if getattr(self, name) is not None:
                found[name] = iso(getattr(self, name))
        if self.subject:
            found["subject"] = True
        return found


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold in force. seq, at: of the entry that added it; by: who did.

    subjects: pseudonyms it covers, of every key epoch; None: it is not about a subject.
    """

    seq: int
    at: str
    reference: str
    why: str
    by: Mapping[str, Any]
    scope: Mapping[str, Any]
    subjects: frozenset[str] | None

    def covers(self, kept: Kept) -> bool:
        """Whether this attempt is held."""
        scope, place = self.scope, self.scope.get("jurisdiction", "")
        return (
            (self.subjects is None or kept.user in self.subjects)
            and scope.get("attempt", kept.attempt) == kept.attempt
            and scope.get("rule", kept.rule) == kept.rule
            and (
                not place or kept.jurisdiction == place or kept.jurisdiction.startswith(f"{place}-")
            )
            and ("since" not in scope or kept.at >= parse_time(scope["since"]))
            and ("until" not in scope or kept.at < parse_time(scope["until"]))
        )

    def forbids(self, subjects: frozenset[str]) -> bool:
        """Whether it covers all there is of one of these pseudonyms, or will be."""
        return bool(self.subjects and subjects & self.subjects) and self.scope.keys() <= {"subject"}

    @property
    def refusal(self) -> str:
        """What is said to whoever wants to erase what it covers."""
        return (
            f"the legal hold {self.reference!r} (entry {self.seq}, of {self.at[:10]}: {self.why}) "
            f"covers it; once it may go: guardrail log hold release {quote(self.reference)}"
        )


def read_holds(session: Session, vault: Vault) -> list[Hold]:
    """The holds in force, in the order they were added; raises ConfigurationError.

    Entries say everything; whom one is about is opened with the log's keys.
    """
    added: dict[int, dict[str, Any]] = {}
    for seq, text in session.rows(_ENTRIES):
        body = json.loads(text)
        if body["state"] == "added":
            added[seq] = body
        else:
            added.pop(body["hold"], None)
    return [_hold(session, vault, seq, body) for seq, body in added.items()]


def add_hold(log: Log, by: Identity, reference: str, why: str, scope: Scope) -> int:
    """Put a hold in force; gives its entry's number. Raises InputError, LogUnavailable."""
    reference = _checked(reference, why)
    vault = log.vault
    pseudonym = vault.keys.user(scope.user) or scope.pseudonym
    personal = Personal({"subject": scope.subject}, pseudonym) if scope.subject else None

    def change(session: WriteSession, seq: int) -> None:
        if any(hold.reference == reference for hold in _others(session, vault, seq)):
            raise InputError(f"there is a hold {reference!r} already")

    fields = {
        "state": "added",
        "reference": reference,
        "why": plain(why, 1000),
        "by": by.json(),
        "scope": scope.json(),
    }
    return log.record(EVENT, fields, change=change, personal=personal)


def release_hold(log: Log, by: Identity, reference: str, why: str) -> int:
    """Lift a hold; gives the entry's number. Raises InputError when there is none of that name."""
    reference = _checked(reference, why)
    with log.reading() as session:
        hold = _named(read_holds(session, log.vault), reference)

    def change(session: WriteSession, seq: int) -> None:
        released = f"SELECT body FROM entries WHERE event = 'hold' AND {NO_ATTEMPT} AND seq < ?"  # noqa: S608
        bodies = (json.loads(text) for (text,) in session.rows(released, (seq,)))
        if any(body.get("hold") == hold.seq for body in bodies):
            raise InputError(f"the hold {reference!r} was released meanwhile")

    fields = {
        "state": "released",
        "hold": hold.seq,
        "reference": reference,
        "why": plain(why, 1000),
        "by": by.json(),
    }
    return log.record(EVENT, fields, change=change)


def _checked(reference: str, why: str) -> str:
    reference = plain(reference.strip())
    if not reference or not why.strip():
        raise InputError("a hold has a reference, and a reason (--why)")
    return reference


def _named(holds: list[Hold], reference: str) -> Hold:
    for hold in holds:
        if hold.reference == reference:
            return hold
    known = ", ".join(repr(hold.reference) for hold in holds) or "none is in force"
    raise InputError(f"no hold {reference!r}; in force: {known}")


def _others(session: Session, vault: Vault, seq: int) -> list[Hold]:
    """As an InputError, what is wrong takes back the hold alone."""
    try:
        return [hold for hold in read_holds(session, vault) if hold.seq != seq]
    except GuardrailError as error:
        raise InputError(str(error)) from None


def _hold(session: Session, vault: Vault, seq: int, body: Mapping[str, Any]) -> Hold:
    subjects = None
    if "commitments" in body:
        subject = (read_private(session, seq, vault) or {}).get("subject", {})
        names = [*vault.ring.users(subject.get("user", "")), subject.get("pseudonym", "")]
        subjects = frozenset(filter(None, names))
    return Hold(
        seq,
        body["at"],
        body["reference"],
        body["why"],
        body["by"],
        body["scope"],
        subjects,
    )
