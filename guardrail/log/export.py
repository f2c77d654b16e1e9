"""The log as files for somebody else: JSON lines, or the tiles and bundles of C2SP tlog-tiles."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from guardrail.chain.entry import body_of, entry_bytes, read_body
from guardrail.chain.errors import EvidenceError, Malformed
from guardrail.chain.faults import Fault, FaultKind
from guardrail.chain.proofs import verify_consistency
from guardrail.chain.reading import Row
from guardrail.chain.tiles import (
    TILE_WIDTH,
    Tile,
    TileHashes,
    bundles_of,
    decode_bundle,
    encode_bundle,
    encode_tile,
    tiles_of,
)
from guardrail.chain.tree import consistency_proof
from guardrail.chain.trust import Trust
from guardrail.chain.verify import Held, Kept, verify_log
from guardrail.errors import ConfigurationError, LogUnavailable
from guardrail.log.attested import Attestations, unsigned_by
from guardrail.log.copies import COSIGNED, STAMPS, best_note, copy_attestations
from guardrail.log.opening import open_for_reading
from guardrail.log.recount import TreeCheck, Workers
from guardrail.log.tree import StoredHashes
from guardrail.log.verify import Given, Verification, by_size, log_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from guardrail.chain.checkpoint import Checkpoint
    from guardrail.chain.keys import VerifierKey
    from guardrail.log.location import Location
    from guardrail.log.session import Session
    from guardrail.log.verify import Watch

CHECKPOINT = "checkpoint"
PAGE = 500
_LINES = """SELECT seq, event, leaf, body FROM entries
 WHERE seq > ? AND at >= ? AND at < ? ORDER BY seq LIMIT ?"""
_ENTRIES = "SELECT {body} FROM entries WHERE seq > ? ORDER BY seq LIMIT ?"
_LAST = "SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1"
_FOREVER = (1 << 63) - 1


def json_lines(location: Location, since: int | None, until: int | None) -> Iterator[str]:
    """Every entry written in [since, until) (ns, UTC) as a line, in order; `entry` byte for byte.

    Raises ConfigurationError when there is no log, or one of schema 1.
    """
    store = open_for_reading(location)
    log_key(store)
    after = 0
    bounds = (since or 0, _FOREVER if until is None else until)
    while True:
        with store.reading() as session:
            rows = session.rows(_LINES, (after, *bounds, PAGE))
        for seq, event, leaf, body in rows:
            yield f'{{"seq":{seq},"event":"{event}","leaf":"{leaf.hex()}","entry":{body}}}'
        if len(rows) < PAGE:
            return
        after = rows[-1][0]


def write_tiles(location: Location, folder: Path, watch: Watch | None = None) -> Checkpoint:
    """Write everything that is signed into `folder`; what an earlier export left there is added to.

    The checkpoint comes last, so that a folder is whole whenever it has one.

    Raises ConfigurationError when an earlier export is not of this log, or the log cannot prove
    what it signed; LogUnavailable when nothing is signed yet.
    """
    store = open_for_reading(location)
    trust = _trust(log_key(store))
    with store.reading() as session:
        note: bytes = session.value(_LAST) or b""
        if not note:
            raise LogUnavailable(f"nothing is signed yet in the attempt log {location.name}")
        try:
            head = trust.open(note).checkpoint
            before = _before(folder, trust)
            since = 0 if before is None else before.size
            _check_grown(before, head, session)
            _write_new(session, folder, head.size, since, watch)
        except EvidenceError as error:
            raise ConfigurationError(f"cannot export to {folder}: {error}") from None
    copy_attestations(location, folder, head.size)
    _write(folder / CHECKPOINT, best_note(location, note))
    return head


def verify_export(folder: Path, given: Given, watch: Watch | None = None) -> Verification:
    """Hold the entries of an export against its checkpoint; needs the log's key, and no log.

    Raises ConfigurationError when there is no export, or no key was given.
    """
    key = given.key
    if key is None:
        raise ConfigurationError("an export is verified with a key kept elsewhere; give --key")
    others = Attestations.within(folder / COSIGNED, folder / STAMPS)
    own = _read(folder / CHECKPOINT)
    named = by_size([(CHECKPOINT, own), *others.named, *given.checkpoints])
    trust = given.trust(key)
    try:
        size = trust.open(own).checkpoint.size
    except EvidenceError:
        size = 0
    hashes = TileHashes(size, lambda tile: _fetch(folder, tile))
    reading = _Bundles(folder, size, TreeCheck(hashes), watch)
    kept = Kept([Held(note) for _, note in named], [data for _, data in given.receipts], hashes)
    report = verify_log(reading.rows(), kept, trust)
    faults = (*report.faults, *reading.faults)
    if not faults:
        faults = tuple(reading.tree.faults)
    attested = others.weigh(named, trust, given.demand)
    faults = (*faults, *attested.faults, *unsigned_by(report.head, given.all_keys))
    return Verification(
        type(report)(report.entries, report.proven, report.head, faults),
        key,
        tuple(name for name, _ in named),
        reading.workers,
        attested,
    )


class _Bundles:
    """Entries as the bundles of a folder have them."""

    def __init__(self, folder: Path, size: int, tree: TreeCheck, watch: Watch | None) -> None:
        self._folder = folder
        self._size = size
        self._watch = watch
        self.tree = tree
        self.workers = Workers()
        self.faults: list[Fault] = []

    def rows(self) -> Iterator[Row]:
        for tile in bundles_of(self._size):
            seq = tile.index * TILE_WIDTH
            for body in self._bodies(tile):
                seq += 1
                self.tree.add(seq, body)
                self._count(body)
                yield Row(seq, body, older=self._is_older(body))
            if self._watch is not None:
                self._watch(seq, self._size)

    def _bodies(self, tile: Tile) -> list[bytes]:
        data = _fetch(self._folder, tile)
        try:
            return [] if data is None else [body_of(found) for found in decode_bundle(tile, data)]
        except Malformed as error:
            first = tile.index * TILE_WIDTH + 1
            detail = f"{tile.path} cannot be read ({error.problem})"
            fault = Fault(FaultKind.UNREADABLE, detail, first, first + tile.width - 1)
            self.faults.append(fault)
            return []

    def _count(self, body: bytes) -> None:
        if b'"event":"worker"' in body:
            with suppress(EvidenceError, KeyError, TypeError):
                self.workers.take(read_body(body))

    def _is_older(self, body: bytes) -> bool:
        """Entries of schema 1 name no kind; their bytes are proven, their form is not checked."""
        return b'"event":"' not in body


def _trust(key: VerifierKey) -> Trust:
    return Trust(key.name, (key,))


def _before(folder: Path, trust: Trust) -> Checkpoint | None:
    """The checkpoint of an earlier export; raises EvidenceError when it is not of this log."""
    path = folder / CHECKPOINT
    if path.exists():
        return trust.open(path.read_bytes()).checkpoint
    if folder.exists() and any(folder.iterdir()):
        raise Malformed("export", "the folder is not empty and holds no checkpoint")
    return None


def _check_grown(before: Checkpoint | None, head: Checkpoint, session: Session) -> None:
    if before is not None:
        proof = consistency_proof(StoredHashes(session), before.size, head.size)
        verify_consistency(before.size, head.size, before.root, head.root, proof)


def _write_new(session: Session, folder: Path, size: int, since: int, watch: Watch | None) -> None:
    reader = StoredHashes(session)
    for tile in bundles_of(size, since):
        start = tile.index * TILE_WIDTH
        bodies = session.rows(_ENTRIES.format(body=session.octets("body")), (start, tile.width))
        if len(bodies) != tile.width:
            raise Malformed(tile.path, "entries are missing")
        _write(folder / tile.path, encode_bundle(entry_bytes(body) for (body,) in bodies))
        if watch is not None:
            watch(start + tile.width, size)
    for tile in tiles_of(size, since):
        _write(folder / tile.path, encode_tile(tile, reader))


def _fetch(folder: Path, tile: Tile) -> bytes | None:
    """A tile's bytes; a partial one that is gone is looked for in the full one by the caller."""
    path = folder / tile.path
    return path.read_bytes() if path.is_file() else None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from None


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.new")
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            if path.name == CHECKPOINT:
                os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}") from None
