"""Which upstream a call goes to, and which models there are."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from guardrail.adapters.wire.http import Call, Reply
from guardrail.serve.errors import BadGateway, NoSuchModel
from guardrail.serve.record import Record
from guardrail.serve.upstream import Provider, http_upstream

if TYPE_CHECKING:
    from guardrail.serve.schema import GatewayModel
    from guardrail.serve.tracing import Tracing

KEPT = 60.0
"""Seconds for which a list of models is kept."""

_LARGEST = 4_000_000
_OK = 200


@dataclass(slots=True)
class Providers:
    """All upstreams, in the order of the file."""

    all: Sequence[Provider]
    _listed: tuple[float, tuple[str, ...]] | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def of_model(self, model: str) -> Provider:
        """The first that has a model. Raises NoSuchModel."""
        for provider in self.all:
            if _has(provider, model):
                return provider
        raise NoSuchModel("This gateway has no such model; GET /v1/models lists those it has.")

    async def models(self) -> Sequence[str]:
        """The names of all models: those the file names, and of patterns what the upstream has."""
        async with self._lock:
            if self._listed is None or time.monotonic() - self._listed[0] > KEPT:
                lists = await asyncio.gather(*map(_models, self.all))
                names = dict.fromkeys(name for found in lists for name in found)
                self._listed = time.monotonic(), tuple(names)
            return self._listed[1]

    async def reachable(self) -> bool:
        """Whether a connection to every upstream over HTTP can be had."""
        tried = [_connect(p) for p in self.all if p.settings.kind == "http"]
        return all(await asyncio.gather(*tried))

    async def aclose(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(provider.aclose() for provider in self.all))


def providers_of(config: GatewayModel, tracing: Tracing | None) -> Providers:
    """Those of a configuration. Raises ConfigurationError."""
    found: list[Provider] = []
    for settings in config.upstreams:
        if settings.kind == "http":
            found.append(http_upstream(settings, tracing))
        else:
            from guardrail.serve.by_litellm import litellm_upstream

            found.append(litellm_upstream(settings))
    return Providers(found)


def models_reply(names: Sequence[str], model: str | None, made: int) -> Reply | None:
    """The list of models, or one of them, as OpenAI's clients read it; None for an unknown one.

    made: when this gateway was started, seconds since 1970.
    """
    rows = [
        {"id": name, "object": "model", "created": made, "owned_by": "guardrail"} for name in names
    ]
    if model is None:
        return Reply.of(_OK, {"object": "list", "data": rows})
    return next((Reply.of(_OK, row) for row in rows if row["id"] == model), None)


def _has(provider: Provider, model: str) -> bool:
    return any(fnmatchcase(model, pattern) for pattern in provider.settings.models)


async def _models(provider: Provider) -> Sequence[str]:
    patterns = provider.settings.models
    named = [name for name in patterns if not any(sign in name for sign in "*?[")]
    if len(named) == len(patterns) or provider.settings.kind != "http":
        return named
    try:
        found = json.loads(await _whole(provider, Call("GET", "/v1/models")))["data"]
        return [*named, *(name for name in map(_id, found) if name and _has(provider, name))]
    except (BadGateway, ValueError, KeyError, TypeError):
        return named


def _id(row: Any) -> str:
    name = row.get("id")
    return name if isinstance(name, str) else ""


async def _whole(provider: Provider, call: Call) -> bytes:
    upstream = await provider.send(call, Record())
    data = bytearray()
    try:
        async for chunk in upstream:
            data += chunk
            if len(data) > _LARGEST:
                raise ValueError("too long a list")
    finally:
        await upstream.aclose()
    if upstream.status != _OK:
        raise ValueError("no list")
    return bytes(data)


async def _connect(provider: Provider) -> bool:
    from urllib.parse import urlsplit

    parts = urlsplit(provider.settings.base_url or "")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(provider.settings.timeouts.connect):
            _, writer = await asyncio.open_connection(parts.hostname, port)
            writer.close()
    except (OSError, TimeoutError):
        return False
    return True
