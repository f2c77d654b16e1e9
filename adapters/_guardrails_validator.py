"""What all our guardrails-ai validators do; each brings a guard of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from contextvars import Context, ContextVar
from functools import partial
from typing import Any, Literal, cast

from guardrail.adapters import _guardrails_support as support
from guardrail.adapters._guardrails_stream import END, Streams, Watched
from guardrail.adapters._guardrails_support import ErrorSpan, FailResult, PassResult, Validator
from guardrail.errors import ConfigurationError, RequestStopped
from guardrail.flow import Released
from guardrail.guard import AsyncGuard, Guard, UnsafeNoLog
from guardrail.messages import message_for
from guardrail.records import AttemptClosed, AttemptOpened, Decision, Operation, Output, Request

On = Literal["output", "messages"]

_MISLEADING = frozenset({"fix", "reask", "fix_reask"})
_IN_STREAMS = frozenset({"exception", "noop"})
_STREAMS = "guard_streams"
_OF_CONTEXT: ContextVar[Streams] = ContextVar(_STREAMS)


class PolicyPass(PassResult):
    """A text that may go on.

    decision: `attempt` (its id in the log), `action`, `rule`, `reason`, `obligations`.
    """

    decision: Mapping[str, Any]


class PolicyFail(FailResult):
    """A text that may not; `decision` as PolicyPass has it. No text of the request is in it."""

    decision: Mapping[str, Any]


class NoLog(UnsafeNoLog):
    """The same for an event loop, without a thread for each entry kept nowhere."""

    async def aopen(self, entry: AttemptOpened) -> None:
        """Forget the entry."""

    async def aclose(self, entry: AttemptClosed) -> None:
        """Forget the entry."""


class Screened(Validator):
    """A validator that has a guard decide.

    In a stream the text is held back until it is cleared, as everywhere in Guardrail, wherever its
    chunks end and in whatever script; the state of a stream is kept with the stream.
    """

    override_value_on_pass = True

    def __init__(self, guard: Guard, on: On, operation: str, on_fail: Any, **kwargs: Any) -> None:
        if on not in ("output", "messages"):
            raise ConfigurationError(f"on is 'output' or 'messages', not {on!r}")
        if operation not in tuple(Operation):
            raise ConfigurationError(f"operation is one of {', '.join(Operation)}, not {operation}")
        self._guard, self._on, self._operation = guard, on, Operation(operation)
        self._aguard = AsyncGuard.beside(guard)
        super().__init__(on_fail, on=on, operation=operation, **kwargs)

    @property
    def on_fail_descriptor(self) -> Any:
        """What guardrails-ai does on failure, one of its OnFailAction."""
        return self._on_fail

    @on_fail_descriptor.setter
    def on_fail_descriptor(self, action: Any) -> None:
        if _word(action) in _MISLEADING:
            raise ConfigurationError(
                f"on_fail={_word(action)} makes guardrails-ai report a refused text as passed "
                "(validation_passed is true): use exception, filter, refrain or noop"
            )
        if _word(action) == "noop" and not isinstance(self._guard.log, UnsafeNoLog):
            raise ConfigurationError(
                "on_fail=noop shows what the log says was refused: use exception, filter or "
                "refrain, or give no log"
            )
        self._on_fail = action

    def _validate(self, value: Any, metadata: dict[str, Any]) -> PassResult | FailResult:
        request = self._request(value, metadata)
        try:
            released = self._guard.run(request, lambda: value, self._read)
        except RequestStopped as stopped:
            return self._failed(stopped, request, value)
        return _passed(released)

    async def async_validate(self, value: Any, metadata: dict[str, Any]) -> PassResult | FailResult:
        """As `validate`; guardrails-ai calls this, and would start a thread for it each time."""
        request = self._request(value, metadata)

        async def said() -> Any:
            return value

        try:
            released = await self._aguard.run(request, said, self._read)
        except RequestStopped as stopped:
            return self._failed(stopped, request, value)
        return _passed(released)

    def _read(self, value: Any) -> Output:
        """What is screened as output: nothing where the value is a message."""
        if self._on == "messages":
            return Output()
        return support.output_of(value, self._guard.policy.limits.image_bytes)

    def _request(self, value: Any, metadata: Mapping[str, Any]) -> Request:
        limit = self._guard.policy.limits.image_bytes
        if self._on == "messages":
            return support.input_of(value, metadata, self._operation, limit)
        return support.request_of(metadata, self._operation, limit)

    def _failed(self, stopped: RequestStopped, request: Request, value: Any) -> PolicyFail:
        parts = {len(request.parts)}
        if self._on == "messages":
            parts = {index for index, part in enumerate(request.parts) if part.text == value}
        text = value if isinstance(value, str) else ""
        spans = _spans(stopped.decision, parts, 0, text)
        return _fail(stopped.decision, stopped.attempt, request, spans=spans)

    def validate_stream(
        self,
        chunk: Any,
        metadata: dict[str, Any],
        *,
        context: Context | None = None,
        **kwargs: Any,
    ) -> PassResult | FailResult:
        """Take in a chunk; the result has what may be shown now.

        Raises ConfigurationError where guardrails-ai would show text before it is screened.
        """
        self._check_stream(kwargs)
        streams = kwargs.get(_STREAMS) or metadata.get(_STREAMS) or Streams()
        streams.ended |= chunk == END
        text = "" if chunk == END else chunk
        last = streams.ended or (context is not None and not chunk)
        stream = streams.watched.get(id(self))
        if stream is None:
            request = self._request("", metadata)
            stream = streams.watched[id(self)] = Watched(self._guard, request)
        result: Any = self._taken(text, stream, last=last)
        if context is None:
            result.metadata = {**metadata, _STREAMS: streams}
        return cast("PassResult | FailResult", result)

    async def async_validate_stream(
        self, chunk: Any, metadata: dict[str, Any], **kwargs: Any
    ) -> PassResult | FailResult:
        """As `validate_stream`, in a worker thread."""
        if (context := kwargs.get("context")) is not None:
            kwargs[_STREAMS] = _of(context)  # here, as a context is entered by one thread at a time
        work = partial(self.validate_stream, chunk, metadata, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(None, work)

    def _check_stream(self, given: Collection[str]) -> None:
        if self._on != "output":
            raise ConfigurationError("a validator made with on='messages' reads no output")
        if _word(self._on_fail) not in _IN_STREAMS:
            raise ConfigurationError(
                f"on_fail={_word(self._on_fail)} stops no stream of guardrails-ai: use exception"
            )
        if "remainder" in given:
            raise ConfigurationError(
                "a synchronous stream is not held back where another validator of the same Guard "
                "has on_fail=fix: use two Guards, or an AsyncGuard"
            )

    def _taken(self, chunk: str, stream: Watched, *, last: bool) -> PassResult | FailResult:
        watching, request = _word(self._on_fail) == "noop", stream.request
        try:
            released = stream.take(chunk, last=last)
        except RequestStopped as stopped:
            return _fail(stopped.decision, stopped.attempt, request, validated_chunk=chunk)
        run = stream.run
        if run is not None and run.decision is not None:
            start = len(run.text) - len(chunk) if watching else run.shown
            text = run.text[start:]
            spans = _spans(run.decision, {run.part}, start, text)
            return _fail(run.decision, run.attempt.id, request, spans=spans, validated_chunk=text)
        shown = chunk if watching else released
        return PassResult(value_override=shown, validated_chunk=shown)


def _of(context: Context) -> Streams:
    """The streams of the context that guardrails-ai makes for each asynchronous stream."""
    streams = context.get(_OF_CONTEXT)
    if streams is None:
        streams = Streams()
        context.run(_OF_CONTEXT.set, streams)
    return streams


def _fail(
    decision: Decision,
    attempt: str,
    request: Request,
    *,
    spans: list[ErrorSpan] | None = None,
    **fields: Any,
) -> PolicyFail:
    said = message_for(decision, request.caller)
    return PolicyFail(
        error_message=f"{said} [{decision.reason}]",
        error_spans=spans,
        decision=_told(decision, attempt),
        **fields,
    )


def _passed(released: Released[Any]) -> PolicyPass:
    attempt = released.attempt
    return PolicyPass(decision=_told(attempt.decision, attempt.id))


def _told(decision: Decision, attempt: str) -> dict[str, Any]:
    return {
        "attempt": attempt,
        "action": decision.action.label,
        "rule": decision.rule,
        "reason": decision.reason,
        "obligations": list(decision.obligations),
    }


def _spans(decision: Decision, parts: Collection[int], start: int, text: str) -> list[ErrorSpan]:
    """Where the findings lie in `text`, which begins `start` code points into its part."""
    found = sorted(set(_placed(decision, parts, start, len(text)))) or [(0, len(text))]
    return [ErrorSpan(start=a, end=b, reason=decision.reason) for a, b in found]


def _placed(
    decision: Decision, parts: Collection[int], start: int, length: int
) -> Iterator[tuple[int, int]]:
    for finding in decision.findings:
        if (span := finding.span) is not None and span.part in parts:
            first, last = max(span.start - start, 0), min(span.end - start, length)
            if first < last:
                yield first, last


def _word(action: object) -> str:
    """The name of an OnFailAction, or of a string that stands for one."""
    return str(getattr(action, "value", action)).lower()
