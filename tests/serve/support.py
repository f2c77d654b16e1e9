"""Gateways as their operators start them, and upstreams that misbehave."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
import openai
import yaml

from guardrail.log import AttemptFilter, AttemptRow, open_log
from guardrail.serve.keys import hashed

FREE_KEY = "gr-free-key-of-the-tests"
ADULT_KEY = "gr-adult-key-of-the-tests"
OWN_KEY = "sk-own-key-of-the-gateway"
HARMLESS: Any = [{"role": "user", "content": "a garden in autumn"}]
FORBIDDEN: Any = [{"role": "user", "content": "Taylor Swift, nude"}]
GATED = "a nude woman who does not exist, photo"
PATIENCE = 30.0
KEYS = [
    {"name": "web", "sha256": hashed(FREE_KEY), "caller": {"jurisdiction": "US"}},
    {
        "name": "studio",
        "sha256": hashed(ADULT_KEY),
        "caller": {"id": "u2", "tier": "adult", "age_verified": True, "jurisdiction": "US"},
    },
]


def config_of(upstream: str, log: str, **changes: Any) -> dict[str, Any]:
    """A configuration with one upstream and two keys."""
    return {
        "port": 0,
        "log": log,
        "upstreams": [
            {
                "name": "main",
                "base_url": upstream,
                "api_key_env": "OWN_KEY",
                "timeouts": {"connect": 2, "read": 2, "total": 20},
            }
        ],
        "keys": KEYS,
        **changes,
    }


def written(folder: Path, config: Mapping[str, Any]) -> Path:
    path = folder / "gateway.yaml"
    path.write_text(yaml.safe_dump(dict(config), sort_keys=False), "utf-8")
    return path


def rows(log: str) -> list[AttemptRow]:
    """Flagged attempts, oldest first."""
    with open_log(log, readonly=True) as found:
        return list(found.attempts(AttemptFilter()))[::-1]


def counted(log: str) -> Counter[str]:
    """How many attempts were opened and how they ended; plain ones as soon as they are flushed."""
    with open_log(log, readonly=True) as found:
        total = found.stats().total
    names = ("opened", "released", "refused", "gated", "failed", "cancelled")
    return +Counter({name: getattr(total, name) for name in names})


@dataclass
class Running:
    """A gateway in a process of its own."""

    process: subprocess.Popen[str]
    url: str = ""
    lines: list[str] = field(default_factory=list)
    clients: list[openai.OpenAI] = field(default_factory=list)

    def client(self, key: str = FREE_KEY, **settings: Any) -> Any:
        """The real SDK; untyped, as tests give it what its types do not allow."""
        settings.setdefault("max_retries", 0)
        made = openai.OpenAI(base_url=f"{self.url}/v1", api_key=key, **settings)
        self.clients.append(made)
        return made

    def post(self, path: str, body: Any, key: str = FREE_KEY, **headers: str) -> httpx.Response:
        told = {"authorization": f"Bearer {key}", **headers}
        return httpx.post(self.url + path, json=body, headers=told, timeout=PATIENCE)

    def access(self, path: str = "/v1/chat/completions") -> list[dict[str, Any]]:
        """What the access log says of a path."""
        found = [json.loads(line) for line in self.lines if line.startswith("{")]
        return [line for line in found if line["path"] == path]

    def ready(self) -> httpx.Response:
        return httpx.get(f"{self.url}/readyz", timeout=PATIENCE)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait; the exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def gateway(config: Path, *options: str, ready: bool = True, **env: str) -> Iterator[Running]:
    """Start one, wait until it is ready unless told otherwise, and end it with its workers."""
    process = subprocess.Popen(
        [sys.executable, "-m", "guardrail", "serve", "--config", str(config), *options],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OWN_KEY": OWN_KEY, **env},
        start_new_session=True,
    )
    running = Running(process)
    assert process.stderr is not None
    first = process.stderr.readline()
    assert first.startswith("guardrail listens on "), first + process.stderr.read()
    running.url = first.split()[-1]
    reading = threading.Thread(target=_read, args=(process.stderr, running.lines))
    reading.start()
    try:
        if ready:
            until(lambda: _answers(running))
        yield running
    finally:
        for client in running.clients:
            client.close()
        if process.poll() is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        reading.join()
        process.stderr.close()


def until(holds: Callable[[], bool]) -> None:
    """Wait for something that is about to be so."""
    patience = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < patience, "waited in vain"
        time.sleep(0.02)


def _read(stream: Any, lines: list[str]) -> None:
    lines.extend(iter(stream.readline, ""))


def _answers(running: Running) -> bool:
    try:
        return running.ready().status_code == 200
    except httpx.TransportError:
        assert running.process.poll() is None, running.lines
        return False


class RawUpstream:
    """A server that reads a request and then does what `script` does with the connection.

    bodies: of the latest request, by the thread that answers it.
    """

    def __init__(self, script: Callable[[socket.socket], None]) -> None:
        self.script = script
        self.heads: list[bytes] = []
        self.bodies: dict[int, bytes] = {}
        self._ending = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        self._thread = threading.Thread(target=self._serve)
        self._others: list[threading.Thread] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"

    def hang(self, _connection: socket.socket) -> None:
        """Answer nothing until the test is over."""
        self._ending.wait(PATIENCE)

    def waited(self, seconds: float) -> bool:
        """Wait; whether the test is over."""
        return self._ending.wait(seconds)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        for thread in self._others:
            thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while not self._ending.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            thread = threading.Thread(target=self._answer, args=(connection,))
            thread.start()
            self._others.append(thread)

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(PATIENCE)
            data = b""
            while b"\r\n\r\n" not in data:
                if not (piece := connection.recv(65_536)):
                    return
                data += piece
            head, _, body = data.partition(b"\r\n\r\n")
            self.heads.append(head)
            length = int(
                next(
                    line.split(b":")[1]
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length:")
                )
            )
            while len(body) < length:
                body += connection.recv(65_536)
            self.bodies[threading.get_ident()] = body
            self.script(connection)


def answering(head: str, body: bytes = b"") -> Callable[[socket.socket], None]:
    """A script that sends these bytes and hangs up."""

    def script(connection: socket.socket) -> None:
        connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)

    return script
