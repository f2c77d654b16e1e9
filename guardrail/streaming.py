"""What is held back of a stream until it is cleared.

The text of a channel is screened at fixed places of it, wherever chunks begin and end: what a
stream that is stopped has released depends on its text alone.
"""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from guardrail.policy.rule import HOLD_BACK
from guardrail.readers import Cutter, Ending, Failing, Recalls, StreamReader
from guardrail.records import Decision, Origin, Output, TextPart
from guardrail.text.borders import RUN, joined, settled, word_start, words_end

STEP, LONGEST_STEP = 16, 64
"""Code points after which a channel is screened again: few at its start, more as it grows."""
WINDOW = 2_000
"""Code points of a channel that are screened with what is new, before anything is stopped."""
CONTEXT = 256
"""Code points screened with what is new since the whole window was."""
BROAD = 512
"""Code points after which the whole window is screened whatever was seen."""
_SHARE = 16
_OTHERS = 10

C = TypeVar("C")


@dataclass(slots=True)
class _Channel:
    """One text of the stream; positions are code points from its beginning.

    taken: read from chunks. length: looked at so far. due: where it is screened next.
    cleared: what may be released. broad: what a whole window has covered. doubted: whether it
    was last found forbidden.
    total, beside: code points of the stream, and of its choice, when this channel last grew.
    """

    name: str
    due: int
    pieces: list[str] = field(default_factory=list)
    tail: str = ""
    half: str = ""
    taken: int = 0
    length: int = 0
    cleared: int = 0
    broad: int = 0
    doubted: bool = False
    total: int = 0
    beside: int = 0

    @property
    def choice(self) -> str:
        return (*self.name.split(":", 2), "")[1]

    @property
    def start(self) -> int:
        return self.length - len(self.tail)

    def feed(self, text: str, keep: int) -> None:
        self.pieces.append(text)
        self.tail = (self.tail + text)[-keep:]
        self.length += len(text)

    def part(self, start: int, end: int) -> TextPart:
        low = word_start(self.tail, start - self.start)
        origin: Origin = "tool_arguments" if self.name.startswith("tool") else "output"
        text = self.tail[low : end - self.start]
        return TextPart(text, "assistant", origin, offset=self.start + low)


@dataclass(slots=True)
class _Piece:
    """Text of a channel that is still to be looked at; without text: its end, or a problem."""

    channel: _Channel | None
    text: str = ""
    at: int = 0


@dataclass(frozen=True, slots=True)
class _Held(Generic[C]):
    """A chunk, and where its texts stand in their channels. ends: whether it ends one."""

    chunk: C
    places: tuple[tuple[_Channel, int, int], ...]
    ends: bool = False


@dataclass(frozen=True, slots=True)
class _Due:
    """What is to be screened of a channel: up to `end`; `final`: it stands still."""

    channel: _Channel | None
    end: int = 0
    final: bool = False


