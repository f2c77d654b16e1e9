"""LiteLLM is imported once, and its own warnings do not fail our tests."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from guardrail.adapters.litellm import GuardedLiteLLM
from guardrail.guard import Guard, UnsafeNoLog
from guardrail.testing import StandInServer
from guardrail.testing.fakes import MemoryLog

from .cases import FREE

HERE = Path(__file__).parent
THIRD_PARTY = (
    "ignore::DeprecationWarning:litellm",
    "ignore::DeprecationWarning:pydantic",
    "ignore::UserWarning:pydantic",
    "ignore::ResourceWarning",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents and item.path.name != "test_stand_in_server.py":
            for line in THIRD_PARTY:
                item.add_marker(pytest.mark.filterwarnings(line))


@pytest.fixture(scope="session", autouse=True)
def _litellm_imported() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from guardrail.adapters._litellm_support import litellm

        litellm().suppress_debug_info = True


@pytest.fixture(scope="session")
def running() -> Iterator[StandInServer]:
    with StandInServer() as server:
        yield server


@pytest.fixture
def server(running: StandInServer) -> StandInServer:
    running.reset()
    return running


@pytest.fixture(scope="session")
def loaded() -> Guard:
    """The default policy and its detectors, loaded once."""
    return Guard(log=UnsafeNoLog())


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def client(loaded: Guard, log: MemoryLog, server: StandInServer) -> GuardedLiteLLM:
    guard = Guard(loaded.policy, log=log, detectors=loaded.detectors)
    return GuardedLiteLLM(guard=guard, caller=FREE, api_base=server.url, api_key="k", max_retries=0)
