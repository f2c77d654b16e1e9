"""From checked models to rules, and from a base and what extends it to one set of rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from guardrail.policy.reading import Source
from guardrail.policy.rule import Rule, When
from guardrail.policy.schema import RequireModel, RuleModel, WhenModel
from guardrail.records import Action, Operation, Requirement, Severity, Stage

Loc = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """A rule and where it is written."""

    rule: Rule
    source: Source
    loc: Loc

    def __str__(self) -> str:
        return f"{self.source.file}:{self.source.at(*self.loc).line}"

    def problem(self, message: str, *below: int | str) -> None:
        """Note something wrong about the rule, at its id unless said otherwise."""
        self.source.problem(self.source.at(*self.loc, *(below or ("id",))), message)


@dataclass(slots=True)
class RuleSet:
    """Rules for everybody by id, and each overlay's, in the order they are written."""

    rules: dict[str, Placed] = field(default_factory=dict)
    overlays: dict[str, list[Placed]] = field(default_factory=dict)

    def every(self) -> list[Placed]:
        """The rules for everybody, then each overlay's."""
        return [*self.rules.values(), *(p for _, ps in sorted(self.overlays.items()) for p in ps)]

    def named(self, name: str) -> Placed | None:
        """The rule of this id."""
        return next((placed for placed in self.every() if placed.rule.id == name), None)

    def add(self, placed: Placed) -> None:
        """Add a rule for everybody; one of the same id in a base file is replaced."""
        known = self.named(placed.rule.id)
        if known is None:
            self.rules[placed.rule.id] = placed
        elif known.source is placed.source:
            _again(placed, known)
        elif known.rule.overlay:
            message = f"expected a new one: overlay {known.rule.overlay} has it ({known})"
            placed.problem(f"found rule id {placed.rule.id!r}, {message}")
        elif known.rule.floor and not _as_strict(placed.rule, known.rule):
            _weakened(placed, known)
        else:
            self.rules[placed.rule.id] = placed

    def add_overlay(self, code: str, placed: Placed) -> None:
        """Add an overlay's rule, which may replace none."""
        known = self.named(placed.rule.id)
        if known is None:
            self.overlays.setdefault(code, []).append(placed)
        elif known.rule.floor:
            _weakened(placed, known)
        elif known.source is placed.source:
            _again(placed, known)
        else:
            message = f"expected a new one: overlays only add rules ({known} has it)"
            placed.problem(f"found rule id {placed.rule.id!r}, {message}")


def _again(placed: Placed, known: Placed) -> None:
    line = known.source.at(*known.loc).line
    placed.problem(f"found rule id {placed.rule.id!r} again, expected it once (first: line {line})")


def _weakened(placed: Placed, known: Placed) -> None:
    placed.problem(
        f"weakened floor: found {placed.rule.id!r} redefined, expected the floor of {known} "
        "with the same when, floor: true and action: refuse"
    )


def _as_strict(rule: Rule, floor: Rule) -> bool:
    return rule.floor and rule.when == floor.when


def build_rule(model: RuleModel, source: Source, loc: Loc, overlay: str = "") -> Placed | None:
    """A rule from its model; None when its parts contradict each other, which is noted."""
    before = len(source.problems)
    action = _action(model, source, loc)
    _check(model, action, source, loc)
    if len(source.problems) > before or action is None:
        return None
    rule = Rule(
        id=model.id,
        action=action,
        when=_when(model.when),
        floor=model.floor,
        require=_require(model.require),
        reason=model.reason or "",
        law=model.law or (),
        obligations=tuple(sorted(set(model.obligations or ()))),
        on_error=Action[model.on_error.upper()] if model.on_error else None,
        description=model.description or "",
        overlay=overlay,
    )
    return Placed(rule, source, loc)


def _action(model: RuleModel, source: Source, loc: Loc) -> Action | None:
    if model.action is None:
        if model.require is None:
            source.problem(
                source.at(*loc), "found no 'action', expected allow, refuse or a require"
            )
            return None
        return Action.GATE
    action = Action[model.action.upper()]
    if (action is Action.GATE) is not (model.require is not None):
        wanted = "a require that says what opens it" if model.require is None else "gate or none"
        found = f"found action {model.action} {'without' if model.require is None else 'with'}"
        source.problem(source.at(*loc, "action"), f"{found} a require, expected {wanted}")
    return action


def _check(model: RuleModel, action: Action | None, source: Source, loc: Loc) -> None:
    def wrong(key: str, message: str) -> None:
        source.problem(source.at(*loc, *key.split(".")), message)

    if model.require is not None and not (model.require.tier or model.require.age_verified):
        wrong("require", "found nothing asked for, expected tier or age_verified")
    if model.floor and action is not Action.REFUSE:
        wrong("floor", "found a floor that does not refuse, expected action: refuse")
    if model.floor and (model.when.tier or model.when.app):
        wrong("when", "found a floor for some callers only, expected no tier and no app")
    if model.floor and model.on_error not in (None, "refuse"):
        wrong("on_error", f"found {model.on_error!r} in a floor, expected refuse or nothing")
    if action is Action.REFUSE and model.obligations:
        wrong("obligations", "found obligations of a refusal, expected none: nothing is released")
    if model.on_error == "gate" and model.require is None:
        wrong("on_error", "found 'gate' without a require, expected refuse or allow")


def _require(model: RequireModel | None) -> Requirement | None:
    return None if model is None else Requirement(model.tier or (), bool(model.age_verified))


def _when(model: WhenModel) -> When:
    severity = (model.sexual or "none").removeprefix(">=")
    return When(
        operation=_operations(model.operation),
        stage=frozenset(map(Stage, model.stage)) if model.stage else frozenset(Stage),
        person=frozenset(model.person or ()),
        sexual=Severity[severity.upper()],
        minor=bool(model.minor),
        edit_of_photo=bool(model.edit_of_photo),
        undress=bool(model.undress),
        obfuscated=bool(model.obfuscated),
        protected=bool(model.protected),
        label=frozenset(model.label or ()),
        tier=frozenset(model.tier or ()),
        app=frozenset(model.app or ()),
    )


def _operations(patterns: Sequence[str] | None) -> frozenset[Operation]:
    if patterns is None:
        return frozenset(Operation)
    return frozenset(o for o in Operation if any(fnmatchcase(o.value, p) for p in patterns))
