from __future__ import annotations

from pathlib import Path

import openai
import pytest

from guardrail.records import Caller
from guardrail.serve.keys import Identity
from guardrail.serve.limits import CannotCount, limiter_of
from guardrail.serve.schema import LimitsModel
from guardrail.testing import StandInServer
from tests.serve.support import (
    ADULT_KEY,
    HARMLESS,
    KEYS,
    config_of,
    counted,
    gateway,
    written,
)

BODY = {"model": "m", "messages": HARMLESS}


def who(name: str, rate: str | None = None) -> Identity:
    return Identity(Caller(id=name), name, f"key {name}", rate)


async def test_each_caller_has_a_count_of_its_own() -> None:
    limiter = limiter_of(LimitsModel(rate="3/hour"))
    one, two, many = who("one"), who("two"), who("many", "5/hour")
    assert [await limiter.wait(one) for _ in range(3)] == [None] * 3
    wait = await limiter.wait(one)
    assert wait is not None
    assert 1 <= wait <= 3600
    assert await limiter.wait(two) is None
    assert [await limiter.wait(many) is None for _ in range(6)] == [True] * 5 + [False]


async def test_without_a_rate_nothing_is_counted() -> None:
    limiter = limiter_of(LimitsModel())
    assert [await limiter.wait(who("one")) for _ in range(100)] == [None] * 100


async def test_calls_that_cannot_be_counted_are_not_made() -> None:
    pytest.importorskip("redis")
    limiter = limiter_of(LimitsModel(rate="3/hour", storage="redis://127.0.0.1:9/0"))
    with pytest.raises(CannotCount):
        await limiter.wait(who("one"))


def test_too_many_calls_are_told_when_to_come_back(
    upstream: StandInServer, tmp_path: Path, log: str
) -> None:
    keys = [{**KEYS[0], "limit": "2/hour"}, KEYS[1]]
    config = config_of(upstream.url, log, keys=keys)
    with gateway(written(tmp_path, config)) as running:
        statuses = [running.post("/v1/chat/completions", BODY).status_code for _ in range(4)]
        assert statuses == [200, 200, 429, 429]
        with pytest.raises(openai.RateLimitError) as caught:
            running.client().chat.completions.create(model="m", messages=HARMLESS)
        assert caught.value.code == "rate_limit_exceeded"
        assert int(caught.value.response.headers["retry-after"]) >= 1
        running.client(ADULT_KEY).chat.completions.create(model="m", messages=HARMLESS)
        assert running.end() == 0
    assert len(upstream.requests) == 3
    assert counted(log) == {"opened": 3, "released": 3}
