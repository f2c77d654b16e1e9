"""Bodies written at once are what the same body is as a tree of dictionaries."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from guardrail.chain.entry import canonical
from guardrail.log.fragments import (
    code,
    decision_text,
    facts_text,
    finding_text,
    number,
    plain,
    scan_text,
)
from guardrail.records import (
    Action,
    Decision,
    Facts,
    Finding,
    Kind,
    Minor,
    Person,
    Requirement,
    Role,
    Scan,
    Severity,
    Sexual,
    Span,
    Stage,
)
from tests.log.support import POLICY

_any_text = st.text(st.characters(), max_size=80)
_texts = st.lists(_any_text, max_size=3).map(tuple)
_names = st.frozensets(st.sampled_from(["sexual", "minor", "persons", "x y"]))
_score = st.floats(0, 1) | st.sampled_from([0.0, 1.0, 0.00004, 0.00005, 0.99996, 0.12345])
_spans = st.none() | st.builds(
    lambda part, start, size: Span(part, start, start + size), *[st.integers(0, 9999)] * 3
)


def span(found: Span | None) -> Any:
    return found and {"part": found.part, "start": found.start, "end": found.end}


@given(st.floats() | _score)
def test_numbers_have_four_decimals_at_most(value: float) -> None:
    scan = Scan("d", "1", frozenset(), "ok", ms=value)
    expected: Any = {
        "detector": "d",
        "ms": number(value),
        "problem": "",
        "status": "ok",
        "version": "1",
    }
    assert scan_text(scan).encode() == canonical(expected)


@given(_any_text, _any_text, _any_text, st.sampled_from(["ok", "timeout", "missing"]))
def test_a_scan(detector: str, version: str, problem: str, status: Any) -> None:
    scan = Scan(detector, version, frozenset(), status, problem=problem)
    expected: Any = {
        "detector": code(detector),
        "ms": 0,
        "problem": code(problem),
        "status": status,
        "version": code(version),
    }
    assert scan_text(scan).encode() == canonical(expected)


@given(_any_text, _any_text, _spans, _score, st.none() | st.sampled_from(Role))
def test_a_finding(name: str, value: str, at: Span | None, score: float, role: Role | None) -> None:
    label = f"x.{name}"
    found = Finding(
        detector=name, version="1", label=label, value=value, span=at, score=score, role=role
    )
    expected: Any = {
        "detector": code(name),
        "version": "1",
        "label": code(label),
        "value": code(value),
        "score": number(score),
        **(span(at) or {}),
        **({} if role is None else {"role": role.value}),
    }
    assert finding_text(found).encode() == canonical(expected)


_persons = st.builds(
    Person,
    st.sampled_from(Kind),
    st.sampled_from(Role),
    _score,
    _spans,
    minor=st.booleans(),
    protected=st.booleans(),
    consented=st.booleans(),
)
_facts = st.builds(
    Facts,
    st.builds(Sexual, st.sampled_from(Severity), _score, _spans),
    st.builds(Minor, st.booleans(), _score, _spans),
    st.lists(_persons, max_size=3).map(tuple),
    st.booleans(),
    st.booleans(),
    st.frozensets(_any_text, max_size=3),
    _any_text,
    st.frozensets(_any_text, max_size=3),
    _names,
    _names,
)


@given(_facts)
def test_facts(facts: Facts) -> None:
    expected: Any = {
        "sexual": {
            "severity": facts.sexual.severity.label,
            "score": number(facts.sexual.score),
            "span": span(facts.sexual.span),
        },
        "minor": {
            "present": facts.minor.present,
            "score": number(facts.minor.score),
            "span": span(facts.minor.span),
        },
        "persons": [
            {
                "kind": person.kind.value,
                "role": person.role.value,
                "score": number(person.score),
                "span": span(person.span),
                "minor": person.minor,
                "protected": person.protected,
                "consented": person.consented,
            }
            for person in facts.persons
        ],
        "persons_total": len(facts.persons),
        "edit_of_photo": facts.edit_of_photo,
        "undress": facts.undress,
        "obfuscated": sorted({code(text) for text in facts.obfuscated}),
        "intent": code(facts.intent),
        "labels": sorted({code(text) for text in facts.labels}),
        "complete": sorted({code(text) for text in facts.complete}),
        "unscanned": sorted({code(text) for text in facts.unscanned}),
    }
    assert facts_text(facts).encode() == canonical(expected)


@given(
    st.builds(
        Decision,
        st.sampled_from(Action),
        _any_text,
        _any_text,
        st.just(POLICY),
        st.sampled_from(Stage),
        _texts,
        _texts,
        st.none() | st.builds(Requirement, _texts, st.booleans()),
        _texts,
        _texts,
    )
)
def test_a_decision(decision: Decision) -> None:
    need = decision.requirement
    expected: Any = {
        "action": decision.action.label,
        "rule": plain(decision.rule),
        "reason": plain(decision.reason),
        "rules": [*map(plain, decision.rules)],
        "obligations": [*map(plain, decision.obligations)],
        "law": [*map(plain, decision.law)],
        "overlays": [*map(plain, decision.overlays)],
        "requirement": need
        and {"tier": [*map(plain, need.tier)], "age_verified": need.age_verified},
        "stage": decision.stage.value,
    }
    assert decision_text(decision).encode() == canonical(expected)
