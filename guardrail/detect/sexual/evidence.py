"""From terms in a text to evidence: what a term weighs where it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from guardrail.detect.sexual.requests import Asked, load_requests, without_quotes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from guardrail.detect.lexicon import Hit
    from guardrail.detect.sexual.rules import Context, Garments, Rules

_BEFORE, _AFTER = 90, 40  # how far patterns look, code points of the view
_GARMENT = "garment."
_ASKABLE = frozenset({"nudity", "porn", "undress", "act", "explicit", "topic", "body", "clinical"})


@dataclass(slots=True)
class Evidence:
    """One term where it stands: its tier and its weight in [0, 1], lowered as rules say.

    worn: of a garment, that somebody has it on. explained: by negation or context.
    disguised: seen only once disguises were undone. start: where, in the folded text.
    asked: a context that would explain it does not, since it is asked for all the same.
    account: a text about it is asked for.
    """

    tier: str
    weight: float
    term: str
    span: tuple[int, int]
    worn: bool = False
    explained: bool = False
    disguised: bool = False
    start: int = 0
    asked: bool = False
    account: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """What else is known of the text: the operation's kind, uploads, and the cues by block.

    text: the folded text. pictured: whether a request for text asks for a picture in words.
    """

    visual: bool
    upload: bool
    blocks: dict[int, dict[str, set[str]]] = field(default_factory=dict)
    block: int = 600
    text: str = ""
    pictured: bool = False

    @classmethod
    def of(
        cls, cues: Iterable[Hit], *, visual: bool, upload: bool, block: int, text: str = ""
    ) -> Scene:
        """Sort cues into blocks of `block` code points."""
        blocks: dict[int, dict[str, set[str]]] = {}
        for hit in cues:
            near = blocks.setdefault(hit.start // block, {})
            near.setdefault(hit.entry.label, set()).add(hit.entry.term)
        return cls(visual, upload, blocks, block, text)

    def count(self, cue: str, at: int) -> int:
        """How many distinct terms of a cue stand near `at`; more than two count as two."""
        block = at // self.block
        near: set[str] = set()
        for index in (block - 1, block, block + 1):
            near |= self.blocks.get(index, {}).get(cue, set())
        return min(len(near), 2)

    @property
    def cues(self) -> frozenset[str]:
        """The cues that stand anywhere in the text."""
        return frozenset().union(*self.blocks.values())

    def has(self, cue: str) -> bool:
        """Whether a cue stands anywhere in the text."""
        return any(cue in labels for labels in self.blocks.values())


def counting(hits: Sequence[Hit], rules: Rules) -> list[Counting]:
    """The hits that count, whatever stands in the text besides.

    Clothes count only where they are taken off or missing.
    """
    return [c for hit in hits if (c := _counting(hit, rules))]


def weigh(counting: Sequence[Counting], scene: Scene, rules: Rules) -> list[Evidence]:
    """The evidence of a text, in order of place.

    1. Drop terms inside longer ones that tell as much.
    2. Lower what is said not to be there.
    3. Lower what context explains.
    """
    found = [e for c in _outermost(counting, rules) if (e := _evidence(c, scene, rules)).weight]
    _lower(found, scene, rules)
    return found


class Counting(NamedTuple):
    """A hit that counts: its tier, and the text before and after its wording."""

    hit: Hit
    tier: str
    before: str
    after: str

    @property
    def garment(self) -> bool:
        """Whether it is of clothes taken off or missing."""
        return self.tier != self.hit.entry.label


def _counting(hit: Hit, rules: Rules) -> Counting | None:
    text, label = hit.view.text, hit.entry.label
    before = text[max(0, hit.start - _BEFORE) : hit.start]
    after = text[hit.end : hit.end + _AFTER]
    if not label.startswith(_GARMENT):
        return Counting(hit, label, before, after)
    for tier, patterns in (("undress", rules.garments.undress), ("nudity", rules.garments.bare)):
        around = patterns.get(label)
        rest = around.find(before, after) if around else None
        if rest is not None:
            return Counting(hit, tier, *rest)
    return None


def _outermost(counting: Sequence[Counting], rules: Rules) -> list[Counting]:
    rank = rules.order
    kept: list[Counting] = []
    outer_end, outer_rank = -1, -1
    for _, end, one in sorted(((*c.hit.span, c) for c in counting), key=lambda x: (x[0], -x[1])):
        mine = rank[one.tier]
        if end <= outer_end and (
            outer_rank == len(rank) or (mine <= outer_rank and not one.garment)
        ):
            continue
        kept.append(one)
        if not one.garment and (end > outer_end or mine > outer_rank):
            whole = "whole" in one.hit.entry.flags
            outer_end, outer_rank = end, len(rank) if whole else mine
    return kept


def _evidence(one: Counting, scene: Scene, rules: Rules) -> Evidence:
    hit, tier = one.hit, one.tier
    weight = hit.entry.weight
    if one.garment:
        weight = _garment_weight(hit.start, scene, rules.garments)
    if hit.in_skeleton:
        weight *= rules.skeleton_weight
    negated = (
        tier not in rules.negation_spares and rules.negation.find(one.before, one.after) is not None
    )
    if negated:
        weight *= rules.negation_factor
    worn = tier in rules.worn_tiers and rules.worn.find(one.before, one.after) is not None
    return Evidence(
        tier, weight, hit.entry.term, hit.span, worn, negated, hit.in_skeleton, hit.start
    )


def _garment_weight(at: int, scene: Scene, rules: Garments) -> float:
    somebody = scene.count("person", at) or scene.count("depict", at)
    if scene.visual or scene.upload or somebody:
        return rules.weight
    return 0.0 if scene.count(rules.blocked_by, at) else rules.weak


def _lower(found: Sequence[Evidence], scene: Scene, rules: Rules) -> None:
    present = {e.tier for e in found if e.weight >= rules.thresholds["blocking"]}
    operation = "visual" if scene.visual or scene.upload else "chat"
    cues = scene.cues
    applying = [
        rule
        for rule in rules.context
        if rule.operations in ("any", operation) and rule.cue in cues and not rule.blocked & present
    ]
    if not applying:
        return
    wanted = _asked(found, scene)
    asked, known = wanted == "itself", frozenset(("info",) if wanted == "account" else ())
    least = rules.least if asked else {}
    for evidence in found:
        lowering = [rule for rule in applying if not (asked and rule.unasked)]
        factors = [_factor(rule, evidence, scene, known) for rule in lowering]
        factor = max(prod(factors), least.get(evidence.tier, 0.0))
        evidence.weight *= factor
        evidence.explained |= factor < 1.0
        evidence.asked = asked and not scene.visual
        evidence.account = wanted == "account"


def _asked(found: Sequence[Evidence], scene: Scene) -> Asked:
    """Whether what is sexual is asked for, or only spoken about."""
    if scene.visual or any(e.disguised for e in found):
        return "itself"
    if not any(e.tier in _ASKABLE for e in found):
        return "nothing"
    text = without_quotes(scene.text) if scene.has("judge") else scene.text
    return load_requests().asked_in(text, sorted(e.start for e in found))


def _factor(rule: Context, evidence: Evidence, scene: Scene, known: frozenset[str]) -> float:
    factors = rule.lowers.get(evidence.tier)
    at = evidence.span[0]
    if factors is None or not (count := scene.count(rule.cue, at)):
        return 1.0
    if any(cue not in known and not scene.count(cue, at) for cue in rule.also):
        return 1.0
    if any(scene.count(cue, at) for cue in rule.unless):
        return 1.0
    return factors[count - 1]
