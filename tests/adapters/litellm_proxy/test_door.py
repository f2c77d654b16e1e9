"""The door in front of applications that do not behave as the proxy does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from guardrail.adapters._litellm_proxy_claims import caller_of
from guardrail.adapters._litellm_proxy_door import Door
from guardrail.adapters._litellm_proxy_routes import proxy_routes
from guardrail.adapters._litellm_proxy_settings import Settings
from guardrail.adapters._litellm_proxy_visit import WAY, TurnedAway
from guardrail.adapters.asgi_http import App, Intake, Receive, Scope, Send
from guardrail.adapters.service import Service
from guardrail.adapters.wire.exchange import Exchange
from guardrail.errors import ConfigurationError, UnguardedOperation
from guardrail.guard import Guard
from guardrail.records import Caller, Outcome
from guardrail.testing.fakes import MemoryLog
from tests.adapters.cases import FORBIDDEN, only, said

CHAT = "/v1/chat/completions"
ANSWER = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Mild."}}]}


async def say(send: Send, status: int = 200, body: object = ANSWER) -> None:
    kind = (b"content-type", b"application/json")
    await send({"type": "http.response.start", "status": status, "headers": [kind]})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


async def knock(call_type: str = "acompletion") -> None:
    await WAY.get().admit(SimpleNamespace(user_id="u1", api_key="k"), call_type)


@pytest.fixture
def ask(loaded: Guard, log: MemoryLog) -> Callable[..., Awaitable[httpx.Response]]:
    guard = Guard(loaded.policy, log=log, detectors=loaded.detectors)
    exchange = Exchange(Service.over(guard, Caller(), ""), proxy_routes(("/let/.*",)))

    async def ask(
        app: App, text: str = "hello", path: str = CHAT, limit_s: float = 30.0
    ) -> httpx.Response:
        door = Door(
            app,
            exchange,
            caller=lambda who: caller_of(Settings(), who),
            draws=lambda _: False,
            ready=lambda: None,
            intake=Intake(max_body=10_000),
            limit_s=limit_s,
        )
        transport: Any = httpx.ASGITransport(app=door)
        async with httpx.AsyncClient(transport=transport, base_url="http://proxy") as client:
            return await client.post(path, json={"model": "m", "messages": said(text)})

    return ask


Ask = Callable[..., Awaitable[httpx.Response]]


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_a_call_that_went_by_the_hook(ask: Ask, log: MemoryLog) -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await knock()
        await knock()
        await say(send)

    assert (await ask(app)).json() == ANSWER
    assert only(log).outcome is Outcome.RELEASED
    assert only(log).opened.request.caller.id == "u1"


async def test_a_tool_that_the_proxy_calls_by_itself_is_refused(ask: Ask) -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await knock()
        with pytest.raises(UnguardedOperation):
            await knock("call_mcp_tool")
        await say(send)

    assert (await ask(app)).json() == ANSWER


async def test_a_stopped_call_ends_at_the_hook(ask: Ask, log: MemoryLog) -> None:
    ends: list[str] = []

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        try:
            await knock()
        except TurnedAway:
            ends.append("turned away")
            await say(send, 403, {})

    assert code(await ask(app, FORBIDDEN)) == (400, "moderation_blocked")
    await asyncio.sleep(0)
    assert ends == ["turned away"]
    assert only(log).outcome is Outcome.REFUSED


async def test_an_answer_without_the_hook_is_not_handed_out(ask: Ask, log: MemoryLog) -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await say(send)

    assert code(await ask(app)) == (500, "unguarded_operation")
    assert only(log).outcome is Outcome.REFUSED


async def test_an_error_without_the_hook_is_the_proxys_own(ask: Ask, log: MemoryLog) -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await say(send, 401, {"error": {"code": "401"}})

    assert code(await ask(app)) == (401, "401")
    assert log.opened == []


@pytest.mark.parametrize("hooked", [False, True])
async def test_one_that_breaks_off(ask: Ask, log: MemoryLog, hooked: bool) -> None:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        if hooked:
            await knock()
        raise OSError

    assert code(await ask(app)) == (502, "upstream_error")
    assert [closed.outcome for closed in log.closed] == [Outcome.FAILED] * hooked


@pytest.mark.parametrize("hooked", [False, True])
async def test_one_that_hangs(ask: Ask, log: MemoryLog, hooked: bool) -> None:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        if hooked:
            await knock()
        await asyncio.Event().wait()

    assert code(await ask(app, limit_s=1.0)) == (504, "upstream_timeout")
    assert [closed.outcome for closed in log.closed] == [Outcome.FAILED] * hooked


async def test_a_hook_after_the_end_is_refused(ask: Ask) -> None:
    late: list[asyncio.Task[None]] = []

    async def later() -> None:
        await asyncio.sleep(0.05)
        await knock()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await knock()
        late.append(asyncio.ensure_future(later()))
        await say(send)

    assert (await ask(app)).json() == ANSWER
    with pytest.raises(TurnedAway):
        await late[0]


async def test_a_hook_that_came_in_by_no_door_is_refused() -> None:
    with pytest.raises(UnguardedOperation):
        await knock()


async def test_a_route_that_generates_nothing_leads_to_no_model(ask: Ask) -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        try:
            await knock()
        except UnguardedOperation:
            await say(send, 403, {"error": {"code": "no"}})

    assert code(await ask(app, path="/v1/embeddings")) == (403, "no")


async def test_a_route_the_operator_lets_through(ask: Ask, log: MemoryLog) -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await knock()
        await say(send)

    assert (await ask(app, path="/let/this")).json() == ANSWER
    assert log.opened == []


async def test_a_body_that_is_too_large(ask: Ask, log: MemoryLog) -> None:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise AssertionError

    assert code(await ask(app, "a" * 20_000)) == (413, "request_too_large")
    assert only(log).outcome is Outcome.REFUSED


def test_a_path_that_is_no_expression() -> None:
    with pytest.raises(ConfigurationError, match="unsafe_unscreened_routes"):
        proxy_routes(("(",))
