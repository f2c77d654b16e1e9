"""What a call to the LiteLLM proxy asks, beyond what its protocol says: the proxy's own fields."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from guardrail.adapters.wire.codec import Asked, Codec
from guardrail.adapters.wire.http import Call
from guardrail.records import Operation, Request

_ELSEWHERE = (
    "content_policy_fallbacks",
    "context_window_fallbacks",
    "extra_body",
    "fallbacks",
    "model_list",
    "prompt_id",
    "user_config",
)
"""Fields by which a client has LiteLLM send something else, or to another model, than is read."""

_PERHAPS = re.compile(rb"\\u00|" + "|".join(_ELSEWHERE).encode())
_IN_PATH = re.compile(r"/(?:engines|openai/deployments)/(.+?)/(?:chat/completions|completions)/?$")


def in_the_proxy(codec: Codec, draws: Callable[[str], bool]) -> Codec:
    """The codec, for calls to the proxy.

    What sends something else than is read cannot be screened; what a model that makes pictures is
    asked is judged so. draws: whether a model of this name stands for such a one.
    """

    def read(call: Call, limit_bytes: int) -> Asked:
        asked = codec.read(call, limit_bytes)
        request = asked.request
        if elsewhere := next(_elsewhere(call), ""):
            problem = request.problem or f"{elsewhere}: what it leads to cannot be screened"
            request = replace(request, problem=problem)
        if not request.operation.visual and any(map(draws, _models(call, request))):
            drawn = Operation.IMAGE_EDIT if request.images else Operation.IMAGE_GENERATE
            request = replace(request, operation=drawn)
        return replace(asked, request=request)

    return replace(codec, read=read)


def _models(call: Call, request: Request) -> Iterator[str]:
    if request.model:
        yield request.model
    if in_path := _IN_PATH.search(call.path):
        yield in_path.group(1)


def _elsewhere(call: Call) -> Iterator[str]:
    data = call.body.whole()
    if not _PERHAPS.search(data):
        return
    if call.media_type.startswith("multipart/"):
        yield from (name for name in _ELSEWHERE if re.search(rf'name="?{name}\b'.encode(), data))
        return
    body = json.loads(data)
    yield from (name for name in _ELSEWHERE if body.get(name))
