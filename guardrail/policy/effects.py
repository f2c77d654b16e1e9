"""What a rule comes to for one caller."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from guardrail.policy.conditions import Atom, atoms_of
from guardrail.policy.rule import Rule
from guardrail.records import Action, Caller, Requirement

SUBSCRIPTION = "subscription_required"
AGE = "age_verification_required"
ALLOWED = "allowed"


class Blind(IntEnum):
    """What a rule comes to while a fact it depends on cannot be scanned."""

    SILENT = 0
    MATCHES = 1
    REFUSES = 2


@dataclass(frozen=True, slots=True)
class Effect:
    """A rule as it bears on one caller.

    action: `ALLOW` for a requirement that is met. reason: the code if this rule decides.
    """

    rule: Rule
    action: Action
    reason: str
    blind: Blind
    atoms: tuple[Atom, ...]


def effect_of(rule: Rule, caller: Caller, on_error: Action) -> Effect:
    """What a rule comes to for a caller; `on_error` is the policy's."""
    action, reason = rule.action, rule.reason
    if rule.require is not None:
        action, missing = _ask(rule.require, caller)
        reason = missing or reason
    elif not reason and action is Action.REFUSE:
        reason = rule.id.translate(_AS_CODE)
    return Effect(
        rule, action, reason or ALLOWED, blind_of(rule, action, on_error), atoms_of(rule.when)
    )


def ranked(effects: Iterable[Effect]) -> tuple[Effect, ...]:
    """By action, floors first, then in the order of the policy."""
    return tuple(sorted(effects, key=lambda effect: (-effect.action, not effect.rule.floor)))


_AS_CODE = str.maketrans("-.", "__")


def _ask(require: Requirement, caller: Caller) -> tuple[Action, str]:
    if require.tier and caller.tier not in require.tier:
        return Action.GATE, SUBSCRIPTION
    if require.age_verified and not caller.age_verified:
        return Action.GATE, AGE
    return Action.ALLOW, ""


def blind_of(rule: Rule, action: Action, on_error: Action) -> Blind:
    """What a rule that comes to `action` for a caller makes of what cannot be scanned."""
    if rule.floor:
        return Blind.REFUSES
    if rule.on_error is None and action is Action.ALLOW:
        return Blind.MATCHES
    match rule.on_error if rule.on_error is not None else on_error:
        case Action.ALLOW:
            return Blind.SILENT
        case Action.GATE if rule.require is not None:
            return Blind.MATCHES
        case _:
            return Blind.REFUSES
