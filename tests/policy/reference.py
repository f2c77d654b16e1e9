"""The semantics of docs/policy.md, written the plain way, to hold the engine against."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any, Literal

from guardrail.policy import Policy, Rule
from guardrail.policy.jurisdictions import around
from guardrail.records import Action, Caller, Decision, Facts, Operation, Person, Requirement, Stage

Holds = Literal["yes", "no", "maybe"]


Matched = list[tuple[Rule, Action]]


def decide(
    policy: Policy, operation: Operation, caller: Caller, stage: Stage, facts: Facts
) -> Decision:
    """The decision on complete facts."""
    overlays = _overlays(policy, caller)
    applicable = [
        rule
        for rule in _rules(policy, overlays)
        if operation in rule.when.operation
        and stage in rule.when.stage
        and (not rule.when.tier or caller.tier in rule.when.tier)
    ]
    matched, blind = _sorted(applicable, caller, facts, policy.on_error)
    verdict = _verdict(matched, blind, caller)
    ranked = verdict.pop("ranked")
    unscanned = verdict["reason"] == "unscanned"
    return Decision(
        rule="on-error" if unscanned else ranked[0].id if ranked else "",
        policy=policy.ref,
        stage=stage,
        rules=tuple(rule.id for rule in ranked),
        law=ranked[0].law if ranked and not unscanned else (),
        overlays=overlays,
        **verdict,
    )


def _sorted(
    rules: list[Rule], caller: Caller, facts: Facts, default: Action
) -> tuple[Matched, Matched]:
    """The rules that match, and those refused for want of a scan, with what each comes to."""
    matched, blind = [], []
    for rule in rules:
        action = _action(rule, caller)
        answer = _on_error(rule, action, default)
        holds = _holds(rule, facts)
        wary = action is not Action.REFUSE and _reads_unscanned(rule, facts)
        if holds == "no":
            continue
        if answer is Action.REFUSE and (holds == "maybe" or wary):
            blind.append((rule, action))
        elif holds == "yes" or answer is Action.GATE:
            matched.append((rule, action))
    return matched, blind


def _verdict(matched: Matched, blind: Matched, caller: Caller) -> dict[str, Any]:
    refusing = _ranked(matched, Action.REFUSE)[:1]
    if refusing:
        reason = refusing[0].id.replace("-", "_")
        return {"action": Action.REFUSE, "reason": reason, "ranked": refusing}
    if blind:
        worst = _ranked(blind, max(action for _, action in blind))[:1]
        return {"action": Action.REFUSE, "reason": "unscanned", "ranked": worst}
    gating = _ranked(matched, Action.GATE)
    if gating:
        unpaid = any(not _tier_met(rule, caller) for rule in gating)
        reason = "subscription_required" if unpaid else "age_verification_required"
        asked = _asked(gating)
        return {"action": Action.GATE, "reason": reason, "ranked": gating, "requirement": asked}
    allowing = _ranked(matched, Action.ALLOW)
    owed = tuple(sorted({name for rule in allowing for name in rule.obligations}))
    return {"action": Action.ALLOW, "reason": "allowed", "ranked": allowing, "obligations": owed}


def _overlays(policy: Policy, caller: Caller) -> tuple[str, ...]:
    codes = sorted(code for code, _ in policy.overlays)
    code = caller.jurisdiction.code
    strictest = policy.unknown_jurisdiction == "strictest"
    if not code and strictest:
        return tuple(codes)
    code = code or policy.unknown_jurisdiction
    return tuple(o for o in codes if o in around(code) or (strictest and code in around(o)))


def _rules(policy: Policy, overlays: Iterable[str]) -> list[Rule]:
    return [*policy.rules, *(r for code in overlays for r in dict(policy.overlays)[code])]


def _ranked(matched: Matched, action: Action) -> list[Rule]:
    rules = [rule for rule, its in matched if its is action]
    return [r for r in rules if r.floor] + [r for r in rules if not r.floor]


def _tier_met(rule: Rule, caller: Caller) -> bool:
    assert rule.require is not None
    return not rule.require.tier or caller.tier in rule.require.tier


def _action(rule: Rule, caller: Caller) -> Action:
    if rule.require is None:
        return rule.action
    met = _tier_met(rule, caller) and (caller.age_verified or not rule.require.age_verified)
    return Action.ALLOW if met else Action.GATE


def _on_error(rule: Rule, action: Action, default: Action) -> Action:
    """`GATE` stands for "as if it matched"."""
    if rule.floor:
        return Action.REFUSE
    if rule.on_error is None and action is Action.ALLOW:
        return Action.GATE
    answer = default if rule.on_error is None else rule.on_error
    return Action.REFUSE if answer is Action.GATE and rule.require is None else answer


def _asked(rules: list[Rule]) -> Requirement:
    asked = [rule.require for rule in rules if rule.require is not None]
    tiers = [require.tier for require in asked if require.tier]
    first = tiers[0] if tiers else ()
    common = tuple(tier for tier in first if all(tier in other for other in tiers))
    return Requirement(common or first, any(require.age_verified for require in asked))


def _conditions(rule: Rule, facts: Facts) -> list[tuple[bool, set[str]]]:
    when = rule.when
    shown = [person for person in facts.persons if person.depicted]
    found: list[tuple[bool, set[str]]] = []
    if when.sexual:
        found.append((facts.sexual.severity >= when.sexual, {"sexual"}))
    if when.minor:
        young = facts.minor.present or any(person.minor for person in shown)
        found.append((young, {"minor", "persons"}))
    if when.person:
        meant = any(_meant(word, person) for word in when.person for person in facts.persons)
        found.append((meant, {"persons"}))
    if when.protected:
        found.append((any(person.protected for person in shown), {"persons"}))
    if when.edit_of_photo:
        found.append((facts.edit_of_photo, {"edit"}))
    if when.undress:
        found.append((facts.undress, {"edit"}))
    if when.obfuscated:
        found.append((bool(facts.obfuscated), {"obfuscated"}))
    if when.label:
        seen = any(fnmatchcase(label, p) for label in facts.labels for p in when.label)
        found.append((seen, {"labels"}))
    return found


def _meant(word: str, person: Person) -> bool:
    if word == "any":
        return True
    return person.depicted and (person.real if word == "real" else person.kind == word)


def _holds(rule: Rule, facts: Facts) -> Holds:
    answer: Holds = "yes"
    for found, read in _conditions(rule, facts):
        if not found:
            if not read & facts.unscanned:
                return "no"
            answer = "maybe"
    return answer


def _reads_unscanned(rule: Rule, facts: Facts) -> bool:
    return any(read & facts.unscanned for _, read in _conditions(rule, facts))
