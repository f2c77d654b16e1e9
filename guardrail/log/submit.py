"""Asks witnesses to cosign what a log signed last; only reads the log, so it holds up no writer."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING

from guardrail.chain.errors import EvidenceError
from guardrail.chain.note import MAX_BYTES, Note
from guardrail.chain.witness import AddCheckpoint, Answer, accept
from guardrail.log.beside import beside, keep_file, read_file
from guardrail.log.cosigned import cosigned_last, cosigners, keep_cosigned
from guardrail.log.post import Reply, Unreachable, post
from guardrail.log.signed import SignedLog

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from guardrail.chain.checkpoint import Checkpoint
    from guardrail.log.location import Location
    from guardrail.log.signed import Signed
    from guardrail.log.witnesses import Witness, Witnesses

TRIES = 3
PAUSE = 0.5
SUFFIX = ".contradicted"
ROUNDS = 3
_TYPE = "text/plain; charset=utf-8"
_SHOWN = 200
_HINTS: Mapping[int, str] = {
    HTTPStatus.FORBIDDEN: "it does not know this log's key; give its operator `guardrail log key`",
    HTTPStatus.NOT_FOUND: "it does not know this log; give its operator `guardrail log key`",
}


class State(StrEnum):
    """What came of asking a witness."""

    COSIGNED = "cosigned"
    UNREACHABLE = "unreachable"  # no answer, or an error on its side: ask again later
    REFUSED = "refused"  # an answer that asking again does not change
    AHEAD = "ahead"  # it cosigned a larger tree than was submitted
    CONTRADICTED = "contradicted"  # it cosigned a tree that excludes this one


@dataclass(frozen=True, slots=True)
class Outcome:
    """One witness's part. note: the checkpoint with its cosignature; size: what it says it has."""

    witness: Witness
    state: State
    detail: str = ""
    note: Note | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """What came of asking everybody about one checkpoint.

    note: the checkpoint with all cosignatures there are; cosigned: the names of those witnesses,
    each with the time it tells (seconds since the epoch); quorum: how many are needed.
    """

    tree: Checkpoint
    note: bytes
    outcomes: tuple[Outcome, ...]
    cosigned: Mapping[str, int | None]
    quorum: int

    @property
    def contradicted(self) -> bool:
        """Whether a witness knows of a tree that excludes this one: the log took something back."""
        return any(found.state is State.CONTRADICTED for found in self.outcomes)

    @property
    def ok(self) -> bool:
        """A quorum has cosigned it, and nobody contradicts."""
        return len(self.cosigned) >= self.quorum and not self.contradicted


def submit(location: Location, asked: Witnesses, *, pause: float = PAUSE) -> Round:
    """Submit the newest checkpoint to every witness at once, and keep what they cosign.

    Where one has seen more than was submitted, the log is read again: somebody else may have
    submitted what was signed meanwhile. pause: seconds before a request is made again, doubled
    each time; three are made.

    Source: C2SP tlog-witness. Raises LogUnavailable when nothing is signed yet or the log cannot
    be read, ConfigurationError when it is damaged or the disk gives out.
    """
    log = SignedLog(location)
    try:
        head = log.newest()
        for _ in range(ROUNDS):
            outcomes = _ask_all(log, head, asked, pause)
            newer = log.newest()
            ahead = max((o.size or 0 for o in outcomes if o.state is State.AHEAD), default=0)
            if not ahead or newer.tree.size == head.tree.size:
                break
            head = newer
        return _kept(location, log, head, asked, [_settled(o, head.tree) for o in outcomes])
    finally:
        log.close()


def _kept(
    location: Location,
    log: SignedLog,
    head: Signed,
    asked: Witnesses,
    outcomes: list[Outcome],
) -> Round:
    note = Note.parse(head.note)
    for found in outcomes:
        if found.note is not None:
            note = note.with_signatures(found.note.signatures)
    trust = replace(log.trust, witnesses=asked.keys)
    enough = len(cosigners(note, asked.keys)) >= asked.quorum
    _remember(location, outcomes)
    if any(found.state is State.COSIGNED for found in outcomes):
        note = keep_cosigned(location, note, trust, enough=enough)
    names = cosigners(note, asked.keys)
    return Round(head.tree, note.encode(), tuple(outcomes), names, asked.quorum)


def contradictions(location: Location) -> str:
    """What witnesses held against the log when they were asked last; empty: nothing."""
    path = beside(location, SUFFIX)
    return read_file(path, MAX_BYTES).decode("utf-8", "replace").strip() if path.exists() else ""


def _remember(location: Location, outcomes: Sequence[Outcome]) -> None:
    found = [o for o in outcomes if o.state is State.CONTRADICTED]
    path = beside(location, SUFFIX)
    if found:
        lines = (f"{o.witness.key.name}: {o.detail}\n" for o in found)
        keep_file(path, "".join(lines).encode())
    elif any(o.state is State.COSIGNED for o in outcomes):
        path.unlink(missing_ok=True)


