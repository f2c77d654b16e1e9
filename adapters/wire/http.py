"""HTTP as the codecs see it: a call, its body, a whole reply, a streamed reply."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from io import SEEK_END
from typing import BinaryIO, Protocol

Headers = Sequence[tuple[str, str]]
"""Name and value pairs as received; names in any case."""

_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of a call: in memory, or in a file when they are many.

    file: read from its start each time; whoever opened it closes it.
    """

    data: bytes = field(default=b"", repr=False)
    file: BinaryIO | None = field(default=None, repr=False)

    def whole(self) -> bytes:
        """All bytes, in memory."""
        return self.data if self.file is None else b"".join(self.chunks())

    def chunks(self, size: int = _CHUNK) -> Iterator[bytes]:
        """The bytes from the start, `size` at a time at most."""
        if self.file is None:
            yield from (self.data[at : at + size] for at in range(0, len(self.data), size))
            return
        self.file.seek(0)
        while chunk := self.file.read(size):
            yield chunk

    def size(self) -> int:
        """How many bytes there are."""
        return len(self.data) if self.file is None else self.file.seek(0, SEEK_END)

    def close(self) -> None:
        """Close the file, if there is one."""
        if self.file is not None:
            self.file.close()


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request as the client sent it.

    method: upper case. path: as sent, without the query.
    """

    method: str
    path: str
    query: str = ""
    headers: Headers = ()
    body: Body = Body()

    def header(self, name: str) -> str:
        """The value of a header; several are joined by `, `, none is the empty string."""
        return joined(self.headers, name)

    @property
    def media_type(self) -> str:
        """The content type without its parameters, lower case; empty when there is none."""
        return media_type(self.header("content-type"))


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole HTTP response."""

    status: int
    headers: Headers = ()
    body: bytes = field(default=b"", repr=False)

    @classmethod
    def of(cls, status: int, value: Mapping[str, object], *headers: tuple[str, str]) -> Reply:
        """A JSON reply."""
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        return cls(status, (("content-type", "application/json"), *headers), body)

    @property
    def media_type(self) -> str:
        """As `Call.media_type`."""
        return media_type(joined(self.headers, "content-type"))


class Upstream(Protocol):
    """The model's HTTP response as it arrives; its bytes already freed of content encodings."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Headers:
        """The headers."""
        ...

    def __iter__(self) -> Iterator[bytes]:
        """The body, piece by piece."""
        ...

    def close(self) -> None:
        """Hang up."""
        ...


class AsyncUpstream(Protocol):
    """As `Upstream`, under asyncio."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Headers:
        """The headers."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The body, piece by piece."""
        ...

    async def aclose(self) -> None:
        """Hang up."""
        ...


def joined(headers: Headers, name: str) -> str:
    """The value of a header; several are joined by `, `, none is the empty string."""
    return ", ".join(value for key, value in headers if key.lower() == name)


def media_type(content_type: str) -> str:
    """A content type without its parameters, lower case."""
    return content_type.partition(";")[0].strip().lower()


def parameter(content_type: str, name: str) -> str:
    """A parameter of a content type, such as `boundary`; empty when there is none."""
    if ";" not in content_type:
        return ""
    message = Message()
    message["content-type"] = content_type
    return str(message.get_param(name, ""))
