"""Logs of schema 1, as they were written before there were hashes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import apsw
import pytest

from guardrail.chain.entry import entry_leaf, read_body
from guardrail.chain.frontier import tree_root
from guardrail.errors import ConfigurationError
from guardrail.log import open_log
from guardrail.log.body import canonical
from guardrail.log.sqlite.store import APPLICATION_ID
from tests.log.support import ALLOW, REFUSE, closed, opened, output_refusal, rows


class Table(NamedTuple):
    """How a table is read and written, the same in both schemas."""

    read: str
    write: str


SCHEMA = Path(__file__).with_name("schema1.sql").read_text("utf-8")
ENTRIES = "SELECT seq - 1, attempt, event, at, body FROM entries WHERE event <> 'worker'"
ATTEMPTS = """SELECT attempt, opened_seq - 1, closed_seq - 1, at, operation, jurisdiction, tier,
 policy, user, conversation, stage, action, rule, reason, outcome FROM attempts"""
TABLES = (
    Table("SELECT seq - 1, nonce, excerpt FROM private", "INSERT INTO private VALUES (?, ?, ?)"),
    Table(ATTEMPTS, "INSERT INTO attempts VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"),
    Table("SELECT * FROM counts", "INSERT INTO counts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
)
OLD = "SELECT seq, attempt, event, at, body FROM entries ORDER BY seq"


def schema1(path: Path, count: int) -> None:
    """Turn a log into what the previous version would have written, without entries of workers."""
    with open_log(f"sqlite:///{path}?excerpt=20") as log:
        for number in range(count):
            late = number % 3 == 0
            entry = opened(ALLOW if late else REFUSE)
            log.open(entry)
            log.close(closed(entry, decision=output_refusal() if late else REFUSE))
    entries = rows(path, ENTRIES)
    tables = [(table, rows(path, table.read)) for table in TABLES]
    meta = {**dict(rows(path, "SELECT key, value FROM meta")), "schema": "1"}
    for file in path.parent.iterdir():
        if file.name != "attempts.db.key":
            file.unlink()
    path.touch(0o600)
    old = apsw.Connection(str(path))
    old.pragma("journal_mode", "wal")
    old.execute(SCHEMA)
    old.execute(f"PRAGMA application_id={APPLICATION_ID}")
    for seq, attempt, event, at, text in entries:
        body = json.loads(text)
        del body["event"]
        row = (seq, attempt, event, at, canonical({**body, "at_ns": at}))
        old.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", row)
    kept = [(key, meta[key]) for key in ("schema", "origin", "created", "key_id")]
    old.executemany("INSERT INTO meta VALUES (?, ?)", kept)
    for table, values in tables:
        old.executemany(table.write, values)
    old.close()


def test_every_entry_stays_as_it_was(url: str, path: Path) -> None:
    schema1(path, 200)
    before = rows(path, OLD)
    with open_log(url, readonly=True) as log:
        found = [(row.id, row.opened, row.closed) for row in log.attempts()]
        counts = log.stats(by=["rule", "action"])
    assert len(found) == 200
    with open_log(url) as log:
        assert [(row.id, row.opened, row.closed) for row in log.attempts()] == found
        assert log.stats(by=["rule", "action"]) == counts
        assert log.excerpt(found[0][0]) == "a garden in autumn"
        entry = opened(REFUSE)
        log.open(entry)
        log.close(closed(entry))
        assert log.attempt(entry.id).outcome == "refused"
    after = rows(path, OLD)
    assert after[: len(before)] == before
    leaves = [leaf for (leaf,) in rows(path, "SELECT leaf FROM entries ORDER BY seq")]
    assert leaves == [entry_leaf(body.encode()) for *_, body in after]
    record = read_body(after[len(before)][-1].encode())
    assert (record["event"], record["entries"]) == ("migrated", len(before))
    assert record["root"] == tree_root(leaves[: len(before)]).hex()
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "PRAGMA foreign_key_check") == []
    with pytest.raises(apsw.ConstraintError, match="append-only"):
        rows(path, "UPDATE entries SET at = 1")


def test_it_happens_once(url: str, path: Path) -> None:
    schema1(path, 1)
    for _ in range(2):
        open_log(url).shutdown()
    assert rows(path, "SELECT count(*) FROM entries WHERE event = 'migrated'") == [(1,)]


def test_an_empty_log(url: str, path: Path) -> None:
    open_log(url).shutdown()
    schema1_of_nothing(path)
    open_log(url).shutdown()
    assert rows(path, "SELECT seq, event FROM entries") == [(1, "migrated")]


def schema1_of_nothing(path: Path) -> None:
    meta = [row for row in rows(path, "SELECT * FROM meta") if row[0] in {"origin", "key_id"}]
    for file in path.parent.iterdir():
        if file.name != "attempts.db.key":
            file.unlink()
    old = apsw.Connection(str(path))
    old.execute(SCHEMA)
    old.execute(f"PRAGMA application_id={APPLICATION_ID}")
    old.executemany("INSERT INTO meta VALUES (?, ?)", [("schema", "1"), *meta])
    old.close()


def test_an_interrupted_migration_changes_nothing(
    url: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema1(path, 20)
    before = rows(path, OLD)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("guardrail.log.sqlite.migrate._record", stop)
        with pytest.raises(KeyboardInterrupt):
            open_log(url)
    assert rows(path, OLD) == before
    assert rows(path, "SELECT value FROM meta WHERE key = 'schema'") == [("1",)]
    open_log(url).shutdown()
    assert rows(path, "SELECT value FROM meta WHERE key = 'schema'") == [("2",)]


def test_an_old_copy_of_a_log_that_was_signed_is_refused(url: str, path: Path) -> None:
    schema1(path, 3)
    old = path.read_bytes()
    open_log(url).shutdown()
    for name in ("-wal", "-shm"):
        path.with_name(path.name + name).unlink(missing_ok=True)
    path.write_bytes(old)
    with pytest.raises(ConfigurationError, match=r"says that a log of \d+ entries was here"):
        open_log(url)
    assert rows(path, "SELECT value FROM meta WHERE key = 'schema'") == [("1",)]
