"""Real database files, changed as somebody does who can write them: each change is found."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from guardrail.chain.entry import canonical, entry_leaf
from guardrail.chain.faults import FaultKind
from guardrail.chain.keys import VerifierKey
from guardrail.errors import ConfigurationError
from guardrail.log import locate, open_log
from guardrail.log.verify import Given, Verification, as_json, verify_database
from tests.log.engines import BOTH, Databases, Engine, copy, drop, make
from tests.log.support import (
    ALLOW,
    GATE,
    REFUSE,
    closed,
    opened,
    output_refusal,
    python,
    rows,
    tamper,
    url_of,
)
from tests.log.test_migrate import schema1

ENGINES = BOTH
ENTRIES = 562  # two full tiles and a part; the first and the last are the worker's


def fill(path: Path, count: int = ENTRIES - 2) -> None:
    """Entries of every kind: ends that were kept, ends that carry their opening, none."""
    with open_log(url_of(path)) as log:
        entries = 0
        while entries < count:
            entry = opened((REFUSE, ALLOW, GATE)[entries % 3])
            log.open(entry)
            entries += entry.flagged
            if entries < count and not (entry.flagged and entries % 5 == 0):
                late = not entry.flagged
                log.close(closed(entry, decision=output_refusal() if late else entry.decision))
                entries += 1


@pytest.fixture(scope="module")
def master(
    tmp_path_factory: pytest.TempPathFactory, engine: Engine, databases: Databases
) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("master") / "attempts.db"
    make(path, engine, databases)
    fill(path)
    yield path
    drop(path)


@pytest.fixture
def path(master: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of a signed log that a test may spoil."""
    path = tmp_path / master.name
    copy(master, path)
    yield path
    drop(path)


@pytest.fixture
def empty(tmp_path: Path, engine: Engine, databases: Databases) -> Iterator[Path]:
    """Where no log is yet."""
    path = tmp_path / "attempts.db"
    make(path, engine, databases)
    yield path
    drop(path)


def verify(path: Path, given: Given | None = None) -> Verification:
    return verify_database(locate(url_of(path)), given)


def faults(path: Path, given: Given | None = None) -> list[str]:
    return [str(fault) for fault in verify(path, given).report.faults]


def kinds(path: Path) -> set[FaultKind]:
    return {fault.kind for fault in verify(path).report.faults}


def test_a_good_log(path: Path) -> None:
    found = verify(path)
    assert found.report.ok, found.report.faults
    assert (found.report.entries, found.report.proven, found.unsigned) == (ENTRIES, ENTRIES, 0)


def test_entries_that_are_not_signed_yet_are_told(path: Path) -> None:
    log = open_log(url_of(path))
    log.open(opened(REFUSE))
    found = verify(path)
    assert found.report.ok
    assert found.unsigned in {0, 2}
    log.shutdown()


EDIT = """UPDATE entries SET body = replace(body, '"JP"', '"FR"') WHERE seq = 16"""


def test_an_edited_entry(path: Path) -> None:
    tamper(path, EDIT)
    found = faults(path)
    assert "edited: entry 16: its bytes are not those that were signed" in found
    assert any("entry 16" in fault and "jurisdiction" in fault for fault in found)


def rehash(path: Path, seq: int, body: bytes) -> None:
    text = body.decode().replace("'", "''")
    leaf = entry_leaf(body).hex()
    sql = f"UPDATE entries SET body = '{text}', leaf = x'{leaf}'"  # noqa: S608 (ours)
    tamper(path, f"{sql} WHERE seq = {seq}")


def test_an_edited_entry_whose_hash_was_made_anew(path: Path) -> None:
    ((body,),) = rows(path, "SELECT body FROM entries WHERE seq = 16")
    rehash(path, 16, body.replace("JP", "FR").encode())
    found = verify(path)
    assert not found.report.ok
    assert FaultKind.ALTERED in kinds(path)
    assert found.report.proven < ENTRIES


