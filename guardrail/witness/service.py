"""Decides on requests one after the other, and writes down what it cosigns before it answers."""

from __future__ import annotations

import threading
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

import apsw

from guardrail.chain.checkpoint import Checkpoint
from guardrail.chain.errors import EvidenceError
from guardrail.chain.note import Note
from guardrail.chain.trust import Trust
from guardrail.chain.witness import AddCheckpoint, Answer, Verdict, consider, cosign
from guardrail.errors import ConfigurationError
from guardrail.witness.state import Cosigned, State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from guardrail.chain.keys import SigningKey, VerifierKey


class Judged(NamedTuple):
    """An answer, and what the operator is told. size: of the checkpoint asked about, if known."""

    answer: Answer
    origin: str
    size: int | None
    reason: str


class Service:
    """One witness. keys: of the logs it knows, several of one name where a log has several.

    clock: seconds since the epoch. failed: why it answers no more; a write that failed is never
    tried again by this process.

    Raises ConfigurationError when a log's key is a witness's, or no log is given.
    """

    def __init__(
        self,
        key: SigningKey,
        keys: Sequence[VerifierKey],
        state: State,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.key = key
        self.failed = ""
        self._state = state
        self._clock = clock
        self._lock = threading.Lock()
        self._trusts = _trusts(key, keys)

    @property
    def origins(self) -> tuple[str, ...]:
        """The logs it knows."""
        return tuple(self._trusts)

    def add(self, data: bytes) -> Judged:
        """Answer the body of one `add-checkpoint`. Source: C2SP tlog-witness.

        1. Judge it by what was cosigned last. 2. Write down what is new. 3. Only then answer.
        Requests wait for each other, so that none is judged by what another replaces.
        """
        asked = _asked(data)
        with self._lock:
            if self.failed:
                return self._unavailable(asked)
            try:
                return self._add(data, asked)
            except (apsw.Error, EvidenceError) as error:
                self.failed = f"its memory cannot be read or written ({error})"
                return self._unavailable(asked)

    def _add(self, data: bytes, asked: Checkpoint | None) -> Judged:
        origin = asked.origin if asked else ""
        trust = self._trusts.get(origin)
        last = self._state.last(origin) if trust else None
        before = self._opened(last) if last else None
        verdict = consider(before, data, trust or next(iter(self._trusts.values())))
        at = max(int(self._clock()), last.at if last else 0)
        answer = cosign(self.key, verdict, at)
        if verdict.checkpoint is not None and trust:
            note = Note.parse(AddCheckpoint.parse(data).checkpoint)
            of_log = [sign for sign in note.signatures if any(k.signed(sign) for k in trust.log)]
            kept = Note(note.text, (*of_log, *answer.cosignatures)).encode()
            self._state.keep(Cosigned(origin, at, kept))
        elif asked and _contradicts(verdict, before, asked):
            self._state.refuse(origin, at, verdict.status, data)
        return _judged(answer, asked, verdict.reason)

    def _opened(self, last: Cosigned) -> Checkpoint:
        """What it cosigned, with its own signature; raises EvidenceError when it was changed."""
        Note.parse(last.note).verify((self.key.verifier,))
        return last.checkpoint

    def _unavailable(self, asked: Checkpoint | None) -> Judged:
        answer = Answer(HTTPStatus.SERVICE_UNAVAILABLE)
        return _judged(answer, asked, f"out of service: {self.failed}")


def _judged(answer: Answer, asked: Checkpoint | None, reason: str) -> Judged:
    if asked is None:
        return Judged(answer, "", None, reason)
    return Judged(answer, asked.origin, asked.size, reason)


def _contradicts(verdict: Verdict, before: Checkpoint | None, asked: Checkpoint) -> bool:
    """Whether the log signed two trees that exclude each other; an older tree alone is no proof."""
    if verdict.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return True
    if verdict.status != HTTPStatus.CONFLICT or before is None:
        return False
    return before.size == asked.size and before.root != asked.root


def _asked(data: bytes) -> Checkpoint | None:
    """The checkpoint asked about, not yet believed; None where it cannot be read."""
    try:
        return Checkpoint.parse(Note.parse(AddCheckpoint.parse(data).checkpoint).text)
    except EvidenceError:
        return None


def _trusts(key: SigningKey, keys: Sequence[VerifierKey]) -> dict[str, Trust]:
    if not keys:
        raise ConfigurationError("a witness needs the public key of at least one log")
    found: dict[str, Trust] = {}
    for name in dict.fromkeys(given.name for given in keys):
        own = tuple(dict.fromkeys(given for given in keys if given.name == name))
        if key.verifier in own:
            raise ConfigurationError(f"{name} is this witness's own key, not that of a log")
        found[name] = Trust(name, own)
    return found
