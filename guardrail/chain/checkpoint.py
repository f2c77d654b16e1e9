"""What a log signs: its name, its size and its root. Source: C2SP tlog-checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

from guardrail.chain.errors import Malformed
from guardrail.chain.hashing import HASH_SIZE, MAX_SIZE
from guardrail.chain.plain import is_text, read_hash, read_number, write_base64

_WHAT = "checkpoint"
_LINES = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree as its log states it, not yet signed.

    origin: the log's identity, one line, such as `example.com/guardrail/eu-1`.
    size: entries in the tree.
    root: their Merkle tree hash, 32 bytes.
    extensions: further lines, opaque; not recommended, and not covered by ML-DSA-44 signatures.

    Source: C2SP tlog-checkpoint, "Note text". Raises Malformed.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.origin or not is_text(self.origin):
            raise Malformed(_WHAT, "the origin must be one line of text", 1)
        if not 0 <= self.size <= MAX_SIZE:
            raise Malformed(_WHAT, f"size {self.size} is out of range", 2)
        if len(self.root) != HASH_SIZE:
            raise Malformed(_WHAT, f"a root of {len(self.root)} bytes, not {HASH_SIZE}", 3)
        if not all(line and is_text(line) for line in self.extensions):
            raise Malformed(_WHAT, "an extension must be one line of text", 4)

    @property
    def body(self) -> str:
        """The note text: origin, size, root, extensions, a line each. C2SP tlog-checkpoint."""
        lines = (self.origin, str(self.size), write_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, body: str) -> Checkpoint:
        """Read a note text; raises Malformed with the line. Source: C2SP tlog-checkpoint."""
        *lines, last = body.split("\n")
        if last:
            raise Malformed(_WHAT, "the last line does not end", len(lines) + 1)
        if len(lines) < _LINES:
            raise Malformed(_WHAT, "needs an origin, a size and a root", len(lines))
        for number, line in enumerate(lines, 1):
            if not line:
                raise Malformed(_WHAT, "an empty line", number)
        size, root = read_number(lines[1], _WHAT, 2), read_hash(lines[2], _WHAT, 3)
        return cls(lines[0], size, root, tuple(lines[_LINES:]))
