"""Server-sent events: taken apart as they arrive, put together again to be released.

An event is given out when the blank line behind it has arrived: one that the end of the stream cuts
off never is, as the standard asks. Comments say nothing and come out empty; `id`, `retry` and
fields that nobody knows are dropped, as none of the protocols guarded here uses them.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import codecs
import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from dataclasses import dataclass

MAX_EVENT = 32_000_000
"""Characters of one event before the stream counts as broken."""

_A_LINE = 64
_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}", re.ASCII)
_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `data` is empty for a comment, which keeps a connection alive and says nothing.

    name: without line ends. then: data of a further event that comes with it.
    """

    data: str = ""
    name: str = ""
    then: str = ""

    def __bytes__(self) -> bytes:
        head = f"event: {self.name}\n" if self.name else ""
        data = _data(self.data)
        last = f"{_data(self.then)}\n" if self.then else ""
        return f"{head}{data}\n{last}".encode() if head or data else f":\n\n{last}".encode()


class EventParser:
    """Bytes in, events out, in time linear in the bytes. Once it raised, it is not to be fed."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("strict")
        self._line: list[str] = []
        self._lines: list[str] = []
        self._size = 0
        self._after_return = False

    def feed(self, data: bytes) -> Iterator[Event]:
        """The events that `data` completes.

        Raises ValueError where the bytes are not UTF-8, an event is longer than `MAX_EVENT`, or its
        name may be words: nobody screens it.
        """
        text = self._decoder.decode(data)
        if self._after_return and text:
            text = text.removeprefix("\n")
            self._after_return = False
        at = 0
        for end in _END.finditer(text):
            self._take(text[at : end.start()])
            at = end.end()
            if (event := self._ended()) is not None:
                yield event
        self._take(text[at:])
        self._after_return = self._after_return or text.endswith("\r")

    def _take(self, text: str) -> None:
        if not text:
            return
        self._line.append(text)
        self._size += len(text)
        if self._size > MAX_EVENT:
            raise ValueError(f"an event of more than {MAX_EVENT} characters")

    def _ended(self) -> Event | None:
        """A line has ended; the event that it ends, if it does."""
        line = "".join(self._line)
        self._line.clear()
        if line:
            self._lines.append(line)
            self._size += _A_LINE
            return None
        lines, self._lines, self._size = self._lines, [], 0
        return _event(lines)


def events(chunks: Iterable[bytes]) -> Iterator[Event]:
    """The events of a stream of bytes."""
    parser = EventParser()
    for chunk in chunks:
        yield from parser.feed(chunk)


async def aevents(chunks: AsyncIterable[bytes]) -> AsyncIterator[Event]:
    """As `events`, under asyncio."""
    parser = EventParser()
    async for chunk in chunks:
        for event in parser.feed(chunk):
            yield event


def _event(lines: list[str]) -> Event | None:
    data: list[str] = []
    name = ""
    for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data.append(value)
        elif field == "event":
            name = value
            if value and not _NAME.fullmatch(value):
                raise ValueError("an event with a name that is none")
    if data or name:
        return Event("\n".join(data), name)
    return Event() if lines else None


def _data(text: str) -> str:
    if "\n" in text or "\r" in text:
        return "".join(f"data: {line}\n" for line in _END.split(text))
    return f"data: {text}\n" if text else ""
