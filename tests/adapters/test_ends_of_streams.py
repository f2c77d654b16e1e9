"""What real SDKs make of the end of a stream: complete, cut where it was stopped, or failed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest
from google import genai
from google.genai import errors, types
from mistralai.client import Mistral

from guardrail.adapters import httpx as on_httpx
from guardrail.adapters import httpx2 as on_httpx2
from guardrail.guard import Guard
from guardrail.records import Outcome
from guardrail.testing import StandInServer
from guardrail.testing.fakes import MemoryLog

from . import cases
from .cases import FORBIDDEN_OUTPUT, FREE, only

HELLO: Any = cases.HELLO
ASK: Any = {"model": "claude-x", "max_tokens": 64, "messages": HELLO}
ANSWER = "A neutral answer about the weather."
MILD = "The weather in this town is mild and dry today. " * 6
GAP = 0.02


@dataclass(frozen=True)
class Clients:
    """Every SDK in front of one server, behind one guard."""

    gpt: openai.OpenAI
    agpt: openai.AsyncOpenAI
    claude: anthropic.Anthropic
    aclaude: anthropic.AsyncAnthropic
    genai: genai.Client
    mistral: Mistral


@pytest.fixture
def guard(loaded: Guard, log: MemoryLog) -> Guard:
    return Guard(loaded.policy, log=log, detectors=loaded.detectors)


def connected(guard: Guard, origin: str, **inner: Any) -> Clients:
    """inner: the transports of httpx and of httpx2, instead of their own."""

    def made(library: ModuleType, name: str) -> Any:
        options = {"transport": inner[library.__name__]} if inner else {}
        return getattr(library, name)(guard=guard, caller=FREE, **options)

    plain, other = "guarded_client", "guarded_async_client"
    url: Any = {"base_url": f"{origin}/v1", "api_key": "k", "max_retries": 0}
    claude: Any = {"base_url": origin, "api_key": "k", "max_retries": 0}
    options = types.HttpOptions(
        base_url=origin,
        httpx_client=made(on_httpx2, plain),
        httpx_async_client=made(on_httpx2, other),
    )
    return Clients(
        openai.OpenAI(http_client=made(on_httpx, plain), **url),
        openai.AsyncOpenAI(http_client=made(on_httpx, other), **url),
        anthropic.Anthropic(http_client=made(on_httpx2, plain), **claude),
        anthropic.AsyncAnthropic(http_client=made(on_httpx2, other), **claude),
        genai.Client(api_key="k", http_options=options),
        Mistral(
            api_key="k",
            server_url=origin,
            client=made(on_httpx2, plain),
            async_client=made(on_httpx2, other),
        ),
    )


@pytest.fixture
def clients(guard: Guard, server: StandInServer) -> Iterator[Clients]:
    with ExitStack() as stack:
        made = connected(guard, server.origin)
        for client in (made.gpt, made.claude, made.genai):
            stack.enter_context(client)
        yield made


def _chat(event: Any) -> str:
    return "".join(choice.delta.content or "" for choice in event.choices)


def _text(event: Any) -> str:
    return "".join(choice.text or "" for choice in event.choices)


def _response(event: Any) -> str:
    return event.delta if event.type == "response.output_text.delta" else ""


def _message(event: Any) -> str:
    return event.delta.text if event.type == "content_block_delta" else ""


def _gemini(event: Any) -> str:
    return event.text or ""


def _mistral(event: Any) -> str:
    return _chat(event.data)


@dataclass(frozen=True)
class Way:
    """One streaming method of an SDK. ends: what the last event of a stopped stream says."""

    name: str
    stream: Callable[[Clients], Any]
    astream: Callable[[Clients], Any]
    said: Callable[[Any], str]
    ends: Callable[[Any], object]
    stopped: str


WAYS = [
    Way(
        "chat",
        lambda c: c.gpt.chat.completions.create(model="m", messages=HELLO, stream=True),
        lambda c: c.agpt.chat.completions.create(model="m", messages=HELLO, stream=True),
        _chat,
        lambda last: last.choices[0].finish_reason,
        "content_filter",
    ),
    Way(
        "completions",
        lambda c: c.gpt.completions.create(model="m", prompt="a garden", stream=True),
        lambda c: c.agpt.completions.create(model="m", prompt="a garden", stream=True),
        _text,
        lambda last: last.choices[0].finish_reason,
        "content_filter",
    ),
    Way(
        "responses",
        lambda c: c.gpt.responses.create(model="m", input="a garden", stream=True),
        lambda c: c.agpt.responses.create(model="m", input="a garden", stream=True),
        _response,
        lambda last: last.response.incomplete_details.reason,
        "content_filter",
    ),
    Way(
        "messages",
        lambda c: c.claude.messages.create(stream=True, **ASK),
        lambda c: c.aclaude.messages.create(stream=True, **ASK),
        _message,
        lambda last: last.type,
        "message_stop",
    ),
    Way(
        "gemini",
        lambda c: c.genai.models.generate_content_stream(model="m", contents="a garden"),
        lambda c: c.genai.aio.models.generate_content_stream(model="m", contents="a garden"),
        _gemini,
        lambda last: last.candidates[0].finish_reason.value,
        "SAFETY",
    ),
    Way(
        "mistral",
        lambda c: c.mistral.chat.stream(model="m", messages=HELLO),
        lambda c: c.mistral.chat.stream_async(model="m", messages=HELLO),
        _mistral,
        lambda last: last.data.choices[0].finish_reason,
        "content_filter",
    ),
]
ways = pytest.mark.parametrize("way", WAYS, ids=[way.name for way in WAYS])


@ways
def test_a_stream_read_to_its_end_is_released(
    way: Way, clients: Clients, server: StandInServer, log: MemoryLog
) -> None:
    server.reply(ANSWER, gap=GAP)
    assert "".join(map(way.said, way.stream(clients))) == ANSWER
    assert only(log).outcome is Outcome.RELEASED


@ways
async def test_so_it_is_under_asyncio(
    way: Way, clients: Clients, server: StandInServer, log: MemoryLog
) -> None:
    server.reply(ANSWER, gap=GAP)
    stream = await way.astream(clients)
    assert "".join([way.said(event) async for event in stream]) == ANSWER
    assert only(log).outcome is Outcome.RELEASED


@ways
def test_a_stream_stopped_within_an_event_is_cut_there(
    way: Way, clients: Clients, server: StandInServer, log: MemoryLog
) -> None:
    text = MILD + FORBIDDEN_OUTPUT
    shown = []
    for chunks in ([text], [text[at : at + 7] for at in range(0, len(text), 7)]):
        server.reply(chunks=chunks)
        events = list(way.stream(clients))
        shown.append("".join(map(way.said, events)))
        assert way.ends(events[-1]) == way.stopped
    assert shown[0] == shown[1]
    assert MILD.startswith(shown[0])
    assert len(shown[0]) > len(MILD) - 140
    assert [entry.outcome for entry in log.closed] == [Outcome.REFUSED] * 2


BUSY = {"type": "server_error", "code": "busy", "message": "The engine is busy."}
NAMED = {"type": "overloaded_error", "message": "The engine is busy."}
FAILED = {"status": "failed", "error": BUSY, "output": [], "id": "r", "object": "response"}


@dataclass(frozen=True)
class Failure:
    """An error told within a stream, and what the SDK raises of it; None: nothing."""

    name: str
    way: Way
    told: dict[str, Any]
    raised: type[Exception] | None
    kind: str = ""

    def reply(self) -> dict[str, Any]:
        head = f"event: {self.kind}\n" if self.kind else ""
        body = f"{head}data: {json.dumps(self.told)}\n\n".encode()
        return {"headers": {"content-type": "text/event-stream"}, "content": body}


PLAIN = {"error": BUSY}
OVERLOADED = {"type": "error", "error": NAMED}
EVENT = {"type": "response.failed", "response": FAILED}
FAILURES = [
    Failure("chat", WAYS[0], PLAIN, openai.APIError),
    Failure("completions", WAYS[1], PLAIN, openai.APIError),
    Failure("responses", WAYS[2], PLAIN, openai.APIError),
    Failure("failed", WAYS[2], EVENT, None, "response.failed"),
    Failure("messages", WAYS[3], OVERLOADED, anthropic.APIStatusError, "error"),
    Failure("gemini", WAYS[4], {"error": {**BUSY, "code": 503}}, errors.ServerError),
]


@pytest.mark.parametrize("failure", FAILURES, ids=[one.name for one in FAILURES])
def test_an_error_told_within_a_stream_reaches_the_client_and_is_on_record(
    failure: Failure, guard: Guard, log: MemoryLog
) -> None:
    given = failure.reply()
    inner: dict[str, Any] = {
        on_httpx.__name__: httpx.MockTransport(lambda _: httpx.Response(200, **given)),
        on_httpx2.__name__: httpx2.MockTransport(lambda _: httpx2.Response(200, **given)),
    }
    clients = connected(guard, "http://upstream.test", **inner)
    if failure.raised is None:
        (event,) = list(failure.way.stream(clients))
        assert event.response.error.message == "The engine is busy."
    else:
        with pytest.raises(failure.raised, match="The engine is busy"):
            list(failure.way.stream(clients))
    assert (only(log).outcome, only(log).error) == (Outcome.FAILED, "UpstreamFailed")
