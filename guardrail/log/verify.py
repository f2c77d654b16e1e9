"""Verifies a whole log, from its database or from an export, offline and reading only."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from guardrail.chain.errors import EvidenceError
from guardrail.chain.faults import Fault, FaultKind, Report
from guardrail.chain.hashing import MAX_SIZE
from guardrail.chain.keys import VerifierKey
from guardrail.chain.reading import Row
from guardrail.chain.trust import Trust
from guardrail.chain.verify import Held, Kept, verify_log
from guardrail.errors import ConfigurationError, LogUnavailable
from guardrail.log.attested import Attestations, Attested, Demand, unsigned_by
from guardrail.log.index import Stored, begins_attempt, columns, differing
from guardrail.log.opening import make_vault, open_for_reading, read_meta
from guardrail.log.private_check import PrivateCheck, PrivateCount, PrivateRow, read_rows
from guardrail.log.recount import TreeCheck, Workers
from guardrail.log.tree import StoredHashes, read_frontier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from guardrail.chain.frontier import Frontier
    from guardrail.log.location import Location
    from guardrail.log.session import Session, Store
    from guardrail.log.vault import Vault

PAGE = 500
PRIVATE_SCHEMA = 3
_SIZE = re.compile(rb"[^\n]*\n([0-9]{1,19})\n")
Watch: TypeAlias = "Callable[[int, int], None]"
Named: TypeAlias = tuple[str, bytes]
_ROWS = """SELECT {columns} FROM entries AS e LEFT JOIN attempts AS a ON a.attempt = e.attempt
 WHERE e.seq > ? AND e.seq <= ? ORDER BY e.seq LIMIT ?"""
_FOUND = """SELECT count(*) FROM attempts WHERE coalesce(opened_seq, closed_seq, 0) <= ?
 OR coalesce(opened_seq, closed_seq) > (SELECT max(seq) FROM entries)"""
_STRAY = """SELECT attempt FROM attempts AS a WHERE NOT EXISTS (SELECT 1 FROM entries AS e
 WHERE e.seq = coalesce(a.opened_seq, a.closed_seq) AND e.attempt = a.attempt) LIMIT 5"""


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found.

    key: what was believed; checkpoints: names of those held against the log; attested: who else
    saw it, where that was asked for. private: None for an export, which holds none.
    """

    report: Report
    key: VerifierKey
    checkpoints: tuple[str, ...]
    workers: Workers
    attested: Attested = field(default_factory=Attested)
    private: PrivateCount | None = None

    @property
    def unsigned(self) -> int:
        """Entries after the last one that was signed and holds."""
        return self.report.entries - self.report.proven


@dataclass(frozen=True, slots=True)
class Given:
    """What is held against a log besides what it brings itself; each with the name of its file.

    key: kept elsewhere than the log; None believes the key that the log names. more_keys: others
    of the same log; then the newest checkpoint must be signed by all of them. demand: who else must
    have seen it.
    """

    key: VerifierKey | None = None
    checkpoints: Sequence[Named] = ()
    receipts: Sequence[Named] = ()
    more_keys: tuple[VerifierKey, ...] = ()
    demand: Demand = field(default_factory=Demand)

    @property
    def all_keys(self) -> tuple[VerifierKey, ...]:
        """The log's keys, where several were given."""
        return (self.key, *self.more_keys) if self.key and self.more_keys else ()

    def trust(self, key: VerifierKey) -> Trust:
        """Whom to believe of one checkpoint; how many witnesses there are is counted later."""
        return Trust(key.name, (key, *self.more_keys), self.demand.witnesses)


def read_key(text: str) -> VerifierKey:
    """A verifier key, `name+hash+base64`; raises ConfigurationError."""
    try:
        return VerifierKey.parse(text.strip())
    except EvidenceError as error:
        raise ConfigurationError(f"not the public key of a log: {error}") from None


def log_key(store: Store) -> VerifierKey:
    """The key that a log names as its own; raises ConfigurationError for one of schema 1."""
    with store.reading() as session:
        found = read_meta(session, "verifier_key")
    if found is None:
        raise ConfigurationError(
            f"the attempt log {store.name} is of schema 1 and has no evidence; open it once "
            "for writing to bring it to a later one"
        )
    return read_key(found)


