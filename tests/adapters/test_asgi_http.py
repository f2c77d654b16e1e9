"""Calls as an ASGI server brings them, and answers as it takes them."""

from __future__ import annotations

import asyncio
import errno
import tempfile
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from guardrail.adapters.asgi_http import (
    ClientGone,
    Intake,
    Message,
    call_of,
    read_body,
    unless_gone,
    write,
)
from guardrail.adapters.service import Service
from guardrail.adapters.wire.codec import BadCall
from guardrail.adapters.wire.exchange import AsyncStreaming, Exchange
from guardrail.adapters.wire.http import Body, Call, Headers, Reply
from guardrail.adapters.wire.openai.chat import CHAT as CODEC
from guardrail.adapters.wire.table import known_routes
from guardrail.guard import Guard
from guardrail.records import Outcome
from guardrail.testing.fakes import MemoryLog

from .asgi_apps import event
from .cases import FREE, only

POST = Call("POST", "/v1/chat/completions")
SMALL = Intake(max_body=1_000, spool=100, timeout=5.0)


class Client:
    """A client that sends these pieces of a body, and then waits, or leaves."""

    def __init__(self, *pieces: bytes, last: bool = True, leaves: bool = False) -> None:
        more = [True] * (len(pieces) - 1) + [not last]
        self._pieces = [
            {"type": "http.request", "body": piece, "more_body": follows}
            for piece, follows in zip(pieces, more, strict=False)
        ]
        self.left = asyncio.Event()
        self.sent: list[Message] = []
        self.taken = 0
        if leaves:
            self.left.set()

    async def receive(self) -> Message:
        self.taken += 1
        if self._pieces:
            return self._pieces.pop(0)
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if self.left.is_set():
            raise OSError(errno.EPIPE, "gone")
        self.sent.append(message)


@pytest.mark.parametrize("pieces", [(b"",), (b"a",), (b"a", b"", b"b"), (b"x" * 100,)])
async def test_a_small_body_stays_in_memory(pieces: Sequence[bytes]) -> None:
    body = await read_body(POST, Client(*pieces).receive, SMALL)
    assert (body.data, body.file, body.size()) == (b"".join(pieces), None, len(b"".join(pieces)))


@pytest.mark.parametrize(
    "pieces", [(b"x" * 101,), (b"x" * 60, b"y" * 60), (b"x" * 500, b"y" * 500)]
)
async def test_a_larger_body_goes_to_a_file(pieces: Sequence[bytes]) -> None:
    body = await read_body(POST, Client(*pieces).receive, SMALL)
    assert body.file is not None
    assert (body.whole(), body.size()) == (b"".join(pieces), len(b"".join(pieces)))
    assert body.whole() == b"".join(pieces)
    body.close()
    assert body.file.closed


async def test_a_body_is_never_longer_than_the_limit(opened_files: list[Any]) -> None:
    client = Client(*[b"x" * 300] * 9)
    with pytest.raises(BadCall) as refused:
        await read_body(POST, client.receive, SMALL)
    assert (refused.value.status, client.taken) == (413, 4)
    assert opened_files
    assert all(file.closed for file in opened_files)


async def test_a_body_announced_as_too_long_is_not_read() -> None:
    client = Client(b"x")
    call = Call("POST", "/", headers=[("content-length", "1001")])
    with pytest.raises(BadCall, match="larger than 1000 bytes"):
        await read_body(call, client.receive, SMALL)
    assert client.taken == 0


@pytest.mark.parametrize("length", ["1", "3"])
async def test_a_body_is_as_long_as_announced(length: str) -> None:
    call = Call("POST", "/", headers=[("content-length", length)])
    with pytest.raises(BadCall, match="not as long"):
        await read_body(call, Client(b"xy").receive, SMALL)


async def test_a_body_that_stops_coming_is_given_up(opened_files: list[Any]) -> None:
    client = Client(b"x" * 200, last=False)
    with pytest.raises(BadCall) as refused:
        await read_body(POST, client.receive, Intake(1_000, 100, 0.01))
    assert refused.value.status == 408
    assert opened_files
    assert all(file.closed for file in opened_files)


async def test_a_client_that_leaves_while_it_sends(opened_files: list[Any]) -> None:
    client = Client(b"x" * 200, last=False, leaves=True)
    with pytest.raises(ClientGone):
        await read_body(POST, client.receive, SMALL)
    assert opened_files
    assert all(file.closed for file in opened_files)


async def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: Any) -> Any:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(BadCall) as refused:
        await read_body(POST, Client(b"x" * 200).receive, SMALL)
    assert (refused.value.status, refused.value.code) == (503, "storage_unavailable")


