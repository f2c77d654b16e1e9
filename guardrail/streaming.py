"""What is held back of a stream until it is cleared."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, runtime_checkable

from guardrail.records import Decision, Origin, Output, TextPart

HOLD_BACK = 48
"""Code points behind the newest that stay unreleased: a term cut by a chunk border ends in it."""
STEP = 16
"""Code points of new text after which the window is screened again."""
WINDOW = 2_000
"""Code points of each channel that are screened again with what is new."""

C = TypeVar("C")
C_contra = TypeVar("C_contra", contravariant=True)


class StreamReader(Protocol[C]):
    """Knows one framework's chunks."""

    def read(self, chunk: C) -> Sequence[tuple[str, str]]:
        """The text in a chunk as (channel, delta) pairs; a channel such as `content:0`."""
        ...

    def stop(self, decision: Decision) -> C | None:
        """The last chunk of a stopped stream (`finish_reason="content_filter"`), if any."""
        ...


@runtime_checkable
class Recalls(Protocol[C_contra]):
    """A reader whose last chunk depends on how far the client has come."""

    def recall(self, unreleased: Sequence[C_contra], /) -> None:
        """Forget chunks that were read and never released; called before `stop`."""
        ...


@dataclass(frozen=True, slots=True)
class _Held(Generic[C]):
    chunk: C
    ends: dict[str, int]


class HeldBack(Generic[C]):
    """Chunks in order, and how far each channel's text is cleared.

    A chunk is released when all text in it, and all before it, is cleared.
    """

    def __init__(self, reader: StreamReader[C]) -> None:
        self._reader = reader
        self._held: deque[_Held[C]] = deque()
        self._texts: dict[str, list[str]] = {}
        self._lengths: dict[str, int] = {}
        self._cleared: dict[str, int] = {}
        self._unseen = 0
        self._problem = ""

    def add(self, chunk: C) -> None:
        """Take in a chunk; one that cannot be read clears nothing any more."""
        ends: dict[str, int] = {}
        try:
            deltas = self._reader.read(chunk)
        except Exception as problem:  # noqa: BLE001  a chunk nobody can read must not pass
            self._problem = f"a chunk could not be read ({type(problem).__name__})"
            deltas = ()
        for channel, delta in deltas:
            self._texts.setdefault(channel, []).append(delta)
            ends[channel] = self._lengths[channel] = self._lengths.get(channel, 0) + len(delta)
            self._unseen += len(delta)
        self._held.append(_Held(chunk, ends))

    @property
    def due(self) -> bool:
        """Whether enough is new to screen again."""
        return self._unseen >= STEP or bool(self._problem)

    def window(self) -> Output:
        """The newest text of each channel."""
        return self._output(WINDOW)

    def whole(self) -> Output:
        """All text of each channel."""
        return self._output(None)

    def clear(self) -> None:
        """What was screened is in order: all but the newest `HOLD_BACK` code points."""
        self._unseen = 0
        for channel, length in self._lengths.items():
            self._cleared[channel] = length - HOLD_BACK

    def cleared(self) -> Iterator[C]:
        """Take out the chunks that may go."""
        while self._held and self._is_cleared(self._held[0]):
            yield self._held.popleft().chunk

    def rest(self) -> Iterator[C]:
        """Take out all that is left, once the whole is in order."""
        while self._held:
            yield self._held.popleft().chunk

    def stop(self, decision: Decision) -> Iterator[C]:
        """Drop all that is left; what the client gets instead."""
        if isinstance(self._reader, Recalls):
            self._reader.recall([held.chunk for held in self._held])
        self._held.clear()
        last = self._reader.stop(decision)
        if last is not None:
            yield last

    def _is_cleared(self, held: _Held[C]) -> bool:
        return all(end <= self._cleared.get(channel, 0) for channel, end in held.ends.items())

    def _output(self, limit: int | None) -> Output:
        parts: list[TextPart] = []
        for channel, pieces in self._texts.items():
            text = "".join(pieces)
            self._texts[channel] = [text]
            origin: Origin = "tool_arguments" if channel.startswith("tool") else "output"
            start = 0 if limit is None else _word_start(text, len(text) - limit)
            parts.append(TextPart(text[start:], "assistant", origin, offset=start))
        return Output(tuple(parts), problem=self._problem)


def _word_start(text: str, near: int) -> int:
    """The first start of a word at or after `near`, so that a window begins with a whole one."""
    if near <= 0:
        return 0
    space = text.find(" ", near, near + HOLD_BACK)
    return near if space < 0 else space + 1
