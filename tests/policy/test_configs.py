"""The shipped policies decide as their tests, and the design's table, say."""

from dataclasses import replace
from itertools import product

import pytest

from guardrail.policy import Policy, load_policy
from guardrail.policy.casetest import run_tests, shipped_tests
from guardrail.policy.loader import shipped
from guardrail.records import (
    FACT_NAMES,
    Action,
    Caller,
    Decision,
    Facts,
    Jurisdiction,
    Kind,
    Minor,
    Operation,
    Person,
    Role,
    Severity,
    Sexual,
    Stage,
)

ALL = frozenset(FACT_NAMES)
VISUAL = [operation for operation in Operation if operation.visual]
REAL = [kind for kind in Kind if kind is not Kind.FICTIONAL]
CALLERS = [
    Caller(tier=tier, age_verified=verified, jurisdiction=Jurisdiction(code))
    for tier, verified, code in product(("free", "adult"), (False, True), ("", "JP", "US", "DE"))
]
NAMES = sorted(shipped())


def judged(
    policy: Policy,
    operation: Operation,
    caller: Caller,
    facts: Facts,
    stage: Stage = Stage.INPUT,
) -> Decision:
    decision = policy.bind(operation, caller).judge(replace(facts, complete=ALL), stage)
    assert isinstance(decision, Decision)
    return decision


def test_there_are_four_and_each_has_tests() -> None:
    assert NAMES == ["default", "eu", "japan", "strict"]
    assert all(path.is_file() for path in shipped_tests())


@pytest.mark.parametrize("path", shipped_tests(), ids=lambda path: path.name)
def test_their_own_tests_pass_and_cover_every_rule(path: object) -> None:
    report = run_tests(path)  # type: ignore[arg-type]
    assert [o.failures for o in report.outcomes if o.failures] == []
    assert report.uncovered == ()


@pytest.mark.parametrize("name", NAMES)
def test_a_sexual_picture_of_a_real_person_is_refused_to_everybody(name: str) -> None:
    policy = load_policy(name)
    for operation, caller, kind, stage in product(VISUAL, CALLERS, REAL, Stage):
        for severity in (Severity.SUGGESTIVE, Severity.NUDITY, Severity.EXPLICIT):
            facts = Facts(Sexual(severity), persons=(Person(kind, Role.DEPICTED, 1.0),))
            decision = judged(policy, operation, caller, facts, stage)
            assert decision.rule == "real-person-sexual-image"
            assert (decision.action, decision.reason) == (Action.REFUSE, "real_person_sexual")


@pytest.mark.parametrize("name", NAMES)
def test_anything_sexual_about_a_minor_is_refused_to_everybody(name: str) -> None:
    policy = load_policy(name)
    people = [(), *((Person(kind, Role.DEPICTED, 1.0),) for kind in Kind)]
    for operation, caller, persons, stage in product(Operation, CALLERS, people, Stage):
        facts = Facts(Sexual(Severity.SUGGESTIVE), Minor(present=True), persons)
        decision = judged(policy, operation, caller, facts, stage)
        assert (decision.action, decision.reason) == (Action.REFUSE, "minor_sexual")


@pytest.mark.parametrize("name", NAMES)
def test_nude_text_about_a_real_person_is_refused_to_everybody(name: str) -> None:
    policy = load_policy(name)
    for operation, caller, kind in product((Operation.CHAT, Operation.TEXT), CALLERS, REAL):
        facts = Facts(Sexual(Severity.NUDITY), persons=(Person(kind, Role.DEPICTED, 1.0),))
        assert judged(policy, operation, caller, facts).reason == "real_person_sexual"


@pytest.mark.parametrize("name", NAMES)
def test_an_edit_that_undresses_is_refused_to_everybody(name: str) -> None:
    policy = load_policy(name)
    for operation, caller in product(Operation, CALLERS):
        facts = Facts(undress=True, edit_of_photo=True)
        assert judged(policy, operation, caller, facts).action is Action.REFUSE


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_that_could_not_be_read_is_refused_to_everybody(name: str) -> None:
    policy = load_policy(name)
    for operation, caller in product(Operation, CALLERS):
        facts = Facts(unscanned=frozenset({"sexual", "minor", "persons", "edit"}))
        decision = judged(policy, operation, caller, facts)
        assert (decision.action, decision.reason) == (Action.REFUSE, "unscanned")


@pytest.mark.parametrize("name", NAMES)
def test_talk_about_the_matter_is_allowed(name: str) -> None:
    policy = load_policy(name)
    for caller, role in product(CALLERS, (Role.MENTIONED, Role.CREATOR)):
        facts = Facts(minor=Minor(present=True), persons=(Person(Kind.PUBLIC, role, 1.0),))
        decision = judged(policy, Operation.CHAT, caller, facts)
        assert (decision.action, decision.obligations) == (Action.ALLOW, ())


def test_a_chat_without_anything_sexual_needs_no_names() -> None:
    """The cheap facts settle it: nobody has to be recognised."""
    cheap = Facts(complete=ALL - {"persons", "minor", "labels"})
    verdict = load_policy("default").bind(Operation.CHAT, Caller()).judge(cheap)
    assert isinstance(verdict, Decision)
    assert verdict.action is Action.ALLOW
