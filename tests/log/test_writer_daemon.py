"""One process writes for others: through its socket, killed, stopped, and misused."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guardrail.cli.checks import check_log
from guardrail.errors import ConfigurationError, LogUnavailable
from guardrail.log import open_log
from guardrail.log.remote.codec import encode
from guardrail.log.remote.connection import Connection
from guardrail.log.remote.wire import MAX_FRAME, frame
from tests.log.support import (
    ALLOW,
    POLICY,
    REFUSE,
    ROOT,
    Daemon,
    closed,
    opened,
    python,
    rows,
    stop,
)

NOBODY = 65534
OURS = frozenset({os.geteuid()})


def kept(path: Path) -> list[tuple[str, str]]:
    found = rows(path, "SELECT seq, attempt, event FROM entries ORDER BY seq")
    assert [seq for seq, *_ in found] == [*range(1, len(found) + 1)]
    return [(attempt, event) for _, attempt, event in found if event in {"opened", "closed"}]


def workers(path: Path) -> dict[str, list[dict[str, Any]]]:
    """What each worker wrote of itself, except for the daemon's own."""
    found: dict[str, list[dict[str, Any]]] = {}
    for (body,) in rows(path, "SELECT body FROM entries WHERE event = 'worker' ORDER BY seq"):
        note = json.loads(body)
        found.setdefault(note["worker"], []).append(note)
    return {name: notes for name, notes in found.items() if counted(notes) != (0, 0, 0)}


def counted(notes: list[dict[str, Any]]) -> tuple[int, int, int]:
    opened, ended, kept = (sum(n[name] for n in notes) for name in ("opened", "closed", "kept"))
    return opened, ended, kept


def test_clients_write_and_each_is_a_worker(daemon: Daemon, sock: Path, path: Path) -> None:
    for count in (3, 5):
        with open_log(f"unix://{sock}") as log:
            for _ in range(count):
                bad, good = opened(REFUSE), opened(ALLOW)
                log.open(bad)
                log.close(closed(bad))
                log.open(good)
                log.close(closed(good))
    stop(daemon)
    assert [event for _, event in kept(path)] == ["opened", "closed"] * 8
    told = workers(path)
    assert sorted(counted(notes) for notes in told.values()) == [(6, 6, 6), (10, 10, 10)]
    for notes in told.values():
        assert [note["state"] for note in notes] == ["started", "stopped"]
    with open_log(f"sqlite:///{path}", readonly=True) as log:
        total = log.stats().total
    assert (total.opened, total.released, total.refused, total.unfinished) == (16, 8, 8, 0)


def test_the_socket_is_private_and_goes_away(daemon: Daemon, sock: Path) -> None:
    assert stat.S_IMODE(sock.stat().st_mode) == 0o600
    stop(daemon)
    assert not sock.exists()


def test_many_in_flight_from_one_event_loop(daemon: Daemon, sock: Path, path: Path) -> None:
    names = [f"a{n}" for n in range(300)]

    async def run() -> None:
        with open_log(f"unix://{sock}") as log:
            entries = [opened(REFUSE, id=name) for name in names]
            await asyncio.gather(*(log.aopen(entry) for entry in entries))
            await asyncio.gather(*(log.aclose(closed(entry)) for entry in entries))

    asyncio.run(run())
    stop(daemon)
    found = kept(path)
    assert sorted(found) == sorted(
        (name, event) for name in names for event in ("opened", "closed")
    )


def test_what_is_sent_twice_is_there_once(daemon: Daemon, sock: Path, path: Path) -> None:
    entry = opened(REFUSE)
    with open_log(f"unix://{sock}") as one, open_log(f"unix://{sock}") as two:
        for log in (one, two, one):
            log.open(entry)
    stop(daemon)
    assert kept(path) == [(entry.id, "opened")]
    assert [counted(notes) for notes in workers(path).values()] == [(1, 0, 1)]
    assert rows(path, "SELECT sum(opened) FROM counts") == [(1,)]


def test_the_policy_in_force_is_written_once(daemon: Daemon, sock: Path, path: Path) -> None:
    for _ in range(2):
        with open_log(f"unix://{sock}") as log:
            log.uses(POLICY, {"rules": [], "overlays": {}})
            log.open(opened(REFUSE))
    stop(daemon)
    found = rows(path, "SELECT body FROM entries WHERE event = 'policy'")
    assert [json.loads(body)["digest"] for (body,) in found] == [POLICY.digest]


_CLIENT = """
import os, sys, threading, time
from guardrail.errors import LogUnavailable
from guardrail.log import open_log
from tests.log.support import ALLOW, REFUSE, closed, opened

log = open_log(sys.argv[1])

def write(thread):
    n = 0
    while True:
        n += 1
        entry = opened(REFUSE, id=f"{os.getpid()}.{thread}.{n}")
        try:
            log.open(entry)
            os.write(1, f"{entry.id} opened\\n".encode())
            log.close(closed(entry))
            os.write(1, f"{entry.id} closed\\n".encode())
        except LogUnavailable:
            time.sleep(0.02)

for n in range(4):
    threading.Thread(target=write, args=(n,)).start()
"""


