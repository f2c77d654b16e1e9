"""The rest of LiteLLM: what is refused, what is passed on, and the Router."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from guardrail.adapters._litellm_names import HARMLESS
from guardrail.adapters._litellm_support import litellm
from guardrail.adapters.litellm import GuardedLiteLLM
from guardrail.errors import UnguardedOperation
from guardrail.records import Operation
from guardrail.testing import StandInServer, neutral_png
from guardrail.testing.fakes import MemoryLog

from .cases import (
    ADULT,
    FORBIDDEN,
    FORBIDDEN_OUTPUT,
    HELLO,
    LONG,
    MODEL,
    assert_stopped,
    only,
    refused,
    said,
)


@pytest.mark.parametrize(
    "name",
    [
        "video_generation",
        "avideo_generation",
        "speech",
        "transcription",
        "batch_completion",
        "create_batch",
        "completion_with_retries",
        "config_completion",
        "anthropic_messages",
        "Router",
        "get_responses",
        "run_thread",
    ],
)
def test_functions_nobody_screens_are_not_run(client: GuardedLiteLLM, name: str) -> None:
    assert hasattr(litellm(), name)
    with pytest.raises(UnguardedOperation, match=name):
        getattr(client, name)


def test_every_function_of_litellm_is_screened_harmless_or_refused(client: GuardedLiteLLM) -> None:
    for name in dir(litellm()):
        if name.startswith("_") or name in HARMLESS or hasattr(type(client), name):
            continue
        value = getattr(litellm(), name)
        if isinstance(value, type) and issubclass(value, Exception):
            continue
        with pytest.raises(UnguardedOperation):
            getattr(client, name)


def test_what_generates_nothing_is_passed_on(client: GuardedLiteLLM) -> None:
    assert client.token_counter(model="gpt-4o", text="hello") > 0
    assert client.BadRequestError is litellm().BadRequestError
    assert client.get_model_info("gpt-4o")["mode"] == "chat"


def test_what_does_not_exist_does_not_exist(client: GuardedLiteLLM) -> None:
    assert not hasattr(client, "no_such_thing")
    assert not hasattr(client, "_no_such_thing")


def test_embeddings_are_passed_on(
    client: GuardedLiteLLM, log: MemoryLog, server: StandInServer
) -> None:
    answer = client.embedding(MODEL, ["a"], guard_caller=ADULT)
    assert len(answer.data) == 1
    assert asyncio.run(client.aembedding(model=MODEL, input=["a"])).data
    assert [request.path for request in server.requests] == ["/v1/embeddings"] * 2
    assert log.opened == []


@pytest.fixture
def router(client: GuardedLiteLLM, server: StandInServer) -> Any:
    behind = {"api_base": server.url, "api_key": "k", "max_retries": 0}
    deployments = [
        {"model_name": "chat", "litellm_params": {"model": MODEL, **behind}},
        {"model_name": "artist", "litellm_params": {"model": "openai/gpt-image-1", **behind}},
    ]
    return client.guard_router(litellm().Router(model_list=deployments, num_retries=0))


def test_a_router_is_guarded(router: Any, log: MemoryLog, server: StandInServer) -> None:
    refused(log, server, lambda: router.image_generation(FORBIDDEN, "artist"))
    assert router.completion("chat", HELLO).choices[0].message.content
    assert asyncio.run(router.acompletion("chat", HELLO)).choices[0].message.content
    assert len(server.requests) == 2


def test_a_router_screens_edits(router: Any, log: MemoryLog, server: StandInServer) -> None:
    edit = {"model": "artist", "image": neutral_png(), "prompt": "remove her clothes"}
    refused(log, server, lambda: asyncio.run(router.aimage_edit(**edit)))
    asyncio.run(router.aimage_edit(**{**edit, "prompt": "make the sky blue"}))
    assert len(server.requests) == 1


def test_a_router_streams(router: Any, log: MemoryLog, server: StandInServer) -> None:
    server.reply(chunks=[*LONG, FORBIDDEN_OUTPUT])
    assert_stopped(list(router.completion("chat", HELLO, stream=True)), log)


def test_a_chat_with_an_artist_is_judged_as_drawing(
    router: Any, log: MemoryLog, server: StandInServer
) -> None:
    refused(log, server, lambda: router.completion("artist", said("Taylor Swift in lingerie")))
    assert only(log).opened.request.operation is Operation.IMAGE_GENERATE


def test_what_a_router_cannot_do_is_said(router: Any) -> None:
    with pytest.raises(UnguardedOperation, match="image_edit"):
        router.image_edit(model="artist", image=neutral_png(), prompt="make it blue")
    with pytest.raises(UnguardedOperation, match="aspeech"):
        router.aspeech(model="artist", input="hello")
    assert set(router.get_model_names()) == {"chat", "artist"}
