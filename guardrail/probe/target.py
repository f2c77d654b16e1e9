"""What is to be probed: a URL, a shipped adapter by name, or an object of the user's own."""

from __future__ import annotations

import os
import pkgutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from guardrail.adapters.service import required
from guardrail.errors import ConfigurationError
from guardrail.probe.doors import AsyncDoor, Door, HttpDoor
from guardrail.probe.functions import FunctionDoor, chat_door, litellm_door
from guardrail.probe.logbook import Logbook
from guardrail.probe.run import Prober, Settings
from guardrail.probe.standin import StandIn
from guardrail.records import Caller
from guardrail.testing import StandInServer

CALLER = Caller(id="guardrail-probe", app="guardrail-doctor")
"""Who asks, where nobody else says."""

_ENVIRONMENT = {
    "OPENAI_BASE_URL": "/v1",
    "ANTHROPIC_BASE_URL": "",
    "GOOGLE_GEMINI_BASE_URL": "",
    "MISTRAL_BASE_URL": "",
}
_KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "MISTRAL_API_KEY")


@dataclass(frozen=True, slots=True)
class Opening:
    """How it is opened.

    target: a URL, one of `ADAPTERS`, or `module:object`. policy: of a shipped adapter. log: the
    URL of the log that the target writes; None: nothing is looked up. limit: seconds a request.
    upstream: the port on which a stand-in for the model's server is to listen, 0 for a free one;
    None: none. ready: called with the stand-in's address once it listens.
    """

    target: str
    settings: Settings
    policy: str = "default"
    log: str | None = None
    limit: float = 30.0
    upstream: int | None = None
    ready: Callable[[str], object] = field(default=lambda _: None, repr=False)


@contextmanager
def opened(opening: Opening) -> Iterator[Prober]:
    """What is to be probed, until the block is left.

    Raises ConfigurationError where there is no such thing, where it cannot be probed, or where an
    extra is missing.
    """
    with ExitStack() as stack:
        if opening.target.startswith(("http://", "https://")):
            yield _at_url(opening, stack)
        elif opening.target in ADAPTERS:
            yield _shipped(opening, stack)
        elif ":" in opening.target:
            yield _own(opening, stack)
        else:
            raise ConfigurationError(
                f"{opening.target!r} cannot be probed; give a URL, module:object, or one of "
                f"{', '.join(ADAPTERS)}"
            )


def _at_url(opening: Opening, stack: ExitStack) -> Prober:
    url = httpx.URL(opening.target)
    if url.userinfo or url.query:
        raise ConfigurationError("the URL holds a user or a query; give a key with --key-env")
    root = str(url).rstrip("/").removesuffix("/v1")
    standin = None
    if opening.upstream is not None:
        standin = _standin(stack, opening.upstream)
        opening.ready(standin.server.origin)
    fresh = httpx.Limits(max_keepalive_connections=0)  # one that died is no answer
    door = HttpDoor(root, httpx.Client(limits=fresh), root, opening.limit)
    stack.callback(door.close)
    return _prober(door, opening, stack, standin)


def _own(opening: Opening, stack: ExitStack) -> Prober:
    """The user's own: its settings lead to the stand-in before it is imported."""
    standin = _standin(stack, opening.upstream or 0)
    given = {name: standin.server.origin + path for name, path in _ENVIRONMENT.items()}
    given |= {name: "stand-in" for name in _KEYS if name not in os.environ}
    stack.callback(_restored, {name: os.environ.get(name) for name in given})
    os.environ.update(given)
    if not any(Path(path or ".").resolve() == Path.cwd() for path in sys.path):
        sys.path.insert(0, str(Path.cwd()))
    try:
        found = pkgutil.resolve_name(opening.target)
    except Exception as problem:
        said = f"{type(problem).__name__}: {problem}"
        raise ConfigurationError(f"{opening.target} cannot be imported ({said})") from problem
    door = _door_of(opening.target, found, standin.server.origin, opening.limit)
    stack.callback(door.close)
    return _prober(door, opening, stack, standin)


def _shipped(opening: Opening, stack: ExitStack) -> Prober:
    """A shipped adapter, over a log of its own unless one is given."""
    standin = _standin(stack, opening.upstream or 0)
    log = opening.log
    if log is None:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="guardrail-probe-"))
        log = f"sqlite:///{folder}/attempts.db"
    given = {
        "policy": opening.policy,
        "log": log,
        "caller": CALLER,
        "conversation": f"guardrail-probe-{opening.settings.run}",
    }
    door = ADAPTERS[opening.target](opening, standin.server.origin, given)
    prober = _prober(door, replace(opening, log=None), stack, standin)
    stack.callback(door.close)
    made = stack.enter_context(_made(log))
    return replace(prober, logbook=made)