def verify_database(
    location: Location, given: Given | None = None, watch: Watch | None = None
) -> Verification:
    """Hold every entry against its hash, the tree, every checkpoint and what it is found by.

    The log may be written meanwhile: what is there at the beginning is verified. watch: called
    with the entries read so far and their number.

    Raises ConfigurationError when it is no log or has no evidence, LogUnavailable when it cannot
    be read. Damage is a fault, not an error.
    """
    given = given or Given()
    store = open_for_reading(location)
    try:
        key = given.key or log_key(store)
        others = Attestations.of(location)
        beside = location.checkpoint  # read first: a writer may add entries and sign them
        own = [(beside.name, beside.read_bytes())] if beside.exists() else []
        state = _State.of(store)
        named = by_size([*state.checkpoints, *own, *others.named, *given.checkpoints])
        reading = _Reading(store, state, _private_check(location, state), watch)
        receipts = [data for _, data in given.receipts]
        kept = Kept([Held(note) for _, note in named], receipts, _Locked(store))
        report = verify_log(reading.rows(), kept, given.trust(key))
        attested = others.weigh(named, given.trust(key), given.demand)
        faults = (*report.faults, *reading.finish(clean=not report.faults), *attested.faults)
        report = replace(report, faults=(*faults, *unsigned_by(report.head, given.all_keys)))
        names = tuple(name for name, _ in named)
        return Verification(report, key, names, reading.workers, attested, reading.private.count)
    finally:
        with store.lock:
            store.close()


def _private_check(location: Location, state: _State) -> PrivateCheck:
    """With the log's keys where they are at hand: without them, less is looked at."""
    vault: Vault | None = None
    problem = "its key file is not here"
    if location.key.exists():
        try:
            vault = make_vault(location)
            if state.key_id not in {keys.id for keys in vault.ring.epochs}:
                vault, problem = None, "the key file beside it is of another log"
        except ConfigurationError as error:
            problem = str(error)
    return PrivateCheck(vault, "" if vault else problem)


def by_size(named: Sequence[Named]) -> list[Named]:
    """In the order of their signing, as far as they can be read."""

    def size(item: Named) -> int:
        found = _SIZE.match(item[1])
        return int(found[1]) if found else MAX_SIZE + 1

    return sorted(named, key=size)


