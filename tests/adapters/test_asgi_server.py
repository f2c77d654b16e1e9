"""The middleware under a real server, with real clients: good ones, slow ones and bad ones."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import openai
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from guardrail.adapters.asgi_http import App, Receive, Scope, Send
from guardrail.guard import Guard
from guardrail.records import Outcome
from guardrail.testing import neutral_png
from guardrail.testing.fakes import MemoryLog

from .asgi_apps import CHAT, Chat, completion, event, guarded, said, served
from .cases import FORBIDDEN, FORBIDDEN_OUTPUT, only

SMALL = 16_384


@pytest.fixture
def app() -> Chat:
    return Chat()


@pytest.fixture
def port(app: Chat, loaded: Guard, log: MemoryLog) -> Iterator[int]:
    settings: dict[str, Any] = {"max_body": 3_000_000, "spool": 100_000, "body_timeout": 4.0}
    with served(guarded(app, loaded, log, **settings), buffer=SMALL) as number:
        yield number


def _client(port: int) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="k")


def _ask(client: openai.OpenAI, text: str) -> str:
    reply = client.chat.completions.create(model="m", messages=[{"role": "user", "content": text}])
    return reply.choices[0].message.content or ""


def _until(happened: Callable[[], Any], what: str) -> None:
    for _ in range(3_000):
        if happened():
            return
        time.sleep(0.01)
    pytest.fail(f"never happened: {what}")


def _connected(port: int, *, buffer: int = 0) -> socket.socket:
    client = socket.socket()
    if buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    client.settimeout(30)
    client.connect(("127.0.0.1", port))
    return client


def _sent(port: int, head: str, body: bytes = b"") -> bytes:
    """What a server answers to bytes as they are, until it closes."""
    with _connected(port) as client:
        lines = f"{head}connection: close\n".replace("\n", "\r\n")
        client.sendall(lines.encode() + b"\r\n" + body)
        answer = b""
        while data := client.recv(65_536):
            answer += data
    return answer


def test_the_sdk_asks_and_is_refused(port: int, app: Chat, log: MemoryLog) -> None:
    with _client(port) as client:
        assert _ask(client, "a garden in autumn") == "a garden in autumn"
        with pytest.raises(openai.BadRequestError) as refused:
            _ask(client, FORBIDDEN)
        assert refused.value.code == "moderation_blocked"
        assert _ask(client, "a house by the sea") == "a house by the sea"
    assert len(app.seen) == 2
    assert [entry.outcome for entry in log.closed] == [
        Outcome.RELEASED,
        Outcome.REFUSED,
        Outcome.RELEASED,
    ]


def test_the_sdk_reads_a_stream_that_is_stopped(port: int, app: Chat, log: MemoryLog) -> None:
    app.text = "The weather is mild today. " * 10 + FORBIDDEN_OUTPUT
    with _client(port) as client:
        stream = client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "a story"}], stream=True
        )
        choices = [chunk.choices[0] for chunk in stream]
    assert choices[-1].finish_reason == "content_filter"
    assert "explicit" not in "".join(choice.delta.content or "" for choice in choices)
    assert only(log).outcome is Outcome.REFUSED


class Lingering(Chat):
    """An application that ends its streams a while after it has said their end."""

    async def _stream(self, send: Send, text: str) -> None:
        async def late(message: Any) -> None:
            if not message.get("more_body", True):
                await asyncio.sleep(0.05)
            await send(message)

        await super()._stream(late, text)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_stream_that_the_sdk_reads_to_its_end_is_released(
    loaded: Guard, log: MemoryLog, *, asynchronous: bool
) -> None:
    messages: Any = [{"role": "user", "content": "a story of a garden in autumn"}]
    pieces: list[str] = []

    async def read(number: int) -> None:
        url = f"http://127.0.0.1:{number}/v1"
        async with openai.AsyncOpenAI(base_url=url, api_key="k") as client:
            create = client.chat.completions.create
            stream = await create(model="m", messages=messages, stream=True)
            pieces.extend([chunk.choices[0].delta.content or "" async for chunk in stream])

    with served(guarded(Lingering(), loaded, log)) as number, _client(number) as client:
        if asynchronous:
            asyncio.run(read(number))
        else:
            stream = client.chat.completions.create(model="m", messages=messages, stream=True)
            pieces = [chunk.choices[0].delta.content or "" for chunk in stream]
        _until(lambda: log.closed, "the entry is closed")
    assert "".join(pieces) == "a story of a garden in autumn "
    assert only(log).outcome is Outcome.RELEASED


def test_a_client_that_leaves_its_stream_closes_the_attempt(
    port: int, app: Chat, log: MemoryLog
) -> None:
    app.text, app.pieces = "The weather is mild today. ", 1_000_000
    with _client(port) as client:
        stream = client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "the weather"}], stream=True
        )
        next(iter(stream))
        stream.close()
    assert app.hung_up.wait(30)
    _until(lambda: log.closed, "the entry is closed")
    assert only(log).outcome is Outcome.CANCELLED
    assert app.sent < app.pieces


def test_a_client_that_reads_slowly_holds_the_application_back(
    port: int, app: Chat, log: MemoryLog
) -> None:
    app.text, app.pieces = "The weather is mild today. " * 20, 100_000
    body = json.dumps(said("the weather", stream=True)).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nhost: a\r\ncontent-length: {len(body)}\r\n\r\n"
    with _connected(port, buffer=SMALL) as client:
        client.sendall(head.encode() + body)
        client.recv(10)
        before = -1
        while before != app.sent:
            before = app.sent
            time.sleep(0.3)
        assert 0 < app.sent * len(event(app.text)) < 2_000_000
    assert app.hung_up.wait(30)
    _until(lambda: log.closed, "the entry is closed")
    assert only(log).outcome is Outcome.CANCELLED


def test_a_large_body_goes_through_a_file(port: int, app: Chat, log: MemoryLog) -> None:
    body = json.dumps(said("a garden")).encode() + b" " * 1_400_000
    reply = httpx.post(f"http://127.0.0.1:{port}{CHAT}", content=body, timeout=60)
    assert reply.status_code == 200, reply.text
    assert app.seen == [body]
    assert only(log).outcome is Outcome.RELEASED


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_too_large_is_refused(
    port: int, app: Chat, log: MemoryLog, *, announced: bool
) -> None:
    body = b"x" * 3_000_001
    content = body if announced else iter([body[:1_000_000]] * 4)
    reply = httpx.post(f"http://127.0.0.1:{port}{CHAT}", content=content, timeout=60)
    assert (reply.status_code, reply.json()["error"]["code"]) == (413, "request_too_large")
    assert app.seen == []
    assert only(log).outcome is Outcome.REFUSED


def test_a_body_that_stops_coming_is_given_up(port: int, app: Chat, log: MemoryLog) -> None:
    with _connected(port) as client:
        head = f"POST {CHAT} HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n"
        client.sendall(head.encode() + b'{"messages":')
        answer = client.recv(65_536)
    assert b" 408 " in answer.splitlines()[0]
    assert b"request_timeout" in answer
    assert app.seen == []
    assert only(log).outcome is Outcome.REFUSED


def test_a_client_that_leaves_while_it_sends_asks_nothing(
    port: int, app: Chat, log: MemoryLog
) -> None:
    with _connected(port) as client:
        head = f"POST {CHAT} HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n"
        client.sendall(head.encode() + b'{"messages":')
    with _client(port) as sdk:
        assert _ask(sdk, "a garden") == "a garden"
    assert len(app.seen) == len(log.opened) == 1


@pytest.mark.parametrize(
    "headers",
    [
        "content-length: 5\ncontent-length: 5\n",
        "content-length: 5\ncontent-length: 6\n",
        "content-length: 5\ntransfer-encoding: chunked\n",
        "transfer-encoding: chunked\ntransfer-encoding: identity\n",
        "transfer-encoding: gzip, chunked\n",
        "content-length: 5\ncontent-type: application/json\ncontent-type: text/plain\n",
        "content-length: 5\nx-http-method-override: GET\n",
        "content-length: -5\n",
        "content-length : 5\n",
        "content-length: 5\nhost: b\n",
    ],
)
def test_smuggled_headers_reach_no_application(port: int, app: Chat, headers: str) -> None:
    answer = _sent(port, f"POST {CHAT} HTTP/1.1\nhost: a\n{headers}", b"0\r\n\r\n")
    assert answer.split()[1] in (b"400", b"501")
    assert app.scopes == []


@pytest.mark.parametrize("body", [b'{"messages": [', b'{"m": "\xff"}', b"[" * 50_000, b"\0"])
def test_bytes_that_are_no_json_are_refused(
    port: int, app: Chat, log: MemoryLog, body: bytes
) -> None:
    reply = httpx.post(f"http://127.0.0.1:{port}{CHAT}", content=body)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_request")
    assert app.seen == []
    assert only(log).outcome is Outcome.REFUSED


def _fastapi(ended: list[str]) -> App:
    app = FastAPI()

    @app.post(CHAT)
    async def chat(request: Request) -> Any:
        body = await request.json()
        if not body.get("stream"):
            return json.loads(completion("Fine."))

        async def pieces() -> Any:
            while True:
                yield event("The weather is mild today. ")
                await asyncio.sleep(0.001)

        return StreamingResponse(pieces(), media_type="text/event-stream")

    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        finally:
            ended.append(scope["type"])

    return noting


def test_fastapi_is_guarded_and_its_stream_stops_with_its_client(
    loaded: Guard, log: MemoryLog
) -> None:
    ended: list[str] = []
    with served(guarded(_fastapi(ended), loaded, log)) as port, _client(port) as client:
        assert _ask(client, "a garden") == "Fine."
        stream = client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "the weather"}], stream=True
        )
        next(iter(stream))
        stream.close()
        _until(lambda: ended == ["http", "http"], "the application stops")
        _until(lambda: len(log.closed) == 2, "the entry is closed")
        assert httpx.get(f"http://127.0.0.1:{port}/docs").status_code == 200
    assert log.closed[-1].outcome is Outcome.CANCELLED


def test_many_clients_at_once_get_each_their_own(port: int, log: MemoryLog) -> None:
    async def all_of_them() -> list[str]:
        async with openai.AsyncOpenAI(
            base_url=f"http://127.0.0.1:{port}/v1", api_key="k", max_retries=0
        ) as client:

            async def one(number: int) -> str:
                stream = await client.chat.completions.create(
                    model="m",
                    messages=[{"role": "user", "content": f"house number {number} by the sea"}],
                    stream=True,
                )
                return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

            return await asyncio.gather(*map(one, range(100)))

    said_back = asyncio.run(all_of_them())
    assert said_back == [f"house number {number} by the sea " for number in range(100)]
    assert {entry.outcome for entry in log.closed} == {Outcome.RELEASED}


@pytest.mark.parametrize("path", ["/v1/images/edits", "/v1/images/variations"])
def test_a_form_is_read_from_its_file(port: int, app: Chat, log: MemoryLog, path: str) -> None:
    picture = neutral_png()
    fields = {"prompt": "a garden in autumn", "model": "m"}
    large = {"image": ("a.png", picture + b"\0" * 200_000, "image/png")}
    reply = httpx.post(f"http://127.0.0.1:{port}{path}", data=fields, files=large)
    assert reply.status_code == 200
    assert picture in app.seen[0]
    assert only(log).outcome is Outcome.RELEASED
    fields["prompt"] = FORBIDDEN
    reply = httpx.post(f"http://127.0.0.1:{port}{path}", data=fields, files=large)
    assert reply.json()["error"]["code"] == "moderation_blocked"
    assert len(app.seen) == 1


def test_a_form_of_a_thousand_parts_is_refused(port: int, app: Chat, log: MemoryLog) -> None:
    parts = [("image[]", ("a.png", b"x" * 200, "image/png"))] * 1_000
    url = f"http://127.0.0.1:{port}/v1/images/edits"
    reply = httpx.post(url, data={"prompt": "a garden"}, files=parts)
    assert 400 <= reply.status_code < 500
    assert reply.json()["error"]["code"] != "moderation_blocked"
    assert app.scopes == []
    assert only(log).outcome is Outcome.REFUSED
