"""The rule a log signs by: never a smaller tree than before, never an inconsistent one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrail.chain.errors import ProofRejected, SigningRefused
from guardrail.chain.note import Note
from guardrail.chain.proofs import verify_consistency

if TYPE_CHECKING:
    from collections.abc import Sequence

    from guardrail.chain.checkpoint import Checkpoint
    from guardrail.chain.keys import SigningKey


def check_successor(last: Checkpoint | None, new: Checkpoint, proof: Sequence[bytes]) -> None:
    """Raise SigningRefused unless `new` may be signed after `last`, the last one ever signed.

    last: None only for a log that never signed; keep it where a rolled-back database cannot take
        it back. proof: consistency proof from `last.size` to `new.size`.

    Source: C2SP tlog-checkpoint, "Signatures"; RFC 6962 section 2.1.2.
    """
    if last is None:
        return
    if new.origin != last.origin:
        raise SigningRefused(f"the log is {last.origin!r}; it cannot sign as {new.origin!r}")
    if new.size < last.size:
        raise SigningRefused(
            f"size {last.size} was signed before, the log now has {new.size} entries: "
            "it was rolled back; restore it, or start a new log under another origin"
        )
    try:
        verify_consistency(last.size, new.size, last.root, new.root, proof)
    except ProofRejected as error:
        raise SigningRefused(
            f"the log was changed after size {last.size} was signed: {error}"
        ) from None


def sign_checkpoint(
    new: Checkpoint,
    keys: Sequence[SigningKey],
    *,
    last: Checkpoint | None,
    proof: Sequence[bytes],
    at: int,
) -> Note:
    """Sign `new` with every key of the log, if it may follow `last`; store it before it goes out.

    at: seconds since the epoch, for keys that sign a time.

    Sources: C2SP tlog-checkpoint, signed-note. Raises SigningRefused, Malformed,
    EvidenceUnavailable.
    """
    check_successor(last, new, proof)
    return Note(new.body, tuple(key.sign(new.body, at if key.timed else None) for key in keys))
