"""Who is asking, as the LiteLLM proxy has it from its own records."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, get_args

from guardrail.adapters._litellm_proxy_settings import Claim, Settings, Source
from guardrail.adapters.wire.content import get, word
from guardrail.records import Caller, Jurisdiction

_METADATA: Mapping[Source, str] = {"key": "metadata", "team": "team_metadata"}
_NOTHING: Mapping[str, object] = MappingProxyType({})


def caller_of(settings: Settings, who: Any) -> Caller:
    """The caller that a `UserAPIKeyAuth` stands for; of what it does not say, the strictest.

    Only what the proxy holds about the key, its user and its team is read, and what `custom_auth`
    returned; nothing of it is the client's to write.
    """
    found: dict[Claim, object] = {}
    place = ""
    for source in settings.claims_from:
        metadata = getattr(who, _METADATA[source], None)
        claims = get(metadata, settings.claims) if settings.claims else metadata
        for claim, value in _said(settings, claims).items():
            if claim not in found and claim == "jurisdiction":
                place = f"litellm {source}"
            found.setdefault(claim, value)
    return Caller(
        id=_id(who),
        tier=word(found.get("tier")) or "free",
        age_verified=found.get("age_verified") is True,
        jurisdiction=Jurisdiction(word(found.get("jurisdiction")), source=place),
        app=word(getattr(who, "team_id", None)),
        language=word(found.get("language")),
    )


def _said(settings: Settings, claims: object) -> Mapping[Claim, object]:
    names: tuple[Claim, ...] = get_args(Claim)
    there = claims if isinstance(claims, Mapping) else _NOTHING
    values = {name: there.get(settings.claim_names.get(name, name)) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _id(who: Any) -> str:
    """The user's id; a key that belongs to nobody goes by its digest."""
    key = word(getattr(who, "api_key", None))
    named = f"key-{hashlib.sha256(key.encode()).hexdigest()[:16]}" if key else ""
    return word(getattr(who, "user_id", None)) or named
