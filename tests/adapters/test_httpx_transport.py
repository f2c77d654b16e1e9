"""The transport itself, on httpx and on httpx2: what goes out, comes back and is on record."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import httpx
import httpx2
import pytest

from guardrail.adapters import _sdk_bytes
from guardrail.adapters import httpx as on_httpx
from guardrail.adapters import httpx2 as on_httpx2
from guardrail.errors import ConfigurationError
from guardrail.guard import Guard
from guardrail.records import Outcome
from guardrail.testing import StandInServer
from guardrail.testing.fakes import MemoryLog

from .cases import FORBIDDEN, HELLO, LONG, only, said

BODY = {"model": "m", "messages": HELLO}
BAD = {"model": "m", "messages": said(FORBIDDEN)}
CHAT = {"choices": [{"message": {"role": "assistant", "content": "mild"}}]}
PATH = "/v1/chat/completions"


@pytest.fixture(params=[(httpx, on_httpx), (httpx2, on_httpx2)], ids=["httpx", "httpx2"])
def library(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def lib(library: Any) -> Any:
    return library[0]


@pytest.fixture
def ours(library: Any) -> Any:
    return library[1]


@pytest.fixture
def guard(loaded: Guard, log: MemoryLog) -> Guard:
    return Guard(loaded.policy, log=log, detectors=loaded.detectors)


@pytest.fixture
def client(ours: Any, guard: Guard, server: StandInServer) -> Iterator[Any]:
    with ours.guarded_client(guard=guard, base_url=server.origin) as client:
        yield client


@contextmanager
def raw(*answers: bytes) -> Iterator[str]:
    """A server that sends these bytes, one answer a connection, and hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for answer in answers:
            connection, _ = listener.accept()
            with connection:
                _drain(connection)
                connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        thread.join()
        listener.close()


def _drain(connection: socket.socket) -> None:
    read = b""
    while b"\r\n\r\n" not in read:
        read += connection.recv(65536)
    head, _, body = read.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    sizes = [int(line[15:]) for line in lines if line.startswith(b"content-length:")]
    while len(body) < sum(sizes):
        body += connection.recv(65536)


def answer(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    head = [f"HTTP/1.1 {status}", f"content-length: {size}", "connection: close", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


JSON = "content-type: application/json"
MILD = json.dumps(CHAT).encode()


def test_a_call_is_sent_as_it_was_screened(client: Any, server: StandInServer) -> None:
    body = b'{"messages": [{"role":"user",  "content":"hi"}], "model":"m", "hint": [1, 2]}'
    headers = {"content-type": "application/json", "X-Own": "kept"}
    assert client.post(PATH, content=body, headers=headers).status_code == 200
    sent = server.requests[0]
    assert sent.json == json.loads(body)
    assert sent.headers["Content-Length"] == str(len(body))
    assert sent.headers["X-Own"] == "kept"
    assert sent.headers["Accept-Encoding"] == "identity"


def test_the_request_of_the_caller_is_left_as_it_was(client: Any, lib: Any) -> None:
    request = client.build_request("POST", PATH, json=BODY)
    before = request.headers.multi_items()
    response = client.send(request)
    assert isinstance(response, lib.Response)
    assert response.request is request
    assert request.headers.multi_items() == before


def test_a_refusal_reaches_nobody(client: Any, server: StandInServer, log: MemoryLog) -> None:
    got = client.post(PATH, json=BAD)
    assert got.status_code == 400
    assert got.headers["x-should-retry"] == "false"
    assert (server.requests, only(log).outcome) == ([], Outcome.REFUSED)


def test_a_generated_body_is_read_screened_and_sent_as_read(
    client: Any, server: StandInServer, log: MemoryLog
) -> None:
    def pieces(body: object) -> Iterator[bytes]:
        whole = json.dumps(body).encode()
        yield from (whole[at : at + 7] for at in range(0, len(whole), 7))

    kind = {"content-type": "application/json", "content-length": str(len(json.dumps(BODY)))}
    assert client.post(PATH, content=pieces(BODY), headers=kind).status_code == 200
    assert server.requests[0].json == BODY
    del kind["content-length"]
    assert client.post(PATH, content=pieces(BAD), headers=kind).status_code == 400
    assert len(server.requests) == 1
    assert [one.outcome for one in log.closed] == [Outcome.RELEASED, Outcome.REFUSED]


def test_a_body_that_is_too_large_is_refused_before_it_is_read(
    client: Any, server: StandInServer, log: MemoryLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_sdk_bytes, "MAX_BODY", 1_000)
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"x" * 400

    got = client.post(PATH, content=endless())
    assert (got.status_code, got.json()["error"]["code"]) == (413, "request_too_large")
    assert taken == 3
    assert (server.requests, only(log).outcome) == ([], Outcome.REFUSED)


BAD_CALLS: list[tuple[str, dict[str, Any], int]] = [
    (
        "an encoded body",
        {"content": gzip.compress(b"{}"), "headers": {"content-encoding": "gzip"}},
        415,
    ),
    ("another type", {"content": b"a=b", "headers": {"content-type": "text/plain"}}, 415),
    ("no JSON", {"content": b"{", "headers": {"content-type": "application/json"}}, 400),
    ("another method", {"json": BODY, "headers": {"x-http-method-override": "PUT"}}, 404),
]


@pytest.mark.parametrize(
    ("options", "status"), [row[1:] for row in BAD_CALLS], ids=[row[0] for row in BAD_CALLS]
)
def test_a_call_that_is_none_is_refused_and_on_record(
    options: dict[str, Any],
    status: int,
    client: Any,
    server: StandInServer,
    log: MemoryLog,
) -> None:
    assert client.post(PATH, **options).status_code == status
    assert (server.requests, only(log).outcome) == ([], Outcome.REFUSED)


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({"anthropic-version": "2023-06-01"}, "type"),
        ({"x-goog-api-key": "k"}, "status"),
        ({}, "param"),
    ],
)
def test_an_unknown_route_is_refused_in_its_client_s_words(
    client: Any, headers: dict[str, str], error: str
) -> None:
    got = client.post("/v1/novelty", json=BODY, headers=headers)
    assert got.status_code == 404
    assert error in got.json()["error"]


