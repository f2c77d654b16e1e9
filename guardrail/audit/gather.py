"""Reads everything a report says from a log, up to where the inquiry was pinned."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from guardrail.audit import figures
from guardrail.audit.ends import Ends, ends, seqs_of
from guardrail.audit.history import Control, Version, controls, versions
from guardrail.audit.records import Count, Event, Group, Offender, Sampled
from guardrail.audit.tallies import Change, changes
from guardrail.policy.jurisdictions import around

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from guardrail.audit.inquiry import InquiryModel
    from guardrail.audit.pin import Pin
    from guardrail.audit.template import Template
    from guardrail.chain.keys import VerifierKey
    from guardrail.log.session import Session

_DAY = 86_400_000_000_000
_NOT_CUSTODY = frozenset({"policy", "worker", "migrated"})


@dataclass(frozen=True, slots=True)
class WorkerSeen:
    """One process that wrote to the log. started, last: ns; stopped: whether it said so."""

    id: str
    started: int
    last: int
    stopped: bool
    opened: int
    closed: int
    kept: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One attempt as the report shows it. excerpt: None where it is not asked for or not there."""

    attempt: Sampled
    pseudonym: str
    excerpt: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What is answered, and from where. key: the log's."""

    inquiry: InquiryModel
    template: Template
    pinned: Pin
    key: VerifierKey


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that was read.

    every: counts of the period, whatever the scope; counts, groups: of the scope, whatever the
    reason. users, repeats, offenders, samples: of the reasons asked about.
    custody: entries of other kinds, of any time: what was done, how often, first and last (ns).
    """

    inquiry: InquiryModel
    template: Template
    pinned: Pin
    key: VerifierKey
    every: tuple[Count, ...]
    counts: tuple[Count, ...]
    groups: tuple[Group, ...]
    users: int
    repeats: tuple[tuple[int, int], ...]
    offenders: tuple[Offender, ...]
    ends: Ends
    workers: tuple[WorkerSeen, ...]
    history: tuple[Version, ...]
    controls: tuple[Control, ...]
    changes: tuple[Change, ...]
    custody: tuple[tuple[str, int, int, int], ...]
    samples: tuple[Sample, ...]
    decrypted: bool

    @property
    def days(self) -> tuple[int, int]:
        """The first day of the period, and the one after the last."""
        scope = self.inquiry.scope
        return (scope.start + scope.offset) // _DAY, -(-(scope.end + scope.offset) // _DAY)

    @property
    def matching(self) -> tuple[Group, ...]:
        """Groups of the reasons that were asked about."""
        reasons = self.inquiry.scope.reasons
        return tuple(one for one in self.groups if not reasons or one.reason in reasons)

    @property
    def wanted(self) -> figures.Wanted:
        """What was asked of the log."""
        return wanted_of(self.inquiry, self.pinned)


def pseudonym(secret: bytes, user: str) -> str:
    """A caller's name in one report: `U-` and 8 signs; nothing for a caller without one."""
    if not user:
        return ""
    mac = hmac.digest(secret, b"guardrail-inquiry-user/1\n" + user.encode(), "sha256")
    return f"U-{base64.b32encode(mac[:5]).decode()}"


def wanted_of(inquiry: InquiryModel, pinned: Pin) -> figures.Wanted:
    """What to ask of the log: the scope, its places looked up among those that are counted."""
    scope = inquiry.scope
    places: tuple[str, ...] | None = None
    if scope.jurisdictions:
        known = sorted({count.jurisdiction for count in pinned.counts})
        places = tuple(place for place in known if around(place) & set(scope.jurisdictions))
    return figures.Wanted(
        pinned.checkpoint.size,
        scope.start,
        scope.end,
        scope.offset,
        places,
        scope.operations,
        scope.reasons,
    )


def gather(
    session: Session,
    asked: Asked,
    excerpts: Callable[[Sequence[str]], Mapping[str, str | None]] | None,
) -> Evidence:
    """Read everything. excerpts: gives attempts' prompts, where they may be shown."""
    inquiry, pinned = asked.inquiry, asked.pinned
    wanted = wanted_of(inquiry, pinned)
    size = wanted.size
    counts = tuple(count for count in pinned.counts if _meant(count, wanted))
    groups, (first, last) = figures.read_groups(session, wanted)
    seqs, stride = seqs_of(first, last)
    events = figures.read_events(session, size)
    history = versions(events.get("policy", []), pinned.counts, wanted.offset)
    scope = inquiry.scope
    span = ((scope.start + scope.offset) // _DAY, -(-(scope.end + scope.offset) // _DAY))
    meant = [one for one in groups if not scope.reasons or one.reason in scope.reasons]
    chosen = choose(meant, inquiry.samples, pinned.checkpoint.root)
    sampled = figures.read_sampled(session, chosen, size)
    texts = excerpts([one.id for one in sampled]) if excerpts and sampled else {}
    return Evidence(
        inquiry,
        asked.template,
        pinned,
        asked.key,
        pinned.counts,
        counts,
        tuple(groups),
        figures.read_users(session, wanted),
        tuple(figures.read_repeats(session, wanted)),
        tuple(figures.read_offenders(session, wanted)),
        ends(figures.read_ends(session, wanted, seqs), stride),
        _workers(events.get("worker", []), wanted),
        history,
        controls(history),
        tuple(changes(history, counts, groups, (*span, wanted.offset))),
        _custody(events),
        tuple(
            Sample(one, pseudonym(pinned.secret, one.user), texts.get(one.id)) for one in sampled
        ),
        excerpts is not None,
    )


def choose(groups: Iterable[Group], number: int, root: bytes) -> list[str]:
    """Attempts to show: every rule in turn, in an order that the log's root decides.

    Nobody can choose them: the order is that of SHA-256 over the root and the attempt's id.
    """
    by_rule: dict[str, list[str]] = {}
    for group in groups:
        by_rule.setdefault(group.rule, []).append(group.first)
    queues = [
        sorted(set(ids), key=lambda one: hashlib.sha256(root + one.encode()).digest(), reverse=True)
        for _, ids in sorted(by_rule.items())
    ]
    found: list[str] = []
    while any(queues) and len(found) < number:
        for queue in queues:
            if queue and len(found) < number:
                found.append(queue.pop())
    return found


def _meant(count: Count, wanted: figures.Wanted) -> bool:
    return (wanted.places is None or count.jurisdiction in wanted.places) and (
        not wanted.operations or count.operation in wanted.operations
    )


def _workers(events: Iterable[Event], wanted: figures.Wanted) -> tuple[WorkerSeen, ...]:
    seen: dict[str, WorkerSeen] = {}
    for event in events:
        name = str(event.body.get("worker", ""))
        before = seen.get(name) or WorkerSeen(name, event.at, event.at, False, 0, 0, 0)
        counted = {
            part: getattr(before, part) + int(event.body.get(part, 0))
            for part in ("opened", "closed", "kept")
        }
        stopped = event.body.get("state") == "stopped"
        seen[name] = replace(before, last=event.at, stopped=stopped, **counted)
    return tuple(
        one for one in seen.values() if one.started < wanted.end and one.last >= wanted.start
    )


def _custody(events: Mapping[str, Sequence[Event]]) -> tuple[tuple[str, int, int, int], ...]:
    return tuple(
        (kind, len(found), min(one.at for one in found), max(one.at for one in found))
        for kind, found in sorted(events.items())
        if kind not in _NOT_CUSTODY
    )