def test_a_deleted_entry(path: Path) -> None:
    tamper(path, "PRAGMA foreign_keys=OFF", "DELETE FROM entries WHERE seq = 300")
    assert any(fault.startswith("missing: entry 300") for fault in faults(path))


def test_a_deleted_entry_with_the_rest_renumbered(path: Path) -> None:
    tamper(
        path,
        "PRAGMA foreign_keys=OFF",
        "DELETE FROM entries WHERE seq = 300",
        "UPDATE entries SET seq = -seq WHERE seq > 300",
        "UPDATE entries SET seq = -seq - 1 WHERE seq < 0",
        "UPDATE attempts SET opened_seq = opened_seq - 1 WHERE opened_seq > 300",
        "UPDATE attempts SET closed_seq = closed_seq - 1 WHERE closed_seq > 300",
    )
    found = verify(path)
    assert not found.report.ok
    assert found.report.entries == ENTRIES - 1
    assert kinds(path) & {FaultKind.TRUNCATED, FaultKind.ALTERED}


def test_an_inserted_entry(path: Path) -> None:
    tamper(
        path,
        "PRAGMA foreign_keys=OFF",
        "UPDATE entries SET seq = -seq WHERE seq > 300",
        "UPDATE entries SET seq = -seq + 1 WHERE seq < 0",
        """INSERT INTO entries SELECT 301, 'x', event, at, leaf, replace(body, 'JP', 'FR')
         FROM entries WHERE seq = 3""",
    )
    assert not verify(path).report.ok
    assert kinds(path) & {FaultKind.ADDED, FaultKind.ALTERED, FaultKind.EDITED}


def test_two_entries_in_each_others_place(path: Path) -> None:
    tamper(
        path,
        "PRAGMA foreign_keys=OFF",
        "UPDATE entries SET seq = -1 WHERE seq = 40",
        "UPDATE entries SET seq = 40 WHERE seq = 90",
        "UPDATE entries SET seq = 90 WHERE seq = -1",
    )
    assert not verify(path).report.ok


def test_a_log_cut_short(path: Path) -> None:
    tamper(path, "PRAGMA foreign_keys=OFF", "DELETE FROM entries WHERE seq > 500")
    assert any("truncated" in fault and "501" in fault for fault in faults(path))


def test_a_log_cut_short_with_everything_that_tells(path: Path) -> None:
    """The file beside the database remembers."""
    tamper(
        path,
        "PRAGMA foreign_keys=OFF",
        "DELETE FROM attempts WHERE coalesce(closed_seq, opened_seq) > 500",
        "DELETE FROM entries WHERE seq > 500",
        "DELETE FROM checkpoints WHERE size > 500",
    )
    assert any("truncated" in fault for fault in faults(path))


@pytest.mark.usefixtures("sqlite_only")
def test_a_log_rolled_back_with_the_file_beside_it(path: Path, tmp_path: Path) -> None:
    """Then only a checkpoint kept elsewhere tells."""
    held = path.with_name("attempts.db.checkpoint").read_bytes()
    old = tmp_path / "old"
    old.mkdir()
    fill(old / "attempts.db", 1)
    shutil.copytree(path.parent, old / "all", ignore=shutil.ignore_patterns("old"))
    fill(path, 5)
    newest = path.with_name("attempts.db.checkpoint").read_bytes()
    back = old / "all" / "attempts.db"
    assert verify(back).report.ok
    assert verify(back, Given(checkpoints=[("held", held)])).report.ok
    report = verify(back, Given(checkpoints=[("newest", newest)]))
    assert [fault.kind for fault in report.report.faults] == [FaultKind.TRUNCATED]
    assert "newest" in report.checkpoints


