"""A judge asked over HTTP, through LiteLLM: what it is sent, and what goes wrong."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from guardrail.adapters._litellm_support import litellm
from guardrail.detect import Document
from guardrail.detect.second import Place, SecondOpinion, load_second_stage
from guardrail.detect.second.judging import IS_JUDGING
from guardrail.detect.second.opinion import BadAnswer, OverBudget
from guardrail.errors import ConfigurationError
from guardrail.policy.second import Judge, SecondStage
from guardrail.records import (
    FactName,
    Finding,
    Operation,
    Request,
    Scan,
    Severity,
    Span,
    TextPart,
)
from guardrail.scanning import Scanner
from guardrail.testing import StandInServer
from guardrail.testing.conformance import detector_conformance
from tests.detect.second import Answer, endpoint, moderation, until

from .support import CHATTING, Answering, asked, check_of, honest, judge, stage

TEXT = "somebody by the sea, a picture"
SEXUAL: frozenset[FactName] = frozenset({"sexual"})


@pytest.fixture
def server() -> Iterator[StandInServer]:
    with StandInServer() as running:
        yield running


def scanned(asks: SecondOpinion) -> Scan:
    detector = asks.about([Place(0)], SEXUAL)
    return Scanner(10.0).scan(detector, Document(Request.of(TEXT)), asks.limit)


def spoken(*texts: str) -> Document:
    return Document(Request(Operation.CHAT, tuple(TextPart(text) for text in texts)))


@pytest.mark.parametrize("family", CHATTING)
def test_it_is_asked_as_its_family_is(family: str) -> None:
    with Answering(honest(family, "nudity")) as server:
        found = judge(server.url, family).opinion(TEXT)
    (body,) = asked(server)
    assert (found.severity, found.score) == (Severity.NUDITY, 1.0)
    assert (body["model"], body["temperature"]) == ("judge", 0)
    assert TEXT in body["messages"][-1]["content"]
    assert ("response_format" in body) is (family == "chat")
    assert ("chat_template_kwargs" in body) is (family == "shieldgemma")
    assert {"user", "metadata", "stream", "tools"}.isdisjoint(body)
    if family == "gpt-oss-safeguard":
        assert body["reasoning_effort"] == "low"
    if family == "llama-guard":
        assert body["messages"] == [{"role": "user", "content": TEXT}]
        assert body["max_tokens"] == 32


@pytest.mark.parametrize("family", ["chat", "gpt-oss-safeguard"])
@pytest.mark.parametrize("verdict", ["none", "suggestive", "nudity", "explicit"])
def test_its_verdict_is_the_severity(family: str, verdict: str) -> None:
    minor = verdict != "none"
    with Answering(honest(family, verdict, minor=minor)) as server:
        found = judge(server.url, family).opinion(TEXT)
    known = Severity[verdict.upper()]
    assert found.severity is (max(known, Severity.NUDITY) if minor else known)
    assert found.minor == float(minor)


def test_the_schema_lets_through_what_the_question_asks_for_and_nothing_else() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    with Answering(honest("chat")) as server:
        judge(server.url, "chat").opinion(TEXT)
    (body,) = asked(server)
    shape = body["response_format"]["json_schema"]["schema"]
    good = json.loads(honest("chat", "nudity")(body))
    jsonschema.validate(good, shape)
    for bad in ({**good, "verdict": "safe"}, {**good, "more": 1}, {"check": check_of(body)}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, shape)
    assert check_of(body) not in json.dumps(shape)


def test_openai_moderation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_KEY", "k1")
    with endpoint(moderation(sexual=0.8, sexual_minors=0.01)) as there:
        found = judge(there.url, "moderation", key_env="JUDGE_KEY").opinion(TEXT)
    ((path, headers, body),) = there.requests
    assert (path, headers["authorization"]) == ("/v1/moderations", "Bearer k1")
    assert (body["input"], body["model"]) == (TEXT, "judge")
    assert (found.severity, found.score) == (Severity.NUDITY, 0.8)


@pytest.mark.parametrize(
    "answer", [Answer(500, {}), Answer(429, {}), Answer(body={"results": []}), Answer(raw=b"<h")]
)
def test_a_moderation_that_fails_is_asked_once(answer: Answer) -> None:
    with endpoint(answer) as there:
        assert scanned(judge(there.url, "moderation")).status == "error"
        assert len(there.requests) == 1


def test_no_key_that_lies_about_is_sent_to_a_server_of_ones_own(
    server: StandInServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-the-operators")
    monkeypatch.setattr(litellm(), "api_key", "sk-global")
    with pytest.raises(BadAnswer):
        judge(server.url).opinion(TEXT)
    (request,) = server.requests
    assert request.headers["authorization"] == "Bearer none"


def test_the_key_is_read_from_the_variable_that_the_policy_names(
    server: StandInServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUDGE_KEY", "k1")
    server.reply("safe")
    judge(server.url, key_env="JUDGE_KEY").opinion(TEXT)
    assert server.requests[0].headers["authorization"] == "Bearer k1"
    monkeypatch.delenv("JUDGE_KEY")
    with pytest.raises(ConfigurationError, match=r"\$JUDGE_KEY"):
        judge(server.url, key_env="JUDGE_KEY")


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_an_error_is_no_answer_and_nothing_is_tried_twice(
    server: StandInServer, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(litellm(), "num_retries", None)
    server.reply(status=status)
    with pytest.raises(Exception, match=str(status)):
        judge(server.url).opinion(TEXT)
    assert len(server.requests) == 1


@pytest.mark.parametrize("family", CHATTING)
@pytest.mark.parametrize("said", ["", "I cannot help with that.", "safe unsafe", "{}", "unsafe"])
def test_prose_and_refusals_are_no_answer(server: StandInServer, family: str, said: str) -> None:
    server.reply(said)
    with pytest.raises(BadAnswer):
        judge(server.url, family).opinion(TEXT)


@pytest.mark.parametrize(
    "change",
    [
        {"finish_reason": "length"},
        {"finish_reason": "content_filter"},
        {"message": {"role": "assistant", "content": None}},
        {"message": {"role": "assistant", "content": None, "refusal": "safe"}},
    ],
)
def test_a_message_that_is_not_finished_is_no_answer(change: dict[str, Any]) -> None:
    message = {"role": "assistant", "content": "safe"}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    with endpoint(completion(choice)) as there:
        assert judge(there.url).opinion(TEXT).severity is Severity.NONE
    for wrong in ([{**choice, **change}], [choice, choice], []):
        with endpoint(completion(*wrong)) as there:
            assert scanned(judge(there.url)).status == "error"


@pytest.mark.parametrize(("said", "how"), [("Yes", "ok"), ("No", "ok"), ("Yes, as", "error")])
def test_shieldgemmas_answer_is_its_first_token(said: str, how: str) -> None:
    message = {"role": "assistant", "content": said}
    with endpoint(completion({"index": 0, "finish_reason": "length", "message": message})) as there:
        assert scanned(judge(there.url, "shieldgemma", max_tokens=50)).status == how
        assert there.requests[0][2]["max_tokens"] == 1


def completion(*choices: object) -> Answer:
    head = {"id": "c", "object": "chat.completion", "created": 1, "model": "judge"}
    return Answer(body={**head, "choices": list(choices)})


@pytest.mark.parametrize("raw", [b"", b"<html>", b"{", b"null", b"[]", b"\xff\xfe", b"{}"])
def test_a_body_that_is_no_completion_is_no_answer(raw: bytes) -> None:
    with endpoint(Answer(raw=raw)) as there:
        assert scanned(judge(there.url)).status == "error"


def test_a_server_that_hangs_or_drips_is_not_waited_for() -> None:
    for slow in (Answer(wait=30), Answer(raw=b" " * 40_000, drip=0.01)):
        with endpoint(slow) as there:
            with pytest.raises(TimeoutError):
                judge(there.url, limit_ms=700).opinion(TEXT)
            assert len(there.requests) == 1


def test_a_text_is_asked_about_once_while_the_answer_is_kept(server: StandInServer) -> None:
    asks = judge(server.url, cache_s=3600)
    server.reply("safe").reply("unsafe\nS12")
    assert [asks.opinion(text).severity.value for text in (TEXT, "other", TEXT)] == [0, 2, 0]
    assert len(server.requests) == 2


def test_an_answer_is_forgotten_in_time(
    server: StandInServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks = judge(server.url, cache_s=60)
    server.reply("safe").reply("unsafe\nS12")
    now = time.monotonic()
    monkeypatch.setattr("guardrail.detect.second.opinion.time.monotonic", lambda: now)
    assert asks.opinion(TEXT).severity is Severity.NONE
    now += 59
    assert asks.opinion(TEXT).severity is Severity.NONE
    now += 2
    assert asks.opinion(TEXT).severity is Severity.NUDITY


def test_no_more_calls_a_day_than_the_policy_lets(server: StandInServer) -> None:
    asks = judge(server.url, per_day=2)
    for _ in range(2):
        server.reply("safe")
    asks.opinion("one")
    asks.opinion("two")
    with pytest.raises(OverBudget):
        asks.opinion("three")
    asks.opinion("one")
    assert len(server.requests) == 2


def test_no_more_tokens_a_day_than_the_policy_lets(server: StandInServer) -> None:
    asks = judge(server.url, tokens_per_day=1200)
    for _ in range(3):
        server.reply("safe")
    asks.opinion("one")
    asks.opinion("two")
    with pytest.raises(OverBudget):
        asks.opinion("a picture " * 200)
    assert len(server.requests) == 2


def test_a_failed_call_counts_as_all_that_it_may_have_cost(server: StandInServer) -> None:
    asks = judge(server.url, tokens_per_day=1200)
    server.reply(status=500).reply("safe")
    with pytest.raises(Exception, match="500"):
        asks.opinion("one")
    with pytest.raises(OverBudget):
        asks.opinion("two")


def test_several_threads_ask_at_once_and_no_more_than_allowed() -> None:
    together, most, running = threading.Lock(), 0, 0

    def answer(_: Any) -> str:
        nonlocal most, running
        with together:
            running += 1
            most = max(most, running)
        time.sleep(0.05)
        with together:
            running -= 1
        return "safe"

    with Answering(answer) as server:
        asks = judge(server.url, concurrency=3)
        names = [f"text {n}" for n in range(12)]
        threads = [threading.Thread(target=asks.opinion, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(server.requests) == 12
    assert 1 <= most <= 3


async def test_the_event_loop_goes_on_while_a_judge_thinks(server: StandInServer) -> None:
    server.reply("safe", delay=1.0)
    asks = judge(server.url)
    detector = asks.about([Place(0)], SEXUAL)
    scanning = asyncio.ensure_future(
        Scanner(10.0).ascan(detector, Document(Request.of(TEXT)), asks.limit)
    )
    assert await asyncio.to_thread(until, lambda: bool(server.requests))
    assert not scanning.done()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not scanning.done()
    scan = await scanning
    assert (scan.status, scan.detector) == ("ok", "sexual.second")
    assert scan.ms >= 900


async def test_who_waits_can_be_cancelled(server: StandInServer) -> None:
    server.reply("safe", delay=30)
    asks = judge(server.url, limit_ms=1500)
    task = asyncio.ensure_future(
        Scanner(10.0).ascan(asks.about([Place(0)], SEXUAL), Document(Request.of(TEXT)), 30)
    )
    assert await asyncio.to_thread(until, lambda: bool(server.requests))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_scan_that_failed_tells_no_text(server: StandInServer) -> None:
    server.reply(status=500)
    asks = judge(server.url)
    scan = scanned(asks)
    assert (scan.status, scan.findings) == ("error", ())
    assert scan.problem == "InternalServerError"


def test_all_places_are_asked_about_in_one_call(server: StandInServer) -> None:
    server.reply("unsafe\nS12")
    places = [Place(0), Place(2, Span(2, 1, 3))]
    found = list(judge(server.url).about(places, SEXUAL).detect(spoken("one", "two", "three")))
    assert [finding.span for finding in found] == [Span(0, 0, 3), Span(2, 1, 3)]
    (body,) = asked(server)
    assert body["messages"][0]["content"] == "one three"


def test_of_a_long_text_the_doubt_is_shown_and_it_undoes_nothing(server: StandInServer) -> None:
    text = "a picture " * 1000 + "of DOUBT " + "by the sea " * 1000
    at = text.index("DOUBT")
    document, place = Document(Request.of(text)), Place(0, Span(0, at, at + 5))
    asks = judge(server.url, max_chars=600)
    server.reply("safe").reply("unsafe\nS12")
    assert findings(asks.about([place], SEXUAL), document) == []
    other = Document(Request.of(text + "!"))
    assert [f.value for f in findings(asks.about([place], SEXUAL), other)] == ["nudity"]
    for body in asked(server):
        shown = body["messages"][0]["content"]
        assert "DOUBT" in shown
        assert len(shown) <= 600


def findings(detector: Any, document: Document) -> list[Finding]:
    return list(detector.detect(document))


def test_more_places_than_can_be_shown_are_unscanned(server: StandInServer) -> None:
    document = spoken(*["a text"] * 30)
    asks = judge(server.url, max_chars=4000)
    with pytest.raises(BadAnswer):
        findings(asks.about([Place(n) for n in range(30)], SEXUAL), document)
    assert server.requests == []


def test_it_keeps_the_promises_of_a_detector(server: StandInServer) -> None:
    detector_conformance(judge(server.url).about([], SEXUAL))


def test_its_own_call_is_judged_by_nobody(server: StandInServer) -> None:
    token = IS_JUDGING.set(True)
    try:
        detector = judge(server.url).about([Place(0)], SEXUAL)
    finally:
        IS_JUDGING.reset(token)
    with pytest.raises(RecursionError):
        findings(detector, Document(Request.of(TEXT)))
    assert server.requests == []


def test_a_guard_over_all_of_litellm_does_not_see_the_call(
    server: StandInServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def guarded(*_: Any, **__: Any) -> None:
        raise AssertionError("the judge's own call was guarded")

    monkeypatch.setattr(litellm(), "acompletion", guarded)
    monkeypatch.setattr(litellm(), "completion", guarded)
    server.reply("safe")
    assert judge(server.url).opinion(TEXT).severity is Severity.NONE


def test_litellms_loggers_and_cache_keep_nothing(
    server: StandInServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = litellm()
    kept: list[str] = []
    cache = module.Cache(type="local")
    monkeypatch.setattr(module, "cache", cache)
    monkeypatch.setattr(module, "success_callback", [lambda *_: kept.append("success")])
    monkeypatch.setattr(module, "failure_callback", [lambda *_: kept.append("failure")])
    server.reply("safe").reply("safe").reply(status=500)
    judge(server.url).opinion(TEXT)
    judge(server.url).opinion(TEXT)
    with pytest.raises(Exception, match="500"):
        judge(server.url).opinion(TEXT)
    assert len(server.requests) == 3
    assert (kept, cache.cache.cache_dict) == ([], {})


def test_its_version_follows_the_question() -> None:
    one = judge("http://127.0.0.1:1", "chat")
    assert one.version.startswith("judge:chat:openai/judge@")
    assert one.version != judge("http://127.0.0.1:1", "llama-guard").version


def test_litellm_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise ConfigurationError("pip install 'likeness-guardrail[litellm]'")

    monkeypatch.setattr("guardrail.adapters.judge.asking.litellm", missing)
    with pytest.raises(ConfigurationError, match=r"likeness-guardrail\[litellm\]"):
        load_second_stage(stage("http://127.0.0.1:1"))


def test_nothing_but_the_text_in_doubt_goes_out(server: StandInServer) -> None:
    server.reply("safe")
    settings = SecondStage(
        Judge("llama-guard", "openai/judge", server.url), (("nudity", "nudity"),)
    )
    load_second_stage(settings).opinion(TEXT)
    (request,) = server.requests
    assert set(request.json) == {"model", "messages", "temperature", "max_tokens"}