def _settled(outcome: Outcome, tree: Checkpoint) -> Outcome:
    """Who is still ahead of a log that has nothing newer knows of entries that are gone."""
    if outcome.state is not State.AHEAD:
        return outcome
    detail = (
        f"it cosigned size {outcome.size}, this log has signed {tree.size}: the log was rolled "
        "back, or another copy of it is in use"
    )
    return replace(outcome, state=State.CONTRADICTED, detail=detail)


def _ask_all(log: SignedLog, head: Signed, asked: Witnesses, pause: float) -> list[Outcome]:
    def ask(witness: Witness) -> Outcome:
        old = min(cosigned_last(log.location, witness.key), head.tree.size)
        return _Asking(log, head, witness, asked.timeout, pause).ask(old)

    with ThreadPoolExecutor(len(asked.witnesses), "witness") as threads:
        return list(threads.map(ask, asked.witnesses))


@dataclass(frozen=True, slots=True)
class _Asking:
    """One witness and one checkpoint."""

    log: SignedLog
    head: Signed
    witness: Witness
    timeout: float
    pause: float

    def ask(self, old: int) -> Outcome:
        """Submit from the size it is believed to have, then from the one it says it has."""
        outcome = self._submit(old)
        for _ in range(TRIES - 1):
            size, tree = outcome.size, self.head.tree
            if outcome.state is not State.AHEAD or size is None or size > tree.size:
                return outcome
            if size == old:
                return self._conflict(old)
            old = size
            outcome = self._submit(old)
        if outcome.state is State.AHEAD and (outcome.size or 0) <= self.head.tree.size:
            return self._told(State.REFUSED, "it answers 409 with another size each time")
        return outcome

    def _conflict(self, old: int) -> Outcome:
        """409 at the very size it has: of the same size it is another root, else it is mistaken."""
        if old == self.head.tree.size:
            return self._told(State.CONTRADICTED, _other_tree(old, self.head.tree))
        return self._told(State.REFUSED, f"it answers 409 to the size {old} that it says it has")

    def _submit(self, old: int) -> Outcome:
        proof = self.log.prove(old, self.head.tree.size)
        body = AddCheckpoint(old, proof, self.head.note).encode()
        try:
            reply = self._post(body)
            return self._read(reply, old)
        except Unreachable as error:
            return self._told(State.UNREACHABLE, str(error))
        except EvidenceError as error:
            return self._told(State.REFUSED, f"its answer cannot be used: {error}")

    def _post(self, body: bytes) -> Reply:
        """Ask, and again where that may help; raises Unreachable."""
        url, pause = f"{self.witness.url}/add-checkpoint", self.pause
        for left in reversed(range(TRIES)):
            try:
                reply = post(url, body, _TYPE, timeout=self.timeout, limit=MAX_BYTES)
                cause = f"it answered {reply.status}{_said(reply)}"
                if reply.status < HTTPStatus.INTERNAL_SERVER_ERROR and (
                    reply.status != HTTPStatus.TOO_MANY_REQUESTS
                ):
                    return reply
            except Unreachable as error:
                cause = str(error)
            if left:
                time.sleep(pause)
                pause *= 2
        raise Unreachable(cause)

    def _read(self, reply: Reply, old: int) -> Outcome:
        if reply.status == HTTPStatus.OK:
            answer = Answer.parse(reply.status, reply.body)
            note = accept(Note.parse(self.head.note), answer, [self.witness.key])
            return replace(self._told(State.COSIGNED), note=note, size=self.head.tree.size)
        if reply.status == HTTPStatus.CONFLICT:
            size = Answer.parse(reply.status, reply.body).size
            return replace(self._told(State.AHEAD), size=size)
        if reply.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            detail = f"{_other_tree(old, self.head.tree)}{_said(reply)}"
            return self._told(State.CONTRADICTED, detail)
        hint = _HINTS.get(reply.status)
        detail = f"it answered {reply.status}{_said(reply)}{f' ({hint})' if hint else ''}"
        return self._told(State.REFUSED, detail)

    def _told(self, state: State, detail: str = "") -> Outcome:
        return Outcome(self.witness, state, detail)


def _other_tree(old: int, tree: Checkpoint) -> str:
    return (
        f"it cosigned another tree of size {old} than the one this log of size {tree.size} "
        "begins with: entries were changed after they were cosigned"
    )


def _said(reply: Reply) -> str:
    """The first line of an error's body, as far as it can be shown."""
    line = reply.body[:_SHOWN].decode("utf-8", "replace").partition("\n")[0].strip()
    shown = "".join(sign if sign.isprintable() else "?" for sign in line)
    return f", {shown!r}" if shown else ""
