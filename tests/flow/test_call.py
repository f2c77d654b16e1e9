from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from guardrail.errors import LogUnavailable, RequestGated, RequestRefused
from guardrail.guard import AsyncGuard, Guard, UnsafeNoLog
from guardrail.records import (
    Action,
    Caller,
    Jurisdiction,
    Kind,
    Operation,
    Outcome,
    Request,
    Role,
    Stage,
)
from guardrail.testing.fakes import MemoryLog, ScriptedDetector
from tests.flow.conftest import CORE, Driven, detectors, nudity, others, persons, read, sees

ADULT = Caller("u1", tier="adult", age_verified=True, jurisdiction=Jurisdiction("DE"))


def test_an_ordinary_request_is_answered_and_its_entry_opened_and_closed(driven: Driven) -> None:
    assert driven.call(Request.of("hello"), lambda: "hi") == "hi"
    (opened,), (closed,) = driven.log.opened, driven.log.closed
    assert opened.decision.action is Action.ALLOW
    assert not opened.flagged
    assert (closed.outcome, closed.model_called, closed.id) == (Outcome.RELEASED, True, opened.id)
    assert len(closed.output_sha256) == 64


def test_the_entry_is_open_before_the_model_is_called(driven: Driven) -> None:
    seen = []

    def reply() -> str:
        seen.append(len(driven.log.opened))
        return "hi"

    driven.call(Request.of("hello"), reply)
    assert seen == [1]


def test_a_refused_request_never_reaches_the_model(driven: Driven) -> None:
    request = Request.of("nude Ann Lee", Operation.IMAGE_GENERATE, caller=ADULT)
    with pytest.raises(RequestRefused) as stopped:
        driven.call(request, lambda: "hi")
    decision = stopped.value.decision
    assert (decision.reason, decision.stage) == ("real_person_sexual", Stage.INPUT)
    assert {finding.label for finding in decision.findings} == {"sexual", "person"}
    assert "real person" in str(stopped.value)
    assert driven.called == 0
    (closed,) = driven.log.closed
    assert (closed.outcome, closed.model_called) == (Outcome.REFUSED, False)
    assert stopped.value.attempt == closed.id


def test_a_gated_request_names_what_is_missing_in_the_callers_language(driven: Driven) -> None:
    caller = Caller("u2", language="ja-JP", jurisdiction=Jurisdiction("DE"))
    with pytest.raises(RequestGated) as stopped:
        driven.call(Request.of("nude", Operation.IMAGE_GENERATE, caller=caller), lambda: "hi")
    assert stopped.value.decision.reason == "subscription_required"
    assert stopped.value.decision.requirement is not None
    assert "年齢確認" in str(stopped.value)
    assert driven.log.closed[0].outcome is Outcome.GATED


def test_a_forbidden_output_is_not_released(driven: Driven) -> None:
    with pytest.raises(RequestRefused) as stopped:
        driven.call(Request.of("write about Ann Lee", caller=ADULT), lambda: "nude")
    assert stopped.value.decision.stage is Stage.OUTPUT
    (closed,) = driven.log.closed
    assert (closed.outcome, closed.output_sha256) == (Outcome.REFUSED, "")
    assert closed.model_called
    assert closed.flagged
    span = next(f.span for f in closed.decision.findings if f.label == "sexual")
    assert span is not None
    assert (span.part, span.start) == (1, 0)


def test_a_person_found_only_in_the_output_counts_with_what_the_request_asked(
    driven: Driven,
) -> None:
    request = Request.of("nude", Operation.TEXT, caller=ADULT)
    with pytest.raises(RequestRefused):
        driven.call(request, lambda: "Ann Lee")


def test_whom_the_request_only_mentions_the_output_may_show_without_a_name(driven: Driven) -> None:
    """Also when the name was first looked for because of the output."""
    mentions = sees("Ann Lee", label="person", value=Kind.PRIVATE, role=Role.MENTIONED, name=True)
    names = ScriptedDetector("persons", frozenset({"persons"}), mentions, cost=50.0)
    request = Request.of("tell me about Ann Lee", caller=ADULT)
    with pytest.raises(RequestRefused) as stopped:
        driven.call(request, lambda: "she was nude", detectors=[nudity(), names, others()])
    assert stopped.value.decision.reason == "real_person_sexual"
    assert driven.log.opened[0].facts.persons == ()


