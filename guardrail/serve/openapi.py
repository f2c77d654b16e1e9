"""What a gateway serves, as an OpenAPI 3.1 document."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from guardrail import __version__

if TYPE_CHECKING:
    from guardrail.serve.served import Row

_ERRORS = {"openai": "OpenAIError", "anthropic": "AnthropicError", "gemini": "GeminiError"}
_KEYS = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "x-goog-api-key": {"type": "apiKey", "in": "header", "name": "x-goog-api-key"},
}
_KEY_OF = {"openai": "bearer", "anthropic": "x-api-key", "gemini": "x-goog-api-key"}
_FAILURES = {
    "400": "The call is no valid one, or was refused: see `code`.",
    "401": "No valid key was given.",
    "403": "The caller would have to meet what `code` names.",
    "404": "There is no such route or model.",
    "408": "The body did not come in, in time.",
    "413": "The body is too large.",
    "415": "The body is of another content type.",
    "429": "Too many calls for this key: see `retry-after`.",
    "502": "The model's server failed.",
    "503": "The attempt log or the gateway cannot take the call.",
    "504": "The model's server did not answer in time.",
}


def document(rows: Iterable[Row]) -> dict[str, Any]:
    """The document of these routes, and of the probes."""
    data = json.loads(files("guardrail.serve").joinpath("openapi.json").read_text("utf-8"))
    paths: dict[str, dict[str, Any]] = {}
    for row in rows:
        about = data["routes"][f"{row.method} {row.path}"]
        paths.setdefault(row.path, {})[row.method.lower()] = _operation(row.path, about)
    for path, summary in (("/healthz", "Lives."), ("/readyz", "Is ready.")):
        paths[path] = {"get": _probe(summary)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Guardrail gateway", "version": __version__},
        "paths": paths,
        "components": {"schemas": data["schemas"], "securitySchemes": _KEYS},
    }


def _operation(path: str, about: Mapping[str, Any]) -> dict[str, Any]:
    dialect = about["dialect"]
    error = {"schema": {"$ref": f"#/components/schemas/{_ERRORS[dialect]}"}}
    replies: dict[str, Any] = {
        status: {"description": text, "content": {"application/json": error}}
        for status, text in _FAILURES.items()
    }
    shown = {kind: _reply(path, kind) for kind in about["replies"]}
    replies["200"] = {"description": "The reply, screened.", "content": shown}
    replies["default"] = {
        "description": "What else the model's server said was wrong.",
        "content": {"application/json": error},
    }
    operation: dict[str, Any] = {
        "summary": about["summary"],
        "security": [{_KEY_OF[dialect]: []}],
        "responses": dict(sorted(replies.items())),
    }
    if "request" in about:
        content = {about["request"]["media"]: {"schema": about["request"]["schema"]}}
        operation["requestBody"] = {"required": True, "content": content}
    if "{model}" in path:
        named = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"}
        operation["parameters"] = [
            {"name": "model", "in": "path", "required": True, "schema": named}
        ]
    return operation


def _reply(path: str, kind: str) -> dict[str, Any]:
    """What is said of a reply; of events, which no schema of 3.1 describes, nothing."""
    if kind == "text/event-stream":
        return {}
    if kind != "application/json":
        return {"schema": {"type": "string"}}
    shape = "array" if path.endswith(":streamGenerateContent") else "object"
    return {"schema": {"type": shape}}


def _probe(summary: str) -> dict[str, Any]:
    said = {"application/json": {"schema": {"type": "object", "required": ["status"]}}}
    return {
        "summary": summary,
        "responses": {
            "200": {"description": "Yes.", "content": said},
            "503": {"description": "No.", "content": said},
        },
    }
