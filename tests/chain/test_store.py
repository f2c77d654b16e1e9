"""What a log has to store to make every proof: leaf hashes, nodes of full tiles, the frontier."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail.chain.checkpoint import Checkpoint
from guardrail.chain.entry import canonical, entry_leaf
from guardrail.chain.errors import SigningRefused
from guardrail.chain.frontier import Frontier
from guardrail.chain.proofs import verify_consistency
from guardrail.chain.signing import sign_checkpoint
from guardrail.chain.tree import MemoryHashes, consistency_proof, inclusion_proof
from guardrail.chain.verify import Held, Kept, Row, verify_log
from tests.chain.signers import AT, LOG, ORIGIN, TRUST

if TYPE_CHECKING:
    from collections.abc import Sequence

TABLES = """
CREATE TABLE entries (seq INTEGER PRIMARY KEY, body BLOB NOT NULL, leaf BLOB NOT NULL);
CREATE TABLE nodes (level INTEGER, place INTEGER, hash BLOB NOT NULL, PRIMARY KEY (level, place));
CREATE TABLE frontier (one INTEGER PRIMARY KEY CHECK (one = 1), state BLOB NOT NULL);
CREATE TABLE checkpoints (size INTEGER PRIMARY KEY, note BLOB NOT NULL);
"""
_LEAVES = "SELECT leaf FROM entries WHERE seq > ? ORDER BY seq LIMIT ?"
_NODES = "SELECT hash FROM nodes WHERE level = ? AND place >= ? ORDER BY place LIMIT ?"


class Store:
    """A log in three tables: the least that one has to do in one transaction."""

    def __init__(self) -> None:
        self.db = sqlite3.connect(":memory:")
        self.db.executescript(TABLES)

    def append(self, bodies: Sequence[bytes]) -> None:
        with self.db:
            frontier = self.frontier
            leaves = [entry_leaf(body) for body in bodies]
            grown, nodes = frontier.grow(leaves)
            rows = enumerate(zip(bodies, leaves, strict=True), frontier.size + 1)
            self.db.executemany(
                "INSERT INTO entries VALUES (?, ?, ?)", [(seq, *row) for seq, row in rows]
            )
            self.db.executemany(
                "INSERT INTO nodes VALUES (?, ?, ?)", [(n.level, n.index, n.hash) for n in nodes]
            )
            self.db.execute("INSERT OR REPLACE INTO frontier VALUES (1, ?)", (grown.encode(),))

    def sign(self) -> bytes:
        with self.db:
            found = self.db.execute("SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1")
            notes = [note for (note,) in found]
            last = TRUST.open(notes[0]).checkpoint if notes else None
            head = Checkpoint(ORIGIN, self.frontier.size, self.frontier.root)
            old = 0 if last is None else last.size
            proof = consistency_proof(self, old, head.size) if old <= head.size else ()
            note = sign_checkpoint(head, [LOG], last=last, proof=proof, at=AT).encode()
            self.db.execute("INSERT OR REPLACE INTO checkpoints VALUES (?, ?)", (head.size, note))
        return note

    @property
    def frontier(self) -> Frontier:
        found = self.db.execute("SELECT state FROM frontier").fetchone()
        return Frontier.decode(found[0]) if found else Frontier()

    def hashes(self, level: int, start: int, count: int) -> Sequence[bytes]:
        found = (
            self.db.execute(_NODES, (level, start, count))
            if level
            else self.db.execute(_LEAVES, (start, count))
        )
        return [row[0] for row in found]

    def rows(self) -> list[Row]:
        return [Row(*row) for row in self.db.execute("SELECT seq, body FROM entries ORDER BY seq")]


def bodies(first: int, count: int) -> list[bytes]:
    return [canonical({"id": f"a{number}"}) for number in range(first, first + count)]


@settings(max_examples=30)
@given(st.lists(st.integers(1, 600), min_size=1, max_size=4), st.data())
def test_a_stored_log_makes_every_proof(batches: list[int], data: st.DataObject) -> None:
    store, notes = Store(), []
    for batch in batches:
        store.append(bodies(store.frontier.size, batch))
        notes.append(store.sign())
    size = sum(batches)
    memory = MemoryHashes(map(entry_leaf, bodies(0, size)))
    index = data.draw(st.integers(0, size - 1))
    assert inclusion_proof(store, index, size) == inclusion_proof(memory, index, size)
    trees = [TRUST.open(note).checkpoint for note in notes]
    proof = consistency_proof(store, trees[0].size, size)
    verify_consistency(trees[0].size, size, trees[0].root, trees[-1].root, proof)
    report = verify_log(store.rows(), Kept([Held(note) for note in notes], recorded=store), TRUST)
    assert report.ok
    assert report.proven == size


def test_a_log_that_was_rolled_back_does_not_sign() -> None:
    store = Store()
    store.append(bodies(0, 300))
    before = store.frontier.encode()
    store.append(bodies(300, 300))
    store.sign()
    store.db.execute("DELETE FROM entries WHERE seq > 300")
    store.db.execute("UPDATE frontier SET state = ?", (before,))
    with pytest.raises(SigningRefused, match="rolled back"):
        store.sign()


def test_a_log_whose_past_was_changed_does_not_sign() -> None:
    store = Store()
    store.append(bodies(0, 300))
    store.sign()
    store.append(bodies(300, 300))
    store.db.execute("UPDATE entries SET leaf = ? WHERE seq = 299", (bytes(32),))
    with pytest.raises(SigningRefused, match="changed after size 300"):
        store.sign()
