"""The real mistralai package behind the guard: what it sends, shows and raises."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from mistralai.client import Mistral
from mistralai.client.errors import SDKError

from guardrail.adapters.httpx2 import guarded_async_client, guarded_client
from guardrail.guard import Guard
from guardrail.records import Outcome
from guardrail.testing import StandInServer
from guardrail.testing.fakes import MemoryLog

from . import cases
from .cases import FORBIDDEN, FREE, LONG, only

HELLO: Any = cases.HELLO
BAD: Any = cases.said(FORBIDDEN)
SHORT = ["Here ", "is an ex", "plicit se", "x scene."]


@pytest.fixture
def client(loaded: Guard, log: MemoryLog, server: StandInServer) -> Iterator[Mistral]:
    guard = Guard(loaded.policy, log=log, detectors=loaded.detectors)
    sync = guarded_client(guard=guard, caller=FREE)
    asynchronous = guarded_async_client(guard=guard, caller=FREE)
    url = server.origin
    with Mistral(api_key="k", server_url=url, client=sync, async_client=asynchronous) as client:
        yield client


def test_a_chat_goes_out_and_comes_back(
    client: Mistral, server: StandInServer, log: MemoryLog
) -> None:
    got = client.chat.complete(model="m", messages=HELLO)
    assert got.choices[0].message is not None
    assert got.choices[0].message.content == "A neutral answer about the weather."
    assert server.requests[0].json["messages"] == HELLO
    assert only(log).outcome is Outcome.RELEASED


def test_a_refusal_is_an_sdk_error_and_is_not_tried_again(
    client: Mistral, server: StandInServer, log: MemoryLog
) -> None:
    with pytest.raises(SDKError) as caught:
        client.chat.complete(model="m", messages=BAD)
    assert caught.value.status_code == 400
    assert "moderation_blocked" in caught.value.body
    assert (server.requests, only(log).outcome) == ([], Outcome.REFUSED)


def test_a_stream_is_handed_on_or_ends_with_a_filter(
    client: Mistral, server: StandInServer, log: MemoryLog
) -> None:
    server.reply(chunks=LONG).reply(chunks=SHORT)
    events = list(client.chat.stream(model="m", messages=HELLO))
    pieces = [event.data.choices[0].delta.content for event in events]
    assert "".join(piece for piece in pieces if isinstance(piece, str)) == "".join(LONG)
    events = list(client.chat.stream(model="m", messages=HELLO))
    assert events[-1].data.choices[0].finish_reason == "content_filter"
    assert "scene" not in repr(events)
    assert [one.outcome for one in log.closed] == [Outcome.RELEASED, Outcome.REFUSED]


async def test_the_same_under_asyncio(
    client: Mistral, server: StandInServer, log: MemoryLog
) -> None:
    with pytest.raises(SDKError):
        await client.chat.complete_async(model="m", messages=BAD)
    assert (server.requests, only(log).outcome) == ([], Outcome.REFUSED)


def test_an_agent_whose_instructions_the_provider_keeps_is_refused(
    client: Mistral, server: StandInServer, log: MemoryLog
) -> None:
    with pytest.raises(SDKError) as caught:
        client.agents.complete(agent_id="a", messages=HELLO)
    assert caught.value.status_code == 400
    assert (server.requests, only(log).outcome) == ([], Outcome.REFUSED)
