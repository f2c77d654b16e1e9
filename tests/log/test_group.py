from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import pytest

from guardrail.errors import LogUnavailable
from guardrail.log.gather import Gathering
from guardrail.log.group import Done, GroupCommit, Take, _Waiting


class Gate:
    """A commit that can be held up, and that notes what it was given."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.entered = threading.Semaphore(0)
        self.held = threading.Semaphore(0)
        self.problem: BaseException | None = None
        self.group = GroupCommit(self.commit)

    def commit(self, take: Take[str]) -> None:
        writes = take()
        self.entered.release()
        self.held.acquire()
        if self.problem is not None:
            raise self.problem
        self.batches.append([*writes])

    def let(self, commits: int) -> None:
        for _ in range(commits):
            self.held.release()


class Caller(threading.Thread):
    def __init__(self, gate: Gate, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.gate = gate
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self.gate.group.submit(self.name)
        except BaseException as error:  # noqa: BLE001 (handed to the test)
            self.error = error


def queued(gate: Gate, count: int) -> None:
    """Wait until `count` callers are asleep in the queue."""
    pause = threading.Event()
    while len(gate.group._queue) < count:
        pause.wait(0.001)


@pytest.fixture
def gate() -> Gate:
    return Gate()


def test_a_lone_caller_commits_at_once(gate: Gate) -> None:
    gate.let(2)
    gate.group.submit("a")
    gate.group.submit("b")
    assert gate.batches == [["a"], ["b"]]


def test_those_who_wait_share_the_next_commit(gate: Gate) -> None:
    first = Caller(gate, "a")
    gate.entered.acquire()
    others = []
    for count, name in enumerate("bcd", 1):
        others.append(Caller(gate, name))
        queued(gate, count)
    gate.let(2)
    for caller in (first, *others):
        caller.join()
    assert gate.batches == [["a"], ["b", "c", "d"]]


def test_a_failed_commit_fails_its_whole_batch(gate: Gate) -> None:
    first = Caller(gate, "a")
    gate.entered.acquire()
    others = []
    for count, name in enumerate("bc", 1):
        others.append(Caller(gate, name))
        queued(gate, count)
    gate.let(1)
    gate.entered.acquire()
    gate.problem = LogUnavailable("disk")
    gate.let(1)
    for caller in (first, *others):
        caller.join()
    assert first.error is None
    assert [str(caller.error) for caller in others] == ["disk", "disk"]


@pytest.mark.parametrize("problem", [KeyboardInterrupt(), ValueError("x")])
def test_an_interrupted_leader_leaves_nobody_asleep(gate: Gate, problem: BaseException) -> None:
    first = Caller(gate, "a")
    gate.entered.acquire()
    others = []
    for count, name in enumerate("bc", 1):
        others.append(Caller(gate, name))
        queued(gate, count)
    gate.let(1)
    gate.entered.acquire()
    gate.problem = problem
    gate.let(1)
    for caller in (first, *others):
        caller.join()
    assert others[0].error is problem
    assert isinstance(others[1].error, LogUnavailable)
    gate.problem = None
    gate.let(1)
    gate.group.submit("d")
    assert gate.batches == [["a"], ["d"]]


class Results:
    """What was told of each write that was posted, and how often all of them were announced."""

    def __init__(self) -> None:
        self.told: dict[str, str] = {}
        self.announced = threading.Semaphore(0)

    def of(self, name: str) -> Done:
        def done(error: str) -> Callable[[], None]:
            self.told[name] = error
            return self.announce

        return done

    def announce(self) -> None:
        self.announced.release()


def test_what_is_posted_is_committed_by_another_thread(gate: Gate) -> None:
    results = Results()
    for name in "abc":
        gate.group.post(name, results.of(name), lambda _: None)
    assert gate.batches == []
    gate.group.post("d", results.of("d"))
    gate.let(1)
    results.announced.acquire()
    assert gate.batches == [["a", "b", "c", "d"]]
    assert results.told == dict.fromkeys("abcd", "")
    assert not results.announced.acquire(blocking=False)


def test_who_comes_next_writes_what_was_posted_and_forgotten(gate: Gate) -> None:
    results = Results()
    gate.group.post("a", results.of("a"), lambda _: None)
    gate.let(1)
    gate.group.submit("b")
    assert gate.batches == [["a", "b"]]
    assert results.told == {"a": ""}


def test_a_failed_commit_tells_what_was_posted(gate: Gate) -> None:
    for problem, text in ((LogUnavailable("disk"), "disk"), (ValueError("x"), "interrupted")):
        gate.problem = problem
        results = Results()
        gate.group.post("a", results.of("a"))
        gate.let(1)
        results.announced.acquire()
        assert text in results.told["a"]
    gate.problem = None
    gate.let(1)
    gate.group.submit("b")
    assert gate.batches == [["b"]]


def test_a_rested_group_writes_first_and_wakes_again(gate: Gate) -> None:
    results = Results()
    gate.let(2)
    gate.group.post("a", results.of("a"))
    gate.group.rest()
    assert gate.batches == [["a"]]
    gate.group.post("b", results.of("b"))
    gate.group.rest()
    gate.group.rest()
    assert gate.batches == [["a"], ["b"]]


def test_posted_and_waiting_writes_share_commits_in_order(gate: Gate) -> None:
    first = Caller(gate, "a")
    gate.entered.acquire()
    results = Results()
    gate.group.post("b", results.of("b"))
    last = Caller(gate, "c")
    queued(gate, 2)
    gate.let(2)
    for caller in (first, last):
        caller.join()
    assert gate.batches == [["a"], ["b", "c"]]


def test_a_commit_waits_for_those_it_served_last_and_not_in_vain() -> None:
    gathering = Gathering()
    assert not gathering.begin(1)
    gathering.served(3, 1.0)
    assert gathering.begin(1)
    gathering.came(2)
    gathering.came(3)
    gathering.wait()
    gathering.end()
    gathering.served(3, 0.0)
    assert gathering.begin(1)
    gathering.wait()
    gathering.end()
    gathering.served(3, 1.0)
    waits = [gathering.begin(1) for _ in range(20)]
    assert waits == [False] * 16 + [True] * 4


class Interrupted(BaseException):
    pass


@pytest.fixture
def interrupts() -> Iterator[None]:
    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGUSR1, interrupt)
    yield
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.usefixtures("interrupts")
def test_an_interrupted_follower_takes_its_write_back(gate: Gate) -> None:
    first = Caller(gate, "a")
    gate.entered.acquire()
    main = threading.main_thread().ident
    assert main is not None

    def disturb() -> None:
        queued(gate, 1)
        signal.pthread_kill(main, signal.SIGUSR1)

    helper = threading.Thread(target=disturb)
    helper.start()
    with pytest.raises(Interrupted):
        gate.group.submit("b")
    helper.join()
    gate.let(2)
    first.join()
    gate.group.submit("c")
    assert gate.batches == [["a"], ["c"]]


def test_a_follower_interrupted_as_it_is_given_the_lead_passes_it_on(gate: Gate) -> None:
    group = gate.group
    group._busy = True
    ticket = _Waiting("gone")
    assert not group._enter(ticket)
    waiting = Caller(gate, "next")
    queued(gate, 2)
    group._finish([], "")
    assert ticket.lead
    group._leave(ticket)
    gate.let(1)
    waiting.join()
    assert gate.batches == [["next"]]


def test_many_callers_all_return_and_nothing_is_lost() -> None:
    done: list[str] = []
    group: GroupCommit[str] = GroupCommit(lambda take: done.extend(take()))
    names = [[f"{thread}.{n}" for n in range(200)] for thread in range(8)]

    def run(mine: list[str]) -> None:
        for name in mine:
            group.submit(name)

    threads = [threading.Thread(target=run, args=(mine,)) for mine in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == sorted(name for mine in names for name in mine)
    for mine in names:
        assert [name for name in done if name in set(mine)] == mine
