"""guardrails-ai, imported once and quietly, and what its tests ask of it."""

from __future__ import annotations

import os
import warnings
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
pytest.importorskip("guardrails")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import guardrails
    from guardrails.errors import ValidationError
    from guardrails.utils.hub_telemetry_utils import HubTelemetry
    from guardrails.validator_base import (
        ErrorSpan,
        FailResult,
        PassResult,
        Validator,
        register_validator,
    )

    from guardrail.adapters import guardrails_ai as ours

__all__ = [
    "ErrorSpan",
    "FailResult",
    "HubTelemetry",
    "PassResult",
    "ValidationError",
    "Validator",
    "guardrails",
    "ours",
    "register_validator",
]

FORBIDDEN = "Taylor Swift, nude"
JAPANESE = "海辺の庭は秋に静かです。木の葉が落ち、風が吹きます。今日は散歩に行きました！" * 2
TURNED = JAPANESE + "テイラー・スウィフトの裸の写真です。" + JAPANESE
ASKED = [{"role": "user", "content": "a garden in autumn"}]

quiet = (
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Could not obtain an event loop:UserWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
)


def using(validator: Any, on: str = "output") -> Any:
    return guardrails.Guard().use(validator, on=on)


def saying(chunks: Iterable[str]) -> Callable[..., Iterator[str]]:
    def llm(*_: Any, messages: Any = None, **__: Any) -> Iterator[str]:
        assert messages
        return iter(chunks)

    return llm


def asaying(chunks: Iterable[str]) -> Callable[..., Any]:
    async def pieces() -> AsyncIterator[str]:
        for chunk in chunks:
            yield chunk

    async def llm(*_: Any, messages: Any = None, **__: Any) -> Any:
        assert messages
        return SimpleNamespace(completion_stream=pieces())

    return llm


def streamed(guard: Any, llm: Callable[..., Any]) -> Iterator[str]:
    for outcome in guard(llm, messages=ASKED, stream=True):
        yield outcome.validated_output or ""


async def astreamed(guard: Any, llm: Callable[..., Any]) -> AsyncIterator[str]:
    async for outcome in await guard(llm, messages=ASKED, stream=True):
        yield outcome.validated_output or ""


def everything(guard: Any) -> str:
    """All that guardrails-ai keeps of the results of its validators."""
    return "".join(
        repr(log.validation_result)
        for call in guard.history
        for iteration in call.iterations
        for log in iteration.validator_logs
    )
