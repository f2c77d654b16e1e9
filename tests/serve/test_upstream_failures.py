"""Upstreams that fail: an error in the protocol's shape, and an entry in the log."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import openai
import pytest

from guardrail.testing import StandInServer
from tests.serve.support import (
    HARMLESS,
    OWN_KEY,
    RawUpstream,
    Running,
    answering,
    config_of,
    counted,
    gateway,
    until,
    written,
)

CHAT = "/v1/chat/completions"
BODY = {"model": "m", "messages": HARMLESS}
EVENT = (
    b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[%s]}\n\n'
)
DELTA = EVENT % b'{"index":0,"delta":{"content":"a garden "},"finish_reason":null}'


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def head(status: str, *lines: str) -> str:
    return "\n".join((f"HTTP/1.1 {status}", "connection: close", *lines))


JSON = "content-type: application/json"
SCRIPTS: dict[str, tuple[Callable[[socket.socket], None], int, str, str]] = {
    "resets": (reset, 502, "upstream_error", "UpstreamBroken"),
    "hangs up": (lambda _: None, 502, "upstream_error", "UpstreamBroken"),
    "no http": (lambda c: c.sendall(b"hello\r\n\r\n"), 502, "upstream_error", "UpstreamBroken"),
    "too short": (
        answering(head("200 OK", JSON, "content-length: 100"), b'{"choices": []}'),
        502,
        "upstream_error",
        "UpstreamBroken",
    ),
    "no json": (
        answering(head("200 OK", JSON, "content-length: 4"), b"oops"),
        400,
        "moderation_blocked",
        "",
    ),
    "fails": (
        answering(head("500 Oops", JSON, "content-length: 2"), b"{}"),
        500,
        "upstream_error",
        "UpstreamFailed",
    ),
    "no key": (
        answering(
            head("401 No", JSON, "content-length: 56"),
            b'{"error":{"message":"Incorrect API key: sk-own-key-of"}}',
        ),
        502,
        "upstream_forbids",
        "UpstreamForbids",
    ),
    "elsewhere": (
        answering(head("307 There", "location: http://127.0.0.1:9/v1", "content-length: 0")),
        502,
        "upstream_moved",
        "UpstreamMoved",
    ),
    "a bomb": (
        answering(head("200 OK", JSON, "content-encoding: gzip", "content-length: 4"), b"oops"),
        502,
        "upstream_error",
        "UpstreamBroken",
    ),
}


@pytest.fixture(scope="module")
def raw() -> Iterator[RawUpstream]:
    with RawUpstream(reset) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('failures') / 'attempts.db'}"


@pytest.fixture(scope="module")
def running(
    raw: RawUpstream, log: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """One gateway, whose upstream does what each test says; it ends with all attempts on record."""
    config = config_of(raw.url, log, limits={"reply_bytes": 10_000})
    config["upstreams"][0]["timeouts"] = {"connect": 2, "read": 0.5, "total": 1}
    with gateway(written(tmp_path_factory.mktemp("config"), config)) as found:
        yield found
        assert found.end() == 0
    ended = counted(log)
    assert ended["opened"] == sum(ended.values()) - ended["opened"]
    assert ended["failed"] >= len(found.access()) - 5


def last(running: Running, before: int) -> dict[str, object]:
    """The line of the access log about the one call made since."""
    until(lambda: len(running.access()) > before)
    (line,) = running.access()[before:]
    return line


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_failure_is_told_and_on_record(
    name: str, stream: bool, running: Running, raw: RawUpstream
) -> None:
    raw.script, status, code, error = SCRIPTS[name]
    before = len(running.access())
    reply = running.post(CHAT, {**BODY, "stream": stream})
    told = reply.json()["error"]
    if (stream, name) == (True, "no json"):
        status, code, error = 502, "upstream_error", "UpstreamFailed"
    assert (reply.status_code, told["code"]) == (status, code)
    assert told["message"]
    assert OWN_KEY[:8] not in reply.text
    assert "location" not in reply.headers
    line = last(running, before)
    assert (line["outcome"], line.get("error", "")) == ("failed" if error else "refused", error)


def test_a_server_that_hangs_is_waited_for_only_so_long(running: Running, raw: RawUpstream) -> None:
    raw.script = raw.hang
    before = len(running.access())
    with pytest.raises(openai.InternalServerError) as caught:
        running.client().chat.completions.create(model="m", messages=HARMLESS)
    assert (caught.value.status_code, caught.value.code) == (504, "upstream_timeout")
    assert last(running, before)["error"] == "UpstreamTimeout"


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
    log = f"sqlite:///{tmp_path / 'attempts.db'}"
    with gateway(written(tmp_path, config_of(url, log))) as running:
        reply = running.post(CHAT, BODY)
        assert (reply.status_code, reply.json()["error"]["code"]) == (502, "upstream_unreachable")
        assert running.end() == 0
    assert running.access()[-1]["error"] == "UpstreamUnreachable"
    assert counted(log) == {"opened": 1, "failed": 1}


def test_readiness_may_need_the_upstreams(tmp_path: Path) -> None:
    log = f"sqlite:///{tmp_path / 'attempts.db'}"
    with contextlib.ExitStack() as stack:
        with StandInServer() as server:
            config = written(tmp_path, config_of(server.url, log, ready_upstreams=True))
            found = stack.enter_context(gateway(config))
        until(lambda: found.ready().status_code == 503)
        assert found.ready().json()["status"] == "an upstream cannot be reached"
        assert httpx.get(f"{found.url}/healthz").status_code == 200


def test_a_stream_that_breaks_off_is_an_error_and_not_an_end(
    running: Running, raw: RawUpstream
) -> None:
    start = head("200 OK", "content-type: text/event-stream", "content-length: 100000")
    raw.script = answering(start, DELTA * 3)
    before = len(running.access())
    stream = running.client().chat.completions.create(model="m", messages=HARMLESS, stream=True)
    with pytest.raises(openai.APIError, match="broke off"):
        list(stream)
    line = last(running, before)
    assert (line["outcome"], line["error"]) == ("failed", "UpstreamBroken")


def test_a_trickle_ends_at_the_limit(running: Running, raw: RawUpstream) -> None:
    def trickle(connection: socket.socket) -> None:
        start = head("200 OK", "content-type: text/event-stream")
        connection.sendall(start.replace("\n", "\r\n").encode() + b"\r\n\r\n")
        while not raw.waited(0.05):
            connection.sendall(DELTA)

    raw.script = trickle
    before = len(running.access())
    stream = running.client().chat.completions.create(model="m", messages=HARMLESS, stream=True)
    with pytest.raises(openai.APIError):
        list(stream)
    assert last(running, before)["error"] == "UpstreamTimeout"


def test_a_reply_without_end_is_cut_at_the_limit(running: Running, raw: RawUpstream) -> None:
    raw.script = answering(head("200 OK", JSON), b'{"a": "' + b"x" * 200_000 + b'"}')
    before = len(running.access())
    reply = running.post(CHAT, BODY)
    assert reply.status_code == 502
    assert len(reply.content) < 1000
    assert last(running, before)["outcome"] == "failed"


def test_nothing_an_upstream_sets_is_kept_for_the_next_caller(
    running: Running, raw: RawUpstream
) -> None:
    told = b'{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[]}'
    start = head(
        "200 OK",
        JSON,
        f"content-length: {len(told)}",
        "set-cookie: account=1",
        "openai-organization: org-of-the-operator",
        "x-ratelimit-remaining-tokens: 7",
        "server: secret/1.0",
    )
    raw.script = answering(start, told)
    replies = [running.post(CHAT, BODY) for _ in range(2)]
    assert b"cookie" not in raw.heads[-1].lower()
    for reply in replies:
        assert reply.status_code == 200
        shown = set(reply.headers)
        assert not shown & {"set-cookie", "openai-organization", "server"}
        assert "x-ratelimit-remaining-tokens" not in shown