@pytest.fixture
def opened_files(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    files: list[Any] = []
    real = tempfile.TemporaryFile

    def opening(**settings: Any) -> Any:
        files.append(real(**settings))
        return files[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", opening)
    return files


@pytest.mark.parametrize(
    ("path", "raw", "seen"),
    [
        ("/v1/chat", b"/v1/chat", "/v1/chat"),
        ("/v1/chat", None, "/v1/chat"),
        ("/v1/chat", b"/v1/%63hat", "/v1/%63hat"),
        ("/v1/chat", b"/v1/chat?a=%20", "/v1/chat"),
        ("/chat", b"/mounted/chat", "/chat"),
    ],
)
def test_the_path_is_the_one_a_router_matches(path: str, raw: bytes | None, seen: str) -> None:
    scope = {"method": "GET", "path": path, "raw_path": raw, "headers": [(b"X-A", b"\xe9")]}
    call = call_of(scope)
    assert (call.path, call.headers) == (seen, [("x-a", "é")])


async def _written(answer: Reply | AsyncStreaming, *, head: bool = False) -> list[Message]:
    client = Client()
    await write(client.send, answer, head=head)
    return client.sent


async def test_a_reply_is_written_with_its_length_and_without_a_hop() -> None:
    headers = [("Connection", "close"), ("Transfer-Encoding", "chunked"), ("X-A", "é")]
    start, body = await _written(Reply(201, [*headers, ("content-length", "99")], b"abc"))
    assert start["headers"] == [(b"x-a", b"\xe9"), (b"content-length", b"3")]
    assert (start["status"], body["body"], body["more_body"]) == (201, b"abc", False)


async def test_a_head_gets_no_body() -> None:
    start, body = await _written(Reply(200, (), b"abc"), head=True)
    assert (start["headers"], body["body"]) == ([(b"content-length", b"3")], b"")


@pytest.mark.parametrize("status", [204, 304])
async def test_a_reply_without_a_body_has_no_length(status: int) -> None:
    start, _ = await _written(Reply(status, [("content-length", "3")]))
    assert start["headers"] == []


async def test_nobody_to_answer() -> None:
    with pytest.raises(ClientGone):
        await write(Client(leaves=True).send, Reply(200))


async def test_work_is_cancelled_when_the_client_leaves() -> None:
    client = Client()
    ended: list[str] = []

    async def work() -> None:
        client.left.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("tidied up")

    with pytest.raises(ClientGone):
        await unless_gone(client.receive, work())
    assert ended == ["tidied up"]


async def test_work_that_is_done_in_time_counts() -> None:
    async def work() -> str:
        return "done"

    assert await unless_gone(Client(leaves=True).receive, work()) == "done"


async def test_what_work_raises_is_raised() -> None:
    async def work() -> None:
        raise ValueError("of its own")

    with pytest.raises(ValueError, match="of its own"):
        await unless_gone(Client().receive, work())


async def test_work_ends_with_who_waits_for_it() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    waiting = asyncio.ensure_future(unless_gone(Client().receive, work()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ended.is_set()


class Model:
    """A model's server that streams pieces, then whatever `breaks` is."""

    status = 200
    headers: Headers = (("content-type", "text/event-stream"),)

    def __init__(self, pieces: int, breaks: Exception | None = None) -> None:
        self.asked = 0
        self.hung_up = False
        self._pieces = pieces
        self._breaks = breaks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self.asked < self._pieces:
            self.asked += 1
            yield event("The weather is mild. ")
        if self._breaks:
            raise self._breaks

    async def aclose(self) -> None:
        self.hung_up = True


async def _streaming(loaded: Guard, log: MemoryLog, model: Model) -> AsyncStreaming:
    async def send() -> Model:
        return model

    guard = Guard(loaded.policy, log=log, detectors=loaded.detectors)
    exchange = Exchange(Service.over(guard, FREE, ""), known_routes())
    body = b'{"stream": true, "messages": [{"role": "user", "content": "the weather"}]}'
    answer = await exchange.ahandle(Call("POST", POST.path, body=Body(body)), CODEC, send)
    assert isinstance(answer, AsyncStreaming)
    return answer


async def test_a_stream_is_pulled_only_as_it_is_taken(loaded: Guard, log: MemoryLog) -> None:
    model = Model(1_000)
    answer = await _streaming(loaded, log, model)
    client = Client()
    ahead: list[int] = []

    async def send(message: Message) -> None:
        ahead.append(model.asked - len(client.sent))
        await client.send(message)

    assert await write(send, answer) is None
    assert len(client.sent) > 1_000
    assert max(ahead) < 20
    assert model.hung_up
    assert only(log).outcome is Outcome.RELEASED


async def test_a_stream_that_breaks_is_told_and_handed_back(loaded: Guard, log: MemoryLog) -> None:
    model = Model(10, ConnectionResetError("by peer"))
    answer = await _streaming(loaded, log, model)
    client = Client()
    assert isinstance(await write(client.send, answer), ConnectionResetError)
    assert b"upstream_error" in client.sent[-2]["body"]
    assert b"by peer" not in client.sent[-2]["body"]
    assert client.sent[-1]["more_body"] is False
    assert model.hung_up
    assert only(log).outcome is Outcome.FAILED


async def test_a_stream_whose_end_cannot_be_kept_does_not_look_whole(
    loaded: Guard, log: MemoryLog
) -> None:
    answer = await _streaming(loaded, log, Model(10))
    log.full = True
    client = Client()
    await write(client.send, answer)
    assert b"log_unavailable" in client.sent[-2]["body"]
    assert log.closed == []


async def test_a_client_that_leaves_its_stream(loaded: Guard, log: MemoryLog) -> None:
    model = Model(1_000)
    answer = await _streaming(loaded, log, model)
    client = Client()

    async def send(message: Message) -> None:
        await client.send(message)
        if len(client.sent) == 5:
            client.left.set()

    with pytest.raises(ClientGone):
        await write(send, answer)
    assert model.hung_up
    assert model.asked < 1_000
    assert only(log).outcome is Outcome.CANCELLED
