"""What a stopped caller is told, in the caller's language."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from guardrail.records import Caller, Decision

_FALLBACK = "en"
_BY_JURISDICTION = {"JP": "ja"}


@cache
def _messages() -> dict[str, dict[str, str]]:
    text = (files("guardrail") / "messages.json").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, str]] = json.loads(text)
    return loaded


def language_of(caller: Caller) -> str:
    """The built-in language nearest to the caller's own, else to the jurisdiction's."""
    wanted = caller.language.split("-")[0].lower()
    country = caller.jurisdiction.code.split("-")[0]
    for language in (wanted, _BY_JURISDICTION.get(country, "") if not wanted else ""):
        if language in _messages():
            return language
    return _FALLBACK


def message_for(decision: Decision, caller: Caller) -> str:
    """One sentence for the end user: by reason, else by action."""
    known = _messages()[language_of(caller)]
    return known.get(decision.reason) or known[decision.action.label]
