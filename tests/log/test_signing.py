"""What is signed, and that nothing signed can be taken back unseen."""

from __future__ import annotations

import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from guardrail.chain.checkpoint import Checkpoint
from guardrail.chain.entry import entry_leaf
from guardrail.chain.frontier import tree_root
from guardrail.chain.keys import VerifierKey
from guardrail.chain.trust import Trust
from guardrail.errors import ConfigurationError, LogUnavailable
from guardrail.log import Log, open_log
from guardrail.log.times import SECOND
from tests.log.engines import BOTH
from tests.log.support import ALLOW, REFUSE, closed, opened, rows, tamper

ENGINES = BOTH


def fill(url: str, count: int = 5) -> None:
    """So many openings, between the two entries of the process that writes them."""
    with open_log(url) as log:
        for _ in range(count):
            log.open(opened(REFUSE))


def beside(path: Path, name: str) -> Path:
    return path.with_name(path.name + name)


def signed(path: Path, note: bytes | None = None) -> Checkpoint:
    """The checkpoint beside the log, believed only if its own key signed it."""
    ((text,),) = rows(path, "SELECT value FROM meta WHERE key = 'verifier_key'")
    key = VerifierKey.parse(text)
    data = note or beside(path, ".checkpoint").read_bytes()
    return Trust(key.name, (key,)).open(data).checkpoint


def test_a_new_log_has_a_key_of_its_own_and_a_signed_start(url: str, path: Path) -> None:
    open_log(url).shutdown()
    secret = beside(path, ".signing-key")
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert secret.read_text().startswith("PRIVATE+KEY+guardrail-log/")
    assert signed(path).size == 0
    assert rows(path, "SELECT count(*) FROM checkpoints") == [(0,)]


def test_shutdown_signs_every_entry(url: str, path: Path) -> None:
    fill(url, 300)
    bodies = rows(path, "SELECT body FROM entries ORDER BY seq")
    tree = signed(path)
    assert tree.size == 302
    assert tree.root == tree_root(entry_leaf(body.encode()) for (body,) in bodies)
    notes = rows(path, "SELECT size, note FROM checkpoints ORDER BY size")
    assert [signed(path, note).size for _, note in notes] == [size for size, _ in notes]
    assert notes[-1][0] == 302


def test_it_signs_without_being_asked(log: Log, path: Path) -> None:
    log.open(opened(REFUSE))
    end = time.monotonic() + 60
    while signed(path).size < 2 and time.monotonic() < end:
        time.sleep(0.01)
    assert signed(path).size == 2


def test_it_does_not_sign_again_within_a_second(log: Log, path: Path) -> None:
    log.open(opened(REFUSE))
    writer = log._writer
    assert writer is not None
    signer, store = writer._signer, writer._store
    with store.lock, store.exclusive() as session:
        at = time.time_ns()
        assert signer.sign(session, at) == 0
    log.open(opened(REFUSE))
    with store.lock, store.exclusive() as session:
        assert signer.sign(session, at + 1, not_within=SECOND) == SECOND - 1
        assert signed(path).size == 2
        assert signer.sign(session, at + SECOND, not_within=SECOND) == 0
        assert signer.sign(session, at + 2 * SECOND) == 0
    assert signed(path).size == 3


def test_the_last_checkpoint_of_a_minute_stays(log: Log, path: Path) -> None:
    writer = log._writer
    assert writer is not None
    minute = 60 * SECOND
    for number in range(9):
        log.open(opened(REFUSE))
        with writer._store.lock, writer._store.exclusive() as session:
            writer._signer.sign(session, number * minute // 3)
    assert rows(path, "SELECT size FROM checkpoints ORDER BY size") == [(4,), (7,), (10,)]


def keep(path: Path) -> Path:
    """A copy of the database as it is now, to be put back later."""
    return Path(shutil.copy(path, path.with_name("copy.db")))


@pytest.mark.usefixtures("sqlite_only")
def test_an_older_copy_is_refused(url: str, path: Path) -> None:
    fill(url)
    copy = keep(path)
    fill(url)
    for name in ("-wal", "-shm"):
        beside(path, name).unlink(missing_ok=True)
    copy.replace(path)
    with pytest.raises(ConfigurationError, match="has 7 entries, but 14 were signed"):
        open_log(url)
    with open_log(url, readonly=True) as log:
        assert len(list(log.attempts())) == 5


CUT = ("PRAGMA foreign_keys=OFF", "DELETE FROM entries WHERE seq > 7")
CUT_ALL = (*CUT, "DELETE FROM checkpoints", "DELETE FROM attempts")
EDIT_SIGNED = ("UPDATE entries SET leaf = zeroblob(32) WHERE seq = 299",)
FRONTIER = ("UPDATE frontier SET state = x'0000000000000000'",)
NO_FRONTIER = ("DELETE FROM frontier",)
NODE = ("UPDATE nodes SET hash = zeroblob(32)",)
ANOTHER_KEY = ("UPDATE meta SET value = 'a+00000000+AA' WHERE key = 'verifier_key'",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (CUT, "rolled back or cut"),
        (CUT_ALL, "rolled back or cut"),
        (EDIT_SIGNED, "not those that were signed"),
        (FRONTIER, "hashes of 0"),
        (NO_FRONTIER, "hashes are damaged"),
        (NODE, "not those that were signed"),
        (ANOTHER_KEY, "not that of this attempt log"),
    ],
)
def test_a_changed_log_is_refused(
    url: str, path: Path, change: tuple[str, ...], message: str
) -> None:
    fill(url, 300)
    tamper(path, *change)
    with pytest.raises(ConfigurationError, match=message):
        open_log(url)


