from __future__ import annotations

import stat
from pathlib import Path

import apsw
import pytest

from guardrail.chain.entry import entry_leaf, read_body
from guardrail.errors import InputError, LogUnavailable
from guardrail.log import AttemptFilter, Log, open_log
from guardrail.log.writer import MAX_LAZY
from guardrail.records import AttemptLog, Outcome
from tests.log.support import (
    ALLOW,
    GATE,
    REFUSE,
    closed,
    opened,
    output_refusal,
    picture,
    request,
    rows,
)

COUNTS = "SELECT sum(opened), sum(released), sum(refused), sum(failed) FROM counts"


def accepts(log: AttemptLog) -> AttemptLog:
    return log


def test_it_is_an_attempt_log(log: Log) -> None:
    assert accepts(log) is log


def test_a_flagged_attempt_is_kept_in_full(log: Log, path: Path) -> None:
    entry = opened(REFUSE)
    log.open(entry)
    assert log.attempt(entry.id).outcome == ""
    log.close(closed(entry))
    (row,) = log.attempts()
    assert (row.id, row.at, row.closed_at) == (entry.id, entry.at, entry.at + 2_500_000)
    assert (row.action, row.rule, row.reason) == ("refuse", "real-person", "real_person_sexual")
    assert (row.operation, row.jurisdiction, row.tier) == ("image.generate", "JP", "free")
    assert row.outcome == "refused"
    assert row.opened["id"] == entry.id
    assert row.closed is not None
    assert row.closed["outcome"] == "refused"
    found = rows(path, "SELECT seq, attempt, event, at FROM entries WHERE event <> 'worker'")
    assert found == [
        (2, entry.id, "opened", entry.at),
        (3, entry.id, "closed", entry.at + 2_500_000),
    ]
    assert rows(path, COUNTS) == [(1, 0, 1, 0)]


def test_a_plain_attempt_is_only_counted(log: Log, path: Path) -> None:
    entry = opened(ALLOW)
    log.open(entry)
    assert rows(path, COUNTS) == [(1, 0, 0, 0)]
    log.close(closed(entry))
    assert rows(path, "SELECT count(*) FROM attempts") == [(0,)]
    assert log.stats().total.unfinished == 1
    log.flush()
    assert rows(path, COUNTS) == [(1, 1, 0, 0)]


def test_an_end_counts_with_the_next_opening(log: Log, path: Path) -> None:
    first = opened(ALLOW)
    log.open(first)
    log.close(closed(first, Outcome.FAILED))
    log.open(opened(ALLOW))
    assert rows(path, COUNTS) == [(2, 0, 0, 1)]


def test_ends_are_written_when_enough_are_queued(log: Log, path: Path) -> None:
    entry = opened(ALLOW)
    for _ in range(MAX_LAZY):
        log.open(entry)
    for _ in range(MAX_LAZY - 1):
        log.close(closed(entry))
    assert rows(path, COUNTS) == [(MAX_LAZY, 0, 0, 0)]
    log.close(closed(entry))
    assert rows(path, COUNTS) == [(MAX_LAZY, MAX_LAZY, 0, 0)]


def test_shutdown_writes_what_is_queued_and_ends_the_log(url: str, path: Path) -> None:
    log = open_log(url)
    entry = opened(ALLOW)
    log.open(entry)
    log.close(closed(entry))
    log.shutdown()
    log.shutdown()
    assert rows(path, COUNTS) == [(1, 1, 0, 0)]
    with pytest.raises(LogUnavailable, match="shut down"):
        log.open(entry)


def test_a_log_that_is_dropped_writes_what_is_queued(url: str, path: Path) -> None:
    log = open_log(url)
    entry = opened(ALLOW)
    log.open(entry)
    log.close(closed(entry))
    del log
    assert rows(path, COUNTS) == [(1, 1, 0, 0)]


def test_an_attempt_stopped_at_its_output_carries_its_opening(log: Log) -> None:
    entry = opened(ALLOW)
    log.open(entry)
    log.close(closed(entry, Outcome.REFUSED, decision=output_refusal(), model_called=True))
    (row,) = log.attempts()
    assert (row.action, row.stage, row.outcome) == ("refuse", "output", "refused")
    assert row.opened["decision"]["action"] == "allow"
    assert row.closed is not None
    assert row.closed["model_called"] is True
    assert row.closed["opened_at"] == row.opened["at"]
    assert log.stats().total.unfinished == 0


def test_a_repeated_call_changes_nothing(log: Log, path: Path) -> None:
    entry = opened(REFUSE)
    for _ in range(2):
        log.open(entry)
    for _ in range(2):
        log.close(closed(entry))
    log.open(entry)
    assert rows(path, "SELECT count(*) FROM entries WHERE event <> 'worker'") == [(2,)]
    assert rows(path, COUNTS) == [(1, 0, 1, 0)]


def test_entries_cannot_be_changed_or_removed(log: Log, path: Path) -> None:
    log.open(opened(REFUSE))
    for sql in (
        "DELETE FROM entries",
        "UPDATE entries SET body = '{}'",
        "INSERT OR REPLACE INTO entries VALUES (1, 'a', 'opened', 1, zeroblob(32), '{}')",
    ):
        with pytest.raises(apsw.ConstraintError, match="append-only"):
            rows(path, sql)


