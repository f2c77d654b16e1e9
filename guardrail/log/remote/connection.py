"""One connection of a client to the writer: many calls at once, answered in any order."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import threading
from typing import TYPE_CHECKING, Any

from guardrail.errors import GuardrailError, LogUnavailable
from guardrail.log.group import GroupCommit
from guardrail.log.remote.wire import HEADER, VERSION, frame, parse, peer_user, size_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from guardrail.log.group import Done, Soon, Take

LOST = "the log's writer went away before it answered"
_CONNECT_S = 5.0


class Connection:
    """Calls are sent by whichever thread comes first; a thread of its own reads the answers.

    Raises LogUnavailable where nobody listens at `path`, or somebody who must not.
    """

    def __init__(self, path: Path, users: frozenset[int]) -> None:
        self.lost = False
        self._path = path
        self._socket = self._connect(users)
        self._mutex = threading.Lock()
        self._numbers = itertools.count(1)
        self._pending: dict[int, Done] = {}
        self._sending: GroupCommit[bytes] = GroupCommit(self._send)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.call("hello", VERSION)

    def call(self, kind: str, *content: Any) -> None:
        """Return once it is done; raises LogUnavailable, with the text LOST if nobody knows."""
        answered = threading.Lock()
        answered.acquire()
        errors: list[str] = []

        def done(error: str) -> None:
            errors.append(error)
            answered.release()

        message = self._begin(kind, content, done)
        if message is not None:
            self._sending.submit(message)
        answered.acquire()
        if errors[0]:
            raise LogUnavailable(errors[0])

    def post(self, done: Done, soon: Soon | None, kind: str, *content: Any) -> None:
        """Return at once; `done` gets an empty text, or what went wrong. See GroupCommit."""
        message = self._begin(kind, content, done)
        if message is None:
            return
        if soon is None:
            self._sending.submit(message)
        else:
            self._sending.post(message, lambda _: None, soon)

    def close(self) -> None:
        """Say goodbye once all is answered, and hang up."""
        with contextlib.suppress(GuardrailError):
            self.call("bye")
        self.drop()
        if self._reader is not threading.current_thread():
            self._reader.join()
        self._sending.rest()

    def drop(self) -> None:
        """Hang up: what is not answered is lost."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def forget(self) -> None:
        """Close this side's descriptor, in a forked child: the connection is the parent's."""
        with contextlib.suppress(OSError):
            os.close(self._socket.detach())

    def _connect(self, users: frozenset[int]) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(_CONNECT_S)
            connection.connect(str(self._path))
            connection.settimeout(None)
        except OSError as error:
            connection.close()
            raise LogUnavailable(
                f"the attempt log's writer at {self._path} cannot be reached "
                f"({error.strerror or error}); start it: guardrail log writer --listen {self._path}"
            ) from None
        if peer_user(connection) not in {None, *users}:
            connection.close()
            raise LogUnavailable(f"{self._path} is another user's: no attempt is sent there")
        return connection

    def _begin(self, kind: str, content: tuple[Any, ...], done: Done) -> bytes | None:
        """What to send; None where `done` was told already that nobody is there."""
        number = next(self._numbers)
        message = frame([number, kind, *content])
        with self._mutex:
            if not self.lost:
                self._pending[number] = done
                return message
        _settle([(done, LOST)])
        return None

    def _send(self, take: Take[bytes]) -> None:
        messages = take()
        try:
            self._socket.sendall(b"".join(messages))
        except OSError:
            self.drop()  # the reader tells everybody

    def _read(self) -> None:
        try:
            with self._socket.makefile("rb") as source:
                while len(header := source.read(HEADER.size)) == HEADER.size:
                    self._answered(parse(source.read(size_of(header))))
        except (GuardrailError, OSError, ValueError, TypeError):
            pass  # whatever it was, nothing more is understood
        with self._mutex:
            self.lost = True
            pending, self._pending = self._pending, {}
        self._socket.close()
        _settle([(done, LOST) for done in pending.values()])

    def _answered(self, results: list[Any]) -> None:
        with self._mutex:
            found = [(self._pending.pop(number, None), error) for number, error in results]
        _settle([(done, str(error)) for done, error in found if done is not None])


def _settle(results: list[tuple[Done, str]]) -> None:
    afters: dict[Callable[[], None], None] = {}
    for done, error in results:
        after = done(error)
        if after is not None:
            afters[after] = None
    for after in afters:
        after()
