"""Time stamps of a checkpoint by somebody else's authority. Source: RFC 3161.

Needs the extra `timestamp`. Sending the request is not done here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from guardrail.chain.errors import EvidenceUnavailable, Malformed, SignatureRejected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rfc3161_client import TimeStampResponse, TimeStampTokenInfo, Verifier

    from guardrail.chain.checkpoint import Checkpoint

REQUEST_TYPE = "application/timestamp-query"
RESPONSE_TYPE = "application/timestamp-reply"
MAX_BYTES = 100_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class TimestampRequest:
    """What to POST to the authority. der: the body; nonce: what its answer must repeat, if any."""

    der: bytes
    nonce: int | None


@dataclass(frozen=True, slots=True)
class Timestamp:
    """That a checkpoint existed. at: ns since the epoch, UTC; policy: OID of the authority's."""

    at: int
    policy: str
    serial: int


def timestamp_request(checkpoint: Checkpoint) -> TimestampRequest:
    """Ask for a time stamp over SHA-256 of the checkpoint's note text, certificate included.

    Source: RFC 3161 section 2.4.1. Raises EvidenceUnavailable without the extra `timestamp`.
    """
    try:
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
    except ImportError:
        raise EvidenceUnavailable(_needed()) from None
    request = (
        TimestampRequestBuilder()
        .data(checkpoint.body.encode())
        .hash_algorithm(HashAlgorithm.SHA256)
        .build()
    )
    return TimestampRequest(request.as_bytes(), request.nonce)


def verify_timestamp(
    response: bytes, checkpoint: Checkpoint, roots: Sequence[bytes], nonce: int | None = None
) -> Timestamp:
    """Check an authority's answer over `checkpoint`, at any later time and offline.

    roots: DER certificates, from elsewhere than the answer, that its signer must lead to; they
    have to have been valid at the time stamped. nonce: the request's, while it is at hand.

    1. It is a granted response. 2. It is signed by a certificate for time stamping under
    `roots`. 3. It repeats the nonce. 4. It is over this checkpoint's text.

    Source: RFC 3161 sections 2.3 and 2.4.2. Raises Malformed, SignatureRejected,
    EvidenceUnavailable.
    """
    try:
        from rfc3161_client import VerificationError
    except ImportError:
        raise EvidenceUnavailable(_needed()) from None
    answer = _decoded(response)
    try:
        _verifier(roots, nonce).verify_message(answer, checkpoint.body.encode())
    except (VerificationError, ValueError) as error:
        raise SignatureRejected(f"the time stamp does not hold: {error}") from None
    return _read(answer.tst_info)


def claimed_timestamp(
    response: bytes, checkpoint: Checkpoint, nonce: int | None = None
) -> Timestamp:
    """What an answer says, where no roots are at hand: nobody vouches for it yet.

    1. It is a granted response. 2. It repeats the nonce. 3. It is over this checkpoint's text.

    Source: RFC 3161 section 2.4.2. Raises Malformed, SignatureRejected, EvidenceUnavailable.
    """
    try:
        info = _decoded(response).tst_info
    except ImportError:
        raise EvidenceUnavailable(_needed()) from None
    if nonce is not None and info.nonce != nonce:
        raise SignatureRejected("the time stamp does not repeat the nonce of its request")
    if info.message_imprint.message != sha256(checkpoint.body.encode()).digest():
        raise SignatureRejected("the time stamp is over something else than this checkpoint")
    return _read(info)


def _read(info: TimeStampTokenInfo) -> Timestamp:
    at = (info.gen_time - _EPOCH) // _MICROSECOND * 1000
    return Timestamp(at, info.policy.dotted_string, info.serial_number)


def _decoded(response: bytes) -> TimeStampResponse:
    from rfc3161_client import decode_timestamp_response

    if len(response) > MAX_BYTES:
        raise Malformed("time stamp", f"{len(response)} bytes; {MAX_BYTES} are read")
    try:
        answer = decode_timestamp_response(response)
        status = answer.status
    except ValueError:
        raise Malformed("time stamp", "not a response of RFC 3161") from None
    if status != 0:
        raise SignatureRejected(f"the authority did not grant the time stamp (status {status})")
    return answer


def _verifier(roots: Sequence[bytes], nonce: int | None) -> Verifier:
    from cryptography.x509 import load_der_x509_certificate
    from rfc3161_client import VerifierBuilder

    builder = VerifierBuilder() if nonce is None else VerifierBuilder().nonce(nonce)
    for root in roots:
        try:
            certificate = load_der_x509_certificate(root)
        except ValueError:
            raise Malformed("time stamp root", "not a certificate in DER") from None
        builder = builder.add_root_certificate(certificate)
    return builder.build()


def _needed() -> str:
    return "time stamps need rfc3161-client: pip install 'likeness-guardrail[timestamp]'"
