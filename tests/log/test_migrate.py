"""Logs of schema 1, as they were written before there were hashes."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from guardrail.chain.entry import entry_leaf, read_body
from guardrail.chain.frontier import tree_root
from guardrail.errors import ConfigurationError
from guardrail.log import locate, open_log
from guardrail.log.fragments import canonical
from guardrail.log.personal import begun
from guardrail.log.sqlite.store import APPLICATION_ID
from guardrail.log.verify import verify_database
from tests.log.support import ALLOW, REFUSE, closed, opened, output_refusal, rows


class Table(NamedTuple):
    """How a table is read and written, the same in every schema."""

    read: str
    write: str


SCHEMA = Path(__file__).with_name("schema1.sql").read_text("utf-8")
ENTRIES = "SELECT seq - 1, attempt, event, at, body FROM entries WHERE event <> 'worker'"
ATTEMPTS = """SELECT attempt, opened_seq - 1, closed_seq - 1, at, operation, jurisdiction, tier,
 policy, user, conversation, stage, action, rule, reason, outcome FROM attempts"""
TABLES = (
    Table(ATTEMPTS, "INSERT INTO attempts VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"),
    Table("SELECT * FROM counts", "INSERT INTO counts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
)
OLD = "SELECT seq, attempt, event, at, body FROM entries ORDER BY seq"


def schema1(path: Path, count: int) -> None:
    """Turn a log into what the first version would have written, without entries of workers."""
    private = {}
    with open_log(f"sqlite:///{path}?excerpt=20") as log:
        for number in range(count):
            late = number % 3 == 0
            entry = opened(ALLOW if late else REFUSE)
            log.open(entry)
            log.close(closed(entry, decision=output_refusal() if late else REFUSE))
            private[entry.id] = log.private(entry.id) or {}
        keys = log.vault.keys
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
    excerpts = []
    for seq, attempt, event, at, text in entries:
        body = json.loads(text)
        del body["event"]
        if "commitments" in begun(body):
            excerpt = older_opening(begun(body), private[attempt])
            nonce = secrets.token_bytes(12)
            sealed = AESGCM(keys._excerpt).encrypt(nonce, excerpt.encode(), attempt.encode())
            excerpts.append((seq, nonce, sealed))
        row = (seq, attempt, event, at, canonical({**body, "at_ns": at}))
        old.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", row)
    kept = [(key, meta[key]) for key in ("schema", "origin", "created", "key_id")]
    old.executemany("INSERT INTO meta VALUES (?, ?)", kept)
    old.executemany("INSERT INTO private VALUES (?, ?, ?)", excerpts)
    for table, values in tables:
        old.executemany(table.write, values)
    old.close()


def older_opening(body: Any, private: dict[str, Any]) -> str:
    """Let an opening say itself what it now commits to, but for the excerpt, which is given."""
    del body["commitments"]
    rest = {"user": "", "conversation": "", "images": [], **private}
    excerpt: str = rest.pop("excerpt")
    body.update(rest)
    return excerpt


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
    for size in (len(before), len(before) + 1):
        record = read_body(after[size][-1].encode())
        assert (record["event"], record["entries"]) == ("migrated", size)
        assert record["root"] == tree_root(leaves[:size]).hex()
    assert record["excerpts_dropped"] == 0
    assert verify_database(locate(url)).report.ok
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "PRAGMA foreign_key_check") == []
    with pytest.raises(apsw.ConstraintError, match="append-only"):
        rows(path, "UPDATE entries SET at = 1")


def test_it_happens_once(url: str, path: Path) -> None:
    schema1(path, 1)
    for _ in range(2):
        open_log(url).shutdown()
    assert rows(path, "SELECT count(*) FROM entries WHERE event = 'migrated'") == [(2,)]


def test_an_empty_log(url: str, path: Path) -> None:
    open_log(url).shutdown()
    schema1_of_nothing(path)
    open_log(url).shutdown()
    assert rows(path, "SELECT seq, event FROM entries") == [(1, "migrated"), (2, "migrated")]


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


@pytest.mark.parametrize(("step", "schema"), [("migrate", "1"), ("seal", "2")])
def test_an_interrupted_migration_is_gone_on_with(
    url: str, path: Path, monkeypatch: pytest.MonkeyPatch, step: str, schema: str
) -> None:
    schema1(path, 20)
    before = rows(path, OLD)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"guardrail.log.sqlite.{step}._record", stop)
        with pytest.raises(KeyboardInterrupt):
            open_log(url)
    assert rows(path, OLD)[: len(before)] == before
    assert rows(path, "SELECT value FROM meta WHERE key = 'schema'") == [(schema,)]
    open_log(url).shutdown()
    assert rows(path, "SELECT value FROM meta WHERE key = 'schema'") == [("3",)]


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
