"""Synthetic examples: terms of our lexicon in harmless text and in templates, by language.

A term that stands for sexual content makes a harmless text sexual; a swear word, a medical term
or a word that merely embeds one does not.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from training.data import Example

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Terms = Mapping[str, Sequence[str]]

SEXUAL = {"explicit": 5, "nudity": 3, "porn": 2, "act": 2, "undress": 1}
"""Tiers that make a text sexual, and how often each is taken."""
HARMLESS = {"profanity": 3, "except": 2}
TOLD = 0.6  # a weaker term does not decide
UNSPACED = frozenset({"ja", "zh", "th"})
_BREAK = re.compile("(?<=[、。，！？ は が を に の])|(?<=的)|(?<=了)")
_SLOT = re.compile(r"\{(\w+)\}")


def terms() -> dict[str, Terms]:
    """The lexicon's terms by language and tier."""
    found: dict[str, dict[str, list[str]]] = {}
    for path in sorted(_data().glob("*.tsv")):
        if path.stem not in ("cues", "more"):
            found[path.stem] = _read(path)
    return found


def distilled(
    carriers: Sequence[Example], lexicon: Mapping[str, Terms], each: int, seed: int
) -> Iterator[Example]:
    """For each language `each` harmless texts with a sexual term, and as many without one."""
    rng = np.random.default_rng(seed)
    by_language: dict[str, list[Example]] = defaultdict(list)
    for one in carriers:
        if len(one.text) <= (60 if one.lang in UNSPACED else 160):
            by_language[one.lang].append(one)
    for lang in sorted(lexicon):
        mine = by_language[lang]
        for tiers, label in ((SEXUAL, 1), (HARMLESS, 0)) if mine else ():
            for _ in range(each):
                carrier = mine[int(rng.integers(len(mine)))]
                words = [_draw(lexicon[lang], tiers, rng) for _ in range(int(rng.integers(1, 3)))]
                text = carrier.text
                for word in words:
                    text = _insert(text, word, lang, rng)
                yield Example(text, label, carrier.source, lang, "synthetic", carrier.visual)


def templated(lexicon: Mapping[str, Terms], each: int, seed: int) -> Iterator[Example]:
    """Each template of `templates.yaml` filled `each` times."""
    rng = np.random.default_rng(seed)
    for lang, parts in _yaml("templates.yaml").items():
        slots = {**lexicon[lang], "noun": parts["noun"]}
        for label, name in ((1, "positive"), (0, "negative")):
            for template in parts[name]:
                for text in sorted({_fill(template, slots, rng) for _ in range(each)}):
                    yield Example(text, label, "templates", lang, "synthetic")


def requested() -> Iterator[Example]:
    """Every request that `requests.yaml` combines."""
    for lang, parts in _yaml("requests.yaml").items():
        for label, ask, do in ((1, "ask", "do"), (0, "fair_ask", "fair")):
            for opening in parts[ask]:
                for rest in parts[do]:
                    yield Example(opening + rest, label, "requests", lang, "synthetic")


def asked(each: int, seed: int) -> Iterator[Example]:
    """Requests put together from `asks.yaml`: `each` of the three kinds for each language."""
    rng = np.random.default_rng(seed)
    for lang, parts in _yaml("asks.yaml").items():
        for label, verb, what in ((1, "do", "sexual"), (0, "do", "plain"), (0, "help", "sexual")):
            for number in range(each):
                drawn = {name: str(rng.choice(parts[name])) for name in ("ask", "tail")}
                drawn["verb"] = str(rng.choice(parts[verb]))
                drawn["object"] = parts[what][number % len(parts[what])]
                yield Example(parts["form"].format(**drawn), label, "asks", lang, "synthetic")


def _yaml(name: str) -> Any:
    return yaml.safe_load(Path(__file__).with_name(name).read_text("utf-8"))


def _data() -> Any:
    return files("guardrail.detect.sexual").joinpath("data")


def _read(path: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            term, tier, weight = (*row, "", "", "")[:3]
            if not term or term.startswith("#") or tier in ("", "label"):
                continue
            if tier not in SEXUAL or float(weight) >= TOLD:
                found[tier].append(term.replace("-", " "))
    return found


def _draw(lexicon: Terms, tiers: Mapping[str, int], rng: np.random.Generator) -> str:
    present = [tier for tier in tiers if lexicon.get(tier)]
    odds = np.array([tiers[tier] for tier in present], float)
    of = lexicon[present[int(rng.choice(len(present), p=odds / odds.sum()))]]
    return of[int(rng.integers(len(of)))]


def _insert(text: str, term: str, lang: str, rng: np.random.Generator) -> str:
    if lang in UNSPACED:
        places = [0, *(m.start() for m in _BREAK.finditer(text)), len(text)]
        at = places[int(rng.integers(len(places)))]
        return text[:at] + term + text[at:]
    words = text.split(" ")
    words.insert(int(rng.integers(len(words) + 1)), term)
    return " ".join(words)


def _fill(template: str, slots: Terms, rng: np.random.Generator) -> str:
    def pick(match: re.Match[str]) -> str:
        options = slots.get(match[1]) or slots["noun"]
        return options[int(rng.integers(len(options)))]

    return _SLOT.sub(pick, template)
