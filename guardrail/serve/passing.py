"""Calls that generate nothing: passed on whole, and not kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from guardrail.adapters.wire.http import Call, Reply
from guardrail.adapters.wire.shown import shown
from guardrail.adapters.wire.turn import UpstreamFailed
from guardrail.serve.errors import UpstreamBroken
from guardrail.serve.record import Record

if TYPE_CHECKING:
    from guardrail.serve.providers import Providers

_OK = 200
_REWRITTEN = frozenset({"content-length", "transfer-encoding", "content-encoding"})


async def passed_on(call: Call, providers: Providers, record: Record, limit: int) -> Reply:
    """Send a call to the upstream of its model, and read the reply, of `limit` bytes at most.

    Raises BadGateway, and UpstreamFailed for an error: its text is not passed on unscreened.
    """
    provider = providers.of_model(_model(call))
    record.upstream_name = provider.settings.name
    upstream = await provider.send(call, record)
    data = bytearray()
    try:
        async for chunk in upstream:
            data += chunk
            if len(data) > limit:
                raise UpstreamBroken("The model's server answered more than is read.")
    finally:
        await upstream.aclose()
    headers = [pair for pair in shown(upstream.headers) if pair[0].lower() not in _REWRITTEN]
    reply = Reply(upstream.status, headers, bytes(data))
    if reply.status != _OK or reply.media_type != "application/json":
        raise UpstreamFailed(reply)
    return reply


def _model(call: Call) -> str:
    """The model a call names, in its path or its body; empty for none."""
    _, found, rest = call.path.partition("/models/")
    if found:
        return rest.rpartition(":")[0] or rest
    try:
        body = json.loads(call.body.whole())
    except (ValueError, RecursionError):
        return ""
    model = body.get("model") if isinstance(body, dict) else None
    return model if isinstance(model, str) else ""
