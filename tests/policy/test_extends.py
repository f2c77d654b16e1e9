"""Extending a policy: what is inherited, replaced, refused."""

from pathlib import Path

import pytest

from guardrail.policy import Limits, load_policy
from guardrail.records import Action
from tests.policy.support import loads, problems, write

BASE = """
policy: base
version: 7
on_error: allow
limits: {images: 3}
detectors: [sexual.lexicon]
rules:
  - {id: floor, floor: true, when: {minor: true, sexual: suggestive}, action: refuse}
  - {id: soft, when: {sexual: nudity}, require: {tier: adult}}
overlays:
  JP:
    - {id: jp, when: {sexual: explicit}, action: refuse}
"""
CHILD = "policy: child\nversion: 1\nextends: base.yaml\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, BASE, "base.yaml")
    return tmp_path


def test_everything_is_inherited_but_name_and_version(folder: Path) -> None:
    policy = loads(folder, CHILD)
    assert (policy.name, policy.version) == ("child", 1)
    assert [rule.id for rule in policy.every_rule] == ["floor", "soft", "jp"]
    assert policy.on_error is Action.ALLOW
    assert policy.limits == Limits(images=3)
    assert policy.detectors == ("sexual.lexicon",)


def test_settings_are_replaced_one_by_one(folder: Path) -> None:
    policy = loads(folder, CHILD + "on_error: refuse\nlimits: {detector_ms: 5}\n")
    assert policy.on_error is Action.REFUSE
    assert policy.limits == Limits(images=3, detector_ms=5)


def test_the_hold_back_is_inherited_and_replaced(folder: Path) -> None:
    assert loads(folder, CHILD + "limits: {hold_back: all}\n").limits.hold_back == "all"
    assert loads(folder, CHILD + "limits: {hold_back: 480}\n").limits.hold_back == 480
    assert loads(folder, CHILD).limits.hold_back == 48


def test_a_rule_is_replaced_in_its_place(folder: Path) -> None:
    text = "rules: [{id: soft, when: {sexual: nudity}, action: refuse}]\n"
    policy = loads(folder, CHILD + text)
    assert [(rule.id, rule.action.label) for rule in policy.rules] == [
        ("floor", "refuse"),
        ("soft", "refuse"),
    ]


def test_a_floor_may_be_said_again_with_another_law(folder: Path) -> None:
    when = "{sexual: '>=suggestive', minor: true}"
    rule = f"{{id: floor, floor: true, when: {when}, action: refuse, law: X}}"
    assert loads(folder, f"{CHILD}rules: [{rule}]\n").rules[0].law == ("X",)


@pytest.mark.parametrize(
    "rule",
    [
        "{id: floor, when: {minor: true, sexual: suggestive}, action: refuse}",
        "{id: floor, floor: true, when: {minor: true, sexual: nudity}, action: refuse}",
        "{id: floor, when: {minor: true}, require: {tier: adult}}",
        "{id: floor, when: {}, action: allow}",
    ],
)
@pytest.mark.parametrize("place", ["rules: [{}]\n", "overlays: {{JP: [{}]}}\n"])
def test_a_floor_cannot_be_weakened(folder: Path, rule: str, place: str) -> None:
    (found,) = problems(folder, CHILD + place.format(rule))
    assert found.startswith("4:")
    assert "weakened floor: found 'floor' redefined, expected the floor of" in found
    assert "base.yaml:7" in found


def test_overlays_only_add(folder: Path) -> None:
    soft = "overlays: {JP: [{id: soft, when: {minor: true}, action: refuse}]}\n"
    (found,) = problems(folder, CHILD + soft)
    assert "found rule id 'soft', expected a new one: overlays only add rules" in found
    rule = "rules: [{id: jp, when: {minor: true}, action: refuse}]\n"
    (found,) = problems(folder, CHILD + rule)
    assert "found rule id 'jp', expected a new one: overlay JP has it" in found


def test_a_circle_is_refused(folder: Path) -> None:
    write(folder, "policy: base\nversion: 1\nextends: test.yaml\n", "base.yaml")
    with pytest.raises(Exception, match="again down the line, expected no circle"):
        loads(folder, CHILD)


def test_shipped_policies_can_be_extended_from_anywhere(folder: Path) -> None:
    policy = loads(folder, "policy: mine\nversion: 1\nextends: default\n")
    assert policy.rules == load_policy("default").rules
