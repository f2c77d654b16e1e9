from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from guardrail.errors import InputError, LogUnavailable
from guardrail.guard import Guard
from guardrail.log import Log, locate, open_log
from guardrail.log.session import WriteSession
from guardrail.log.verify import verify_database
from guardrail.policy import load_policy
from guardrail.policy.digest import canonical
from guardrail.records import Caller, Operation, Output, Request
from tests.log.engines import BOTH
from tests.log.support import REFUSE, opened, rows

ENGINES = BOTH


def test_an_event_is_an_entry(log: Log, url: str) -> None:
    log.open(opened(REFUSE))
    seq = log.record("access", {"who": "auditor", "why": "inquiry 7"})
    log.open(opened(REFUSE))
    (entry,) = log.entries(["access"])
    assert (entry.seq, entry.event) == (seq, "access")
    body = json.loads(entry.body)
    assert (body["event"], body["who"], body["why"]) == ("access", "auditor", "inquiry 7")
    log.shutdown()
    assert verify_database(locate(url)).report.ok


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        ("opened", {}),
        ("closed", {}),
        ("Access", {}),
        ("", {}),
        ("access", {"at": "now"}),
        ("access", {"event": "other"}),
        ("access", {"why": "x" * 70_000}),
        ("access", {"n": float("nan")}),
    ],
)
def test_what_is_no_event(log: Log, path: Path, event: str, fields: dict[str, object]) -> None:
    with pytest.raises(InputError):
        log.record(event, fields)
    assert rows(path, "SELECT count(*) FROM entries") == [(0,)]


def test_entries_are_read_in_pages_both_ways(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("guardrail.log.entries.PAGE", 2)
    for number in range(5):
        log.record("access", {"number": number})
    seqs = [entry.seq for entry in log.entries(["access"])]
    assert seqs == [2, 3, 4, 5, 6]
    assert [entry.seq for entry in log.entries(["access"], newest_first=True)] == seqs[::-1]
    middle = [*log.entries(["access"])][2]
    assert [entry.seq for entry in log.entries(since=middle.at)] == [4, 5, 6]
    assert [entry.seq for entry in log.entries(["worker", "access"], until=middle.at)] == [1, 2, 3]


def test_a_change_happens_with_its_event_or_not_at_all(log: Log, path: Path) -> None:
    def change(session: WriteSession, seq: int) -> None:
        session.insert("meta", [("changed", str(seq))])

    def refuse(session: WriteSession, seq: int) -> None:
        change(session, seq)
        raise InputError("not today")

    with pytest.raises(InputError, match="not today"):
        log.record("access", {}, change=refuse)
    seq = log.record("access", {}, change=change)
    assert rows(path, "SELECT value FROM meta WHERE key = 'changed'") == [(str(seq),)]
    assert [entry.seq for entry in log.entries(["access"])] == [seq]
    log.open(opened(REFUSE))


def test_reading_logs_take_no_events(log: Log, url: str) -> None:
    log.record("access", {})
    with open_log(url, readonly=True) as reader, pytest.raises(LogUnavailable):
        reader.record("access", {})


def _ask(guard: Guard) -> None:
    request = Request.of("a garden", Operation.IMAGE_GENERATE, caller=Caller())
    guard.call(request, lambda: "a garden", lambda _: Output())


@pytest.mark.usefixtures("sqlite_only")
def test_a_policy_is_in_the_log_from_its_first_attempt_on(log: Log, url: str) -> None:
    first, second = Guard("default", log=log), Guard("japan", log=log)
    assert not [*log.entries(["policy"])]
    for guard in (first, first, second, second, first):
        _ask(guard)
    with open_log(url) as again:
        _ask(Guard("default", log=again))
        _ask(Guard("japan", log=again))
    bodies = [json.loads(entry.body) for entry in log.entries(["policy"])]
    assert [body["name"] for body in bodies] == ["default", "japan", "default", "japan"]
    for body in bodies:
        assert body["policy"] == str(load_policy(body["name"]).ref)
        assert hashlib.sha256(canonical(body["text"])).hexdigest() == body["digest"]
