"""What only a log in PostgreSQL has: many machines, roles, partitions, lines that break."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from guardrail.cli import main
from guardrail.errors import ConfigurationError, LogUnavailable
from guardrail.log import Log, locate, open_log
from guardrail.log.postgres.store import PostgresStore
from guardrail.log.times import SECOND
from guardrail.log.verify import verify_database
from tests.log.engines import FILES, drop, held, make, rows, tamper, url_of
from tests.log.machines import COUNTS, assert_whole, start_writer
from tests.log.postgres import Server
from tests.log.support import REFUSE, ROOT, T0, closed, opened, python

ENGINES = ("postgresql",)


def other_machine(url: str, path: Path, folder: Path, names: tuple[str, ...] = FILES) -> str:
    """The URL there, with so many files copied."""
    folder.mkdir()
    for name in names:
        shutil.copy(path.with_name(path.name + name), folder)
    return url.replace(str(path), str(folder / path.name))


def test_a_second_machine_needs_the_files_of_the_first(
    url: str, path: Path, tmp_path: Path
) -> None:
    with open_log(url) as log:
        log.open(opened(REFUSE))
    bare = other_machine(url, path, tmp_path / "bare", ())
    with pytest.raises(ConfigurationError, match=r"copy attempts\.db\.key, \.signing-key"):
        open_log(bare)
    assert list((tmp_path / "bare").iterdir()) == []
    half = other_machine(url, path, tmp_path / "half", (".key",))
    with pytest.raises(ConfigurationError, match=r"but not attempts\.db\.signing-key in"):
        open_log(half)
    with open_log(bare, readonly=True) as reader:
        assert len(list(reader.attempts())) == 1
    with open_log(other_machine(url, path, tmp_path / "whole")) as log:
        log.open(opened(REFUSE))
    assert_whole(url, path)


def test_machines_that_begin_at_once_make_one_log(url: str, path: Path, tmp_path: Path) -> None:
    results: list[str] = []

    def begin(number: int) -> None:
        try:
            open_log(other_machine(url, path, tmp_path / f"m{number}", ())).shutdown()
            results.append("made")
        except ConfigurationError as error:
            results.append(str(error))

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count("made") == 1
    others = [told for told in results if told != "made"]
    assert [told for told in others if "copy attempts.db.key" not in told] == []


def test_machines_append_at_once_without_gaps(url: str, path: Path, tmp_path: Path) -> None:
    open_log(url).shutdown()
    urls = [other_machine(url, path, tmp_path / f"machine{n}") for n in range(3)]
    writers = [start_writer(each, f"m{n}", 60) for n, each in enumerate(urls)]
    for writer in writers:
        assert writer.communicate()[1] == ""
    assert_whole(url, path)
    assert rows(path, COUNTS) == [(180, 90, 90)]
    for each in urls:
        open_log(each).shutdown()


def test_a_server_that_loses_commits_is_refused(
    own_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = own_server("fsync=off")
    path = tmp_path / "attempts.db"
    make(path, "postgresql", lambda: server)
    with pytest.raises(ConfigurationError, match=r"can lose commits \(fsync off"):
        open_log(url_of(path))
    drop(path)


def test_commits_are_durable_whatever_the_database_says(
    url: str, path: Path, server: Server, database: str
) -> None:
    server.run("postgres", f"ALTER DATABASE {database} SET synchronous_commit = off")
    with open_log(url) as log:
        log.open(opened(REFUSE))
        writer = log._writer
        assert writer is not None
        with writer._store.lock, writer._store.exclusive() as session:
            assert session.value("SELECT current_setting('synchronous_commit')") == "on"
    assert rows(path, "SHOW synchronous_commit") == [("off",)]


def test_a_database_that_is_not_utf8(url: str, server: Server) -> None:
    server.run("postgres", "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1'")
    other = re.sub(r"/d[0-9]+\?", "/latin?", url)
    with pytest.raises(ConfigurationError, match=r"database in UTF8 \(found .*LATIN1\)"):
        open_log(other)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://me:se%zzcret@127.0.0.1:1/db", "not the URL of a PostgreSQL database"),
        ("postgresql://me:zzcret@127.0.0.1:1/db?colour=red", "not the URL of a PostgreSQL"),
        ("postgresql://me:zzcret@127.0.0.1:1/db", "cannot be opened .*refused"),
        ("postgresql://me:zzcret@127.0.0.1:1/db?sslmode=red", "cannot be opened .*sslmode"),
    ],
)
def test_what_is_wrong_is_told_without_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, message: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with pytest.raises((ConfigurationError, LogUnavailable), match=message) as caught:
        open_log(url)
    assert "zzcret" not in str(caught.value)


_BARE = """
import sys
sys.modules["psycopg"] = None
from guardrail.errors import ConfigurationError
from guardrail.log import open_log
try:
    open_log("postgresql://127.0.0.1:1/log")
