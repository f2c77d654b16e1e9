"""A guarded stream that is handed its chunks, instead of asking for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from guardrail.flow import Flow, NextChunk, Release, stream_flow
from guardrail.guard import Guard, GuardedStream
from guardrail.records import Decision, Request, TextPart

END = "\x03"
"""A chunk that says that all is said (ETX); guardrails-ai swallows empty ones."""


class Streams(str):  # noqa: SLOT000  a str with fields of its own has none
    """What the validators of one stream know of it, each by its id; ended: END has come.

    It travels in guardrails-ai's metadata, and is a mere word to whoever writes that down.
    """

    watched: dict[int, Watched]
    ended: bool

    def __new__(cls) -> Streams:  # noqa: PYI034  there are no subclasses
        """One that knows nothing yet."""
        made = super().__new__(cls, "in memory")
        made.watched, made.ended = {}, False
        return made


class Watched:
    """One stream as one validator sees it: its text, and nothing of any other stream.

    request: what it answers. run: what came since the last end; None before the first chunk.
    """

    def __init__(self, guard: Guard, request: Request) -> None:
        self.run: Pushed | None = None
        self._guard = _Pushing.beside(guard)
        self.request = request

    def take(self, chunk: str, *, last: bool) -> str:
        """What may be shown now that `chunk` has come; `last`: all is said for now.

        Raises RequestStopped where the request itself may not go on, and whatever a log raises.
        """
        if self.run is None or (self.run.ended and chunk):
            self.run = self._guard.pushed(self._next(self.run))
        released = self.run.push([chunk]) if chunk else ""
        return released + self.run.push([]) if last and self.run.held else released

    def _next(self, last: Pushed | None) -> Request:
        """The request, with what an ended run said where the stream goes on after all."""
        if last is not None:
            said = TextPart(last.text, "assistant", "message", turn=last.part)
            self.request = replace(self.request, parts=(*self.request.parts, said))
        return self.request


class Pushed(GuardedStream[str]):
    """A guarded stream that goes as far as its chunks do.

    part: the index of its text among the parts that findings count. shown: code points released.
    held: what came after them. ended: its end has come, and the rest was released.
    """

    def __init__(self, guard: _Pushing, request: Request) -> None:
        self._reader = _Reader()
        self.part = len(request.parts)
        self.text = self.held = ""
        self.shown = 0
        self.ended = False
        super().__init__(guard, guard.flow(request, self._reader), list)

    @property
    def decision(self) -> Decision | None:
        """The decision that stopped it; nothing more is released then."""
        return self._reader.decision

    def push(self, chunks: list[str]) -> str:
        """Take in a chunk, none as the end; what may be shown now."""
        self.text += "".join(chunks)
        self.held += "".join(chunks)
        released = "".join(self._fed(chunks))
        self.shown += len(released)
        self.held = self.held[len(released) :]
        return released

    def _fed(self, chunks: list[str]) -> Iterator[str]:
        waiting, self._pending = self._pending, None
        if waiting is None:
            return
        try:
            effect = self._flow.send(chunks)
            while not isinstance(effect, NextChunk):
                if isinstance(effect, Release):
                    yield effect.chunk
                effect = self._guard.step(self._flow, effect, self._source)
        except StopIteration:
            self.ended = self.decision is None
            return
        self._pending = effect


class _Pushing(Guard):
    """A guard whose streams are handed their chunks."""

    def pushed(self, request: Request) -> Pushed:
        return Pushed(self, request)

    def flow(self, request: Request, reader: _Reader) -> Flow[None]:
        return stream_flow(self._screener, request, reader)


class _Reader:
    """Every chunk is a text; remembers what stopped the stream."""

    def __init__(self) -> None:
        self.decision: Decision | None = None

    def read(self, chunk: str) -> Sequence[tuple[str, str]]:
        return [("content", chunk)]

    def stop(self, decision: Decision) -> None:
        self.decision = decision
