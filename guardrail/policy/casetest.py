"""Policy test files: facts that hold, who asks for what, and the decision that is expected."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from guardrail.errors import ConfigurationError, PolicyError
from guardrail.policy.cases import CaseModel, CasesModel, ExpectModel, facts_of
from guardrail.policy.engine import ON_ERROR
from guardrail.policy.loader import Loaded, load, locate, read_bytes, shipped
from guardrail.policy.model import Policy
from guardrail.policy.reading import Source, read_model
from guardrail.policy.schema import hint
from guardrail.records import Caller, Decision, Jurisdiction, Operation, Stage

SUFFIX = ".test.yaml"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one case went: `failures` is empty when it passed. line: where it is written."""

    name: str
    line: int
    decision: Decision
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """How a test file went. uncovered: ids of rules that match in none of its cases."""

    file: str
    policy: Policy
    outcomes: tuple[Outcome, ...]
    uncovered: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether every case passed and every rule was covered."""
        return not self.uncovered and not any(outcome.failures for outcome in self.outcomes)


def shipped_tests() -> list[Path]:
    """The test files of the shipped policies."""
    return [path.with_name(path.stem + SUFFIX) for path in shipped().values()]


def cases_of(source: str) -> Path:
    """The test file that a shipped policy's name, a policy's path or a test's path stands for."""
    path = locate(source)
    if path.name.endswith(SUFFIX):
        return path
    beside = path.with_name(path.stem + SUFFIX)
    if not beside.is_file():
        raise ConfigurationError(f"no tests of {source}, expected {beside}")
    return beside


def run_tests(path: Path, *, known_detectors: Collection[str] | None = None) -> Report:
    """Run a test file; PolicyError for what is wrong with it or its policy."""
    model, source = read_model(CasesModel, read_bytes(path), str(path))
    if model is None:
        raise PolicyError(source.problems)
    loaded = _policy_of(path, model, source, known_detectors)
    _check(model, source, loaded.policy)
    if source.problems:
        raise PolicyError(sorted(source.problems, key=lambda p: (p.line, p.column)))
    covered: set[str] = set()
    outcomes = []
    for index, case in enumerate(model.cases):
        decision, matched = _judge(loaded.policy, case)
        covered |= {*matched, decision.rule}
        line = source.at("cases", index).line
        outcomes.append(Outcome(case.name, line, decision, tuple(_failures(case.expect, decision))))
    ids = [rule.id for rule in loaded.policy.every_rule]
    uncovered = tuple(name for name in ids if name not in covered)
    return Report(str(path), loaded.policy, tuple(outcomes), uncovered)


def _policy_of(
    path: Path, model: CasesModel, source: Source, detectors: Collection[str] | None
) -> Loaded:
    name = model.policy or path.name.removesuffix(SUFFIX) + ".yaml"
    try:
        return load(locate(name, path.parent), known_detectors=detectors)
    except PolicyError:
        raise
    except ConfigurationError as error:
        node = source.at("policy") if model.policy else source.root
        source.problem(node, f"found {error}")
        raise PolicyError(source.problems) from None


def _check(model: CasesModel, source: Source, policy: Policy) -> None:
    ids = (*(rule.id for rule in policy.every_rule), ON_ERROR)
    names: dict[str, int] = {}
    for index, case in enumerate(model.cases):
        rule = case.expect.rule
        if rule and rule not in ids:
            message = f"found {rule!r}, expected a rule of the policy{hint(rule, ids)}"
            source.problem(source.at("cases", index, "expect", "rule"), message)
        node = source.at("cases", index, "name")
        if case.name in names:
            first = f"(first: line {names[case.name]})"
            source.problem(node, f"found case {case.name!r} again, expected it once {first}")
        names.setdefault(case.name, node.line)


def _judge(policy: Policy, case: CaseModel) -> tuple[Decision, Sequence[str]]:
    who = case.caller
    place = Jurisdiction(who.jurisdiction, "test", who.confidence)
    caller = Caller("test", who.tier, who.age_verified, place, who.app)
    bound = policy.bind(Operation(case.operation), caller)
    facts, stage = facts_of(case.facts), Stage(case.stage)
    decision = bound.judge(facts, stage)
    assert isinstance(decision, Decision)  # noqa: S101  all facts are complete
    return decision, bound.matching(facts, stage)


def _failures(expect: ExpectModel, decision: Decision) -> list[str]:
    asked = decision.requirement
    pairs: list[tuple[str, object, object]] = [
        ("action", expect.action, decision.action.label),
        ("rule", expect.rule, decision.rule),
        ("reason", expect.reason, decision.reason),
    ]
    if expect.obligations is not None:
        pairs.append(("obligations", sorted(set(expect.obligations)), list(decision.obligations)))
    if expect.requirement is not None:
        wanted = (expect.requirement.tier or (), bool(expect.requirement.age_verified))
        pairs.append(("requirement", wanted, asked and (asked.tier, asked.age_verified)))
    return [
        f"{name}: expected {_shown(wanted)}, found {_shown(found)}"
        for name, wanted, found in pairs
        if wanted is not None and wanted != found
    ]


def _shown(value: object) -> str:
    return value or "nothing" if isinstance(value, str) else str(value)
