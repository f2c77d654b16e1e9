"""Judging: which rules match, and what that comes to, when some facts are not known yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from guardrail.policy.conditions import Conditions, FindingLabels
from guardrail.policy.effects import ALLOWED, SUBSCRIPTION, Effect, ranked
from guardrail.policy.rule import Rule
from guardrail.policy.walk import Program, Walk
from guardrail.records import (
    FACT_NAMES,
    Action,
    Decision,
    FactName,
    Facts,
    PolicyRef,
    Requirement,
    Stage,
)

UNSCANNED = "unscanned"
ON_ERROR = "on-error"
"""What decides where a scan is missing: no rule acted, so none is counted as if it had."""
_VERDICTS_KEPT = 1024
_ALL: frozenset[FactName] = frozenset(FACT_NAMES)
_NO_LABELS = FindingLabels(())
_State = tuple[Stage, int, frozenset[FactName], frozenset[FactName]]


@dataclass(frozen=True, slots=True)
class Need:
    """No decision yet: these facts are incomplete and may still change it."""

    facts: tuple[FactName, ...]


class BoundPolicy:
    """A policy as it bears on one operation and one sort of caller; safe to share."""

    __slots__ = (
        "_conditions",
        "_effects",
        "_labels",
        "_overlays",
        "_programs",
        "_ref",
        "_verdicts",
    )

    def __init__(self, ref: PolicyRef, effects: Sequence[Effect], overlays: Sequence[str]) -> None:
        self._ref = ref
        self._overlays = tuple(overlays)
        self._effects = ranked(effects)
        self._conditions = Conditions(atom for effect in effects for atom in effect.atoms)
        self._verdicts: dict[_State, Decision | Need] = {}
        self._labels = {
            rule: FindingLabels(a for e in effects if e.rule.id == rule for a in e.atoms)
            for rule in {effect.rule.id for effect in effects}
        }
        self._programs = {stage: self._program(stage) for stage in Stage}

    def _program(self, stage: Stage) -> Program:
        return tuple(
            (index, self._conditions.mask(effect.atoms), effect.action, effect.blind)
            for index, effect in enumerate(self._effects)
            if stage in effect.rule.when.stage
        )

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that apply, strictest first."""
        return tuple(effect.rule for effect in self._effects)

    def labels_of(self, rule: str) -> FindingLabels:
        """The labels of findings that bear on a rule, for `label in ...`; of no rule, none."""
        return self._labels.get(rule, _NO_LABELS)

    def matching(self, facts: Facts, stage: Stage = Stage.INPUT) -> tuple[str, ...]:
        """Ids of every rule that matches by what is known, strictest first: an explanation."""
        holding = self._conditions.holding(facts)
        return tuple(
            self._effects[index].rule.id
            for index, bits, _, _ in self._programs[stage]
            if not bits & ~holding
        )

    def judge(self, facts: Facts, stage: Stage = Stage.INPUT) -> Decision | Need:
        """Decide, or say which incomplete facts may still change the decision.

        A fact outside `facts.complete` may still grow, or turn out unscanned; one in
        `facts.unscanned` may be anything. A decision is the one that all facts would give: to keep
        it so, a refusal's `rules` is the deciding rule alone, a gate's or an allowance's all
        matching rules that come to the same action.
        """
        key = (stage, self._conditions.holding(facts), facts.complete, facts.unscanned)
        verdict = self._verdicts.get(key)
        if verdict is None:
            if len(self._verdicts) >= _VERDICTS_KEPT:
                self._verdicts.clear()
            verdict = self._verdicts[key] = self._judge(*key)
        return verdict

    def _judge(
        self,
        stage: Stage,
        holding: int,
        complete: frozenset[FactName],
        unscanned: frozenset[FactName],
    ) -> Decision | Need:
        conditions = self._conditions
        pending = conditions.reading(_ALL - complete)
        blind = conditions.reading(unscanned) if unscanned else 0
        walk = Walk(self._programs[stage], holding, pending, blind)
        if walk.open:
            return Need(conditions.facts_of(walk.open, complete))
        return self._decide(walk, stage)

    def _decide(self, walk: Walk, stage: Stage) -> Decision:
        if walk.refusal >= 0:
            effect = self._effects[walk.refusal]
            return self._decision(stage, Action.REFUSE, effect.reason, [effect])
        if walk.blind >= 0:
            feared = self._effects[walk.blind].rule.id
            return Decision(
                Action.REFUSE,
                ON_ERROR,
                UNSCANNED,
                self._ref,
                stage,
                rules=(feared,),
                overlays=self._overlays,
            )
        if walk.gates:
            gates = [self._effects[index] for index in walk.gates]
            pays = any(effect.reason == SUBSCRIPTION for effect in gates)
            return self._decision(
                stage, Action.GATE, SUBSCRIPTION if pays else gates[0].reason, gates
            )
        allows = [self._effects[index] for index in walk.allows]
        return self._decision(stage, Action.ALLOW, allows[0].reason if allows else ALLOWED, allows)

    def _decision(
        self, stage: Stage, action: Action, reason: str, effects: Sequence[Effect]
    ) -> Decision:
        rules = [effect.rule for effect in effects]
        owed = {name for rule in rules for name in rule.obligations}
        return Decision(
            action,
            rules[0].id if rules else "",
            reason,
            self._ref,
            stage,
            rules=tuple(rule.id for rule in rules),
            obligations=tuple(sorted(owed)) if action is Action.ALLOW else (),
            requirement=_asked(rules) if action is Action.GATE else None,
            law=rules[0].law if rules else (),
            overlays=self._overlays,
        )


def _asked(rules: Sequence[Rule]) -> Requirement:
    """What meets all the gates at once; where no one tier can, what the first of them asks."""
    asked = [rule.require for rule in rules if rule.require is not None]
    tiers = [require.tier for require in asked if require.tier] or [()]
    common = tuple(tier for tier in tiers[0] if all(tier in other for other in tiers))
    return Requirement(common or tiers[0], any(require.age_verified for require in asked))
