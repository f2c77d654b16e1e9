"""Upstreams over plain HTTP: the client's own bytes, none of its secrets."""

from __future__ import annotations

import os
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiohttp
import httpx
from yarl import URL

from guardrail import __version__
from guardrail.adapters.wire.http import AsyncUpstream, Call, Headers
from guardrail.adapters.wire.unpacked import aunpacked, is_known, is_plain
from guardrail.serve.connections import Connections, connections_of
from guardrail.serve.errors import (
    BadGateway,
    UpstreamBroken,
    UpstreamForbids,
    UpstreamMoved,
    UpstreamTimeout,
    UpstreamUnreachable,
)
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
_FIRST_STATUS = 200
_NO_HTTP = "The model's server broke off, or did not speak HTTP."


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
    connections: Connections
    own: tuple[tuple[str, str], ...]
    tracing: Tracing | None = None
    _taken: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self._taken = FORWARDED | frozenset(self.settings.forward_headers)

    async def send(self, call: Call, record: Record) -> AsyncUpstream:
        """See Provider."""
        began = time.perf_counter()
        session = self.connections.take()
        try:
            response = await session.request(
                call.method,
                _target(self.settings.base_url or "", call.path, call.query),
                headers=self._headers(call),
                data=call.body.data or None if call.body.file is None else _chunks(call),
                allow_redirects=False,
            )
        except BaseException as problem:
            self.connections.free()
            if isinstance(problem, Exception):
                raise _explained(problem) from problem
            raise
        finally:
            record.upstream += time.perf_counter() - began
        upstream = _Response(response, self.connections, record)
        if (refusal := _turned_away(response.status)) is not None:
            await upstream.aclose()
            raise refusal
        return upstream

    async def aclose(self) -> None:
        """See Provider."""
        await self.connections.aclose()

    def _headers(self, call: Call) -> list[tuple[str, str]]:
        headers = [pair for pair in call.headers if pair[0] in self._taken and _is_plain(pair[1])]
        headers += self.own
        if self.tracing is not None:
            headers += self.tracing.outgoing()
        if call.body.file is not None:
            headers.append(("content-length", str(os.fstat(call.body.file.fileno()).st_size)))
        return headers


def _is_plain(value: str) -> bool:
    """Whether a header's value can be sent: others are read differently from server to server."""
    return value.isascii() and value.isprintable()


async def _chunks(call: Call) -> AsyncIterator[bytes]:
    for chunk in call.body.chunks():
        yield chunk


@dataclass(slots=True)
class _Response:
    """A reply as it arrives."""

    response: aiohttp.ClientResponse
    connections: Connections
    record: Record
    open: bool = True

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def headers(self) -> Headers:
        pairs = [
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, value in self.response.raw_headers
        ]
        return [pair for pair in pairs if pair[0] in RETURNED and pair[1].isprintable()]

    def __aiter__(self) -> AsyncIterator[bytes]:
        coding = self.response.headers.get("content-encoding", "")
        return self._raw() if is_plain(coding) else self._unpacked(coding)

    async def _unpacked(self, coding: str) -> AsyncIterator[bytes]:
        if not is_known(coding):
            raise UpstreamBroken("The model's server packed its reply, though it was not asked to.")
        try:
            async for piece in aunpacked(self._raw()):
                yield piece
        except ValueError as problem:
            raise UpstreamBroken(_NO_HTTP) from problem

    async def _raw(self) -> AsyncIterator[bytes]:
        content, record = self.response.content, self.record
        while True:
            began = time.perf_counter()
            try:
                chunk = await content.readany()
            except Exception as problem:
                raise _explained(problem) from problem
            finally:
                record.upstream += time.perf_counter() - began
            if not chunk:
                return
            yield chunk

    async def aclose(self) -> None:
        """Hang up, unless the reply was read to its end."""
        if self.open:
            self.open = False
            self.response.close()
            self.connections.free()


def http_upstream(settings: UpstreamModel, tracing: Tracing | None = None) -> Http:
    """The upstream that a configuration names."""
    key = os.environ[settings.api_key_env].strip() if settings.api_key_env else ""
    own = [("accept-encoding", "identity"), ("user-agent", f"guardrail/{__version__}")]
    if key:
        shown = f"Bearer {key}" if settings.auth == "bearer" else key
        own.append((PLAIN_AUTH[settings.auth], shown))
    connections = connections_of(settings.connections, settings.timeouts)
    return Http(settings, connections, tuple(own), tracing)


@lru_cache(maxsize=512)
def _target(base_url: str, path: str, query: str) -> URL:
    """Where a call goes: the path of `base_url`, if it has one, stands for the client's version."""
    parts = urlsplit(base_url)
    if parts.path:
        path = _VERSION.sub("", path, count=1) if _VERSION.match(path) else path
    if "key=" in query:  # Gemini's clients may put the gateway's own key here
        query = urlencode([pair for pair in parse_qsl(query, True) if pair[0] != "key"])
    url = httpx.URL(f"{base_url}{path}" + (f"?{query}" if query else ""))
    return URL(str(url), encoded=True)


def _turned_away(status: int) -> BadGateway | None:
    """What keeps a reply of this status from being one."""
    if status in _REDIRECTS:
        return UpstreamMoved("The model's server points elsewhere, which is not followed.")
    if status in _FORBIDDEN:
        return UpstreamForbids("The model's server does not take this gateway's key.")
    return UpstreamBroken(_NO_HTTP) if status < _FIRST_STATUS else None


def _explained(problem: Exception) -> Exception:
    match problem:
        case TimeoutError():
            return UpstreamTimeout("The model's server did not answer in time.")
        case aiohttp.ClientConnectorError():
            return UpstreamUnreachable("The model's server cannot be reached.")
        case aiohttp.ClientError():
            return UpstreamBroken(_NO_HTTP)
    return problem
