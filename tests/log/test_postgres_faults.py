"""Lines that break, servers that are killed: nothing acknowledged is lost or there twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from guardrail.errors import LogUnavailable
from guardrail.log import open_log
from tests.log.engines import drop, make, rows, url_of
from tests.log.machines import COUNTS, assert_whole, start_writer
from tests.log.postgres import Server
from tests.log.support import ALLOW, REFUSE, closed, opened
from tests.log.wire import Cut, Wire

ENGINES = ("postgresql",)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives up soon."""
    monkeypatch.setattr("guardrail.log.postgres.session.RETRIED", 0.3)
    monkeypatch.setattr("guardrail.log.postgres.session.ASKED", 0.3)


def test_connections_cut_in_the_middle_are_made_anew(
    url: str, path: Path, server: Server, database: str
) -> None:
    stop = threading.Event()
    cuts = 0

    def cut() -> None:
        nonlocal cuts
        while not stop.wait(0.1):
            cuts += server.cut(database)

    rounds = 0
    cutter = threading.Thread(target=cut)
    with open_log(url) as log:
        cutter.start()
        try:
            while cuts < 8 and rounds < 5000:
                rounds += 1
                for decision in (REFUSE, ALLOW):
                    entry = opened(decision)
                    log.open(entry)
                    log.close(closed(entry))
        finally:
            stop.set()
            cutter.join()
    assert cuts >= 8
    assert rows(path, COUNTS) == [(2 * rounds, rounds, rounds)]
    assert_whole(url, path)


@pytest.fixture
def wire(server: Server) -> Iterator[Wire]:
    with Wire(server.port) as wire:
        yield wire


@pytest.fixture
def wired(url: str, wire: Wire, server: Server) -> str:
    """The same log over a line that may break."""
    return url.replace(f":{server.port}/", f":{wire.port}/")


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_commit_whose_answer_is_lost_happens_once(
    wired: str, url: str, path: Path, wire: Wire, cut: Cut
) -> None:
    with open_log(wired) as log:
        log.open(opened(REFUSE))
        for decision in (REFUSE, ALLOW, REFUSE, ALLOW):
            wire.cut = cut
            entry = opened(decision)
            log.open(entry)
            assert wire.cut == ""
            log.close(closed(entry))
        wire.cut = cut
        log.record("access", {"why": "a test"})
        assert len(list(log.entries(["access"]))) == 1
    assert wire.commits == 5
    assert rows(path, COUNTS) == [(5, 2, 2)]
    assert rows(path, "SELECT count(*) FROM attempts") == [(3,)]
    assert_whole(url, path)


@pytest.mark.usefixtures("quick")
def test_a_commit_that_cannot_be_asked_for_stops_the_log(
    wired: str, url: str, path: Path, wire: Wire
) -> None:
    log = open_log(wired)
    log.open(opened(REFUSE))
    wire.cut, wire.dies = "after", True
    with pytest.raises(LogUnavailable, match=r"cannot be asked.*restart"):
        log.open(opened(REFUSE))
    wire.dead = wire.dies = False
    with pytest.raises(LogUnavailable, match="restart"):
        log.open(opened(REFUSE))
    log.shutdown()
    open_log(url).shutdown()
    assert_whole(url, path)


@pytest.mark.usefixtures("quick")
def test_a_server_that_is_away_refuses_calls_and_takes_them_when_it_is_back(
    wired: str, path: Path, wire: Wire, server: Server, database: str
) -> None:
    with open_log(wired) as log:
        log.open(opened(REFUSE))
        wire.dead = True
        server.cut(database)
        for decision in (REFUSE, ALLOW):
            with pytest.raises(LogUnavailable, match=r"cannot be reached .* nothing was written"):
                log.open(opened(decision))
        with pytest.raises(LogUnavailable, match=r"cannot be (read|opened)"):
            log.stats()
        wire.dead = False
        log.open(opened(REFUSE))
        assert log.stats().total.opened == 2
    assert_whole(wired, path)


def test_a_killed_server_loses_nothing_and_doubles_nothing(
    own_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = own_server()
    path = tmp_path / "attempts.db"
    make(path, "postgresql", lambda: server)
    url = url_of(path)
    open_log(url).shutdown()
    writers = [start_writer(url, f"w{n}", 120) for n in range(3)]
    told: list[list[str]] = [[] for _ in writers]

    def listen(number: int) -> None:
        stdout = writers[number].stdout
        assert stdout is not None
        told[number] += [line.strip() for line in stdout]

    threads = [threading.Thread(target=listen, args=(n,)) for n in range(len(writers))]
    for thread in threads:
        thread.start()
    for life in range(3):
        while sum(map(len, told)) < 20 + 60 * life and any(t.is_alive() for t in threads):
            time.sleep(0.01)
        server.kill()
        server.start()
    for thread, writer in zip(threads, writers, strict=True):
        thread.join()
        assert (writer.communicate()[1], writer.returncode) == ("", 0)
    kept = [name for (name,) in rows(path, "SELECT attempt FROM entries WHERE event = 'opened'")]
    assert len(kept) == len(set(kept))
    acknowledged = {name for names in told for name in names} - {"plain"}
    assert len(acknowledged) == 180
    assert acknowledged == set(kept)
    assert rows(path, COUNTS) == [(360, 180, 180)]
    assert_whole(url, path)
    drop(path)
