"""A loaded policy: frozen, valid by construction, and ready to be bound to a caller."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from guardrail.policy.conditions import atoms_of, facts_read
from guardrail.policy.digest import digest
from guardrail.policy.effects import effect_of
from guardrail.policy.engine import BoundPolicy
from guardrail.policy.jurisdictions import STRICTEST, overlays_for
from guardrail.policy.rule import Limits, Rule
from guardrail.policy.second import SecondStage
from guardrail.records import Action, Caller, FactName, Operation, PolicyRef

_BOUND = 1024


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules for everybody, and overlays that add rules where a law asks for them.

    overlays: sorted by code. detectors: those the policy names; None: all there are.
    unknown_jurisdiction: `strictest` or the code an unknown jurisdiction counts as.
    jurisdiction_confidence: [0, 1]; a jurisdiction less certain than this is unknown.
    on_error: what a rule comes to when a fact it depends on cannot be scanned; a floor refuses.
    second_stage: asked where the first is in doubt; None: nobody is.
    ref: name, version and digest, as decisions carry them.
    facts: the facts its rules read, and how many rules read each.
    """

    name: str
    version: int
    rules: tuple[Rule, ...] = ()
    overlays: tuple[tuple[str, tuple[Rule, ...]], ...] = ()
    unknown_jurisdiction: str = STRICTEST
    jurisdiction_confidence: float = 0.0
    on_error: Action = Action.REFUSE
    limits: Limits = field(default_factory=Limits)
    detectors: tuple[str, ...] | None = None
    second_stage: SecondStage | None = None
    ref: PolicyRef = field(init=False, compare=False)
    facts: Mapping[FactName, int] = field(init=False, compare=False, repr=False)
    _bound: dict[tuple[Operation, str, bool, str, str], BoundPolicy] = field(
        init=False, compare=False, repr=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        ids = [rule.id for rule in self.every_rule]
        if len(ids) != len(set(ids)):
            raise ValueError("rule ids are unique in a policy")
        read = (
            fact
            for rule in self.every_rule
            for fact in {fact for atom in atoms_of(rule.when) for fact in facts_read(atom)}
        )
        object.__setattr__(self, "overlays", tuple(sorted(self.overlays)))
        object.__setattr__(self, "facts", Counter[FactName](read))
        object.__setattr__(self, "ref", PolicyRef(self.name, self.version, digest(self)))

    @property
    def every_rule(self) -> tuple[Rule, ...]:
        """The rules for everybody, then each overlay's."""
        return self.rules + tuple(rule for _, rules in self.overlays for rule in rules)

    def bind(self, operation: Operation, caller: Caller) -> BoundPolicy:
        """The rules that bear on this operation and caller; cached."""
        code = caller.jurisdiction.code
        if caller.jurisdiction.confidence < self.jurisdiction_confidence:
            code = ""
        key = operation, caller.tier, caller.age_verified, code, caller.app
        bound = self._bound.get(key)
        if bound is None:
            if len(self._bound) >= _BOUND:
                self._bound.clear()
            bound = self._bound[key] = self._bind(operation, caller, code)
        return bound

    def _bind(self, operation: Operation, caller: Caller, code: str) -> BoundPolicy:
        places = [place for place, _ in self.overlays]
        overlays = overlays_for(places, code, self.unknown_jurisdiction)
        rules = self.rules + tuple(
            rule for place, rules in self.overlays if place in overlays for rule in rules
        )
        effects = [
            effect_of(rule, caller, self.on_error)
            for rule in rules
            if operation in rule.when.operation and _meant(rule, caller)
        ]
        return BoundPolicy(self.ref, effects, overlays)


def _meant(rule: Rule, caller: Caller) -> bool:
    tiers, apps = rule.when.tier, rule.when.app
    return (not tiers or caller.tier in tiers) and (not apps or caller.app in apps)
