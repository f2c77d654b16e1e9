"""What is asked, by whom."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal


class Operation(StrEnum):
    """What kind of generation is asked for."""

    CHAT = "chat"
    TEXT = "text"
    IMAGE_GENERATE = "image.generate"
    IMAGE_EDIT = "image.edit"
    IMAGE_VARIATION = "image.variation"
    VIDEO_GENERATE = "video.generate"
    VIDEO_EDIT = "video.edit"

    @property
    def visual(self) -> bool:
        """Whether the result is a picture or a film."""
        return self.value.startswith(("image.", "video."))

    @property
    def edits(self) -> bool:
        """Whether the result is made from an uploaded picture or film."""
        return self.value.endswith((".edit", ".variation"))


class Stage(StrEnum):
    """Where in the way of a request a decision was taken."""

    INPUT = "input"
    OUTPUT = "output"
    STREAM = "stream"


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    """The law a caller is under.

    code: ISO 3166-1 alpha-2 or 3166-2 in upper case, empty when unknown.
    source: where the embedding application has it from, such as "billing" or "ip".
    confidence: [0, 1].
    """

    code: str = ""
    source: str = ""
    confidence: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "code", self.code.strip().upper())
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"jurisdiction confidence {self.confidence} is outside [0, 1]")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, from the embedding application's own records, never from the client's words.

    language: BCP 47 tag for messages to the user; empty: taken from the jurisdiction.
    """

    id: str = ""
    tier: str = "free"
    age_verified: bool = False
    jurisdiction: Jurisdiction = Jurisdiction()
    app: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Image:
    """An uploaded picture: its bytes, or the reason they could not be read.

    sha256: hex digest of the bytes as received; empty when there are none.
    """

    data: bytes | None = field(default=None, repr=False)
    problem: str = ""
    sha256: str = field(init=False, default="")

    def __post_init__(self) -> None:
        if self.data is None and not self.problem:
            raise ValueError("an Image needs its bytes or the reason they are missing")
        if self.data is not None:
            object.__setattr__(self, "sha256", hashlib.sha256(self.data).hexdigest())


Origin = Literal["prompt", "message", "tool_arguments", "output"]


@dataclass(frozen=True, slots=True)
class TextPart:
    """One text of a request or of its output; findings count parts in order from 0.

    role: who said it (`user`, `assistant`, `system`, `tool`, ...).
    turn: index of the message it stands in; 0 for a bare prompt.
    offset: code points of the whole text before this one, where it is the end of a stream so far.
    """

    text: str = field(repr=False)
    role: str = "user"
    origin: Origin = "prompt"
    turn: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """One generation request.

    parts: the prompt, or the message contents in order, or both (prompt first).
    problem: why the request could not be read in full; empty when it could. Fails closed.
    """

    operation: Operation = Operation.CHAT
    parts: tuple[TextPart, ...] = ()
    images: tuple[Image, ...] = ()
    caller: Caller = Caller()
    conversation: str = ""
    model: str = ""
    problem: str = ""

    @classmethod
    def of(
        cls,
        prompt: str,
        operation: Operation = Operation.CHAT,
        *,
        images: tuple[Image, ...] = (),
        caller: Caller = Caller(),
    ) -> Request:
        """A request with a single prompt."""
        return cls(operation, (TextPart(prompt),), images, caller)


@dataclass(frozen=True, slots=True)
class Output:
    """What a model gave back, as far as it can be screened.

    parts: assistant texts and tool-call arguments, `origin` telling them apart.
    images: generated pictures that came as bytes.
    problem: why it could not be read in full; empty when it could. Fails closed.
    """

    parts: tuple[TextPart, ...] = ()
    images: tuple[Image, ...] = ()
    problem: str = ""
