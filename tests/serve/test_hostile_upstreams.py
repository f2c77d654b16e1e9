"""Upstreams that hide text where nobody looks, or send more than they should.

Each reply comes to a gateway and to a guarded client: none shows the text, each is on record.
"""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from guardrail.adapters.httpx import guarded_client
from guardrail.guard import Guard
from guardrail.testing.fakes import MemoryLog
from tests.serve.support import FREE_KEY, RawUpstream, Running, config_of, counted, gateway, written

HIDDEN = "Taylor Swift, nude"
WORDS = ("Taylor", "Swift", "nude")
JSON = "content-type: application/json"
EVENTS = "content-type: text/event-stream"
USER = {"role": "user", "content": "a garden in autumn"}
CHAT = ("/v1/chat/completions", {"model": "m", "messages": [USER]})
CLAUDE = ("/v1/messages", {"model": "m", "max_tokens": 9, "messages": [USER]})
GEMINI = "/v1beta/models/m:"
GEMINI_BODY = {"contents": [{"role": "user", "parts": [{"text": "a garden in autumn"}]}]}
FAILED = (500, 502)
REFUSED = 400


def head(status: str, *lines: str) -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", "connection: close", *lines, "", "")).encode()


def data(*events: str) -> bytes:
    return "".join(f"data: {event}\n\n" for event in events).encode()


def said(text: str, *, message: str = "message", more: str = "") -> str:
    """A reply or a chunk of chat completions, as JSON."""
    choice = f'"index":0,"finish_reason":null,"{message}":{{"role":"assistant",{text}}}'
    return f'{{"id":"1","object":"o","created":1,"model":"m","choices":[{{{choice}}}]{more}}}'


MILD = '"content":"hello "'
TWICE = f'"content":"{HIDDEN}","content":"hello "'
WHOLE = said(MILD).encode()
CHUNK = said(MILD, message="delta")
CLAUDE_TWICE = (
    f'{{"type":"message","role":"assistant","content":[{{"type":"text","text":"{HIDDEN}",'
    '"text":"hello"}]}'
)
CLAUDE_DELTA = (
    '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"%s",'
    '"text":"hello"}}'
)
GEMINI_TWICE = (
    f'{{"candidates":[{{"content":{{"parts":[{{"text":"{HIDDEN}","text":"hello"}}]}}}}]}}'
)
DEEP = '{"choices":' + "[" * 100_000
PACKED = gzip.compress(b"0" * 40_000_000, 9)
COLOURED = json.dumps({"error": {"message": "oops", "code": "Taylor_Swift_nude"}}).encode()
LOUD = json.dumps({"error": {"message": HIDDEN, "code": "x"}}).encode()

