"""The writer: one process that holds the log, and writes what its clients send."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import socket
import stat
import time
from collections import deque
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from guardrail.errors import ConfigurationError, GuardrailError, InputError, LogUnavailable
from guardrail.log.event import Pending
from guardrail.log.remote.codec import decode_closed, decode_opened
from guardrail.log.remote.wire import (
    HEADER,
    MAX_IN_FLIGHT,
    VERSION,
    frame,
    parse,
    peer_user,
    size_of,
)
from guardrail.log.worker import Worker
from guardrail.records import AttemptClosed, AttemptOpened, PolicyRef

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from guardrail.log.event import Event
    from guardrail.log.log import Log
    from guardrail.log.record import Write
    from guardrail.log.writer import Writer

A = TypeVar("A", AttemptOpened, AttemptClosed)
Made: TypeAlias = "tuple[Writer, Write]"
_BACKLOG = 512
_logger = logging.getLogger(__name__)


class WriterServer:
    """Takes attempts from clients over a Unix socket, and acknowledges what is on disk.

    Only processes of the same user and of root may connect. The log's keys stay here.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._clients: dict[asyncio.Task[None], asyncio.Future[None]] = {}
        self._server: asyncio.Server | None = None
        self._stopping = False

    async def start(self, listener: socket.socket) -> None:
        """Begin to serve on a listening socket."""
        self._server = await asyncio.start_unix_server(self._serve, sock=listener)

    async def stop(self) -> None:
        """Take nothing more, and return when everything taken is acknowledged.

        No other task may run in this loop: it waits for those that serve a connection.
        """
        self._stopping = True
        if self._server is not None:
            self._server.close()
        await asyncio.sleep(0)  # those just accepted get their task
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for reading in self._clients.values():
                reading.cancel()
            await asyncio.wait(others)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        user = peer_user(writer.get_extra_info("socket"))
        if task is None or user not in {None, 0, os.geteuid()}:
            _logger.warning("a process of user %s may not write to the log", user)
            writer.close()
            return
        if self._stopping:
            writer.close()
            return
        client = _Client(self._log, writer)
        reading = self._clients[task] = asyncio.ensure_future(client.run(reader))
        await asyncio.wait([reading])
        problem = None if reading.cancelled() else reading.exception()
        if isinstance(problem, GuardrailError):
            _logger.warning("a client of the log is sent away: %s", problem)
        await client.end()
        del self._clients[task]


class _Client:
    """One connection: a worker of its own in the log."""

    def __init__(self, log: Log, writer: asyncio.StreamWriter) -> None:
        self._log = log
        self._writer = writer
        self._worker = Worker()
        self._loop = asyncio.get_running_loop()
        self._results: deque[tuple[int, str]] = deque()
        self._in_flight = 0
        self._fewer = asyncio.Event()

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Read until the client leaves, or sends what cannot be read."""
        while True:
            size = size_of(await reader.readexactly(HEADER.size))
            message = parse(await reader.readexactly(size))
            try:
                number, kind, *content = message
                if not await self._take(number, kind, content):
                    return
            except (GuardrailError, TypeError, ValueError) as error:
                self._answer(message[0], str(error))
            while self._in_flight >= MAX_IN_FLIGHT:
                self._fewer.clear()
                await self._fewer.wait()
            await self._writer.drain()

    async def end(self) -> None:
        """Acknowledge what was taken, write what this worker counted, and hang up."""
        await self._settled()
        with contextlib.suppress(LogUnavailable):
            await self._note(self._worker.rest(time.time_ns()))
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _take(self, number: int, kind: str, content: list[Any]) -> bool:
        """Begin what a message asks for; whether there may be more."""
        match kind, content:
            case "open", [data]:
                entry = decode_opened(data)
                await self._log.atell(entry.decision.policy)
                writer, write = await self._made(self._log.opening, entry)
            case "close", [data]:
                writer, write = await self._made(self._log.closing, decode_closed(data))
            case "uses", [str(name), int(version), str(digest), dict(text)]:
                self._log.uses(PolicyRef(name, version, digest), text)
                self._answer(number, "")
                return True
            case "hello", [version]:
                self._log.writer.check()
                self._answer(number, "" if version == VERSION else _other_version(version))
                return bool(version == VERSION)
            case "bye", []:
                await self._settled()
                await self._note(self._worker.note(time.time_ns(), ending=True))
                self._answer(number, "")
                return False
            case _:
                raise InputError(f"the log's writer knows no message {kind!r}")
        self._in_flight += 1
        writer.post(write, lambda error: self._settle(number, error), self._loop.call_soon)
        return True

    async def _made(self, make: Callable[[A, Worker], Made], entry: A) -> Made:
        if self._log.seals_slowly(entry):
            return await asyncio.to_thread(make, entry, self._worker)
        return make(entry, self._worker)

    async def _settled(self) -> None:
        while self._in_flight:
            self._fewer.clear()
            await self._fewer.wait()

    async def _note(self, note: Event | None) -> None:
        if note is not None:
            await self._log.writer.awrite(Pending(note))
            self._worker.wrote(note, {}, 0)

    def _settle(self, number: int, error: str) -> Callable[[], None]:
        """From the committing thread: note a result; what this gives sends all of them."""
        self._results.append((number, error))
        return self._wake

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._send)

    def _send(self) -> None:
        results = [self._results.popleft() for _ in range(len(self._results))]
        self._in_flight -= len(results)
        self._fewer.set()
        if results and not self._writer.is_closing():
            self._writer.write(frame(results))

    def _answer(self, number: int, error: str) -> None:
        self._writer.write(frame([[number, error]]))


def listen(path: Path) -> socket.socket:
    """A listening Unix socket that only its owner may use, at `path`; one left behind is replaced.

    Raises ConfigurationError when another writer listens there, or it cannot be made.
    """
    try:
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.exists() and not stat.S_ISSOCK(path.stat().st_mode):
            raise ConfigurationError(f"{path} is there and is no socket; move it away")
        path.unlink(missing_ok=True)
        listener = _Listener(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.lock = lock
        before = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen(_BACKLOG)
    except BlockingIOError:
        raise ConfigurationError(f"another writer listens on {path}") from None
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {path} ({error.strerror or error}); give a path of at most 100 "
            "bytes in a folder that only this user may write"
        ) from None
    return listener


class _Listener(socket.socket):
    """A socket with the file that is locked as long as it listens."""

    lock = -1


def _other_version(version: object) -> str:
    return f"the log's writer speaks version {VERSION}, the client {version!r}: install one release"
