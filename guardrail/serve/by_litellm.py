"""Upstreams that do not speak OpenAI's protocol, called through LiteLLM's functions."""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from guardrail.adapters.wire.http import AsyncUpstream, Call, Headers
from guardrail.adapters.wire.openai import chat, completions, images, responses
from guardrail.serve.errors import (
    BadGateway,
    NotServed,
    UpstreamBroken,
    UpstreamForbids,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from guardrail.serve.record import Record
from guardrail.serve.schema import UpstreamModel

_NOT_TAKEN = frozenset({"metadata", "store"})
"""Fields that mean something else to LiteLLM's functions."""

_JSON = (("content-type", "application/json"),)
_EVENTS = (("content-type", "text/event-stream"),)
_FORBIDDEN = (401, 403)
_ERRORS = range(400, 600)


@dataclass(frozen=True, slots=True)
class _Function:
    """One of LiteLLM's. fields: the arguments that a client may give."""

    name: str
    fields: frozenset[str]


_FUNCTIONS: Mapping[str, _Function] = {
    "/v1/chat/completions": _Function("acompletion", chat.SETTINGS | {"messages"}),
    "/v1/completions": _Function("atext_completion", completions.SETTINGS | {"prompt", "suffix"}),
    "/v1/responses": _Function("aresponses", responses.SETTINGS | {"input", "instructions"}),
    "/v1/images/generations": _Function("aimage_generation", images.SETTINGS | {"prompt"}),
    "/v1/embeddings": _Function(
        "aembedding", frozenset({"model", "input", "dimensions", "encoding_format", "user"})
    ),
}
"""By path. A client must not reach LiteLLM's other arguments: `api_base` would lead elsewhere."""


class BadField(BadGateway):
    """A field that is not passed on to this upstream."""

    status = 400
    code = "unsupported_parameter"


@dataclass(frozen=True, slots=True)
class ByLiteLLM:
    """An upstream behind LiteLLM. api_key: None for what LiteLLM finds in the environment."""

    settings: UpstreamModel
    litellm: Any
    api_key: str | None

    async def send(self, call: Call, record: Record) -> AsyncUpstream:
        """See Provider."""
        function = _FUNCTIONS.get(record.path)
        if function is None:
            raise NotServed("This route is not there for this model.")
        body = json.loads(call.body.whole())
        arguments = self._arguments(body, function)
        began = time.perf_counter()
        try:
            reply = await getattr(self.litellm, function.name)(**arguments)
        except Exception as problem:  # noqa: BLE001  LiteLLM has dozens of kinds
            return self._failed(problem)
        finally:
            record.upstream += time.perf_counter() - began
        if body.get("stream") is True:
            return _Stream(reply, function.name != "aresponses", self._failed)
        return _Whole(200, reply.model_dump_json().encode())

    async def aclose(self) -> None:
        """See Provider; LiteLLM closes its own connections."""

    def _arguments(self, body: Mapping[str, Any], function: _Function) -> dict[str, Any]:
        unknown = sorted(body.keys() - (function.fields - _NOT_TAKEN))
        if unknown:
            names = ", ".join(name[:40] for name in unknown[:5])
            raise BadField(f"The upstream of this model does not take: {names}.")
        times, own = self.settings.timeouts, {"api_base": self.settings.base_url}
        own["api_key"] = self.api_key
        own["model"] = self.settings.model.replace("{model}", str(body.get("model") or ""))
        given = {name: value for name, value in own.items() if value is not None}
        return {**body, **given, "timeout": times.total, "max_retries": 0, "num_retries": 0}

    def _failed(self, problem: Exception) -> AsyncUpstream:
        """What LiteLLM raised, as a reply with a status; raises BadGateway where it is none."""
        given = getattr(problem, "status_code", None)
        status = given if isinstance(given, int) else 0
        if isinstance(problem, self.litellm.Timeout):
            raise UpstreamTimeout("The model's server did not answer in time.") from problem
        if isinstance(problem, self.litellm.APIConnectionError):
            raise UpstreamUnreachable("The model's server cannot be reached.") from problem
        if status in _FORBIDDEN:
            text = "The model's server does not take this gateway's key."
            raise UpstreamForbids(text) from problem
        if status not in _ERRORS:
            raise UpstreamBroken("The model's server broke off its reply.") from problem
        said = str(getattr(problem, "message", "")) if status < 500 else ""  # noqa: PLR2004
        body = {"error": {"message": said, "code": type(problem).__name__}}
        return _Whole(status, json.dumps(body).encode())


@dataclass(frozen=True, slots=True)
class _Whole:
    status: int
    body: bytes
    headers: Headers = _JSON

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.body

    async def aclose(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True, slots=True)
class _Stream:
    """A stream of LiteLLM's. done: whether its end is said, as for chunks; events have names."""

    reply: Any
    done: bool
    failed: Callable[[Exception], AsyncUpstream]
    status: int = 200
    headers: Headers = _EVENTS

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self.reply:
                data = chunk.model_dump_json(exclude_none=True)
                name = "" if self.done else f"event: {json.loads(data)['type']}\n"
                yield f"{name}data: {data}\n\n".encode()
        except Exception as problem:
            self.failed(problem)
            raise UpstreamBroken("The model's server broke off its reply.") from problem
        if self.done:
            yield b"data: [DONE]\n\n"

    async def aclose(self) -> None:
        close = getattr(self.reply, "aclose", None)
        if close is not None:
            with suppress(Exception):
                await close()


def litellm_upstream(settings: UpstreamModel) -> ByLiteLLM:
    """The upstream that a configuration names. Raises ConfigurationError without LiteLLM."""
    from guardrail.adapters._litellm_support import litellm

    found = litellm()
    found.suppress_debug_info = True
    key = os.environ[settings.api_key_env].strip() if settings.api_key_env else None
    return ByLiteLLM(settings, found, key)
