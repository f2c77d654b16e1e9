"""What is wrong with a policy as a whole: rules that never count, protection that is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from guardrail.errors import Problem
from guardrail.policy.building import RuleSet
from guardrail.policy.conditions import atoms_of, facts_read, selects
from guardrail.policy.effects import Blind, blind_of
from guardrail.policy.jurisdictions import around, overlays_for
from guardrail.policy.model import Policy
from guardrail.policy.reading import Source
from guardrail.policy.rule import Rule, When
from guardrail.records import Action, FactName, Kind, Operation, Role, Severity, Stage


def find_unreachable(rules: RuleSet, sources: Sequence[Source], on_error: Action) -> None:
    """Note each rule that another always outranks, so that it changes no decision.

    sources: base first. What a file hides of its base is meant: it cannot remove that rule.
    on_error: the policy's.
    """
    every = rules.every()
    level = [sources.index(placed.source) for placed in every]
    for here, placed in enumerate(every):
        for there, other in enumerate(every):
            if here == there or level[there] > level[here]:
                continue
            earlier = there < here
            if hides(other.rule, placed.rule, on_error, earlier=earlier):
                placed.problem(
                    f"unreachable: found {placed.rule.id!r}, which changes no decision since "
                    f"{other.rule.id!r} ({other}) covers it, expected a rule that can count"
                )
                break


def hides(one: Rule, other: Rule, on_error: Action, *, earlier: bool) -> bool:
    """Whether `other` never changes a decision because `one` matches whenever it does."""
    if one.overlay and one.overlay not in around(other.overlay or "-"):
        return False
    if not covers(one.when, other.when) or not _as_wary(one, other, on_error):
        return False
    if one.action is Action.REFUSE:
        outranks = (one.floor, earlier) > (other.floor, False)
        return outranks or other.action is not Action.REFUSE
    return (
        earlier
        and one.action is other.action
        and one.require == other.require
        and set(one.obligations) >= set(other.obligations)
    )


def _as_wary(one: Rule, other: Rule, on_error: Action) -> bool:
    """Whether `one` is as strict as `other` about what cannot be scanned."""
    if one.action is Action.REFUSE:
        return min(_sights(one, on_error)) >= max(_sights(other, on_error))
    same = one.on_error is other.on_error
    return same and (Blind.REFUSES not in _sights(other, on_error) or _reads(one) >= _reads(other))


def _sights(rule: Rule, on_error: Action) -> set[Blind]:
    actions = {rule.action, Action.ALLOW} if rule.require else {rule.action}
    return {blind_of(rule, action, on_error) for action in actions}


def _reads(rule: Rule) -> frozenset[FactName]:
    return frozenset[FactName]().union(*map(facts_read, atoms_of(rule.when)))


def covers(wide: When, narrow: When) -> bool:
    """Whether `wide` holds whenever `narrow` does."""
    return (
        wide.operation >= narrow.operation
        and wide.stage >= narrow.stage
        and wide.sexual <= narrow.sexual
        and _covers_person(wide.person, narrow)
        and wide.minor <= narrow.minor
        and wide.edit_of_photo <= narrow.edit_of_photo
        and wide.undress <= narrow.undress
        and wide.obfuscated <= narrow.obfuscated
        and wide.protected <= narrow.protected
        and _covers_words(wide.label, narrow.label, patterns=True)
        and _covers_words(wide.tier, narrow.tier)
        and _covers_words(wide.app, narrow.app)
    )


def _covers_person(wide: frozenset[str], narrow: When) -> bool:
    if not wide:
        return True
    if not narrow.person:
        return narrow.protected and "any" in wide
    return all(
        any(selects(selector, kind, role) for selector in wide)
        for kind in Kind
        for role in Role
        if any(selects(selector, kind, role) for selector in narrow.person)
    )


def _covers_words(wide: frozenset[str], narrow: frozenset[str], *, patterns: bool = False) -> bool:
    if not wide:
        return True
    same = fnmatchcase if patterns else str.__eq__
    return bool(narrow) and all(any(same(word, each) for each in wide) for word in narrow)


_MINOR = When(minor=True, sexual=Severity.SUGGESTIVE)
_PICTURED = When(
    operation=frozenset(o for o in Operation if o.visual),
    person=frozenset({"real"}),
    sexual=Severity.SUGGESTIVE,
)
_WRITTEN = When(person=frozenset({"real"}), sexual=Severity.NUDITY)
_OBSCENE = When(sexual=Severity.EXPLICIT)
_PROTECTION = (
    (_MINOR, "sexual content about minors"),
    (_PICTURED, "sexual pictures of real people"),
    (_WRITTEN, "sexual text about real people"),
)


def find_warnings(policy: Policy, source: Source) -> Iterator[Problem]:
    """What is legal in a policy and still looks like a mistake."""

    def warn(key: str, message: str) -> Problem:
        node = source.at(key)
        return Problem(source.file, node.line, node.column, message)

    for when, what in _PROTECTION:
        if not _refused(when, [rule for rule in policy.rules if rule.floor]):
            yield warn("rules", f"no floor refuses {what}")
    japan = [*policy.rules, *(r for code, rs in policy.overlays if code == "JP" for r in rs)]
    if not _refused(_OBSCENE, [rule for rule in japan if rule.action is Action.REFUSE]):
        yield warn("overlays", "nothing refuses explicit content in JP (Penal Code Art. 175)")
    codes = [code for code, _ in policy.overlays]
    missed = sorted({*codes} - {*overlays_for(codes, "", policy.unknown_jurisdiction)})
    if missed:
        yield warn("unknown_jurisdiction", f"an unknown jurisdiction misses {', '.join(missed)}")
    if policy.on_error is not Action.REFUSE:
        yield warn("on_error", f"what cannot be scanned is not refused but {policy.on_error.label}")
    if policy.second_stage and policy.second_stage.may_lower:
        yield warn("second_stage", "may_lower: the second stage can undo what the first saw")


def _refused(when: When, rules: list[Rule]) -> bool:
    """Whether for each operation and stage some one of the rules covers these conditions."""
    return all(
        any(
            operation in rule.when.operation
            and stage in rule.when.stage
            and covers(rule.when, _narrowed(when, rule))
            for rule in rules
        )
        for operation in when.operation
        for stage in Stage
    )


def _narrowed(when: When, rule: Rule) -> When:
    return replace(when, operation=rule.when.operation, stage=rule.when.stage)
