"""Judging, by example."""

import pickle
from dataclasses import replace

import pytest

from guardrail.policy import Need, Policy, Rule, When
from guardrail.records import (
    FACT_NAMES,
    Action,
    Caller,
    Decision,
    FactName,
    Facts,
    Jurisdiction,
    Kind,
    Operation,
    Person,
    Requirement,
    Role,
    Severity,
    Sexual,
    Stage,
)

ALL: frozenset[FactName] = frozenset(FACT_NAMES)
NUDE = Sexual(Severity.NUDITY)
DEPICTED = (Person(Kind.PUBLIC, Role.DEPICTED, 1.0),)
FLOOR = Rule(
    "floor",
    Action.REFUSE,
    When(sexual=Severity.SUGGESTIVE, person=frozenset({"real"})),
    floor=True,
    law=("X",),
)
GATE = Rule(
    "gate", Action.GATE, When(sexual=Severity.NUDITY), require=Requirement(("adult",), True)
)
LABEL = Rule(
    "label", Action.ALLOW, When(person=frozenset({"any"})), obligations=("label",), reason="marked"
)
POLICY = Policy("p", 1, (LABEL, GATE, FLOOR))
ADULT = Caller(tier="adult", age_verified=True)


def judge(facts: Facts, caller: Caller = Caller(), policy: Policy = POLICY) -> Decision | Need:  # noqa: B008  frozen
    return policy.bind(Operation.CHAT, caller).judge(facts)


def test_nothing_matches() -> None:
    expected = Decision(Action.ALLOW, "", "allowed", POLICY.ref)
    assert judge(Facts(complete=ALL)) == expected


def test_the_strictest_wins_whatever_the_order() -> None:
    facts = Facts(NUDE, persons=DEPICTED, complete=ALL)
    expected = Decision(Action.REFUSE, "floor", "floor", POLICY.ref, rules=("floor",), law=("X",))
    assert judge(facts) == expected
    bound = POLICY.bind(Operation.CHAT, Caller())
    assert bound.matching(facts) == ("floor", "gate", "label")
    assert [rule.id for rule in bound.rules] == ["floor", "gate", "label"]


def test_a_gate_says_what_opens_it() -> None:
    facts = Facts(NUDE, complete=ALL)
    expected = Decision(
        Action.GATE,
        "gate",
        "subscription_required",
        POLICY.ref,
        rules=("gate",),
        requirement=Requirement(("adult",), True),
    )
    assert judge(facts) == expected
    minor = judge(facts, Caller(tier="adult"))
    assert minor == replace(expected, reason="age_verification_required")
    opened = judge(facts, ADULT)
    assert opened == Decision(Action.ALLOW, "gate", "allowed", POLICY.ref, rules=("gate",))


def test_obligations_add_up() -> None:
    more = Rule("more", Action.ALLOW, When(sexual=Severity.NUDITY), obligations=("review",))
    policy = replace(POLICY, rules=(LABEL, more))
    decision = judge(Facts(NUDE, persons=DEPICTED, complete=ALL), policy=policy)
    assert decision == Decision(
        Action.ALLOW,
        "label",
        "marked",
        policy.ref,
        rules=("label", "more"),
        obligations=("label", "review"),
    )


def test_nothing_is_known_yet() -> None:
    assert judge(Facts()) == Need(("sexual", "persons"))


def test_a_floor_that_holds_needs_nothing_more() -> None:
    decision = judge(Facts(NUDE, persons=DEPICTED))
    assert isinstance(decision, Decision)
    assert decision.rule == "floor"


def test_what_cannot_change_the_decision_is_not_needed() -> None:
    assert judge(Facts(complete=frozenset({"sexual"}))) == Need(("persons",))
    no_label = replace(POLICY, rules=(GATE, FLOOR))
    verdict = judge(Facts(complete=frozenset({"sexual"})), policy=no_label)
    assert isinstance(verdict, Decision)


def test_evidence_that_may_grow_is_no_decision_yet() -> None:
    assert judge(Facts(NUDE, complete=frozenset({"sexual"}))) == Need(("persons",))


@pytest.mark.parametrize(
    ("on_error", "rule", "reason"),
    [
        (Action.REFUSE, "on-error", "unscanned"),
        (Action.GATE, "gate", "subscription_required"),
        (Action.ALLOW, "", "allowed"),
    ],
)
def test_what_cannot_be_scanned_is_the_policys_choice(
    on_error: Action, rule: str, reason: str
) -> None:
    policy = replace(POLICY, on_error=on_error)
    decision = judge(Facts(complete=ALL, unscanned=frozenset({"sexual"})), policy=policy)
    assert isinstance(decision, Decision)
    assert (decision.rule, decision.reason) == (rule, reason)


def test_a_floor_refuses_what_cannot_be_scanned() -> None:
    policy = replace(POLICY, on_error=Action.ALLOW)
    facts = Facts(NUDE, complete=ALL, unscanned=frozenset({"persons"}))
    decision = judge(facts, ADULT, policy)
    assert decision == Decision(
        Action.REFUSE, "on-error", "unscanned", policy.ref, rules=("floor",)
    )


def test_a_label_is_owed_when_in_doubt() -> None:
    decision = judge(Facts(complete=ALL, unscanned=frozenset({"persons"})))
    assert isinstance(decision, Decision)
    assert (decision.action, decision.obligations) == (Action.ALLOW, ("label",))


