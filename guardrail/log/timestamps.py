"""Has the newest checkpoint time-stamped by an authority. Source: RFC 3161, over HTTP."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from guardrail.chain.timestamp import (
    MAX_BYTES,
    REQUEST_TYPE,
    Timestamp,
    claimed_timestamp,
    timestamp_request,
    verify_timestamp,
)
from guardrail.log.post import Unreachable, post
from guardrail.log.signed import SignedLog
from guardrail.log.stamps import keep_timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from guardrail.chain.checkpoint import Checkpoint
    from guardrail.log.location import Location

SECONDS = 30.0


class Stamped(NamedTuple):
    """A new time stamp. verified: whether roots bore it out; path: the answer's file."""

    tree: Checkpoint
    stamp: Timestamp
    path: Path
    verified: bool


def timestamp_newest(
    location: Location, authority: str, roots: Sequence[bytes] = (), timeout: float = SECONDS
) -> Stamped:
    """Have the newest checkpoint time-stamped, and keep the answer.

    authority: its URL. roots: certificates (DER) that its signer must lead to; without any the
    answer is only read. timeout: seconds.

    Source: RFC 3161 section 3.4 (HTTP). Raises Unreachable, EvidenceError for a bad answer and
    for what is not installed, LogUnavailable when nothing is signed yet, ConfigurationError.
    """
    log = SignedLog(location)
    try:
        head = log.newest()
    finally:
        log.close()
    request = timestamp_request(head.tree)
    reply = post(authority, request.der, REQUEST_TYPE, timeout=timeout, limit=MAX_BYTES)
    if reply.status != HTTPStatus.OK:
        raise Unreachable(f"it answered {reply.status}")
    if roots:
        stamp = verify_timestamp(reply.body, head.tree, roots, request.nonce)
    else:
        stamp = claimed_timestamp(reply.body, head.tree, request.nonce)
    path = keep_timestamp(location, head.tree.size, head.note, reply.body)
    return Stamped(head.tree, stamp, path, bool(roots))
