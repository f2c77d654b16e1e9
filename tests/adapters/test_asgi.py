"""The middleware in process: what is screened, passed on and refused, and who is asking."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from guardrail.adapters.asgi import GuardMiddleware
from guardrail.adapters.asgi_http import Receive, Scope, Send
from guardrail.guard import Guard
from guardrail.records import Caller, Outcome
from guardrail.testing.fakes import MemoryLog

from .asgi_apps import CHAT, Chat, guarded, said, within
from .cases import ADULT, FORBIDDEN, FORBIDDEN_OUTPUT, FREE, GATED, only


async def post(app: Any, body: Any, path: str = CHAT, **more: Any) -> httpx.Response:
    async with within(app) as client:
        return await client.post(path, json=body, **more)


async def test_an_allowed_call_reaches_the_application_as_it_was_sent(
    loaded: Guard, log: MemoryLog
) -> None:
    app = Chat()
    body = json.dumps(said("a garden in autumn", of_tomorrow={"a": [1, None]})).encode()
    async with within(guarded(app, loaded, log)) as client:
        headers = {"content-type": "application/json", "accept-encoding": "gzip", "x-own": "1"}
        reply = await client.post(f"{CHAT}?a=b", content=body, headers=headers)
    assert app.seen == [body]
    sent = dict(app.scopes[0]["headers"])
    assert sent[b"accept-encoding"] == b"identity"
    assert sent[b"content-length"] == b"%d" % len(body)
    assert sent[b"x-own"] == b"1"
    assert app.scopes[0]["query_string"] == b"a=b"
    closed = only(log)
    assert closed.outcome is Outcome.RELEASED
    assert reply.headers["x-guardrail-attempt"] == closed.opened.id
    assert reply.json()["choices"][0]["message"]["content"] == "a garden in autumn"


async def test_a_refused_call_never_reaches_the_application(loaded: Guard, log: MemoryLog) -> None:
    app = Chat()
    reply = await post(guarded(app, loaded, log), said(FORBIDDEN))
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "moderation_blocked")
    assert app.seen == []
    assert only(log).outcome is Outcome.REFUSED


async def test_what_the_application_says_is_screened(loaded: Guard, log: MemoryLog) -> None:
    reply = await post(guarded(Chat(FORBIDDEN_OUTPUT), loaded, log), said("Tell me a story"))
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "moderation_blocked")
    assert "explicit" not in reply.text
    assert only(log).model_called


async def test_a_stream_is_released_as_it_is_cleared_and_stopped(
    loaded: Guard, log: MemoryLog
) -> None:
    text = "The weather is mild today. " * 10 + FORBIDDEN_OUTPUT
    app = Chat(text)
    reply = await post(guarded(app, loaded, log), said("Tell me", stream=True))
    assert reply.headers["content-type"] == "text/event-stream"
    assert "mild" in reply.text
    assert "content_filter" in reply.text
    assert "explicit" not in reply.text
    assert reply.text.endswith("data: [DONE]\n\n")
    assert only(log).decision.stage.value == "stream"


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_who_asks_comes_from_the_scope(
    loaded: Guard, log: MemoryLog, *, asynchronous: bool
) -> None:
    def plain(scope: Scope) -> Caller:
        return ADULT if scope["path"] == CHAT else FREE

    async def later(scope: Scope) -> Caller:
        return plain(scope)

    app = guarded(
        Chat("Fine."),
        loaded,
        log,
        caller=later if asynchronous else plain,
        conversation=lambda scope: f"of {scope['method']}",
    )
    reply = await post(app, said(GATED))
    assert reply.status_code == 200
    request = only(log).opened.request
    assert (request.caller, request.conversation) == (ADULT, "of POST")


async def test_claims_of_the_client_are_not_taken(loaded: Guard, log: MemoryLog) -> None:
    claims = {"user": "u2", "metadata": {"tier": "adult", "age_verified": "true"}}
    headers = {"x-tier": "adult", "x-user": "u2"}
    app = guarded(Chat(), loaded, log, caller=FREE)
    reply = await post(app, said(GATED, **claims), headers=headers)
    assert reply.status_code == 403
    assert only(log).opened.request.caller == FREE


@pytest.mark.parametrize("answer", [None, "u1", ValueError("no such user")])
async def test_a_call_of_nobody_knows_whom_is_refused_and_on_record(
    loaded: Guard, log: MemoryLog, answer: Any
) -> None:
    def caller(_: Scope) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    app = Chat()
    async with within(
        guarded(app, loaded, log, caller=caller), raise_app_exceptions=False
    ) as client:
        reply = await client.post(CHAT, json=said("a garden"))
    assert (reply.status_code, reply.json()["error"]["code"]) == (500, "caller_unknown")
    assert app.seen == []
    assert only(log).outcome is Outcome.REFUSED
    with pytest.raises((TypeError, ValueError)):
        await post(guarded(app, loaded, log, caller=caller), said("a garden"))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "QUERY"])
@pytest.mark.parametrize("path", ["/generate", "/invocations", "/inference/v1/generate"])
async def test_what_nobody_knows_is_refused_and_on_record(
    loaded: Guard, log: MemoryLog, method: str, path: str
) -> None:
    app = Chat()
    async with within(guarded(app, loaded, log)) as client:
        reply = await client.request(method, path, json=said("a garden"))
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "unguarded_operation")
    assert app.scopes == []
    assert only(log).outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    "path",
    [
        f"/{CHAT}",
        "/v1//chat/completions",
        "/v1/chat%2Fcompletions",
        "/v1/chat/completion%73",
        "/v1/./chat/completions",
        "/v1/x/..%2fchat/completions",
        "/v1/chat/completions;x=y",
        "/v1/chat\\completions",
        "/v1/Chat/Completions",
        "/files/../generate",
        "/files/..%2fgenerate",
        "/files%2f..%2fgenerate",
        "/filesystem",
        "/files",
    ],
)
async def test_a_path_spelt_oddly_is_refused(loaded: Guard, log: MemoryLog, path: str) -> None:
    app = Chat()
    middleware = guarded(app, loaded, log, pass_through=["/files/*"])

    async def as_sent(scope: Scope, receive: Receive, send: Send) -> None:
        sent = {**scope, "path": unquote(path), "raw_path": path.encode()}
        await middleware(sent, receive, send)

    reply = await post(as_sent, said("a garden"))
    assert reply.json()["error"]["code"] == "unguarded_operation"
    assert app.scopes == []


@pytest.mark.parametrize(
    "path", ["/feedback", "/files/a", "/files/a/b", "/tokenize", "/v1/chat/completions/render"]
)
async def test_listed_and_harmless_paths_are_passed_on(
    loaded: Guard, log: MemoryLog, path: str
) -> None:
    app = Chat()
    middleware = guarded(app, loaded, log, pass_through=["/feedback", "/files/*"])
    reply = await post(middleware, said(FORBIDDEN), path)
    assert reply.status_code == 200
    assert len(app.seen) == 1
    assert log.opened == []


async def test_what_is_screened_stays_screened_where_its_path_is_listed(
    loaded: Guard, log: MemoryLog
) -> None:
    app = Chat()
    reply = await post(guarded(app, loaded, log, pass_through=["/v1/*"]), said(FORBIDDEN))
    assert reply.status_code == 400
    assert app.seen == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("path", ["/docs", "/health", "/generate", "/a%20b"])
async def test_what_only_looks_is_passed_on(
    loaded: Guard, log: MemoryLog, method: str, path: str
) -> None:
    async with within(guarded(Chat("Fine."), loaded, log)) as client:
        reply = await client.request(method, path)
    assert reply.status_code == 200
    assert log.opened == []


@pytest.mark.parametrize("header", ["x-http-method-override", "x-http-method", "X-Method-Override"])
@pytest.mark.parametrize("path", ["/docs", CHAT])
async def test_a_method_in_a_header_is_refused(
    loaded: Guard, log: MemoryLog, header: str, path: str
) -> None:
    app = Chat()
    async with within(guarded(app, loaded, log)) as client:
        reply = await client.get(path, headers={header: "POST"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "ambiguous_headers")
    assert app.scopes == []
    assert only(log).outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ([("content-type", "application/json")] * 2, 400, "ambiguous_headers"),
        ([("content-encoding", "gzip")] * 2, 400, "ambiguous_headers"),
        ([("content-length", "3"), ("content-length", "3")], 400, "ambiguous_headers"),
        ([("content-length", "3"), ("transfer-encoding", "chunked")], 400, "ambiguous_headers"),
        ([("transfer-encoding", "gzip, chunked")], 400, "ambiguous_headers"),
        ([("content-length", "+3")], 400, "ambiguous_headers"),
        ([("content-length", "3")], 400, "invalid_request"),
        ([("content-length", "99999999999")], 413, "request_too_large"),
        ([("content-encoding", "gzip")], 415, "unsupported_content_encoding"),
        ([("content-type", "text/plain")], 415, "unsupported_media_type"),
    ],
)
async def test_headers_that_mislead_are_refused(
    loaded: Guard, log: MemoryLog, headers: list[tuple[str, str]], status: int, code: str
) -> None:
    app = Chat()
    request = httpx.Request("POST", f"http://app{CHAT}", content=json.dumps(said("a garden")))
    if any(name.startswith(("content-length", "transfer")) for name, _ in headers):
        del request.headers["content-length"]
    request.headers = httpx.Headers([*request.headers.raw, *httpx.Headers(headers).raw])
    async with within(guarded(app, loaded, log)) as client:
        reply = await client.send(request)
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
    assert app.scopes == []
    assert only(log).outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"messages": [{"role": "user", "content": "a gar',
        b'{"messages": [{"role": "user", "content": "\xff\xfe"}]}',
        b'{"messages": [], "messages": []}',
        b"[" * 100_000,
        b'{"a": NaN}',
        b"null",
        b'{"messages": "\\ud800"}',
    ],
)
async def test_bodies_that_are_none_are_refused_and_on_record(
    loaded: Guard, log: MemoryLog, body: bytes
) -> None:
    app = Chat()
    async with within(guarded(app, loaded, log)) as client:
        reply = await client.post(CHAT, content=body)
    assert 400 <= reply.status_code < 500
    assert reply.json()["error"]["message"]
    assert app.seen == []
    assert only(log).outcome is Outcome.REFUSED


async def test_nothing_goes_on_without_a_log(loaded: Guard, log: MemoryLog) -> None:
    app = Chat()
    log.full = True
    reply = await post(guarded(app, loaded, log), said("a garden"))
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "log_unavailable")
    assert app.seen == []


async def _echo(request: Request) -> JSONResponse:
    body = await request.json()
    message = {"role": "assistant", "content": body["messages"][-1]["content"]}
    return JSONResponse({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})


@pytest.mark.parametrize("inside", [False, True])
async def test_a_mounted_application_is_guarded_from_outside_and_from_inside(
    loaded: Guard, log: MemoryLog, *, inside: bool
) -> None:
    guard = Guard(loaded.policy, log=log, detectors=loaded.detectors)
    settings: dict[str, Any] = {
        "guard": guard,
        "pass_through": ["/plain" if inside else "/model/plain"],
    }
    app = Starlette(routes=[Route(CHAT, _echo, methods=["POST"]), Route("/plain", _echo)])
    app.router.routes.append(Route("/plain", _echo, methods=["POST"]))
    outer = Starlette(routes=[Mount("/model", app)])
    (app if inside else outer).add_middleware(GuardMiddleware, **settings)
    assert (await post(outer, said(FORBIDDEN), f"/model{CHAT}")).status_code == 400
    assert (await post(outer, said("a garden"), f"/model{CHAT}")).status_code == 200
    assert (await post(outer, said("a garden"), f"/model{CHAT}/")).status_code in (307, 404)
    assert (await post(outer, said(FORBIDDEN), "/model/plain")).status_code != 400
    assert (await post(outer, said(FORBIDDEN), "/model/other")).status_code == 404


async def test_a_redirection_of_the_application_is_handed_out(
    loaded: Guard, log: MemoryLog
) -> None:
    app = Starlette(routes=[Route(CHAT, _echo, methods=["POST"])])
    reply = await post(guarded(app, loaded, log), said("a garden"), f"{CHAT}/")
    assert (reply.status_code, reply.content) == (307, b"")
    assert reply.headers["location"].endswith(CHAT)


async def test_work_after_a_reply_is_done(loaded: Guard, log: MemoryLog) -> None:
    done: list[str] = []

    async def chat(request: Request) -> Response:
        reply = await _echo(request)
        reply.background = BackgroundTask(done.append, "billed")
        return reply

    app = Starlette(routes=[Route(CHAT, chat, methods=["POST"])])
    assert (await post(guarded(app, loaded, log), said("a garden"))).status_code == 200
    assert done == ["billed"]


def test_websockets_are_refused_unless_listed(loaded: Guard, log: MemoryLog) -> None:
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("hello")
        await socket.close()

    routes = [WebSocketRoute("/v1/realtime", talk), WebSocketRoute("/chat", talk)]
    app = guarded(Starlette(routes=routes), loaded, log, pass_through=["/chat"])
    with TestClient(app) as client:
        with (
            pytest.raises(WebSocketDisconnect) as refused,
            client.websocket_connect("/v1/realtime"),
        ):
            pass
        assert refused.value.code == 1008
        assert only(log).outcome is Outcome.REFUSED
        with client.websocket_connect("/chat") as socket:
            assert socket.receive_text() == "hello"
    assert len(log.opened) == 1


async def test_an_unknown_kind_of_scope_is_not_served(loaded: Guard, log: MemoryLog) -> None:
    with pytest.raises(TypeError, match="webtransport"):
        await guarded(Chat(), loaded, log)({"type": "webtransport"}, None, None)  # type: ignore[arg-type]
