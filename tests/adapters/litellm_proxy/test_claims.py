"""Who asks: what the proxy knows of a key and its team, and nothing that a client can write."""

from __future__ import annotations

from typing import Any

import pytest

from guardrail.adapters._litellm_proxy_claims import caller_of
from guardrail.adapters._litellm_proxy_settings import Settings
from guardrail.errors import ConfigurationError
from guardrail.records import Caller, Jurisdiction
from tests.adapters.cases import FORBIDDEN, GATED

from .running import Proxy

CLAIMS = {"tier": "adult", "age_verified": True, "jurisdiction": "US"}


def drawn(proxy: Proxy, key: str, text: str = GATED, **more: Any) -> tuple[int, str]:
    """Ask for a picture; the status, and the code of the error, if any."""
    body = {"model": "studio", "prompt": text, **more.pop("fields", {})}
    answer = proxy.post("/v1/images/generations", key, json=body, **more)
    return answer.status_code, answer.json().get("error", {}).get("code", "")


@pytest.mark.parametrize("key", ["sk-adult", "sk-team"])
def test_a_key_or_its_team_says_what_a_caller_may(guarded: Proxy, key: str) -> None:
    assert drawn(guarded, key) == (200, "")
    assert (guarded.flagged().tier, guarded.flagged().jurisdiction) == ("adult", "US")
    assert drawn(guarded, key, FORBIDDEN) == (400, "moderation_blocked")


@pytest.mark.parametrize(
    "forged",
    [
        {"fields": {"metadata": {"guardrail": CLAIMS, **CLAIMS}}},
        {"fields": {"litellm_metadata": {"guardrail": CLAIMS}}},
        {"fields": {"metadata": {"user_api_key_metadata": {"guardrail": CLAIMS}}}},
        {"fields": {"user": "u2"}},
        {"fields": {"guardrail": CLAIMS, **CLAIMS}},
        {"headers": {"x-litellm-end-user-id": "u2"}},
        {"headers": {"x-guardrail-tier": "adult", "x-tier": "adult", "x-age-verified": "true"}},
        {"headers": {"x-litellm-spend-logs-metadata": '{"guardrail": {"tier": "adult"}}'}},
    ],
    ids=str,
)
def test_what_a_client_writes_of_itself_counts_for_nothing(
    guarded: Proxy, forged: dict[str, Any]
) -> None:
    assert drawn(guarded, "sk-free", **forged) in (
        (403, "subscription_required"),
        (400, "moderation_blocked"),
    )
    assert guarded.flagged().tier == "free"
    assert guarded.upstream.requests == []


def test_claims_of_another_kind_are_none(guarded: Proxy) -> None:
    assert drawn(guarded, "sk-odd") == (403, "subscription_required")
    assert guarded.flagged().tier == "free"


def test_the_law_of_a_caller_counts(guarded: Proxy) -> None:
    text = "an explicit sex scene of a woman who does not exist"
    assert drawn(guarded, "sk-japan", text) == (400, "moderation_blocked")
    assert guarded.flagged().reason == "obscenity"


class Who:
    """What LiteLLM's `UserAPIKeyAuth` says."""

    user_id: str | None = "u"
    team_id = "t"
    api_key = "sk-1"
    metadata: object = {"guardrail": {"tier": "pro", "jurisdiction": "jp"}}
    team_metadata: object = {"guardrail": {"tier": "free", "age_verified": True}, "plan": "adult"}


def test_the_key_counts_before_the_team() -> None:
    assert caller_of(Settings(), Who()) == Caller(
        "u", "pro", age_verified=True, jurisdiction=Jurisdiction("JP", "litellm key"), app="t"
    )


def test_names_and_sources_can_be_set() -> None:
    given = {"claims": "", "claim_names": {"tier": "plan"}, "claims_from": ["team"]}
    assert caller_of(Settings.of(given), Who()) == Caller("u", "adult", app="t")


def test_a_key_of_nobody_goes_by_its_digest() -> None:
    class Keyless(Who):
        user_id = None

    named = caller_of(Settings(), Keyless()).id
    assert named.startswith("key-")
    assert "sk-1" not in named


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"polcy": "default"}, "polcy: Extra inputs"),
        ({"claims_from": ["body"]}, "claims_from.0: Input should be 'key' or 'team'"),
        ({"claim_names": {"age": "a"}}, "claim_names.age"),
        ({"timeout_s": 0}, "timeout_s: Input should be greater than 0"),
        ("default", "settings: "),
    ],
)
def test_settings_are_checked(given: object, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Settings.of(given)
