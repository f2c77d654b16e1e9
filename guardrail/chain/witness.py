"""What a log and a witness say to each other, and what a witness may sign. C2SP tlog-witness."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from guardrail.chain.checkpoint import Checkpoint
from guardrail.chain.errors import EvidenceError, Malformed, ProofRejected, SignatureRejected
from guardrail.chain.hashing import EMPTY_ROOT, HASH_SIZE, MAX_SIZE
from guardrail.chain.note import MAX_BYTES, Note, read_signatures
from guardrail.chain.plain import read_hash, read_number, read_utf8, write_base64
from guardrail.chain.proofs import verify_consistency

if TYPE_CHECKING:
    from collections.abc import Iterable

    from guardrail.chain.keys import Signature, SigningKey, VerifierKey
    from guardrail.chain.trust import Trust

MAX_PROOF = 63
SIZE_TYPE = "text/x.tlog.size"
_WHAT = "add-checkpoint request"


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """The body of `POST <prefix>/add-checkpoint`. Source: C2SP tlog-witness.

    old: size the witness is believed to have cosigned last; proof: from there to the checkpoint,
    at most 63 hashes; checkpoint: the signed note as the log made it. Raises Malformed.
    """

    old: int
    proof: tuple[bytes, ...]
    checkpoint: bytes

    def __post_init__(self) -> None:
        if not 0 <= self.old <= MAX_SIZE:
            raise Malformed(_WHAT, f"old size {self.old} is out of range", 1)
        if len(self.proof) > MAX_PROOF or any(len(found) != HASH_SIZE for found in self.proof):
            raise Malformed(_WHAT, f"a proof has at most {MAX_PROOF} hashes of 32 bytes")

    def encode(self) -> bytes:
        """`old <size>`, a line for each hash, an empty line, the checkpoint. C2SP tlog-witness."""
        lines = (f"old {self.old}", *map(write_base64, self.proof), "", "")
        return "\n".join(lines).encode() + self.checkpoint

    @classmethod
    def parse(cls, data: bytes) -> AddCheckpoint:
        """Read a request's body; raises Malformed. Source: C2SP tlog-witness."""
        if len(data) > MAX_BYTES:
            raise Malformed(_WHAT, f"{len(data)} bytes; {MAX_BYTES} are read")
        head, empty, checkpoint = data.partition(b"\n\n")
        if not empty:
            raise Malformed(_WHAT, "no empty line before the checkpoint")
        first, *rest = read_utf8(head, _WHAT).split("\n")
        if not first.startswith("old "):
            raise Malformed(_WHAT, "does not begin with the old size", 1)
        old = read_number(first.removeprefix("old "), _WHAT, 1)
        if len(rest) > MAX_PROOF:
            raise Malformed(_WHAT, f"more than {MAX_PROOF} hashes", MAX_PROOF + 2)
        proof = tuple(read_hash(line, _WHAT, number) for number, line in enumerate(rest, 2))
        return cls(old, proof, checkpoint)


@dataclass(frozen=True, slots=True)
class Answer:
    """A witness's answer. status: HTTP; cosignatures for 200, size (its latest) for 409."""

    status: int
    cosignatures: tuple[Signature, ...] = ()
    size: int | None = None

    def encode(self) -> bytes:
        """The body: signature lines, or a size (Content-Type SIZE_TYPE). C2SP tlog-witness."""
        size = "" if self.size is None else f"{self.size}\n"
        return "".join((*(found.line for found in self.cosignatures), size)).encode()

    @classmethod
    def parse(cls, status: int, body: bytes) -> Answer:
        """Read an answer: the body of 200 and 409. Raises Malformed. Source: C2SP tlog-witness."""
        if len(body) > MAX_BYTES:
            raise Malformed("witness answer", f"{len(body)} bytes; {MAX_BYTES} are read")
        if status == HTTPStatus.OK:
            return cls(status, read_signatures(read_utf8(body, "witness answer")))
        if status == HTTPStatus.CONFLICT:
            text = read_utf8(body, "witness answer")
            return cls(status, size=read_number(text.removesuffix("\n"), "witness answer", 1))
        return cls(status)


def accept(note: Note, answer: Answer, witnesses: Iterable[VerifierKey]) -> Note:
    """The checkpoint with those cosignatures of the answer that known witnesses made.

    Source: C2SP tlog-witness: unknown keys are ignored. Raises SignatureRejected when none is
    good, or one of a known key is wrong.
    """
    known = tuple(witnesses)
    good = [found for found in answer.cosignatures if any(key.signed(found) for key in known)]
    if not good:
        raise SignatureRejected(f"the witness answered {answer.status} without a known cosignature")
    Note(note.text, tuple(good)).verify(known)
    return note.with_signatures(good)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a witness makes of a request. To be signed and kept only where status is 200."""

    status: int
    reason: str
    checkpoint: Checkpoint | None = None
    size: int | None = None


def consider(last: Checkpoint | None, data: bytes, trust: Trust) -> Verdict:
    """Judge an add-checkpoint body as a witness that cosigned `last` (None: nothing) must.

    trust: the log's keys; its witnesses and quorum are not asked for here. On 200, write
    `checkpoint` down in the same transaction in which `last` was read, then cosign it.

    1. 400: not a request, or old above new. 2. 404: another origin. 3. 403: not signed by the
    log. 4. 409 with the size: not where this witness stands, or another root at its size.
    5. 422: inconsistent. Source: C2SP tlog-witness, "add-checkpoint". Raises nothing.
    """
    try:
        request = AddCheckpoint.parse(data)  # 1
        note = Note.parse(request.checkpoint)
        new = Checkpoint.parse(note.text)
    except EvidenceError as error:
        return Verdict(HTTPStatus.BAD_REQUEST, str(error))
    if new.origin != trust.origin:  # 2
        return Verdict(HTTPStatus.NOT_FOUND, "unknown origin")
    try:
        note.verify(trust.log)  # 3
    except EvidenceError as error:
        return Verdict(HTTPStatus.FORBIDDEN, str(error))
    return _follow(last, request, new)


def _follow(last: Checkpoint | None, request: AddCheckpoint, new: Checkpoint) -> Verdict:
    size, root = (0, EMPTY_ROOT) if last is None else (last.size, last.root)
    if request.old > new.size:
        return Verdict(HTTPStatus.BAD_REQUEST, "the old size is above the checkpoint's")
    if request.old != size or (size == new.size and root != new.root):  # 4
        return Verdict(HTTPStatus.CONFLICT, "not what this witness cosigned last", size=size)
    try:
        verify_consistency(size, new.size, root, new.root, request.proof)  # 5
    except ProofRejected as error:
        return Verdict(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
    return Verdict(HTTPStatus.OK, "consistent", new)


def cosign(key: SigningKey, verdict: Verdict, at: int) -> Answer:
    """Answer for a verdict; a cosignature only where it is 200. at: seconds since the epoch.

    Sources: C2SP tlog-witness, tlog-cosignature. Raises Malformed for a key of type 01.
    """
    if verdict.checkpoint is None:
        return Answer(verdict.status, size=verdict.size)
    return Answer(verdict.status, (key.sign(verdict.checkpoint.body, at),))
