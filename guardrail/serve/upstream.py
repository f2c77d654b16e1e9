"""Upstreams over plain HTTP: one pool a worker, the client's own bytes, none of its secrets.

httpx's transport is used without its client, which would keep cookies from one caller's reply for
the next one's call, and follow redirections.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from guardrail import __version__
from guardrail.adapters.wire.http import AsyncUpstream, Call, Headers
from guardrail.adapters.wire.unpacked import aunpacked, is_known, is_plain
from guardrail.serve.errors import (
    BadGateway,
    Overloaded,
    UpstreamBroken,
    UpstreamForbids,
    UpstreamMoved,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from guardrail.serve.pools import Pool, Pools, http_pools
from guardrail.serve.record import Record
from guardrail.serve.schema import PLAIN_AUTH, UpstreamModel

if TYPE_CHECKING:
    from guardrail.serve.tracing import Tracing

FORWARDED = frozenset({"accept", "content-type", "anthropic-version", "anthropic-beta"})
"""Headers of a client's that every upstream gets."""

RETURNED = frozenset(
    {
        "content-type", "content-disposition", "cache-control", "openai-model",
        "openai-processing-ms", "openai-version", "request-id", "retry-after", "retry-after-ms",
        "x-request-id", "x-should-retry",
    }
)  # fmt: skip
"""Headers of an upstream's that a client gets; none tells of the operator's account."""

_VERSION = re.compile(r"/v\d[\w.-]*(?=/)")
_REDIRECTS = range(300, 400)
_FORBIDDEN = (401, 403, 407)


class Provider(Protocol):
    """Where calls go."""

    @property
    def settings(self) -> UpstreamModel:
        """What the configuration says of it."""
        ...

    async def send(self, call: Call, record: Record) -> AsyncUpstream:
        """Send a call. Raises BadGateway."""
        ...

    async def aclose(self) -> None:
        """Close its connections."""
        ...


@dataclass(slots=True)
class Http:
    """An upstream over HTTP. own: the headers that the gateway adds."""

    settings: UpstreamModel
    pools: Pools
    own: tuple[tuple[str, str], ...]
    tracing: Tracing | None = None
    _taken: frozenset[str] = field(init=False)
    _timeout: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        times = self.settings.timeouts
        self._taken = FORWARDED | frozenset(self.settings.forward_headers)
        self._timeout = {
            "connect": times.connect,
            "read": times.read,
            "write": times.read,
            "pool": times.connect,
        }

    async def send(self, call: Call, record: Record) -> AsyncUpstream:
        """See Provider."""
        until = time.monotonic() + self.settings.timeouts.total
        began = time.perf_counter()
        pool = self.pools.take()
        try:
            response = await pool.transport.handle_async_request(self._request(call))
        except BaseException as problem:
            pool.free()
            if isinstance(problem, Exception):
                raise _explained(problem) from problem
            raise
        finally:
            record.upstream += time.perf_counter() - began
        upstream = _Response(response, pool, until, record)
        if (status := response.status_code) in _REDIRECTS or status in _FORBIDDEN:
            await upstream.aclose()
            raise _turned_away(status)
        return upstream

    async def aclose(self) -> None:
        """See Provider."""
        await self.pools.aclose()

    def _request(self, call: Call) -> httpx.Request:
        headers = [pair for pair in call.headers if pair[0] in self._taken and _is_plain(pair[1])]
        headers += self.own
        if self.tracing is not None:
            headers += self.tracing.outgoing()
        content: Any = call.body.data or None
        if call.body.file is not None:
            headers.append(("content-length", str(os.fstat(call.body.file.fileno()).st_size)))
            content = _chunks(call)
        url = _target(self.settings.base_url or "", call.path, call.query)
        extensions = {"timeout": self._timeout}
        return httpx.Request(
            call.method, url, headers=headers, content=content, extensions=extensions
        )


def _is_plain(value: str) -> bool:
    """Whether a header's value can be sent: others are read differently from server to server."""
    return value.isascii() and value.isprintable()


async def _chunks(call: Call) -> AsyncIterator[bytes]:
    for chunk in call.body.chunks():
        yield chunk


@dataclass(slots=True)
class _Response:
    """A reply as it arrives. until: when it must have, on the monotonic clock, in seconds."""

    response: httpx.Response
    pool: Pool
    until: float
    record: Record
    open: bool = True

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def headers(self) -> Headers:
        return [
            (name, value)
            for name, value in self.response.headers.multi_items()
            if name.lower() in RETURNED
        ]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = aiter(self._plain())
        record = self.record
        while True:
            began = time.perf_counter()
            try:
                chunk = await anext(chunks, None)
            except Exception as problem:
                raise _explained(problem) from problem
            finally:
                record.upstream += time.perf_counter() - began
            if chunk is None:
                return
            if time.monotonic() > self.until:
                raise UpstreamTimeout("The model's server took too long to end its reply.")
            yield chunk

    def _plain(self) -> AsyncIterator[bytes]:
        chunks = self.response.aiter_raw()
        coding = self.response.headers.get("content-encoding", "")
        if is_plain(coding):
            return chunks
        if not is_known(coding):
            raise UpstreamBroken("The model's server packed its reply, though it was not asked to.")
        return aunpacked(chunks)

    async def aclose(self) -> None:
        if not self.open:
            return
        self.open = False
        try:
            with suppress(httpx.TransportError):
                await self.response.aclose()
        finally:
            self.pool.free()


def http_upstream(settings: UpstreamModel, tracing: Tracing | None = None) -> Http:
    """The upstream that a configuration names."""
    key = os.environ[settings.api_key_env].strip() if settings.api_key_env else ""
    own = [("accept-encoding", "identity"), ("user-agent", f"guardrail/{__version__}")]
    if key:
        shown = f"Bearer {key}" if settings.auth == "bearer" else key
        own.append((PLAIN_AUTH[settings.auth], shown))
    return Http(settings, http_pools(settings.connections), tuple(own), tracing)


@lru_cache(maxsize=512)
def _target(base_url: str, path: str, query: str) -> httpx.URL:
    """Where a call goes: the path of `base_url`, if it has one, stands for the client's version."""
    parts = urlsplit(base_url)
    if parts.path:
        path = _VERSION.sub("", path, count=1) if _VERSION.match(path) else path
    if "key=" in query:  # Gemini's clients may put the gateway's own key here
        query = urlencode([pair for pair in parse_qsl(query, True) if pair[0] != "key"])
    return httpx.URL(f"{base_url}{path}" + (f"?{query}" if query else ""))


def _turned_away(status: int) -> BadGateway:
    if status in _REDIRECTS:
        return UpstreamMoved("The model's server points elsewhere, which is not followed.")
    return UpstreamForbids("The model's server does not take this gateway's key.")


def _explained(problem: Exception) -> Exception:
    match problem:
        case httpx.PoolTimeout():
            return Overloaded("There are more calls than connections to the model's server.")
        case httpx.TimeoutException():
            return UpstreamTimeout("The model's server did not answer in time.")
        case httpx.ConnectError():
            return UpstreamUnreachable("The model's server cannot be reached.")
        case httpx.HTTPError() | httpx.InvalidURL() | httpx.StreamError() | ValueError():
            return UpstreamBroken("The model's server broke off, or did not speak HTTP.")
    return problem
