"""What the tests of the LiteLLM adapter ask for, and how they read the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from guardrail.adapters._litellm_support import litellm
from guardrail.errors import RequestRefused
from guardrail.records import AttemptClosed, Caller, Jurisdiction, Outcome
from guardrail.testing import StandInServer
from guardrail.testing.fakes import MemoryLog

ADULT = Caller("u2", "adult", age_verified=True, jurisdiction=Jurisdiction("US"))
FREE = Caller("u1", jurisdiction=Jurisdiction("JP"))
FORBIDDEN = "Taylor Swift, nude photo"
FORBIDDEN_OUTPUT = "Here is an explicit sex scene."
GATED = "a nude woman who does not exist, photo"
MODEL = "openai/m"
TEXT_MODEL = "text-completion-openai/m"
HELLO = [{"role": "user", "content": "What is the weather like?"}]
LONG = [f"The weather in town number {n} is mild and dry today. " for n in range(30)]


def said(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def only(log: MemoryLog) -> AttemptClosed:
    (opened,), (closed,) = log.opened, log.closed
    assert closed.opened is opened
    return closed


def refused(log: MemoryLog, server: StandInServer, call: Callable[[], Any]) -> RequestRefused:
    with pytest.raises(RequestRefused) as caught:
        call()
    assert server.requests == []
    assert only(log).outcome is Outcome.REFUSED
    assert not only(log).model_called
    return caught.value


def assert_stopped(chunks: list[Any], log: MemoryLog) -> None:
    assert isinstance(chunks[-1], litellm().ModelResponseStream)
    assert chunks[-1].choices[0].finish_reason == "content_filter"
    text = "".join(repr(chunk) for chunk in chunks).lower()
    assert not any(word in text for word in ("explicit", "scene", "nude", "swift"))
    closed = only(log)
    assert (closed.outcome, closed.decision.stage.value) == (Outcome.REFUSED, "stream")


def released_text(chunks: list[Any]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
