"""Calls made up from the gateway's own OpenAPI document, valid ones and others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from guardrail.adapters.wire.table import known_routes
from guardrail.serve.openapi import document
from guardrail.serve.served import Served
from guardrail.testing import StandInServer
from tests.serve.support import FREE_KEY, Running, config_of, counted, gateway, written


def _any(value: Any) -> Any:
    return value


SCHEMA = schemathesis.openapi.from_dict(document(Served.of(known_routes()).rows))
FOUND: list[Any] = [found.ok() for found in map(_any, SCHEMA.get_all_operations())]
OPERATIONS = [found for found in FOUND if found.path not in ("/healthz", "/readyz")]
NAMES = [f"{operation.method.upper()} {operation.path}" for operation in OPERATIONS]
CHECKS = [response_schema_conformance, content_type_conformance, status_code_conformance]
BAD = 400
UNKNOWN = 401
EXAMPLES = 12


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('schema') / 'attempts.db'}"


@pytest.fixture(scope="module")
def asked() -> list[str]:
    """The operations that were called in this process."""
    return []


@pytest.fixture(scope="module")
def running(
    log: str, asked: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    with StandInServer() as server:
        config = config_of(server.url.removesuffix("/v1"), log)
        with gateway(written(tmp_path_factory.mktemp("config"), config)) as found:
            yield found
            assert found.end() == 0
    calls = [json.loads(line) for line in found.lines if line.startswith("{")]
    known = [call for call in calls if call["status"] != UNKNOWN]
    read = [call for call in known if call["route"] != "passed"]
    assert len(known) > 4 * len(asked)
    assert all(call["attempt"] for call in read)
    ended = counted(log)
    assert ended["opened"] == len(read) == sum(ended.values()) - ended["opened"]


def is_told(operation: Any, reply: httpx.Response) -> None:
    """An error is in the words of the protocol, with no more of a failure than its name."""
    error = reply.json()["error"]
    assert error["message"]
    if operation.path.endswith("messages") or "count_tokens" in operation.path:
        assert reply.json()["type"] == "error"
        assert error["type"]
    elif "models/" in operation.path and operation.method == "post":
        assert error["code"] == reply.status_code
        assert error["details"][0]["reason"]
    else:
        assert error["type"]
        assert error["code"]
    assert "internal_error" not in reply.text.lower()


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
def test_every_call_is_answered_as_the_document_says(
    operation: Any, running: Running, asked: list[str]
) -> None:
    asked.append(operation.path)
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
    cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in modes))
    (name,) = operation.definition.raw["security"][0]
    key = {"authorization": f"Bearer {FREE_KEY}"} if name == "bearer" else {name: FREE_KEY}

    @seed(5)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def check(case: Any) -> None:
        reply = case.call(base_url=running.url, headers=key)
        case.validate_response(reply, checks=CHECKS)
        if reply.status_code >= BAD:
            is_told(operation, reply)

    check()
