"""The real proxy in a process of its own, with the stand-in server behind it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openai

from guardrail.log import Log, open_log
from guardrail.log.query import AttemptRow
from guardrail.log.stats import StatsRow
from guardrail.testing import StandInServer
from tests.adapters.cases import said

ROOT = Path(__file__).parents[3]
MASTER_KEY = "sk-a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718"
SECONDS = 240.0
"""A proxy is given to come up: it imports much, beside other tests."""

AUTH = """
from litellm.proxy._types import ProxyException, UserAPIKeyAuth

ADULT = {"tier": "adult", "age_verified": True, "jurisdiction": "US", "language": "en"}
KEYS = {
    "sk-free": {"user_id": "u1"},
    "sk-adult": {"user_id": "u2", "metadata": {"guardrail": ADULT}},
    "sk-team": {"user_id": "u3", "team_id": "t1", "team_metadata": {"guardrail": ADULT}},
    "sk-japan": {"user_id": "u4", "metadata": {"guardrail": {**ADULT, "jurisdiction": "JP"}}},
    "sk-opted-out": {
        "user_id": "u5",
        "metadata": {"disable_global_guardrails": True, "opted_out_global_guardrails": ["g"]},
        "team_metadata": {"disable_global_guardrails": True, "guardrails": []},
    },
    "sk-odd": {"user_id": "u6", "metadata": {"guardrail": {"tier": ["adult"], "age_verified": 1}}},
}


async def known(request, api_key):
    if api_key not in KEYS:
        raise ProxyException("no such key", "auth_error", "key", 401)
    return UserAPIKeyAuth(api_key=api_key, **KEYS[api_key])
"""

MODELS = """
model_list:
  - model_name: m
    litellm_params: {model: openai/m, api_base: "ORIGIN/v1", api_key: k}
  - model_name: text
    litellm_params: {model: text-completion-openai/m, api_base: "ORIGIN/v1", api_key: k}
  - model_name: studio
    litellm_params: {model: openai/gpt-image-1, api_base: "ORIGIN/v1", api_key: k}
  - model_name: claude
    litellm_params: {model: anthropic/claude-sonnet-4-5, api_base: "ORIGIN", api_key: k}
  - model_name: gem
    litellm_params: {model: gemini/gemini-2.5-flash, api_base: "ORIGIN", api_key: k}
  - model_name: film
    litellm_params: {model: openai/sora-2, api_base: "ORIGIN/v1", api_key: k}
  - model_name: voice
    litellm_params: {model: openai/tts-1, api_base: "ORIGIN/v1", api_key: k}
  - model_name: ear
    litellm_params: {model: openai/whisper-1, api_base: "ORIGIN/v1", api_key: k}
  - model_name: down
    litellm_params: {model: openai/m, api_base: "http://127.0.0.1:9/v1", api_key: k}
router_settings:
  fallbacks: [{down: [m]}]
  num_retries: 0
general_settings:
  custom_auth: custom_keys.known
  pass_through_endpoints:
    - {path: /own/v1/images/edits, target: "ORIGIN/v1/images/edits", auth: true}
    - {path: /open/v1/chat/completions, target: "ORIGIN/v1/chat/completions", auth: false}
    - {path: /own/anything, target: "ORIGIN/v1/chat/completions", auth: true}
"""

AS_CALLBACK = """
litellm_settings:
  callbacks: guardrail.adapters.litellm_proxy.handler_instance
callback_settings:
  guardrail: SETTINGS
"""

AS_GUARDRAIL = """
guardrails:
  - guardrail_name: g
    litellm_params:
      <<: SETTINGS
      guardrail: guardrail.adapters.litellm_proxy.GuardrailHooks
      mode: pre_call
      default_on: true
"""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running proxy: where it listens, what is behind it, its log as another process sees it."""

    url: str
    upstream: StandInServer
    log: Log
    http: httpx.Client
    database: Path

    def totals(self) -> StatsRow:
        return self.log.stats().total

    def flagged(self) -> AttemptRow:
        """The newest attempt that is kept in full."""
        return next(iter(self.log.attempts()))

    def ended(self, outcome: str) -> AttemptRow:
        """The newest attempt, once it has ended so."""
        for _ in range(200):
            found = next(iter(self.log.attempts()), None)
            if found is not None and found.outcome == outcome:
                return found
            time.sleep(0.05)
        raise AssertionError(f"{outcome}: {found}")

    def post(self, path: str, key: str = "sk-free", **fields: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {key}", **fields.pop("headers", {})}
        return self.http.post(path, headers=headers, **fields)

    def get(self, path: str, key: str = "sk-free") -> httpx.Response:
        return self.http.get(path, headers={"authorization": f"Bearer {key}"})


def chat(client: openai.OpenAI, text: str = "hello", **fields: Any) -> Any:
    """Ask for a chat completion."""
    create: Any = client.chat.completions.create
    return create(**{"model": "m", "messages": said(text), **fields})


def config(folder: Path, origin: str, guard: str, **settings: object) -> Path:
    """Write a proxy's config.yaml and its keys."""
    (folder / "custom_keys.py").write_text(AUTH)
    (folder / "config.yaml").write_text(
        MODELS.replace("ORIGIN", origin) + guard.replace("SETTINGS", repr(settings))
    )
    return folder / "config.yaml"


def command(path: Path, port: int) -> list[str]:
    litellm = str(Path(sys.executable).with_name("litellm"))
    return [litellm, "--config", str(path), "--host", "127.0.0.1", "--port", str(port)]


def environment(origin: str) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_MASTER_KEY": MASTER_KEY,
        "LITELLM_LOG": "ERROR",
        "NO_PROXY": "*",
        "OPENAI_API_BASE": origin,
        "OPENAI_API_KEY": "k",
        "ANTHROPIC_API_BASE": origin,
        "ANTHROPIC_API_KEY": "k",
        "GEMINI_API_BASE": origin,
        "GEMINI_API_KEY": "k",
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def proxy(folder: Path, upstream: StandInServer, guard: str, **settings: object) -> Iterator[Proxy]:
    """Run the proxy until the block is left."""
    log = f"sqlite:///{folder}/attempts.db"
    path = config(folder, upstream.origin, guard, log=log, **settings)
    port = free_port()
    said = folder / "proxy.log"
    with said.open("wb") as out:
        process = subprocess.Popen(
            command(path, port), env=environment(upstream.origin), stdout=out, stderr=out
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait(process, url, said)
            with (
                open_log(log, readonly=True) as read,
                httpx.Client(base_url=url, timeout=60, follow_redirects=True) as http,
            ):
                yield Proxy(url, upstream, read, http, folder / "attempts.db")
        finally:
            process.terminate()
            process.wait(60)


def failing(folder: Path, guard: str, **settings: object) -> str:
    """Start a proxy that must not come up; what it said."""
    path = config(folder, "http://127.0.0.1:9", guard, **settings)
    run = subprocess.run(
        command(path, free_port()),
        env=environment("http://127.0.0.1:9"),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert run.returncode != 0
    return run.stdout + run.stderr


def wait(process: subprocess.Popen[bytes], url: str, said: Path) -> None:
    """Return when the proxy answers; fail with what it said when it does not."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{url}/health/liveliness", timeout=2).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(said.read_text()[-4000:])
