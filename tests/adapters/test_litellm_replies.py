"""What comes back of a guarded LiteLLM call, whole or in a stream."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import Any

import pytest

from guardrail.adapters._litellm_support import litellm
from guardrail.adapters.litellm import GuardedLiteLLM
from guardrail.errors import RequestRefused
from guardrail.records import Caller, Outcome
from guardrail.testing import StandInServer, neutral_png
from guardrail.testing.fakes import MemoryLog

from .cases import (
    ADULT,
    FORBIDDEN,
    FORBIDDEN_OUTPUT,
    FREE,
    HELLO,
    LONG,
    MODEL,
    TEXT_MODEL,
    assert_stopped,
    only,
    refused,
    released_text,
)


def test_a_reply_is_passed_on_as_it_is(client: GuardedLiteLLM, log: MemoryLog) -> None:
    answer = client.completion(MODEL, HELLO)
    assert isinstance(answer, litellm().ModelResponse)
    assert answer._hidden_params["guardrail"] == {
        "attempt": only(log).id,
        "decision": "allow",
        "obligations": [],
    }
    assert only(log).outcome is Outcome.RELEASED
    assert only(log).output_sha256


@pytest.mark.parametrize(
    "scripted",
    [
        {"text": FORBIDDEN_OUTPUT},
        {"text": "fine", "reasoning": FORBIDDEN_OUTPUT},
        {"tool_call": ("generate_image", {"prompt": FORBIDDEN})},
    ],
)
def test_a_forbidden_reply_is_not_released(
    client: GuardedLiteLLM, log: MemoryLog, server: StandInServer, scripted: dict[str, Any]
) -> None:
    server.reply(**scripted)
    with pytest.raises(RequestRefused) as caught:
        client.completion(MODEL, HELLO, n=2)
    assert caught.value.decision.stage.value == "output"
    closed = only(log)
    assert (closed.outcome, closed.model_called) == (Outcome.REFUSED, True)
    assert not closed.output_sha256


@pytest.mark.parametrize(
    "text", ["Taylor Swift was naked in her room.", "テイラー・スウィフトは部屋で全裸だった。"]
)
@pytest.mark.parametrize("caller", [FREE, ADULT])
def test_a_real_person_undressed_in_a_reply_is_not_released(
    client: GuardedLiteLLM, log: MemoryLog, server: StandInServer, text: str, caller: Caller
) -> None:
    server.reply(text)
    with pytest.raises(RequestRefused) as caught:
        client.completion(MODEL, HELLO, guard_caller=caller)
    assert caught.value.decision.reason == "real_person_sexual"
    assert only(log).outcome is Outcome.REFUSED


def test_the_last_choice_counts_as_the_first(
    client: GuardedLiteLLM, log: MemoryLog, server: StandInServer
) -> None:
    server.reply(FORBIDDEN_OUTPUT)
    with pytest.raises(RequestRefused):
        client.text_completion(prompt=["one", "two"], model=TEXT_MODEL)
    assert only(log).outcome is Outcome.REFUSED


def test_pictures_come_back(client: GuardedLiteLLM, server: StandInServer) -> None:
    server.reply(images=[neutral_png(5, 5)])
    answer = client.image_generation("a boat", MODEL)
    assert answer.data[0].b64_json
    assert answer._hidden_params["guardrail"]["decision"] == "allow"


def test_a_stream_is_released_whole(
    client: GuardedLiteLLM, log: MemoryLog, server: StandInServer
) -> None:
    server.reply(chunks=LONG)
    chunks = list(client.completion(MODEL, HELLO, stream=True))
    assert released_text(chunks) == "".join(LONG)
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert only(log).outcome is Outcome.RELEASED


STREAMS = [
    pytest.param({"chunks": [*LONG, FORBIDDEN_OUTPUT, *LONG]}, id="content"),
    pytest.param({"chunks": [*LONG, *FORBIDDEN_OUTPUT]}, id="letters"),
    pytest.param({"reasoning": FORBIDDEN_OUTPUT, "chunks": LONG}, id="reasoning"),
    pytest.param({"tool_call": ("generate_image", {"prompt": FORBIDDEN})}, id="tool"),
]


@pytest.mark.parametrize("scripted", STREAMS)
def test_a_stream_that_turns_is_stopped(
    client: GuardedLiteLLM, log: MemoryLog, server: StandInServer, scripted: dict[str, Any]
) -> None:
    server.reply(**scripted)
    chunks = list(client.completion(MODEL, HELLO, stream=True))
    assert_stopped(chunks, log)


@pytest.mark.parametrize("scripted", STREAMS)
def test_an_async_stream_that_turns_is_stopped(
    client: GuardedLiteLLM, log: MemoryLog, server: StandInServer, scripted: dict[str, Any]
) -> None:
    server.reply(**scripted)

    async def run() -> list[Any]:
        return [chunk async for chunk in await client.acompletion(MODEL, HELLO, stream=True)]

    assert_stopped(asyncio.run(run()), log)


def test_a_legacy_stream_that_turns_is_stopped(
    client: GuardedLiteLLM, log: MemoryLog, server: StandInServer
) -> None:
    server.reply(chunks=[*LONG, FORBIDDEN_OUTPUT])
    model = TEXT_MODEL
    chunks = list(client.text_completion(prompt="hello", model=model, stream=True))
    text = "".join(chunk.choices[0].text or "" for chunk in chunks)
    assert "".join(LONG).startswith(text)
    assert chunks[-1].choices[0].finish_reason == "content_filter"
    assert only(log).outcome is Outcome.REFUSED


@pytest.mark.parametrize("name", ["completion", "text_completion"])
def test_a_stream_stopped_within_a_chunk_is_cut_there(
    name: str, client: GuardedLiteLLM, log: MemoryLog, server: StandInServer
) -> None:
    mild = "The weather in this town is mild and dry today. " * 6
    text = mild + FORBIDDEN_OUTPUT
    shown = []
    for size in (len(text), 90, 7):
        server.reply(chunks=[text[at : at + size] for at in range(0, len(text), size)])
        if name == "completion":
            shown.append(released_text(list(client.completion(MODEL, HELLO, stream=True))))
        else:
            chunks = client.text_completion(prompt="hello", model=TEXT_MODEL, stream=True)
            shown.append("".join(chunk.choices[0].text or "" for chunk in chunks))
    assert shown[0] == shown[1] == shown[2]
    assert mild.startswith(shown[0])
    assert len(shown[0]) > len(mild) - 140
    assert [entry.outcome for entry in log.closed] == [Outcome.REFUSED] * 3


def test_a_refused_stream_is_refused_at_the_call(
    client: GuardedLiteLLM, log: MemoryLog, server: StandInServer
) -> None:
    refused(log, server, lambda: client.image_generation(FORBIDDEN, MODEL, stream=True))


def test_a_client_that_stops_reading_closes_the_entry(
    client: GuardedLiteLLM, log: MemoryLog, server: StandInServer
) -> None:
    server.reply(chunks=LONG * 20, gap=0.005)
    for chunk in client.completion(MODEL, HELLO, stream=True):
        if released_text([chunk]):
            break
    gc.collect()
    assert only(log).outcome is Outcome.CANCELLED
    assert only(log).model_called


def test_an_async_client_that_stops_reading_closes_the_entry(
    client: GuardedLiteLLM, log: MemoryLog, server: StandInServer
) -> None:
    server.reply(chunks=LONG * 20, gap=0.005)

    async def run() -> None:
        stream = await client.acompletion(MODEL, HELLO, stream=True)
        async for chunk in stream:
            if released_text([chunk]):
                break
        await stream.aclose()

    asyncio.run(run())
    assert only(log).outcome is Outcome.CANCELLED


def test_a_stopped_stream_hangs_up(client: GuardedLiteLLM, server: StandInServer) -> None:
    server.reply(chunks=[FORBIDDEN_OUTPUT, *LONG * 100], gap=0.005)
    list(client.completion(MODEL, HELLO, stream=True))
    for _ in range(1000):
        if server.aborted:
            break
        time.sleep(0.01)
    assert server.aborted
