"""A real HTTP server on the loopback: what it may do wrong, and that nothing of it is believed."""

from __future__ import annotations

import json

import pytest

from guardrail.detect.second import load_second_stage
from guardrail.detect.second.moderation import ModerationEndpoint
from guardrail.detect.second.opinion import BadAnswer
from guardrail.errors import ConfigurationError
from guardrail.policy.second import Moderation
from guardrail.records import Severity
from tests.detect.second import Answer, endpoint, moderation, settings

httpx = pytest.importorskip("httpx", reason="the extra moderation is not installed")

LABELS = ("sexual", "sexual/minors")
MEANINGS = (("sexual", "nudity"), ("sexual/minors", "minor"))
GOOD = moderation(sexual=0.8, sexual_minors=0.01, hate=0.5)


def scores(answer: Answer, limit: float = 5.0) -> dict[str, float]:
    with endpoint(answer) as server:
        return dict(ModerationEndpoint(Moderation(server.url), LABELS, limit).scores("a text"))


def test_it_asks_as_openai_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_KEY", "k1")
    with endpoint(GOOD) as server:
        there = Moderation(server.url, "omni", "ACME_KEY")
        stage = load_second_stage(settings(backend=there, labels=MEANINGS))
        found = stage.opinion("a text, 海辺")
        assert (found.severity, round(found.score, 3)) == (Severity.NUDITY, 0.8)
        stage.opinion("a text, 海辺")
    ((path, headers, body),) = server.requests
    assert path == "/v1/moderations"
    assert headers["authorization"] == "Bearer k1"
    assert body == {"input": "a text, 海辺", "model": "omni"}


def test_without_a_key_none_is_sent() -> None:
    with endpoint(GOOD) as server:
        ModerationEndpoint(Moderation(server.url), LABELS, 5.0).scores("a text")
    assert "authorization" not in server.requests[0][1]


def test_a_key_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACME_KEY", raising=False)
    with pytest.raises(ConfigurationError, match=r"\$ACME_KEY"):
        ModerationEndpoint(Moderation("https://example.com", key_env="ACME_KEY"), LABELS, 1.0)


def result(found: object) -> Answer:
    return Answer(body={"results": [{"category_scores": found}]})


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, {"error": {}}),
        Answer(401, {}),
        Answer(429, {}),
        Answer(302, {}, headers={"Location": "http://127.0.0.1:1/"}),
        Answer(204, raw=b""),
        Answer(raw=b"<html>"),
        Answer(raw=b"\xff\xfe{"),
        Answer(raw=b"[" * 100_000),
        Answer(raw=b'{"results": [{"category_scores": {"sexual": 0.1'),
        Answer(body=None),
        Answer(body={}),
        Answer(body={"results": []}),
        Answer(body={"results": [{}, {}]}),
        Answer(body={"results": {"category_scores": {"sexual": 0.1}}}),
        result(None),
        result({"sexual": 0.1}),
        result({"sexual": "0.1", "sexual/minors": 0.1}),
        result({"sexual": True, "sexual/minors": 0.1}),
        result({"sexual": None, "sexual/minors": 0.1}),
    ],
)
def test_an_answer_that_is_none_is_not_believed(answer: Answer) -> None:
    with pytest.raises(BadAnswer):
        scores(answer)


@pytest.mark.parametrize("score", [-1.0, 1.5, float("nan"), float("inf")])
def test_neither_is_a_score_out_of_range(score: float) -> None:
    with endpoint(result({"sexual": score, "sexual/minors": 0.0})) as server:
        stage = load_second_stage(settings(backend=Moderation(server.url), labels=MEANINGS))
        with pytest.raises(BadAnswer):
            stage.opinion("a text")


def test_a_server_that_hangs_is_not_waited_for() -> None:
    with pytest.raises(httpx.TimeoutException):
        scores(Answer(wait=30), limit=0.05)


def test_a_server_that_drips_is_not_waited_for() -> None:
    slow = Answer(raw=json.dumps(GOOD.body).encode() + b" " * 4000, drip=0.03)
    with pytest.raises(TimeoutError):
        scores(slow, limit=0.2)


def test_an_answer_without_end_is_not_read() -> None:
    with pytest.raises(BadAnswer, match="too large"):
        scores(Answer(raw=b" " * 1_100_000))


def test_nobody_there() -> None:
    with endpoint(GOOD) as server:
        url = server.url
    with pytest.raises(httpx.ConnectError):
        ModerationEndpoint(Moderation(url), LABELS, 5.0).scores("a text")
