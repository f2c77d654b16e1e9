"""Erases private data past their time, in batches, each with an entry of its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from guardrail.errors import GuardrailError, InputError
from guardrail.log.fragments import plain
from guardrail.log.holds import read_holds
from guardrail.log.private import Needles, Plan, erase, find_events, find_kept, needles_of
from guardrail.log.shredding import scrub

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from guardrail.log.access import Identity
    from guardrail.log.event import Change
    from guardrail.log.holds import Hold
    from guardrail.log.log import Log
    from guardrail.log.private import Kept, KeptEvent
    from guardrail.log.retention import Retention
    from guardrail.log.session import Session, WriteSession
    from guardrail.log.vault import Vault

EVENT = "expire"
BATCH = 2000
SEARCHED = 5
"""Batches of which the files are searched for what was erased: a sample, if there are more."""
_MOVED = "what was to be erased was erased or held meanwhile; try again"
_PAGE = "a.at < ? AND (a.at, a.attempt) > (?, ?) ORDER BY a.at, a.attempt LIMIT ?"
_AGAIN = "a.attempt = ?"


@dataclass(slots=True)
class Expired:
    """What was erased, or would be. classes: attempts by class; held: due, but on hold.

    events: accesses and released holds that named a subject. entries: numbers of the entries that
    say so. problem: why the files are not free of it, empty where they are.
    """

    classes: Counter[str] = field(default_factory=Counter)
    held: int = 0
    events: int = 0
    entries: list[int] = field(default_factory=list)
    older: int = 0
    problem: str = ""


def expire(  # noqa: PLR0913 (each says what it is)
    log: Log,
    by: Identity,
    retention: Retention,
    *,
    now: int,
    why: str = "",
    dry_run: bool = False,
    watch: Callable[[int], None] | None = None,
) -> Expired:
    """Erase the private data of attempts that their class keeps no longer, but for those on hold.

    now: ns, UTC. watch: called with the attempts looked at so far. Raises InputError,
    ConfigurationError and LogUnavailable; what was erased until then stays so.
    """
    found = Expired()
    run = _Run(log, by, retention, now, plain(why, 1000))
    after = (-(1 << 62), "")
    looked = 0
    while page := run.page(after):
        with log.reading() as session:
            holds = read_holds(session, log.vault)
        due = run.due(page, holds, found)
        if due and not dry_run:
            run.erase(due, (), found)
        after = (page[-1].at, page[-1].attempt)
        looked += len(page)
        if watch is not None:
            watch(looked)
    run.expire_events(found, dry_run=dry_run)
    run.scrub(found)
    return found


class _Run:
    """One run over the log."""

    def __init__(self, log: Log, by: Identity, retention: Retention, now: int, why: str) -> None:
        self._log = log
        self._by = by
        self._retention = retention
        self._now = now
        self._why = why
        self._erased: list[tuple[Plan, Needles]] = []

    def page(self, after: tuple[int, str]) -> list[Kept]:
        """The next attempts that may be due, by the time of their opening."""
        shortest = self._retention.shortest
        if shortest is None:
            return []
        with self._log.reading() as session:
            return find_kept(session, _PAGE, (self._now - shortest, *after, BATCH))

    def due(self, page: Sequence[Kept], holds: Sequence[Hold], found: Expired) -> list[Kept]:
        """Those past their time and not on hold; counts both."""
        past = [kept for kept in page if self._is_past(kept)]
        due = [kept for kept in past if not any(hold.covers(kept) for hold in holds)]
        found.held += len(past) - len(due)
        found.classes.update(self._retention.of(kept).name for kept in due)
        return due

    def erase(self, due: Sequence[Kept], events: Sequence[KeptEvent], found: Expired) -> None:
        """One batch, with its entry."""
        subjects = {kept.subject for kept in due} | {event.subject for event in events}
        plan = Plan(tuple(due), tuple(events), frozenset(subjects))
        with self._log.reading() as session:
            needles = needles_of(session, plan)
        classes = Counter(self._retention.of(kept).name for kept in due)
        fields = {
            "by": self._by.json(),
            "why": self._why,
            "retention": self._retention.digest,
            "classes": dict(classes),
            **plan.fields,
        }
        seq = self._log.record(EVENT, fields, change=_change(self._log.vault, plan))
        found.entries.append(seq)
        self._erased.append((plan, needles if len(self._erased) < SEARCHED else Needles([], {})))

    def expire_events(self, found: Expired, *, dry_run: bool) -> None:
        """Whom accesses and released holds named, after the default class's time."""
        keep = self._retention.default.keep
        if keep is None:
            return
        with self._log.reading() as session:
            held = {hold.seq for hold in read_holds(session, self._log.vault)}
            due = [
                event
                for event in find_events(session)
                if event.at < self._now - keep and event.seq not in held
            ]
        found.events = len(due)
        if not dry_run:
            for start in range(0, len(due), BATCH):
                self.erase((), due[start : start + BATCH], found)

    def scrub(self, found: Expired) -> None:
        """Clean the files, once for the whole run."""
        if self._erased:
            found.older, found.problem = scrub(self._log, self._erased)

    def _is_past(self, kept: Kept) -> bool:
        keep = self._retention.of(kept).keep
        return keep is not None and kept.at < self._now - keep


def _change(vault: Vault, plan: Plan) -> Change:
    def change(session: WriteSession, seq: int) -> None:
        try:
            still = _still(session, vault, plan)
        except GuardrailError as error:
            raise InputError(str(error)) from None
        if not still:
            raise InputError(_MOVED)
        erase(session, seq, plan)

    return change


def _still(session: Session, vault: Vault, plan: Plan) -> bool:
    """Whether nothing was erased or put on hold since the plan was made."""
    holds = read_holds(session, vault)
    for kept in plan.attempts:
        if find_kept(session, _AGAIN, (kept.attempt,)) != [kept]:
            return False
        if any(hold.covers(kept) for hold in holds):
            return False
    there = {event.seq for event in find_events(session)} - {hold.seq for hold in holds}
    return all(event.seq in there for event in plan.events)