def test_an_entry_that_was_changed_before_it_was_signed_is_refused(url: str, path: Path) -> None:
    fill(url, 2)
    checkpoint = beside(path, ".checkpoint").read_bytes()
    fill(url, 2)
    tamper(path, "DELETE FROM checkpoints WHERE size = 8", "UPDATE entries SET body = '{}'")
    beside(path, ".checkpoint").write_bytes(checkpoint)
    with pytest.raises(ConfigurationError, match="entry 5 is not the one that was written"):
        open_log(url)


def test_what_a_killed_process_left_unsigned_is_signed_next_time(url: str, path: Path) -> None:
    fill(url, 2)
    checkpoint = beside(path, ".checkpoint").read_bytes()
    fill(url, 2)
    rows(path, "DELETE FROM checkpoints WHERE size = 8")
    beside(path, ".checkpoint").write_bytes(checkpoint)
    open_log(url).shutdown()
    assert signed(path).size == 8


def test_a_checkpoint_that_was_stored_but_not_put_beside_counts(url: str, path: Path) -> None:
    fill(url, 2)
    checkpoint = beside(path, ".checkpoint").read_bytes()
    fill(url, 2)
    beside(path, ".checkpoint").write_bytes(checkpoint)
    fill(url, 1)
    assert signed(path).size == 11


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda file: file.unlink(), "put it back"),
        (lambda file: file.write_bytes(b""), "put it back"),
        (lambda file: file.write_bytes(file.read_bytes().replace(b"\n7\n", b"\n6\n")), "wrong"),
    ],
)
def test_a_lost_or_changed_checkpoint_is_refused(
    url: str, path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    fill(url)
    spoil(beside(path, ".checkpoint"))
    with pytest.raises(ConfigurationError, match=message):
        open_log(url)


@pytest.mark.usefixtures("sqlite_only")
def test_a_lost_database_is_not_begun_anew(url: str, path: Path) -> None:
    fill(url)
    path.unlink()
    with pytest.raises(ConfigurationError, match="a log of 7 entries was here"):
        open_log(url)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda file: file.unlink(),
            r"cannot be read|not attempts\.db\.signing-key",
        ),
        (lambda file: file.chmod(0o640), "chmod 600"),
        (lambda file: file.write_text("PRIVATE+KEY+x"), "signing key .* is damaged"),
    ],
)
def test_a_signing_key_is_never_made_anew(
    url: str, path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    fill(url)
    secret = beside(path, ".signing-key")
    spoil(secret)
    with pytest.raises(ConfigurationError, match=message) as caught:
        open_log(url)
    assert "PRIVATE+KEY" not in str(caught.value)


def test_the_signing_key_of_another_log(url: str, path: Path, tmp_path: Path) -> None:
    for name in (url, f"sqlite:///{tmp_path}/other.db"):
        open_log(name).shutdown()
    shutil.copy(tmp_path / "other.db.signing-key", beside(path, ".signing-key"))
    with pytest.raises(ConfigurationError, match="not that of this attempt log"):
        open_log(url)


def test_a_log_changed_while_in_use_stops(log: Log, path: Path) -> None:
    log.open(opened(REFUSE))
    tamper(path, "UPDATE entries SET leaf = zeroblob(32)", *FRONTIER)
    with pytest.raises(LogUnavailable, match=r"append-only|restart"):
        log.open(opened(REFUSE))
    with pytest.raises(LogUnavailable, match="restart"):
        log.open(opened(ALLOW))


def test_a_log_rolled_back_while_in_use_signs_nothing_smaller(url: str, path: Path) -> None:
    with open_log(url) as log:
        writer = log._writer
        assert writer is not None
        for _ in range(2):
            log.open(opened(REFUSE))
            with writer._store.lock, writer._store.exclusive() as session:
                writer._signer.sign(session, time.time_ns())
        tamper(path, "PRAGMA foreign_keys=OFF", "DELETE FROM entries", *FRONTIER)
        writer._sign_due()
        assert signed(path).size == 3
        with pytest.raises(LogUnavailable, match="rolled back"):
            log.open(opened(REFUSE))
    assert signed(path).size == 3


def test_a_checkpoint_that_cannot_be_written_stops_the_log(url: str, path: Path) -> None:
    log = open_log(url)
    log.open(opened(REFUSE))
    beside(path, ".checkpoint.new").mkdir()
    assert log._writer is not None
    log._writer._sign_due()
    with pytest.raises(LogUnavailable, match="restart"):
        log.open(opened(REFUSE))
    log.close(closed(opened(ALLOW)))
    log.shutdown()
    beside(path, ".checkpoint.new").rmdir()
    open_log(url).shutdown()
    assert signed(path).size == 2
