"""Loading a policy: find the file and those it extends, check them, and say all that is wrong."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from guardrail.errors import ConfigurationError, PolicyError, Problem
from guardrail.policy.building import RuleSet, build_rule
from guardrail.policy.jurisdictions import STRICTEST
from guardrail.policy.lint import find_unreachable, find_warnings
from guardrail.policy.model import Policy
from guardrail.policy.reading import Source, read_model
from guardrail.policy.rule import Limits
from guardrail.policy.schema import PolicyModel, check_place, hint
from guardrail.policy.second import OnnxModel, SecondStage
from guardrail.records import Action

_MAX_EXTENDS = 8
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A policy, the file it came from, and what is legal in it but looks wrong."""

    policy: Policy
    file: str
    warnings: tuple[Problem, ...] = ()


def shipped() -> dict[str, Path]:
    """The policies that come with Guardrail, by name."""
    found = sorted(Path(str(files("guardrail.configs"))).glob("*.yaml"))
    return {path.stem: path for path in found if not path.stem.endswith(".test")}


def locate(source: str | Path, beside: Path | None = None) -> Path:
    """The file that a shipped name or a path stands for; ConfigurationError when there is none."""
    known = shipped()
    if isinstance(source, str) and source in known:
        return known[source]
    path = Path(source) if beside is None else beside / source
    try:
        if path.is_file():
            return path
    except (OSError, ValueError):
        pass  # no name that a file can have
    close = hint(str(source), tuple(known))
    names = ", ".join(known)
    raise ConfigurationError(
        f"no policy {str(source)!r}, expected a file or a shipped policy ({names}){close}"
    )


def read_bytes(path: Path) -> bytes:
    """The file's bytes; ConfigurationError when they cannot be had."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None


def load(source: str | Path, *, known_detectors: Collection[str] | None = None) -> Loaded:
    """Load a policy.

    1. Read the file and those it extends. 2. Put them together, base first.
    3. Check what only the whole can show. Raises PolicyError, ConfigurationError.
    """
    path = locate(source)
    assembly = _Assembly(known_detectors)
    assembly.read(path, ())
    if not assembly.problems:
        find_unreachable(assembly.rules, assembly.sources, assembly.on_error)
    if assembly.problems:
        raise PolicyError(assembly.problems)
    policy = assembly.policy()
    return Loaded(policy, str(path), tuple(find_warnings(policy, assembly.sources[-1])))


class _Assembly:
    """A policy while its files are put together, the innermost base first."""

    def __init__(self, detectors: Collection[str] | None) -> None:
        self.sources: list[Source] = []
        self.rules = RuleSet()
        self._models: list[PolicyModel] = []
        self._second_stage: SecondStage | None = None
        self._detectors = detectors

    @property
    def problems(self) -> list[Problem]:
        """Everything wrong, the file asked for first, each in the order of its lines."""
        return [
            problem
            for source in reversed(self.sources)
            for problem in sorted(source.problems, key=lambda p: (p.line, p.column))
        ]

    def read(self, path: Path, chain: tuple[Path, ...]) -> None:
        """Read a file after the one it extends; `chain`: those that led here."""
        model, source = read_model(PolicyModel, read_bytes(path), str(path))
        if model is not None and model.extends is not None:
            self._extend(model.extends, path, source, chain)
        self.sources.append(source)
        if model is not None:
            self._models.append(model)
            self._check_detectors(model, source)
            self._take_second_stage(model, path)
            self._add_rules(model, source)

    def _extend(self, base: str, path: Path, source: Source, chain: tuple[Path, ...]) -> None:
        chain = (*chain, path.resolve())
        try:
            found = locate(base, path.parent)
        except ConfigurationError as error:
            source.problem(source.at("extends"), f"found {error}")
            return
        if found.resolve() in chain or len(chain) > _MAX_EXTENDS:
            message = f"found {base!r} again down the line, expected no circle"
            source.problem(source.at("extends"), message)
            return
        self.read(found, chain)

    def _check_detectors(self, model: PolicyModel, source: Source) -> None:
        known = self._detectors
        for index, name in enumerate(model.detectors or ()):
            if known is not None and name not in known:
                listed = ", ".join(sorted(known)) or "none"
                message = f"found unknown detector {name!r}, expected one of {listed}"
                node = source.at("detectors", index)
                source.problem(node, message + hint(name, tuple(known)))

    def _take_second_stage(self, model: PolicyModel, path: Path) -> None:
        if model.second_stage is None:
            return
        stage = model.second_stage.settings()
        if isinstance(stage.backend, OnnxModel):
            place = str(path.parent / stage.backend.folder)
            stage = replace(stage, backend=replace(stage.backend, place=place))
        self._second_stage = stage

    def _add_rules(self, model: PolicyModel, source: Source) -> None:
        for index, rule in enumerate(model.rules):
            placed = build_rule(rule, source, ("rules", index))
            if placed is not None:
                self.rules.add(placed)
        for code, rules in model.overlays.items():
            wrong = check_place(code)
            if wrong:
                source.problem(source.key("overlays", code), f"found {code!r}, expected {wrong}")
            for index, rule in enumerate(rules):
                placed = build_rule(rule, source, ("overlays", code, index), code)
                if placed is not None:
                    self.rules.add_overlay(code, placed)

    @property
    def on_error(self) -> Action:
        """What an unscanned fact makes of a rule that does not say."""
        names = [model.on_error for model in self._models if model.on_error]
        return Action[names[-1].upper()] if names else Action.REFUSE

    def policy(self) -> Policy:
        """The whole, once nothing is wrong with it."""
        models = self._models
        last = models[-1]
        detectors = _last([model.detectors for model in models], [])
        overlays = self.rules.overlays.items()
        return Policy(
            name=last.policy,
            version=last.version,
            rules=tuple(placed.rule for placed in self.rules.rules.values()),
            overlays=tuple((code, tuple(p.rule for p in placed)) for code, placed in overlays),
            unknown_jurisdiction=_last([m.unknown_jurisdiction for m in models], STRICTEST),
            jurisdiction_confidence=_last([m.jurisdiction_confidence for m in models], 0.0),
            on_error=self.on_error,
            limits=self._limits(),
            detectors=tuple(dict.fromkeys(detectors)) or None,
            second_stage=self._second_stage,
        )

    def _limits(self) -> Limits:
        limits = Limits()
        for model in self._models:
            if model.limits is not None:
                limits = replace(limits, **model.limits.model_dump(exclude_none=True))
        return limits


def _last(values: list[T | None], default: T) -> T:
    """What the outermost file that says anything says."""
    return next((value for value in reversed(values) if value is not None), default)
