"""The rules that turn terms into evidence and a score, read from `data/rules.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

PACKAGE = "guardrail.detect.sexual"


@dataclass(frozen=True, slots=True)
class Around:
    """What must stand right before or right after a term: the one or the other is enough."""

    before: re.Pattern[str] | None
    after: re.Pattern[str] | None

    def find(self, before: str, after: str) -> tuple[str, str] | None:
        """What remains before and after once the pattern is found; None where it is not."""
        if self.before and (match := self.before.search(before)):
            return before[: match.start()], after
        if self.after and (match := self.after.match(after)):
            return before, after[match.end() :]
        return None


@dataclass(frozen=True, slots=True)
class Context:
    """A rule that lowers tiers where its cue stands near.

    lowers: for each tier the factors for one distinct cue and for two or more, in [0, 1].
    operations: `chat` (anything that gives text), `visual` or `any`.
    unasked: only where nothing is asked for that the sexual words describe.
    """

    name: str
    cue: str
    lowers: Mapping[str, tuple[float, float]]
    also: frozenset[str]
    unless: frozenset[str]
    blocked: frozenset[str]
    operations: Literal["chat", "visual", "any"]
    unasked: bool


@dataclass(frozen=True, slots=True)
class Garments:
    """Clothes taken off or missing, by the label of the garment.

    weight, weak: evidence with and without a person, picture or upload in sight.
    blocked_by: the cue that leaves nothing of the weak kind.
    """

    undress: Mapping[str, Around]
    bare: Mapping[str, Around]
    weight: float
    weak: float
    blocked_by: str


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything in `data/rules.yaml`; the fields are explained there."""

    terms: tuple[str, ...]
    cues: tuple[str, ...]
    order: Mapping[str, int]
    bias: float
    weights: tuple[tuple[tuple[str, ...], float], ...]
    thresholds: Mapping[str, float]
    cap: float
    capped: frozenset[str]
    vague: frozenset[str]
    explicit_from: Mapping[str, float]
    skeleton_weight: float
    distinct_terms: int
    block: int
    context: tuple[Context, ...]
    least: Mapping[str, float]
    negation: Around
    negation_factor: float
    negation_spares: frozenset[str]
    garments: Garments
    worn: Around
    worn_tiers: frozenset[str]


@cache
def load_rules() -> Rules:
    """The shipped rules."""
    import yaml

    text = files(PACKAGE).joinpath("data/rules.yaml").read_text("utf-8")
    raw: dict[str, Any] = yaml.safe_load(text)
    score = dict(raw["score"])
    return Rules(
        terms=tuple(f"data/{name}.tsv" for name in raw["terms"]),
        cues=tuple(f"data/{name}.tsv" for name in raw["cues"]),
        order={tier: rank for rank, tier in enumerate(raw["order"])},
        bias=score.pop("bias"),
        weights=tuple((tuple(name.split("*")), weight) for name, weight in score.items()),
        thresholds=raw["thresholds"],
        cap=raw["cap"]["score"],
        capped=frozenset(raw["cap"]["tiers"]),
        vague=frozenset(raw["vague"]),
        explicit_from=raw["explicit_from"],
        skeleton_weight=raw["skeleton_weight"],
        distinct_terms=raw["distinct_terms"],
        block=raw["block"],
        context=tuple(map(_context, raw["context"])),
        least=raw["least"],
        negation=_around(raw["negation"]),
        negation_factor=raw["negation"]["factor"],
        negation_spares=frozenset(raw["negation"]["spares"]),
        garments=_garments(raw["garments"]),
        worn=_around(raw["worn"]),
        worn_tiers=frozenset(raw["worn"]["tiers"]),
    )


def _context(raw: dict[str, Any]) -> Context:
    return Context(
        name=raw["name"],
        cue=raw["cue"],
        lowers={tier: (one, more) for tier, (one, more) in raw["lowers"].items()},
        also=frozenset(raw.get("with", ())),
        unless=frozenset(raw.get("unless", ())),
        blocked=frozenset(raw.get("blocked", ())),
        operations=raw.get("operations", "any"),
        unasked=raw.get("unasked", False),
    )


def _garments(raw: dict[str, Any]) -> Garments:
    return Garments(
        undress={label: _around(patterns) for label, patterns in raw["undress"].items()},
        bare={label: _around(patterns) for label, patterns in raw["bare"].items()},
        weight=raw["weight"],
        weak=raw["weak"],
        blocked_by=raw["blocked_by"],
    )


def _around(raw: dict[str, Any]) -> Around:
    before, after = raw.get("before"), raw.get("after")
    return Around(re.compile(before) if before else None, re.compile(after) if after else None)
