"""httpx behind the guard: every SDK that takes an httpx client is screened and on record.

import openai
from guardrail.adapters.httpx import guarded_client

client = openai.OpenAI(http_client=guarded_client("default", log="sqlite:///attempts.db"))

SDKs that take clients of httpx2, its fork, have the same in `guardrail.adapters.httpx2`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from guardrail.adapters._sdk_bytes import AsyncReleased, Released
from guardrail.adapters._sdk_transport import (
    NOBODY,
    AsyncGuarding,
    Library,
    SyncGuarding,
    inner_transport,
)
from guardrail.errors import ConfigurationError
from guardrail.records import AttemptLog, Caller

if TYPE_CHECKING:
    from pathlib import Path

    from guardrail.guard import Guard
    from guardrail.policy import Policy

try:
    import httpx
except ImportError as missing:
    raise ConfigurationError(
        "httpx is not installed: pip install 'likeness-guardrail[httpx]'"
    ) from missing

__all__ = ["AsyncGuardTransport", "GuardTransport", "guarded_async_client", "guarded_client"]


class _Released(Released, httpx.SyncByteStream):
    pass


class _AsyncReleased(AsyncReleased, httpx.AsyncByteStream):
    pass


_LIBRARY = Library(
    "httpx",
    httpx.Request,
    httpx.Response,
    httpx.HTTPTransport,
    httpx.AsyncHTTPTransport,
    _Released,
    _AsyncReleased,
    httpx.DecodingError,
)


class GuardTransport(SyncGuarding[httpx.Request, httpx.Response], httpx.BaseTransport):
    """Any httpx transport, behind a guard.

    policy: a shipped policy's name, a file, or a loaded Policy. log: where attempts are kept, a URL
    or a log; None: the default place. caller, conversation: a value, or a function that is asked at
    every call. transport: what is guarded; None: httpx's own.
    guard: used instead of `policy` and `log`.
    Raises ConfigurationError when the policy or log cannot be opened.
    """

    _library = _LIBRARY


class AsyncGuardTransport(AsyncGuarding[httpx.Request, httpx.Response], httpx.AsyncBaseTransport):
    """As `GuardTransport`, for `httpx.AsyncClient`."""

    _library = _LIBRARY


def guarded_client(
    policy: str | Path | Policy = "default",
    *,
    log: str | AttemptLog | None = None,
    caller: Callable[[], Caller] | Caller = NOBODY,
    conversation: Callable[[], str] | str = "",
    guard: Guard | None = None,
    **options: Any,
) -> httpx.Client:
    """An `httpx.Client` with its transport, its proxy and its mounts behind one guard.

    options: as for `httpx.Client`. Proxies named by the environment are not used: give `proxy`.
    The rest, and what is raised: as for `GuardTransport`.
    """
    inner = inner_transport(httpx.HTTPTransport, options)
    outer = GuardTransport(
        policy,
        log=log,
        caller=caller,
        conversation=conversation,
        guard=guard,
        transport=inner,
    )
    try:
        options["mounts"] = outer.mounted(options.get("mounts"))
        return httpx.Client(transport=outer, **options)
    except BaseException:
        outer.shutdown()
        raise


def guarded_async_client(
    policy: str | Path | Policy = "default",
    *,
    log: str | AttemptLog | None = None,
    caller: Callable[[], Caller] | Caller = NOBODY,
    conversation: Callable[[], str] | str = "",
    guard: Guard | None = None,
    **options: Any,
) -> httpx.AsyncClient:
    """As `guarded_client`, under asyncio."""
    inner = inner_transport(httpx.AsyncHTTPTransport, options)
    outer = AsyncGuardTransport(
        policy,
        log=log,
        caller=caller,
        conversation=conversation,
        guard=guard,
        transport=inner,
    )
    try:
        options["mounts"] = outer.mounted(options.get("mounts"))
        return httpx.AsyncClient(transport=outer, **options)
    except BaseException:
        outer.shutdown()
        raise
