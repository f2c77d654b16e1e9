"""Server-sent events: taken apart as they arrive, put together again to be released.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import codecs
import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from dataclasses import dataclass

MAX_EVENT = 32_000_000
"""Characters of one event before the stream counts as broken."""

_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `data` is empty for a comment, which keeps a connection alive and says nothing.

    then: data of a further event that comes with it.
    """

    data: str = ""
    name: str = ""
    then: str = ""

    def __bytes__(self) -> bytes:
        head = f"event: {self.name}\n" if self.name else ""
        data = "".join(f"data: {line}\n" for line in self.data.split("\n")) if self.data else ""
        last = f"data: {self.then}\n\n" if self.then else ""
        return f"{head}{data}\n{last}".encode() if head or data else b":\n\n"


class EventParser:
    """Bytes in, events out. An event cut off by the end of the stream is never given out."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("strict")
        self._rest = ""
        self._lines: list[str] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[Event]:
        """The events that `data` completes.

        Raises ValueError where the bytes are not UTF-8 or an event is longer than `MAX_EVENT`.
        """
        text = self._rest + self._decoder.decode(data)
        at = 0
        for end in _END.finditer(text):
            if end.group() == "\r" and end.end() == len(text):
                break
            line, at = text[at : end.start()], end.end()
            if line:
                self._lines.append(line)
                self._size += len(line)
            elif (event := self._event()) is not None:
                yield event
        self._rest = text[at:]
        if self._size + len(self._rest) > MAX_EVENT:
            raise ValueError(f"an event of more than {MAX_EVENT} characters")

    def _event(self) -> Event | None:
        lines, self._lines, self._size = self._lines, [], 0
        data: list[str] = []
        name = ""
        for line in lines:
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "data":
                data.append(value)
            elif field == "event":
                name = value
        if data or name:
            return Event("\n".join(data), name)
        return Event() if lines else None


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