except ConfigurationError as error:
    print(error)
"""


def test_without_psycopg_the_extra_is_named() -> None:
    assert "pip install 'likeness-guardrail[postgres]'" in python(_BARE).communicate()[0]


def months(path: Path) -> list[str]:
    sql = "SELECT inhrelid::regclass::text FROM pg_inherits JOIN pg_class ON oid = inhrelid"
    found = rows(path, f"{sql} WHERE relkind = 'r' ORDER BY 1")
    return [name for (name,) in found if name.startswith("entries_")]


def test_months_have_partitions_ahead_of_need(log: Log, url: str, path: Path) -> None:
    edge = 1_769_904_000 * SECOND  # 2026-02-01T00:00:00Z
    for at in (edge - 1, edge, edge + 300 * 86400 * SECOND):
        log.open(opened(REFUSE, at=at))
    found = months(path)
    names = {f"entries_2026_{month:02d}" for month in (1, 2, 3, 11, 12)}
    assert names <= set(found)
    sql = "SELECT count(*) FROM entries_2026_{} WHERE event = 'opened'"
    assert [rows(path, sql.format(month)) for month in ("01", "02", "03")] == [
        [(1,)],
        [(1,)],
        [(0,)],
    ]
    log.shutdown()
    assert_whole(url, path)


GROWN = "UPDATE frontier SET state = '\\x0000000000000004'"


def adding(*entries: tuple[int, int]) -> str:
    """SQL that adds entries with these numbers and times."""
    new = "({}, 'a', 'opened', {}, decode(repeat('00', 32), 'hex'), '{{}}')"
    values = ", ".join(new.format(*entry) for entry in entries)
    return f"INSERT INTO entries VALUES {values}"  # noqa: S608 (ours)


def test_nothing_is_changed_or_put_in_between(log: Log, path: Path) -> None:
    log.open(opened(REFUSE, at=T0))
    log.open(opened(REFUSE, at=T0))
    for sql in (
        "TRUNCATE entries",
        "TRUNCATE entries_2026_01",
        "UPDATE entries_2026_01 SET body = '{}'",
        "DELETE FROM entries_2026_01",
        adding((9, T0)).replace("entries", "entries_2026_01"),
        adding((3, T0 + 1)),
        adding((5, T0)),
        adding((4, T0), (4, T0 + 1)),
        adding((4, T0), (6, T0)),
        "UPDATE nodes SET hash = hash; DELETE FROM frontier",
        "TRUNCATE frontier",
        "TRUNCATE nodes",
    ):
        with pytest.raises(psycopg.Error, match="append-only"):
            rows(path, sql)
    for sql in (
        "UPDATE frontier SET state = '\\x0000000000000002'",
        "UPDATE frontier SET state = '\\x0000000000000009'",
        f"{adding((4, T0))}; {adding((4, T0 + 1))}; {GROWN}",
    ):
        with pytest.raises(psycopg.Error, match="cannot become"):
            rows(path, sql)
    log.open(opened(REFUSE))


def test_of_two_that_take_a_number_without_the_sequencer_one_is_refused(
    log: Log, server: Server, database: str
) -> None:
    log.open(opened(REFUSE, at=T0))
    grown = GROWN.replace("4", "3")
    search = "SET search_path = guardrail"
    with (
        psycopg.connect(server.url(database)) as first,
        psycopg.connect(server.url(database)) as second,
    ):
        for connection in (first, second):
            connection.execute(search.encode())
            connection.execute("SELECT seq FROM entries")
        first.execute(f"{adding((3, T0))}; {grown}".encode())
        refused: list[str] = []

        def insist() -> None:
            try:
                second.execute(f"{adding((3, T0 + 1))}; {grown}".encode())
            except psycopg.Error as error:
                refused.append(str(error))

        thread = threading.Thread(target=insist)
        thread.start()
        first.commit()
        thread.join()
        second.rollback()
    assert len(refused) == 1
    assert "append-only" in refused[0] or "cannot become" in refused[0]


def test_a_reading_is_one_moment(log: Log) -> None:
    log.open(opened(REFUSE))
    with log.reading() as session:
        before = session.value("SELECT count(*) FROM entries")
        log.open(opened(REFUSE))
        assert session.value("SELECT count(*) FROM entries") == before
    with log.reading() as session:
        assert session.value("SELECT count(*) FROM entries") == before + 1


def test_reading_changes_nothing(log: Log) -> None:
    log.open(opened(REFUSE))
    with pytest.raises(LogUnavailable, match="read-only"), log.reading() as session:
        session.rows("DELETE FROM counts")
    assert log.stats().total.opened == 1


def test_an_older_copy_is_refused(
    url: str, path: Path, server: Server, database: str, tmp_path: Path
) -> None:
    with open_log(url) as log:
        log.open(opened(REFUSE))
    older = server.create(database)
    with open_log(url) as log:
        log.open(opened(REFUSE))
    back = url.replace(f"/{database}?", f"/{older}?")
    with pytest.raises(ConfigurationError, match="has 3 entries, but 6 were signed"):
        open_log(back)
    server.drop(older)
    assert path.parent == tmp_path


def test_another_database_under_that_name_stops_the_log(
    url: str, path: Path, server: Server, database: str
) -> None:
    log = open_log(url)
    log.open(opened(REFUSE))
    tamper(path, "UPDATE meta SET value = 'guardrail-log/other' WHERE key = 'origin'")
    server.cut(database)
    with pytest.raises(LogUnavailable, match=r"replaced while in use.*restart"):
        log.open(opened(REFUSE))
    log.shutdown()


def test_what_was_deleted_is_not_in_the_files_of_the_server(path: Path) -> None:
    with open_log(url_of(path, "excerpt=200")) as log:
        for _ in range(20):
            log.open(opened(REFUSE))
        found = rows(path, "SELECT sealed FROM private ORDER BY seq")
        assert all(sealed in held(path) for (sealed,) in found)
        tamper(path, "DELETE FROM private WHERE seq > 5")
        writer = log._writer
        assert writer is not None
        store = writer._store
        assert isinstance(store, PostgresStore)
        with store.lock, store.exclusive():
            store.scrub([])
        data = held(path)
        assert [sealed in data for (sealed,) in found] == [True] * 4 + [False] * 16


ROLES = re.findall(r"```sql\n(.*?)```", (ROOT / "docs" / "log.md").read_text("utf-8"), re.DOTALL)


@pytest.fixture
def roles(url: str, server: Server, database: str) -> Iterator[Callable[[str], str]]:
    """The roles of the manual, granted their rights; gives the log's URL for one."""
    open_log(url).shutdown()
    server.run(database, *ROLES)
    yield lambda role: url.replace("//postgres@", f"//{role}@")
    server.run(database, "DROP OWNED BY guardrail_writer, guardrail_auditor")
    server.run(database, "DROP ROLE guardrail_writer, guardrail_auditor")


