"""From schema 1 to schema 2: every entry stays as it is, byte for byte, and gets its leaf hash."""

from __future__ import annotations

import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from guardrail.chain.entry import canonical, entry_leaf
from guardrail.log.times import iso
from guardrail.log.tree import append_leaves, read_frontier

if TYPE_CHECKING:
    from collections.abc import Iterator

    import apsw

    from guardrail.chain.frontier import Frontier
    from guardrail.log.session import WriteSession

ENTRIES = Path(__file__).with_name("entries.sql")
_BATCH = 2048
_TRIGGERS = ("entries_keep_rows", "entries_keep_values", "entries_keep_order")
_INSERT = "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)"


def migrate(connection: apsw.Connection, session: WriteSession, verifier_key: str) -> None:
    """Bring a log of schema 1 to schema 2, in one transaction; hold the file lock.

    The last entry, `migrated`, says how many came over and what their root is. They are of an
    older form (not RFC 8785), so that their bytes are proven from here on, and their form is not
    checked. verifier_key: of the key that will sign.

    Raises apsw.Error, and Malformed for an entry of more than 64 KiB.
    """
    connection.execute("PRAGMA foreign_keys=OFF; PRAGMA legacy_alter_table=ON")
    try:
        connection.execute("BEGIN IMMEDIATE")
        for trigger in _TRIGGERS:
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("ALTER TABLE entries RENAME TO entries_1")
        connection.execute(ENTRIES.read_text("utf-8"))
        older = _copy(connection, session)
        _record(session, older)
        connection.execute("DROP TABLE entries_1")
        connection.execute("UPDATE meta SET value = '2' WHERE key = 'schema'")
        meta = [("verifier_key", verifier_key), ("older_entries", str(older.size))]
        connection.executemany("INSERT INTO meta VALUES (?, ?)", meta)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    finally:
        connection.execute("PRAGMA legacy_alter_table=OFF; PRAGMA foreign_keys=ON")


def _copy(connection: apsw.Connection, session: WriteSession) -> Frontier:
    frontier = read_frontier(session)
    for rows in _batches(connection):
        leaves = [entry_leaf(body.encode()) for *_, body in rows]
        values = [(*row[:4], leaf, row[4]) for row, leaf in zip(rows, leaves, strict=True)]
        connection.executemany(_INSERT, values)
        frontier = append_leaves(session, frontier, leaves)
    return frontier


def _batches(connection: apsw.Connection) -> Iterator[list[tuple[int, str, str, int, str]]]:
    rows = connection.execute("SELECT seq, attempt, event, at, body FROM entries_1 ORDER BY seq")
    while batch := list(islice(rows, _BATCH)):
        yield batch


def _record(session: WriteSession, frontier: Frontier) -> None:
    at = time.time_ns()
    body = canonical(
        {
            "event": "migrated",
            "at": iso(at),
            "from": 1,
            "to": 2,
            "entries": frontier.size,
            "root": frontier.root.hex(),
        }
    )
    leaf = entry_leaf(body)
    seq = frontier.size + 1
    session.insert("entries", [(seq, "", "migrated", at, leaf, body.decode())])
    append_leaves(session, frontier, (leaf,))
