"""Connections to one upstream, in many small pools.

httpcore looks at every connection of a pool for every request, so one pool of hundreds slows all
calls down. The first pool with room is taken, so that few are in use when few calls are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from guardrail.serve.errors import Overloaded

SIZE = 4
"""Connections of one pool."""


@dataclass(slots=True)
class Pool:
    """One pool. busy: calls it carries."""

    transport: httpx.AsyncBaseTransport
    busy: int = 0

    def free(self) -> None:
        """A call has ended."""
        self.busy -= 1


@dataclass(slots=True)
class Pools:
    """All pools. make: gives the transport of a new one. connections: of all at most."""

    make: Callable[[], httpx.AsyncBaseTransport]
    connections: int
    _all: list[Pool] = field(default_factory=list)

    def take(self) -> Pool:
        """A pool with room for a call, which frees it. Raises Overloaded."""
        for pool in self._all:
            if pool.busy < SIZE:
                break
        else:
            if len(self._all) * SIZE >= self.connections:
                raise Overloaded("There are more calls than connections to the model's server.")
            pool = Pool(self.make())
            self._all.append(pool)
        pool.busy += 1
        return pool

    async def aclose(self) -> None:
        """Close all connections."""
        for pool in self._all:
            await pool.transport.aclose()


def http_pools(connections: int) -> Pools:
    """Pools of httpx's own transports, which share what they know of certificates."""
    trusted = httpx.create_ssl_context()
    limits = httpx.Limits(max_connections=SIZE, max_keepalive_connections=SIZE)

    def make() -> httpx.AsyncBaseTransport:
        return httpx.AsyncHTTPTransport(verify=trusted, limits=limits, trust_env=False)

    return Pools(make, connections)
