from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail.facts import MINOR_PRESENT, FactSheet
from guardrail.records import FACT_NAMES, Facts, Finding, Kind, Person, Role, Scan, Severity, Span

scores = st.floats(0, 1)
spans = st.none() | st.builds(
    lambda part, start, length: Span(part, start, start + length),
    st.integers(0, 2),
    st.integers(0, 9),
    st.integers(0, 9),
)


def _finding(label: str, values: st.SearchStrategy[str]) -> st.SearchStrategy[Finding]:
    return st.builds(
        Finding,
        detector=st.just("d"),
        version=st.just("1"),
        label=st.just(label),
        value=values,
        score=scores,
        span=spans,
        role=st.sampled_from(Role) if label == "person" else st.none(),
    )


findings = st.lists(
    _finding("sexual", st.sampled_from([severity.label for severity in Severity]))
    | _finding("minor", st.just("age"))
    | _finding("person", st.sampled_from(Kind).map(str))
    | _finding("edit", st.sampled_from(["photo", "undress"]))
    | _finding("acme.logo", st.just("")),
    max_size=8,
)


def facts_of(found: list[Finding]) -> Facts:
    sheet = FactSheet({})
    sheet.extend(found)
    return sheet.facts(settled=True)


def at_least(more: Facts, less: Facts) -> bool:
    return (
        more.sexual.severity >= less.sexual.severity
        and more.sexual.score >= less.sexual.score
        and more.minor.present >= less.minor.present
        and all(_still_there(person, more) for person in less.persons)
        and more.edit_of_photo >= less.edit_of_photo
        and more.undress >= less.undress
        and more.labels >= less.labels
    )


def _still_there(person: Person, facts: Facts) -> bool:
    """Whether a person is listed still, a mentioned one perhaps as depicted by now."""
    shown = replace(person, role=Role.DEPICTED) if person.role is Role.MENTIONED else person
    return person in facts.persons or shown in facts.persons


@given(findings, findings)
def test_findings_only_add_up(first: list[Finding], second: list[Finding]) -> None:
    assert at_least(facts_of(first + second), facts_of(first))


@settings(max_examples=50)
@given(findings, st.randoms(use_true_random=False))
def test_the_order_of_findings_changes_nothing_a_rule_can_ask_for(
    found: list[Finding], rng: Random
) -> None:
    shuffled = found.copy()
    rng.shuffle(shuffled)
    one, other = facts_of(found), facts_of(shuffled)
    assert at_least(one, other)
    assert at_least(other, one)


@given(findings)
def test_a_reopened_sheet_knows_what_the_first_knew(found: list[Finding]) -> None:
    sheet = FactSheet({"sexual": 1})
    sheet.extend(found)
    again, before = sheet.reopened().facts(settled=False), sheet.facts(settled=True)
    assert "sexual" not in again.complete
    assert at_least(again, replace(before, persons=()))
    mentioned = {replace(p, role=Role.DEPICTED) for p in before.persons if p.role is Role.MENTIONED}
    others = {p for p in before.persons if p.role is not Role.MENTIONED}
    assert set(again.persons) == mentioned | others


def test_a_fact_is_complete_when_all_its_providers_answered() -> None:
    sheet = FactSheet({"sexual": 2, "minor": 1})
    answer = Scan("d", "1", frozenset({"sexual", "minor"}), "ok")
    sheet.add(answer)
    known = sheet.facts(settled=False).complete
    assert known == frozenset(FACT_NAMES) - {"sexual"}
    sheet.add(answer)
    assert sheet.facts(settled=False).complete == frozenset(FACT_NAMES)


def test_a_failed_scan_leaves_its_facts_unscanned() -> None:
    sheet = FactSheet({"minor": 1})
    sheet.add(Scan("d", "1", frozenset({"minor"}), "timeout"))
    facts = sheet.facts(settled=False)
    assert facts.unscanned == {"minor"}


def test_a_minor_is_present_from_an_even_score_on() -> None:
    def with_score(score: float) -> bool:
        finding = Finding(detector="d", version="1", label="minor", value="age", score=score)
        return facts_of([finding]).minor.present

    assert with_score(MINOR_PRESENT)
    assert not with_score(MINOR_PRESENT - 0.01)
