"""What processes say of themselves: start, counters, stop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from guardrail import __version__
from guardrail.chain.faults import FaultKind
from guardrail.log import Log, locate, open_log
from guardrail.log.record import Bucket
from guardrail.log.times import SECOND
from guardrail.log.verify import verify_database
from guardrail.log.worker import EVERY, Worker
from tests.log.engines import BOTH
from tests.log.support import ALLOW, REFUSE, T0, closed, opened, python, rows, tamper

ENGINES = BOTH
BUCKET = Bucket(1, "chat", "", "free", "p")


def told(path: Path) -> list[dict[str, Any]]:
    found = rows(path, "SELECT body FROM entries WHERE event = 'worker' ORDER BY seq")
    return [json.loads(body) for (body,) in found]


def test_a_process_says_when_it_starts_and_stops(url: str, path: Path) -> None:
    with open_log(url) as log:
        for decision in (REFUSE, ALLOW, ALLOW):
            entry = opened(decision)
            log.open(entry)
            log.close(closed(entry))
        log.open(opened(ALLOW))
    start, stop = told(path)
    assert (start["state"], start["number"], start["version"]) == ("started", 0, __version__)
    assert (start["opened"], start["closed"], start["kept"]) == (0, 0, 0)
    assert (stop["state"], stop["number"], stop["worker"]) == ("stopped", 1, start["worker"])
    assert (stop["opened"], stop["closed"], stop["kept"]) == (4, 3, 2)


def test_a_process_that_writes_nothing_says_nothing(url: str, path: Path) -> None:
    open_log(url).shutdown()
    assert told(path) == []


def test_counters_come_once_a_minute_if_something_happened() -> None:
    worker = Worker()
    first = worker.note(T0, ending=False)
    worker.wrote(first, {BUCKET: [2, 1, 0, 0, 0, 0]}, 1)
    assert worker.note(T0 + EVERY - 1, ending=False) is None
    second = worker.note(T0 + EVERY, ending=False)
    assert second is not None
    body = json.loads(second.entry.body)
    assert (body["state"], body["opened"], body["closed"], body["kept"]) == ("running", 2, 1, 1)
    worker.wrote(second, {}, 0)
    assert worker.note(T0 + 5 * EVERY, ending=False) is None
    worker.wrote(None, {BUCKET: [0, 0, 1, 1, 0, 0]}, 0)
    third = worker.note(T0 + 5 * EVERY, ending=False)
    assert third is not None
    assert (json.loads(third.entry.body)["number"], json.loads(third.entry.body)["closed"]) == (
        2,
        2,
    )


def test_a_clock_set_back_does_not_silence_a_worker() -> None:
    worker = Worker()
    worker.wrote(worker.note(T0, ending=False), {BUCKET: [1, 0, 0, 0, 0, 0]}, 0)
    assert worker.note(T0 - SECOND, ending=False) is not None


def test_a_busy_worker_tells_its_counters(
    log: Log, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.open(opened(ALLOW))
    monkeypatch.setattr("guardrail.log.worker.EVERY", 0)
    for _ in range(3):
        log.open(opened(ALLOW))
    states = [(body["state"], body["number"], body["opened"]) for body in told(path)]
    assert states == [("started", 0, 0), ("running", 1, 1), ("running", 2, 1), ("running", 3, 1)]


_FORK = """
import os, sys
from guardrail.log import open_log
from tests.log.support import ALLOW, opened

log = open_log(sys.argv[1])
log.open(opened(ALLOW))
pid = os.fork()
log.open(opened(ALLOW))
log.shutdown()
if pid:
    os.waitpid(pid, 0)
"""


def test_a_forked_child_is_a_worker_of_its_own(url: str, path: Path) -> None:
    assert python(_FORK, url).communicate()[1] == ""
    found = told(path)
    assert len({body["worker"] for body in found}) == 2
    assert sorted(body["state"] for body in found) == ["started"] * 2 + ["stopped"] * 2
    assert sum(body["opened"] for body in found) == 3


_KILLED = """
import os, signal, sys
from guardrail.log import open_log
from tests.log.support import ALLOW, opened

log = open_log(sys.argv[1])
log.open(opened(ALLOW))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_that_was_killed_never_says_that_it_stopped(url: str) -> None:
    python(_KILLED, url).communicate()
    with open_log(url) as log:
        log.open(opened(ALLOW))
    found = verify_database(locate(url))
    assert found.report.ok
    assert (found.workers.started, found.workers.stopped, found.workers.opened) == (2, 1, 1)


def test_counts_below_what_workers_wrote_are_a_fault(url: str, path: Path) -> None:
    with open_log(url) as log:
        for _ in range(5):
            log.open(opened(ALLOW))
    assert verify_database(locate(url)).report.ok
    tamper(path, "UPDATE counts SET opened = opened - 1")
    (fault,) = verify_database(locate(url)).report.faults
    assert fault.kind is FaultKind.INDEX
    assert fault.detail == "4 attempts are counted, workers wrote that they opened 5"
