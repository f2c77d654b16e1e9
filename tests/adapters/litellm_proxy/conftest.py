"""One proxy for all tests of this folder: it takes seconds to start."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec

import openai
import pytest

from guardrail.testing import StandInServer

from .running import AS_CALLBACK, Proxy, proxy


@pytest.fixture(scope="session", autouse=True)
def _installed() -> None:
    if find_spec("litellm_proxy_extras") is None:
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing("the LiteLLM proxy is missing: pip install 'likeness-guardrail[proxy]'")


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with (
        StandInServer() as upstream,
        proxy(tmp_path_factory.mktemp("proxy"), upstream, AS_CALLBACK, timeout_s=5.0) as running,
    ):
        yield running


@pytest.fixture
def guarded(started: Proxy) -> Proxy:
    started.upstream.reset()
    return started


@pytest.fixture
def client(guarded: Proxy) -> openai.OpenAI:
    """A client of the free tier."""
    return openai.OpenAI(base_url=f"{guarded.url}/v1", api_key="sk-free")


@pytest.fixture
def adult(client: openai.OpenAI) -> openai.OpenAI:
    """A client of the adult tier, age verified."""
    return client.with_options(api_key="sk-adult")
