"""Whom a verifier believes: the log's keys, and how many of which witnesses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from guardrail.chain.checkpoint import Checkpoint
from guardrail.chain.errors import Malformed, SignatureRejected
from guardrail.chain.keys import Algorithm, VerifierKey
from guardrail.chain.note import Note, Verified

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Opened:
    """A checkpoint whose signatures hold. log, witnesses: who signed, as it stands."""

    checkpoint: Checkpoint
    log: tuple[Verified, ...]
    witnesses: tuple[Verified, ...] = ()

    @property
    def seen_at(self) -> int | None:
        """Earliest time a witness tells, seconds since the epoch: the tree existed by then."""
        return min((found.at for found in self.witnesses if found.at), default=None)


@dataclass(frozen=True, slots=True)
class Trust:
    """What a verifier has to be given beforehand, from elsewhere than the log.

    origin: the log's; log: its keys, at least one; witnesses: keys that may cosign;
    quorum: how many witnesses, counted by name, must have cosigned.

    Sources: C2SP tlog-checkpoint, tlog-cosignature. Raises Malformed when it cannot be met.
    """

    origin: str
    log: tuple[VerifierKey, ...]
    witnesses: tuple[VerifierKey, ...] = ()
    quorum: int = 0

    def __post_init__(self) -> None:
        if not self.log:
            raise Malformed("trust", "no key of the log: nothing could be believed")
        names = {key.name for key in self.witnesses}
        if not 0 <= self.quorum <= len(names):
            raise Malformed("trust", f"a quorum of {self.quorum} among {len(names)} witnesses")
        if any(key.algorithm is Algorithm.ED25519 for key in self.witnesses):
            raise Malformed("trust", "a witness signs cosignatures (type 04 or 06), not 01")
        if {*self.log} & {*self.witnesses}:
            raise Malformed("trust", "a key of the log cannot be its own witness")

    def open(self, data: bytes) -> Opened:
        """Read a signed checkpoint and believe it only if it deserves it.

        1. It is a note and a checkpoint. 2. It is of this origin. 3. The log signed it, and what
        it signed covers every line. 4. Enough witnesses cosigned it. 5. No trusted key's
        signature in it is wrong.

        Sources: C2SP signed-note, tlog-checkpoint, tlog-cosignature. Raises Malformed,
        SignatureRejected, EvidenceUnavailable.
        """
        note = Note.parse(data)  # 1
        checkpoint = Checkpoint.parse(note.text)
        if checkpoint.origin != self.origin:  # 2
            raise SignatureRejected(f"a checkpoint of {checkpoint.origin!r}, not {self.origin!r}")
        log = note.verify(self.log)  # 3, 5
        _check_covered(checkpoint, log)
        cosigned = self._cosigned(note)  # 4, 5
        names = {found.key.name for found in cosigned}
        if len(names) < self.quorum:
            raise SignatureRejected(
                f"{len(names)} of the {self.quorum} witnesses needed have cosigned size "
                f"{checkpoint.size}"
            )
        return Opened(checkpoint, log, cosigned)

    def _cosigned(self, note: Note) -> tuple[Verified, ...]:
        known = any(key.signed(found) for key in self.witnesses for found in note.signatures)
        return note.verify(self.witnesses) if known else ()


def _check_covered(checkpoint: Checkpoint, log: Iterable[Verified]) -> None:
    partial = all(found.key.algorithm is Algorithm.COSIGNATURE_ML_DSA_44 for found in log)
    if checkpoint.extensions and partial:
        raise SignatureRejected("extension lines that the log's ML-DSA-44 signature does not cover")
