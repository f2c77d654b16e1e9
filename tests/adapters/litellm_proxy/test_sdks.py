"""What the real SDKs make of it."""

from __future__ import annotations

from typing import Any

import anthropic
import openai
import pytest

from tests.adapters.cases import FORBIDDEN, FORBIDDEN_OUTPUT, GATED, said

from .running import Proxy, chat


def test_a_refusal(guarded: Proxy, client: openai.OpenAI) -> None:
    before = guarded.totals().opened
    with pytest.raises(openai.BadRequestError) as refused:
        chat(client, FORBIDDEN)
    assert refused.value.code == "moderation_blocked"
    assert refused.value.type == "invalid_request_error"
    body = refused.value.body
    assert isinstance(body, dict)
    assert body["moderation_details"]["moderation_stage"] == "input"
    assert guarded.totals().opened == before + 1


def test_a_gate(client: openai.OpenAI, adult: openai.OpenAI) -> None:
    with pytest.raises(openai.PermissionDeniedError) as gated:
        client.images.generate(model="studio", prompt=GATED)
    assert gated.value.code == "subscription_required"
    assert adult.images.generate(model="studio", prompt=GATED).data


def test_a_stopped_stream(guarded: Proxy, client: openai.OpenAI) -> None:
    guarded.upstream.reply(f"The weather is mild. {FORBIDDEN_OUTPUT} More follows.")
    chunks = list(chat(client, stream=True))
    assert "explicit" not in "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "content_filter"


def test_a_stopped_stream_of_responses(guarded: Proxy, client: openai.OpenAI) -> None:
    guarded.upstream.reply(f"The weather is mild. {FORBIDDEN_OUTPUT} More follows.")
    *_, last = client.responses.create(model="m", input="hello", stream=True)
    assert last.type == "response.incomplete"
    assert last.response.incomplete_details is not None
    assert last.response.incomplete_details.reason == "content_filter"


def test_anthropics_client(guarded: Proxy) -> None:
    client = anthropic.Anthropic(base_url=guarded.url, api_key="sk-free")
    asked: Any = {"model": "claude", "max_tokens": 64, "messages": said("hello")}
    reply = client.messages.create(**asked)
    assert reply.content[0].text
    with pytest.raises(anthropic.BadRequestError) as refused:
        client.messages.create(**{**asked, "messages": said(FORBIDDEN)})
    assert "moderation_blocked" in str(refused.value.body)
    guarded.upstream.reply(f"The weather is mild. {FORBIDDEN_OUTPUT} More follows.")
    with client.messages.stream(**asked) as stream:
        assert "explicit" not in "".join(stream.text_stream)
        assert stream.get_final_message().stop_reason == "refusal"
