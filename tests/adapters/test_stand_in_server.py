"""The stand-in server, spoken to with nothing but the standard library."""

from __future__ import annotations

import base64
import http.client
import json
import struct
import threading
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from guardrail.testing import StandInServer, neutral_png


@pytest.fixture
def fresh() -> Iterator[StandInServer]:
    with StandInServer() as server:
        yield server


def ask(server: StandInServer, path: str, body: object) -> tuple[int, Any]:
    status, raw = send(server, path, json.dumps(body).encode(), "application/json")
    return status, json.loads(raw)


def send(server: StandInServer, path: str, body: bytes, kind: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(server.origin.removeprefix("http://"), timeout=10)
    try:
        connection.request("POST", f"/v1/{path}", body, {"Content-Type": kind})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def events(raw: bytes) -> list[Any]:
    lines = [line for line in raw.decode().split("\n") if line.startswith("data: ")]
    return [json.loads(line[6:]) for line in lines if line != "data: [DONE]"]


def test_a_chat_reply_is_scripted_and_the_request_recorded(fresh: StandInServer) -> None:
    fresh.reply("first").reply("second")
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "n": 2}

    answers = [ask(fresh, "chat/completions", body)[1] for _ in range(3)]

    texts = [[c["message"]["content"] for c in answer["choices"]] for answer in answers]
    assert texts[:2] == [["first"] * 2, ["second"] * 2]
    assert texts[2][0] not in ("first", "second")
    assert [request.json for request in fresh.requests] == [body] * 3
    assert fresh.requests[0].method == "POST"
    assert fresh.requests[0].path == "/v1/chat/completions"


def test_the_same_request_gets_the_same_answer() -> None:
    def once() -> list[Any]:
        with StandInServer() as server:
            bodies = {
                "chat/completions": {"model": "m", "messages": []},
                "completions": {"model": "m", "prompt": ["a", "b"]},
                "responses": {"model": "m", "input": "a"},
                "images/generations": {"model": "m", "prompt": "a", "n": 2},
                "embeddings": {"model": "m", "input": ["a", "b"]},
            }
            return [ask(server, path, body) for path, body in bodies.items()]

    assert once() == once()


def test_a_stream_comes_in_the_scripted_chunks(fresh: StandInServer) -> None:
    fresh.reply(chunks=["one ", "two"], reasoning="hm")
    _, raw = send(
        fresh, "chat/completions", b'{"stream": true, "messages": []}', "application/json"
    )

    deltas = [event["choices"][0]["delta"] for event in events(raw)]
    assert [delta["content"] for delta in deltas if delta.get("content")] == ["one ", "two"]
    assert [d["reasoning_content"] for d in deltas if "reasoning_content" in d] == ["hm"]
    assert events(raw)[-1]["choices"][0]["finish_reason"] == "stop"
    assert raw.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_call(fresh: StandInServer, stream: bool) -> None:
    fresh.reply(tool_call=("generate_image", {"prompt": "a red house by a lake"}))
    body = json.dumps({"stream": stream, "messages": []}).encode()
    _, raw = send(fresh, "chat/completions", body, "application/json")

    if stream:
        calls = [
            call
            for event in events(raw)
            for call in event["choices"][0]["delta"].get("tool_calls", ())
        ]
    else:
        calls = json.loads(raw)["choices"][0]["message"]["tool_calls"]
    assert calls[0]["function"]["name"] == "generate_image"
    said = "".join(call["function"]["arguments"] for call in calls)
    assert json.loads(said) == {"prompt": "a red house by a lake"}


@pytest.mark.parametrize("tool", [None, ("f", '{"a": "bcdefghijk"}')])
def test_response_events_add_up_to_the_response(
    fresh: StandInServer, tool: tuple[str, str] | None
) -> None:
    fresh.reply("one two", tool_call=tool)
    _, raw = send(fresh, "responses", b'{"stream": true, "input": "a"}', "application/json")

    heard = events(raw)
    said = "".join(event["delta"] for event in heard if event["type"].endswith(".delta"))
    assert said == (tool[1] if tool else "one two")
    assert [event["sequence_number"] for event in heard] == list(range(len(heard)))
    assert said in json.dumps(heard[-1]["response"]["output"]) or tool


def test_an_upload_is_recorded_byte_for_byte(fresh: StandInServer) -> None:
    picture = neutral_png(3, 2) + b"\r\n--almost\r\n"
    body = (
        b'--edge\r\nContent-Disposition: form-data; name="prompt"\r\n\r\na boat\r\n'
        b'--edge\r\nContent-Disposition: form-data; name="image[]"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n" + picture + b"\r\n--edge--\r\n"
    )
    status, raw = send(fresh, "images/edits", body, "multipart/form-data; boundary=edge")

    assert status == 200
    assert base64.b64decode(json.loads(raw)["data"][0]["b64_json"]) == neutral_png()
    assert fresh.requests[0].values("image[]") == [picture]
    assert fresh.requests[0].fields[1].filename == "a.png"
    assert fresh.requests[0].json == {"prompt": "a boat"}


def test_errors_and_unknown_paths(fresh: StandInServer) -> None:
    fresh.reply(status=429)
    status, body = ask(fresh, "chat/completions", {})
    assert (status, set(body["error"])) == (429, {"message", "type", "param", "code"})
    assert ask(fresh, "unheard-of", {})[0] == 404


def test_a_long_answer_does_not_keep_the_server_alive() -> None:
    before = set(threading.enumerate())
    with StandInServer() as server:
        server.reply(delay=3600)
        asking = threading.Thread(target=_ask_and_be_dropped, args=(server,))
        asking.start()
        while not server.requests:
            asking.join(0.01)
    asking.join()
    assert set(threading.enumerate()) == before


def _ask_and_be_dropped(server: StandInServer) -> None:
    with pytest.raises((http.client.HTTPException, OSError)):
        ask(server, "chat/completions", {})


def test_an_idle_connection_does_not_keep_the_server_alive() -> None:
    with StandInServer() as server:
        connection = http.client.HTTPConnection(server.origin.removeprefix("http://"), timeout=10)
        connection.connect()
    connection.close()


@pytest.mark.parametrize(("width", "height"), [(1, 1), (64, 64), (7, 300)])
def test_the_picture_is_a_whole_png(width: int, height: int) -> None:
    data = neutral_png(width, height)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", data[16:24]) == (width, height)
    at, chunks = 8, []
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        assert zlib.crc32(kind + body) == int.from_bytes(data[at + 8 + length :][:4], "big")
        chunks.append((kind, body))
        at += 12 + length
    assert [kind for kind, _ in chunks] == [b"IHDR", b"IDAT", b"IEND"]
    assert len(zlib.decompress(chunks[1][1])) == height * (1 + 3 * width)


def test_there_is_no_picture_without_a_size() -> None:
    with pytest.raises(ValueError, match="not a picture size"):
        neutral_png(0, 5)
