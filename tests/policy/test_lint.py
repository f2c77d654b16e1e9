"""Rules that never count, and protection that is missing."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from guardrail.policy import Policy, Rule, When
from guardrail.policy.lint import hides
from guardrail.policy.loader import load, shipped
from guardrail.records import Caller, Decision, Facts, Operation
from tests.policy import strategies as some
from tests.policy.support import HEAD, loads, problems, write

NUDITY = "{id: a, when: {sexual: nudity}, action: refuse}"


def rules(*lines: str) -> str:
    return HEAD + "rules:\n" + "".join(f"  - {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (NUDITY, "{id: b, when: {sexual: nudity}, action: refuse}"),
        (NUDITY, "{id: b, when: {sexual: explicit}, action: refuse}"),
        (NUDITY, "{id: b, when: {sexual: explicit}, action: allow, obligations: label}"),
        (NUDITY, "{id: b, when: {sexual: nudity, operation: image.*}, require: {tier: adult}}"),
        (
            "{id: a, when: {person: real}, action: refuse}",
            "{id: b, when: {person: [public, uploaded]}, action: refuse}",
        ),
        (
            "{id: a, when: {label: acme.*}, action: refuse}",
            "{id: b, when: {label: acme.logo}, action: refuse}",
        ),
        (
            "{id: a, when: {sexual: nudity}, require: {tier: adult}}",
            "{id: b, when: {sexual: explicit}, require: {tier: adult}}",
        ),
        (
            "{id: a, when: {minor: true}, action: allow, obligations: [label, review]}",
            "{id: b, when: {minor: true}, action: allow, obligations: label}",
        ),
    ],
)
def test_a_rule_that_another_covers_is_unreachable(tmp_path: Path, first: str, second: str) -> None:
    (found,) = problems(tmp_path, rules(first, second))
    assert found.startswith("5:")
    assert "unreachable: found 'b', which changes no decision since 'a'" in found


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{id: b, when: {sexual: explicit}, action: refuse}", NUDITY),
        (NUDITY, "{id: b, floor: true, when: {sexual: explicit}, action: refuse}"),
        (NUDITY, "{id: b, when: {sexual: suggestive}, action: refuse}"),
        (
            "{id: a, when: {sexual: nudity}, action: refuse, on_error: allow}",
            "{id: b, when: {sexual: explicit}, action: refuse}",
        ),
        (
            "{id: a, when: {minor: true}, action: allow, obligations: label}",
            "{id: b, when: {minor: true}, action: allow, obligations: review}",
        ),
        (
            "{id: a, when: {sexual: nudity}, require: {tier: adult}}",
            "{id: b, when: {sexual: nudity}, require: {tier: gold}}",
        ),
        (  # the second refuses when nobody can tell whether it is about a minor
            "{id: a, when: {sexual: nudity}, require: {tier: adult}}",
            "{id: b, when: {sexual: nudity, minor: true}, require: {tier: adult}}",
        ),
        (
            "{id: a, when: {sexual: nudity, tier: free}, action: refuse}",
            "{id: b, when: {sexual: nudity}, action: refuse}",
        ),
    ],
)
def test_a_rule_that_still_counts_is_none(tmp_path: Path, first: str, second: str) -> None:
    assert len(loads(tmp_path, rules(first, second)).rules) == 2


def test_overlays_hide_only_what_lies_inside_them(tmp_path: Path) -> None:
    rule = "[{{id: {}, when: {{sexual: nudity}}, action: refuse}}]"
    overlays = f"overlays:\n  EU: {rule.format('eu')}\n"
    (found,) = problems(tmp_path, HEAD + overlays + f"  FR: {rule.format('fr')}\n")
    assert "found 'fr'" in found
    assert loads(tmp_path, HEAD + overlays + f"  GB: {rule.format('gb')}\n")
    assert loads(tmp_path, rules("{id: a, when: {sexual: explicit}, action: refuse}") + overlays)


def test_a_stricter_policy_may_hide_what_it_inherits(tmp_path: Path) -> None:
    write(tmp_path, rules("{id: b, when: {sexual: explicit}, action: refuse}"), "base.yaml")
    assert loads(tmp_path, rules(NUDITY) + "extends: base.yaml\n")


@settings(max_examples=100, deadline=None)
@given(
    some.policies(),
    some.rules("one"),
    some.rules("other"),
    st.booleans(),
    some.operations,
    some.callers,
    some.complete_facts,
)
def test_what_is_hidden_changes_nothing(  # noqa: PLR0913, PLR0917  one for each thing drawn
    policy: Policy,
    one: Rule,
    other: Rule,
    earlier: bool,
    operation: Operation,
    caller: Caller,
    facts: Facts,
) -> None:
    other = replace(other, when=_narrowed(other.when, one.when))
    assume(hides(one, other, policy.on_error, earlier=earlier))
    pair = (one, other) if earlier else (other, one)
    with_both = replace(policy, rules=(*policy.rules, *pair))
    without = replace(policy, rules=(*policy.rules, one))
    decisions = [p.bind(operation, caller).judge(facts) for p in (with_both, without)]
    assert len({_shown(decision) for decision in decisions}) == 1


def _narrowed(narrow: When, wide: When) -> When:
    """So that covering is not too rare."""
    return replace(
        wide,
        tier=narrow.tier,
        operation=narrow.operation & wide.operation,
        sexual=max(narrow.sexual, wide.sexual),
        minor=narrow.minor or wide.minor,
        person=wide.person or narrow.person,
        obfuscated=narrow.obfuscated or wide.obfuscated,
    )


def _shown(decision: object) -> tuple[object, ...]:
    assert isinstance(decision, Decision)
    return decision.action, decision.rule, decision.reason, decision.obligations


def warnings(path: Path) -> list[str]:
    return [problem.message for problem in load(path).warnings]


@pytest.mark.parametrize("name", sorted(shipped()))
def test_shipped_policies_have_no_warnings(name: str) -> None:
    assert load(name).warnings == ()


def test_missing_protection_is_warned_of(tmp_path: Path) -> None:
    assert warnings(write(tmp_path, HEAD)) == [
        "no floor refuses sexual content about minors",
        "no floor refuses sexual pictures of real people",
        "no floor refuses sexual text about real people",
        "nothing refuses explicit content in JP (Penal Code Art. 175)",
    ]


def test_lax_settings_are_warned_of(tmp_path: Path) -> None:
    text = "policy: lax\nversion: 1\nextends: default\nunknown_jurisdiction: US\non_error: allow\n"
    assert warnings(write(tmp_path, text)) == [
        "an unknown jurisdiction misses JP",
        "what cannot be scanned is not refused but allow",
    ]


def test_a_floor_that_says_the_same_in_parts_counts(tmp_path: Path) -> None:
    text = rules(
        "{id: a, floor: true, action: refuse, "
        "when: {operation: [chat, text], person: real, sexual: nudity}}",
        "{id: b, floor: true, action: refuse, "
        "when: {operation: ['image.*', 'video.*'], person: real, sexual: suggestive}}",
        "{id: c, floor: true, when: {sexual: suggestive, minor: true}, action: refuse}",
        "{id: d, when: {sexual: explicit}, action: refuse}",
    )
    assert warnings(write(tmp_path, text)) == []
