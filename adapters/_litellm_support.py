"""What the LiteLLM adapter needs of LiteLLM itself: its import, argument names and chunk types."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from importlib import import_module
from typing import Any

from guardrail.adapters._litellm_names import CONTENT_SETTINGS
from guardrail.adapters.wire.item_events import identity
from guardrail.adapters.wire.tools import makes_pictures
from guardrail.errors import ConfigurationError

_MAKES = ("image_generation", "image_edit", "video_generation")
_NESTED_STREAMS = 4
_STOPPED = "content_filter"


@cache
def litellm() -> Any:
    """The litellm module, imported without its download of model prices.

    Raises ConfigurationError when it is not installed.
    """
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    try:
        return import_module("litellm")
    except ImportError as problem:
        raise ConfigurationError(
            f"litellm cannot be imported ({problem}): pip install 'likeness-guardrail[litellm]'"
        ) from problem


def bound(function: Callable[..., Any], twin: Any, args: Sequence[Any]) -> dict[str, Any]:
    """Positional arguments by name, as `function` takes them; `twin` where it hides its own."""
    taken = _parameters(function) or _parameters(twin)
    if len(args) > len(taken):
        raise TypeError(f"{len(args)} positional arguments where {len(taken)} are known by name")
    return dict(zip(taken, args, strict=False))


def is_setting(name: str) -> bool:
    """Whether an argument only steers LiteLLM or the model and brings in no content."""
    return name in _settings() and name not in CONTENT_SETTINGS


@lru_cache(maxsize=1024)
def is_picture_model(model: str) -> bool:
    """Whether a model makes pictures, by LiteLLM's own list or by its name."""
    prices = litellm().model_cost
    known = prices.get(model) or prices.get(model.rpartition("/")[2]) or {}
    return known.get("mode") in _MAKES or makes_pictures(model)


def chat_stop(last: Any, choices: Sequence[int]) -> Any:
    """The chunk that ends a stopped chat stream."""
    return chat_chunk(last, [{"index": index, "finish_reason": _STOPPED} for index in choices])


def chat_chunk(chunk: Any, choices: Sequence[Mapping[str, Any]]) -> Any:
    """A chunk of a chat stream beside another, with these choices."""
    types = _module("litellm.types.utils")
    made = [
        types.StreamingChoices(**{**one, "delta": types.Delta(**one.get("delta", {}))})
        for one in choices
    ]
    return types.ModelResponseStream(choices=made, **_head(chunk))


def text_stop(last: Any, choices: Sequence[int]) -> Any:
    """The chunk that ends a stopped legacy stream."""
    ends = [{"index": index, "text": "", "finish_reason": _STOPPED} for index in choices]
    return text_chunk(last, ends)


def text_chunk(chunk: Any, choices: Sequence[Mapping[str, Any]]) -> Any:
    """A chunk of a legacy stream beside another, with these choices."""
    types = _module("litellm.types.utils")
    made = [types.TextChoices(**one) for one in choices]
    return types.TextCompletionResponse(choices=made, **_head(chunk))


def responses_stop(first: Any, choices: Sequence[int]) -> Any:
    """The event that ends a stopped Responses stream; None when the stream had not begun."""
    del choices
    begun = getattr(first, "response", None)
    if begun is None:
        return None
    types = _module("litellm.types.llms.openai")
    details = _module("openai.types.responses.response").IncompleteDetails(reason=_STOPPED)
    ends = {"status": "incomplete", "incomplete_details": details, "output": []}
    chosen = {"tools": [], "tool_choice": "auto", "parallel_tool_calls": False}
    response = type(begun)(**{"created_at": 0, **chosen, **identity(begun), **ends})
    return types.ResponseIncompleteEvent(type="response.incomplete", response=response)


class ClosingStream:
    """A LiteLLM stream that can be closed down to the connection, which its own types cannot."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Any:
        return iter(self._stream)

    def __aiter__(self) -> Any:
        return aiter(self._stream)

    def close(self) -> None:
        """Close the connection, if the stream is open on one."""
        close = _closer(self._stream, "close")
        if close is not None:
            close()

    async def aclose(self) -> None:
        """As `close`, for a stream under asyncio."""
        close = _closer(self._stream, "aclose") or _closer(self._stream, "close")
        ended = close() if close is not None else None
        if inspect.isawaitable(ended):
            await ended


def _closer(stream: Any, name: str) -> Callable[[], Any] | None:
    for _ in range(_NESTED_STREAMS):
        close = getattr(stream, name, None)
        if callable(close):
            found: Callable[[], Any] = close
            return found
        stream = getattr(stream, "completion_stream", None)
    return None


@cache
def _parameters(function: Any) -> tuple[str, ...]:
    by_name = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if function is None:
        return ()
    parameters = inspect.signature(function).parameters.values()
    return tuple(one.name for one in parameters if one.kind in by_name)


@cache
def _settings() -> frozenset[str]:
    names = set(_module("litellm.types.utils").all_litellm_params)
    names.update(litellm().OPENAI_CHAT_COMPLETION_PARAMS)
    for function in ("completion", "text_completion", "responses", "image_generation"):
        names.update(_parameters(getattr(litellm(), function)))
    for function in ("image_edit", "image_variation"):
        names.update(_parameters(getattr(litellm(), function)))
    return frozenset(names)


def _head(last: Any) -> Mapping[str, Any]:
    names = ("id", "created", "model")
    return {name: value for name in names if (value := getattr(last, name, None)) is not None}


@cache
def _module(name: str) -> Any:
    return import_module(name)