def test_a_killed_client_leaves_nothing_half(daemon: Daemon, sock: Path, path: Path) -> None:
    told: set[str] = set()
    with open_log(f"unix://{sock}") as other:
        for _ in range(3):
            client = python(_CLIENT, f"unix://{sock}")
            assert client.stdout is not None
            told |= {client.stdout.readline().strip() for _ in range(50)}
            client.kill()
            out, errors = client.communicate()
            assert errors == ""
            told |= {line.strip() for line in out.splitlines(keepends=True) if line.endswith("\n")}
            other.open(opened(REFUSE))
    stop(daemon)
    found = kept(path)
    assert len(set(found)) == len(found)
    assert len(told) > 100
    assert told <= {f"{attempt} {event}" for attempt, event in found}
    told_by = workers(path).values()
    states = [[note["state"] for note in notes] for notes in told_by]
    assert sorted(states) == [["started", "running"]] * 3 + [["started", "stopped"]]
    assert sum(counted(notes)[2] for notes in told_by) == len(found)


def test_a_killed_daemon_loses_and_doubles_nothing(
    start: Callable[[], Daemon], sock: Path, path: Path
) -> None:
    daemon = start()
    clients = [python(_CLIENT, f"unix://{sock}") for _ in range(2)]
    told: set[str] = set()
    for _ in range(3):
        for client in clients:
            assert client.stdout is not None
            told |= {client.stdout.readline().strip() for _ in range(60)}
        daemon.kill()
        daemon.communicate()
        daemon = start()
    for client in clients:
        assert client.stdout is not None
        told |= {client.stdout.readline().strip() for _ in range(60)}
        assert client.poll() is None
        client.kill()
        out, errors = client.communicate()
        assert errors == ""
        told |= {line.strip() for line in out.splitlines(keepends=True) if line.endswith("\n")}
    stop(daemon)
    found = kept(path)
    assert "" not in told
    assert len(told) > 200
    assert len(set(found)) == len(found)
    assert told <= {f"{attempt} {event}" for attempt, event in found}
    with open_log(f"sqlite:///{path}") as log:
        total = log.stats().total
    assert total.opened == sum(event == "opened" for _, event in found)


def test_without_a_daemon_calls_are_refused(
    start: Callable[[], Daemon], sock: Path, path: Path
) -> None:
    with pytest.raises(LogUnavailable, match=r"cannot be reached .*guardrail log writer --listen"):
        open_log(f"unix://{sock}")
    daemon = start()
    with open_log(f"unix://{sock}") as log:
        log.open(opened(REFUSE, id="first"))
        stop(daemon)
        for decision in (ALLOW, REFUSE):
            with pytest.raises(LogUnavailable):
                log.open(opened(decision))
        daemon = start()
        log.open(opened(REFUSE, id="second"))
        log.open(opened(ALLOW))
    stop(daemon)
    assert [name for name, _ in kept(path)] == ["first", "second"]


def test_sigterm_acknowledges_what_was_taken(daemon: Daemon, sock: Path, path: Path) -> None:
    client = python(_CLIENT, f"unix://{sock}")
    assert client.stdout is not None
    lines = [client.stdout.readline().strip() for _ in range(100)]
    stop(daemon)
    client.kill()
    out, _ = client.communicate()
    told = {*lines, *(line for line in out.splitlines(keepends=True) if line.endswith("\n"))}
    told = {line.strip() for line in told}
    assert told <= {f"{attempt} {event}" for attempt, event in kept(path)}


def test_a_forked_client_has_a_connection_of_its_own(
    daemon: Daemon, sock: Path, path: Path
) -> None:
    code = """
import os, sys
from guardrail.log import open_log
from tests.log.support import REFUSE, opened
import warnings
warnings.simplefilter("ignore", DeprecationWarning)  # forking with a thread: on purpose
log = open_log(sys.argv[1])
log.open(opened(REFUSE, id="before"))
pid = os.fork()
log.open(opened(REFUSE, id="parent" if pid else "child"))
log.shutdown()
if pid == 0: os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
"""
    out, errors = python(code, f"unix://{sock}").communicate(timeout=60)
    assert (out, errors) == ("", "")
    stop(daemon)
    assert {name for name, _ in kept(path)} == {"before", "parent", "child"}
    assert sorted(counted(notes)[0] for notes in workers(path).values()) == [1, 2]


