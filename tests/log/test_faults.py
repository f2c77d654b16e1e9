"""What breaks must be said, and must stop requests: nothing is acknowledged that is not kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from guardrail.errors import ConfigurationError, LogUnavailable
from guardrail.log import AttemptFilter, Log, open_log
from guardrail.log.sqlite.database import check_version
from tests.log.support import ALLOW, REFUSE, closed, opened, python, request, rows

WORD = "zebrafinch"


def test_an_old_sqlite_is_refused() -> None:
    for version in ("3.51.2", "3.40.1", "3.50.7"):
        with pytest.raises(ConfigurationError, match=r"3\.51\.3 or later"):
            check_version(version)
    for version in ("3.51.3", "3.52", "4.0.0"):
        check_version(version)


def test_reading_makes_nothing(url: str, path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"no attempt log at {path}"):
        open_log(url, readonly=True)
    assert list(path.parent.iterdir()) == []


def test_folders_are_made_for_a_new_log(tmp_path: Path) -> None:
    with open_log(f"sqlite:///{tmp_path}/a/b/c.db") as log:
        log.open(opened())
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(LogUnavailable, match="folder writable"):
        open_log(f"sqlite:///{tmp_path}/a/b.db")


def test_a_folder_that_takes_no_files() -> None:
    with pytest.raises(LogUnavailable, match="folder writable"):
        open_log("sqlite:////proc/self/a.db")


def test_a_folder_where_the_file_should_be(url: str, path: Path) -> None:
    path.mkdir()
    with pytest.raises((ConfigurationError, LogUnavailable), match=r"attempts\.db"):
        open_log(url)


def test_a_read_only_disk(small_disk: Callable[[str], Path]) -> None:
    disk = small_disk("size=1m")
    url = f"sqlite:///{disk}/a.db"
    with open_log(url) as log:
        log.open(opened(REFUSE))
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)  # noqa: S607
    with pytest.raises(LogUnavailable, match="attempt log"):
        open_log(url)
    with open_log(url, readonly=True) as reader:
        assert len(list(reader.attempts())) == 1


def test_a_copy_on_a_read_only_disk_can_be_read(
    small_disk: Callable[[str], Path], log: Log, path: Path
) -> None:
    log.open(opened(REFUSE))
    log.shutdown()
    disk = small_disk("size=1m")
    shutil.copy(path, disk)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)  # noqa: S607
    with open_log(f"sqlite:///{disk}/attempts.db", readonly=True) as reader:
        assert len(list(reader.attempts())) == 1


def _fill(log: Log, kept: list[str]) -> None:
    for _ in range(2000):
        entry = opened(REFUSE, asked=request(WORD, user=WORD))
        log.open(entry)
        kept.append(entry.id)


def test_a_full_disk(small_disk: Callable[[str], Path]) -> None:
    disk = small_disk("size=512k")
    url = f"sqlite:///{disk}/a.db"
    log = open_log(url)
    kept: list[str] = []
    with pytest.raises(LogUnavailable, match="see to the disk") as caught:
        _fill(log, kept)
    assert kept
    assert WORD not in str(caught.value)
    (disk / "more").write_bytes(b"")
    with pytest.raises(LogUnavailable, match="restart"):
        log.open(opened(ALLOW))
    with pytest.raises(LogUnavailable, match="restart"):
        log.close(closed(opened(REFUSE)))
    log.shutdown()
    # The operator makes room and restarts.
    subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)  # noqa: S607
    with open_log(url) as again:
        after = opened(REFUSE)
        again.open(after)
        found = [row.id for row in again.attempts(AttemptFilter(newest_first=False))]
    assert found[-1] == after.id
    assert set(kept) <= set(found)
    assert len(found) - len(kept) in {1, 2}
    seqs = [seq for (seq,) in rows(disk / "a.db", "SELECT seq FROM entries ORDER BY seq")]
    assert seqs == list(range(1, len(seqs) + 1))


def test_a_plain_end_is_not_worth_an_error_once_the_log_has_failed(log: Log) -> None:
    entry = opened(ALLOW)
    log.open(entry)
    _lose(log.location.path)
    with pytest.raises(LogUnavailable):
        log.open(entry)
    for _ in range(600):
        log.close(closed(entry))


def _lose(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))


def _replace(path: Path) -> None:
    shutil.copy(path, path.with_name("copy"))
    path.with_name("copy").replace(path)


@pytest.mark.parametrize("happens", [Path.unlink, _lose, _replace])
def test_a_file_that_goes_away_while_in_use(
    log: Log, path: Path, happens: Callable[[Path], None]
) -> None:
    log.open(opened(REFUSE))
    happens(path)
    for _ in range(2):
        with pytest.raises(LogUnavailable, match="moved, deleted or replaced"):
            log.open(opened(REFUSE))


@pytest.mark.parametrize("place", [0, 100, 4096])
def test_a_damaged_database(url: str, path: Path, place: int) -> None:
    with open_log(url) as log:
        for _ in range(20):
            log.open(opened(REFUSE))
    for name in ("attempts.db-wal", "attempts.db-shm"):
        path.with_name(name).unlink()
    data = bytearray(path.read_bytes())
    data[place : place + 2000] = os.urandom(2000)
    path.write_bytes(data)
    for readonly in (False, True):
        with pytest.raises((ConfigurationError, LogUnavailable), match=r"damaged|cannot be"):
            _use(open_log(url, readonly=readonly))


def _use(log: Log) -> None:
    with log:
        list(log.attempts())


def test_something_else_under_that_name(url: str, path: Path) -> None:
    path.write_text("these are notes, not a database" * 100)
    with pytest.raises(ConfigurationError, match="key file"):
        open_log(url)
    with pytest.raises(ConfigurationError, match="not an attempt log"):
        open_log(url, readonly=True)


def test_the_database_of_another_program(log: Log, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    connection = apsw.Connection(str(other))
    connection.execute("CREATE TABLE notes (text)")
    connection.close()
    shutil.copy(log.location.key, tmp_path / "other.db.key")
    for readonly in (False, True):
        with pytest.raises(ConfigurationError, match="not an attempt log"):
            open_log(f"sqlite:///{other}", readonly=readonly)


def test_a_newer_schema(log: Log, url: str, path: Path) -> None:
    log.open(opened(REFUSE))
    rows(path, "UPDATE meta SET value = '4' WHERE key = 'schema'")
    for readonly in (False, True):
        with pytest.raises(ConfigurationError, match="schema 4, newer"):
            open_log(url, readonly=readonly)


def test_a_lost_key_is_not_made_anew(url: str, path: Path) -> None:
    with open_log(url) as log:
        entry = opened(REFUSE)
        log.open(entry)
    key = path.with_name("attempts.db.key")
    secret = key.read_bytes()
    key.unlink()
    with pytest.raises(ConfigurationError, match="put it back"):
        open_log(url)
    assert not key.exists()
    with open_log(url, readonly=True) as reader:
        assert [row.id for row in reader.attempts()] == [entry.id]
        with pytest.raises(ConfigurationError, match="put it back"):
            list(reader.attempts(AttemptFilter(user="u1")))
    key.touch(0o600)
    key.write_bytes(secret)
    with open_log(url) as log:
        assert [row.id for row in log.attempts(AttemptFilter(user="u1"))] == [entry.id]


def test_the_key_of_another_log(url: str, path: Path, tmp_path: Path) -> None:
    for name in (url, f"sqlite:///{tmp_path}/other.db"):
        open_log(name).shutdown()
    shutil.copy(tmp_path / "other.db.key", path.with_name("attempts.db.key"))
    with pytest.raises(ConfigurationError, match="not that of this attempt log"):
        open_log(url)


def test_an_exposed_key(url: str, path: Path) -> None:
    open_log(url).shutdown()
    path.with_name("attempts.db.key").chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        open_log(url)


_HOLD = """
import apsw, sys
connection = apsw.Connection(sys.argv[1])
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
connection.execute("ROLLBACK")
"""


def test_another_program_that_holds_the_file_fails_calls_but_not_the_log(
    log: Log, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = log._writer._store.database.connection()  # type: ignore[union-attr]
    connection.set_busy_timeout(10)
    waiting = opened(ALLOW)
    log.open(waiting)
    log.close(closed(waiting))
    holder = python(_HOLD, str(path), stdin=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    monkeypatch.setattr("guardrail.log.sqlite.database._BUSY_MS", 10)
    for _ in range(2):
        with pytest.raises(LogUnavailable, match="another program"):
            log.open(opened(REFUSE))
    holder.communicate("done\n")
    log.open(opened(REFUSE))
    total = log.stats().total
    assert (total.opened, total.released, total.flagged) == (2, 1, 1)


@pytest.mark.parametrize("where", ["BEGIN", "INSERT INTO entries", "COMMIT"])
def test_an_interrupt_leaves_nothing_half_written(log: Log, path: Path, where: str) -> None:
    def interrupt(_cursor: apsw.Cursor, sql: str, _values: object) -> bool:
        if sql.strip().startswith(where):
            raise KeyboardInterrupt
        return True

    first, lost, last = (opened(REFUSE, id=name) for name in ("first", "lost", "last"))
    log.open(first)
    connection = log._writer._store.database.connection()  # type: ignore[union-attr]
    connection.set_exec_trace(interrupt)
    with pytest.raises(KeyboardInterrupt):
        log.open(lost)
    log.open(last)
    assert rows(path, "SELECT seq, attempt FROM entries WHERE event <> 'worker'") == [
        (2, "first"),
        (3, "last"),
    ]
    assert log.stats().total.opened == 2


_FSYNC = """
import sys
from guardrail.errors import LogUnavailable
from guardrail.log import open_log
from tests.log.support import REFUSE, opened
log = open_log(sys.argv[1])
for n in range(8):
    try:
        log.open(opened(REFUSE, id=f"a{n}"))
        print("kept", n)
    except LogUnavailable as error:
        print("stopped", n, "restart" in str(error))
"""


def test_a_failed_fsync_is_never_tried_again(url: str) -> None:
    """The kernel may forget what it could not write, so a second fsync would lie."""
    if shutil.which("strace") is None:
        pytest.skip("needs strace")
    open_log(url).shutdown()
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e"]
    command += ["inject=fdatasync:error=EIO:when=4", sys.executable, "-c", _FSYNC, url]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode and "ptrace" in done.stderr:
        pytest.skip("strace may not trace here")
    lines = done.stdout.splitlines()
    kept = sum(line.startswith("kept") for line in lines)
    assert 0 < kept < 8
    assert lines == [
        *(f"kept {n}" for n in range(kept)),
        *(f"stopped {n} True" for n in range(kept, 8)),
    ]
    with open_log(url) as log:
        found = {row.id for row in log.attempts()}
    assert {f"a{n}" for n in range(kept)} <= found <= {f"a{n}" for n in range(kept + 1)}