def test_a_writer_needs_no_more_than_it_does(roles: Callable[[str], str], path: Path) -> None:
    url = roles("guardrail_writer")
    with open_log(f"{url}&excerpt=20") as log:
        for at in (T0, T0 + 400 * 86400 * SECOND):
            entry = opened(REFUSE, at=at)
            log.open(entry)
            log.close(closed(entry))
        assert log.excerpt(entry.id) == "a garden in autumn"
        writer = log._writer
        assert writer is not None
        store = writer._store
        assert isinstance(store, PostgresStore)
        with (
            store.lock,
            pytest.raises(ConfigurationError, match="as the role that owns"),
            store.exclusive(),
        ):
            store.scrub([])
    assert "entries_2027_03" in months(path)
    with psycopg.connect(locate(url).server) as connection:
        for sql in (
            "UPDATE guardrail.entries SET body = '{}'",
            "DELETE FROM guardrail.entries",
            "TRUNCATE guardrail.entries",
            "ALTER TABLE guardrail.entries DISABLE TRIGGER ALL",
            "DROP TABLE guardrail.entries_2026_01",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.encode())
            connection.rollback()
    assert_whole(url, path)


def test_a_writer_holds_and_looks_and_does_not_erase(
    roles: Callable[[str], str], url: str, path: Path
) -> None:
    writer = roles("guardrail_writer")
    with open_log(f"{writer}&excerpt=20") as log:
        log.open(opened(REFUSE, id="first", user="u1", at=T0))
    classes = path.with_name("retention.yaml")
    classes.write_text("default: {keep: 1s}")
    for args in (
        ("hold", "add", "C-1", "--why", "w", "--subject", "u1"),
        ("hold", "release", "C-1", "--why", "w"),
        ("show", "first", "--excerpt", "--why", "w"),
        ("list", "--user", "u1"),
    ):
        result = CliRunner().invoke(main, ["log", *args, "--log", writer])
        assert result.exit_code == 0, result.output
    before = rows(path, "SELECT count(*) FROM entries")
    erasing: tuple[tuple[str, ...], ...] = (
        ("shred", "--subject", "u1", "--why", "w", "--yes"),
        ("expire", "--retention", str(classes), "--yes"),
        ("rotate-key",),
        ("scrub",),
    )
    for command in erasing:
        result = CliRunner().invoke(main, ["log", *command, "--log", writer])
        assert (result.exit_code, "the role that owns" in result.stderr) == (2, True)
    assert rows(path, "SELECT count(*) FROM entries") == before
    with open_log(url, readonly=True) as reader:
        assert reader.excerpt("first") == "a garden in autumn"
    assert_whole(url, path)


