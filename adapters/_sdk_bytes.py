"""The bytes of a request and of its reply, as a library of SDKs' carries them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from guardrail.adapters.wire.codec import BadCall, Codec
from guardrail.adapters.wire.exchange import AsyncStreaming, Streaming
from guardrail.adapters.wire.http import Body, Call, Headers
from guardrail.adapters.wire.unpacked import aunpacked, is_known, is_plain, unpacked

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
    undecodable: Callable[[str], Exception]

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
        response = self.response
        match _coding(response):
            case "":
                yield from response.iter_bytes()
            case coding if is_known(coding):
                try:
                    yield from unpacked(response.iter_raw())
                except ValueError as problem:
                    raise self.undecodable(str(problem)) from None
            case _:
                yield from response.iter_raw()

    def close(self) -> None:
        self.response.close()


class AsyncReadReply(_Head):
    """A reply as `AsyncUpstream`."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        response, coding = self.response, _coding(self.response)
        chunks = response.aiter_raw() if coding else response.aiter_bytes()
        if is_known(coding):
            chunks = aunpacked(chunks)
        try:
            async for chunk in chunks:
                yield chunk
        except ValueError as problem:
            raise self.undecodable(str(problem)) from None

    async def aclose(self) -> None:
        await self.response.aclose()


def _coding(response: Any) -> str:
    """How a reply's bytes are still encoded; empty for plainly, or where it was read whole.

    What is encoded more than once, or in a way nobody asked for, stays as it is, and is not shown.
    """
    coding = str(response.headers.get("content-encoding", ""))
    return "" if is_plain(coding) or response.is_stream_consumed else coding


def _broken(streaming: Streaming | AsyncStreaming) -> bytes:
    return streaming.dialect.broken("upstream_error", "The model's server sent no valid events.")


class Released:
    """The bytes of a streamed reply, as they are released."""

    def __init__(self, streaming: Streaming) -> None:
        self._streaming = streaming

    def __iter__(self) -> Iterator[bytes]:
        """As `Streaming.__iter__`; what are no events ends in one that says so."""
        try:
            yield from self._streaming
        except ValueError:
            yield _broken(self._streaming)

    def close(self) -> None:
        """As `Streaming.close`."""
        self._streaming.close()


class AsyncReleased:
    """As `Released`, under asyncio."""

    def __init__(self, streaming: AsyncStreaming) -> None:
        self._streaming = streaming

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """As `Released.__iter__`."""
        try:
            async for event in self._streaming:
                yield event
        except ValueError:
            yield _broken(self._streaming)

    async def aclose(self) -> None:
        """As `AsyncStreaming.aclose`."""
        await self._streaming.aclose()
