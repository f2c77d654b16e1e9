"""Which overlays bear on a caller, from an ISO 3166 code."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

STRICTEST = "strictest"
_SUBDIVISION = re.compile(r"[A-Z0-9]{1,3}")


@cache
def places() -> dict[str, str]:
    """ISO 3166-1 alpha-2 code to group (`EU` or empty); the groups stand as codes of their own."""
    text = files("guardrail.policy").joinpath("jurisdictions.tsv").read_text("utf-8")
    rows = [line.split("\t") for line in text.splitlines()[1:]]
    return {code: group for code, group, _ in rows} | dict.fromkeys(("EU",), "")


def is_place(code: str) -> bool:
    """Whether a code is a country, a group, or a subdivision such as `US-CA`."""
    country, dash, part = code.partition("-")
    return country in places() and (not dash or bool(_SUBDIVISION.fullmatch(part)))


def around(code: str) -> frozenset[str]:
    """A place and everything it lies in: `DE-BY`, `DE`, `EU`."""
    country = code.partition("-")[0]
    return frozenset({code, country, places().get(country, "")} - {""})


def overlays_for(overlays: Iterable[str], code: str, unknown: str) -> tuple[str, ...]:
    """The overlays that count, sorted.

    code: the caller's, empty when not known well enough; one that is no place is not known.
    unknown: what an unknown place counts as. Under `strictest` that is every overlay, and a
        place known only in part (`EU`, `US`) takes the overlays of what lies in it too.
    """
    if not is_place(code):
        if unknown == STRICTEST:
            return tuple(sorted(overlays))
        code = unknown
    here = around(code)
    vague = unknown == STRICTEST
    return tuple(sorted(o for o in overlays if o in here or (vague and code in around(o))))
