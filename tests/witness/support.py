"""Witnesses to test with: in this process, and in processes of their own that can be killed."""

from __future__ import annotations

import http.client
import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from guardrail.chain.checkpoint import Checkpoint
from guardrail.chain.hashing import leaf_hash
from guardrail.chain.keys import Algorithm
from guardrail.chain.tree import MemoryHashes, consistency_proof, root
from guardrail.chain.witness import AddCheckpoint
from guardrail.log import open_log
from guardrail.log.witnesses import Witness, Witnesses
from guardrail.witness.server import WitnessServer
from guardrail.witness.service import Judged, Service
from guardrail.witness.state import State, load_key, make_witness
from tests.chain.signers import LOG, ORIGIN, signed
from tests.log.support import REFUSE, ROOT, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from guardrail.chain.keys import SigningKey, VerifierKey

NAME = "witness.example/w1"
READER = MemoryHashes(leaf_hash(bytes([number])) for number in range(200))
OTHER = MemoryHashes(leaf_hash(bytes([number, 0])) for number in range(200))
_LISTENS = re.compile(r"listens on (http://\S+)\n")


class Answered(NamedTuple):
    """status, content type, body."""

    status: int
    kind: str
    body: bytes


def head(size: int, reader: MemoryHashes = READER) -> Checkpoint:
    return Checkpoint(ORIGIN, size, root(reader, size))


def request(old: int, new: int, reader: MemoryHashes = READER, key: SigningKey = LOG) -> bytes:
    proof = consistency_proof(reader, old, new)
    return AddCheckpoint(old, proof, signed(head(new, reader), key)).encode()


def send(url: str, body: bytes, path: str = "/add-checkpoint", method: str = "POST") -> Answered:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return Answered(answer.status, answer.headers["Content-Type"], answer.read())
    finally:
        connection.close()


@contextmanager
def serving(
    folder: Path,
    *keys: VerifierKey,
    name: str = NAME,
    seconds: float = 10.0,
    told: Callable[[Judged], None] = lambda _: None,
    algorithm: Algorithm = Algorithm.COSIGNATURE_ED25519,
) -> Iterator[WitnessServer]:
    """A witness in this process, made where there is none."""
    key = load_key(folder) if folder.exists() else make_witness(folder, name, algorithm)
    with State(folder) as state:
        service = Service(key, keys or (LOG.verifier,), state)
        server = WitnessServer(("127.0.0.1", 0), service, told, seconds)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.end()
            thread.join()


class Process:
    """`guardrail witness` as an operator runs it."""

    def __init__(self, folder: Path, *args: str) -> None:
        code = "from guardrail.cli import main; main()"
        command = [sys.executable, "-c", code, "witness", "--state", str(folder), *args]
        self.running = subprocess.Popen(
            [*command, "--listen", "127.0.0.1:0"], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        assert self.running.stderr is not None
        first = self.running.stderr.readline()
        found = _LISTENS.search(first)
        assert found, first + self.running.stderr.read()
        self.url = found[1]

    def kill(self) -> None:
        """As the kernel does it, at once."""
        self.running.kill()
        self.end()

    def terminate(self) -> str:
        """SIGTERM; what it said since."""
        self.running.terminate()
        return self.end()

    def end(self) -> str:
        _, said = self.running.communicate(timeout=30)
        return said


@contextmanager
def answering(status: int, body: bytes = b"", kind: str = "text/plain") -> Iterator[str]:
    """A server that answers every POST so."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            if status // 100 == 3:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def fill(url: str, count: int = 5) -> None:
    """So many openings, between the two entries of the process that writes them."""
    with open_log(url) as log:
        for _ in range(count):
            log.open(opened(REFUSE))


def asked(*servers: WitnessServer, quorum: int = 0, timeout: float = 10) -> Witnesses:
    """What a file of witnesses says of these."""
    found = tuple(Witness(server.url, server.service.key.verifier) for server in servers)
    return Witnesses(found, quorum or len(found), timeout)
