"""From evidence to a score and a severity."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from guardrail.records import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from guardrail.detect.sexual.evidence import Evidence, Scene
    from guardrail.detect.sexual.rules import Rules

_SUGGESTIVE = ("suggestive", "swim")
_AGREEING = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a text amounts to.

    score: of being nudity or more, in [0, 1].
    undress: of being an edit that undresses, in [0, 1]; 0 where nothing says so.
    spans: half-open ranges of the original text that say most, code points.
    """

    severity: Severity
    score: float
    undress: float
    span: tuple[int, int]
    undress_span: tuple[int, int]


def judge(found: Sequence[Evidence], scene: Scene, rules: Rules) -> Verdict:
    """The verdict on non-empty evidence."""
    features = measure(found, scene, rules)
    score = probability(features, rules)
    if all(e.tier in rules.capped for e in found):
        score = min(score, rules.cap)
    undress = features.get("undress", 0.0)
    return Verdict(
        severity=_severity(score, features, found, scene, rules),
        score=round(score, 4),
        undress=undress if undress >= rules.thresholds["undress"] else 0.0,
        span=_strongest(found, rules).span,
        undress_span=max(
            (e for e in found if e.tier == "undress"), key=_weight, default=found[0]
        ).span,
    )


def measure(found: Sequence[Evidence], scene: Scene, rules: Rules) -> dict[str, float]:
    """The evidence of each tier and cue, in [0, 1]."""
    weights: dict[str, dict[str, float]] = {}
    for evidence in found:
        terms = weights.setdefault(evidence.tier, {})
        terms[evidence.term] = max(terms.get(evidence.term, 0.0), evidence.weight)
    features = {tier: _noisy_or(terms, rules.distinct_terms) for tier, terms in weights.items()}
    for cue in ("person", "depict", "write"):
        features[cue] = float(scene.has(cue))
    if scene.visual:
        features["depict"] = 1.0
    return features


def probability(features: Mapping[str, float], rules: Rules) -> float:
    """The score of the features, in (0, 1)."""
    logit = rules.bias
    for names, weight in rules.weights:
        value = weight
        for name in names:
            value *= features.get(name, 0.0)
        logit += value
    return 1.0 / (1.0 + math.exp(-logit))


def _noisy_or(terms: Mapping[str, float], most: int) -> float:
    rest = 1.0
    for weight in sorted(terms.values(), reverse=True)[:most]:
        rest *= 1.0 - weight
    return 1.0 - rest


def _severity(
    score: float,
    features: Mapping[str, float],
    found: Sequence[Evidence],
    scene: Scene,
    rules: Rules,
) -> Severity:
    limits = rules.thresholds
    if score >= limits["nudity"]:
        explicit = max(features.get(t, 0.0) * w for t, w in rules.explicit_from.items())
        return Severity.EXPLICIT if explicit >= limits["explicit"] else Severity.NUDITY
    if any(_is_suggestive(e, scene, limits["suggestive"]) for e in found):
        return Severity.SUGGESTIVE
    return Severity.NONE


def _is_suggestive(evidence: Evidence, scene: Scene, limit: float) -> bool:
    """In a picture; else where two agree: somebody is there, is to be shown, wears it."""
    if evidence.tier not in _SUGGESTIVE:
        return (
            evidence.tier in ("nudity", "undress", "act")
            and scene.visual
            and evidence.weight >= limit
        )
    if evidence.weight < limit:
        return False
    if scene.visual or scene.upload:
        return True
    at = evidence.span[0]
    shown = scene.count("depict", at) or scene.count("write", at)
    return sum(map(bool, (scene.count("person", at), shown, evidence.worn))) >= _AGREEING


def _strongest(found: Sequence[Evidence], rules: Rules) -> Evidence:
    telling = rules.thresholds["telling"]
    return max(found, key=lambda e: (e.weight >= telling, rules.order[e.tier], e.weight))


def _weight(evidence: Evidence) -> float:
    return evidence.weight
