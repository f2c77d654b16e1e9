"""Receipts: that one entry stands in the log, in a file that needs nothing but the public key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from guardrail.chain.entry import body_of, entry_bytes, read_body
from guardrail.chain.errors import EvidenceError, Malformed
from guardrail.chain.receipt import Receipt
from guardrail.chain.tree import inclusion_proof
from guardrail.chain.trust import Trust
from guardrail.errors import ConfigurationError, InputError, LogUnavailable
from guardrail.log.attested import Demand
from guardrail.log.copies import covering_note
from guardrail.log.opening import open_for_reading
from guardrail.log.query import one_attempt
from guardrail.log.tree import StoredHashes
from guardrail.log.verify import log_key

if TYPE_CHECKING:
    from guardrail.chain.checkpoint import Checkpoint
    from guardrail.chain.keys import VerifierKey
    from guardrail.log.location import Location
    from guardrail.log.session import Session

Event = Literal["opened", "closed"]
_PLACE = "SELECT opened_seq, closed_seq FROM attempts WHERE attempt = ?"
_BODY = "SELECT {body} FROM entries WHERE seq = ?"
_COVERING = "SELECT note FROM checkpoints WHERE size >= ? ORDER BY size DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class Written:
    """A receipt and what it is of. attempt: the full id; seq: the entry's number, from 1."""

    attempt: str
    event: Event
    seq: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Proven:
    """What a receipt proves: that this entry is number `seq` of the log that `checkpoint` names."""

    seq: int
    body: dict[str, Any]
    checkpoint: Checkpoint


def write_receipt(location: Location, part: str, event: Event | None = None) -> Written:
    """The receipt of an attempt's entry; it holds the entry too, as its `extra`.

    part: the id, its beginning or its end. event: which entry; default the end if there is one.

    Raises InputError when there is no such entry, LogUnavailable when it is not signed yet, and
    ConfigurationError when the log cannot prove it (it was changed).
    """
    store = open_for_reading(location)
    key = log_key(store)
    with store.reading() as session:
        attempt = one_attempt(session, part).id
        opened, closed = session.row(_PLACE, (attempt,)) or (None, None)
        chosen: Event = event or ("opened" if closed is None else "closed")
        seq = opened if chosen == "opened" else closed
        if seq is None:
            raise InputError(f"attempt {attempt} has no entry of the kind {chosen!r}")
        data = _receipt(session, seq, key, location)
    return Written(attempt, chosen, seq, data)


def _receipt(session: Session, seq: int, key: VerifierKey, location: Location) -> bytes:
    note: bytes | None = session.value(_COVERING, (seq,))
    if note is None:
        raise LogUnavailable(f"entry {seq} is not signed yet; try again in a second")
    note = covering_note(location, seq, note)
    trust = Trust(key.name, (key,))
    try:
        body = session.value(_BODY.format(body=session.octets("body")), (seq,))
        entry = entry_bytes(body or b"")
        size = trust.open(note).checkpoint.size
        receipt = Receipt(seq - 1, inclusion_proof(StoredHashes(session), seq - 1, size), note)
        receipt.verify(entry, trust)
    except EvidenceError as error:
        raise ConfigurationError(
            f"the log cannot prove its entry {seq} ({error}); `guardrail log verify` says what "
            "is wrong"
        ) from None
    return Receipt(receipt.index, receipt.proof, note, entry).encode()


def open_receipt(data: bytes, key: VerifierKey, demand: Demand | None = None) -> Proven:
    """Check a receipt that holds its entry, with nothing but public keys.

    demand: witnesses that must have cosigned it; its roots are not used here.

    Raises EvidenceError when it does not prove it.
    """
    demand = demand or Demand()
    receipt = Receipt.parse(data)
    if not receipt.extra:
        raise Malformed("receipt", "holds no entry; verify it together with the log")
    trust = Trust(key.name, (key,), demand.witnesses, demand.quorum)
    opened = receipt.verify(receipt.extra, trust)
    body = body_of(receipt.extra)
    return Proven(receipt.index + 1, _shown(body), opened.checkpoint)


def _shown(body: bytes) -> dict[str, Any]:
    """The entry's fields; those of an older form are proven to the byte, and shown as they are."""
    try:
        return read_body(body)
    except Malformed:
        return {"body": body.decode("utf-8", "replace")}
