"""The one path of a request, sans-IO: generators that yield effects and are driven from outside.

`Guard` and `AsyncGuard` drive the same generators. A driver answers every effect with `send`, and
passes whatever goes wrong meanwhile, cancellation included, into the flow with `throw`: that is
how an attempt is always closed in the log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from guardrail.errors import LogUnavailable, RequestGated, RequestRefused, RequestStopped
from guardrail.messages import message_for
from guardrail.readers import StreamReader
from guardrail.records import (
    Action,
    AttemptClosed,
    AttemptOpened,
    Decision,
    Outcome,
    Output,
    Request,
    Stage,
)
from guardrail.screening import Screener, Screening, ScreeningEffect, StageResult
from guardrail.streaming import HeldBack

R = TypeVar("R")
C = TypeVar("C")

TOLD = "UpstreamFailed"
"""The error of an attempt whose stream told that the model failed."""


@dataclass(frozen=True, slots=True)
class OpenEntry:
    """Effect: make the entry durable; answered with None."""

    entry: AttemptOpened


@dataclass(frozen=True, slots=True)
class CloseEntry:
    """Effect: record how the attempt ended; answered with None."""

    entry: AttemptClosed


@dataclass(frozen=True, slots=True)
class CallModel:
    """Effect: call the model; answered with its reply, or with its stream."""


@dataclass(frozen=True, slots=True)
class NextChunk:
    """Effect: wait for the next chunk of the stream; answered with `[chunk]`, `[]` at its end."""


@dataclass(frozen=True, slots=True)
class Release(Generic[C]):
    """Effect: hand this chunk to the client; answered with None."""

    chunk: C


Effect = ScreeningEffect | OpenEntry | CloseEntry | CallModel | NextChunk | Release[Any]
Flow = Generator[Effect, Any, R]


@dataclass(frozen=True, slots=True)
class Released(Generic[R]):
    """A reply that may be shown, and its closed attempt; `attempt.decision` has its obligations."""

    reply: R
    attempt: AttemptClosed


def call_flow(
    screener: Screener, request: Request, read: Callable[[R], Output]
) -> Flow[Released[R]]:
    """A call with one reply.

    1. Screen the request.
    2. Open the entry.
    3. Stop here unless the request is allowed.
    4. Call the model.
    5. Screen the output.
    6. Close the entry.
    7. Release the output, or refuse it.
    """
    before, attempt = yield from _begin(screener, request)  # 1, 2, 3
    reply = yield from _guarded(attempt, _call_model())  # 4
    output = _read(read, reply)
    after = yield from _guarded(
        attempt, screener.output(request, output, before, Stage.OUTPUT)
    )  # 5
    closed = yield from attempt.close_after(after.screening, output)  # 6
    if stopped := attempt.stopped(after.screening.decision):  # 7
        raise stopped
    return Released(reply, closed)


def stream_flow(screener: Screener, request: Request, reader: StreamReader[C]) -> Flow[None]:
    """A call whose reply arrives in chunks: each is held back until what it says is cleared.

    Steps 1 to 4 are those of `call_flow`; then for each chunk
    5. read it and screen the text at each place of it where that is due,
    6. release what is cleared, or stop,
    and at the end screen the whole, close the entry and release the rest. Where a chunk told that
    the model failed, the attempt has failed, even if the client hangs up there.
    """
    before, attempt = yield from _begin(screener, request)
    yield from _guarded(attempt, _call_model())
    limits = screener.policy.limits
    held = HeldBack(reader, limits.hold_back, limits.text_chars)
    running = before
    try:
        while chunk := (yield _NEXT):
            held.add(chunk[0])
            running = yield from _advance(screener, request, held, running)
            if not _allowed(running):
                break
            for released in held.cleared():
                yield Release(released)
        else:
            running = yield from screener.output(request, held.whole(), running, Stage.STREAM)
    except BaseException as problem:
        if held.failed and not isinstance(problem, Exception):
            yield from attempt.close_failed(running.screening)
        else:
            yield from attempt.abort(problem, running.screening)
        raise
    decision = running.screening.decision
    if held.failed and decision.action is Action.ALLOW:
        yield from attempt.close_failed(running.screening)
    else:
        yield from attempt.close_after(running.screening, held.whole())
    rest = held.stop(decision) if decision.action is not Action.ALLOW else held.rest()
    for released in rest:
        yield Release(released)


_NEXT = NextChunk()


def _advance(
    screener: Screener, request: Request, held: HeldBack[Any], running: StageResult
) -> Flow[StageResult]:
    """Screen at every place that is due; what comes of it, a stop being the last."""
    while held.advance():
        near = held.near()
        if near is not None:
            found = yield from screener.output(request, near, running, Stage.STREAM)
            if _allowed(found):
                held.clear(broad=False)
                continue
        found = yield from screener.output(request, held.wide(), running, Stage.STREAM)
        if _allowed(found):
            running = found
            held.clear(broad=True)
        elif not held.doubt():
            return found
    return running


def _allowed(result: StageResult) -> bool:
    return result.screening.decision.action is Action.ALLOW


class _Attempt:
    """An opened entry and what is needed to close it."""

    def __init__(self, opened: AttemptOpened) -> None:
        self.opened = opened

    def close(self, screening: Screening, outcome: Outcome, **fields: Any) -> Flow[AttemptClosed]:
        decision, facts = screening.decision, screening.facts
        fields.setdefault("scans", screening.scans)
        closed = AttemptClosed(self.opened, outcome, decision, facts, **fields)
        yield CloseEntry(closed)
        return closed

    def close_after(self, screening: Screening, output: Output) -> Flow[AttemptClosed]:
        outcome = _OUTCOMES[screening.decision.action]
        digest = _digest(output) if outcome is Outcome.RELEASED else ""
        return self.close(screening, outcome, model_called=True, output_sha256=digest)

    def close_failed(self, screening: Screening) -> Flow[AttemptClosed]:
        return self.close(screening, Outcome.FAILED, model_called=True, error=TOLD)

    def abort(
        self,
        problem: BaseException,
        screening: Screening | None = None,
        *,
        model_called: bool = True,
    ) -> Flow[None]:
        outcome = Outcome.FAILED if isinstance(problem, Exception) else Outcome.CANCELLED
        known = screening or self._input()
        error = type(problem).__name__
        yield from self.close(known, outcome, model_called=model_called, error=error)

    def stopped(self, decision: Decision) -> RequestStopped | None:
        if decision.action is Action.ALLOW:
            return None
        kind = RequestRefused if decision.action is Action.REFUSE else RequestGated
        message = message_for(decision, self.opened.request.caller)
        return kind(decision, message, attempt=self.opened.id)

    def _input(self) -> Screening:
        return Screening(self.opened.decision, self.opened.facts, (), 0.0)


_OUTCOMES = {
    Action.ALLOW: Outcome.RELEASED,
    Action.GATE: Outcome.GATED,
    Action.REFUSE: Outcome.REFUSED,
}


def _begin(screener: Screener, request: Request) -> Flow[tuple[StageResult, _Attempt]]:
    stage = yield from screener.request(request)
    seen = stage.screening
    if seen.problem != request.problem:
        request = replace(request, problem=seen.problem)
    opened = AttemptOpened(request, seen.decision, seen.facts, seen.scans)
    attempt = _Attempt(opened)
    try:
        yield OpenEntry(opened)
    except LogUnavailable:
        raise
    except BaseException as problem:
        yield from attempt.abort(problem, model_called=False)
        raise
    if stopped := attempt.stopped(seen.decision):
        yield from attempt.close(seen, _OUTCOMES[seen.decision.action], scans=())
        raise stopped
    return stage, attempt


def _call_model() -> Flow[Any]:
    return (yield CallModel())


def _guarded(attempt: _Attempt, steps: Flow[R]) -> Flow[R]:
    """Run steps of an opened attempt; close its entry if anything at all goes wrong."""
    try:
        return (yield from steps)
    except BaseException as problem:
        yield from attempt.abort(problem)
        raise


def _read(read: Callable[[R], Output], reply: R) -> Output:
    try:
        return read(reply)
    except Exception as problem:  # noqa: BLE001  a reply nobody can read must not pass
        return Output(problem=f"the reply could not be read ({type(problem).__name__})")


def _digest(output: Output) -> str:
    return hashlib.sha256(
        "\0".join(part.text for part in output.parts).encode("utf-8", "surrogatepass")
    ).hexdigest()
