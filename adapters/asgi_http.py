"""HTTP as an ASGI server hands it over: a call read from it, an answer written to it.

Source: https://asgi.readthedocs.io/en/latest/specs/www.html
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn, TypeVar

from guardrail.adapters.wire.codec import BadCall, Codec, Dialect
from guardrail.adapters.wire.exchange import AsyncStreaming
from guardrail.adapters.wire.http import Body, Call, Headers, Reply
from guardrail.adapters.wire.routes import UNKNOWN, Passed
from guardrail.errors import LogUnavailable
from guardrail.records import Operation, Output

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

T = TypeVar("T")

_WRITE = 1 << 18
_ONCE = ("content-length", "transfer-encoding", "content-type", "content-encoding", "host")
_OVERRIDES = ("x-http-method-override", "x-http-method", "x-method-override")
_LENGTH = re.compile(r"[0-9]{1,19}", re.ASCII)
_HOP_BY_HOP = frozenset(
    {
        "connection", "content-length", "keep-alive", "proxy-authenticate", "proxy-authorization",
        "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    }
)  # fmt: skip
_BODILESS = frozenset({204, 304})


class ClientGone(Exception):
    """The client hung up; there is nobody to answer."""


@dataclass(frozen=True, slots=True)
class Intake:
    """How much is taken in of one client.

    max_body: bytes of a body. spool: bytes of a body that are kept in memory; a larger one goes to
    a temporary file. timeout: seconds in which a body must have come in whole.
    """

    max_body: int = 64_000_000
    spool: int = 1_000_000
    timeout: float = 60.0


def call_of(scope: Scope) -> Call:
    """The call of an `http` or `websocket` scope, without its body.

    Its path is the one an application's router matches; as sent where anything in it is encoded,
    so that it is seen to be odd.
    """
    raw = (scope.get("raw_path") or b"").partition(b"?")[0].decode("latin-1")
    headers = [
        (name.decode("latin-1").lower(), value.decode("latin-1"))
        for name, value in scope["headers"]
    ]
    return Call(
        scope.get("method", "GET"),
        raw if "%" in raw else scope["path"],
        scope.get("query_string", b"").decode("latin-1"),
        headers,
    )


def misleading(call: Call) -> BadCall | None:
    """What in the headers two servers may read differently; None where nothing is."""
    names = [name for name, _ in call.headers]
    if twice := next((name for name in _ONCE if names.count(name) > 1), None):
        return BadCall(f"The header {twice} stands twice.", code="ambiguous_headers")
    if other := next((name for name in _OVERRIDES if name in names), None):
        return BadCall(f"The header {other} is not taken.", code="ambiguous_headers")
    length, coding = call.header("content-length"), call.header("transfer-encoding")
    if "content-length" in names and not _LENGTH.fullmatch(length):
        return BadCall("The content-length is no number.", code="ambiguous_headers")
    if coding and (coding.lower() != "chunked" or "content-length" in names):
        return BadCall(
            "A transfer-encoding must be chunked, without a content-length.",
            code="ambiguous_headers",
        )
    return None


async def read_body(call: Call, receive: Receive, intake: Intake) -> Body:
    """Read a call's body; whoever asked closes it.

    Raises BadCall for one that is too large, too slow or not as long as announced, and ClientGone.
    """
    length = call.header("content-length")
    announced = int(length) if _LENGTH.fullmatch(length) else None
    if announced is not None and announced > intake.max_body:
        raise _too_large(intake)
    gathering = _Gathering(intake, announced)
    try:
        async with asyncio.timeout(intake.timeout):
            return await gathering.whole(receive)
    except TimeoutError:
        gathering.body.close()
        raise BadCall(
            f"The body did not come in within {intake.timeout:g} seconds.",
            status=408,
            code="request_timeout",
        ) from None
    except BaseException:
        gathering.body.close()
        raise


class _Gathering:
    """A body as it comes in. announced: its length, where the client said one."""

    def __init__(self, intake: Intake, announced: int | None) -> None:
        self.body = Body()
        self._intake = intake
        self._announced = announced
        self._size = 0
        self._held = bytearray()

    async def whole(self, receive: Receive) -> Body:
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            more = message.get("more_body", False)
            await self._take(message.get("body", b""), more=more)
        if self._announced not in (None, self._size):
            raise BadCall("The body is not as long as its content-length says.")
        if self.body.file is None:
            self.body = Body(bytes(self._held))
        return self.body

    async def _take(self, data: bytes, *, more: bool) -> None:
        self._size += len(data)
        if self._size > self._intake.max_body:
            raise _too_large(self._intake)
        self._held += data
        due = self._intake.spool if self.body.file is None else (_WRITE if more else 0)
        if len(self._held) > due:
            await self._to_disk()

    async def _to_disk(self) -> None:
        held, self._held = self._held, bytearray()
        try:
            if self.body.file is None:
                self.body = Body(file=tempfile.TemporaryFile(prefix="guardrail-"))  # noqa: SIM115
            await asyncio.to_thread(_write, self.body, held)
        except OSError as problem:
            raise BadCall(
                "There is no room to take in a body of this size.",
                status=503,
                code="storage_unavailable",
            ) from problem


def _write(body: Body, data: bytearray) -> None:
    if body.file is not None:
        body.file.write(data)


def _too_large(intake: Intake) -> BadCall:
    return BadCall(
        f"The body is larger than {intake.max_body} bytes.", status=413, code="request_too_large"
    )


def refusing(target: Codec | Passed, dialect: Dialect, problem: BadCall) -> Codec:
    """A codec that finds every call bad, so that the refusal is on record and in its dialect.

    target: where the call would have gone. dialect: for a target that has none.
    """

    def read(call: Call, limit_bytes: int) -> NoReturn:
        del call, limit_bytes
        raise problem

    if isinstance(target, Codec):
        return replace(target, read=read)
    return Codec(UNKNOWN, Operation.CHAT, dialect, read, _no_output)


def _no_output(reply: Reply) -> Output:
    del reply
    raise ValueError("a refused call has no reply")


async def unless_gone(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """Do `work`, which is cancelled and waited for when the client hangs up.

    The call's body must have been read. Raises ClientGone, and what `work` raises.
    """
    task = asyncio.ensure_future(work)
    watch = asyncio.ensure_future(_disconnect(receive))
    try:
        await asyncio.wait((task, watch), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientGone
        return task.result()
    finally:
        watch.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait((task,))


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def write(
    send: Send, answer: Reply | AsyncStreaming, *, head: bool = False
) -> Exception | None:
    """Write an answer; a stream is pulled piece by piece, each when the last one was taken.

    head: whether the call was a HEAD, which gets no body.
    Returns what broke a stream half-way, which its client was told in the protocol's words.
    Raises ClientGone; the stream's attempt is closed in any case.
    """
    if isinstance(answer, Reply):
        headers = _kept(answer.headers)
        if answer.status not in _BODILESS:
            headers.append(("content-length", str(len(answer.body))))
        await _start(send, answer.status, headers)
        await _body(send, b"" if head else answer.body, more=False)
        return None
    try:
        await _start(send, answer.status, _kept(answer.headers))
        problem = await _pump(send, answer)
        await _body(send, b"", more=False)
        return problem
    finally:
        await answer.aclose()


async def _pump(send: Send, answer: AsyncStreaming) -> Exception | None:
    try:
        async for event in answer.stream:
            await _body(send, bytes(event), more=True)
    except ClientGone:
        raise
    except LogUnavailable as problem:
        told = answer.dialect.broken("log_unavailable", "The attempt log cannot be written to.")
        await _body(send, told, more=True)
        return problem
    except Exception as problem:  # noqa: BLE001  whatever it is, the client must not take it for an end
        told = answer.dialect.broken("upstream_error", "The model's server broke off its reply.")
        await _body(send, told, more=True)
        return problem
    return None


def _kept(headers: Headers) -> list[tuple[str, str]]:
    return [pair for pair in headers if pair[0].lower() not in _HOP_BY_HOP]


async def _start(send: Send, status: int, headers: Headers) -> None:
    pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await _put(send, {"type": "http.response.start", "status": status, "headers": pairs})


async def _body(send: Send, data: bytes, *, more: bool) -> None:
    await _put(send, {"type": "http.response.body", "body": data, "more_body": more})


async def _put(send: Send, message: Message) -> None:
    try:
        await send(message)
    except OSError as problem:
        raise ClientGone from problem
