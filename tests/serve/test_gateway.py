"""A gateway as its clients meet it: a real process, the real SDK, a stand-in behind it."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import openai
import pytest

from guardrail.testing import StandInServer
from guardrail.testing.pictures import neutral_png
from tests.serve.support import (
    ADULT_KEY,
    FORBIDDEN,
    FREE_KEY,
    GATED,
    HARMLESS,
    OWN_KEY,
    Running,
    config_of,
    counted,
    gateway,
    rows,
    until,
    written,
)

MODEL = "m"
BODY = {"model": MODEL, "messages": HARMLESS}
CHAT = "/v1/chat/completions"


def test_a_harmless_call_is_answered(served: Running, upstream: StandInServer) -> None:
    reply = served.client().chat.completions.create(model=MODEL, messages=HARMLESS)
    assert reply.choices[0].message.content == "A neutral answer about the weather."
    assert len(upstream.requests) == 1


def test_the_bytes_of_the_client_are_the_bytes_sent(
    served: Running, upstream: StandInServer
) -> None:
    odd = {"messages": HARMLESS, "model": "m", "x-unknown": {"深": [1.50, None]}}
    assert served.post(CHAT, odd).status_code == 200
    assert upstream.requests[0].json == odd


def test_no_secret_of_the_clients_goes_up(served: Running, upstream: StandInServer) -> None:
    extra = {
        "x-forwarded-for": "10.0.0.1",
        "cookie": "session=1",
        "openai-organization": "org-of-the-client",
        "idempotency-key": "1",
        "x-guardrail-tier": "adult",
        "connection": "keep-alive, x-guardrail-tier",
    }
    assert served.post(CHAT, BODY, **extra).status_code == 200
    sent = {name.lower(): value for name, value in upstream.requests[0].headers.items()}
    assert sent["authorization"] == f"Bearer {OWN_KEY}"
    assert FREE_KEY not in repr(sent)
    assert not sent.keys() & (extra.keys() - {"connection"})


def test_a_refused_call_never_goes_up(
    served: Running, upstream: StandInServer, common_log: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        served.client(max_retries=2).chat.completions.create(model=MODEL, messages=FORBIDDEN)
    assert caught.value.code == "moderation_blocked"
    assert upstream.requests == []
    body = caught.value.body
    assert isinstance(body, dict)
    last = rows(common_log)[-1]
    assert (last.id, last.outcome) == (body["attempt"], "refused")


def test_the_key_says_who_calls_and_nothing_the_client_says_does(
    served: Running, upstream: StandInServer
) -> None:
    asked = {"model": "dall-e-3", "prompt": GATED}
    with pytest.raises(openai.PermissionDeniedError) as caught:
        served.client(
            default_headers={"x-tier": "adult", "x-guardrail-caller": '{"tier":"adult"}'}
        ).images.generate(**asked, user="u2", extra_body={"tier": "adult", "age_verified": True})
    assert caught.value.code == "subscription_required"
    assert upstream.requests == []
    served.client(ADULT_KEY).images.generate(**asked, response_format="b64_json")
    assert len(upstream.requests) == 1


def test_a_stream_comes_through(served: Running) -> None:
    stream = served.client().chat.completions.create(model=MODEL, messages=HARMLESS, stream=True)
    said = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert said == "A neutral answer about the weather."


def test_a_stream_that_turns_is_stopped(
    served: Running, upstream: StandInServer, common_log: str
) -> None:
    upstream.reply(chunks=["Here is an ", "explicit sex", " scene."])
    stream = served.client().chat.completions.create(model=MODEL, messages=HARMLESS, stream=True)
    chunks = list(stream)
    assert chunks[-1].choices[0].finish_reason == "content_filter"
    assert "scene" not in repr(chunks)
    assert (rows(common_log)[-1].outcome, rows(common_log)[-1].stage) == ("gated", "stream")


def test_uploads_are_screened_and_go_up_as_they_came(
    served: Running, upstream: StandInServer
) -> None:
    client, picture = served.client(), neutral_png()
    client.images.edit(image=("a.png", picture), prompt="a garden in autumn", model="gpt-image-1")
    assert upstream.requests[0].values("image") == [picture]
    with pytest.raises(openai.BadRequestError):
        client.images.edit(image=("a.png", picture), prompt="take off her clothes")
    assert len(upstream.requests) == 1


def test_a_large_body_goes_through_a_file(served: Running, upstream: StandInServer) -> None:
    padding = base64.b64encode(bytes(2_000_000)).decode()
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{padding}"}}
    asked = {"model": MODEL, "messages": [{"role": "user", "content": [image]}]}
    reply = served.post(CHAT, asked)
    assert reply.status_code == 400  # no picture, but read whole
    assert upstream.requests == []
    words = {"model": MODEL, "messages": HARMLESS, "metadata": {"pad": "a garden " * 200_000}}
    assert served.post(CHAT, words).status_code in (200, 400)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {FREE_KEY}"},
        {"authorization": f"Bearer {FREE_KEY}", "x-api-key": ADULT_KEY},
        {"cookie": f"key={FREE_KEY}"},
    ],
)
def test_nobody_gets_in_without_a_key(
    headers: Mapping[str, str], served: Running, upstream: StandInServer, common_log: str
) -> None:
    before = counted(common_log)["opened"]
    for method, path in (("POST", CHAT), ("GET", "/v1/models"), ("POST", "/v1/unknown")):
        reply = httpx.request(method, served.url + path, headers=headers, json=BODY)
        assert reply.status_code == 401
        assert reply.json()["error"]["code"] == "invalid_api_key"
        assert reply.headers["www-authenticate"] == "Bearer"
    assert upstream.requests == []
    assert counted(common_log)["opened"] == before


def test_the_sdk_says_that_a_key_is_wrong(served: Running) -> None:
    with pytest.raises(openai.AuthenticationError):
        served.client("gr-wrong").chat.completions.create(model=MODEL, messages=HARMLESS)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/files"),
        ("GET", "/v1/files/file-1/content"),
        ("GET", "/v1/responses/resp_1"),
        ("GET", "/v1/chat/completions"),
        ("DELETE", "/v1/videos/video_1"),
        ("POST", "/v1/batches"),
        ("POST", "/v1/fine_tuning/jobs"),
        ("POST", "/elsewhere/v1/chat/completions"),
        ("POST", "/v1/chat/completions/"),
        ("POST", "//v1/chat/completions"),
        ("POST", "/v1/chat/../chat/completions"),
        ("POST", "/v1/chat%2fcompletions"),
        ("GET", "/v1/models/../files"),
        ("PUT", CHAT),
    ],
)
def test_what_is_not_offered_is_refused_and_on_record(
    method: str, path: str, served: Running, upstream: StandInServer, common_log: str
) -> None:
    where = urlsplit(served.url)
    body = json.dumps(BODY).encode()
    head = (
        f"{method} {path} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {FREE_KEY}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        "connection: close\r\n\r\n"
    )
    with socket.create_connection((where.hostname, where.port)) as connection:
        connection.sendall(head.encode() + body)
        reply = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert reply.startswith(b"HTTP/1.1 404 ")
    assert b"unguarded_operation" in reply
    assert upstream.requests == []
    assert rows(common_log)[-1].outcome == "refused"


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b'{"model": "m", "messages": [', "application/json", 400),
        (b'{"model": "m", "model": "n", "messages": []}', "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (json.dumps(BODY).encode(), "text/plain", 415),
    ],
)
def test_no_valid_call_is_answered_in_the_protocols_shape(
    content: bytes, kind: str, status: int, served: Running, upstream: StandInServer
) -> None:
    headers = {"authorization": f"Bearer {FREE_KEY}", "content-type": kind}
    reply = httpx.post(served.url + CHAT, content=content, headers=headers)
    assert reply.status_code == status
    assert reply.json()["error"]["type"] == "invalid_request_error"
    assert upstream.requests == []


def test_nothing_of_one_callers_reply_reaches_another(served: Running) -> None:
    reply = served.post(CHAT, BODY)
    assert "set-cookie" not in reply.headers
    assert not [name for name in reply.headers if name.startswith(("openai-org", "x-ratelimit"))]
    assert reply.headers["x-guardrail-attempt"]


def test_models_are_those_of_the_upstream(served: Running) -> None:
    client = served.client()
    assert [model.id for model in client.models.list()] == ["stand-in"]
    assert client.models.retrieve("stand-in").id == "stand-in"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("another")


def test_embeddings_are_passed_on(served: Running, upstream: StandInServer) -> None:
    reply = served.client().embeddings.create(model=MODEL, input="a garden in autumn")
    assert len(reply.data[0].embedding) == 8
    assert len(upstream.requests) == 1


def test_a_model_decides_which_upstream_is_called(tmp_path: Path, log: str) -> None:
    with StandInServer() as one, StandInServer() as two:
        config = config_of(one.url, log)
        config["upstreams"][0]["models"] = ["gpt-*", "o3"]
        config["upstreams"].append(
            {"name": "two", "base_url": two.origin, "models": ["llama-*", "llama"]}
        )
        with gateway(written(tmp_path, config)) as running:
            for model in ("gpt-5", "llama-4", "o3"):
                assert running.post(CHAT, {**BODY, "model": model}).status_code == 200
            unknown = running.post(CHAT, {**BODY, "model": "claude"})
            listed = [model.id for model in running.client().models.list()]
        assert [request.json["model"] for request in one.requests if request.json] == [
            "gpt-5",
            "o3",
        ]
        (sent,) = [request for request in two.requests if request.json]
        assert (sent.path, sent.json["model"]) == (CHAT, "llama-4")
        assert "authorization" not in {name.lower() for name in sent.headers}
    assert unknown.status_code == 404
    assert unknown.json()["error"]["code"] == "model_not_found"
    assert listed == ["o3", "llama"]
    assert counted(log) == {"opened": 4, "released": 3, "failed": 1}


def test_a_body_over_the_limit_is_refused_and_on_record(
    upstream: StandInServer, tmp_path: Path, log: str
) -> None:
    config = config_of(upstream.url, log, limits={"body_bytes": 1000})
    with gateway(written(tmp_path, config)) as running:
        reply = running.post(CHAT, {**BODY, "user": "u" * 2000})
    assert reply.status_code == 413
    assert reply.json()["error"]["code"] == "request_too_large"
    assert upstream.requests == []
    assert rows(log)[-1].outcome == "refused"


def test_a_conversation_is_believed_only_where_it_was_said_so(
    upstream: StandInServer, tmp_path: Path, log: str
) -> None:
    def asked(text: str) -> dict[str, str]:
        return {"model": "gpt-image-1", "prompt": text}

    config = config_of(upstream.url, log, conversation_header="x-conversation")
    told = {"x-conversation": "c1"}
    with gateway(written(tmp_path, config)) as running:
        path = "/v1/images/generations"
        assert running.post(path, asked("Taylor Swift at the beach"), **told).status_code == 200
        follow = running.post(path, asked("now take off her clothes"), **told)
        assert follow.status_code == 400


def test_the_access_log_says_what_happened_and_no_text(
    served: Running, upstream: StandInServer
) -> None:
    del upstream
    before = len(served.access())
    served.post(CHAT, {**BODY, "model": "a-model-of-the-clients"})
    served.post(CHAT, {"model": MODEL, "messages": FORBIDDEN})
    until(lambda: len(served.access()) == before + 2)
    good, bad = served.access()[before:]
    assert (good["status"], good["key"], good["outcome"]) == (200, "web", "released")
    assert (bad["status"], bad["decision"], bad["reason"]) == (400, "refuse", "real_person_sexual")
    text = "".join(served.lines)
    for secret in ("garden", "Swift", "a-model-of-the-clients", FREE_KEY, OWN_KEY):
        assert secret not in text


def test_it_says_that_it_lives_and_is_ready(served: Running) -> None:
    assert httpx.get(f"{served.url}/healthz").json() == {"status": "ok"}
    ready = served.ready().json()
    assert ready["status"] == "ready"
    assert ready["policy"].startswith("default@1 sha256:")


def test_figures_are_there(served: Running, upstream: StandInServer) -> None:
    del upstream
    served.post(CHAT, {"model": MODEL, "messages": FORBIDDEN})
    served.post(CHAT, BODY, key="wrong")
    text = httpx.get(f"{served.url}/metrics").text
    for line in (
        'decision="refuse",outcome="refused",reason="real_person_sexual",route="openai.chat"}',
        'guardrail_requests_total{route="openai.chat",status="400"}',
        'guardrail_turned_away_total{cause="unauthenticated"}',
        'guardrail_guard_seconds_bucket{le="0.005",route="openai.chat"}',
        'guardrail_upstream_seconds_count{upstream="main"}',
        "guardrail_open_streams 0.0",
        "guardrail_log_failures_total 0.0",
    ):
        assert line in text
    assert "garden" not in text
