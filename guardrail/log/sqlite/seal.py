"""From schema 2 to schema 3: entries stay as they are, excerpts get data keys."""

from __future__ import annotations

import logging
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from guardrail.chain.entry import canonical, entry_leaf
from guardrail.errors import ConfigurationError
from guardrail.log.personal import store
from guardrail.log.times import iso
from guardrail.log.tree import append_leaves, read_frontier

if TYPE_CHECKING:
    from collections.abc import Iterator

    import apsw

    from guardrail.log.session import WriteSession
    from guardrail.log.vault import Vault

PRIVATE = Path(__file__).with_name("private.sql")
_BATCH = 2048
_OLD = """SELECT p.seq, p.nonce, p.excerpt, e.attempt, a.user FROM private_2 AS p
 JOIN entries AS e ON e.seq = p.seq LEFT JOIN attempts AS a ON a.attempt = e.attempt
 ORDER BY p.seq"""
_logger = logging.getLogger(__name__)


def seal_older(connection: apsw.Connection, session: WriteSession, vault: Vault) -> None:
    """Bring a log of schema 2 to schema 3, in one transaction; hold the file lock.

    Bodies were signed and stay byte for byte, pseudonyms in them included. Excerpts that do not
    open with the key file are dropped; the last entry, `migrated`, says how many.

    Raises apsw.Error.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("ALTER TABLE private RENAME TO private_2")
        connection.execute(PRIVATE.read_text("utf-8"))
        dropped = _reseal(connection, session, vault)
        connection.execute("DROP TABLE private_2")
        connection.execute("UPDATE meta SET value = '3' WHERE key = 'schema'")
        connection.execute("INSERT INTO meta VALUES ('generation', '0')")
        _record(session, dropped)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _reseal(connection: apsw.Connection, session: WriteSession, vault: Vault) -> int:
    dropped = 0
    for rows in _batches(connection):
        placed = []
        for seq, nonce, excerpt, attempt, user in rows:
            try:
                text = vault.keys.unseal(nonce, excerpt, attempt)
            except ConfigurationError as error:
                _logger.error("%s; it is dropped", error)  # noqa: TRY400 (no traceback: expected)
                dropped += 1
                continue
            _, sealed = vault.seal({"excerpt": text}, user or "", attempt)
            placed.append((seq, sealed))
        store(session, placed)
    return dropped


def _batches(connection: apsw.Connection) -> Iterator[list[tuple[int, bytes, bytes, str, str]]]:
    rows = connection.execute(_OLD)
    while batch := list(islice(rows, _BATCH)):
        yield batch


def _record(session: WriteSession, dropped: int) -> None:
    at, frontier = time.time_ns(), read_frontier(session)
    body = canonical(
        {
            "event": "migrated",
            "at": iso(at),
            "from": 2,
            "to": 3,
            "entries": frontier.size,
            "root": frontier.root.hex(),
            "excerpts_dropped": dropped,
        }
    )
    leaf = entry_leaf(body)
    session.insert("entries", [(frontier.size + 1, "", "migrated", at, leaf, body.decode())])
    append_leaves(session, frontier, (leaf,))
