"""The attempt log as an application has it that sends its attempts to a writer."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, NoReturn

from guardrail.errors import ConfigurationError, LogUnavailable
from guardrail.log.location import Location
from guardrail.log.log import Log
from guardrail.log.remote.codec import encode
from guardrail.log.remote.connection import LOST, Connection
from guardrail.log.waiting import settled

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from guardrail.records import AttemptClosed, AttemptOpened, PolicyRef

_AGAIN_S = (0.0, 0.1, 0.2, 0.4, 0.8)


class RemoteLog(Log):
    """Sends attempts to the writer at `path`; they are on disk when it has answered.

    Where the writer goes away, flagged attempts are sent again for 1.5 s: the log has each at
    most once. A plain one is only counted, and might be counted twice: its call is refused.
    The log cannot be read this way: that is done where it is kept.
    """

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        self.location = Location(path)
        if readonly:
            self._refuse()
        self._client = Client(path)
        self._finalizer = weakref.finalize(self, self._client.shutdown)

    def open(self, entry: AttemptOpened) -> None:
        """See Log."""
        data = encode(entry)
        for wait in _tries(again=entry.flagged):
            time.sleep(wait)
            if self._client.call("open", data):
                return
        raise LogUnavailable(LOST)

    async def aopen(self, entry: AttemptOpened) -> None:
        """See Log."""
        await self._asent("open", entry)

    def close(self, entry: AttemptClosed) -> None:
        """See Log."""
        if not entry.flagged:
            self._client.later("close", encode(entry))
            return
        data = encode(entry)
        for wait in _tries(again=True):
            time.sleep(wait)
            if self._client.call("close", data):
                return
        raise LogUnavailable(LOST)

    async def aclose(self, entry: AttemptClosed) -> None:
        """See Log."""
        if entry.flagged:
            await self._asent("close", entry)
        else:
            await asyncio.to_thread(self._client.later, "close", encode(entry))

    def uses(self, policy: PolicyRef, text: Mapping[str, object]) -> None:
        """See Log."""
        self._client.uses(policy, text)

    def flush(self) -> None:
        """Nothing waits here: whatever was counted is with the writer."""

    def shutdown(self) -> None:
        """See Log."""
        self._finalizer()

    @property
    def vault(self) -> NoReturn:
        """Keys are with the writer; raises ConfigurationError."""
        self._refuse()

    def _writing(self) -> NoReturn:
        self._refuse()

    def _reading(self) -> NoReturn:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise ConfigurationError(
            f"{self.location.name} only takes attempts; give the URL of the log that its writer "
            "holds"
        )

    async def _asent(self, kind: str, entry: AttemptOpened | AttemptClosed) -> None:
        data = encode(entry)
        for wait in _tries(again=entry.flagged):
            await asyncio.sleep(wait)
            if await self._client.acall(kind, data):
                return
        raise LogUnavailable(LOST)


def _tries(*, again: bool) -> tuple[float, ...]:
    """Seconds to wait before each time that it is sent."""
    return _AGAIN_S if again else _AGAIN_S[:1]


class Client:
    """The connection of this process, made when needed, and anew in a forked child."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._users = frozenset({0, os.geteuid()})
        self._policies: dict[str, tuple[Any, ...]] = {}
        self._connection: Connection | None = None
        self._mutex = threading.Lock()
        self._over = False
        _known.add(self)
        self.connected()

    def connected(self) -> Connection:
        """The connection; raises LogUnavailable where nobody listens."""
        found = self._connection
        if found is not None and not found.lost:
            return found
        with self._mutex:
            if self._over:
                raise LogUnavailable(f"the attempt log {self._path} is shut down")
            if self._connection is None or self._connection.lost:
                connection = Connection(self._path, self._users)
                for policy in self._policies.values():
                    connection.call("uses", *policy)
                self._connection = connection
            return self._connection

    def call(self, kind: str, data: Any) -> bool:
        """Whether it was answered; raises LogUnavailable where the answer is no."""
        connection = self.connected()
        try:
            connection.call(kind, data)
        except LogUnavailable as error:
            if str(error) == LOST:
                return False
            raise
        return True

    async def acall(self, kind: str, data: Any) -> bool:
        """As `call`, without holding up the event loop."""
        connection = self._connection
        if connection is None or connection.lost:
            connection = await asyncio.to_thread(self.connected)
        try:
            await settled(lambda done, soon: connection.post(done, soon, kind, data))
        except LogUnavailable as error:
            if str(error) == LOST:
                return False
            raise
        return True

    def later(self, kind: str, data: Any) -> None:
        """Send without waiting for the answer; nothing is raised where nobody is there."""
        try:
            self.connected().post(lambda _: None, None, kind, data)
        except LogUnavailable:
            return  # it stays unfinished in the log's counts

    def uses(self, policy: PolicyRef, text: Mapping[str, object]) -> None:
        """Make known what a policy says, on this connection and on every later one."""
        content = (policy.name, policy.version, policy.digest, dict(text))
        self._policies[policy.digest] = content
        self.connected().call("uses", *content)

    def shutdown(self) -> None:
        """Wait for what was sent, and say goodbye. May be called twice."""
        with self._mutex:
            self._over = True
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def begin_anew(self) -> None:
        """In a forked child: the connection is the parent's."""
        self._mutex = threading.Lock()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.forget()


_known: weakref.WeakSet[Client] = weakref.WeakSet()


def _after_fork() -> None:
    for client in _known:
        client.begin_anew()


os.register_at_fork(after_in_child=_after_fork)
