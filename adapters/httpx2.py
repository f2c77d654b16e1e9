"""httpx2, the fork of httpx, behind the guard: SDKs that take its clients are screened.

import anthropic
from guardrail.adapters.httpx2 import guarded_client

client = anthropic.Anthropic(http_client=guarded_client("default", log="sqlite:///attempts.db"))
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
    import httpx2
except ImportError as missing:
    raise ConfigurationError(
        "httpx2 is not installed: pip install 'likeness-guardrail[httpx2]'"
    ) from missing

__all__ = ["AsyncGuardTransport", "GuardTransport", "guarded_async_client", "guarded_client"]


class _Released(Released, httpx2.SyncByteStream):
    pass


class _AsyncReleased(AsyncReleased, httpx2.AsyncByteStream):
    pass


_LIBRARY = Library(
    "httpx2",
    httpx2.Request,
    httpx2.Response,
    httpx2.HTTPTransport,
    httpx2.AsyncHTTPTransport,
    _Released,
    _AsyncReleased,
    httpx2.DecodingError,
)


class GuardTransport(SyncGuarding[httpx2.Request, httpx2.Response], httpx2.BaseTransport):
    """Any httpx2 transport, behind a guard.

    policy: a shipped policy's name, a file, or a loaded Policy. log: where attempts are kept, a URL
    or a log; None: the default place. caller, conversation: a value, or a function that is asked at
    every call. transport: what is guarded; None: httpx2's own.
    guard: used instead of `policy` and `log`.
    Raises ConfigurationError when the policy or log cannot be opened.
    """

    _library = _LIBRARY


class AsyncGuardTransport(
    AsyncGuarding[httpx2.Request, httpx2.Response], httpx2.AsyncBaseTransport
):
    """As `GuardTransport`, for `httpx2.AsyncClient`."""

    _library = _LIBRARY


def guarded_client(
    policy: str | Path | Policy = "default",
    *,
    log: str | AttemptLog | None = None,
    caller: Callable[[], Caller] | Caller = NOBODY,
    conversation: Callable[[], str] | str = "",
    guard: Guard | None = None,
    **options: Any,
) -> httpx2.Client:
    """An `httpx2.Client` with its transport, its proxy and its mounts behind one guard.

    options: as for `httpx2.Client`. Proxies named by the environment are not used: give `proxy`.
    The rest, and what is raised: as for `GuardTransport`.
    """
    inner = inner_transport(httpx2.HTTPTransport, options)
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
        return httpx2.Client(transport=outer, **options)
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
) -> httpx2.AsyncClient:
    """As `guarded_client`, under asyncio."""
    inner = inner_transport(httpx2.AsyncHTTPTransport, options)
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
        return httpx2.AsyncClient(transport=outer, **options)
    except BaseException:
        outer.shutdown()
        raise
