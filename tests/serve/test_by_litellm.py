"""Upstreams called through LiteLLM."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from guardrail.testing import StandInServer
from tests.serve.support import FORBIDDEN, HARMLESS, Running, config_of, gateway, written

CHAT = "/v1/chat/completions"
BODY = {"model": "m", "messages": HARMLESS}


@pytest.fixture(scope="module")
def running(standing: StandInServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("litellm")
    config = config_of(standing.url, f"sqlite:///{folder / 'attempts.db'}")
    config["upstreams"][0] |= {"kind": "litellm", "model": "openai/{model}"}
    with gateway(written(folder, config)) as found:
        yield found


@pytest.fixture
def through(running: Running, upstream: StandInServer) -> Running:
    del upstream
    return running


def test_a_call_goes_through_its_function(through: Running, upstream: StandInServer) -> None:
    reply = through.client().chat.completions.create(model="m", messages=HARMLESS, temperature=0.5)
    assert reply.choices[0].message.content == "A neutral answer about the weather."
    (sent,) = upstream.requests
    assert (sent.json["model"], sent.json["temperature"]) == ("m", 0.5)
    assert sent.headers["authorization"] == "Bearer sk-own-key-of-the-gateway"


def test_a_stream_goes_through(through: Running) -> None:
    stream = through.client().chat.completions.create(model="m", messages=HARMLESS, stream=True)
    said = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert said == "A neutral answer about the weather."


def test_responses_and_pictures_go_through(through: Running) -> None:
    client = through.client()
    assert client.responses.create(model="m", input="a garden in autumn").output_text
    events = client.responses.create(model="m", input="a garden in autumn", stream=True)
    assert [event.type for event in events][-1] == "response.completed"
    picture = client.images.generate(
        model="dall-e-3", prompt="a garden in autumn", response_format="b64_json"
    )
    assert picture.data
    assert picture.data[0].b64_json


def test_a_refused_call_does_not(through: Running, upstream: StandInServer) -> None:
    with pytest.raises(openai.BadRequestError):
        through.client().chat.completions.create(model="m", messages=FORBIDDEN)
    assert upstream.requests == []


@pytest.mark.parametrize(
    "field", ["api_base", "base_url", "api_key", "mock_response", "fallbacks", "extra_headers"]
)
def test_a_client_cannot_steer_litellm(
    field: str, through: Running, upstream: StandInServer
) -> None:
    reply = through.post(CHAT, {**BODY, field: "http://127.0.0.1:9"})
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] in ("unsupported_parameter", "moderation_blocked")
    assert upstream.requests == []


def test_a_route_without_a_function_is_not_served(through: Running) -> None:
    asked = {"model": "tts-1", "input": "a garden in autumn", "voice": "alloy"}
    reply = through.post("/v1/audio/speech", asked)
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "not_served")


@pytest.mark.parametrize(("status", "told"), [(429, 429), (400, 400), (500, 500), (401, 502)])
def test_an_error_keeps_its_meaning(
    status: int, told: int, through: Running, upstream: StandInServer
) -> None:
    upstream.reply(status=status)
    reply = through.post(CHAT, BODY)
    assert reply.status_code == told
    assert reply.json()["error"]["message"]
    assert len(upstream.requests) == 1
