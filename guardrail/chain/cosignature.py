"""The messages that cosigners sign over a checkpoint. Source: C2SP tlog-cosignature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrail.chain.errors import Malformed

if TYPE_CHECKING:
    from guardrail.chain.checkpoint import Checkpoint

TIME_SIZE = 8
MAX_TIME = (1 << 63) - 1
_LABEL = b"subtree/v1\n\x00"
_MAX_NAME = 255


def ed25519_message(at: int, body: str) -> bytes:
    """What a cosignature/v1 signs. at: seconds since the epoch; body: the checkpoint's note text.

    Source: C2SP tlog-cosignature, "Ed25519 signed message". Raises Malformed for a bad time.
    """
    return f"cosignature/v1\ntime {_time(at)}\n{body}".encode()


def ml_dsa_message(name: str, at: int, checkpoint: Checkpoint) -> bytes:
    """What an ML-DSA-44 cosignature signs; the checkpoint's extension lines are not covered.

    name: the cosigner's; at: seconds since the epoch, 0 to say nothing of when.

    Source: C2SP tlog-cosignature, "ML-DSA-44 signed message". Raises Malformed.
    """
    return b"".join(
        (
            _LABEL,
            _prefixed(name),
            write_time(at),
            _prefixed(checkpoint.origin),
            (0).to_bytes(8, "big"),
            checkpoint.size.to_bytes(8, "big"),
            checkpoint.root,
        )
    )


def write_time(at: int) -> bytes:
    """`at` (seconds since the epoch) as 8 bytes, big-endian. Source: C2SP tlog-cosignature."""
    return _time(at).to_bytes(TIME_SIZE, "big")


def read_time(data: bytes) -> int:
    """Seconds since the epoch from the first 8 bytes; raises Malformed. C2SP tlog-cosignature."""
    if len(data) < TIME_SIZE:
        raise Malformed("cosignature", "too short for a time")
    return _time(int.from_bytes(data[:TIME_SIZE], "big"))


def _time(at: int) -> int:
    if not 0 <= at <= MAX_TIME:
        raise Malformed("cosignature", f"time {at} is out of range")
    return at


def _prefixed(text: str) -> bytes:
    data = text.encode()
    if not 0 < len(data) <= _MAX_NAME:
        raise Malformed("cosignature", f"a name of {len(data)} bytes; 1 to {_MAX_NAME} fit")
    return len(data).to_bytes(1, "big") + data
