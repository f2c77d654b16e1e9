"""No way round: what nobody screens is refused, and so is what cannot be read."""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.adapters.cases import FORBIDDEN

from .running import Proxy

REFUSED = (
    "/mcp",
    "/mcp-rest/tools/call",
    "/some_server/mcp",
    "/a2a/agent/message/send",
    "/v1/assistants",
    "/v1/threads/t/messages",
    "/v1/threads/t/runs",
    "/v1/batches",
    "/v1/files",
    "/v1/fine_tuning/jobs",
    "/v1/realtime/client_secrets",
    "/v1/responses/compact",
    "/v1/interactions",
    "/v1/rag/query",
    "/v1/search",
    "/v1/ocr",
    "/v1/evals",
    "/v1/vector_stores/v/search",
    "/prompts/test",
    "/usage/ai/chat",
    "/health/test_connection",
    "/bedrock/model/m/invoke",
    "/openai/v1/files",
    "/own/anything",
    "/v1/chat/completions/../embeddings",
    "/v1/chat%2Fcompletions",
)


@pytest.mark.parametrize("path", REFUSED)
def test_what_nobody_screens_is_refused_on_record(guarded: Proxy, path: str) -> None:
    before = guarded.totals().refused
    answer = guarded.post(path, json={"model": "m", "input": FORBIDDEN})
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "unguarded_operation"
    assert guarded.totals().refused == before + 1
    assert guarded.upstream.requests == []


@pytest.mark.parametrize("path", ["/v1/realtime?model=m", "/openai/v1/realtime", "/v1/responses"])
def test_no_socket_is_opened(guarded: Proxy, path: str) -> None:
    address = guarded.url.replace("http", "ws", 1) + path
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(address, additional_headers={"authorization": "Bearer sk-free"}),
    ):
        pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    "path", ["/v1/files/f/content", "/openai/v1/videos/v", "/v1/threads/t", "/v1/containers/c"]
)
def test_what_may_have_been_generated_is_not_fetched(guarded: Proxy, path: str) -> None:
    answer = guarded.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "unguarded_operation"
    assert guarded.upstream.requests == []


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b'{"model": "m", "messages": [', "application/json", 400),
        (b'{"model": "m", "messages": [], "messages": []}', "application/json", 400),
        (b"model=m", "application/x-www-form-urlencoded", 415),
        (b'{"model": "m", "messages": []}', "text/plain", 415),
        (b'{"model": "m"}', "multipart/form-data; boundary=x", 415),
    ],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/openai/v1/chat/completions"])
def test_what_cannot_be_read_is_refused(
    guarded: Proxy, path: str, content: bytes, kind: str, status: int
) -> None:
    answer = guarded.post(path, content=content, headers={"content-type": kind})
    assert answer.status_code in (status, 400)
    assert guarded.upstream.requests == []


@pytest.mark.parametrize("path", ["/openai/v1/images/edits", "/own/v1/images/edits"])
def test_json_under_the_name_of_a_form_is_refused(guarded: Proxy, path: str) -> None:
    answer = guarded.post(
        path,
        content=b'{"model": "m", "prompt": "a garden in autumn"}',
        headers={"content-type": "multipart/form-data; boundary=x"},
    )
    assert answer.status_code == 400
    assert guarded.upstream.requests == []


def test_pages_and_settings_are_there(guarded: Proxy) -> None:
    assert guarded.get("/health/readiness").status_code == 200
    assert "text/html" in guarded.get("/ui/").headers["content-type"]
    assert "unguarded" not in guarded.post("/key/generate", json={}).text


def test_a_key_nobody_knows_gets_the_proxys_own_answer(guarded: Proxy) -> None:
    before = guarded.totals().opened
    answer = guarded.post(
        "/v1/chat/completions", key="sk-none", json={"model": "m", "messages": []}
    )
    assert answer.status_code == 401
    assert guarded.totals().opened == before
