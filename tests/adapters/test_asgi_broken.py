"""Applications that crash, hang, lie or stop half-way: an error, an entry, nothing unscreened."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletionChunk

from guardrail.adapters.asgi_http import Receive, Scope, Send
from guardrail.guard import Guard
from guardrail.records import Outcome
from guardrail.testing.fakes import MemoryLog

from .asgi_apps import (
    CHAT,
    begin,
    completion,
    end,
    event,
    guarded,
    more_body,
    reply,
    said,
    within,
)
from .cases import FORBIDDEN_OUTPUT, only

Says = Callable[[Send], Awaitable[None]]
WHOLE = completion("a garden in autumn")


class Boom(Exception):
    """What the applications here raise."""


async def _crashes(send: Send) -> None:
    del send
    raise Boom


async def _ends_silent(send: Send) -> None:
    del send


async def _hangs(send: Send) -> None:
    del send
    await asyncio.Event().wait()


async def _crashes_half_way(send: Send) -> None:
    await begin(send, "application/json")
    await more_body(send, WHOLE[:20])
    raise Boom


async def _stops_half_way(send: Send) -> None:
    await begin(send, "application/json")
    await more_body(send, WHOLE)


async def _hangs_half_way(send: Send) -> None:
    await begin(send, "application/json")
    await more_body(send, WHOLE[:20])
    await asyncio.Event().wait()


async def _says_less(send: Send) -> None:
    await reply(send, WHOLE, (b"content-length", b"%d" % (len(WHOLE) + 1)))


async def _says_more(send: Send) -> None:
    await reply(send, WHOLE + b" ", (b"content-length", b"%d" % len(WHOLE)))


async def _gzips_anyway(send: Send) -> None:
    await reply(send, gzip.compress(WHOLE), (b"content-encoding", b"gzip"))


async def _begins_twice(send: Send) -> None:
    await begin(send, "application/json")
    await begin(send, "application/json")
    await end(send, WHOLE)


async def _has_no_beginning(send: Send) -> None:
    await end(send, WHOLE)


async def _is_no_json(send: Send) -> None:
    await reply(send, b"<html>")


async def _is_not_utf8(send: Send) -> None:
    await reply(send, WHOLE.replace(b"garden", b"\xff\xfe"))


async def _fails_politely(send: Send) -> None:
    await reply(send, b'{"error": {"message": "too many"}}', (b"retry-after", b"3"), status=429)


async def _fails_rudely(send: Send) -> None:
    told = FORBIDDEN_OUTPUT.encode()
    await reply(send, b'{"error": {"message": "%s"}}' % told, status=500)


def _app(says: Says) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await says(send)

    return app


@pytest.mark.parametrize(
    ("says", "status", "code"),
    [
        (_crashes, 500, "upstream_error"),
        (_ends_silent, 500, "upstream_error"),
        (_hangs, 504, "upstream_timeout"),
        (_crashes_half_way, 500, "upstream_error"),
        (_stops_half_way, 500, "upstream_error"),
        (_hangs_half_way, 504, "upstream_timeout"),
        (_says_less, 500, "upstream_error"),
        (_says_more, 500, "upstream_error"),
        (_gzips_anyway, 500, "upstream_error"),
        (_begins_twice, 500, "upstream_error"),
        (_has_no_beginning, 500, "upstream_error"),
        (_is_no_json, 400, "moderation_blocked"),
        (_is_not_utf8, 400, "moderation_blocked"),
        (_fails_politely, 429, "upstream_error"),
        (_fails_rudely, 500, "upstream_error"),
    ],
)
async def test_a_reply_that_is_none_is_an_error_and_on_record(
    loaded: Guard, log: MemoryLog, says: Says, status: int, code: str
) -> None:
    app = guarded(_app(says), loaded, log, silence=0.2)
    async with within(app, raise_app_exceptions=False) as client:
        answer = await client.post(CHAT, json=said("a garden"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert "garden" not in answer.text
    assert "explicit" not in answer.text
    assert only(log).outcome in (Outcome.FAILED, Outcome.REFUSED)
    assert only(log).model_called


@pytest.mark.parametrize("says", [_crashes, _crashes_half_way])
async def test_what_the_application_raises_reaches_its_server(
    loaded: Guard, log: MemoryLog, says: Says
) -> None:
    async with within(guarded(_app(says), loaded, log)) as client:
        with pytest.raises(Boom):
            await client.post(CHAT, json=said("a garden"))


async def _stream_crashes(send: Send) -> None:
    await _stream_begins(send)
    raise Boom


async def _stream_stops(send: Send) -> None:
    await _stream_begins(send)


async def _stream_hangs(send: Send) -> None:
    await _stream_begins(send)
    await asyncio.Event().wait()


async def _stream_is_not_utf8(send: Send) -> None:
    await _stream_begins(send)
    await end(send, b"data: \xff\xfe\n\n")


async def _stream_begins(send: Send) -> None:
    await begin(send, "text/event-stream")
    for _ in range(10):
        await more_body(send, event("The weather is mild today. "))


@pytest.mark.parametrize(
    "says", [_stream_crashes, _stream_stops, _stream_hangs, _stream_is_not_utf8]
)
async def test_a_stream_that_breaks_ends_in_an_error_its_client_raises(
    loaded: Guard, log: MemoryLog, says: Says
) -> None:
    app = guarded(_app(says), loaded, log, silence=0.2)
    async with within(app, raise_app_exceptions=False) as http:
        client = openai.AsyncOpenAI(base_url="http://app/v1", api_key="k", http_client=http)
        stream = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "the weather"}], stream=True
        )
        released: list[str] = []
        with pytest.raises(openai.APIError, match="broke off"):
            await _read(stream, released)
    assert "".join(released).startswith("The weather is mild")
    assert only(log).outcome is Outcome.FAILED


async def _read(stream: openai.AsyncStream[ChatCompletionChunk], into: list[str]) -> None:
    async for chunk in stream:
        into += [choice.delta.content or "" for choice in chunk.choices]


async def test_a_stream_where_none_was_asked_for_is_not_released(
    loaded: Guard, log: MemoryLog
) -> None:
    async def says(send: Send) -> None:
        await _stream_begins(send)
        await end(send)

    async with within(guarded(_app(says), loaded, log)) as client:
        answer = await client.post(CHAT, json=said("the weather"))
    assert answer.status_code == 400
    assert "mild" not in answer.text


async def test_a_whole_reply_where_a_stream_was_asked_for_is_not_released(
    loaded: Guard, log: MemoryLog
) -> None:
    async def says(send: Send) -> None:
        await reply(send, WHOLE)

    async with within(guarded(_app(says), loaded, log)) as client:
        answer = await client.post(CHAT, json=said("the weather", stream=True))
    assert answer.status_code == 502
    assert "garden" not in answer.text
    assert only(log).outcome is Outcome.FAILED


async def test_an_application_that_sends_on_after_its_reply_is_told(
    loaded: Guard, log: MemoryLog
) -> None:
    async def says(send: Send) -> None:
        await reply(send, WHOLE)
        await end(send, b"more")

    async with within(guarded(_app(says), loaded, log)) as client:
        with pytest.raises(RuntimeError, match="after the reply"):
            await client.post(CHAT, json=said("the weather"))


async def test_an_application_that_goes_on_for_nobody_is_cancelled(
    loaded: Guard, log: MemoryLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []

    async def says(send: Send) -> None:
        await begin(send, "text/event-stream")
        await more_body(send, event("Here is a story. " * 10 + FORBIDDEN_OUTPUT))
        await more_body(send, event(" And then the weather was mild again." * 10))
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    monkeypatch.setattr("guardrail.adapters.asgi_app.GRACE", 0.1)
    async with within(guarded(_app(says), loaded, log)) as client:
        answer: httpx.Response = await client.post(CHAT, json=said("a story", stream=True))
    assert "explicit" not in answer.text
    assert ended == ["cancelled"]
