"""Counting and finding attempts over a log, its archive, and both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from guardrail.errors import ConfigurationError, InputError
from guardrail.log import AttemptFilter, AttemptRow, locate, open_log, parse_time
from guardrail.log.archive import Source, cache
from guardrail.log.archive.cache import Cache
from guardrail.log.archive.columns import columns
from guardrail.log.archive.count import aggregate
from guardrail.log.archive.find import opened_archive
from guardrail.log.archive.stats import count_columns
from guardrail.log.keyring import load_keys
from guardrail.log.stats import DIMENSIONS, StatsRow
from guardrail.records import Action, Outcome
from tests.log.archived import COUNT, DAY, MONTHS, NOW, START, Archived, fill, write
from tests.log.support import REFUSE, closed, opened, rows, tamper

BY = ("month", "rule", "action", "jurisdiction", "outcome")


@pytest.fixture
def archived(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archived:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Archived.of(url, tmp_path / "archive")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that is worthwhile for a few entries."""
    monkeypatch.setattr(cache, "WORTHWHILE", 20)


def counted(
    archived: Archived,
    parts: str,
    by: tuple[str, ...] = BY,
    since: int | None = None,
    until: int | None = None,
) -> list[StatsRow]:
    source = Source(locate(archived.url)) if "live" in parts else None
    folder = archived.folder if "archive" in parts else None
    kept = Cache.of(archived.key.name) if "cache" in parts else None
    try:
        with columns(source, folder, kept) as found:
            return aggregate(found, by, since=since, until=until, users=True)
    finally:
        if source is not None:
            source.close()


def listed(url: str) -> Iterator[AttemptRow]:
    with open_log(url, readonly=True) as log:
        yield from log.attempts()


def expected(url: str) -> Counter[tuple[str, ...]]:
    return Counter(
        (row.summary()["at"][:7], row.rule, row.action, row.jurisdiction, row.outcome)
        for row in listed(url)
    )


ALL = ["live", "live archive", "live cache", "live archive cache"]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("parts", ALL)
def test_what_is_in_both_counts_once(archived: Archived, parts: str) -> None:
    for _ in range(2):  # without a cache, then with it
        found = counted(archived, parts)
        assert {row.key: row.opened for row in found} == expected(archived.url)
        assert sum(row.opened for row in found) == COUNT
        assert {row.users for row in counted(archived, parts, ("tier",))} == {7}


def test_an_archive_alone_knows_its_months(archived: Archived) -> None:
    found = {row.key: row.opened for row in counted(archived, "archive")}
    wanted = {key: many for key, many in expected(archived.url).items() if key[0] in MONTHS}
    differing = {key for key in {*found, *wanted} if found.get(key) != wanted.get(key)}
    assert {key[0] for key in differing} == {"2026-03"}  # one was in flight when it ended
    assert sum(found.values()) == sum(wanted.values())
    assert [key for key in found if key[-1] == ""] == [key for key in differing if key[-1] == ""]


def test_a_period_to_the_nanosecond(archived: Archived) -> None:
    times = sorted(row.at for row in listed(archived.url))
    for parts in ALL:
        found = counted(archived, parts, ("tier",), since=times[10], until=times[150])
        assert [row.opened for row in found] == [140]


@pytest.mark.parametrize("by", ["user", "stage", "policy", "reason", "tier", "operation"])
def test_every_name_counts(archived: Archived, by: str) -> None:
    found = {row.key[0]: row.opened for row in counted(archived, "live archive", (by,))}
    assert found == Counter(getattr(row, by) for row in listed(archived.url))


@pytest.mark.parametrize(("by", "size"), [("month", 7), ("day", 10), ("hour", 13)])
def test_times_are_those_of_the_opening(archived: Archived, by: str, size: int) -> None:
    found = {row.key[0][:size]: row.opened for row in counted(archived, "live archive", (by,))}
    assert found == Counter(row.summary()["at"][:size] for row in listed(archived.url))


def test_where(archived: Archived) -> None:
    source = Source(locate(archived.url))
    with columns(source, archived.folder, None) as found:
        (row,) = aggregate(found, ("action",), where={"jurisdiction": "JP", "rule": "real-person"})
        assert row.key == ("refuse",)
        assert row.opened == sum(
            (found.jurisdiction, found.rule) == ("JP", "real-person")
            for found in listed(archived.url)
        )
        for by, where in ((("nothing",), {}), ((), {"day": "2026-01-20"}), ((), {"x": "y"})):
            with pytest.raises(InputError, match="cannot count by that; known: month"):
                aggregate(found, by, where=where)
    source.close()


@pytest.mark.usefixtures("small")
def test_stats_are_those_of_the_log(archived: Archived) -> None:
    location = locate(archived.url)
    for by in ([], *([name] for name in DIMENSIONS), ["day", "rule", "action", "jurisdiction"]):
        for since, until in ((None, None), (START + 9 * DAY, START + 70 * DAY)):
            with open_log(archived.url, readonly=True) as log:
                wanted = log.stats(since, until, by)
            for folder in (None, archived.folder):
                for cached in (False, True):
                    found = count_columns(location, folder, since, until, by, cached=cached)
                    assert found == wanted


def test_stats_of_an_archive_alone(archived: Archived) -> None:
    found = count_columns(None, archived.folder, by=["month"])
    opened_then = Counter(row.summary()["at"][:7] for row in listed(archived.url))
    assert [row.key[0] for row in found.rows] == MONTHS
    for row in found.rows:
        assert (row.opened, row.flagged) == (2 * row.flagged, opened_then[row.key[0]])
        assert row.unfinished == row.flagged + (row.key[0] == "2026-03")
    with pytest.raises(ConfigurationError, match="neither a log nor an archive"):
        count_columns(None, None)


