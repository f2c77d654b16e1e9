"""A witness over HTTP: what it cosigns, what it refuses, and that it never forgets."""

from __future__ import annotations

import http.client
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import apsw
import pytest

from guardrail.chain.keys import Algorithm
from guardrail.chain.note import Note
from guardrail.chain.trust import Trust
from guardrail.chain.witness import SIZE_TYPE, Answer, accept
from guardrail.errors import ConfigurationError
from guardrail.witness.server import MAX_BODY, MAX_CONNECTIONS, WitnessServer
from guardrail.witness.service import Judged, Service
from guardrail.witness.state import Cosigned, State, load_key, make_witness
from tests.chain.signers import LOG, ORIGIN, STRANGER, WITNESS, signed
from tests.witness.support import NAME, OTHER, Process, head, request, send, serving


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "w"


def connect(server: WitnessServer) -> socket.socket:
    parts = urlsplit(server.url)
    return socket.create_connection((parts.hostname, parts.port), timeout=20)


def test_it_cosigns_what_grows(folder: Path) -> None:
    with serving(folder) as server:
        key = server.service.key.verifier
        for old, new in [(0, 5), (5, 8), (8, 8), (8, 150)]:
            found = send(server.url, request(old, new))
            assert found.status == 200
            answer = Answer.parse(200, found.body)
            note = accept(Note.parse(signed(head(new))), answer, [key])
            trust = Trust(ORIGIN, (LOG.verifier,), (key,), 1)
            at = trust.open(note.encode()).witnesses[0].at
            assert at is not None
            assert abs(at - time.time()) < 60


@pytest.mark.parametrize(
    ("body", "status", "size"),
    [
        (b"", 400, None),
        (b"old 5\n\nnoise", 400, None),
        (request(8, 8).replace(b"old 8", b"old 9"), 400, None),
        (request(8, 9).replace(ORIGIN.encode(), b"log.example/other"), 404, None),
        (request(8, 9, key=STRANGER), 403, None),
        (request(0, 9), 409, 8),
        (request(5, 9), 409, 8),
        (request(5, 7), 409, 8),
        (request(8, 8, OTHER), 409, 8),
        (request(8, 9, OTHER), 422, None),
    ],
)
def test_it_refuses_as_the_protocol_says(
    folder: Path, body: bytes, status: int, size: int | None
) -> None:
    with serving(folder) as server:
        assert send(server.url, request(0, 8)).status == 200
        found = send(server.url, body)
        assert found.status == status
        if size is not None:
            assert found.kind == SIZE_TYPE
            assert found.body == b"%d\n" % size
        assert send(server.url, request(8, 9)).status == 200


def test_what_a_log_contradicts_itself_with_is_kept_once(folder: Path) -> None:
    same, forked = request(8, 8, OTHER), request(8, 9, OTHER)
    with serving(folder) as server:
        for body in (request(0, 8), same, same, forked, request(5, 7), request(0, 8)):
            send(server.url, body)
    with State(folder, writable=False) as state:
        (found,) = state.logs()
        assert (found.checkpoint, found.refused) == (head(8), 2)
        assert [(status, body) for _, status, body in state.refused(ORIGIN)] == [
            (409, same),
            (422, forked),
        ]


def test_only_one_of_two_histories_is_cosigned(folder: Path) -> None:
    """Many at once, of two histories and many sizes: what was cosigned is one growing log."""
    told: list[Judged] = []
    with serving(folder, told=told.append) as server:
        assert send(server.url, request(0, 1)).status == 200
        bodies = [
            request(old, old + 1, reader) if reader else request(old, old + 1)
            for old in range(1, 30)
            for reader in (None, OTHER)
        ]
        with ThreadPoolExecutor(8) as threads:
            done = list(threads.map(lambda body: send(server.url, body).status, bodies * 3))
        last = server.service._state.last(ORIGIN)
    assert {200, 409, 422} >= {*done}
    assert last is not None
    assert last.checkpoint == head(last.checkpoint.size)
    sizes = [judged.size for judged in told if judged.answer.status == 200]
    assert max(size or 0 for size in sizes) == last.checkpoint.size