def test_evidence_beside_a_failed_scan_does_not_open_a_gate() -> None:
    """Nudity found by one detector while another failed: as strict as nothing found."""
    facts = Facts(NUDE, complete=ALL, unscanned=frozenset({"sexual"}))
    decision = judge(facts)
    assert isinstance(decision, Decision)
    assert (decision.action, decision.reason) == (Action.REFUSE, "unscanned")


def test_gates_are_asked_together() -> None:
    both = Rule("both", Action.GATE, When(), require=Requirement(("adult", "gold")))
    age = Rule("age", Action.GATE, When(), require=Requirement((), True))
    policy = Policy("p", 1, (age, both))
    decision = judge(Facts(complete=ALL), policy=policy)
    assert isinstance(decision, Decision)
    assert decision.rules == ("age", "both")
    assert decision.requirement == Requirement(("adult", "gold"), True)
    assert (decision.rule, decision.reason) == ("age", "subscription_required")


def test_a_rule_may_hold_at_one_stage_only() -> None:
    rule = Rule("late", Action.REFUSE, When(stage=frozenset({Stage.OUTPUT})))
    bound = Policy("p", 1, (rule,)).bind(Operation.CHAT, Caller())
    verdicts = [bound.judge(Facts(complete=ALL), stage) for stage in Stage]
    actions = [v.action.label for v in verdicts if isinstance(v, Decision)]
    assert actions == ["allow", "refuse", "allow"]


@pytest.mark.parametrize(
    ("code", "confidence", "overlays"),
    [
        ("", 1.0, ("EU", "JP", "US-CA")),
        ("XX", 1.0, ("EU", "JP", "US-CA")),
        ("JP", 0.4, ("EU", "JP", "US-CA")),
        ("JP", 0.5, ("JP",)),
        ("JP-13", 1.0, ("JP",)),
        ("DE", 1.0, ("EU",)),
        ("RE", 1.0, ("EU",)),
        ("EU", 1.0, ("EU",)),
        ("GB", 1.0, ()),
        ("US-CA", 1.0, ("US-CA",)),
        ("US-NY", 1.0, ()),
        ("US", 1.0, ("US-CA",)),
    ],
)
def test_overlays_by_jurisdiction(code: str, confidence: float, overlays: tuple[str, ...]) -> None:
    policy = Policy(
        "p",
        1,
        overlays=tuple(
            (place, (Rule(place.lower(), Action.REFUSE, overlay=place),))
            for place in ("US-CA", "JP", "EU")
        ),
        jurisdiction_confidence=0.5,
    )
    caller = Caller(jurisdiction=Jurisdiction(code, "test", confidence))
    bound = policy.bind(Operation.CHAT, caller)
    assert {rule.overlay for rule in bound.rules} == set(overlays)
    decision = bound.judge(Facts(complete=ALL))
    assert isinstance(decision, Decision)
    assert decision.overlays == overlays


def test_an_unknown_jurisdiction_may_count_as_one() -> None:
    overlays = tuple(
        (place, (Rule(place.lower(), Action.REFUSE, overlay=place),)) for place in ("JP", "US-CA")
    )
    policy = Policy("p", 1, overlays=overlays, unknown_jurisdiction="JP")
    for code, expected in (("", ["jp"]), ("JP", ["jp"]), ("US", [])):
        caller = Caller(jurisdiction=Jurisdiction(code))
        bound = policy.bind(Operation.CHAT, caller)
        assert [rule.id for rule in bound.rules] == expected


def test_findings_behind_a_rule() -> None:
    labelled = Rule("acme", Action.REFUSE, When(label=frozenset({"acme.*"}), minor=True))
    bound = replace(POLICY, rules=(FLOOR, labelled)).bind(Operation.CHAT, Caller())
    labels = bound.labels_of("acme")
    assert [x in labels for x in ("acme.logo", "minor", "person", "sexual")] == [
        True,
        True,
        True,
        False,
    ]
    assert "sexual" in bound.labels_of("floor")
    assert "sexual" not in bound.labels_of("unknown")


def test_binding_is_remembered_and_bounded() -> None:
    policy = replace(POLICY)
    first = policy.bind(Operation.CHAT, Caller(id="a"))
    assert policy.bind(Operation.CHAT, Caller(id="b")) is first
    for index in range(3000):
        policy.bind(Operation.CHAT, Caller(tier=f"t{index}"))
    assert len(policy._bound) <= 1024


def test_facts_that_rules_read() -> None:
    assert POLICY.facts.keys() == {"sexual", "persons"}


def test_policies_travel_between_processes() -> None:
    policy = replace(POLICY)
    policy.bind(Operation.CHAT, Caller())
    twin = pickle.loads(pickle.dumps(policy))  # noqa: S301  our own
    assert twin == policy
    assert twin.ref == policy.ref


@pytest.mark.parametrize(
    "fields",
    [
        {"action": Action.GATE},
        {"action": Action.ALLOW, "require": Requirement(("adult",))},
        {"action": Action.REFUSE, "obligations": ("label",)},
        {"action": Action.ALLOW, "floor": True},
        {"action": Action.REFUSE, "floor": True, "when": When(tier=frozenset({"free"}))},
        {"action": Action.REFUSE, "floor": True, "on_error": Action.ALLOW},
        {"action": Action.REFUSE, "on_error": Action.GATE},
    ],
)
def test_rules_are_valid_by_construction(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="rule bad: "):
        Rule("bad", **fields)  # type: ignore[arg-type]


def test_ids_are_unique() -> None:
    with pytest.raises(ValueError, match="unique"):
        Policy("p", 1, (FLOOR, FLOOR))