@contextmanager
def _made(url: str) -> Iterator[Logbook]:
    """The log of an adapter, which may not have been written to yet."""
    from guardrail.log import open_log

    open_log(url).shutdown()
    logbook = Logbook.opened(url)
    try:
        yield logbook
    finally:
        logbook.close()


def _prober(door: Door, opening: Opening, stack: ExitStack, standin: StandIn | None) -> Prober:
    logbook = None
    if opening.log is not None:
        logbook = Logbook.opened(opening.log)
        stack.callback(logbook.close)
    return Prober(door, opening.settings, standin, logbook)


def _standin(stack: ExitStack, port: int) -> StandIn:
    try:
        return StandIn(stack.enter_context(StandInServer(port=port)))
    except OSError as problem:
        raise ConfigurationError(
            f"the stand-in cannot listen on port {port} ({problem.strerror}); choose another"
        ) from problem


def _restored(before: Mapping[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _door_of(name: str, found: Any, origin: str, limit: float) -> Door:
    """The door to an object of the user's own."""
    found = getattr(found, "_client", found)
    if (door := _http_door(name, found, origin, limit)) is not None:
        return door
    if type(found).__module__ == "guardrail.adapters.litellm":
        return litellm_door(name, found, origin, lambda: None)
    if type(found).__module__ == "guardrail.adapters.langchain":
        return _langchain_door(name, found, lambda: None)
    if callable(found) and not isinstance(found, type):
        return _app_door(name, found, limit)
    raise ConfigurationError(
        f"{name} is a {type(found).__name__}, which cannot be probed; an ASGI application, an "
        "httpx client or transport, an SDK's client, a GuardedLiteLLM or a GuardedChatModel can"
    )


def _http_door(name: str, found: Any, origin: str, limit: float) -> Door | None:
    """The door through a client or a transport; None where it is neither."""
    match found:
        case httpx.Client():
            return HttpDoor(name, found, origin, limit)
        case httpx.AsyncClient():
            return AsyncDoor(name, lambda: found, origin, limit)
        case httpx.BaseTransport():
            return HttpDoor(name, httpx.Client(transport=found), origin, limit)
        case httpx.AsyncBaseTransport():
            return AsyncDoor(name, lambda: httpx.AsyncClient(transport=found), origin, limit)
    return None


def _app_door(name: str, app: Any, limit: float) -> AsyncDoor:
    def client() -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(app))

    return AsyncDoor(name, client, "http://app", limit, app)


def _httpx(opening: Opening, origin: str, given: Mapping[str, Any]) -> Door:
    from guardrail.adapters.httpx import GuardTransport

    client = httpx.Client(transport=GuardTransport(**given))
    return HttpDoor(opening.target, client, origin, opening.limit)


def _httpx_async(opening: Opening, origin: str, given: Mapping[str, Any]) -> Door:
    from guardrail.adapters.httpx import AsyncGuardTransport

    transport = AsyncGuardTransport(**given)
    make = partial(httpx.AsyncClient, transport=transport)
    return AsyncDoor(opening.target, make, origin, opening.limit)


def _asgi(opening: Opening, origin: str, given: Mapping[str, Any]) -> Door:
    from guardrail.adapters.asgi import GuardMiddleware
    from guardrail.probe.forward import Forward

    return _app_door(opening.target, GuardMiddleware(Forward(origin), **given), opening.limit)


def _litellm(opening: Opening, origin: str, given: Mapping[str, Any]) -> Door:
    from guardrail.adapters.litellm import GuardedLiteLLM

    client = GuardedLiteLLM(**given)
    return litellm_door(opening.target, client, origin, client.close)


def _langchain(opening: Opening, origin: str, given: Mapping[str, Any]) -> Door:
    required("langchain_openai", "langchain")
    from langchain_openai import ChatOpenAI

    from guardrail.adapters.langchain import GuardedChatModel

    server: Mapping[str, Any] = {"base_url": f"{origin}/v1", "api_key": "stand-in"}
    model = GuardedChatModel(ChatOpenAI(model="stand-in", max_retries=0, **server), **given)
    return _langchain_door(opening.target, model, model.close)


def _langchain_door(name: str, model: Any, shut: Callable[[], object]) -> FunctionDoor:
    return chat_door(name, model.invoke, lambda text: iter(model.stream(text)), shut)


ADAPTERS: Mapping[str, Callable[[Opening, str, Mapping[str, Any]], Door]] = {
    "httpx": _httpx,
    "httpx-async": _httpx_async,
    "asgi": _asgi,
    "litellm": _litellm,
    "langchain": _langchain,
}
"""The shipped adapters that can be probed by name."""
