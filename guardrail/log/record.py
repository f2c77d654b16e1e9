"""What one call hands to the writer: a count, and for a flagged attempt an entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from guardrail.chain.entry import entry_leaf
from guardrail.log.body import closed_body, opened_body
from guardrail.log.fragments import plain
from guardrail.log.personal import personal
from guardrail.log.times import HOUR

if TYPE_CHECKING:
    from guardrail.log.vault import Sealed, Vault
    from guardrail.log.worker import Worker
    from guardrail.records import AttemptClosed, AttemptOpened, Decision

Column: TypeAlias = Literal["opened", "released", "refused", "gated", "failed", "cancelled"]
COLUMNS: tuple[Column, ...] = ("opened", "released", "refused", "gated", "failed", "cancelled")


class Bucket(NamedTuple):
    """What attempts are counted by. hour: hours since the epoch, UTC, of their opening."""

    hour: int
    operation: str
    jurisdiction: str
    tier: str
    policy: str


class Verdict(NamedTuple):
    """The part of a decision that attempts are searched by."""

    stage: str
    action: str
    rule: str
    reason: str
    outcome: str


class Entry(NamedTuple):
    """A row of `entries`, without its number. at: ns since the epoch; leaf: RFC 6962 hash of body.

    attempt: the attempt's id, a worker's, or empty.
    """

    attempt: str
    event: str
    at: int
    leaf: bytes
    body: str


class Record(NamedTuple):
    """One entry, ready to be written.

    leaf: hash of body (RFC 6962). private: what its commitments are of; None with an end whose
    opening has it.
    """

    attempt: str
    event: Literal["opened", "closed"]
    at: int
    body: str
    leaf: bytes
    opened_at: int
    bucket: Bucket
    user: str
    conversation: str
    verdict: Verdict
    private: Sealed | None = None

    @property
    def entry(self) -> Entry:
        """Its row, without the number it will get."""
        return Entry(self.attempt, self.event, self.at, self.leaf, self.body)

    def row(self, opened_seq: int | None, closed_seq: int | None) -> tuple[object, ...]:
        """What it is found by, in the order of the table `attempts`."""
        return (
            self.attempt,
            opened_seq,
            closed_seq,
            self.opened_at,
            *self.bucket[1:],
            self.user,
            self.conversation,
            *self.verdict,
        )


class Write(NamedTuple):
    """One count, and the entry that goes with it; the entry is None for an attempt only counted.

    worker: who tells of it; None: the process that writes it.
    """

    bucket: Bucket
    column: Column
    record: Record | None = None
    worker: Worker | None = None


def bucket_of(entry: AttemptOpened) -> Bucket:
    """Where an attempt is counted, at its opening and at its end alike."""
    caller = entry.request.caller
    return Bucket(
        entry.at // HOUR,
        entry.request.operation.value,
        plain(caller.jurisdiction.code, 16),
        plain(caller.tier, 64),
        plain(str(entry.decision.policy)),
    )


def record_opened(entry: AttemptOpened, bucket: Bucket, vault: Vault, excerpt: int) -> Record:
    """The entry of a flagged attempt's opening."""
    name = plain(entry.id)
    values = personal(entry.request, vault.keys, excerpt)
    user = values.get("user", "")
    commitments, private = vault.seal(values, user, name)
    body = opened_body(entry, commitments)
    return Record(
        attempt=name,
        event="opened",
        at=entry.at,
        body=body,
        leaf=entry_leaf(body.encode()),
        opened_at=entry.at,
        bucket=bucket,
        user=user,
        conversation=values.get("conversation", ""),
        verdict=_verdict(entry.decision, ""),
        private=private,
    )


def record_closed(entry: AttemptClosed, bucket: Bucket, vault: Vault, excerpt: int) -> Record:
    """The entry of a flagged attempt's end; with its private data if the opening was not kept."""
    name = plain(entry.id)
    values = personal(entry.opened.request, vault.keys, excerpt)
    user = values.get("user", "")
    late = not entry.opened.flagged
    commitments, private = vault.seal(values, user, name) if late else (None, None)
    body = closed_body(entry, commitments)
    return Record(
        attempt=name,
        event="closed",
        at=entry.at,
        body=body,
        leaf=entry_leaf(body.encode()),
        opened_at=entry.opened.at,
        bucket=bucket,
        user=user,
        conversation=values.get("conversation", ""),
        verdict=_verdict(entry.decision, entry.outcome.value),
        private=private,
    )


def _verdict(decision: Decision, outcome: str) -> Verdict:
    return Verdict(
        decision.stage.value,
        decision.action.label,
        plain(decision.rule),
        plain(decision.reason),
        outcome,
    )
