"""What the engine does by itself: ready-made rows, 64 in a transaction."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import apsw
from log_load import IN_FLIGHT, Job, Load, Result

from guardrail.log import locate, open_log
from guardrail.log.sqlite.store import CHECKPOINT_PAGES

Row = tuple[Any, ...]
_COUNT = """INSERT INTO counts VALUES (1, 'o', 'JP', 'free', 'p', 1, 0, 0, 0, 0, 0)
ON CONFLICT (hour, operation, jurisdiction, tier, policy) DO UPDATE SET opened = opened + 1"""
_TRIGGERS = ("entries_keep_rows", "entries_keep_values", "entries_keep_order")
_TABLES = {"entries": 6, "attempts": 15, "private": 5}
_KEY = "INSERT INTO data_keys VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"


def bare(job: Job, begin: Callable[[], object]) -> Result:
    """Insert for `job.seconds`; a plain attempt is one update of a count."""
    path = locate(job.url).path
    rows = _ready(job, path)
    connection = _open(path)
    lock = os.open(path.with_suffix(".bare"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    ids = (f"{os.getpid():016x}{n:016x}" for n in count())
    times = []
    begin()
    start = time.perf_counter()
    while (at := time.perf_counter()) < start + job.seconds:
        fcntl.flock(lock, fcntl.LOCK_EX)
        connection.execute("BEGIN IMMEDIATE")
        _insert(connection, rows, ids)
        connection.execute("COMMIT")
        if job.delay:
            time.sleep(job.delay)
        fcntl.flock(lock, fcntl.LOCK_UN)
        times.append(time.perf_counter() - at)
    spent = time.perf_counter() - start
    connection.close()
    return Result(IN_FLIGHT * len(times), spent, times)


def _insert(connection: apsw.Connection, rows: dict[str, list[Row]], ids: Any) -> None:
    if not rows["entries"]:
        connection.executemany(_COUNT, [()] * IN_FLIGHT)
        return
    last: int = connection.execute("SELECT coalesce(max(seq), 0) FROM entries").get
    named = [*zip(count(last + 1), ids, range(IN_FLIGHT), strict=False)]
    made = {
        "entries": [(seq, name, *rows["entries"][n][2:]) for seq, name, n in named],
        "attempts": [(name, seq, *rows["attempts"][n][2:]) for seq, name, n in named],
        "private": [(seq, *rows["private"][n][1:]) for seq, name, n in named],
    }
    for table, values in made.items():
        places = ", ".join("?" * _TABLES[table])
        connection.executemany(f"INSERT INTO {table} VALUES ({places})", values)  # noqa: S608
    connection.executemany(_KEY, rows["data_keys"])


def _ready(job: Job, path: Path) -> dict[str, list[Row]]:
    """The rows that the log makes of one batch of this load, from a log of its own."""
    sample = path.with_name(f"sample{os.getpid()}.db")
    load = Load(job.kind)
    with open_log(job.url.replace(path.name, sample.name)) as log:
        for _ in range(IN_FLIGHT):
            log.open(load.next())
    connection = apsw.Connection(str(sample))
    connection.execute("DROP TRIGGER entries_keep_rows; DELETE FROM entries WHERE event='worker'")
    found = {
        table: connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()  # noqa: S608
        for table in (*_TABLES, "data_keys")
    }
    connection.close()
    return found


def _open(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(60_000)
    connection.pragma("journal_mode", "wal")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
    for name in _TRIGGERS:
        connection.execute(f"DROP TRIGGER IF EXISTS {name}")
    return connection
