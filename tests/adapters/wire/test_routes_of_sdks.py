"""Which codec a path of Anthropic's or Google's belongs to, and what is refused."""

from __future__ import annotations

import pytest

from guardrail.adapters.wire.codec import Codec
from guardrail.adapters.wire.http import Call
from guardrail.adapters.wire.routes import Passed
from guardrail.adapters.wire.table import known_routes

VERTEX = "/v1/projects/p/locations/global/publishers"

FOUND = [
    ("POST", "/v1/messages", "anthropic.messages"),
    ("POST", "/proxy/anthropic/v1/messages", "anthropic.messages"),
    ("POST", f"{VERTEX}/anthropic/models/claude-x@20250101:rawPredict", "anthropic.messages"),
    ("POST", f"{VERTEX}/anthropic/models/claude-x:streamRawPredict", "anthropic.messages"),
    ("POST", "/v1/complete", "anthropic.complete"),
    ("POST", "/v1beta/models/gemini-x:generateContent", "gemini.generate"),
    ("POST", "/v1/models/gemini-x:streamGenerateContent", "gemini.generate"),
    ("POST", "/v1beta/tunedModels/mine:generateContent", "gemini.generate"),
    ("POST", f"{VERTEX}/google/models/gemini-x:generateContent", "gemini.generate"),
    ("POST", "/v1/projects/p/locations/l/endpoints/7:generateContent", "gemini.generate"),
    ("POST", f"{VERTEX}/google/models/imagen-4:predict", "gemini.predict"),
    ("POST", "/v1beta/models/veo-3:predictLongRunning", "gemini.predict_long_running"),
]
PASSED = [
    ("POST", "/v1/messages/count_tokens"),
    ("POST", f"{VERTEX}/anthropic/models/count-tokens:rawPredict"),
    ("GET", "/v1/models/claude-x"),
    ("POST", "/v1beta/models/gemini-x:countTokens"),
    ("POST", "/v1beta/models/gemini-x:batchEmbedContents"),
    ("GET", "/v1beta/models/gemini-x"),
    ("GET", "/v1beta/models/veo-3/operations/7"),
]
REFUSED = [
    ("POST", "/v1/messages/batches"),
    ("GET", "/v1/messages/batches/b/results"),
    ("POST", "/v1/agents"),
    ("POST", "/v1/files"),
    ("POST", "/v1beta/models/gemini-x:batchGenerateContent"),
    ("POST", "/v1beta/models/gemini-x:bidiGenerateContent"),
    ("POST", "/v1beta/models/gemini-x%3AgenerateContent"),
    ("POST", "/v1beta/models/a:b:generateContent"),
    ("POST", "/v1beta/cachedContents"),
    ("POST", "/v1beta/interactions"),
    ("POST", f"{VERTEX}/meta/models/llama:rawPredict"),
    ("GET", "/v1beta/models/gemini-x:generateContent/../x"),
    ("PUT", "/v1/messages"),
]


@pytest.mark.parametrize(("method", "path", "name"), FOUND)
def test_a_route_that_generates_has_its_codec(method: str, path: str, name: str) -> None:
    found = known_routes().find(Call(method, path))
    assert isinstance(found, Codec)
    assert found.name == name


@pytest.mark.parametrize(("method", "path"), PASSED)
def test_a_route_that_generates_nothing_is_passed_on(method: str, path: str) -> None:
    assert isinstance(known_routes().find(Call(method, path)), Passed)


@pytest.mark.parametrize(("method", "path"), REFUSED)
def test_any_other_route_is_refused(method: str, path: str) -> None:
    found = known_routes().find(Call(method, path))
    assert isinstance(found, Codec)
    assert found.name == "unknown"


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "x-http-method", "x-method-override"])
def test_a_header_that_names_another_method_is_refused(name: str) -> None:
    for call in (Call("POST", "/v1/messages"), Call("GET", "/v1/models")):
        found = known_routes().find(Call(call.method, call.path, headers=((name, "POST"),)))
        assert isinstance(found, Codec)
        assert found.name == "unknown"
