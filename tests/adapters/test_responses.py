"""The Responses API through the guard; LiteLLM needs the `mcp` package for it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from guardrail.adapters.litellm import GuardedLiteLLM
from guardrail.errors import RequestRefused
from guardrail.records import Outcome
from guardrail.testing import StandInServer
from guardrail.testing.fakes import MemoryLog

from .cases import FORBIDDEN_OUTPUT, LONG

pytest.importorskip("mcp", reason="litellm.responses() imports mcp: install 'litellm[mcp]'")

ASKED = {"input": "What is the weather like?", "model": "openai/m"}


def test_an_answer_is_released(client: GuardedLiteLLM, log: MemoryLog) -> None:
    assert client.responses(**ASKED).output[0].content[0].text
    assert asyncio.run(client.aresponses(**ASKED)).output[0].content[0].text
    assert [entry.outcome for entry in log.closed] == [Outcome.RELEASED] * 2


def test_a_forbidden_answer_is_not(
    client: GuardedLiteLLM, log: MemoryLog, server: StandInServer
) -> None:
    server.reply(FORBIDDEN_OUTPUT)
    with pytest.raises(RequestRefused):
        client.responses(**ASKED)
    assert [entry.outcome for entry in log.closed] == [Outcome.REFUSED]


def sync_events(client: GuardedLiteLLM) -> list[Any]:
    return list(client.responses(**ASKED, stream=True))


def async_events(client: GuardedLiteLLM) -> list[Any]:
    async def run() -> list[Any]:
        return [event async for event in await client.aresponses(**ASKED, stream=True)]

    return asyncio.run(run())


@pytest.mark.parametrize("events_of", [sync_events, async_events])
def test_a_stream_is_released_whole(
    client: GuardedLiteLLM, log: MemoryLog, server: StandInServer, events_of: Any
) -> None:
    server.reply(chunks=LONG)
    events = events_of(client)
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == "".join(LONG)
    assert events[-1].type == "response.completed"
    assert [entry.outcome for entry in log.closed] == [Outcome.RELEASED]


@pytest.mark.parametrize("events_of", [sync_events, async_events])
def test_a_stream_that_turns_is_stopped(
    client: GuardedLiteLLM, log: MemoryLog, server: StandInServer, events_of: Any
) -> None:
    server.reply(chunks=[*LONG, FORBIDDEN_OUTPUT, *LONG])
    events = events_of(client)
    assert "explicit" not in repr(events).lower()
    assert events[-1].type == "response.incomplete"
    assert events[-1].response.incomplete_details.reason == "content_filter"
    assert [entry.outcome for entry in log.closed] == [Outcome.REFUSED]
