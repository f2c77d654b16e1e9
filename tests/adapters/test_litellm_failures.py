"""A guarded LiteLLM call that goes wrong is on record all the same."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from guardrail.adapters._litellm_support import litellm
from guardrail.adapters.litellm import GuardedLiteLLM
from guardrail.errors import LogUnavailable, RequestRefused
from guardrail.log import open_log
from guardrail.records import Outcome
from guardrail.testing import StandInServer
from guardrail.testing.fakes import MemoryLog

from .cases import (
    FORBIDDEN,
    HELLO,
    MODEL,
    only,
)


def test_an_error_of_the_model_is_passed_on_and_recorded(
    client: GuardedLiteLLM, log: MemoryLog, server: StandInServer
) -> None:
    server.reply(status=500)
    with pytest.raises(litellm().InternalServerError):
        client.completion(MODEL, HELLO, num_retries=0)
    closed = only(log)
    assert (closed.outcome, closed.error) == (Outcome.FAILED, "InternalServerError")


def test_an_async_error_of_the_model_too(
    client: GuardedLiteLLM, log: MemoryLog, server: StandInServer
) -> None:
    server.reply(status=500)
    with pytest.raises(litellm().InternalServerError):
        asyncio.run(client.acompletion(MODEL, HELLO, num_retries=0))
    assert only(log).error == "InternalServerError"


def test_a_cancelled_call_is_recorded(
    client: GuardedLiteLLM, log: MemoryLog, server: StandInServer
) -> None:
    server.reply(delay=30)

    async def run() -> None:
        call = asyncio.ensure_future(client.acompletion(MODEL, HELLO))
        while not server.requests:  # noqa: ASYNC110  the server is in another thread
            await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(run())
    assert only(log).outcome is Outcome.CANCELLED
    assert only(log).error == "CancelledError"


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_call_is_recorded(
    client: GuardedLiteLLM,
    log: MemoryLog,
    monkeypatch: pytest.MonkeyPatch,
    interruption: type[BaseException],
) -> None:
    def interrupted(**_: Any) -> Any:
        raise interruption

    monkeypatch.setattr(litellm(), "completion", interrupted)
    with pytest.raises(interruption):
        client.completion(model=MODEL, messages=HELLO)
    assert only(log).outcome is Outcome.CANCELLED


@pytest.mark.parametrize("name", ["completion", "acompletion"])
@pytest.mark.parametrize("stream", [False, True])
def test_without_a_log_the_model_is_not_called(
    client: GuardedLiteLLM, log: MemoryLog, server: StandInServer, name: str, stream: bool
) -> None:
    log.full = True

    def call() -> Any:
        result = getattr(client, name)(model=MODEL, messages=HELLO, stream=stream)
        return asyncio.run(result) if name == "acompletion" else result

    with pytest.raises(LogUnavailable):
        call()
    assert server.requests == []


def test_a_client_opens_and_closes_its_own_log(tmp_path: Path, server: StandInServer) -> None:
    url = f"sqlite:///{tmp_path}/attempts.db"
    with (
        GuardedLiteLLM(log=url, api_base=server.url, api_key="k") as client,
        pytest.raises(RequestRefused) as caught,
    ):
        client.image_generation(FORBIDDEN, MODEL)
    with open_log(url, readonly=True) as log:
        assert [entry.id for entry in log.attempts()] == [caught.value.attempt]
