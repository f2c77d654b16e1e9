"""What PostgreSQL keeps besides rows: old versions of them, and statistics of their values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from guardrail.log import Log, locate, open_log
from guardrail.log.access import Identity
from guardrail.log.postgres import store
from guardrail.log.shredding import Target, shred
from guardrail.log.verify import verify_database
from tests.log.engines import held, tamper, url_of
from tests.log.postgres import Server
from tests.log.support import REFUSE, opened, request

ENGINES = ("postgresql",)
BY = Identity("auditor", "console")


def fill(log: Log) -> list[bytes]:
    """A hundred attempts of two users; what of one of them must go."""
    for number in range(100):
        asked = request("a garden", user=f"u{number % 2}", conversation=f"talk-{number % 2}")
        log.open(opened(REFUSE, asked=asked))
    with log.reading() as reading:
        names = (log.vault.keys.user("u1"),)
        found = reading.rows(
            "SELECT p.sealed, k.wrapped FROM private AS p JOIN data_keys AS k ON k.id = p.data_key"
            " WHERE k.subject = ?",
            names,
        )
    needles = {part[-24:] for row in found for part in row}
    return [*needles, names[0].encode(), log.vault.keys.conversation("talk-1").encode()]


@pytest.fixture
def looker(server: Server, database: str) -> str:
    """Where somebody else connects."""
    return server.url(database)


@contextmanager
def looking(at: str) -> Iterator[None]:
    """Somebody's snapshot of the whole database."""
    with closing(psycopg.connect(at)) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        connection.execute("SELECT count(*) FROM guardrail.meta")
        yield


def test_the_statistics_of_the_planner_hold_nothing(path: Path) -> None:
    with open_log(url_of(path, "excerpt=50")) as log:
        needles = fill(log)
        tamper(path, "ANALYZE")
        before = held(path)
        assert all(needle in before for needle in needles)
        assert shred(log, BY, Target("subject", "u1"), "why").problem == ""
    after = held(path)
    assert [needle for needle in needles if needle in after] == []


def test_what_an_older_snapshot_sees_is_said_to_be_left(
    log: Log, path: Path, looker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "CLEARED", 0.2)
    needles = fill(log)
    with looking(looker):
        done = shred(log, BY, Target("subject", "u1"), "why")
        assert "older transaction" in done.problem
        assert any(needle in held(path) for needle in needles)
        log.open(opened(REFUSE, user="u2"))
    log.scrub()
    after = held(path)
    assert [needle for needle in needles if needle in after] == []
    log.shutdown()
    assert verify_database(locate(url_of(path))).report.ok
