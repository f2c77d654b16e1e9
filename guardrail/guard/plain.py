"""The flow driven in plain code."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from threading import Lock
from typing import Any, Generic, TypeVar

from guardrail.flow import (
    CallModel,
    CloseEntry,
    Effect,
    Flow,
    NextChunk,
    OpenEntry,
    Release,
    Released,
    call_flow,
    stream_flow,
)
from guardrail.guard.driver import Driver, Steps, Which, no_model
from guardrail.readers import StreamReader
from guardrail.records import AttemptOpened, Output, Request
from guardrail.screening import AskDetector, Keep, Recall, Screening

R = TypeVar("R")
C = TypeVar("C")


class Guard(Driver):
    """Drives the flow in plain code; safe to share between threads."""

    def screen(self, request: Request, *, facts: Which = "needed") -> Screening:
        """Decide, and nothing else: no model is called and nothing is logged.

        facts: `needed` asks only the detectors whose answer can change the decision.
        """
        steps = self._screener.request(request, everything=facts == "all")
        return self._run(steps, _Source(no_model)).screening

    def call(self, request: Request, model: Callable[[], R], read: Callable[[R], Output]) -> R:
        """Call `model` if the policy allows, and release what it returns if that may be shown.

        read: turns the reply into what can be screened; if it raises, the reply is not released.
        Raises RequestRefused, RequestGated, LogUnavailable, and whatever `model` raises.
        """
        return self.run(request, model, read).reply

    def run(
        self, request: Request, model: Callable[[], R], read: Callable[[R], Output]
    ) -> Released[R]:
        """Like `call`, with the closed attempt beside the reply."""
        return self._run(call_flow(self._screener, request, read), _Source(model))

    def stream(
        self, request: Request, model: Callable[[], Iterable[C]], reader: StreamReader[C]
    ) -> GuardedStream[C]:
        """Like `call` for a reply in chunks; a refusal of the request is raised here, at once."""
        return GuardedStream(self, stream_flow(self._screener, request, reader), model)

    def _run(self, steps: Steps[R], source: _Source) -> R:
        try:
            effect = next(steps)
            while True:
                effect = self.step(steps, effect, source)
        except StopIteration as end:
            result: R = end.value
            return result

    def step(self, steps: Steps[R], effect: Effect, source: _Source) -> Effect:
        """Perform one effect; return the next. Whatever goes wrong goes into the flow."""
        following: Effect
        try:
            answer = self._perform(effect, source)
        except BaseException as problem:  # noqa: BLE001  the flow closes the entry and re-raises
            following = steps.throw(problem)
        else:
            following = steps.send(answer)
        return following

    def _perform(self, effect: Effect, source: _Source) -> Any:
        match effect:
            case AskDetector(detector, document, limit):
                return self._scanner.scan(detector, document, limit)
            case Recall() | Keep():
                return self._conversation(effect)
            case OpenEntry(entry):
                self.log.open(entry)
            case CloseEntry(entry):
                self.log.close(entry)
            case CallModel():
                return source.call()
            case NextChunk():
                return source.next()
            case Release():
                pass
        return None


class GuardedStream(Generic[C]):
    """The chunks that may be shown; closing it early, or dropping it, closes the entry too.

    attempt: as it was opened, before the model was called.
    """

    attempt: AttemptOpened

    def __init__(self, guard: Guard, flow: Flow[None], model: Callable[[], Iterable[C]]) -> None:
        self._guard = guard
        self._flow = flow
        self._source = _Source(model)
        self._pending: Effect | None = None
        self._taking = Lock()
        self._running = self._closing = False
        effect = next(flow)
        while not isinstance(effect, NextChunk):
            if isinstance(effect, OpenEntry):
                self.attempt = effect.entry
            effect = guard.step(flow, effect, self._source)
        self._pending = effect

    def __iter__(self) -> Iterator[C]:
        return self

    def __next__(self) -> C:
        with self._taking:
            effect, self._pending = self._pending, None
            self._running = effect is not None
        if effect is None:
            raise StopIteration
        try:
            effect = self._guard.step(self._flow, effect, self._source)
            while not isinstance(effect, Release):
                if self._closing and isinstance(effect, NextChunk):
                    break
                effect = self._guard.step(self._flow, effect, self._source)
        except BaseException:
            self._source.close()
            raise
        with self._taking:
            self._pending, self._running = effect, False
        if self._closing:
            self.close()
        if not isinstance(effect, Release) or self._closing:
            raise StopIteration
        chunk: C = effect.chunk
        return chunk

    def close(self) -> None:
        """End the stream here; the entry is closed as cancelled unless it was complete.

        Safe to call twice. While another thread waits for a chunk, that thread closes the stream
        once it has one.
        """
        with self._taking:
            effect, self._pending = self._pending, None
            self._closing = self._closing or self._running
        if effect is None:
            return
        try:
            with contextlib.suppress(GeneratorExit, StopIteration):
                effect = self._flow.throw(GeneratorExit())
                while True:
                    effect = self._guard.step(self._flow, effect, self._source)
        finally:
            self._source.close()

    def __enter__(self) -> GuardedStream[C]:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_pending", None) is not None:
            self.close()


class _Source:
    """The model behind a flow: called once, then asked for chunks where it streams."""

    def __init__(self, model: Callable[[], Any]) -> None:
        self._model = model
        self._reply: Any = None
        self._iterator: Iterator[Any] | None = None

    def call(self) -> Any:
        self._reply = self._model()
        return self._reply

    def next(self) -> list[Any]:
        if self._iterator is None:
            self._iterator = iter(self._reply)
        for chunk in self._iterator:
            return [chunk]
        return []

    def close(self) -> None:
        close = getattr(self._reply, "close", None)
        if close is not None:
            close()
