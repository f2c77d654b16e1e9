"""The digest names what a policy does, not how its file looks."""

import hashlib
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail.policy import Limits, Policy, Rule, load_policy
from guardrail.policy.digest import canonical, effective
from guardrail.policy.loader import shipped
from guardrail.records import Action
from tests.policy import strategies as some
from tests.policy.support import HEAD, loads


def shuffled(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict):
        keys = chance.sample(sorted(value), len(value))
        return {key: shuffled(value[key], chance) for key in keys}
    return [shuffled(item, chance) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("seed", range(5))
def test_order_of_keys_comments_and_layout_do_not_count(tmp_path: Path, seed: int) -> None:
    text = shipped()["default"].read_text("utf-8")
    tree = shuffled(yaml.safe_load(text), random.Random(seed))  # noqa: S311  no secret
    flow = yaml.safe_dump(tree, sort_keys=False, default_flow_style=seed % 2 == 0)
    assert loads(tmp_path, "# another look\n" + flow).ref == load_policy("default").ref


def test_saying_a_default_changes_nothing(tmp_path: Path) -> None:
    said = (
        "on_error: refuse\nunknown_jurisdiction: strictest\nlimits: {images: 16, hold_back: 48}\n"
    )
    assert loads(tmp_path, HEAD + said).ref == loads(tmp_path, HEAD).ref


@settings(max_examples=100, deadline=None)
@given(some.policies(), st.data())
def test_any_change_changes_it(policy: Policy, data: st.DataObject) -> None:
    added = data.draw(some.rules("added"))
    changed = [
        replace(policy, version=2),
        replace(policy, name="other"),
        replace(policy, rules=(*policy.rules, added)),
        replace(policy, jurisdiction_confidence=0.25),
        replace(policy, limits=Limits(images=1)),
        replace(policy, limits=Limits(hold_back=49)),
        replace(policy, limits=Limits(hold_back="all")),
        replace(policy, detectors=("a",)),
    ]
    for index, rule in enumerate(policy.rules):
        for one in (replace(rule, id="other"), replace(rule, law=("X",)), _another(rule)):
            rules = (*policy.rules[:index], one, *policy.rules[index + 1 :])
            changed.append(replace(policy, rules=rules))
    digests = {each.ref.digest for each in (policy, *changed)}
    assert len(digests) == 1 + len(changed)


def _another(rule: Rule) -> Rule:
    return replace(rule, when=replace(rule.when, minor=not rule.when.minor))


def test_it_is_sha256_of_canonical_json() -> None:
    policy = load_policy("default")
    text = canonical(effective(policy))
    assert policy.ref.digest == hashlib.sha256(text).hexdigest()
    assert str(policy.ref) == f"default@1 sha256:{policy.ref.digest}"
    plain = json.loads(text)
    assert canonical(plain) == text
    assert plain["on_error"] == Action.REFUSE.label


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None, 25]}, '{"a":[true,null,25],"b":1}'),
        ({"€": 'ö\n\u0007\\"/'}, '{"€":"ö\\n\\u0007\\\\\\"/"}'),
    ],
)
def test_canonical_json_is_that_of_rfc_8785(value: object, text: str) -> None:
    assert canonical(value) == text.encode()