WHOLE_REPLIES: dict[str, tuple[bytes, int]] = {
    "in a header": (head("200 OK", JSON, f"x-anything: {HIDDEN}") + WHOLE, 200),
    "in headers that are kept": (
        head(
            "200 OK",
            f'{JSON}; x="{HIDDEN}"',
            f"openai-model: {HIDDEN}",
            f"x-request-id: {HIDDEN}",
            f'content-disposition: attachment; filename="{HIDDEN}"',
        )
        + WHOLE,
        200,
    ),
    "in a header of UTF-8": (
        head("200 OK", JSON)[:-2] + "x-request-id: 日本\r\n\r\n".encode() + WHOLE,
        200,
    ),
    "in the reason": (head(f"200 {HIDDEN}", JSON) + WHOLE, 200),
    "in the reason of an error": (head(f"500 {HIDDEN}", JSON) + b"{}", 500),
    "in a page of an error": (head("500 no", "content-type: text/html") + HIDDEN.encode(), 500),
    "in an error": (head("500 no", JSON, f"retry-after: {HIDDEN}") + LOUD, 500),
    "in the code of an error": (head("500 no", JSON) + COLOURED, 500),
    "in an error within a reply": (head("200 OK", JSON) + LOUD, REFUSED),
    "in a page": (head("200 OK", "content-type: text/html") + HIDDEN.encode(), REFUSED),
    "in a name that stands twice": (head("200 OK", JSON) + said(TWICE).encode(), REFUSED),
    "after the end": (
        head("200 OK", JSON, f"content-length: {len(WHOLE)}") + WHOLE + HIDDEN.encode(),
        200,
    ),
    "in a trailer": (
        head("200 OK", JSON, "transfer-encoding: chunked")
        + b"%x\r\n%s\r\n0\r\nx-t: %s\r\n\r\n" % (len(WHOLE), WHOLE, HIDDEN.encode()),
        200,
    ),
    "nested without end": (head("200 OK", JSON) + DEEP.encode(), REFUSED),
    "an error nested without end": (head("500 no", JSON) + DEEP.encode(), 500),
    "a number without end": (
        head("200 OK", JSON) + said(MILD, more=f',"x":{"1" * 9_000}').encode(),
        REFUSED,
    ),
    "no UTF-8": (head("200 OK", JSON) + WHOLE.replace(b"hello", b"he\xff"), REFUSED),
    "UTF-16": (head("200 OK", JSON) + WHOLE.decode().encode("utf-16"), REFUSED),
    "nothing": (head("204 No"), REFUSED),
    "a status nobody knows": (head("600 What", JSON) + WHOLE, 502),
    "hints before it": (
        b"HTTP/1.1 103 Hints\r\nlink: x\r\n\r\n" + head("200 OK", JSON) + WHOLE,
        200,
    ),
    "events": (head("200 OK", EVENTS) + data(CHUNK, "[DONE]"), REFUSED),
    "packed": (head("200 OK", JSON, "content-encoding: gzip") + gzip.compress(WHOLE), 200),
    "a bomb": (head("200 OK", JSON, "content-encoding: gzip") + PACKED, REFUSED),
}
STREAMS: dict[str, tuple[bytes, str]] = {
    "in the name of an event": (f"event: {HIDDEN}\n".encode() + data(CHUNK, "[DONE]"), "error"),
    "in a name alone": (f"event: {HIDDEN}\n\n".encode() + data(CHUNK, "[DONE]"), "error"),
    "in a comment": (f": {HIDDEN}\n\n".encode() + data(CHUNK, "[DONE]"), "hello"),
    "in an id": (f"id: {HIDDEN}\n".encode() + data(CHUNK, "[DONE]"), "hello"),
    "in a name that stands twice": (
        data(said(TWICE, message="delta"), "[DONE]"),
        "content_filter",
    ),
    "after the end": (data(CHUNK, "[DONE]", CHUNK.replace("hello", HIDDEN)), "content_filter"),
    "in an error": (data(LOUD.decode()), "content_filter"),
    "nested without end": (data(CHUNK, DEEP, "[DONE]"), "content_filter"),
    "no UTF-8": (data(CHUNK) + b"data: \xff\n\n", "error"),
    "no line end": (b"data: " + HIDDEN.encode() * 500_000, ""),
    "no line end at all": (b"data: " + b"x" * 33_000_000, "error"),
}
OTHERS: dict[str, tuple[str, dict[str, Any], bytes]] = {
    "claude": (*CLAUDE, head("200 OK", JSON) + CLAUDE_TWICE.encode()),
    "claude streamed": (
        CLAUDE[0],
        {**CLAUDE[1], "stream": True},
        head("200 OK", EVENTS) + data(CLAUDE_DELTA % HIDDEN),
    ),
    "claude named": (
        CLAUDE[0],
        {**CLAUDE[1], "stream": True},
        head("200 OK", EVENTS) + f'event: {HIDDEN}\ndata: {{"type":"ping"}}\n\n'.encode(),
    ),
    "gemini": (
        f"{GEMINI}generateContent",
        GEMINI_BODY,
        head("200 OK", JSON) + GEMINI_TWICE.encode(),
    ),
    "gemini streamed": (
        f"{GEMINI}streamGenerateContent?alt=sse",
        GEMINI_BODY,
        head("200 OK", EVENTS) + data(GEMINI_TWICE),
    ),
    "responses": (
        "/v1/responses",
        {"model": "m", "input": "a garden in autumn", "stream": True},
        head("200 OK", EVENTS)
        + data(f'{{"type":"response.output_text.delta","delta":"{HIDDEN}","delta":"hello"}}'),
    ),
    "embeddings": (
        "/v1/embeddings",
        {"model": "m", "input": "a garden in autumn"},
        head("500 no", "content-type: text/html") + HIDDEN.encode(),
    ),
    "an error of embeddings": (
        "/v1/embeddings",
        {"model": "m", "input": "a garden in autumn"},
        head("400 no", JSON, f"x-request-id: {HIDDEN}") + LOUD,
    ),
}


@pytest.fixture(scope="module")
def raw() -> Iterator[RawUpstream]:
    with RawUpstream(lambda _: None) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('hostile') / 'attempts.db'}"