@pytest.mark.usefixtures("small")
def test_a_cache_grows_with_the_log(archived: Archived) -> None:
    kept = Cache.of(archived.key.name).path
    counted(archived, "live cache")
    (first,) = kept.iterdir()
    assert first.stat().st_mode & 0o777 == 0o600
    before = first.read_bytes()
    fill(archived.url, 12, NOW)
    assert {row.key: row.opened for row in counted(archived, "live cache")} == expected(
        archived.url
    )
    assert first.read_bytes() == before
    for number in range(1, 6):
        fill(archived.url, 40, NOW + number * 20 * DAY)
        found = counted(archived, "live cache")
        assert {row.key: row.opened for row in found} == expected(archived.url)
    assert len(list(kept.iterdir())) < 4


@pytest.mark.usefixtures("small")
def test_a_large_log_is_cached_in_slices(
    archived: Archived, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "SLICE", 50)
    for _ in range(2):
        found = counted(archived, "live cache")
        assert {row.key: row.opened for row in found} == expected(archived.url)
    pieces = sorted(
        tuple(map(int, path.name.split("-")[:2]))
        for path in Cache.of(archived.key.name).path.iterdir()
    )
    assert len(pieces) >= COUNT * 2 // 50
    assert all(one[1] == two[0] for one, two in pairwise(pieces))


@pytest.mark.usefixtures("small")
def test_a_cache_knows_ends_that_come_later(url: str, tmp_path: Path) -> None:
    kept = Cache(tmp_path / "cache")
    entries = [opened(REFUSE, id=f"{number:03d}", at=START + number) for number in range(30)]
    ends = [Outcome.RELEASED, Outcome.REFUSED, Outcome.FAILED]
    with open_log(url) as log:
        for entry in entries:
            log.open(entry)
        for third in range(3):
            source = Source(locate(url))
            with columns(source, None, kept) as found:
                now = aggregate(found, ("outcome",))
            source.close()
            assert sum(row.opened for row in now) == 30
            done = {str(outcome): 10 for outcome in ends[:third]}
            left = 30 - 10 * third
            assert {row.key[0]: row.opened for row in now} == {**done, "": left}
            for entry in entries[third * 10 : third * 10 + 10]:
                log.close(closed(entry, ends[third]))
            for number in range(12 if third else 80):  # makes the cache grow
                log.record("note", {"number": number})
    assert len(list(kept.path.iterdir())) == 2


@pytest.mark.usefixtures("small")
def test_a_cache_of_what_was_rewritten_is_not_used(archived: Archived, path: Path) -> None:
    counted(archived, "live cache")
    tamper(path, "DELETE FROM entries WHERE seq > 300", "DELETE FROM attempts WHERE at > 0")
    assert counted(archived, "live cache") == counted(archived, "live")


@pytest.mark.usefixtures("small")
def test_without_room_for_a_cache(archived: Archived, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    assert counted(archived, "live cache") == counted(archived, "live")


def test_attempts_are_found(archived: Archived) -> None:
    keys = load_keys(locate(archived.url).key)
    wanted = [
        AttemptFilter(action=Action.GATE, jurisdiction="us"),
        AttemptFilter(rule="real-person", since=START + 20 * DAY, until=START + 50 * DAY),
        AttemptFilter(outcome=Outcome.REFUSED, limit=3),
    ]
    end = parse_time("2026-03-30")
    with open_log(archived.url, readonly=True) as log, opened_archive(archived.folder) as sealed:
        for one in wanted:
            both = [sealed.find(one, keys), [*log.attempts(one)]]
            found, known = ([row.summary() for row in part if row.at < end] for part in both)
            if one.limit is None:
                assert found == [{**row, "user": "", "conversation": ""} for row in known]
            else:
                assert len(both[0]) == len(both[1])
        of_a_user = AttemptFilter(user="u3")
        assert [*log.attempts(of_a_user)]
        assert sealed.find(of_a_user, keys) == []  # an archive does not say whose attempts are
        with pytest.raises(ConfigurationError, match="key file"):
            sealed.find(of_a_user)


def test_an_archive_of_another_log_is_not_counted_with_it(
    archived: Archived, tmp_path: Path
) -> None:
    other = f"sqlite:///{tmp_path}/other.db"
    fill(other, 3)
    with pytest.raises(ConfigurationError, match="holds an archive of"):
        count_columns(locate(other), archived.folder)


def test_an_archive_that_lacks_a_month_is_not_counted(archived: Archived) -> None:
    (archived.folder / "2026-02.manifest.json").unlink()
    with pytest.raises(ConfigurationError, match="lacks what stands before 2026-03"):
        count_columns(None, archived.folder)
    (archived.folder / "2026-03.manifest.json").unlink()
    (archived.folder / "2026-01.attempts.parquet").unlink()
    with pytest.raises(ConfigurationError, match=r"2026-01\.attempts\.parquet"):
        count_columns(None, archived.folder)


def test_an_empty_log(url: str, path: Path) -> None:
    open_log(url).shutdown()
    assert count_columns(locate(url), None, by=["day"], cached=False).rows == ()
    assert rows(path, "SELECT count(*) FROM attempts") == [(0,)]


def test_plain_attempts_are_counted_in_the_archive(url: str, tmp_path: Path) -> None:
    fill(url)
    write(url, tmp_path / "archive")
    found = count_columns(None, tmp_path / "archive", by=["action"])
    by_action = {row.key[0]: row.opened for row in found.rows}
    assert by_action["allow"] == by_action["gate"] + by_action["refuse"]
