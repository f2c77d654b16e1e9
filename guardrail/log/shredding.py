"""Erases one subject, or one attempt, on demand; entries and proofs stay as they are."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from guardrail.chain.commitment import SALT_SIZE, Opening
from guardrail.errors import (
    ConfigurationError,
    GuardrailError,
    InputError,
    LogUnavailable,
)
from guardrail.log.fragments import plain
from guardrail.log.holds import read_holds
from guardrail.log.private import (
    Needles,
    Plan,
    erase,
    find_events,
    find_kept,
    gone_of,
    needles_of,
    older_among,
)
from guardrail.log.query import one_attempt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from guardrail.log.access import Identity
    from guardrail.log.event import Change
    from guardrail.log.log import Log
    from guardrail.log.session import Session, WriteSession
    from guardrail.log.vault import Vault

EVENT = "shred"
_TRIES = 5
_MOVED = "the log went on meanwhile: attempts of this subject are coming in; try again"
_PSEUDONYM = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Target:
    """What to erase. kind: what `name` is: a caller's id, one of its pseudonyms, an attempt's id.

    An id stands for its pseudonyms under every key epoch, a pseudonym for itself.
    """

    kind: Literal["subject", "pseudonym", "attempt"]
    name: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Shredded:
    """What was erased. seq: of the entry that says so; entries: whose private data went.

    older: entries of schema 1 and 2 that go on naming a pseudonym, as they were signed so.
    opening: opens the entry's commitment to the subject, for whoever asked; the log keeps none.
    scrubbed: whether the files are free of it; `problem` says why not.
    """

    seq: int
    attempts: int
    entries: int
    older: int
    opening: Opening | None
    scrubbed: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Aim:
    """A target as the log finds it."""

    where: str
    values: tuple[str, ...]
    pseudonyms: tuple[str, ...] = ()
    attempt: str = ""


def preview(log: Log, target: Target) -> int:
    """How many attempts would be erased. Raises InputError as `shred` does."""
    with log.reading() as session:
        return len(_plan(session, log.vault, _aim(session, log.vault, target)).attempts)


def shred(log: Log, by: Identity, target: Target, why: str) -> Shredded:
    """Erase values, salts, data keys and pseudonyms, then what the files still hold of them.

    Raises InputError when a legal hold covers any of it or there is nothing, LogUnavailable.
    """
    if not why.strip():
        raise InputError("say why (--why)")
    with log.reading() as session:
        aim = _aim(session, log.vault, target)
    for _ in range(_TRIES):
        with log.reading() as session:
            plan = _plan(session, log.vault, aim)
            needles = needles_of(session, plan)
        opening = _opening(aim)
        fields = _fields(by, target, why, plan, opening)
        try:
            seq = log.record(EVENT, fields, change=_change(log.vault, aim, plan))
        except InputError as error:
            if str(error) != _MOVED:
                raise
        else:
            older, problem = scrub(log, [(plan, needles)])
            return Shredded(
                seq, len(plan.attempts), len(plan.seqs), older, opening, not problem, problem
            )
    raise InputError(_MOVED)


def _aim(session: Session, vault: Vault, target: Target) -> _Aim:
    if target.kind == "attempt":
        attempt = one_attempt(session, target.name).id
        return _Aim("a.attempt = ?", (attempt,), attempt=attempt)
    if target.kind == "pseudonym" and not _PSEUDONYM.fullmatch(target.name):
        raise InputError("a pseudonym is 32 hexadecimal digits, as `guardrail log list` shows it")
    names = vault.ring.users(target.name) if target.kind == "subject" else [target.name]
    if not names:
        raise InputError("no subject is named")
    return _Aim(f'a."user" IN ({", ".join("?" * len(names))})', tuple(names), tuple(names))


def _plan(session: Session, vault: Vault, aim: _Aim) -> Plan:
    """What there is to erase; raises InputError where a hold covers it, or there is nothing."""
    attempts = find_kept(session, f"{aim.where} ORDER BY a.at", aim.values)
    pseudonyms = frozenset(aim.pseudonyms)
    for hold in read_holds(session, vault):
        if hold.forbids(pseudonyms) or any(map(hold.covers, attempts)):
            raise InputError(hold.refusal)
    events = [event for event in find_events(session) if event.subject in pseudonyms]
    if not attempts and not events:
        raise InputError("the log keeps nothing of it, or it was erased before")
    subjects = pseudonyms or {kept.subject for kept in attempts}
    return Plan(tuple(attempts), tuple(events), frozenset(subjects))


def _change(vault: Vault, aim: _Aim, plan: Plan) -> Change:
    def change(session: WriteSession, seq: int) -> None:
        try:
            now = _plan(session, vault, aim)
        except InputError:
            raise
        except GuardrailError as error:  # takes the shredding back, and leaves the log open
            raise InputError(str(error)) from None
        if now != plan:
            raise InputError(_MOVED)
        erase(session, seq, plan)

    return change


def _opening(aim: _Aim) -> Opening | None:
    """Commits to whom it is about; whoever asked may keep what opens it, the log does not."""
    if not aim.pseudonyms:
        return None
    return Opening("subject", [*aim.pseudonyms], secrets.token_bytes(SALT_SIZE))


def _fields(
    by: Identity, target: Target, why: str, plan: Plan, opening: Opening | None
) -> dict[str, Any]:
    fields = {"by": by.json(), "why": plain(why, 1000), "kind": target.kind, **plan.fields}
    if opening is None:
        return {**fields, "attempt": plan.attempts[0].attempt}
    return {**fields, "subject": opening.commitment}


def scrub(log: Log, erased: Sequence[tuple[Plan, Needles]]) -> tuple[int, str]:
    """Leave nothing of what was erased in the files.

    Gives the number of entries (schema 1 and 2) that go on naming a pseudonym, and why the files
    are not free of the rest, empty where they are.
    """
    with log.reading() as session:
        older = [older_among(session, plan.seqs) for plan, _ in erased]

    def find(session: Session) -> list[bytes]:
        """What stands in no row; whoever goes on asking is there again."""
        gone: list[bytes] = []
        for (plan, needles), named in zip(erased, older, strict=True):
            gone += gone_of(session, plan, needles, older=bool(named))
        return gone

    try:
        log.scrub(find)
    except (ConfigurationError, LogUnavailable) as error:
        return sum(older), str(error)
    return sum(older), ""