@pytest.mark.usefixtures("sqlite_only")
def test_a_log_rewritten_with_its_own_key_is_told_by_a_checkpoint_kept_elsewhere(
    path: Path, tmp_path: Path
) -> None:
    held = path.with_name("attempts.db.checkpoint").read_bytes()
    other = tmp_path / "other" / "attempts.db"
    other.parent.mkdir()
    for name in (".key", ".signing-key"):
        shutil.copy(path.with_name(path.name + name), other.with_name(other.name + name))
    fill(other)
    assert verify(other).report.ok
    found = verify(other, Given(checkpoints=[("held", held)]))
    assert FaultKind.FORKED in {fault.kind for fault in found.report.faults}


def test_a_log_signed_with_another_key(path: Path, tmp_path: Path) -> None:
    open_log(f"sqlite:///{tmp_path}/other.db").shutdown()
    ((text,),) = rows(tmp_path / "other.db", "SELECT value FROM meta WHERE key = 'verifier_key'")
    found = verify(path, Given(key=VerifierKey.parse(text)))
    assert not found.report.ok
    assert FaultKind.BAD_SIGNATURE in {fault.kind for fault in found.report.faults}


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("UPDATE attempts SET action = 'allow' WHERE opened_seq = 2", "action"),
        ("UPDATE attempts SET \"user\" = 'somebody' WHERE opened_seq = 2", "user"),
        ("UPDATE attempts SET at = at + 1 WHERE opened_seq = 2", "opened_at"),
        ("UPDATE attempts SET outcome = 'released' WHERE closed_seq = 3", "outcome"),
        ("UPDATE attempts SET opened_seq = 5 WHERE opened_seq = 2", "opened_seq"),
        ("UPDATE attempts SET closed_seq = NULL WHERE closed_seq = 3", "closed_seq"),
        ("DELETE FROM attempts WHERE opened_seq = 2", "attempts"),
        ("UPDATE entries SET at = at + 1 WHERE seq = 2", "at"),
        ("UPDATE entries SET event = 'worker' WHERE seq = 2", "event"),
        ("UPDATE entries SET attempt = 'x' WHERE seq = 2", "attempt"),
    ],
)
def test_what_an_attempt_is_found_by(path: Path, sql: str, told: str) -> None:
    tamper(path, "PRAGMA foreign_keys=OFF", sql)
    found = [fault for fault in verify(path).report.faults if fault.kind is FaultKind.INDEX]
    assert any(fault.first in {2, 3} and told in fault.detail for fault in found), found


def test_an_attempt_without_entries(path: Path) -> None:
    values = "'x', NULL, NULL, 1, '', '', '', '', '', '', '', '', '', '', ''"
    tamper(path, f"INSERT INTO attempts VALUES ({values})")  # noqa: S608 (ours)
    (fault,) = faults(path)
    assert "such as x" in fault


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("UPDATE nodes SET hash = zeroblob(32) WHERE place = 1", "hash 1 of tile level 1"),
        ("DELETE FROM nodes", "hash 0 of tile level 1"),
        ("UPDATE frontier SET state = x'0000000000000000'", "right edge"),
        ("DELETE FROM frontier", "right edge"),
        ("UPDATE entries SET leaf = zeroblob(32) WHERE seq = 9", "hash stored for it"),
        ("UPDATE checkpoints SET note = x'00'", "checkpoint"),
        (
            "UPDATE checkpoints SET note = CAST(replace(CAST(note AS TEXT), '562', '561') AS BLOB)",
            "checkpoint",
        ),
    ],
)
def test_changed_hashes_and_checkpoints(path: Path, sql: str, told: str) -> None:
    tamper(path, sql)
    assert any(told in fault for fault in faults(path)), faults(path)


def test_a_checkpoint_beside_that_is_damaged(path: Path) -> None:
    path.with_name("attempts.db.checkpoint").write_bytes(b"nonsense")
    found = verify(path)
    (fault,) = found.report.faults
    assert fault.kind is FaultKind.BAD_CHECKPOINT
    assert fault.checkpoint is not None
    assert found.checkpoints[fault.checkpoint] == "attempts.db.checkpoint"


