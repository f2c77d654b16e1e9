"""Case forms of Russian and Ukrainian names."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from itertools import product

from guardrail.detect.persons.lexicon import rows

_CYRILLIC = re.compile("[\u0400-\u052f]")
_CASES = 6
_LEAST = 3
_LONGEST = 3
_OTHER = "-"
Reading = tuple[int, tuple[tuple[str, ...], ...]]


def inflected(name: str) -> set[str]:
    """A folded Cyrillic name in every case, the name itself included; other names unchanged."""
    if not _CYRILLIC.search(name):
        return {name}
    words = [_declined(word) for word in name.split(" ")]
    found = {name}
    for case in range(_CASES):
        found.update(" ".join(forms) for forms in product(*[word[case] for word in words]))
    return found


@cache
def _endings() -> dict[str, list[Reading]]:
    """Ending -> how many of its letters change, and what each case puts there."""
    found: dict[str, list[Reading]] = {}
    for ending, cut, cases in rows("inflection.tsv"):
        forms = tuple(tuple(case.split("/")) for case in cases.split())
        found.setdefault(ending, []).append((int(cut), forms))
    return found


@lru_cache(4096)
def _declined(word: str) -> tuple[tuple[str, ...], ...]:
    """The forms of a word in the oblique cases, in each the word itself too."""
    found = [{word} for _ in range(_CASES)]
    endings = _endings()
    tails = (word[-length:] for length in range(_LONGEST, 0, -1))
    ending = next((tail for tail in tails if tail in endings), _OTHER)
    for cut, cases in endings[ending] if len(word) >= _LEAST else ():
        stem = word[: len(word) - cut]
        for forms, choices in zip(found, cases, strict=False):
            forms.update(stem + choice for choice in choices)
    return tuple(tuple(sorted(forms)) for forms in found)
