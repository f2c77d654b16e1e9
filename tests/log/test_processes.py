"""Processes that share a log, fork with one open, or are killed while they write."""

from __future__ import annotations

import subprocess
from pathlib import Path

from guardrail.log import locate, open_log
from guardrail.log.verify import verify_database
from tests.log.engines import BOTH
from tests.log.support import python, rows

ENGINES = BOTH

_WRITER = """
import sys, threading
from guardrail.log import open_log
from tests.log.support import ALLOW, REFUSE, closed, opened

url, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
log = open_log(url)

def write(thread):
    for n in range(count):
        entry = opened(REFUSE if n % 2 else ALLOW, id=f"{name}.{thread}.{n}")
        log.open(entry)
        log.close(closed(entry))

threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def _dense(path: Path) -> int:
    seqs = [seq for (seq,) in rows(path, "SELECT seq FROM entries ORDER BY seq")]
    assert seqs == list(range(1, len(seqs) + 1))
    return len(seqs)


def _done(process: subprocess.Popen[str]) -> str:
    out, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    return out


def test_four_processes_of_four_threads_lose_nothing(url: str, path: Path) -> None:
    writers = [python(_WRITER, url, str(n), "50") for n in range(4)]
    for writer in writers:
        _done(writer)
    assert _dense(path) == 4 * 4 * 25 * 2 + 4 * 2
    with open_log(url) as log:
        found = [row.id for row in log.attempts()]
        total = log.stats().total
    assert len(found) == len(set(found)) == 400
    assert (total.opened, total.released, total.refused) == (800, 400, 400)
    assert total.unfinished == 0


_ENDLESS = """
import os, sys, threading
from guardrail.log import open_log
from tests.log.support import ALLOW, REFUSE, closed, opened

log = open_log(sys.argv[1])

def write(thread):
    n = 0
    while True:
        n += 1
        entry = opened(REFUSE, id=f"{os.getpid()}.{thread}.{n}")
        log.open(entry)
        os.write(1, f"{entry.id} opened\\n".encode())
        log.close(closed(entry))
        os.write(1, f"{entry.id} closed\\n".encode())
        plain = opened(ALLOW)
        log.open(plain)
        os.write(1, b"plain counted\\n")
        log.close(closed(plain))

for n in range(3):
    threading.Thread(target=write, args=(n,)).start()
"""


def test_what_was_acknowledged_is_there_after_kill(url: str, path: Path) -> None:
    open_log(url).shutdown()
    acknowledged: list[str] = []
    for life in range(10):
        writer = python(_ENDLESS, url)
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(20 + 37 * life)]
        writer.kill()
        rest, errors = writer.communicate()
        assert errors == ""
        lines += rest.splitlines(keepends=True)
        acknowledged += [line.strip() for line in lines if line.endswith("\n")]
    found = rows(path, "SELECT attempt, event FROM entries ORDER BY seq")
    _dense(path)
    found = [(attempt, event) for attempt, event in found if event != "worker"]
    kept = {f"{attempt} {event}" for attempt, event in found}
    told = set(acknowledged) - {"plain counted"}
    assert len(told) > 1000
    assert told <= kept
    assert len(kept) == len(found)
    with open_log(url) as log:
        total = log.stats().total
    assert total.flagged == sum(event == "opened" for _, event in found)
    assert total.opened - total.flagged >= acknowledged.count("plain counted")
    assert total.unfinished > 0
    assert verify_database(locate(url)).report.ok


_FORKS = """
import os, sys, threading, warnings
from guardrail.log import open_log
from tests.log.support import ALLOW, REFUSE, closed, opened

warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads: on purpose
log = open_log(sys.argv[1])
waiting = opened(ALLOW)
log.open(waiting)
log.close(closed(waiting))
list(log.attempts())
stop = threading.Event()

def busy():
    while not stop.is_set():
        log.open(opened(REFUSE))
        next(log.attempts())

threads = [threading.Thread(target=busy) for _ in range(3)]
for thread in threads: thread.start()
children = []
for child in range(6):
    pid = os.fork()
    if pid == 0:
        for n in range(5):
            entry = opened(REFUSE, id=f"child{child}.{n}")
            log.open(entry)
            log.close(closed(entry))
        plain = opened(ALLOW)
        log.open(plain)
        log.close(closed(plain))
        log.shutdown()
        os._exit(0)
    children.append(pid)
    log.open(opened(REFUSE, id=f"parent{child}"))
states = [os.waitpid(pid, 0)[1] for pid in children]
stop.set()
for thread in threads: thread.join()
log.open(opened(REFUSE, id="last"))
print(states)
"""


def test_children_of_a_fork_write_to_the_same_log(url: str, path: Path) -> None:
    assert _done(python(_FORKS, url)) == "[0, 0, 0, 0, 0, 0]\n"
    names = {attempt for (attempt,) in rows(path, "SELECT attempt FROM attempts")}
    assert {f"child{child}.{n}" for child in range(6) for n in range(5)} <= names
    assert {"last", *(f"parent{n}" for n in range(6))} <= names
    _dense(path)
    assert rows(path, "SELECT sum(released) FROM counts") == [(7,)]
    assert verify_database(locate(url)).report.ok


_HIDDEN_FORK = """
import ctypes, os, sys
from guardrail.errors import LogUnavailable
from guardrail.log import open_log
from tests.log.support import REFUSE, opened

log = open_log(sys.argv[1])
log.open(opened(REFUSE))
pid = ctypes.PyDLL(None).fork()
if pid == 0:
    try:
        log.open(opened(REFUSE))
    except LogUnavailable as error:
        os._exit(7 if "before a fork" in str(error) else 1)
    os._exit(2)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
log.open(opened(REFUSE))
"""


def test_a_fork_behind_pythons_back_fails_closed(url: str, path: Path) -> None:
    assert _done(python(_HIDDEN_FORK, url)) == "7\n"
    assert _dense(path) == 2 + 2


_EXIT = """
import sys
from guardrail.log import open_log
from tests.log.support import ALLOW, closed, opened

log = open_log(sys.argv[1])
for _ in range(3):
    entry = opened(ALLOW)
    log.open(entry)
    log.close(closed(entry))
"""


def test_an_ordinary_exit_writes_what_is_queued(url: str, path: Path) -> None:
    _done(python(_EXIT, url))
    assert rows(path, "SELECT sum(opened), sum(released) FROM counts") == [(3, 3)]


_LIGHT = """
import sys
import guardrail.log
heavy = {"psycopg", "cryptography", "rich", "click", "pydantic", "yaml", "litellm"}
heavy &= set(sys.modules)
print(sorted(heavy))
"""


def test_importing_the_log_is_light() -> None:
    assert _done(python(_LIGHT)) == "[]\n"


_QUIET_FORK = """
import os, sys, threading, time
from guardrail.log import open_log
from tests.log.support import REFUSE, opened

log = open_log(sys.argv[1])
log.open(opened(REFUSE))
for _ in range(50):
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
waiting = threading.active_count()
end = time.monotonic() + 60
checkpoint = log.location.checkpoint
while checkpoint.read_text().split()[1] == "0" and time.monotonic() < end:
    time.sleep(0.01)
print(waiting, checkpoint.read_text().split()[1])
"""


def test_forks_neither_meet_the_signing_thread_nor_stop_it(url: str) -> None:
    assert _done(python(_QUIET_FORK, url)) == "2 2\n"