def test_a_redirection_is_followed_and_guarded_again(
    ours: Any, guard: Guard, server: StandInServer, log: MemoryLog
) -> None:
    away = f"location: {server.origin}/v1/novelty"
    moved = answer(b"", away, status="307 Temporary Redirect")
    with raw(moved) as url, ours.guarded_client(guard=guard, follow_redirects=True) as client:
        got = client.post(url + PATH, json=BODY)
    assert (got.status_code, len(got.history)) == (404, 1)
    assert server.requests == []
    assert [one.outcome for one in log.closed] == [Outcome.FAILED, Outcome.REFUSED]


LIES: list[tuple[str, bytes, str]] = [
    ("too short", answer(MILD, JSON, length=len(MILD) + 50), "RemoteProtocolError"),
    ("no HTTP", b"mild\r\n\r\n", "RemoteProtocolError"),
    ("nothing", b"", "RemoteProtocolError"),
    ("broken gzip", answer(b"mild", JSON, "content-encoding: gzip"), "DecodingError"),
]


@pytest.mark.parametrize(
    ("reply", "problem"), [row[1:] for row in LIES], ids=[row[0] for row in LIES]
)
def test_a_reply_that_lies_raises_what_the_library_raises(
    reply: bytes, problem: str, library: Any, guard: Guard, log: MemoryLog
) -> None:
    lib, ours = library
    expected = pytest.raises(getattr(lib, problem))
    with raw(reply) as url, ours.guarded_client(guard=guard) as client, expected:
        client.post(url + PATH, json=BODY)
    assert only(log).outcome is Outcome.FAILED


def test_a_reply_that_is_encoded_all_the_same_is_decoded(
    ours: Any, guard: Guard, log: MemoryLog
) -> None:
    reply = answer(gzip.compress(MILD), JSON, "content-encoding: gzip")
    with raw(reply) as url, ours.guarded_client(guard=guard) as client:
        got = client.post(url + PATH, json=BODY)
    assert got.json() == CHAT
    assert "content-encoding" not in got.headers
    assert only(log).outcome is Outcome.RELEASED


def test_a_reply_encoded_twice_is_not_unpacked(ours: Any, guard: Guard, log: MemoryLog) -> None:
    twice = gzip.compress(gzip.compress(MILD))
    reply = answer(twice, JSON, "content-encoding: gzip, gzip")
    with raw(reply) as url, ours.guarded_client(guard=guard) as client:
        got = client.post(url + PATH, json=BODY)
    assert got.status_code >= 400
    assert b"mild" not in got.content
    assert only(log).outcome is not Outcome.RELEASED


@cache
def _bomb() -> bytes:
    return gzip.compress(b" " * 300_000_000, compresslevel=1)


def test_a_bomb_is_not_kept(ours: Any, guard: Guard, log: MemoryLog) -> None:
    reply = answer(_bomb(), JSON, "content-encoding: gzip")
    with raw(reply) as url, ours.guarded_client(guard=guard) as client:
        got = client.post(url + PATH, json=BODY)
    assert got.status_code == 502
    assert len(got.content) < 1_000
    assert only(log).outcome is Outcome.FAILED


def test_a_timeout_is_the_library_s_own_and_on_record(
    lib: Any, client: Any, server: StandInServer, log: MemoryLog
) -> None:
    server.reply(delay=5)
    with pytest.raises(lib.ReadTimeout):
        client.post(PATH, json=BODY, timeout=0.2)
    assert only(log).outcome is Outcome.FAILED


def test_a_connection_that_fails_is_tried_again_below_the_guard(
    lib: Any, ours: Any, guard: Guard, log: MemoryLog
) -> None:
    transport = lib.HTTPTransport(retries=1)
    with ours.guarded_client(guard=guard, transport=transport) as client:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with pytest.raises(lib.ConnectError):
            client.post(f"http://127.0.0.1:{port}{PATH}", json=BODY)
    assert only(log).outcome is Outcome.FAILED


