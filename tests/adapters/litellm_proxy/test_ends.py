"""However a call ends, its attempt is closed: cut off, too late, failed, or without a log."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import openai
import pytest

from tests.adapters.cases import LONG

from .running import AS_CALLBACK, AS_GUARDRAIL, Proxy, chat, failing


def settled(proxy: Proxy, kind: str, before: int) -> bool:
    """Whether one more attempt has ended so, and none is open, before long.

    What is only counted is written with the next entry, so each look brings one about.
    """
    for _ in range(100):
        proxy.post("/mcp", json={})
        total = proxy.totals()
        if getattr(total, kind) == before + 1 and total.unfinished == 0:
            return True
        time.sleep(0.05)
    return False


def test_a_stream_cut_by_the_client_is_closed(guarded: Proxy, client: openai.OpenAI) -> None:
    before = guarded.totals().cancelled
    guarded.upstream.reply(chunks=LONG * 40, gap=0.02)
    with chat(client, stream=True) as stream:
        assert next(iter(stream)).choices
    assert settled(guarded, "cancelled", before)


def test_a_reply_nobody_waits_for_is_closed(guarded: Proxy, client: openai.OpenAI) -> None:
    before = guarded.totals().cancelled
    guarded.upstream.reply(delay=3.0)
    hasty = client.with_options(timeout=0.5, max_retries=0)
    with pytest.raises(openai.APITimeoutError):
        chat(hasty)
    assert settled(guarded, "cancelled", before)


def test_an_attempt_does_not_stay_open(guarded: Proxy, client: openai.OpenAI) -> None:
    before = guarded.totals().failed
    guarded.upstream.reply(delay=30.0)
    with pytest.raises(openai.APIStatusError) as late:
        chat(client.with_options(max_retries=0))
    assert (late.value.status_code, late.value.code) == (504, "upstream_timeout")
    assert settled(guarded, "failed", before)


def test_the_models_error_is_the_clients(guarded: Proxy, client: openai.OpenAI) -> None:
    before = guarded.totals().failed
    guarded.upstream.reply(status=429)
    with pytest.raises(openai.RateLimitError):
        chat(client.with_options(max_retries=0))
    assert settled(guarded, "failed", before)


def test_a_fallback_is_one_attempt(guarded: Proxy, client: openai.OpenAI) -> None:
    guarded.post("/mcp", json={})
    before = guarded.totals()
    chat(client, model="down")
    guarded.post("/mcp", json={})
    after = guarded.totals()
    assert (after.released, after.opened) == (before.released + 1, before.opened + 2)


def test_without_a_log_no_model_is_called(guarded: Proxy, client: openai.OpenAI) -> None:
    path = guarded.database
    with sqlite3.connect(path, isolation_level=None) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(openai.InternalServerError) as failed:
            chat(client.with_options(max_retries=0))
        holder.execute("ROLLBACK")
    assert (failed.value.status_code, failed.value.code) == (503, "log_unavailable")
    assert guarded.upstream.requests == []


@pytest.mark.parametrize(
    ("guard", "settings", "told"),
    [
        (AS_CALLBACK, {"policy": "no-such-policy"}, "no-such-policy"),
        (AS_GUARDRAIL, {"log": "sqlite:////proc/no/such/place/attempts.db"}, "/proc/no/such"),
    ],
    ids=["policy", "log"],
)
def test_a_proxy_that_cannot_guard_does_not_start(
    tmp_path: Path, guard: str, settings: dict[str, str], told: str
) -> None:
    log = {"log": f"sqlite:///{tmp_path}/attempts.db"}
    assert told in failing(tmp_path, guard, **{**log, **settings})
