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
from guardrail.log.query import find_attempts
from guardrail.log.setup import open_for_reading
from guardrail.log.tree import StoredHashes
from guardrail.log.verify import log_key

if TYPE_CHECKING:
    import apsw

    from guardrail.chain.checkpoint import Checkpoint
    from guardrail.chain.keys import VerifierKey
    from guardrail.log.location import Location

Event = Literal["opened", "closed"]
_PLACE = "SELECT opened_seq, closed_seq FROM attempts WHERE attempt = ?"
_BODY = "SELECT CAST(body AS BLOB) FROM entries WHERE seq = ?"
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
    database = open_for_reading(location)
    key = log_key(database)
    found = find_attempts(database, part) if part else []
    if len(found) != 1:
        many = "no attempt in the log has" if not found else "more than one attempt has"
        raise InputError(f"{many} an id that begins or ends with {part!r}")
    attempt = found[0].id
    with database.lock, database.connection() as connection:
        opened, closed = connection.execute(_PLACE, (attempt,)).get
        chosen: Event = event or ("opened" if closed is None else "closed")
        seq = opened if chosen == "opened" else closed
        if seq is None:
            raise InputError(f"attempt {attempt} has no entry of the kind {chosen!r}")
        data = _receipt(connection, seq, key, location)
    return Written(attempt, chosen, seq, data)


def _receipt(connection: apsw.Connection, seq: int, key: VerifierKey, location: Location) -> bytes:
    note: bytes | None = connection.execute(_COVERING, (seq,)).get
    if note is None:
        raise LogUnavailable(f"entry {seq} is not signed yet; try again in a second")
    note = covering_note(location, seq, note)
    trust = Trust(key.name, (key,))
    try:
        entry = entry_bytes(connection.execute(_BODY, (seq,)).get or b"")
        size = trust.open(note).checkpoint.size
        receipt = Receipt(seq - 1, inclusion_proof(StoredHashes(connection), seq - 1, size), note)
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
