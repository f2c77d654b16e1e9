"""Writing sealed months."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from guardrail.errors import ConfigurationError, InputError, LogUnavailable
from guardrail.log import locate, open_log, parse_time
from guardrail.log.archive import Month, write_archive
from guardrail.log.archive.cuts import Cut, Run, cuts, joined
from guardrail.log.archive.folder import Folder
from tests.log.archived import COUNT, DAY, MONTHS, NOW, START, Archived, fill, write
from tests.log.support import REFUSE, ROOT, opened, rows, tamper

JANUARY, FEBRUARY, MARCH = (Month.parse(name) for name in MONTHS)
FILES = {".parquet", ".attempts.parquet", ".counts.parquet", ".leaves", ".manifest.json"}


@pytest.fixture
def archived(url: str, tmp_path: Path) -> Archived:
    return Archived.of(url, tmp_path / "archive")


def read(folder: Path, name: str, sql: str = "SELECT *") -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        return connection.execute(f"{sql} FROM '{folder / name}'").fetchall()


def test_months_part_the_entries(archived: Archived, path: Path) -> None:
    folder = archived.folder
    names = {f"{month}{suffix}" for month in MONTHS for suffix in FILES}
    assert {file.name for file in folder.iterdir()} == {"archive.json", *names}
    found = [row for month in MONTHS for row in read(folder, f"{month}.parquet")]
    kept = rows(path, "SELECT seq, attempt, event, at, body, leaf FROM entries ORDER BY seq")
    kept = kept[: len(found)]
    assert found == [row[:-1] for row in kept]
    leaves = b"".join((folder / f"{month}.leaves").read_bytes() for month in MONTHS)
    assert leaves == b"".join(row[-1] for row in kept)
    for month in (FEBRUARY, MARCH):
        times = [row[3] for row in read(folder, f"{month}.parquet")]
        assert sum(month.start <= int(str(at)) < month.end for at in times) >= len(times) - 1


def test_attempts_are_sorted_by_user(archived: Archived) -> None:
    found = read(archived.folder, "2026-02.attempts.parquet", 'SELECT "user", "at"')
    known = [(str(user), int(str(at))) for user, at in found if at is not None]
    assert known == sorted(known)
    assert len(found) - len(known) == 1  # the end of an attempt of January
    assert len(known) == 28 * 3


def test_nothing_changes_when_it_is_written_again(archived: Archived) -> None:
    before = {file.name: file.read_bytes() for file in archived.folder.iterdir()}
    assert write(archived.url, archived.folder) == []
    assert {file.name: file.read_bytes() for file in archived.folder.iterdir()} == before


def test_the_same_log_gives_the_same_files(archived: Archived, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write(archived.url, other)
    for file in archived.folder.iterdir():
        assert (other / file.name).read_bytes() == file.read_bytes(), file.name


def test_a_log_that_goes_on(archived: Archived) -> None:
    fill(archived.url, 100, NOW)
    later = write(archived.url, archived.folder, NOW + 40 * DAY)
    assert [str(manifest.month) for manifest in later] == ["2026-04"]
    assert archived.verify().months == (*MONTHS, "2026-04")


def test_until_a_month(url: str, tmp_path: Path) -> None:
    fill(url)
    found = list(write_archive(locate(url), tmp_path / "archive", until=JANUARY, now=NOW))
    assert [manifest.month for manifest in found] == [JANUARY]
    found = write(url, tmp_path / "archive")
    assert [manifest.month for manifest in found] == [FEBRUARY, MARCH]
    assert found[0].segment.start.root == Folder(tmp_path / "archive").manifests()[0].segment.root


def test_a_month_is_complete_an_hour_after_its_end(url: str, tmp_path: Path) -> None:
    fill(url)
    end = parse_time("2026-04-01T01:00Z")
    assert [str(m.month) for m in write(url, tmp_path / "a", end - 1)] == MONTHS[:2]
    assert [str(m.month) for m in write(url, tmp_path / "b", end)] == MONTHS


def test_a_month_is_not_complete_while_nothing_follows(url: str, tmp_path: Path) -> None:
    with open_log(url) as log:
        log.open(opened(REFUSE, at=START))
        assert write(url, tmp_path / "archive") == []


def test_an_archive_of_another_log(archived: Archived, tmp_path: Path) -> None:
    other = f"sqlite:///{tmp_path}/other.db"
    fill(other)
    with pytest.raises(ConfigurationError, match="holds an archive of guardrail-log/"):
        write(other, archived.folder)


def test_a_log_that_was_rewritten(archived: Archived, path: Path) -> None:
    tamper(path, "UPDATE entries SET leaf = zeroblob(32) WHERE seq = 7")
    tamper(path, "DELETE FROM nodes")
    with pytest.raises(ConfigurationError, match="does not begin with the entries"):
        write(archived.url, archived.folder)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("UPDATE entries SET body = replace(body, 'JP', 'FR') WHERE seq = 2", "entry 2 is not"),
        ("DELETE FROM entries WHERE seq = 9", "cannot prove what it signed"),
        ("UPDATE checkpoints SET note = zeroblob(99)", "cannot prove what it signed"),
    ],
)
def test_what_was_changed_is_not_archived(
    url: str, path: Path, tmp_path: Path, sql: str, message: str
) -> None:
    fill(url)
    tamper(path, sql)
    with pytest.raises(ConfigurationError, match=message):
        write(url, tmp_path / "archive")
    assert [file.name for file in (tmp_path / "archive").iterdir()] == []


def test_what_is_not_signed_is_not_archived(url: str, path: Path, tmp_path: Path) -> None:
    fill(url)
    tamper(path, "DELETE FROM checkpoints")
    with pytest.raises(LogUnavailable, match="2026-01 is complete with entry"):
        write(url, tmp_path / "archive")


def test_a_folder_that_cannot_be_written(url: str, tmp_path: Path) -> None:
    fill(url, 40)
    (tmp_path / "archive").write_text("a file")
    with pytest.raises(LogUnavailable, match="cannot write the archive"):
        write(url, tmp_path / "archive")


def test_one_run_at_a_time(url: str, tmp_path: Path) -> None:
    fill(url, 40)
    with (
        Folder(tmp_path / "archive").alone(),
        pytest.raises(ConfigurationError, match="another run writes"),
    ):
        write(url, tmp_path / "archive")


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_stopped_is_taken_up_again(
    url: str, tmp_path: Path, sign: signal.Signals
) -> None:
    fill(url)
    folder, whole = tmp_path / "archive", tmp_path / "whole"
    write(url, whole)
    command = [sys.executable, "-m", "guardrail", "log", "archive", "--log", url]
    command += ["--until", "2026-03", "--to", str(folder)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + 60
        while not (folder / "2026-01.leaves").exists() and time.monotonic() < deadline:
            time.sleep(0.0005)
        os.kill(process.pid, sign)
        process.communicate()
    if sign is signal.SIGINT:
        assert not list(folder.glob(".draft*"))
    write(url, folder)
    for file in whole.iterdir():
        assert (folder / file.name).read_bytes() == file.read_bytes(), file.name
    assert not list(folder.glob(".draft*"))


def test_a_kill_between_files_leaves_no_month(archived: Archived) -> None:
    (archived.folder / "2026-03.manifest.json").unlink()
    (archived.folder / "2026-03.leaves").unlink()
    shutil.copytree(archived.folder, archived.folder / ".draft-2026-03")
    assert [m.month for m in write(archived.url, archived.folder)] == [MARCH]
    assert archived.verify().ok
    assert not list(archived.folder.glob(".draft*"))


def months(*parts: tuple[Month, int]) -> list[Cut]:
    return list(cuts(joined(Run(month, size) for month, size in parts), 10))


def test_a_month_ends_where_the_fewest_entries_are_astray() -> None:
    late = months((JANUARY, 50), (FEBRUARY, 1), (JANUARY, 2), (FEBRUARY, 40))
    assert late == [Cut(JANUARY, 10, 63), Cut(FEBRUARY, 63, 103)]
    early = months((JANUARY, 50), (FEBRUARY, 30), (JANUARY, 2), (FEBRUARY, 40))
    assert early == [Cut(JANUARY, 10, 60), Cut(FEBRUARY, 60, 132)]


@pytest.mark.parametrize("wrong", [Month(1970, 1), Month(2099, 12), MARCH])
@pytest.mark.parametrize("place", [0, 30, 50, 70])
def test_a_wrong_clock_moves_nothing(wrong: Month, place: int) -> None:
    times = [JANUARY] * 50 + [FEBRUARY] * 50
    times.insert(place, wrong)
    found = {cut.month: cut.last for cut in months(*((month, 1) for month in times))}
    assert abs(found[JANUARY] - 60) <= 1
    assert abs(found[FEBRUARY] - 110) <= 1
    assert sum(cut.last - cut.after for cut in months(*((m, 1) for m in times))) == len(times)


def test_months() -> None:
    assert str(Month.of(parse_time("2026-12-31T23:59:59Z"))) == "2026-12"
    assert Month(2026, 12).next == Month(2027, 1)
    assert Month(2026, 1).before == Month(2025, 12)
    assert Month(2026, 2).end == parse_time("2026-03-01")
    for text in ("2026-13", "2026-1", "26-01", "0000-01", "x", ""):
        with pytest.raises(InputError, match="not a month"):
            Month.parse(text)


def test_the_log_is_only_read(url: str, path: Path, tmp_path: Path) -> None:
    fill(url, COUNT)
    before = rows(path, "SELECT * FROM entries"), rows(path, "SELECT * FROM checkpoints")
    write(url, tmp_path / "archive")
    after = rows(path, "SELECT * FROM entries"), rows(path, "SELECT * FROM checkpoints")
    assert before == after
