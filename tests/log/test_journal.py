"""The write-ahead log is waited for through a file of the writer's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from guardrail.errors import LogUnavailable
from guardrail.log import open_log
from guardrail.log.sqlite.journal import Journal
from tests.log.support import REFUSE, opened


def test_what_is_not_there_is_not_on_the_disk(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Journal(tmp_path / "a.db").sync()


def test_a_file_put_in_its_place_is_the_one_that_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", lambda file: synced.append(os.fstat(file).st_ino))
    wal = tmp_path / "a.db-wal"
    journal = Journal(tmp_path / "a.db")
    found = []
    for name in ("first", "second"):
        fresh = tmp_path / name
        fresh.write_bytes(b"frames")
        fresh.replace(wal)
        journal.sync()
        found.append(wal.stat().st_ino)
    journal.close()
    assert synced == found


def test_where_it_cannot_be_opened_the_log_says_so_and_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(_: Journal) -> None:
        raise OSError(24, "Too many open files")

    with open_log(f"sqlite:///{tmp_path}/a.db") as log:
        log.open(opened(REFUSE))
        monkeypatch.setattr(Journal, "watch", none_left)
        for _ in range(2):
            with pytest.raises(LogUnavailable, match="Too many open files"):
                log.open(opened(REFUSE))
        monkeypatch.undo()