def test_a_killed_witness_remembers(folder: Path, tmp_path: Path) -> None:
    keys = tmp_path / "log.vkey"
    keys.write_text(f"# the log\n{LOG.verifier}\n")
    make_witness(folder, NAME, Algorithm.COSIGNATURE_ED25519)
    size = 0
    for _ in range(3):
        process = Process(folder, "--log", str(keys))
        for _ in range(5):
            assert send(process.url, request(size, size + 3)).status == 200
            size += 3
        process.kill()
    process = Process(folder, "--log", str(keys))
    try:
        found = send(process.url, request(0, size))
        assert (found.status, found.body) == (409, b"%d\n" % size)
        assert send(process.url, request(size, size + 1, OTHER)).status == 422
        assert send(process.url, request(size, size + 1)).status == 200
    finally:
        said = process.terminate()
    assert process.running.returncode == 0
    assert f"409 {ORIGIN} {size}: not what this witness cosigned last" in said


def test_killed_while_it_answers_it_has_what_it_cosigned(folder: Path) -> None:
    make_witness(folder, NAME, Algorithm.COSIGNATURE_ED25519)
    cosigned = 0
    for _ in range(3):
        process = Process(folder, "--log", str(LOG.verifier), "--quiet")
        timer = threading.Timer(0.05, process.running.kill)
        timer.start()
        try:
            for new in range(cosigned + 1, 200):
                if send(process.url, request(cosigned, new)).status == 200:
                    cosigned = new
                else:
                    cosigned = int(send(process.url, request(0, new)).body)
        except (OSError, http.client.HTTPException, ValueError):
            pass
        finally:
            timer.join()
            process.end()
        with State(folder, writable=False) as state:
            last = state.last(ORIGIN)
        at_least = last.checkpoint.size if last else 0
        assert at_least >= cosigned
        cosigned = at_least


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_order(folder: Path, how: signal.Signals) -> None:
    process = Process(folder, "--name", NAME, "--log", str(LOG.verifier))
    idle = socket.create_connection((urlsplit(process.url).hostname, urlsplit(process.url).port))
    with idle:
        assert send(process.url, request(0, 8)).status == 200
        process.running.send_signal(how)
        said = process.end()
    assert process.running.returncode == 0
    assert said.endswith("ended\n")


class Slow(Service):
    """Judges only once it may."""

    entered = threading.Event()
    may = threading.Event()

    def add(self, data: bytes) -> Judged:
        self.entered.set()
        assert self.may.wait(30)
        return super().add(data)


def test_a_request_that_is_here_is_answered_at_the_end(folder: Path) -> None:
    with serving(folder) as server, ThreadPoolExecutor(2) as threads:
        before = server.service
        server.service = Slow(before.key, [LOG.verifier], before._state)
        sent = threads.submit(send, server.url, request(0, 8))
        assert Slow.entered.wait(30)
        ending = threads.submit(server.end)
        while not server.ending:
            time.sleep(0.01)
        Slow.may.set()
        assert sent.result().status == 200
        ending.result()


def trickles_out(client: socket.socket) -> bool:
    """Whether a trickle of bytes is cut off after a while."""
    client.settimeout(0.02)
    for _ in range(1000):
        try:
            client.sendall(b"x")
            if not client.recv(10):
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