def test_a_member_of_the_owner_erases(
    roles: Callable[[str], str], server: Server, database: str, path: Path
) -> None:
    with open_log(roles("guardrail_writer")) as log:
        log.open(opened(REFUSE, user="u1"))
        pseudonym = log.vault.keys.user("u1").encode()
    assert pseudonym in held(path)
    server.run(database, "CREATE ROLE guardrail_eraser LOGIN IN ROLE postgres")
    try:
        for args in (("shred", "--subject", "u1", "--why", "w", "--yes"), ("rotate-key",)):
            url = roles("guardrail_eraser")
            result = CliRunner().invoke(main, ["log", *args, "--log", url])
            assert result.exit_code == 0, result.output
    finally:
        server.run(database, "DROP ROLE guardrail_eraser")
    assert pseudonym not in held(path)
    assert_whole(roles("postgres"), path)


def test_an_auditor_only_reads(roles: Callable[[str], str], url: str) -> None:
    with open_log(url) as log:
        log.open(opened(REFUSE))
    auditor = roles("guardrail_auditor")
    assert verify_database(locate(auditor)).report.ok
    with open_log(auditor, readonly=True) as log:
        assert log.stats().total.opened == 1
    with pytest.raises(ConfigurationError, match="role guardrail_auditor may not write"):
        open_log(auditor)


def test_a_role_without_rights_is_told(
    roles: Callable[[str], str], server: Server, database: str
) -> None:
    server.run(database, "REVOKE SELECT ON guardrail.meta FROM guardrail_auditor")
    with pytest.raises((ConfigurationError, LogUnavailable), match="permission denied"):
        open_log(roles("guardrail_auditor"), readonly=True)


def test_doctor_looks_at_the_server(url: str, path: Path) -> None:
    def look() -> list[tuple[str, str]]:
        result = CliRunner().invoke(main, ["doctor", "--log", url, "--json"])
        checks = json.loads(result.stdout)["checks"]
        return [(check["name"], check["state"]) for check in checks if check["group"] == "log"]

    key = str(path.with_name("attempts.db.key"))
    assert look()[:2] == [("PostgreSQL", "ok"), (key, "ok")]
    assert list(path.parent.iterdir()) == []
    with open_log(url) as log:
        log.open(opened(REFUSE))
    assert look()[:3] == [("PostgreSQL", "ok"), (key, "ok"), (locate(url).name, "ok")]
    path.with_name("attempts.db.signing-key").unlink()
    assert (locate(url).name, "wrong") in look()
