"""Attempts are awaited without threads; a cancelled task ends only when its entry is written."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from guardrail.errors import LogUnavailable
from guardrail.log import Log, open_log
from guardrail.log.group import Done, Soon
from guardrail.log.waiting import Deliveries, settled
from guardrail.records import AsyncAttemptLog
from tests.log.support import ALLOW, REFUSE, closed, opened, rows

COUNTS = "SELECT opened, released, refused FROM counts"


class Later:
    """Begins something that another thread ends."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.done: Done | None = None

    def begin(self, done: Done, _soon: Soon) -> None:
        self.done = done
        self.begun.set()

    def end(self, error: str) -> None:
        done = self.done
        assert done is not None

        def run() -> None:
            after = done(error)
            if after is not None:
                after()

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()


def test_it_waits_for_the_result() -> None:
    async def run() -> None:
        for error in ("", "disk"):
            later = Later()
            task = asyncio.ensure_future(settled(later.begin))
            await later.begun.wait()
            assert not task.done()
            later.end(error)
            await asyncio.wait([task])
            found = task.exception()
            assert str(found or "") == error
            assert isinstance(found, LogUnavailable | None)

    asyncio.run(run())


@pytest.mark.parametrize("error", ["", "disk"])
def test_a_cancelled_task_ends_with_its_write(error: str) -> None:
    async def run() -> None:
        later = Later()
        task = asyncio.ensure_future(settled(later.begin))
        await later.begun.wait()
        task.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        assert not task.done()
        later.end(error)
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


def test_a_cancelled_attempt_is_written(log: Log, path: Path) -> None:
    async def run() -> None:
        task = asyncio.ensure_future(log.aopen(opened(REFUSE, id="a1")))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert rows(path, "SELECT attempt FROM attempts") == [("a1",)]

    asyncio.run(run())


def test_many_at_once_share_commits(log: Log, path: Path) -> None:
    entries = [opened(REFUSE if n % 2 else ALLOW) for n in range(200)]

    async def run() -> None:
        await asyncio.gather(*map(log.aopen, entries))
        await asyncio.gather(*(log.aclose(closed(entry)) for entry in entries))

    asyncio.run(run())
    log.flush()
    assert rows(path, COUNTS) == [(200, 100, 100)]
    seqs = [seq for (seq,) in rows(path, "SELECT seq FROM entries ORDER BY seq")]
    assert seqs == [*range(1, 202)]


def test_a_failed_log_fails_under_asyncio_too(url: str, path: Path) -> None:
    log = open_log(url)
    asyncio.run(log.aopen(opened(REFUSE)))
    path.rename(path.with_suffix(".away"))
    for _ in range(2):
        with pytest.raises(LogUnavailable):
            asyncio.run(log.aopen(opened(REFUSE)))
    log.shutdown()


def test_the_log_says_that_it_can_be_awaited(log: Log) -> None:
    assert isinstance(log, AsyncAttemptLog)


def test_what_is_done_soon_is_done_once_for_all_who_ask() -> None:
    done: list[str] = []

    def one() -> None:
        done.append("one")

    async def run() -> None:
        delivery = Deliveries(asyncio.get_running_loop())
        for _ in range(2):
            done.clear()
            for _ in range(3):
                delivery.soon(one)
            delivery.soon(lambda: done.append("other"))
            assert done == []
            await asyncio.sleep(0)
            assert done == ["one", "other"]

    asyncio.run(run())
