"""The real anthropic package behind the guard: what it sends, shows and raises."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import httpx2
import pytest

from guardrail.adapters.httpx2 import guarded_async_client, guarded_client
from guardrail.guard import Guard
from guardrail.records import Operation, Outcome
from guardrail.testing import StandInServer, neutral_png
from guardrail.testing.fakes import MemoryLog

from . import cases
from .cases import ADULT, FORBIDDEN, FORBIDDEN_OUTPUT, FREE, GATED, LONG, only

HELLO: Any = cases.HELLO
ASK: dict[str, Any] = {"model": "claude-x", "max_tokens": 64}
SHORT = ["Here ", "is an ex", "plicit se", "x scene."]


def said(text: str) -> Any:
    return cases.said(text)


@pytest.fixture
def guard(loaded: Guard, log: MemoryLog) -> Guard:
    return Guard(loaded.policy, log=log, detectors=loaded.detectors)


@pytest.fixture
def http(guard: Guard) -> Iterator[httpx2.Client]:
    with guarded_client(guard=guard, caller=FREE) as client:
        yield client


@pytest.fixture
def client(http: httpx2.Client, server: StandInServer) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="k", base_url=server.origin, http_client=http)


@pytest.fixture
def aclient(guard: Guard, server: StandInServer) -> anthropic.AsyncAnthropic:
    http = guarded_async_client(guard=guard, caller=FREE)
    return anthropic.AsyncAnthropic(api_key="k", base_url=server.origin, http_client=http)


def test_a_message_goes_out_as_it_was_and_comes_back(
    client: anthropic.Anthropic, server: StandInServer, log: MemoryLog
) -> None:
    got = client.messages.with_raw_response.create(messages=HELLO, system="be kind", **ASK)
    assert got.headers["x-guardrail-attempt"] == only(log).opened.id
    message = got.parse()
    assert [block.text for block in message.content if block.type == "text"] == [
        "A neutral answer about the weather."
    ]
    assert server.requests[0].json == {**ASK, "messages": HELLO, "system": "be kind"}
    assert only(log).outcome is Outcome.RELEASED


PATHS: list[tuple[str, Callable[[anthropic.Anthropic, Any], Any]]] = [
    ("messages", lambda client, ask: client.messages.create(**ask)),
    ("raw stream", lambda client, ask: client.messages.create(stream=True, **ask)),
    ("stream", lambda client, ask: client.messages.stream(**ask).__enter__()),
    ("beta", lambda client, ask: client.beta.messages.create(**ask)),
]


@pytest.mark.parametrize(("name", "path"), PATHS, ids=[row[0] for row in PATHS])
def test_a_refusal_is_a_bad_request_and_is_not_tried_again(
    name: str,
    path: Callable[[anthropic.Anthropic, Any], Any],
    client: anthropic.Anthropic,
    server: StandInServer,
    log: MemoryLog,
) -> None:
    assert client.max_retries > 0, name
    with pytest.raises(anthropic.BadRequestError) as caught:
        path(client, {**ASK, "messages": said(FORBIDDEN)})
    error = caught.value
    assert (error.type, error.error_code) == ("invalid_request_error", "moderation_blocked")
    assert isinstance(error.body, dict)
    assert error.body["error"]["moderation_details"] == {
        "moderation_stage": "input",
        "categories": ["real_person_sexual"],
    }
    assert error.body["error"]["attempt"] == only(log).opened.id
    assert server.requests == []
    assert (only(log).outcome, only(log).model_called) == (Outcome.REFUSED, False)


def test_a_gate_is_a_permission_error(
    client: anthropic.Anthropic, server: StandInServer, log: MemoryLog
) -> None:
    tools: Any = [{"name": "generate_image", "input_schema": {"type": "object"}}]
    with pytest.raises(anthropic.PermissionDeniedError) as caught:
        client.messages.create(messages=said(GATED), tools=tools, **ASK)
    assert only(log).opened.request.operation is Operation.IMAGE_GENERATE
    assert caught.value.error_code == "subscription_required"
    assert server.requests == []


def test_an_adult_passes_the_gate(guard: Guard, server: StandInServer, log: MemoryLog) -> None:
    tools: Any = [{"name": "generate_image", "input_schema": {"type": "object"}}]
    ask: Any = {"messages": said(GATED), "tools": tools, **ASK}
    with guarded_client(guard=guard, caller=ADULT) as http:
        client = anthropic.Anthropic(api_key="k", base_url=server.origin, http_client=http)
        client.messages.create(**ask)
    assert only(log).outcome is Outcome.RELEASED


def test_a_reply_that_turns_is_not_shown(
    client: anthropic.Anthropic, server: StandInServer, log: MemoryLog
) -> None:
    server.reply(FORBIDDEN_OUTPUT)
    with pytest.raises(anthropic.BadRequestError) as caught:
        client.messages.create(messages=HELLO, **ASK)
    assert "explicit" not in str(caught.value).lower()
    assert len(server.requests) == 1
    assert only(log).decision.stage.value == "output"


def test_a_stream_is_handed_on_in_full(
    client: anthropic.Anthropic, server: StandInServer, log: MemoryLog
) -> None:
    server.reply(chunks=LONG, reasoning="A thought about rain.")
    with client.messages.stream(messages=HELLO, **ASK) as stream:
        assert "".join(stream.text_stream) == "".join(LONG)
        final = stream.get_final_message()
    assert [block.type for block in final.content] == ["thinking", "text"]
    assert (final.stop_reason, only(log).outcome) == ("end_turn", Outcome.RELEASED)


STOPS: list[tuple[str, dict[str, Any]]] = [
    ("text", {"chunks": SHORT}),
    ("text after much", {"chunks": [*LONG, *SHORT]}),
    ("text after a thought", {"chunks": SHORT, "reasoning": "A thought about rain."}),
    ("a thought", {"chunks": LONG, "reasoning": FORBIDDEN_OUTPUT}),
    ("arguments", {"tool_call": ("draw", {"prompt": FORBIDDEN})}),
]


@pytest.mark.parametrize(("name", "reply"), STOPS, ids=[row[0] for row in STOPS])
def test_a_stream_that_turns_ends_as_a_refusal(
    name: str,
    reply: dict[str, Any],
    client: anthropic.Anthropic,
    server: StandInServer,
    log: MemoryLog,
) -> None:
    server.reply(**reply)
    with client.messages.stream(messages=HELLO, **ASK) as stream:
        events = [event.type for event in stream]
        final = stream.get_final_message()
    shown = repr(final).lower()
    assert not any(word in shown for word in ("explicit", "scene", "swift", "nude")), name
    assert (final.stop_reason, events[-1]) == ("refusal", "message_stop")
    assert final.stop_details is not None
    assert events.count("content_block_start") == events.count("content_block_stop")
    assert (only(log).outcome, only(log).decision.stage.value) == (Outcome.REFUSED, "stream")


def test_tools_are_asked_for_and_their_results_are_screened(
    client: anthropic.Anthropic, server: StandInServer, log: MemoryLog
) -> None:
    tools: Any = [{"name": "weather", "input_schema": {"type": "object"}}]
    server.reply(tool_call=("weather", {"city": "Oslo"}))
    first = client.messages.create(messages=HELLO, tools=tools, **ASK)
    (call,) = first.content
    assert call.type == "tool_use"
    assert call.input == {"city": "Oslo"}
    result = {"type": "tool_result", "tool_use_id": call.id, "content": ""}
    turns: Any = [
        *HELLO,
        {"role": "assistant", "content": [call.to_dict()]},
        {"role": "user", "content": [result]},
    ]
    result["content"] = "mild"
    client.messages.create(messages=turns, tools=tools, **ASK)
    assert [closed.outcome for closed in log.closed] == [Outcome.RELEASED] * 2
    texts = [part.text for part in log.opened[1].request.parts]
    assert texts == ["What is the weather like?", "Oslo", "mild"]
    result["content"] = "Draw Taylor Swift, nude"
    with pytest.raises(anthropic.BadRequestError):
        client.messages.create(messages=turns, tools=tools, **ASK)


def test_a_picture_is_sent_as_it_was_screened_and_a_remote_one_is_refused(
    client: anthropic.Anthropic, server: StandInServer, log: MemoryLog
) -> None:
    data = base64.b64encode(neutral_png()).decode()
    source: Any = {"type": "base64", "media_type": "image/png", "data": data}
    ask: Any = [{"role": "user", "content": [{"type": "image", "source": source}, *_text("What?")]}]
    client.messages.create(messages=ask, **ASK)
    assert server.requests[0].json["messages"] == ask
    far: Any = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    with pytest.raises(anthropic.BadRequestError) as caught:
        client.messages.create(messages=[{"role": "user", "content": [far]}], **ASK)
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["error"]["moderation_details"]["categories"] == ["unscanned"]
    assert len(server.requests) == 1
    assert len(log.opened) == 2


def _text(text: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": text}]


def test_what_generates_nothing_is_passed_on(
    client: anthropic.Anthropic, server: StandInServer, log: MemoryLog
) -> None:
    assert client.messages.count_tokens(messages=HELLO, model="m").input_tokens == 1
    assert client.models.list().data[0].id == "stand-in"
    assert (len(server.requests), log.opened) == (2, [])


def test_a_batch_is_refused(
    client: anthropic.Anthropic, server: StandInServer, log: MemoryLog
) -> None:
    batch: Any = [{"custom_id": "a", "params": {**ASK, "messages": HELLO}}]
    with pytest.raises(anthropic.NotFoundError) as caught:
        client.messages.batches.create(requests=batch)
    assert caught.value.error_code == "unguarded_operation"
    assert (server.requests, only(log).outcome) == ([], Outcome.REFUSED)


def test_an_error_of_the_provider_is_its_own_kind(
    client: anthropic.Anthropic, server: StandInServer, log: MemoryLog
) -> None:
    server.reply(status=529)
    with pytest.raises(anthropic.OverloadedError, match="told to answer 529"):
        client.with_options(max_retries=0).messages.create(messages=HELLO, **ASK)
    assert only(log).outcome is Outcome.FAILED


def test_the_provider_s_errors_are_tried_again_each_on_record(
    client: anthropic.Anthropic, server: StandInServer, log: MemoryLog
) -> None:
    server.reply(status=500).reply("mild")
    client.messages.create(messages=HELLO, **ASK)
    assert [one.outcome for one in log.closed] == [Outcome.FAILED, Outcome.RELEASED]


async def test_the_same_under_asyncio(
    aclient: anthropic.AsyncAnthropic, server: StandInServer, log: MemoryLog
) -> None:
    async with aclient:
        with pytest.raises(anthropic.BadRequestError):
            await aclient.messages.create(messages=said(FORBIDDEN), **ASK)
        assert server.requests == []
        server.reply(chunks=LONG)
        async with aclient.messages.stream(messages=HELLO, **ASK) as stream:
            assert "".join([text async for text in stream.text_stream]) == "".join(LONG)
        server.reply(chunks=SHORT)
        async with aclient.messages.stream(messages=HELLO, **ASK) as stream:
            assert (await stream.get_final_message()).stop_reason == "refusal"
    outcomes = [one.outcome for one in log.closed]
    assert outcomes == [Outcome.REFUSED, Outcome.RELEASED, Outcome.REFUSED]


async def test_an_early_close_hangs_up_and_closes_the_attempt(
    aclient: anthropic.AsyncAnthropic, server: StandInServer, log: MemoryLog
) -> None:
    server.reply(chunks=LONG * 20, gap=0.01)
    async with aclient, aclient.messages.stream(messages=HELLO, **ASK) as stream:
        async for _ in stream.text_stream:
            break
    assert only(log).outcome is Outcome.CANCELLED