@pytest.mark.parametrize(
    "sent",
    [
        struct.pack(">I", MAX_FRAME + 1),
        struct.pack(">I", 3) + b"no!",
        frame([7]),
        frame([1, "open", [1, 2, 3]]),
        frame([1, "open"]),
        frame([1, "delete", "everything"]),
        frame([1, "hello", 99]),
        frame(["x", ["y"], {}]),
        frame([1, "uses", "a", 1, "b", "c"]),
    ],
)
def test_nonsense_harms_nobody_else(daemon: Daemon, sock: Path, path: Path, sent: bytes) -> None:
    with open_log(f"unix://{sock}") as log:
        with socket.socket(socket.AF_UNIX) as bad:
            bad.connect(str(sock))
            bad.sendall(sent)
            bad.shutdown(socket.SHUT_WR)
            bad.settimeout(30)
            while bad.recv(4096):
                pass
        log.open(opened(REFUSE, id="good"))
    stop_quietly(daemon)
    assert kept(path) == [("good", "opened")]


def stop_quietly(daemon: Daemon) -> None:
    daemon.send_signal(signal.SIGTERM)
    _, errors = daemon.communicate(timeout=60)
    assert daemon.returncode == 0
    assert "Traceback" not in errors


def test_half_a_message_is_no_message(daemon: Daemon, sock: Path, path: Path) -> None:
    message = frame([1, "open", encode(opened(REFUSE))])
    for size in (2, 4, len(message) // 2, len(message) - 1):
        with socket.socket(socket.AF_UNIX) as bad:
            bad.connect(str(sock))
            bad.sendall(message[:size])
    stop(daemon)
    assert kept(path) == []


def test_one_writer_a_socket(daemon: Daemon, url: str, sock: Path) -> None:
    command = [sys.executable, "-m", "guardrail", "log", "writer", "--log", url]
    done = subprocess.run(
        [*command, "--listen", str(sock)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"another writer listens on {sock}" in done.stderr
    with open_log(f"unix://{sock}") as log:
        log.open(opened(REFUSE))
    stop(daemon)


def test_a_client_does_not_read(daemon: Daemon, sock: Path) -> None:
    with pytest.raises(ConfigurationError, match="only takes attempts"):
        open_log(f"unix://{sock}", readonly=True)
    with open_log(f"unix://{sock}") as log:
        with pytest.raises(ConfigurationError, match="only takes attempts"):
            log.stats()
        with pytest.raises(ConfigurationError, match="only takes attempts"):
            log.record("access", {"who": "me"})
    stop(daemon)


@pytest.mark.parametrize(
    "url", ["unix://", "unix:///", "unix://host/x.sock", "unix:///x?excerpt=9"]
)
def test_a_socket_s_url_is_a_path(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"unix:///run/guardrail/log\.sock"):
        open_log(url)


def test_doctor_asks_the_writer(start: Callable[[], Daemon], sock: Path) -> None:
    before = [*check_log(f"unix://{sock}")][-1]
    assert (before.name, before.state) == (str(sock), "wrong")
    assert "cannot be reached" in before.detail
    daemon = start()
    after = [*check_log(f"unix://{sock}")][-1]
    assert (after.name, after.state) == (str(sock), "ok")
    stop(daemon)


def test_an_attempt_that_is_too_long_is_refused(daemon: Daemon, sock: Path) -> None:
    with open_log(f"unix://{sock}") as log:
        with pytest.raises(LogUnavailable, match="more than the log's writer takes"):
            log.open(opened(REFUSE, prompt="x" * MAX_FRAME))
        log.open(opened(REFUSE))
    stop(daemon)


def test_another_user_is_sent_away(daemon: Daemon, sock: Path, path: Path) -> None:
    if os.geteuid():
        pytest.skip("needs root, to become somebody else")
    for folder in sock.parents:
        if folder.stat().st_uid == os.geteuid() and folder.stat().st_mode & 0o700 == 0o700:
            folder.chmod(folder.stat().st_mode | 0o011)
    sock.chmod(0o666)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setuid(NOBODY)
            bad = socket.socket(socket.AF_UNIX)
            bad.connect(str(sock))
            bad.sendall(frame([1, "open", encode(opened(REFUSE))]))
            code = 0 if bad.recv(100) == b"" else 2
        except ConnectionError:
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    daemon.send_signal(signal.SIGTERM)
    _, errors = daemon.communicate(timeout=60)
    assert f"a process of user {NOBODY} may not write" in errors
    assert kept(path) == []


def test_a_client_trusts_no_other_user_s_socket(tmp_path: Path) -> None:
    path = tmp_path / "other.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(LogUnavailable, match="another user's"):
            Connection(path, frozenset({NOBODY}) - OURS)


def test_many_threads_of_many_clients(daemon: Daemon, sock: Path, path: Path) -> None:
    logs = [open_log(f"unix://{sock}") for _ in range(4)]

    def run(log: Any) -> None:
        for n in range(20):
            entry = opened(REFUSE if n % 2 else ALLOW)
            log.open(entry)
            log.close(closed(entry))

    threads = [threading.Thread(target=run, args=(log,)) for log in logs for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for log in logs:
        log.shutdown()
    stop(daemon)
    assert len(kept(path)) == 4 * 8 * 10 * 2
    assert [counted(notes) for notes in workers(path).values()] == [(160, 160, 160)] * 4