def test_bodies_are_stored_as_canonical_json(log: Log, path: Path) -> None:
    log.open(opened(REFUSE, where="日本"))
    ((body, leaf),) = rows(path, "SELECT body, leaf FROM entries WHERE event = 'opened'")
    assert read_body(body.encode())["event"] == "opened"
    assert entry_leaf(body.encode()) == leaf


def test_the_files_hold_no_text_and_no_ids(url: str, path: Path) -> None:
    words = "zebrafinch-prompt"
    asked = request(
        words,
        user="zebrafinch-user",
        conversation="zebrafinch-talk",
        images=(picture(b"zebrafinch-picture"),),
    )
    with open_log(f"{url}?excerpt=200") as log:
        for decision in (REFUSE, GATE, ALLOW):
            entry = opened(decision, asked=asked)
            log.open(entry)
            log.close(closed(entry))
        late = opened(ALLOW, asked=asked)
        log.open(late)
        log.close(closed(late, Outcome.REFUSED, decision=output_refusal()))
        files = sorted(path.parent.iterdir())
        names = ["", "-shm", "-wal", ".checkpoint", ".key", ".lock", ".signing-key"]
        assert [file.name for file in files] == [f"attempts.db{name}" for name in names]
        held = b"".join(file.read_bytes() for file in files)
    held += b"".join(file.read_bytes() for file in files if file.exists())
    assert late.id.encode() in held
    assert b"zebrafinch" not in held
    assert "zebrafinch".encode("utf-16-le") not in held


def test_the_files_are_for_their_owner_alone(log: Log, path: Path) -> None:
    log.open(opened(REFUSE))
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert set(modes.values()) == {0o600}, modes


def test_excerpts(url: str, path: Path) -> None:
    with open_log(f"{url}?excerpt=8") as log:
        entry, other, late = opened(REFUSE), opened(ALLOW), opened(ALLOW)
        for each in (entry, other, late):
            log.open(each)
        log.close(closed(entry))
        log.close(closed(other))
        log.close(closed(late, Outcome.REFUSED, decision=output_refusal()))
        assert log.excerpt(entry.id) == "a garden"
        assert log.excerpt(late.id) == "a garden"
        assert log.excerpt("nobody") is None
        assert rows(path, "SELECT count(*) FROM private") == [(2,)]
    with open_log(url, readonly=True) as reader:
        assert reader.excerpt(entry.id) == "a garden"


def test_no_excerpt_is_kept_unless_asked_for(log: Log, path: Path) -> None:
    entry = opened(REFUSE)
    log.open(entry)
    assert log.excerpt(entry.id) is None
    assert (log.private(entry.id) or {}).keys() == {"user", "prompt_hash"}
    assert rows(path, "SELECT count(*) FROM private") == [(1,)]


def test_an_attempt_is_found_by_the_start_or_end_of_its_id(log: Log) -> None:
    for name in ("ab", "abc", "abd", "x%"):
        log.open(opened(REFUSE, id=name))
    assert log.attempt("ab").id == "ab"
    assert log.attempt("abc").id == "abc"
    assert log.attempt("x").id == "x%"
    assert log.attempt("bd").id == "abd"
    assert log.attempt("%").id == "x%"
    for missing in ("a%", "AB", ""):
        with pytest.raises(InputError):
            log.attempt(missing)
    log.open(opened(REFUSE, id="x2"))
    with pytest.raises(InputError, match="more than one"):
        log.attempt("x")


def test_reading_sees_what_other_writers_add(log: Log, url: str) -> None:
    with open_log(url, readonly=True) as reader:
        assert list(reader.attempts()) == []
        log.open(opened(REFUSE))
        assert len(list(reader.attempts())) == 1
        with pytest.raises(LogUnavailable, match="reading only"):
            reader.open(opened(REFUSE))


def test_two_logs_in_one_process_share_a_file(log: Log, url: str, path: Path) -> None:
    with open_log(url) as other:
        for each in (log, other, log, other):
            each.open(opened(REFUSE))
    seqs = rows(path, "SELECT seq FROM entries WHERE event = 'opened'")
    assert seqs == [(2,), (4,), (5,), (6,)]
    assert log.stats().total.opened == 4


def test_pages_join_without_gaps(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("guardrail.log.query.PAGE", 3)
    names = [f"{n:02d}" for n in range(10)]
    for name in names:
        log.open(opened(REFUSE, id=name, at=5))
    assert [row.id for row in log.attempts()] == names[::-1]
    assert [row.id for row in log.attempts(AttemptFilter(newest_first=False))] == names
    assert [row.id for row in log.attempts(AttemptFilter(limit=7))] == names[:2:-1]
    assert [row.id for row in log.attempts(AttemptFilter(limit=0))] == []


def test_an_abandoned_reading_holds_nothing_up(log: Log) -> None:
    for _ in range(3):
        log.open(opened(REFUSE))
    reading = log.attempts()
    next(reading)
    log.open(opened(REFUSE))
    assert log.stats().total.opened == 4


def test_the_write_ahead_log_is_folded_in(log: Log, path: Path) -> None:
    for _ in range(700):
        log.open(opened(REFUSE))
    wal = path.with_name("attempts.db-wal")
    assert wal.stat().st_size < 4 * 1500 * 4096
    assert path.stat().st_size > 500_000
    assert len(list(log.attempts())) == 700
