"""The evidence in a pack: checkpoint, key, a receipt for each attempt shown, or the whole log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrail.chain.entry import entry_bytes
from guardrail.chain.errors import EvidenceError
from guardrail.chain.keys import Algorithm
from guardrail.chain.receipt import Receipt
from guardrail.chain.tiles import TILE_WIDTH, bundles_of, encode_bundle, encode_tile, tiles_of
from guardrail.chain.tree import inclusion_proof
from guardrail.chain.trust import Trust
from guardrail.errors import ConfigurationError
from guardrail.log.tree import StoredHashes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from guardrail.audit.gather import Evidence
    from guardrail.audit.pin import Pin
    from guardrail.chain.keys import VerifierKey
    from guardrail.log.session import Session

WHOLE_UP_TO = 50_000
_BODIES = "SELECT seq, {body} FROM entries WHERE seq > ? AND seq <= ? ORDER BY seq"


def is_whole(evidence: Evidence) -> bool:
    """Whether the whole log goes into the pack: as asked, or if it has at most 50,000 entries."""
    wish = evidence.inquiry.evidence
    return wish == "log" or (wish == "auto" and evidence.pinned.checkpoint.size <= WHOLE_UP_TO)


def receipts(session: Session, evidence: Evidence) -> Iterator[tuple[str, bytes]]:
    """A receipt with its entry for each attempt shown, and for each policy entry: name, bytes.

    Raises ConfigurationError when the log cannot prove one of them.
    """
    for number, sample in enumerate(evidence.samples, 1):
        seq = sample.attempt.place.last
        yield f"{number:03}-entry-{seq}.tlog-proof", _receipt(session, seq, evidence)
    for version in evidence.history:
        if version.seq:
            yield f"policy-entry-{version.seq}.tlog-proof", _receipt(session, version.seq, evidence)


def _receipt(session: Session, seq: int, evidence: Evidence) -> bytes:
    pinned, key = evidence.pinned, evidence.key
    bodies = _bodies(session, seq - 1, seq)
    try:
        entry = entry_bytes(bodies[0] if bodies else b"")
        proof = inclusion_proof(StoredHashes(session), seq - 1, pinned.checkpoint.size)
        receipt = Receipt(seq - 1, proof, pinned.note, entry)
        receipt.verify(entry, Trust(key.name, (key,)))
    except EvidenceError as error:
        raise ConfigurationError(
            f"the log cannot prove its entry {seq} ({error}); `guardrail log verify` says what "
            "is wrong"
        ) from None
    return receipt.encode()


def tiles(session: Session, pinned: Pin) -> Iterator[tuple[str, bytes]]:
    """The log up to the pin as C2SP tlog-tiles: path, bytes; raises ConfigurationError."""
    size = pinned.checkpoint.size
    reader = StoredHashes(session)
    try:
        for tile in bundles_of(size):
            start = tile.index * TILE_WIDTH
            bodies = _bodies(session, start, start + tile.width)
            if len(bodies) != tile.width:
                raise ConfigurationError(f"the log lacks entries of {tile.path}")
            yield tile.path, encode_bundle(map(entry_bytes, bodies))
        for tile in tiles_of(size):
            yield tile.path, encode_tile(tile, reader)
    except EvidenceError as error:
        raise ConfigurationError(f"the log cannot be exported ({error})") from None
    yield "checkpoint", pinned.note


def pem(key: VerifierKey) -> bytes:
    """The log's Ed25519 key as openssl reads it (RFC 8410); nothing for another algorithm."""
    if key.algorithm is not Algorithm.ED25519:
        return b""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return Ed25519PublicKey.from_public_bytes(key.public).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _bodies(session: Session, after: int, last: int) -> list[bytes]:
    """Bodies of the entries in (after, last], as they were signed."""
    sql = _BODIES.format(body=session.octets("body"))
    return [bytes(body) for _, body in session.rows(sql, (after, last))]
