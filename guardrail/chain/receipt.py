"""Receipts: that one entry stands in the log, for whoever has its public key. C2SP tlog-proof."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from guardrail.chain.errors import Malformed
from guardrail.chain.hashing import HASH_SIZE, MAX_SIZE, leaf_hash
from guardrail.chain.note import MAX_BYTES
from guardrail.chain.plain import read_base64, read_hash, read_number, read_utf8, write_base64
from guardrail.chain.proofs import verify_inclusion

if TYPE_CHECKING:
    from guardrail.chain.trust import Opened, Trust

HEADER = "c2sp.org/tlog-proof@v1"
SUFFIX = ".tlog-proof"
MAX_PROOF = 63
_WHAT = "receipt"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A proof that an entry is in a log, checked without asking the log. Source: C2SP tlog-proof.

    index: of the entry, from 0; proof: inclusion proof, from the leaf up; checkpoint: the signed
    note; extra: anything else, which nothing vouches for. Raises Malformed.
    """

    index: int
    proof: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes = b""

    def __post_init__(self) -> None:
        if not 0 <= self.index <= MAX_SIZE:
            raise Malformed(_WHAT, f"index {self.index} is out of range")
        if len(self.proof) > MAX_PROOF or any(len(found) != HASH_SIZE for found in self.proof):
            raise Malformed(_WHAT, f"a proof has at most {MAX_PROOF} hashes of 32 bytes")

    def encode(self) -> bytes:
        """The text of a `.tlog-proof` file. Source: C2SP tlog-proof, "Format"."""
        extra = (f"extra {write_base64(self.extra)}",) if self.extra else ()
        lines = (HEADER, *extra, f"index {self.index}", *map(write_base64, self.proof), "", "")
        return "\n".join(lines).encode() + self.checkpoint

    @classmethod
    def parse(cls, data: bytes) -> Receipt:
        """Read a `.tlog-proof` file; raises Malformed with the line. Source: C2SP tlog-proof."""
        if len(data) > 2 * MAX_BYTES:
            raise Malformed(_WHAT, f"{len(data)} bytes; {2 * MAX_BYTES} are read")
        head, empty, checkpoint = data.partition(b"\n\n")
        header, *lines = read_utf8(head, _WHAT).split("\n")
        if header != HEADER or not empty:
            raise Malformed(_WHAT, f"not {HEADER}, a proof, an empty line and a checkpoint", 1)
        extra, at = b"", 2
        if lines and lines[0].startswith("extra "):
            extra = read_base64(lines.pop(0).removeprefix("extra "), _WHAT, at)
            at += 1
            if not extra:
                raise Malformed(_WHAT, "an empty extra line", at - 1)
        if not lines or not lines[0].startswith("index "):
            raise Malformed(_WHAT, "no index", at)
        index = read_number(lines.pop(0).removeprefix("index "), _WHAT, at)
        if len(lines) > MAX_PROOF:
            raise Malformed(_WHAT, f"more than {MAX_PROOF} hashes", at + MAX_PROOF + 1)
        proof = tuple(read_hash(line, _WHAT, number) for number, line in enumerate(lines, at + 1))
        return cls(index, proof, checkpoint, extra)

    def verify(self, entry: bytes, trust: Trust) -> Opened:
        """Check that `entry` (its leaf bytes) stands in the log at `index`, offline.

        1. The checkpoint is the log's, and witnessed as `trust` asks. 2. The proof leads from
        the entry to its root. `extra` is not looked at.

        Sources: C2SP tlog-proof, RFC 6962 section 2.1.1. Raises Malformed, SignatureRejected,
        ProofRejected, EvidenceUnavailable.
        """
        opened = trust.open(self.checkpoint)  # 1
        tree = opened.checkpoint
        verify_inclusion(leaf_hash(entry), self.index, tree.size, self.proof, tree.root)  # 2
        return opened
