"""Bytes that are almost HTTP: what the gateway takes for one call is one call upstream, or none."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from guardrail.serve.heads import MAX_HEAD
from guardrail.testing import StandInServer
from tests.serve.support import (
    ADULT_KEY,
    FORBIDDEN,
    FREE_KEY,
    HARMLESS,
    RawUpstream,
    Running,
    config_of,
    gateway,
    until,
    written,
)

GOOD = json.dumps({"model": "m", "messages": HARMLESS}).encode()
BAD = json.dumps({"model": "m", "messages": FORBIDDEN}).encode()
CHAT = b"POST /v1/chat/completions HTTP/1.1"
KEY = b"Authorization: Bearer " + FREE_KEY.encode()
TYPE = b"Content-Type: application/json"
LINES = [
    CHAT,
    CHAT.replace(b"1.1", b"1.0"),
    CHAT.replace(b"1.1", b"2.0"),
    CHAT.replace(b"POST /", b"POST http://elsewhere/"),
    CHAT.replace(b"POST", b"GET"),
    CHAT.replace(b"/v1", b"/v1/x/.."),
    CHAT.replace(b"chat/", b"chat%2f"),
    CHAT.replace(b"completions", b"completions?x=%0d%0aa"),
    b"POST /v1/embeddings HTTP/1.1",
]
ODD = [
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: chunked, identity",
    b"Transfer-Encoding : chunked",
    b"Transfer-Encoding: \x0bchunked",
    b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding:\r\n chunked",
    b"Content-Length: 0",
    b"Content-Length: 5",
    b"Content-Length: +9",
    b"Content-Length: %d, %d" % (len(GOOD), len(GOOD)),
    b"Connection: keep-alive, content-length",
    b"Connection: Upgrade\r\nUpgrade: websocket",
    b"Expect: 100-continue",
    b"X-A: a\r\n folded",
    b"X-A: a\rContent-Length: 5",
    b"X-A: a\x00b",
    b"no colon",
    b"Host: elsewhere",
    b"X-HTTP-Method-Override: PUT",
]
BODIES = [
    GOOD,
    BAD,
    b"%x\r\n%s\r\n0\r\n\r\n" % (len(GOOD), GOOD),
    b"%x;a=b\r\n%s\r\n0\r\nX-A: a\r\n\r\n" % (len(GOOD), GOOD),
    b"%x\n%s\n0\n\n" % (len(GOOD), GOOD),
    b"-1\r\n" + GOOD,
    b"fffffffffffffffff\r\n" + GOOD,
    b"0\r\n\r\n" + CHAT + b"\r\nHost: x\r\n" + KEY + b"\r\n\r\n",
    b"",
]


@pytest.fixture(scope="module")
def upstream() -> Iterator[StandInServer]:
    with StandInServer() as server:
        yield server


@pytest.fixture(scope="module")
def running(upstream: StandInServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    log = f"sqlite:///{tmp_path_factory.mktemp('smuggling') / 'attempts.db'}"
    config = config_of(upstream.url, log, limits={"body_seconds": 0.2})
    with gateway(written(tmp_path_factory.mktemp("config"), config)) as found:
        yield found
        assert found.end() == 0


def request(line: bytes, headers: list[bytes], body: bytes, *, length: bool) -> bytes:
    told = [b"Content-Length: %d" % len(body)] if length else []
    return b"\r\n".join((line, b"Host: x", KEY, TYPE, *headers, *told, b"", body))


requests = st.builds(
    request,
    st.sampled_from(LINES),
    st.lists(st.sampled_from(ODD), max_size=2),
    st.sampled_from(BODIES),
    length=st.booleans(),
)
conversations = st.builds(
    lambda several, end: b"".join(several)[: end or None],
    st.lists(requests, min_size=1, max_size=3),
    st.sampled_from([None, None, None, -1, -7, 60]),
)


def exchanged(running: Running, data: bytes) -> bytes:
    """What comes back until the gateway hangs up, or has nothing more to say."""
    host, _, port = running.url.removeprefix("http://").partition(":")
    got = b""
    with socket.create_connection((host, int(port))) as connection, suppress(OSError):
        connection.settimeout(0.4)
        connection.sendall(data)
        while piece := connection.recv(65_536):
            got += piece
    return got


@seed(7)
@settings(
    max_examples=25,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=conversations)
def test_what_is_one_call_here_is_one_call_there(
    data: bytes, running: Running, upstream: StandInServer
) -> None:
    upstream.reset()
    before = len(running.lines)
    exchanged(running, data)
    calls = [json.loads(line) for line in running.lines[before:] if line.startswith("{")]
    until(lambda: len(upstream.requests) <= len(_lines(running, before)))
    assert len(upstream.requests) <= data.count(b"HTTP/")
    for sent in upstream.requests:
        assert "transfer-encoding" not in {name.lower() for name in sent.headers}
        assert sent.json is None or sent.json["messages"] == HARMLESS
        assert FREE_KEY not in str(sent.headers)
    assert all(call["status"] != 500 for call in calls)


def _lines(running: Running, before: int) -> list[str]:
    return [line for line in running.lines[before:] if line.startswith("{")]


@pytest.mark.parametrize(
    "data",
    [
        CHAT + b"\r\nX-A: " + b"a" * (MAX_HEAD * 8),
        CHAT + b"\r\n" + b"X-A: a\r\n" * MAX_HEAD,
        b"POST /" + b"a" * (MAX_HEAD * 8),
    ],
)
def test_a_head_without_end_is_cut(data: bytes, running: Running, upstream: StandInServer) -> None:
    upstream.reset()
    assert b" 200 " not in exchanged(running, data)
    assert upstream.requests == []


@pytest.mark.parametrize(
    "more",
    [
        b'"seed": ' + b"1" * 5_000,
        b'"seed": ' + b"[" * 100_000,
        b'"seed": [' + b"1," * 600_000 + b"1]",
    ],
)
def test_json_that_costs_much_is_refused_and_on_record(more: bytes, running: Running) -> None:
    reply = exchanged(running, request(CHAT, [], GOOD[:-1] + b"," + more + b"}", length=True))
    assert reply.split()[1] in (b"400", b"413")
    assert b"x-guardrail" in reply or b'"code"' in reply


def test_each_caller_gets_its_own_reply(tmp_path: Path) -> None:
    """Two callers, many connections, the reply repeating what its call said."""

    def echo(connection: socket.socket) -> None:
        body = echoing.bodies.pop(threading.get_ident())
        said = json.loads(body)["messages"][0]["content"]
        message = {"role": "assistant", "content": said}
        reply = {
            "id": "1", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        }  # fmt: skip
        data = json.dumps(reply).encode()
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n"
        connection.sendall(head + b"content-length: %d\r\n\r\n" % len(data) + data)

    with RawUpstream(echo) as echoing:
        log = f"sqlite:///{tmp_path / 'attempts.db'}"
        with gateway(written(tmp_path, config_of(echoing.url, log))) as running:

            def asks(number: int) -> bool:
                key = (FREE_KEY, ADULT_KEY)[number % 2]
                said = f"a garden, number {number} of {number % 2}"
                messages = [{"role": "user", "content": said}]
                body = {"model": "m", "messages": messages}
                told = {"authorization": f"Bearer {key}"}
                reply = client.post("/v1/chat/completions", json=body, headers=told)
                answer: str = reply.json()["choices"][0]["message"]["content"]
                return answer == said

            with httpx.Client(base_url=running.url) as client, ThreadPoolExecutor(16) as pool:
                assert all(pool.map(asks, range(200)))
