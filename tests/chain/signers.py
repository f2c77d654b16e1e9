"""Keys and signed trees for the tests."""

from __future__ import annotations

from guardrail.chain.checkpoint import Checkpoint
from guardrail.chain.frontier import tree_root
from guardrail.chain.hashing import leaf_hash
from guardrail.chain.keys import Algorithm, SigningKey
from guardrail.chain.note import Note
from guardrail.chain.trust import Trust

ORIGIN = "log.example/attempts"
LOG = SigningKey(ORIGIN, Algorithm.ED25519, b"log key".ljust(32, b"."))
WITNESS = SigningKey("witness.example/w1", Algorithm.COSIGNATURE_ED25519, b"w1".ljust(32, b"."))
SECOND = SigningKey("witness.example/w2", Algorithm.COSIGNATURE_ML_DSA_44, b"w2".ljust(32, b"."))
STRANGER = SigningKey(ORIGIN, Algorithm.ED25519, b"another key".ljust(32, b"."))
TRUST = Trust(ORIGIN, (LOG.verifier,))
WITNESSED = Trust(ORIGIN, (LOG.verifier,), (WITNESS.verifier, SECOND.verifier), 2)
AT = 1_790_000_000


def tree_of(entries: list[bytes], origin: str = ORIGIN) -> Checkpoint:
    return Checkpoint(origin, len(entries), tree_root(map(leaf_hash, entries)))


def signed(checkpoint: Checkpoint, *keys: SigningKey) -> bytes:
    return note_of(checkpoint, *keys).encode()


def note_of(checkpoint: Checkpoint, *keys: SigningKey) -> Note:
    body = checkpoint.body
    signers = keys or (LOG,)
    return Note(body, tuple(key.sign(body, AT if key.timed else None) for key in signers))


def flip(data: bytes, at: int, bit: int = 0) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1 << bit
    return bytes(changed)
