"""The second stage in the flow: when it is asked, and what its answer does to a decision."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail.detect import Document
from guardrail.detect.base import Detector
from guardrail.detect.second import NAME, SecondOpinion
from guardrail.guard import AsyncGuard, Guard, UnsafeNoLog
from guardrail.policy import Policy, load_policy
from guardrail.records import (
    Action,
    Caller,
    Decision,
    FactName,
    Finding,
    Jurisdiction,
    Kind,
    Operation,
    Output,
    Request,
    Role,
    Severity,
    Span,
    Stage,
    TextPart,
)
from guardrail.scanning import Scanner
from guardrail.screening import AskDetector, Scanning, Screener, Screening, StageResult
from guardrail.testing.fakes import ScriptedDetector
from tests.detect.second import (
    MEANINGS,
    Answer,
    Scores,
    endpoint,
    moderation,
    says,
    tiny_model,
    until,
)
from tests.detect.second import settings as stage_settings

ADULT = Caller("u1", "adult", age_verified=True, jurisdiction=Jurisdiction("US"))
FREE = Caller("u2")
DEFAULT = load_policy("default")
PERSONS: frozenset[FactName] = frozenset({"persons", "labels"})


def spoken(label: str, value: str, score: float, **more: Any) -> Callable[..., Iterable[Finding]]:
    def script(document: Document) -> Iterable[Finding]:
        for index, part, _ in document.new_parts():
            span = Span(index, 0, len(part.text))
            yield Finding(
                detector=label,
                version="1",
                label=label,
                value=value,
                span=span,
                score=score,
                **more,
            )

    return script


def team(sexual: float, severity: str = "nudity", **scripts: Any) -> list[Detector]:
    scripts["sexual"] = spoken("sexual", severity, sexual)
    return [
        ScriptedDetector("sexual", frozenset({"sexual", "edit"}), scripts["sexual"], cost=9.0),
        ScriptedDetector("minor", frozenset({"minor"}), scripts.get("minor", silent), cost=20.0),
        ScriptedDetector("person", PERSONS, scripts.get("person", silent), cost=50.0),
    ]


def silent(_: Document) -> Iterable[Finding]:
    return ()


def screened(
    request: Request,
    detectors: list[Detector],
    backend: Scores,
    *,
    everything: bool = False,
    **options: Any,
) -> Screening:
    made = SecondOpinion(stage_settings(**options), backend)
    screener = Screener(DEFAULT, detectors, made)
    return driven(screener.request(request, everything=everything)).screening


def driven(steps: Scanning) -> StageResult:
    scanner = Scanner(1.0)
    effect = next(steps)
    try:
        while True:
            assert isinstance(effect, AskDetector)
            effect = steps.send(scanner.scan(effect.detector, effect.document, effect.limit))
    except StopIteration as end:
        result: StageResult = end.value
        return result


def prompt(caller: Caller = FREE, operation: Operation = Operation.IMAGE_GENERATE) -> Request:
    return Request.of("a picture", operation, caller=caller)


def status(screening: Screening) -> str:
    (scan,) = [scan for scan in screening.scans if scan.detector == NAME]
    return scan.status


@pytest.mark.parametrize("score", [0.05, 0.19, 0.81, 1.0])
@pytest.mark.parametrize("everything", [False, True])
def test_it_is_not_asked_where_the_first_is_sure(score: float, everything: bool) -> None:
    backend = says(0.9)
    severity = "nudity" if score >= 0.5 else "none"
    screening = screened(prompt(), team(score, severity), backend, everything=everything)
    assert (backend.asked, status(screening)) == (0, "skipped")
    assert screening.facts.unscanned == frozenset()
    assert screening.facts.sexual.score == score


def test_its_answer_makes_a_decision_stricter() -> None:
    screening = screened(prompt(), team(0.3, "none"), says(0.9))
    assert screening.decision.action is Action.GATE
    assert screening.facts.sexual.severity is Severity.NUDITY
    assert {f.detector for f in screening.decision.findings} == {"sexual", NAME}


def test_its_answer_makes_no_decision_laxer_unless_told() -> None:
    screening = screened(prompt(), team(0.6), says(0.01))
    assert screening.decision.action is Action.GATE
    lowered = screened(prompt(), team(0.6), says(0.01), may_lower=True)
    assert lowered.decision.action is Action.ALLOW
    assert lowered.facts.sexual.severity is Severity.NONE
    assert lowered.facts.sexual.score == pytest.approx(0.01)


def test_what_the_first_saw_stays_on_record() -> None:
    lowered = screened(prompt(), team(0.6), says(0.01), may_lower=True)
    seen = {s.detector: [(f.value, f.score) for f in s.findings] for s in lowered.scans}
    assert seen["sexual"] == [("nudity", 0.6)]
    assert [value for value, _ in seen[NAME]] == ["none"]


MINOR = spoken("minor", "age", 0.3)
REGISTERED = spoken("person", "public", 1.0, role=Role.MENTIONED, minor=True)


@pytest.mark.parametrize("told", [{"minor": MINOR}, {"person": REGISTERED}])
def test_nothing_is_lowered_where_anything_speaks_of_a_minor(told: dict[str, Any]) -> None:
    screening = screened(prompt(), team(0.6, **told), says(0.01), may_lower=True)
    assert screening.facts.sexual.severity is Severity.NUDITY
    assert screening.decision.action is not Action.ALLOW


def test_nothing_is_lowered_but_nudity_in_doubt() -> None:
    for score, severity in ((0.9, "nudity"), (0.7, "explicit"), (0.3, "suggestive")):
        screening = screened(prompt(), team(score, severity), says(0.01), may_lower=True)
        assert screening.facts.sexual.severity.label == severity


def test_nothing_is_lowered_where_somebody_is_undressed() -> None:
    def undressing(document: Document) -> Iterable[Finding]:
        yield from spoken("sexual", "nudity", 0.6)(document)
        yield from spoken("edit", "undress", 0.6)(document)

    detectors = team(0.6)
    detectors[0] = ScriptedDetector("sexual", frozenset({"sexual", "edit"}), undressing)
    screening = screened(prompt(), detectors, says(0.01), may_lower=True)
    assert screening.facts.sexual.severity is Severity.NUDITY


def test_a_minor_it_sees_counts() -> None:
    screening = screened(prompt(ADULT), team(0.3, "none"), says(0.1, minors=0.9))
    assert screening.decision.reason == "minor_sexual"


def failing(_: str) -> Mapping[str, float]:
    raise RuntimeError("private detail")


def slow(_: str) -> Mapping[str, float]:
    time.sleep(0.5)
    return {"nsfw": 0.0, "sexual/minors": 0.0}


@pytest.mark.parametrize(("told", "how"), [(failing, "error"), (slow, "timeout")])
@pytest.mark.parametrize("may_lower", [False, True])
def test_no_answer_fails_closed(told: Any, how: str, may_lower: bool) -> None:
    for first in (team(0.3, "none"), team(0.6)):
        screening = screened(prompt(), first, Scores(told), may_lower=may_lower, limit_ms=40)
        assert (status(screening), screening.decision.action) == (how, Action.REFUSE)
        assert screening.decision.reason == "unscanned"
        assert all("private" not in scan.problem for scan in screening.scans)
    assert screening.facts.sexual.severity is Severity.NUDITY


def test_it_is_not_asked_where_it_cannot_change_the_decision() -> None:
    shown = spoken("person", Kind.PUBLIC, 1.0, role=Role.DEPICTED)
    for may_lower, asked in ((False, 0), (True, 1)):
        backend, detectors = says(0.01), team(0.6, person=shown)
        labels = (("nsfw", "nudity"),)
        screening = screened(prompt(), detectors, backend, labels=labels, may_lower=may_lower)
        assert backend.asked == asked
        assert screening.decision.action is (Action.ALLOW if asked else Action.REFUSE)


def test_each_part_is_judged_by_itself() -> None:
    def told(text: str) -> Mapping[str, float]:
        return {"nsfw": 0.9 if text == "two" else 0.1, "sexual/minors": 0.0}

    parts = tuple(TextPart(text, origin="message", turn=i) for i, text in enumerate(("one", "two")))
    request = Request(Operation.CHAT, parts, caller=FREE)
    screening = screened(request, team(0.6), Scores(told), may_lower=True)
    assert screening.facts.sexual.severity is Severity.NUDITY
    assert screening.facts.sexual.span == Span(1, 0, 3)


SCORES = st.floats(0, 1)
MAYBE = st.none() | SCORES


@dataclass(frozen=True)
class Case:
    """What each of them says; None: of the second stage that it fails, of others nothing."""

    first: float
    severity: str
    minor: float | None
    second: float | None
    shown: bool
    caller: Caller
    turns: int

    def decided(self, *, everything: bool, may_lower: bool, second: bool = True) -> Decision:
        scripts: dict[str, Any] = {}
        if self.shown:
            scripts["person"] = spoken("person", Kind.PRIVATE, 1.0, role=Role.MENTIONED)
        if self.minor is not None:
            scripts["minor"] = spoken("minor", "age", self.minor)
        said = ("A child and Ann by the sea, a painting.", "A lonely house in a dark forest.")
        parts = tuple(TextPart(s, origin="message", turn=i) for i, s in enumerate(said))
        request = Request(Operation.IMAGE_GENERATE, parts[: self.turns], caller=self.caller)
        backend = Scores(failing) if self.second is None else says(self.second)
        screening = screened(
            request,
            team(self.first, self.severity, **scripts),
            backend if second else says(0.0),
            everything=everything,
            may_lower=may_lower,
        )
        return screening.decision


CASES = st.builds(
    Case,
    SCORES,
    st.sampled_from(["none", "suggestive", "nudity", "explicit"]),
    MAYBE,
    MAYBE,
    st.booleans(),
    st.sampled_from([FREE, ADULT]),
    st.integers(1, 2),
)


@settings(max_examples=150, deadline=None)
@given(CASES, st.booleans())
def test_asked_when_needed_or_always_it_decides_alike(case: Case, may_lower: bool) -> None:
    lazily = case.decided(everything=False, may_lower=may_lower)
    always = case.decided(everything=True, may_lower=may_lower)
    assert replace(lazily, findings=()) == replace(always, findings=())


@settings(max_examples=100, deadline=None)
@given(CASES)
def test_it_is_never_laxer_than_the_first_alone(case: Case) -> None:
    alone = case.decided(everything=True, may_lower=False, second=False).action
    assert case.decided(everything=False, may_lower=False).action >= alone
    if case.second is None or case.minor is not None:
        assert case.decided(everything=False, may_lower=True).action >= alone


def policy(folder: Path, **backend: Any) -> Policy:
    """A policy file with a real backend, as an operator writes one."""
    meanings = ", ".join(f'"{label}": {meaning}' for label, meaning in MEANINGS)
    if "url" in backend:
        chosen = f"moderation: {{url: {backend['url']!r}}}"
        meanings = "sexual: nudity, sexual/minors: minor"
    else:
        chosen = "onnx: {folder: model}"
    lines = f"extends: default\nsecond_stage: {{labels: {{{meanings}}}, {chosen}, limit_ms: 300}}\n"
    file = folder / "p.yaml"
    file.write_text(f"policy: p\nversion: 1\n{lines}")
    return load_policy(file)


def read(reply: str) -> Output:
    return Output((TextPart(reply, "assistant", "output"),))


@pytest.fixture(params=["sync", "async"])
def screen(request: pytest.FixtureRequest) -> Callable[..., Screening]:
    def run(made: Policy, detectors: list[Detector], asked: Request) -> Screening:
        if request.param == "sync":
            return Guard(made, log=UnsafeNoLog(), detectors=detectors).screen(asked)
        guard = AsyncGuard(made, log=UnsafeNoLog(), detectors=detectors)
        return asyncio.run(guard.screen(asked))

    return run


def test_a_model_in_a_folder_beside_the_policy(
    tmp_path: Path, screen: Callable[..., Screening]
) -> None:
    (tmp_path / "model").mkdir()
    tiny_model(tmp_path / "model")
    made = policy(tmp_path)
    asked = replace(prompt(), parts=(TextPart("bare"),))
    assert screen(made, team(0.3, "none"), asked).decision.action is Action.GATE
    asked = replace(prompt(), parts=(TextPart("a lesson"),))
    assert screen(made, team(0.3, "none"), asked).decision.action is Action.ALLOW


def test_an_endpoint(tmp_path: Path, screen: Callable[..., Screening]) -> None:
    pytest.importorskip("httpx", reason="the extra moderation is not installed")
    with endpoint(moderation(sexual=0.9, sexual_minors=0.0)) as server:
        made = policy(tmp_path, url=server.url)
        assert screen(made, team(0.3, "none"), prompt()).decision.action is Action.GATE


@pytest.mark.parametrize(
    "answer", [Answer(500, {}), Answer(raw=b"{"), Answer(wait=30.0)], ids=["500", "bad", "hangs"]
)
def test_an_endpoint_that_fails_closes(
    tmp_path: Path, screen: Callable[..., Screening], answer: Answer
) -> None:
    pytest.importorskip("httpx", reason="the extra moderation is not installed")
    with endpoint(answer) as server:
        made = policy(tmp_path, url=server.url)
        screening = screen(made, team(0.3, "none"), prompt())
        assert screening.decision.reason == "unscanned"
        assert status(screening) in ("error", "timeout")
        assert until(lambda: bool(server.requests))


def test_what_a_model_gives_back_is_asked_about_too(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    tiny_model(tmp_path / "model")

    def reader(document: Document) -> Iterable[Finding]:
        for index, part, _ in document.new_parts():
            score = 0.4 if part.origin == "output" else 0.0
            yield Finding(
                detector="sexual",
                version="1",
                label="sexual",
                value="none",
                score=score,
                span=Span(index, 0, 1),
            )

    detectors = team(0.0)
    detectors[0] = ScriptedDetector("sexual", frozenset({"sexual", "edit"}), reader)
    guard = Guard(policy(tmp_path), log=UnsafeNoLog(), detectors=detectors)
    request = Request.of("go on", Operation.TEXT, caller=FREE)
    assert guard.call(request, lambda: "a lesson", read) == "a lesson"
    with pytest.raises(Exception, match="subscription"):
        guard.call(request, lambda: "bare", read)


def test_in_a_long_stream_places_are_those_of_the_whole_text() -> None:
    def reader(document: Document) -> Iterable[Finding]:
        for index, part, _ in document.new_parts():
            at = part.text.find("bare")
            if at >= 0:
                yield Finding(
                    detector="sexual",
                    version="1",
                    label="sexual",
                    value="none",
                    score=0.4,
                    span=Span(index, at, at + 4),
                )

    detectors = team(0.0)
    detectors[0] = ScriptedDetector("sexual", frozenset({"sexual", "edit"}), reader)
    second = SecondOpinion(stage_settings(), says(0.9))
    screener = Screener(DEFAULT, detectors, second)

    request = Request.of("go on", Operation.TEXT, caller=FREE)
    before = driven(screener.request(request))
    window = Output((TextPart("a bare wall", "assistant", "output", offset=5000),))
    after = driven(screener.output(request, window, before, Stage.STREAM)).screening
    (scan,) = [scan for scan in after.scans if scan.detector == NAME]
    assert [finding.span for finding in scan.findings] == [Span(1, 5002, 5006)]
    assert after.decision.action is Action.GATE
