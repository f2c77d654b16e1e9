"""Nobody opts out: not by the request, not by the key, not by the team; whichever way it is set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.adapters.cases import FORBIDDEN, FORBIDDEN_OUTPUT, said

from .running import AS_GUARDRAIL, Proxy, proxy

WAYS: tuple[dict[str, Any], ...] = (
    {},
    {"guardrails": []},
    {"guardrails": ["another"]},
    {"disable_global_guardrails": True},
    {"metadata": {"guardrails": [], "disable_global_guardrails": True}},
    {"metadata": {"opted_out_global_guardrails": ["g"]}},
    {"litellm_metadata": {"guardrails": [], "disable_global_guardrail": True}},
    {"no-log": True, "cache": {"no-cache": True}},
)


@pytest.fixture(scope="session")
def as_guardrail(started: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """A proxy that has the guard as an entry of `guardrails`."""
    folder = tmp_path_factory.mktemp("guardrail")
    with proxy(folder, started.upstream, AS_GUARDRAIL, unsafe_unscreened_routes=["/v1/ocr"]) as it:
        yield it


@pytest.fixture(params=["callbacks", "guardrails"])
def either(request: pytest.FixtureRequest, guarded: Proxy) -> Proxy:
    if request.param == "callbacks":
        return guarded
    found: Proxy = request.getfixturevalue("as_guardrail")
    found.upstream.reset()
    return found


@pytest.mark.parametrize("key", ["sk-free", "sk-opted-out"])
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_nobody_opts_out(either: Proxy, key: str, way: dict[str, Any]) -> None:
    body = {"model": "m", "messages": said(FORBIDDEN), **way}
    answer = either.post("/v1/chat/completions", key, json=body)
    assert answer.json()["error"]["code"] == "moderation_blocked"
    assert either.upstream.requests == []
    assert either.flagged().outcome == "refused"


@pytest.mark.parametrize("streams", [False, True])
def test_nobody_opts_out_of_what_comes_back(either: Proxy, streams: bool) -> None:
    either.upstream.reply(FORBIDDEN_OUTPUT)
    body = {"model": "m", "messages": said("a garden in autumn"), "guardrails": []}
    answer = either.post("/v1/chat/completions", "sk-opted-out", json={**body, "stream": streams})
    assert FORBIDDEN_OUTPUT not in answer.text
    assert either.flagged().outcome == "refused"


def test_an_operator_can_let_a_route_through(as_guardrail: Proxy) -> None:
    before = as_guardrail.totals().opened
    answer = as_guardrail.post("/v1/ocr", json={"model": "m", "document": {}})
    assert "unguarded_operation" not in answer.text
    assert as_guardrail.totals().opened == before
