"""Answers of judges, read strictly: what is not exactly an answer is none."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from guardrail.adapters.judge.prompt import VERDICTS
from guardrail.detect.second.opinion import BadAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from guardrail.adapters.judge.families import Family

Scores = dict[str, float]
_MEANINGS = ("suggestive", "nudity", "explicit", "minor")
_GUARD = re.compile(r"safe|unsafe\n(S(?:[1-9]|1[0-4])(?:, ?S(?:[1-9]|1[0-4]))*)")
_BLANK = " \t\r\n"


def read(family: Family, said: str, check: str) -> Scores:
    """What a judge said, as a score of each meaning; BadAnswer where it is no answer."""
    return _READERS[family.answer](family, said.strip(_BLANK), check)


def read_scores(family: Family, scores: Mapping[str, Any]) -> Scores:
    """A moderation's `category_scores` by what they mean; BadAnswer where one is missing."""
    found = _told()
    for label, meaning in family.codes.items():
        score = scores.get(label)
        if isinstance(score, bool) or not isinstance(score, int | float):
            raise BadAnswer("a score is no number")
        found[meaning] = max(found[meaning], float(score))
    return found


def _told(*meanings: str) -> Scores:
    return {meaning: float(meaning in meanings) for meaning in _MEANINGS}


def _json(family: Family, said: str, check: str) -> Scores:
    del family
    try:
        body = json.loads(said, object_pairs_hook=_single, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise BadAnswer("not the JSON object asked for") from None
    if not isinstance(body, dict) or set(body) != {"check", "verdict", "minor"}:
        raise BadAnswer("not the fields asked for")
    if body["check"] != check:
        raise BadAnswer("not an answer to this question")
    verdict, minor = body["verdict"], body["minor"]
    if verdict not in VERDICTS or not isinstance(minor, bool) or (minor and verdict == "none"):
        raise BadAnswer("not a verdict")
    return _told(verdict, *(["minor"] if minor else []))


def _single(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a name twice")
    return dict(pairs)


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _llama_guard(family: Family, said: str, check: str) -> Scores:
    del check
    found = _GUARD.fullmatch(said.replace("\r\n", "\n"))
    if found is None:
        raise BadAnswer("neither safe nor unsafe with its categories")
    codes = re.split(r", ?", found[1]) if found[1] else []
    return _told(*(family.codes[code] for code in codes if code in family.codes))


def _shieldgemma(family: Family, said: str, check: str) -> Scores:
    del family, check
    if said not in {"Yes", "No"}:
        raise BadAnswer("neither Yes nor No")
    return _told("nudity") if said == "Yes" else _told()


_READERS: Mapping[str, Callable[[Family, str, str], Scores]] = {
    "json": _json,
    "llama-guard": _llama_guard,
    "shieldgemma": _shieldgemma,
}
