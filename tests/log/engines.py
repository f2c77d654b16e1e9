"""The same tests over each engine: where a log is, and how its database is read and changed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any, Literal, Protocol

import apsw

from tests.log.postgres import Server

Engine = Literal["sqlite", "postgresql"]
BOTH: tuple[Engine, ...] = ("sqlite", "postgresql")
FILES = (".key", ".signing-key", ".checkpoint")
_WORDS = (
    (r"x'([0-9a-f]*)'", r"'\\x\1'::bytea"),
    (r"zeroblob\((\d+|length\(\w+\))\)", r"decode(repeat('00', \1), 'hex')"),
    (r"\b(a\.|SET )user\b", r'\1"user"'),
    (r"CAST\(note AS TEXT\)", "convert_from(note, 'UTF8')"),
    (r"CAST\((.*) AS BLOB\)", r"convert_to(\1, 'UTF8')"),
)
_APPEND_ONLY = ("entries_keep_rows", "entries_keep_values", "entries_keep_order")
_databases: dict[Path, tuple[Server, str]] = {}


class Databases(Protocol):
    """Gives the server, started once a run."""

    def __call__(self) -> Server: ...


def url_of(path: Path, options: str = "") -> str:
    """The log whose files begin with `path`; options: `excerpt=200`."""
    if path in _databases:
        server, database = _databases[path]
        return f"{server.url(database)}?files={path}" + (f"&{options}" if options else "")
    return f"sqlite:///{path}" + (f"?{options}" if options else "")


def make(path: Path, engine: Engine, databases: Databases) -> None:
    """Room for a log at `path`, empty."""
    if engine == "postgresql":
        server = databases()
        _databases[path] = server, server.create()


def copy(source: Path, target: Path) -> None:
    """A whole log that nobody has open, with its keys."""
    for name in FILES:
        shutil.copy(source.with_name(source.name + name), target.with_name(target.name + name))
    if source in _databases:
        server, database = _databases[source]
        _databases[target] = server, server.create(database)
    else:
        rows(source, "PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(source, target)


def put_back(source: Path, target: Path) -> None:
    """Put the database of a copy in the place of another, whose files stay."""
    if target in _databases:
        server, name = _databases[target]
        server.drop(name)
        template = _databases[source][1]
        server.run("postgres", f"CREATE DATABASE {name} TEMPLATE {template}")
        return
    for end in ("-wal", "-shm"):
        target.with_name(target.name + end).unlink(missing_ok=True)
    shutil.copy(source, target)


def drop(path: Path) -> None:
    """Forget a database; files are the test's."""
    if path in _databases:
        server, database = _databases.pop(path)
        server.drop(database)


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """What is in the database, read with a connection of the test's own."""
    if path in _databases:
        server, database = _databases[path]
        return server.run(database, "SET search_path = guardrail", _postgres(sql))
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def held(path: Path) -> bytes:
    """The files of the database, byte for byte: with its journal, or all that its server keeps.

    Of PostgreSQL, every table, index and catalogue of that database, written out.
    """
    if path not in _databases:
        names = (path.name + end for end in ("", "-wal", "-shm"))
        return b"".join(path.with_name(name).read_bytes() for name in names)
    server, database = _databases[path]
    server.run(database, "CHECKPOINT")
    ((name,),) = rows(path, "SELECT pg_relation_filepath('private')")
    folder = (server.folder / "data" / name).parent
    return b"".join(each.read_bytes() for each in sorted(folder.iterdir()) if each.is_file())


def refuse_entries(path: Path) -> None:
    """Let the database take no more entries, from anybody."""
    if path in _databases:
        server, database = _databases[path]
        refuse = "ALTER TABLE guardrail.entries ADD CONSTRAINT no CHECK (seq < 0) NOT VALID"
        server.run(database, refuse)
    else:
        stop = "BEGIN SELECT RAISE(ABORT, 'no'); END"
        rows(path, f"CREATE TRIGGER stop BEFORE INSERT ON entries {stop}")


def tamper(path: Path, *statements: str) -> None:
    """Change the database as somebody does who can write it: without the triggers."""
    if path in _databases:
        server, database = _databases[path]
        role = "SET session_replication_role = replica"
        ours = [_postgres(sql) for sql in statements if not sql.startswith("PRAGMA")]
        server.run(database, "SET search_path = guardrail", role, *ours)
        return
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        for name in _APPEND_ONLY:
            connection.execute(f"DROP TRIGGER IF EXISTS {name}")
        for sql in statements:
            connection.execute(sql)
    finally:
        connection.close()


def _postgres(sql: str) -> str:
    """What the tests say in SQLite's words."""
    for ours, theirs in _WORDS:
        sql = re.sub(ours, theirs, sql)
    return sql
