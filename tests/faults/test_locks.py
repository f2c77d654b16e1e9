"""Locks that others leave behind, keep or remove."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from guardrail.errors import LogUnavailable
from guardrail.log import open_log
from tests.faults.conftest import Place, Tell
from tests.faults.judge import guardrail, judge, start_writer
from tests.faults.test_refusal import ask, refuses
from tests.faults.writer import read_told
from tests.log.support import REFUSE, opened, python

HOLDER = """
import apsw, fcntl, os, sys
lock = os.open(sys.argv[1] + ".lock", os.O_RDWR | os.O_CREAT)
fcntl.flock(lock, fcntl.LOCK_EX)
if "write" in sys.argv:
    connection = apsw.Connection(sys.argv[1])
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO meta VALUES ('half', 'done')")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(place: Place, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the lock."""
    open_log(place.url).shutdown()
    more = [request.param] if hasattr(request, "param") else []
    process = python(HOLDER, str(place.path), *more, stdin=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_stopped_process_that_holds_the_lock_stops_calls_but_not_the_log(
    place: Place, holder: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guardrail.log.sqlite.lock.WAIT", 0.1)
    holder.send_signal(signal.SIGSTOP)
    with pytest.raises(LogUnavailable, match=f"held by process {holder.pid} for 0.1 s"):
        open_log(place.url)
    status, output = guardrail("doctor", "--log", place.url, "--json")
    assert status == 1
    assert f"process {holder.pid}" in output
    holder.kill()
    holder.wait()
    open_log(place.url).shutdown()


def test_a_log_in_use_waits_goes_on_and_is_not_held_by_who_gave_up(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = open_log(place.url)
    log.open(opened(REFUSE))
    process = python(HOLDER, str(place.path), stdin=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    process.send_signal(signal.SIGSTOP)
    with monkeypatch.context() as patch:
        patch.setattr("guardrail.log.sqlite.lock.WAIT", 0.1)
        assert f"process {process.pid}" in refuses(log)
    pid = os.fork()
    if pid == 0:  # inherits the files of threads that wait no more
        signal.pause()
    try:
        process.kill()
        process.wait()
        assert ask(log) == "a picture"
        with open_log(place.url) as other:
            other.open(opened(REFUSE))
        log.ready()
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        process.communicate()
        log.shutdown()


@pytest.mark.parametrize("holder", ["write"], indirect=True)
def test_the_lock_of_a_killed_process_is_nobodys(
    place: Place, holder: subprocess.Popen[str]
) -> None:
    holder.kill()
    holder.wait()
    with open_log(place.url) as log:
        log.open(opened(REFUSE))
        with log.reading() as session:
            assert session.value("SELECT count(*) FROM meta WHERE key = 'half'") == 0


def test_a_lock_file_that_is_removed_again_and_again(place: Place, tell: Tell) -> None:
    open_log(place.url).shutdown()
    options = ("--threads=3", "--attempts=40")
    writers = [start_writer(place.url, place.told, f"p{n}", *options) for n in range(3)]
    while any(writer.poll() is None for writer in writers):
        Path(f"{place.path}.lock").unlink(missing_ok=True)
    for writer in writers:
        _, errors = writer.communicate()
        assert (writer.returncode, errors) == (0, "")
    told = read_told(place.told)
    assert not [line for line in told if line.what == "no"]
    assert tell("lock file removed", judge(place.url, told)).whole