@pytest.fixture(scope="module")
def running(
    raw: RawUpstream, log: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """One gateway, which has an entry for every call that generates when it ends."""
    with gateway(written(tmp_path_factory.mktemp("config"), config_of(raw.url, log))) as found:
        yield found
        assert found.end() == 0
    lines = [json.loads(line) for line in found.lines if line.startswith("{")]
    screened = [line for line in lines if line["path"] != "/v1/embeddings"]
    ended = counted(log)
    assert ended["opened"] == len(screened)
    assert ended["opened"] == sum(ended.values()) - ended["opened"]


def sending(reply: bytes) -> Callable[[socket.socket], None]:
    def script(connection: socket.socket) -> None:
        with suppress(OSError):
            connection.sendall(reply)

    return script


def asked(running: Running, path: str, body: Any) -> httpx.Response:
    return running.post(path, body, **{"x-api-key": FREE_KEY, "x-goog-api-key": FREE_KEY})


def guarded(raw: RawUpstream, path: str, body: Any) -> tuple[httpx.Response, MemoryLog]:
    log, known = MemoryLog(), _loaded()
    guard = Guard(known.policy, log=log, detectors=known.detectors)
    with guarded_client(guard=guard) as client:
        reply = client.post(raw.url.removesuffix("/v1") + path, json=body)
    return reply, log


@cache
def _loaded() -> Guard:
    return Guard(log=MemoryLog())


def shows_nothing(reply: httpx.Response) -> None:
    everything = f"{reply.text} {dict(reply.headers)} {reply.reason_phrase}"
    assert not [word for word in WORDS if word in everything]


BROKEN = {"after the end": 502}
"""What may be broken or not, depending on when the rest arrives."""


@pytest.mark.parametrize("name", WHOLE_REPLIES)
def test_a_whole_reply_shows_nothing_hidden(name: str, running: Running, raw: RawUpstream) -> None:
    reply, status = WHOLE_REPLIES[name]
    raw.script = sending(reply)
    shown = asked(running, *CHAT)
    shows_nothing(shown)
    assert shown.status_code in (status, BROKEN.get(name))
    assert shown.json()["choices" if shown.status_code == 200 else "error"]
    shown, log = guarded(raw, *CHAT)
    shows_nothing(shown)
    assert shown.status_code == status
    assert (len(log.opened), len(log.closed)) == (1, 1)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_shows_nothing_hidden(name: str, running: Running, raw: RawUpstream) -> None:
    reply, end = STREAMS[name]
    raw.script = sending(head("200 OK", EVENTS, f"x-request-id: {HIDDEN}") + reply)
    path, body = CHAT
    shown = asked(running, path, {**body, "stream": True})
    other, log = guarded(raw, path, {**body, "stream": True})
    for one in (shown, other):
        shows_nothing(one)
        assert end in one.text
        assert one.headers["content-type"] == "text/event-stream"
    assert (len(log.opened), len(log.closed)) == (1, 1)


@pytest.mark.parametrize("name", OTHERS)
def test_other_protocols_show_nothing_hidden(name: str, running: Running, raw: RawUpstream) -> None:
    path, body, reply = OTHERS[name]
    raw.script = sending(reply)
    shown = asked(running, path, body)
    shows_nothing(shown)
    assert shown.content
    if "embeddings" in name:
        assert shown.json()["error"]["code"]
        return
    other, log = guarded(raw, path, body)
    shows_nothing(other)
    assert (len(log.opened), len(log.closed)) == (1, 1)


def test_a_bomb_takes_little_room(tmp_path: Path, raw: RawUpstream) -> None:
    bomb = gzip.compress(b"\0" * 250_000_000, 1)
    config = config_of(raw.url, f"sqlite:///{tmp_path / 'a.db'}", limits={"reply_bytes": 1_000_000})
    with gateway(written(tmp_path, config)) as running:
        raw.script = sending(head("500 no", JSON) + b"{}")
        assert asked(running, *CHAT).status_code == 500
        before = _peak(running)
        raw.script = sending(head("200 OK", JSON, "content-encoding: gzip") + bomb)
        assert asked(running, *CHAT).status_code == 502
        assert _peak(running) - before < 40_000


def _peak(running: Running) -> int:
    """Kilobytes a process has held at most."""
    status = Path(f"/proc/{running.process.pid}/status").read_text("ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line)
