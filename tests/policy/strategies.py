"""Random policies, callers and facts."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, product

from hypothesis import strategies as st

from guardrail.policy import Policy, Rule, When
from guardrail.policy.rule import OBLIGATIONS, PERSON_SELECTORS
from guardrail.records import (
    FACT_NAMES,
    Action,
    Caller,
    FactName,
    Facts,
    Jurisdiction,
    Kind,
    Minor,
    Operation,
    Person,
    Requirement,
    Role,
    Severity,
    Sexual,
    Stage,
)

ALL = frozenset(FACT_NAMES)
TIERS = ("free", "adult", "gold")
CODES = ("JP", "US", "US-CA", "EU", "DE")
LABELS = ("acme.logo", "acme.face", "other.mark")
FACTS_READ: tuple[FactName, ...] = tuple(name for name in FACT_NAMES if name != "intent")

operations = st.sampled_from((Operation.CHAT, Operation.IMAGE_GENERATE, Operation.IMAGE_EDIT))
stages = st.sampled_from((Stage.INPUT, Stage.OUTPUT))
persons = st.builds(
    Person,
    kind=st.sampled_from(Kind),
    role=st.sampled_from(Role),
    score=st.just(1.0),
    minor=st.booleans(),
    protected=st.booleans(),
)


def some(values: tuple[str, ...], most: int = 2) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(values), min_size=1, max_size=most)


def or_nothing(
    strategy: st.SearchStrategy[frozenset[str]],
) -> st.SearchStrategy[frozenset[str]]:
    return st.one_of(st.just(frozenset[str]()), st.just(frozenset[str]()), strategy)


_seldom = st.sampled_from((False, False, False, True))
_tiers = or_nothing(some(TIERS))
_floor_whens = st.builds(
    When,
    operation=st.frozensets(st.sampled_from(Operation), min_size=3),
    stage=st.sampled_from((frozenset(Stage), frozenset({Stage.INPUT}))),
    person=or_nothing(some(PERSON_SELECTORS)),
    sexual=st.sampled_from(Severity),
    minor=_seldom,
    edit_of_photo=_seldom,
    undress=_seldom,
    obfuscated=_seldom,
    protected=_seldom,
    label=or_nothing(some(("acme.*", "other.mark"))),
)
whens = st.builds(lambda when, tier: replace(when, tier=tier), _floor_whens, _tiers)
_ages = st.just(True)
requirements = st.one_of(
    st.builds(Requirement, st.lists(st.sampled_from(TIERS), min_size=1, max_size=2).map(tuple)),
    st.builds(
        Requirement, st.lists(st.sampled_from(TIERS), max_size=2, unique=True).map(tuple), _ages
    ),
)
_owed = st.frozensets(st.sampled_from(OBLIGATIONS)).map(lambda names: tuple(sorted(names)))
_answers = st.sampled_from((None, Action.REFUSE, Action.ALLOW))
_bare_rules = st.one_of(
    st.builds(Rule, st.just("r"), st.just(Action.REFUSE), _floor_whens, floor=_ages),
    st.builds(Rule, st.just("r"), st.just(Action.REFUSE), whens, on_error=_answers),
    st.builds(
        Rule,
        st.just("r"),
        st.just(Action.GATE),
        whens,
        require=requirements,
        obligations=_owed,
        on_error=st.sampled_from((None, *Action)),
    ),
    st.builds(
        Rule, st.just("r"), st.just(Action.ALLOW), whens, obligations=_owed, on_error=_answers
    ),
)
_base = st.lists(_bare_rules, max_size=5)
_overlays = st.dictionaries(
    st.sampled_from(CODES), st.lists(_bare_rules, min_size=1, max_size=2), max_size=2
)
_unknown = st.sampled_from(("strictest", "strictest", "JP"))
_actions = st.sampled_from(Action)


def rules(name: str) -> st.SearchStrategy[Rule]:
    return _bare_rules.map(lambda rule: replace(rule, id=name))


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    base = tuple(replace(rule, id=f"r{index}") for index, rule in enumerate(draw(_base)))
    overlays = tuple(
        (code, tuple(replace(r, id=f"{code}-{n}", overlay=code) for n, r in enumerate(found)))
        for code, found in draw(_overlays).items()
    )
    on_error, unknown = draw(_actions), draw(_unknown)
    return Policy("random", 1, base, overlays, unknown_jurisdiction=unknown, on_error=on_error)


callers = st.builds(
    Caller,
    tier=st.sampled_from(TIERS),
    age_verified=st.booleans(),
    jurisdiction=st.builds(Jurisdiction, st.sampled_from(("", *CODES, "GB", "US-NY"))),
)


_severities = st.sampled_from(Severity).map(Sexual)
_minors = st.booleans().map(Minor)
_people = st.lists(persons, max_size=2).map(tuple)
_disguises = st.frozensets(st.just("leet"))
_labels = st.frozensets(st.sampled_from(LABELS), max_size=2)
fact_names = st.frozensets(st.sampled_from(FACTS_READ))
complete_facts = st.builds(
    Facts,
    sexual=_severities,
    minor=_minors,
    persons=_people,
    edit_of_photo=st.booleans(),
    undress=st.booleans(),
    obfuscated=_disguises,
    labels=_labels,
    complete=st.just(ALL),
    unscanned=st.one_of(st.just(frozenset[FactName]()), fact_names),
)


def revealed(
    final: Facts, known: frozenset[FactName], hinted: frozenset[FactName] = frozenset()
) -> Facts:
    """What is known when these facts are complete, and others already show what they will be."""
    empty, shown = Facts(), known | hinted
    return replace(
        final,
        sexual=final.sexual if "sexual" in shown else empty.sexual,
        minor=final.minor if "minor" in shown else empty.minor,
        persons=final.persons if "persons" in shown else (),
        edit_of_photo=final.edit_of_photo and "edit" in shown,
        undress=final.undress and "edit" in shown,
        obfuscated=final.obfuscated if "obfuscated" in shown else frozenset(),
        labels=final.labels if "labels" in shown else frozenset(),
        complete=known | {"intent"},
        unscanned=final.unscanned & known,
    )


def merged(facts: Facts, more: Facts) -> Facts:
    """The same facts with the evidence of others added."""
    return replace(
        facts,
        sexual=max(facts.sexual, more.sexual, key=lambda sexual: sexual.severity),
        minor=max(facts.minor, more.minor, key=lambda minor: minor.present),
        persons=facts.persons + more.persons,
        edit_of_photo=facts.edit_of_photo or more.edit_of_photo,
        undress=facts.undress or more.undress,
        obfuscated=facts.obfuscated | more.obfuscated,
        labels=facts.labels | more.labels,
    )


_PEOPLE: list[tuple[Person, ...]] = [
    (),
    (Person(Kind.PUBLIC, Role.MENTIONED, 1.0),),
    *(
        (Person(kind, Role.DEPICTED, 1.0, minor=minor, protected=protected),)
        for kind, minor, protected in product(Kind, (False, True), (False, True))
    ),
]
_GROWTH: dict[FactName, list[dict[str, object]]] = {
    "sexual": [{"sexual": Sexual(severity)} for severity in Severity],
    "minor": [{"minor": Minor(present)} for present in (False, True)],
    "persons": [{"persons": people} for people in _PEOPLE],
    "edit": [
        {"edit_of_photo": photo, "undress": undress}
        for photo, undress in product((False, True), repeat=2)
    ],
    "obfuscated": [{"obfuscated": found} for found in (frozenset[str](), frozenset({"leet"}))],
    "labels": [
        {"labels": frozenset(found)}
        for n in range(len(LABELS) + 1)
        for found in combinations(LABELS, n)
    ],
}


def completions(facts: Facts) -> Iterator[Facts]:
    """Every way in which what is incomplete may turn out."""
    open_facts = sorted(ALL - facts.complete)
    for values in product(*(_GROWTH[fact] for fact in open_facts)):
        fields = {name: value for change in values for name, value in change.items()}
        later = merged(facts, replace(Facts(), **fields))  # type: ignore[arg-type]
        for failed in product((False, True), repeat=len(open_facts)):
            lost = {fact for fact, one in zip(open_facts, failed, strict=True) if one}
            yield replace(later, complete=ALL, unscanned=facts.unscanned | lost)
