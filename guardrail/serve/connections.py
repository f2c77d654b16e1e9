"""Connections to one upstream, kept open between calls."""

from __future__ import annotations

from dataclasses import dataclass
from ssl import SSLContext

import aiohttp
import httpx

from guardrail.serve.errors import Overloaded
from guardrail.serve.schema import TimeoutsModel

IDLE = 5.0
"""Seconds for which a connection that carries no call is kept."""

_OWN = ("accept", "accept-encoding", "content-type", "user-agent")


@dataclass(slots=True)
class Connections:
    """Those of one worker, in its event loop. most: calls they carry at once; busy: now."""

    most: int
    timeouts: TimeoutsModel
    trusted: SSLContext
    busy: int = 0
    _session: aiohttp.ClientSession | None = None

    def take(self) -> aiohttp.ClientSession:
        """What makes a call, which is freed in the end. Raises Overloaded."""
        if self.busy >= self.most:
            raise Overloaded("There are more calls than connections to the model's server.")
        if self._session is None:
            self._session = self._made()
        self.busy += 1
        return self._session

    def free(self) -> None:
        """A call has ended."""
        self.busy -= 1

    async def aclose(self) -> None:
        """Close all."""
        if self._session is not None:
            await self._session.close()

    def _made(self) -> aiohttp.ClientSession:
        """It keeps no cookies, reads nothing of the environment, and adds no headers of its own."""
        times = self.timeouts
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                keepalive_timeout=IDLE,
                limit=0,
                resolver=aiohttp.ThreadedResolver(),
                ssl=self.trusted,
            ),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_OWN,
            timeout=aiohttp.ClientTimeout(
                total=times.total,
                connect=times.connect,
                sock_connect=times.connect,
                sock_read=times.read,
            ),
        )


def connections_of(most: int, timeouts: TimeoutsModel) -> Connections:
    """None yet; they are made as calls come."""
    trusted = httpx.create_ssl_context()
    trusted.set_alpn_protocols(["http/1.1"])
    return Connections(most, timeouts, trusted)
