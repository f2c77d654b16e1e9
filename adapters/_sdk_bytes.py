"""The bytes of a request and of its reply, as a library of SDKs' carries them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from guardrail.adapters.wire.codec import BadCall, Codec
from guardrail.adapters.wire.exchange import AsyncStreaming, Streaming
from guardrail.adapters.wire.http import Body, Call, Headers

MAX_BODY = 256_000_000
"""Bytes of a request's body that are read at most."""


@dataclass(slots=True)
class ReadBody:
    """A body as it is read; nothing is kept of one that is too large."""

    data: bytearray = field(default_factory=bytearray)
    fits: bool = True

    def take(self, chunk: bytes) -> bool:
        """Whether there is room for more."""
        self.fits = len(self.data) + len(chunk) <= MAX_BODY
        if self.fits:
            self.data += chunk
        return self.fits

    def of(self, call: Call, codec: Codec) -> tuple[Call, Codec]:
        """The call with its body, and its codec; one that refuses where the body is too large."""
        if not self.fits:
            return call, replace(codec, read=_too_large)
        return replace(call, body=Body(bytes(self.data))), codec


def _too_large(call: Call, limit_bytes: int) -> NoReturn:
    del call, limit_bytes
    message = f"The body is larger than {MAX_BODY} bytes."
    raise BadCall(message, status=413, code="request_too_large")


@dataclass(frozen=True, slots=True)
class _Head:
    response: Any

    @property
    def status(self) -> int:
        return int(self.response.status_code)

    @property
    def headers(self) -> Headers:
        pairs: Headers = self.response.headers.multi_items()
        return pairs


class ReadReply(_Head):
    """A reply as `Upstream`."""

    def __iter__(self) -> Iterator[bytes]:
        raw = _nested(self.response)
        chunks = self.response.iter_raw() if raw else self.response.iter_bytes()
        yield from chunks

    def close(self) -> None:
        self.response.close()


class AsyncReadReply(_Head):
    """A reply as `AsyncUpstream`."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        raw = _nested(self.response)
        async for chunk in self.response.aiter_raw() if raw else self.response.aiter_bytes():
            yield chunk

    async def aclose(self) -> None:
        await self.response.aclose()


def _nested(response: Any) -> bool:
    """Whether a reply is encoded more than once: nobody honest does it, and it has no bound."""
    return "," in response.headers.get("content-encoding", "")


class Released:
    """The bytes of a streamed reply, as they are released."""

    def __init__(self, streaming: Streaming) -> None:
        self._streaming = streaming

    def __iter__(self) -> Iterator[bytes]:
        """As `Streaming.__iter__`."""
        return iter(self._streaming)

    def close(self) -> None:
        """As `Streaming.close`."""
        self._streaming.close()


class AsyncReleased:
    """As `Released`, under asyncio."""

    def __init__(self, streaming: AsyncStreaming) -> None:
        self._streaming = streaming

    def __aiter__(self) -> AsyncIterator[bytes]:
        """As `AsyncStreaming.__aiter__`."""
        return aiter(self._streaming)

    async def aclose(self) -> None:
        """As `AsyncStreaming.aclose`."""
        await self._streaming.aclose()