class HeldBack(Generic[C]):
    """Chunks in order, and how far each channel's text is cleared.

    A chunk is released when all text in it, and all before it, is cleared.

    hold_back: code points; `all` clears nothing before the end. most: code points before the
    reply is too long to be screened. failed: whether a chunk told that the model failed.
    """

    def __init__(
        self,
        reader: StreamReader[C],
        hold_back: int | Literal["all"] = HOLD_BACK,
        most: int = 200_000,
    ) -> None:
        self._reader = reader
        self._ending = reader if isinstance(reader, Ending) else None
        self._failing = reader if isinstance(reader, Failing) else None
        self.failed = False
        self._all = hold_back == "all"
        self._back = HOLD_BACK if hold_back == "all" else hold_back
        self._keep = max(WINDOW, self._back + RUN) + 2 * BROAD
        self._most = most
        self._held: deque[_Held[C]] = deque()
        self._channels: dict[str, _Channel] = {}
        self._awake: dict[str, _Channel] = {}
        self._resting: deque[_Channel] = deque()
        self._to_do: deque[_Piece] = deque()
        self._total = 0
        self._by_choice: Counter[str] = Counter()
        self._due = _Due(None)
        self._problem = ""

    def add(self, chunk: C) -> None:
        """Take in a chunk; one that cannot be read clears nothing any more."""
        places: list[tuple[_Channel, int, int]] = []
        ended: Sequence[str] = ()
        try:
            deltas = self._reader.read(chunk)
            ended = self._ending.ended(chunk) if self._ending is not None else ()
            if self._failing is not None:
                self.failed = self._failing.failed(chunk) or self.failed
        except Exception as problem:  # noqa: BLE001  a chunk nobody can read must not pass
            self._problem = f"a chunk could not be read ({type(problem).__name__})"
            self._to_do.append(_Piece(None))
            deltas = ()
        for name, delta in deltas:
            channel = self._channel(name)
            text, channel.half = joined(channel.half, delta)
            channel.taken += len(text)
            if text:
                self._to_do.append(_Piece(channel, text))
            end = channel.taken + len(channel.half)
            places.append((channel, end - len(delta), end))
        over = [self._channels[name] for name in ended if name in self._channels]
        self._to_do.extend(map(_Piece, over))
        self._held.append(_Held(chunk, tuple(places), ends=bool(over)))

    def advance(self) -> bool:
        """Look on to the next place where something is to be screened; False where none is left."""
        while not self._resting and self._to_do:
            piece = self._to_do[0]
            if piece.at < len(piece.text):
                if self._look_at(piece):
                    return True
            else:
                self._to_do.popleft()
                if piece.channel is None:
                    self._due = _Due(None)
                    return True
                if not piece.text and not self._all and piece.channel.name in self._awake:
                    self._resting.append(piece.channel)
        if self._resting:
            channel = self._resting.popleft()
            self._due = _Due(channel, channel.length, final=True)
            return True
        return False

    def near(self) -> Output | None:
        """What is new of the channel that is due, with some context; None where that is not enough.

        What is found in it is only believed once `wide` shows it too.
        """
        due, channel = self._due, self._due.channel
        if channel is None or due.final or due.end - channel.broad >= BROAD:
            return None
        return Output((channel.part(channel.broad - CONTEXT, due.end),))

    def wide(self) -> Output:
        """The whole window of the channel that is due."""
        due, channel = self._due, self._due.channel
        if channel is None:
            newest = (c.part(c.length - WINDOW, c.length) for c in self._channels.values())
            return Output(tuple(newest), problem=self._problem)
        return Output((channel.part(due.end - WINDOW, due.end),), problem=self._problem)

    def whole(self) -> Output:
        """All text of each channel."""
        return Output(tuple(map(_whole, self._channels.values())), problem=self._problem)

    def doubt(self) -> bool:
        """What was screened is forbidden; whether that may yet change, as a word may go on.

        Nothing more is cleared until some more text was screened. What is found forbidden then,
        too, is.
        """
        due, channel = self._due, self._due.channel
        if channel is None or due.final or channel.doubted:
            return False
        channel.doubted = True
        channel.due = channel.length + STEP
        return True

    def clear(self, *, broad: bool) -> None:
        """What was screened is in order: all of it but the newest `hold_back` code points."""
        due, channel = self._due, self._due.channel
        if channel is None:
            return
        channel.doubted = False
        if broad:
            channel.broad = due.end
        start = channel.start
        safe = settled(channel.tail, due.end - self._back - start) + start
        channel.cleared = max(channel.cleared, channel.length if due.final else safe)
        if channel.cleared >= channel.length:
            self._awake.pop(channel.name, None)

    def cleared(self) -> Iterator[C]:
        """Take out the chunks that may go.

        The newest stays where it says nothing or ends a channel: it may be the last of all, after
        which a client hangs up.
        """
        while self._held and _is_cleared(self._held[0]):
            newest = self._held[0] if len(self._held) == 1 else None
            if newest is not None and (newest.ends or not newest.places):
                return
            yield self._held.popleft().chunk

    def rest(self) -> Iterator[C]:
        """Take out all that is left, once the whole is in order."""
        while self._held:
            yield self._held.popleft().chunk

    def stop(self, decision: Decision) -> Iterator[C]:
        """What the client still gets of a stopped stream: what was cleared, and its last chunk."""
        yield from self.cleared()
        if self._held and isinstance(self._reader, Cutter):
            head = self._head(self._reader, self._held[0])
            if head is not None:
                self._held.popleft()
                yield head
        if isinstance(self._reader, Recalls):
            self._reader.recall([held.chunk for held in self._held])
        self._held.clear()
        last = self._reader.stop(decision)
        if last is not None:
            yield last

    def _channel(self, name: str) -> _Channel:
        channel = self._channels.get(name)
        if channel is None:
            channel = self._channels[name] = _Channel(name, self._back + STEP)
        return channel

    def _look_at(self, piece: _Piece) -> bool:
        """Take in text up to where something is due; whether something is."""
        channel = piece.channel
        if channel is None:
            return False
        left = self._most - self._total
        room = left if self._all else min(left, channel.due - channel.length)
        text = piece.text[piece.at : piece.at + room]
        piece.at += room
        self._grow(channel, text)
        if piece.at < len(piece.text) and room == left:
            self._problem = f"the text is longer than {self._most} characters"
            self._most = sys.maxsize
            self._due = _Due(None)
            return True
        if self._all or channel.length < channel.due:
            return False
        channel.due += min(max(channel.length // _SHARE, STEP), LONGEST_STEP)
        self._due = _Due(channel, words_end(channel.tail) + channel.start)
        self._resting.extend(c for c in self._awake.values() if self._rests(c))
        return True

    def _grow(self, channel: _Channel, text: str) -> None:
        channel.feed(text, self._keep)
        self._total += len(text)
        self._by_choice[channel.choice] += len(text)
        channel.total, channel.beside = self._total, self._by_choice[channel.choice]
        self._awake[channel.name] = channel

    def _rests(self, channel: _Channel) -> bool:
        """Whether the stream has long gone on to something else."""
        beside = self._by_choice[channel.choice] - channel.beside
        return beside >= self._back or self._total - channel.total >= _OTHERS * self._back

    def _head(self, cutter: Cutter[C], held: _Held[C]) -> C | None:
        keep = 0
        for channel, start, end in held.places:
            free = min(max(channel.cleared - start, 0), end - start)
            keep += free
            if free < end - start:
                break
        return cutter.head(held.chunk, keep) if keep else None


def _is_cleared(held: _Held[C]) -> bool:
    return all(end <= channel.cleared for channel, _, end in held.places)


def _whole(channel: _Channel) -> TextPart:
    channel.pieces = ["".join(channel.pieces)]
    origin: Origin = "tool_arguments" if channel.name.startswith("tool") else "output"
    return TextPart(channel.pieces[0] + channel.half, "assistant", origin)
