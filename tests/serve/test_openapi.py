from __future__ import annotations

from typing import Any

import httpx
from jsonschema import Draft202012Validator

from guardrail.adapters.wire.codec import Codec
from guardrail.adapters.wire.http import Call
from guardrail.adapters.wire.table import known_routes
from guardrail.serve.openapi import document
from guardrail.serve.served import PATHS, Served
from tests.serve.support import HARMLESS, Running


def paths() -> dict[str, Any]:
    found: dict[str, Any] = document(Served.of(known_routes()).rows)["paths"]
    return found


def test_every_route_that_is_served_is_in_the_document() -> None:
    rows = Served.of(known_routes()).rows
    assert len(rows) >= 12
    for row in rows:
        operation = paths()[row.path][row.method.lower()]
        assert operation["security"]
        assert ("requestBody" in operation) == (row.method == "POST")


def test_a_route_is_found_as_the_table_finds_it() -> None:
    routes = known_routes()
    served = Served.of(routes)
    for line in PATHS:
        method, _, path = line.partition(" ")
        call = Call(method, path.replace("{model}", "some-model.1"))
        found = served.find(call)
        if found.path:
            assert found.target is routes.find(call)


def test_what_is_not_offered_has_no_path() -> None:
    served = Served.of(known_routes())
    for method, path in (
        ("GET", "/v1/responses/r"),
        ("GET", "/v1/models/m/../../files"),
        ("GET", "/v1/models/m%2f..%2ffiles"),
        ("POST", "/x/v1/chat/completions"),
        ("POST", "/v1beta/models/m/../../files:generateContent"),
    ):
        row = served.find(Call(method, path))
        assert isinstance(row.target, Codec)
        assert (row.path, row.target.name) == ("", "unknown")


def test_schemas_are_schemas_and_accept_a_call() -> None:
    whole = document(Served.of(known_routes()).rows)
    for methods in whole["paths"].values():
        for operation in methods.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                Draft202012Validator.check_schema(content["schema"])
    chat = whole["paths"]["/v1/chat/completions"]["post"]["requestBody"]["content"]
    schema = {**chat["application/json"]["schema"], "components": whole["components"]}
    validator = Draft202012Validator(schema)
    validator.validate({"model": "m", "messages": HARMLESS})
    assert list(validator.iter_errors({"model": "m", "messages": [{"content": "x"}]}))


def test_a_gateway_shows_its_document(served: Running) -> None:
    shown = httpx.get(f"{served.url}/openapi.json").json()
    assert shown["openapi"] == "3.1.0"
    assert {"/v1/chat/completions", "/v1/models", "/healthz"} <= shown["paths"].keys()