def test_a_hook_changes_what_is_screened(ours: Any, guard: Guard, server: StandInServer) -> None:
    seen: list[int] = []

    def elsewhere(request: Any) -> None:
        request.url = request.url.copy_with(path="/v1/novelty")

    hooks = {"request": [elsewhere], "response": [lambda got: seen.append(got.status_code)]}
    with ours.guarded_client(guard=guard, base_url=server.origin, event_hooks=hooks) as client:
        assert client.post(PATH, json=BODY).status_code == 404
    assert (seen, server.requests) == ([404], [])


def test_a_stream_is_released_event_by_event(
    client: Any, server: StandInServer, log: MemoryLog
) -> None:
    server.reply(chunks=LONG)
    with client.stream("POST", PATH, json={**BODY, "stream": True}) as got:
        lines = [line for line in got.iter_lines() if line]
    assert lines[-1] == "data: [DONE]"
    assert only(log).outcome is Outcome.RELEASED


def test_a_stream_that_is_left_early_hangs_up(
    client: Any, server: StandInServer, log: MemoryLog
) -> None:
    server.reply(chunks=LONG * 50, gap=0.005)
    with client.stream("POST", PATH, json={**BODY, "stream": True}) as got:
        for _ in got.iter_bytes():
            break
    assert only(log).outcome is Outcome.CANCELLED


def test_a_stream_that_breaks_raises_what_the_library_raises(
    lib: Any, ours: Any, guard: Guard, log: MemoryLog
) -> None:
    event = b'data: {"choices":[{"index":0,"delta":{"content":"mild"}}]}\n\n'
    reply = answer(event, "content-type: text/event-stream", length=10_000)
    ask = {**BODY, "stream": True}
    with (
        raw(reply) as url,
        ours.guarded_client(guard=guard) as client,
        pytest.raises(lib.RemoteProtocolError),
        client.stream("POST", url + PATH, json=ask) as got,
    ):
        list(got.iter_bytes())
    assert only(log).outcome is Outcome.FAILED


def _arrived(server: StandInServer) -> None:
    for _ in range(1_000):
        if server.requests or server.wait(0.01):
            return


async def test_a_cancelled_task_is_on_record(
    ours: Any, guard: Guard, server: StandInServer, log: MemoryLog
) -> None:
    server.reply(delay=5)
    async with ours.guarded_async_client(guard=guard, base_url=server.origin) as client:
        task = asyncio.create_task(client.post(PATH, json=BODY))
        await asyncio.to_thread(_arrived, server)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert only(log).outcome is Outcome.CANCELLED


async def test_an_asynchronous_body_is_read_screened_and_sent_as_read(
    ours: Any, guard: Guard, server: StandInServer, log: MemoryLog
) -> None:
    async def pieces() -> Any:
        yield json.dumps(BODY).encode()

    kind = {"content-type": "application/json", "content-length": str(len(json.dumps(BODY)))}
    async with ours.guarded_async_client(guard=guard, base_url=server.origin) as client:
        assert (await client.post(PATH, content=pieces(), headers=kind)).status_code == 200
    assert server.requests[0].json == BODY
    assert only(log).outcome is Outcome.RELEASED


WAYS: list[tuple[str, Callable[[Any, str], dict[str, Any]]]] = [
    ("transport", lambda lib, _: {"transport": lib.HTTPTransport()}),
    ("mount", lambda lib, _: {"mounts": {"all://": lib.HTTPTransport()}}),
    ("proxy", lambda _, origin: {"proxy": origin}),
    ("HTTP/2", lambda _, __: {"http2": True}),
]


@pytest.mark.parametrize("way", [row[1] for row in WAYS], ids=[row[0] for row in WAYS])
def test_no_way_out_is_open(
    way: Callable[[Any, str], dict[str, Any]],
    library: Any,
    guard: Guard,
    server: StandInServer,
    log: MemoryLog,
) -> None:
    lib, ours = library
    with ours.guarded_client(guard=guard, **way(lib, server.origin)) as client:
        assert client.post(server.origin + PATH, json=BAD).status_code == 400
    assert (server.requests, only(log).outcome) == ([], Outcome.REFUSED)


def test_a_proxy_beside_a_transport_is_an_error(lib: Any, ours: Any, guard: Guard) -> None:
    with pytest.raises(ConfigurationError, match="proxy"):
        ours.guarded_client(guard=guard, transport=lib.HTTPTransport(), proxy="http://127.0.0.1:9")


def test_what_generates_nothing_is_passed_on(client: Any, log: MemoryLog) -> None:
    assert client.get("/v1/models").json()["data"][0]["id"] == "stand-in"
    assert log.opened == []


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_where_the_library_is_missing_its_extra_is_named(name: str) -> None:
    code = f"import sys; sys.modules['{name}'] = None; import guardrail.adapters.{name}"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ConfigurationError" in ran.stderr
    assert f"pip install 'likeness-guardrail[{name}]'" in ran.stderr
