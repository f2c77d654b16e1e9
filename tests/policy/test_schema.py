"""The JSON Schema says of shipped policies, and of mistakes, what the loader says."""

from typing import Any

import jsonschema
import pytest
import yaml

from guardrail.policy import cases, schema
from guardrail.policy.loader import shipped

NAMES = sorted(shipped())


def valid(rules: dict[str, Any], value: object) -> bool:
    return bool(jsonschema.Draft202012Validator(rules).is_valid(value))


def test_schemas_are_schemas() -> None:
    for made in (schema.json_schema(), cases.json_schema()):
        jsonschema.Draft202012Validator.check_schema(made)


@pytest.mark.parametrize("name", NAMES)
def test_shipped_policies_fit(name: str) -> None:
    path = shipped()[name]
    assert valid(schema.json_schema(), yaml.safe_load(path.read_text("utf-8")))
    tests = path.with_name(f"{name}.test.yaml")
    assert valid(cases.json_schema(), yaml.safe_load(tests.read_text("utf-8")))


RULE = {"id": "a", "when": {"operation": "chat", "sexual": "nudity"}, "action": "refuse"}


@pytest.mark.parametrize(
    "change",
    [
        {"id": "A b"},
        {"when": {"minor": False}},
        {"when": {"sexual": "none"}},
        {"when": {"intent": "inform"}},
        {"when": None},
        {"action": "deny"},
        {"obligations": []},
        {"extra": 1},
    ],
)
def test_mistakes_do_not_fit(change: dict[str, object]) -> None:
    made = schema.json_schema()
    policy = {"policy": "p", "version": 1}
    assert valid(made, {**policy, "rules": [RULE]})
    assert not valid(made, {**policy, "rules": [RULE | change]})


def test_every_key_is_described() -> None:
    made = schema.json_schema()
    models = [made, *made["$defs"].values()]
    bare = [key for m in models for key, v in m["properties"].items() if "description" not in v]
    assert bare == []