def test_bodies_and_waits_are_bounded(folder: Path) -> None:
    with serving(folder, seconds=0.5) as server:
        with connect(server) as client:
            client.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % 10**8)
            assert client.recv(100).startswith(b"HTTP/1.1 413")
        for header in (b"", b"Transfer-Encoding: chunked\r\n", b"Content-Length: -1\r\n"):
            with connect(server) as client:
                client.sendall(b"POST /add-checkpoint HTTP/1.1\r\n" + header + b"\r\n")
                assert client.recv(100).startswith(b"HTTP/1.1 411")
        with connect(server) as client:
            client.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 90000\r\n\r\n")
            assert trickles_out(client)
        assert send(server.url, b"x" * MAX_BODY).status == 400
        assert send(server.url, request(0, 8)).status == 200


def test_too_many_connections_are_turned_away(folder: Path) -> None:
    with serving(folder) as server:
        held = [connect(server) for _ in range(MAX_CONNECTIONS)]
        try:
            end = time.monotonic() + 30
            while len(server._open) < MAX_CONNECTIONS and time.monotonic() < end:
                time.sleep(0.01)
            with connect(server) as client:
                assert client.recv(10) == b""
        finally:
            for client in held:
                client.close()
        end = time.monotonic() + 30
        while server._open and time.monotonic() < end:
            time.sleep(0.01)
        assert send(server.url, request(0, 8)).status == 200


def test_a_connection_is_used_again(folder: Path) -> None:
    with serving(folder) as server:
        parts = urlsplit(server.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
        for old, new in pairwise([0, 3, 9, 20]):
            connection.request("POST", "/add-checkpoint", request(old, new))
            answer = connection.getresponse()
            assert (answer.status, bool(answer.read())) == (200, True)
        connection.close()


def test_it_says_who_it_is(folder: Path) -> None:
    with serving(folder) as server:
        found = send(server.url, b"", "/", "GET")
        assert found.body.decode() == f"{server.service.key.verifier}\n"
        assert send(server.url, b"", "/other", "GET").status == 404
        assert send(server.url, request(0, 8), "/other").status == 404


def test_a_witness_that_cannot_write_answers_no_more(
    small_disk: Callable[[str], Path],
) -> None:
    disk = small_disk("size=128k")
    folder, filler = disk / "w", disk / "filler"
    with serving(folder) as server:
        assert send(server.url, request(0, 8)).status == 200
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(512)):
                pass
        found = send(server.url, request(8, 9))
        assert found.status == 503
        assert b"out of service" in found.body
        filler.unlink()
        assert send(server.url, request(8, 9)).status == 503
        assert send(server.url, b"", "/", "GET").status == 503
    with serving(folder) as server:
        assert send(server.url, request(8, 9)).status == 200


def test_out_of_service_it_ends_with_a_status(small_disk: Callable[[str], Path]) -> None:
    disk = small_disk("size=128k")
    process = Process(disk / "w", "--name", NAME, "--log", str(LOG.verifier))
    assert send(process.url, request(0, 8)).status == 200
    with (disk / "filler").open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(512)):
            pass
    assert send(process.url, request(8, 9)).status == 503
    assert "out of service" in process.end()
    assert process.running.returncode == 1


def test_a_damaged_memory_is_not_believed(folder: Path) -> None:
    with serving(folder) as server:
        assert send(server.url, request(0, 8)).status == 200
    connection = apsw.Connection(str(folder / "state.db"))
    note = connection.execute("SELECT note FROM logs").get
    at = note.index(b"\n8\n") + 4
    changed = note[:at] + (b"A" if note[at : at + 1] != b"A" else b"B") + note[at + 1 :]
    connection.execute("UPDATE logs SET note = ?", (changed,))
    connection.close()
    with serving(folder) as server:
        assert send(server.url, request(8, 9)).status == 503


def test_its_memory_does_not_go_back(folder: Path) -> None:
    with serving(folder) as server:
        assert send(server.url, request(0, 8)).status == 200
    with State(folder) as state:
        last = state.last(ORIGIN)
        assert last is not None
        with pytest.raises(apsw.ConstraintError, match="never goes back"):
            state.keep(Cosigned(ORIGIN, last.at, signed(head(7))))