class _Locked:
    """The stored hashes, each read of a moment of its own. See HashReader."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def hashes(self, level: int, start: int, count: int) -> Sequence[bytes]:
        try:
            with self._store.reading() as session:
                return StoredHashes(session).hashes(level, start, count)
        except (ConfigurationError, LogUnavailable):
            return ()


@dataclass(frozen=True, slots=True)
class _State:
    """The log as it is at the beginning. counted: attempts that the hourly counts say opened.

    private: whether it is of a schema that keeps private data apart (3).
    """

    total: int
    counted: int
    frontier: Frontier | None
    older: int
    checkpoints: tuple[Named, ...]
    key_id: str
    private: bool

    @classmethod
    def of(cls, store: Store) -> _State:
        with store.reading() as session:
            older = read_meta(session, "older_entries") or ""
            notes = session.rows("SELECT size, note FROM checkpoints ORDER BY size")
            named = tuple((f"the stored one of size {size}", note) for size, note in notes)
            total: int = session.value("SELECT coalesce(max(seq), 0) FROM entries")
            frontier = _frontier(session)
            counted = int(session.value("SELECT coalesce(sum(opened), 0) FROM counts"))
            key_id = read_meta(session, "key_id") or ""
            private = int(read_meta(session, "schema") or 0) >= PRIVATE_SCHEMA
        first = int(older) if older.isdigit() else 0
        return cls(total, counted, frontier, first, named, key_id, private)


def _frontier(session: Session) -> Frontier | None:
    try:
        return read_frontier(session)
    except EvidenceError:
        return None


class _Reading:
    """Hands the entries over one by one, and looks at what is not signed of each."""

    def __init__(
        self, store: Store, state: _State, private: PrivateCheck, watch: Watch | None
    ) -> None:
        self._store = store
        self._state = state
        self.private = private
        self._watch = watch
        self._attempts = 0
        self.workers = Workers()
        self._faults: list[Fault] = []
        self._tree = TreeCheck(_Locked(store))

    def rows(self) -> Iterator[Row]:
        after, total = 0, self._state.total
        while page := self._page(after):
            for stored, row in page:
                self._look(stored, row)
                yield Row(stored.seq, stored.body, older=stored.seq <= self._state.older)
            last = page[-1][0].seq
            if last <= after:
                self._fault(FaultKind.UNREADABLE, "the database is damaged here", after + 1)
                return
            after = last
            if self._watch is not None:
                self._watch(after, total)

    def finish(self, *, clean: bool) -> list[Fault]:
        """Everything that was found. clean: whether the entries are as they were signed."""
        try:
            with self._store.reading() as session:
                stray = [*self._stray(session), *session.damage()]
        except (ConfigurationError, LogUnavailable) as error:
            stray = [f"the index is damaged ({error})"]
        if self.workers.opened > self._state.counted:
            told = f"{self._state.counted} attempts are counted"
            stray.append(f"{told}, workers wrote that they opened {self.workers.opened}")
        self._faults += [Fault(FaultKind.INDEX, detail) for detail in stray]
        unsaid = self.private.finish(self._state.total)
        self._faults += [Fault(FaultKind.PRIVATE, detail) for detail in unsaid]
        if clean and not self._faults:
            self._faults += self._tree.faults
            if self._tree.frontier != self._state.frontier:
                detail = "the right edge of the tree is not that of its entries"
                self._faults.append(Fault(FaultKind.STORED_HASH, detail))
        return self._faults

    def _page(self, after: int) -> list[tuple[Stored, PrivateRow | None]]:
        try:
            with self._store.reading() as session:
                sql = _ROWS.format(columns=columns(session))
                page = [Stored(*row) for row in session.rows(sql, (after, self._state.total, PAGE))]
                rows = {}
                if page and self._state.private:
                    rows = read_rows(session, after, page[-1].seq)
                return [(stored, rows.get(stored.seq)) for stored in page]
        except (ConfigurationError, LogUnavailable) as error:
            self._fault(FaultKind.UNREADABLE, f"the database is damaged ({error})", after + 1)
            return []

    def _look(self, stored: Stored, row: PrivateRow | None) -> None:
        self._tree.add(stored.seq, stored.body)
        try:
            body = json.loads(stored.body)
            self._attempts += begins_attempt(body)
            self.workers.take(body)
            found = self.private.take(stored.seq, stored.attempt, body, row)
            for problem in (*found.problems, *self.private.erasing(stored.seq, body)):
                self._fault(FaultKind.PRIVATE, problem, stored.seq)
            columns = differing(stored, body, found.names)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            columns = ["body"]
        if columns:
            detail = f"what it is found by is not what it says ({', '.join(columns)})"
            self._fault(FaultKind.INDEX, detail, stored.seq)

    def _stray(self, session: Session) -> list[str]:
        found: int = session.value(_FOUND, (self._state.total,))
        if found == self._attempts:
            return []
        names = [name for (name,) in session.rows(_STRAY)]
        told = f", such as {', '.join(names)}" if names else ""
        return [f"{found} attempts are listed, {self._attempts} have entries{told}"]

    def _fault(self, kind: FaultKind, detail: str, seq: int) -> None:
        self._faults.append(Fault(kind, detail, seq, seq))


def as_json(found: Verification) -> dict[str, Any]:
    """The result, ready for JSON."""
    report = found.report
    head = None if report.head is None else report.head.checkpoint
    return {
        "ok": report.ok,
        "entries": report.entries,
        "proven": report.proven,
        "unsigned": found.unsigned,
        "head": head and {"origin": head.origin, "size": head.size, "root": head.root.hex()},
        "key": str(found.key),
        "workers": asdict(found.workers),
        "private": None if found.private is None else asdict(found.private),
        **found.attested.json,
        "faults": [_fault_json(fault, found) for fault in report.faults],
    }


def _fault_json(fault: Fault, found: Verification) -> dict[str, Any]:
    place = fault.checkpoint
    return {
        "kind": fault.kind.value,
        "detail": fault.detail,
        "first": fault.first,
        "last": fault.last,
        "checkpoint": None if place is None else found.checkpoints[place],
        "receipt": fault.receipt,
    }