@pytest.mark.usefixtures("sqlite_only")
def test_every_flipped_byte_of_an_entry_is_found(path: Path) -> None:
    """In the file itself, under SQLite: anywhere in the bytes of entries."""
    chance = random.Random(1)  # noqa: S311 (places to flip, not secrets)
    whole = path.read_bytes()
    bodies = [body.encode() for (body,) in rows(path, "SELECT body FROM entries")]
    places = [(whole.index(body[:200]), len(body[:200])) for body in chance.sample(bodies, 40)]
    for start, length in places:
        data = bytearray(whole)
        data[start + chance.randrange(length)] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        assert not verify(path).report.ok


@pytest.mark.usefixtures("sqlite_only")
def test_flipped_bytes_anywhere_are_found_or_change_nothing(path: Path) -> None:
    """What is not found must not have changed an entry, nor what it is found by."""
    chance = random.Random(2)  # noqa: S311
    whole = path.read_bytes()
    wanted = "SELECT * FROM entries", "SELECT * FROM attempts"
    good = [rows(path, sql) for sql in wanted]
    missed = 0
    for _ in range(60):
        data = bytearray(whole)
        data[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        try:
            ok = verify(path).report.ok
        except ConfigurationError:
            continue
        if ok:
            missed += 1
            assert [rows(path, sql) for sql in wanted] == good
    assert missed < 60


def test_a_log_of_schema_1_has_no_evidence_until_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "attempts.db"
    schema1(path, 20)
    with pytest.raises(ConfigurationError, match="schema 1"):
        verify(path)
    fill(path, 3)
    assert faults(path) == []
    tamper(path, "UPDATE entries SET body = replace(body, 'at_ns', 'at_nx') WHERE seq = 2")
    assert any(fault.startswith("edited: entry 2") for fault in faults(path))


def test_the_result_as_json(path: Path) -> None:
    tamper(path, EDIT)
    found = json.loads(json.dumps(as_json(verify(path))))
    assert not found["ok"]
    assert {"kind", "detail", "first", "last", "checkpoint", "receipt"} == set(found["faults"][0])
    assert canonical(found)


_WRITER = """
import sys
from guardrail.log import open_log
from tests.log.support import ALLOW, REFUSE, closed, opened

with open_log(sys.argv[1]) as log:
    for n in range(int(sys.argv[2])):
        entry = opened(REFUSE if n % 2 else ALLOW)
        log.open(entry)
        print("kept", flush=True)
        log.close(closed(entry))
"""


def test_a_log_that_several_processes_wrote(empty: Path) -> None:
    path = empty
    writers = [python(_WRITER, url_of(path), "150") for _ in range(4)]
    assert writers[0].stdout is not None
    writers[0].stdout.readline()
    while any(writer.poll() is None for writer in writers):
        found = verify(path)
        assert not [fault for fault in found.report.faults if fault.kind is not FaultKind.UNPROVEN]
    for writer in writers:
        assert writer.communicate()[1] == ""
    found = verify(path)
    assert (found.report.faults, found.unsigned, found.report.entries) == ((), 0, 608)


def test_a_log_whose_writer_was_killed(empty: Path) -> None:
    path = empty
    for life in range(6):
        writer = python(_WRITER, url_of(path), "100000")
        assert writer.stdout is not None
        for _ in range(10 + 40 * life):
            writer.stdout.readline()
        writer.kill()
        writer.communicate()
        assert verify(path).report.faults == ()
    python(_WRITER, url_of(path), "1").communicate()
    found = verify(path)
    assert (found.report.faults, found.unsigned) == ((), 0)


@pytest.mark.usefixtures("sqlite_only")
def test_verifying_changes_nothing(path: Path) -> None:
    before = {file: file.read_bytes() for file in path.parent.iterdir()}
    verify(path)
    after = {file: file.read_bytes() for file in path.parent.iterdir() if file in before}
    assert after == before