@pytest.mark.parametrize("problem", [RuntimeError("no"), KeyboardInterrupt(), SystemExit(3)])
def test_whatever_the_model_raises_is_passed_on_and_the_entry_closed(
    driven: Driven, problem: BaseException
) -> None:
    def reply() -> str:
        raise problem

    with pytest.raises(type(problem)):
        driven.call(Request.of("hello"), reply)
    (closed,) = driven.log.closed
    expected = Outcome.FAILED if isinstance(problem, Exception) else Outcome.CANCELLED
    assert (closed.outcome, closed.error) == (expected, type(problem).__name__)


def test_a_cancelled_task_closes_its_entry() -> None:
    log = MemoryLog()
    guard = AsyncGuard(log=log, detectors=detectors())

    started = asyncio.Event()

    async def never() -> str:
        started.set()
        await asyncio.sleep(60)
        return ""

    async def main() -> None:
        task = asyncio.create_task(guard.call(Request.of("hello"), never, read))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert [entry.outcome for entry in log.closed] == [Outcome.CANCELLED]


def test_without_a_durable_entry_the_model_is_not_called(driven: Driven) -> None:
    driven.log.full = True
    with pytest.raises(LogUnavailable):
        driven.call(Request.of("hello"), lambda: "hi")
    assert driven.called == 0


def test_a_reply_that_cannot_be_read_is_not_released(driven: Driven) -> None:
    def unreadable(_: str) -> object:
        raise KeyError("choices")

    with pytest.raises(RequestRefused) as stopped:
        driven.call(Request.of("hello"), lambda: "hi", read=unreadable)
    assert stopped.value.decision.reason == "unscanned"


def broken() -> ScriptedDetector:
    def fail(_: object) -> tuple[()]:
        raise ValueError("boom")

    return ScriptedDetector("broken", frozenset({"sexual"}), fail)


def late() -> ScriptedDetector:
    def wait(_: object) -> tuple[()]:
        time.sleep(0.3)
        return ()

    return ScriptedDetector("late", frozenset({"sexual"}), wait, inline=False)


@pytest.mark.parametrize(("detector", "status"), [(broken(), "error"), (late(), "timeout")])
def test_a_detector_that_does_not_answer_fails_closed(
    driven: Driven, detector: ScriptedDetector, status: str, tmp_path: Path
) -> None:
    policy = _policy_with_limit(tmp_path, 50)
    with pytest.raises(RequestRefused) as stopped:
        driven.call(
            Request.of("hello"),
            lambda: "hi",
            detectors=[detector, persons(), others()],
            policy=policy,
        )
    assert stopped.value.decision.reason == "unscanned"
    statuses = {scan.detector: scan.status for scan in driven.log.opened[0].scans}
    assert statuses[detector.name] == status


def _policy_with_limit(folder: Path, ms: int) -> Path:
    path = folder / "quick.yaml"
    limits = f"limits: {{detector_ms: {ms}}}"
    path.write_text(f"policy: quick\nversion: 1\nextends: default\n{limits}\n", "utf-8")
    return path


@pytest.mark.parametrize("missing", CORE)
def test_a_fact_nobody_can_answer_for_fails_closed(missing: str) -> None:
    have = [d for d in (nudity(), persons(), others()) if missing not in d.provides]
    guard = Guard(log=UnsafeNoLog(), detectors=have)
    decision = guard.screen(Request.of("nude Ann Lee", Operation.IMAGE_GENERATE)).decision
    assert decision.action is Action.REFUSE


def test_each_detector_runs_at_most_once_a_stage_and_only_if_it_can_matter() -> None:
    idle = ScriptedDetector("idle", frozenset({"intent"}), cost=5000.0)
    asked = [nudity(), persons(), others(), idle]
    guard = Guard(log=UnsafeNoLog(), detectors=asked)
    screening = guard.screen(Request.of("hello"))
    assert idle.asked == 0
    assert {scan.detector for scan in screening.scans if scan.status == "skipped"} >= {
        "idle",
        "persons",
    }
    guard.screen(Request.of("hello"), facts="all")
    assert idle.asked == 1
    assert all(detector.asked <= 2 for detector in asked)


@pytest.mark.parametrize("text", ["", "\x00", "\ud800", "a" * 200_001])
def test_odd_texts_are_decided_not_raised(text: str) -> None:
    decision = Guard(log=UnsafeNoLog()).screen(Request.of(text)).decision
    too_long = len(text) > 200_000
    assert decision.action is (Action.REFUSE if too_long else Action.ALLOW)
    assert decision.reason == ("unscanned" if too_long else "allowed")
