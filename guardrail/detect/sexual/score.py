"""From evidence to a score and a severity."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from guardrail.records import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from guardrail.detect.sexual.evidence import Evidence, Scene
    from guardrail.detect.sexual.layer import Layer
    from guardrail.detect.sexual.rules import Rules

_SUGGESTIVE = ("suggestive", "swim")
_SHOWN = ("nudity", "porn")
_SEEN = frozenset({*_SUGGESTIVE, "nudity", "undress", "act", "porn", "explicit"})
_AGREEING = 2
_NOTED = frozenset({"judge", "matter", "medical"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a text amounts to.

    score: of being nudity or more, in [0, 1].
    undress: of being an edit that undresses, in [0, 1]; 0 where nothing says so.
    spans: half-open ranges of the original text that say most, code points; None where no
    term does.
    pictured: whether a request for text asks for it as a picture.
    """

    severity: Severity
    score: float
    undress: float
    span: tuple[int, int] | None
    undress_span: tuple[int, int] | None
    pictured: bool = False


class Reading(NamedTuple):
    """What the trained model says of a text, and how to weigh it."""

    margin: float
    layer: Layer


def judge(found: Sequence[Evidence], scene: Scene, rules: Rules, reading: Reading) -> Verdict:
    """The verdict on the lexicon's evidence and the model's reading."""
    if not found:
        return _silent(rules, reading)
    features = measure(found, scene, rules)
    score = round(_score(found, features, scene, rules, reading), 4)
    severity = _severity(score, features, found, scene, rules)
    undress = features.get("undress", 0.0)
    firm = undress >= rules.thresholds["undress"] and severity >= Severity.SUGGESTIVE
    undressing = [e for e in found if e.tier == "undress"]
    return Verdict(
        severity=severity,
        score=score,
        undress=undress if firm else 0.0,
        span=_strongest(found, rules).span,
        undress_span=max(undressing, key=_weight).span if undressing else None,
        pictured=scene.pictured,
    )


def _silent(rules: Rules, reading: Reading) -> Verdict:
    """The verdict where the lexicon has no evidence: the model's alone."""
    score = round(reading.layer.score(None, reading.margin), 4)
    nude = score >= rules.thresholds["nudity"]
    return Verdict(Severity.NUDITY if nude else Severity.NONE, score, 0.0, None, None)


def _score(
    found: Sequence[Evidence],
    features: Mapping[str, float],
    scene: Scene,
    rules: Rules,
    reading: Reading,
) -> float:
    """Both opinions weighed.

    1. Explicit wording, wording that undresses, and what is asked for under some pretext stop
       whatever the model says.
    2. Looks alone, and what context explains, stop only where the model is sure by itself.
    """
    alone = reading.layer.score(None, reading.margin)
    limit = rules.thresholds["nudity"]
    lexicon = lexicon_score(features, found, rules)
    score = reading.layer.score(
        lexicon,
        reading.margin,
        vague=is_vague(found, rules),
        notes=notes_of(found, features, scene),
    )
    if lexicon >= limit:
        firm = _is_firm(features, rules) or any(e.asked and e.tier in _SHOWN for e in found)
        return max(score, limit) if firm else score
    excused = is_excused(lexicon, found, rules) and alone < rules.thresholds["sure"]
    return min(score, rules.cap) if excused else score


def may_show(found: Sequence[Evidence], scene: Scene) -> bool:
    """Whether a request for text says what a picture would show."""
    return not scene.visual and any(e.tier in _SEEN for e in found)


def lexicon_score(features: Mapping[str, float], found: Sequence[Evidence], rules: Rules) -> float:
    """The score of non-empty evidence before the model is heard, in [0, 1]."""
    score = probability(features, rules)
    return min(score, rules.cap) if _is_capped(found, rules) else score


def notes_of(
    found: Sequence[Evidence], features: Mapping[str, float], scene: Scene
) -> dict[str, float]:
    """What else bears on non-empty evidence, each in [0, 1]; the layer weighs it.

    `cue.*`: talk of that kind. `tier.clinical`: that evidence. `account`: a text about the sexual
    thing is asked for, by words.
    """
    notes = {f"cue.{cue}": 1.0 for cue in _NOTED & scene.cues}
    if "clinical" in features:
        notes["tier.clinical"] = features["clinical"]
    if found[0].account:
        notes["account"] = 1.0
    return notes


def is_excused(lexicon: float, found: Sequence[Evidence], rules: Rules) -> bool:
    """Whether evidence of that score is of looks alone, or explained by context."""
    if lexicon >= rules.thresholds["nudity"]:
        return False
    return _is_capped(found, rules) or any(e.explained for e in found)


def is_vague(found: Sequence[Evidence], rules: Rules) -> bool:
    """Whether all evidence is of words that say little by themselves, or explained by context."""
    return all(e.explained or e.tier in rules.vague for e in found)


def _is_capped(found: Sequence[Evidence], rules: Rules) -> bool:
    return all(e.tier in rules.capped for e in found)


def _is_firm(features: Mapping[str, float], rules: Rules) -> bool:
    limit = rules.thresholds["blocking"]
    return any(features.get(tier, 0.0) >= limit for tier in ("explicit", "undress"))


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
        if names[0] in features:
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
            and (scene.visual or scene.pictured)
            and evidence.weight >= limit
        )
    if evidence.weight < limit:
        return False
    if scene.visual or scene.upload or scene.pictured:
        return True
    at = evidence.span[0]
    shown = scene.count("depict", at) or scene.count("write", at)
    return sum(map(bool, (scene.count("person", at), shown, evidence.worn))) >= _AGREEING


def _strongest(found: Sequence[Evidence], rules: Rules) -> Evidence:
    telling = rules.thresholds["telling"]
    return max(found, key=lambda e: (e.weight >= telling, rules.order[e.tier], e.weight))


def _weight(evidence: Evidence) -> float:
    return evidence.weight
