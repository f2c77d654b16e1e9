"""What the stand-in server was asked, and what it is to answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DEFAULT_TEXT = "A neutral answer about the weather."


@dataclass(frozen=True, slots=True)
class Upload:
    """One field of a multipart body; `filename` is empty for a plain value."""

    name: str
    data: bytes = field(repr=False)
    filename: str = ""
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request as received: `json` for a JSON body, `fields` for a multipart one."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    json: Any = None
    fields: tuple[Upload, ...] = ()

    def values(self, name: str) -> list[bytes]:
        """List the data of every multipart field of that name, in order."""
        return [item.data for item in self.fields if item.name == name]


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer one request with.

    text: assistant text. chunks: the pieces of a streamed text; empty: one piece a word.
    reasoning: thinking text before the answer. tool_call: (function name, arguments as JSON text).
    images: picture bytes; empty: one neutral PNG for each asked for.
    status: HTTP status; 400 and above answer with an error body.
    delay: seconds before the answer; gap: seconds between chunks.
    """

    text: str = DEFAULT_TEXT
    chunks: tuple[str, ...] = ()
    reasoning: str = ""
    tool_call: tuple[str, str] | None = None
    images: tuple[bytes, ...] = ()
    status: int = 200
    delay: float = 0.0
    gap: float = 0.0

    @property
    def pieces(self) -> tuple[str, ...]:
        """The streamed text, piece by piece."""
        if self.chunks or not self.text:
            return self.chunks
        words = self.text.split(" ")
        return (words[0], *(" " + word for word in words[1:]))

    @property
    def whole(self) -> str:
        """The text in one piece."""
        return "".join(self.chunks) or self.text
