"""How the middleware is set up, in code or by the environment; its start and its end."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from guardrail.adapters.asgi import GuardMiddleware
from guardrail.adapters.asgi_http import Scope
from guardrail.adapters.asgi_settings import PassThrough, asked
from guardrail.errors import ConfigurationError
from guardrail.log import open_log
from guardrail.records import Caller

from .asgi_apps import CHAT, Chat, said, within
from .cases import ADULT, FORBIDDEN, GATED

NAME = "guardrail.adapters.asgi.GuardMiddleware"


def who(scope: Scope) -> Caller:
    """Whoever asks for anything is an adult, here."""
    assert scope["type"] == "http"
    return ADULT


def _application() -> FastAPI:
    app = FastAPI()

    @app.post(CHAT)
    async def chat(request: Request) -> Any:
        message = {"role": "assistant", "content": "Fine."}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {"model": (await request.json())["model"], "choices": [choice]}

    @app.post("/feedback")
    async def feedback() -> Any:
        return {"thanks": True}

    return app


def test_a_server_that_is_told_its_name_is_guarded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'attempts.db'}"
    monkeypatch.setenv("GUARDRAIL_LOG", url)
    monkeypatch.setenv("GUARDRAIL_POLICY", "strict")
    monkeypatch.setenv("GUARDRAIL_CALLER", f"{__name__}:who")
    monkeypatch.setenv("GUARDRAIL_PASS_THROUGH", "/feedback, /files/*")
    module, _, name = NAME.rpartition(".")
    imported: Any = getattr(importlib.import_module(module), name)
    assert inspect.isclass(imported)
    app = _application()
    app.add_middleware(cast("Any", imported))
    with TestClient(app) as client:
        assert client.post(CHAT, json=said(FORBIDDEN)).status_code == 400
        assert client.post(CHAT, json=said("a garden")).json()["model"] == "m"
        assert client.post("/feedback").json() == {"thanks": True}
        assert client.post("/other").status_code == 404
    with TestClient(app) as client:
        assert client.post(CHAT, json=said("a house")).status_code == 200
    with open_log(url) as log:
        rows = list(log.attempts())
    assert [row.outcome for row in rows] == ["refused", "refused"]


async def test_what_is_given_counts_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GUARDRAIL_POLICY", "no such policy")
    monkeypatch.setenv("GUARDRAIL_LOG", "nosuch://log")
    monkeypatch.setenv("GUARDRAIL_CALLER", "")
    log = f"sqlite:///{tmp_path / 'attempts.db'}"
    app = GuardMiddleware(Chat("Fine."), "default", log=log, caller=ADULT)
    async with within(app) as client:
        reply = await client.post(CHAT, json=said(GATED))
    app.close()
    assert reply.status_code == 200
    assert (tmp_path / "attempts.db").exists()


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("no.such.module:who", "cannot be imported"),
        ("guardrail.records:nobody", "cannot be imported"),
        ("not a name", "cannot be imported"),
        ("sys:path", "no function"),
    ],
)
def test_a_caller_that_is_none_is_said_at_once(
    monkeypatch: pytest.MonkeyPatch, name: str, problem: str
) -> None:
    monkeypatch.setenv("GUARDRAIL_CALLER", name)
    with pytest.raises(ConfigurationError, match=problem) as wrong:
        GuardMiddleware(Chat())
    assert "GUARDRAIL_CALLER" in str(wrong.value)


@pytest.mark.parametrize("path", ["/*", "feedback", "/a/*/b", "/a*", "*", ""])
def test_paths_that_say_nothing_or_everything_are_refused(path: str) -> None:
    with pytest.raises(ConfigurationError, match="pass_through"):
        PassThrough.of([path])


def test_one_path_is_no_list() -> None:
    with pytest.raises(ConfigurationError, match="a list"):
        PassThrough.of("/feedback")


def test_a_policy_that_does_not_load_fails_the_start(tmp_path: Path) -> None:
    policy = tmp_path / "bad.yaml"
    policy.write_text("rules: 3")
    app = _application()
    app.add_middleware(GuardMiddleware, policy, log=f"sqlite:///{tmp_path / 'a.db'}")
    with pytest.raises(ConfigurationError, match=r"bad\.yaml"), TestClient(app):
        pass


@pytest.mark.parametrize("answer", [3, "abc", None])
async def test_a_value_is_asked_plainly_and_later(answer: Any) -> None:
    async def later(scope: Scope) -> Any:
        return scope.get("answer")

    def plain(scope: Scope) -> Any:
        return scope.get("answer")

    scope = {"answer": answer}
    for source in (answer, plain, later):
        assert await asked(cast("Any", source), scope) == answer


def test_the_middleware_needs_no_framework() -> None:
    code = (
        "import sys, guardrail.adapters.asgi\n"
        "heavy = {'starlette', 'fastapi', 'uvicorn', 'httpx', 'litellm'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
