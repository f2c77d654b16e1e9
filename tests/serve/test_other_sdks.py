"""Anthropic's and Google's own packages against a gateway."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import pytest
from google import genai
from google.genai.errors import APIError

from guardrail.testing import StandInServer
from tests.serve.support import (
    FORBIDDEN,
    FREE_KEY,
    HARMLESS,
    OWN_KEY,
    Running,
    config_of,
    gateway,
    until,
    written,
)


@pytest.fixture(scope="module")
def running(standing: StandInServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("sdks")
    config = config_of(standing.origin, f"sqlite:///{folder / 'attempts.db'}")
    common = config["upstreams"][0]
    config["upstreams"] = [
        {**common, "name": "claude", "auth": "x-api-key", "models": ["claude-*"]},
        {**common, "name": "gemini", "auth": "x-goog-api-key", "models": ["gemini-*"]},
    ]
    with gateway(written(folder, config)) as found:
        yield found


@pytest.fixture
def claude(running: Running, upstream: StandInServer) -> Iterator[anthropic.Anthropic]:
    del upstream
    with anthropic.Anthropic(base_url=running.url, api_key=FREE_KEY, max_retries=0) as client:
        yield client


def ask(client: anthropic.Anthropic, messages: Any) -> Any:
    return client.messages.create(model="claude-x", max_tokens=9, messages=messages)


def test_claude_answers(claude: anthropic.Anthropic, upstream: StandInServer) -> None:
    assert ask(claude, HARMLESS).content[0].text == "A neutral answer about the weather."
    sent = {name.lower(): value for name, value in upstream.requests[0].headers.items()}
    assert sent["x-api-key"] == OWN_KEY
    assert sent["anthropic-version"]
    assert "authorization" not in sent


def test_claude_streams(claude: anthropic.Anthropic) -> None:
    with claude.messages.stream(model="claude-x", max_tokens=9, messages=HARMLESS) as stream:
        assert "".join(stream.text_stream) == "A neutral answer about the weather."


def test_claude_is_not_asked_what_is_refused(
    claude: anthropic.Anthropic, upstream: StandInServer
) -> None:
    with pytest.raises(anthropic.BadRequestError) as caught:
        ask(claude, FORBIDDEN)
    body = caught.value.body
    assert isinstance(body, dict)
    assert body["type"] == "error"
    assert upstream.requests == []


def test_a_wrong_key_and_model_are_told_in_anthropics_words(
    running: Running, claude: anthropic.Anthropic
) -> None:
    with pytest.raises(anthropic.NotFoundError):
        claude.messages.create(model="gpt-5", max_tokens=9, messages=HARMLESS)
    with (
        anthropic.Anthropic(base_url=running.url, api_key="wrong", max_retries=0) as other,
        pytest.raises(anthropic.AuthenticationError) as caught,
    ):
        ask(other, HARMLESS)
    body = caught.value.body
    assert isinstance(body, dict)
    assert body["error"]["type"] == "authentication_error"


def test_gemini_answers_and_is_not_asked_what_is_refused(
    running: Running, upstream: StandInServer
) -> None:
    options = genai.types.HttpOptions(base_url=running.url)
    client = genai.Client(api_key=FREE_KEY, http_options=options)
    reply = client.models.generate_content(model="gemini-x", contents="a garden in autumn")
    assert reply.text == "A neutral answer about the weather."
    sent = {name.lower(): value for name, value in upstream.requests[0].headers.items()}
    assert sent["x-goog-api-key"] == OWN_KEY
    with pytest.raises(APIError) as caught:
        client.models.generate_content(model="gemini-x", contents="Taylor Swift, nude")
    assert caught.value.code == 400
    assert len(upstream.requests) == 1
    stream = client.models.generate_content_stream(model="gemini-x", contents="a garden")
    assert "".join(chunk.text or "" for chunk in stream)
    client.close()


def _messages(running: Running) -> list[Any]:
    with anthropic.Anthropic(base_url=running.url, api_key=FREE_KEY, max_retries=0) as client:
        create = client.messages.create
        return list(create(model="claude-x", max_tokens=9, messages=HARMLESS, stream=True))


def _contents(running: Running) -> list[Any]:
    options: Any = {"base_url": running.url}
    with genai.Client(api_key=FREE_KEY, http_options=options) as client:
        ask = client.models.generate_content_stream
        return list(ask(model="gemini-x", contents="a garden in autumn"))


@pytest.mark.parametrize("read", [_messages, _contents])
def test_a_stream_read_to_its_end_is_released(
    read: Callable[[Running], list[Any]], running: Running, upstream: StandInServer
) -> None:
    upstream.reply("A neutral answer about the weather.", gap=0.02)
    before = len(running.lines)
    assert read(running)
    until(lambda: len(running.lines) > before)
    assert json.loads(running.lines[-1])["outcome"] == "released"