def test_a_lost_memory_is_not_made_anew(folder: Path) -> None:
    make_witness(folder, NAME, Algorithm.COSIGNATURE_ED25519)
    (folder / "state.db").unlink()
    with pytest.raises(ConfigurationError, match="could cosign what contradicts"):
        State(folder)
    with pytest.raises(ConfigurationError, match="keeps its key"):
        make_witness(folder, NAME, Algorithm.COSIGNATURE_ED25519)


def test_a_lost_key_is_not_made_anew(folder: Path) -> None:
    make_witness(folder, NAME, Algorithm.COSIGNATURE_ED25519)
    (folder / "key").unlink()
    with pytest.raises(ConfigurationError, match="put the key back"):
        make_witness(folder, NAME, Algorithm.COSIGNATURE_ED25519)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_key(folder)


def test_two_witnesses_do_not_share_a_folder(folder: Path) -> None:
    with serving(folder), pytest.raises(ConfigurationError, match="another witness runs"):
        State(folder)


def test_its_key_is_its_own(folder: Path) -> None:
    key = make_witness(folder, NAME, Algorithm.COSIGNATURE_ED25519)
    assert (folder / "key").stat().st_mode & 0o777 == 0o600
    assert load_key(folder) == key
    (folder / "key").chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_key(folder)
    (folder / "key").chmod(0o600)
    (folder / "key").write_text(f"{LOG.secret}\n")
    with pytest.raises(ConfigurationError, match="key of a log"):
        load_key(folder)
    with pytest.raises(ConfigurationError, match="no key can be made"):
        make_witness(folder.with_name("x"), "two words", Algorithm.COSIGNATURE_ED25519)


def test_a_file_of_another_program_is_no_memory(folder: Path) -> None:
    make_witness(folder, NAME, Algorithm.COSIGNATURE_ED25519)
    (folder / "state.db").write_bytes(b"noise" * 1000)
    with pytest.raises(ConfigurationError, match="damaged or no witness's"):
        State(folder)


def test_a_clock_set_back_tells_no_earlier_time(folder: Path) -> None:
    key = make_witness(folder, NAME, Algorithm.COSIGNATURE_ED25519)
    with State(folder) as state:
        times = iter([2000.0, 1000.0, 3000.0])
        service = Service(key, [LOG.verifier], state, lambda: next(times))
        told = [service.add(request(old, new)).answer for old, new in [(0, 1), (1, 2), (2, 3)]]
        at = [key.verifier.verify(head(n).body, told[n - 1].cosignatures[0]) for n in (1, 2, 3)]
    assert at == [2000, 2000, 3000]


def test_a_log_with_two_keys_is_known_by_either(folder: Path) -> None:
    with serving(folder, LOG.verifier, STRANGER.verifier, WITNESS.verifier) as server:
        assert server.service.origins == (ORIGIN, WITNESS.name)
        assert send(server.url, request(0, 8)).status == 200
        assert send(server.url, request(8, 9, key=STRANGER)).status == 200


def test_a_witness_of_the_other_algorithm(folder: Path) -> None:
    with serving(folder, algorithm=Algorithm.COSIGNATURE_ML_DSA_44) as server:
        found = send(server.url, request(0, 8))
        answer = Answer.parse(found.status, found.body)
        assert accept(Note.parse(signed(head(8))), answer, [server.service.key.verifier])


def test_what_cannot_serve(folder: Path) -> None:
    key = make_witness(folder, NAME, Algorithm.COSIGNATURE_ED25519)
    with State(folder) as state:
        with pytest.raises(ConfigurationError, match="at least one log"):
            Service(key, [], state)
        with pytest.raises(ConfigurationError, match="own key"):
            Service(key, [key.verifier], state)
        service = Service(key, [LOG.verifier], state)
        with pytest.raises(ConfigurationError, match="cannot listen"):
            WitnessServer(("192.0.2.1", 1), service, lambda _: None)
