"""What holds of every policy, caller and set of facts."""

from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail.policy import Need, Policy
from guardrail.records import (
    Action,
    Caller,
    Decision,
    FactName,
    Facts,
    Jurisdiction,
    Operation,
    Stage,
)
from tests.policy import strategies as some
from tests.policy.reference import decide

EXAMPLES = settings(max_examples=80, deadline=None)


def full(
    policy: Policy,
    operation: Operation,
    caller: Caller,
    facts: Facts,
    stage: Stage = Stage.INPUT,
) -> Decision:
    decision = policy.bind(operation, caller).judge(facts, stage)
    assert isinstance(decision, Decision), "complete facts always decide"
    return decision


@settings(max_examples=250, deadline=None)
@given(some.policies(), some.operations, some.callers, some.stages, some.complete_facts)
def test_engine_agrees_with_the_plain_semantics(
    policy: Policy, operation: Operation, caller: Caller, stage: Stage, facts: Facts
) -> None:
    assert full(policy, operation, caller, facts, stage) == decide(
        policy, operation, caller, stage, facts
    )


@settings(max_examples=250, deadline=None)
@given(some.policies(), some.operations, some.callers, some.complete_facts, st.randoms(), st.data())
def test_lazy_equals_full(  # noqa: PLR0913, PLR0917  one parameter for each thing drawn
    policy: Policy,
    operation: Operation,
    caller: Caller,
    final: Facts,
    random: Random,
    data: st.DataObject,
) -> None:
    bound = policy.bind(operation, caller)
    known, hinted = data.draw(some.fact_names), data.draw(some.fact_names)
    verdict = bound.judge(some.revealed(final, known, hinted))
    while isinstance(verdict, Need):
        assert verdict.facts
        assert not known & set(verdict.facts), "only incomplete facts are asked for"
        known |= {random.choice(verdict.facts)}
        verdict = bound.judge(some.revealed(final, known, hinted))
    assert verdict == full(policy, operation, caller, final)


@EXAMPLES
@given(
    some.policies(),
    some.operations,
    some.callers,
    some.complete_facts,
    st.frozensets(st.sampled_from(some.FACTS_READ), min_size=1, max_size=2),
)
def test_facts_are_needed_exactly_if_they_can_change_the_decision(
    policy: Policy, operation: Operation, caller: Caller, facts: Facts, missing: frozenset[FactName]
) -> None:
    """Held against every way in which what is missing may turn out."""
    early = replace(facts, complete=some.ALL - missing)
    verdict = policy.bind(operation, caller).judge(early)
    decisions = {full(policy, operation, caller, later) for later in some.completions(early)}
    if isinstance(verdict, Need):
        assert len(decisions) > 1
    else:
        assert decisions == {verdict}


@EXAMPLES
@given(some.policies(), some.operations, some.callers, some.complete_facts, st.data())
def test_a_rule_more_is_never_laxer(
    policy: Policy, operation: Operation, caller: Caller, facts: Facts, data: st.DataObject
) -> None:
    rule = data.draw(some.rules("added"))
    position = data.draw(st.integers(0, len(policy.rules)))
    more = replace(policy, rules=(*policy.rules[:position], rule, *policy.rules[position:]))
    before, after = (full(p, operation, caller, facts) for p in (policy, more))
    assert after.action >= before.action
    if before.action is after.action is Action.ALLOW:
        assert set(after.obligations) >= set(before.obligations)


@EXAMPLES
@given(some.policies(), some.operations, some.callers, some.complete_facts, some.complete_facts)
def test_evidence_is_never_laxer(
    policy: Policy, operation: Operation, caller: Caller, facts: Facts, more: Facts
) -> None:
    before = full(policy, operation, caller, facts)
    after = full(policy, operation, caller, some.merged(facts, more))
    assert after.action >= before.action


@EXAMPLES
@given(some.policies(), some.operations, some.callers, some.complete_facts, some.fact_names)
def test_a_failed_scan_is_never_laxer(
    policy: Policy, operation: Operation, caller: Caller, facts: Facts, failed: frozenset[FactName]
) -> None:
    before = full(policy, operation, caller, facts)
    after = full(policy, operation, caller, replace(facts, unscanned=facts.unscanned | failed))
    assert after.action >= before.action


@EXAMPLES
@given(some.policies(), some.operations, some.callers, some.callers, some.complete_facts)
def test_nothing_opens_a_floor(
    policy: Policy, operation: Operation, caller: Caller, other: Caller, facts: Facts
) -> None:
    """A floor for everybody that refuses one caller refuses every other."""
    decision = full(policy, operation, caller, facts)
    floors = {rule.id for rule in policy.rules if rule.floor}
    if decision.rule in floors:
        assert full(policy, operation, other, facts).action is Action.REFUSE


@EXAMPLES
@given(some.policies(), some.operations, some.callers, some.complete_facts, st.randoms())
def test_order_changes_no_action(
    policy: Policy,
    operation: Operation,
    caller: Caller,
    facts: Facts,
    random: Random,
) -> None:
    shuffled = replace(policy, rules=tuple(random.sample(policy.rules, len(policy.rules))))
    before, after = (full(p, operation, caller, facts) for p in (policy, shuffled))
    assert (after.action, after.obligations) == (before.action, before.obligations)


@EXAMPLES
@given(some.policies(), some.operations, some.callers, some.complete_facts)
def test_an_unknown_jurisdiction_is_as_strict_as_any(
    policy: Policy, operation: Operation, caller: Caller, facts: Facts
) -> None:
    policy = replace(policy, unknown_jurisdiction="strictest")
    unknown = replace(caller, jurisdiction=Jurisdiction())
    known = full(policy, operation, caller, facts)
    assert full(policy, operation, unknown, facts).action >= known.action


@EXAMPLES
@given(some.policies(), some.operations, some.callers, some.complete_facts)
def test_meeting_what_a_gate_asks_opens_it(
    policy: Policy, operation: Operation, caller: Caller, facts: Facts
) -> None:
    """Unless the tiers of two gates exclude each other, or rules tell tiers apart."""
    decision = full(policy, operation, caller, facts)
    asked = decision.requirement
    assert (decision.action is Action.GATE) is (asked is not None)
    if asked is None or any(rule.when.tier for rule in policy.every_rule):
        return
    wanted = [rule.require.tier for rule in policy.every_rule if rule.require]
    if any(tiers and not set(asked.tier) <= set(tiers) for tiers in wanted):
        return
    tier = asked.tier[0] if asked.tier else caller.tier
    met = replace(caller, tier=tier, age_verified=caller.age_verified or asked.age_verified)
    assert full(policy, operation, met, facts).action is Action.ALLOW
