"""Transcripts: `POST .../audio/transcriptions` and `.../audio/translations`.

The sound, samples of speakers' voices included, cannot be screened; the texts beside it, and every
text that is heard in it, are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from guardrail.adapters.wire.codec import Asked, Codec
from guardrail.adapters.wire.content import IDENTIFIER, Content, get
from guardrail.adapters.wire.http import Call, Reply
from guardrail.adapters.wire.multipart import arguments, form
from guardrail.adapters.wire.openai.dialect import DIALECT
from guardrail.adapters.wire.openai.events import loaded
from guardrail.adapters.wire.openai.fields import Known
from guardrail.adapters.wire.pieces import delta_rest
from guardrail.adapters.wire.replied import LIMIT_BYTES
from guardrail.adapters.wire.sse import Event
from guardrail.adapters.wire.strict import reply_object
from guardrail.records import Decision, Operation, Output, TextPart

SETTINGS = frozenset(
    {
        "chunking_strategy", "include", "language", "languages",
        "model", "response_format", "stream", "temperature", "timestamp_granularities",
    }
)  # fmt: skip
"""Fields that steer the model and bring in no content; every other is read."""

_TEXTS = ("text/", "application/x-subrip", "application/ttml+xml")
_EVENT = frozenset({"delta", "logprobs", "text", "type", "usage"})
_STOPPED = "The rest of this transcript was withheld."


def _read(call: Call, limit_bytes: int) -> Asked:
    body = arguments(form(call, 0))
    if isinstance(body.get("file"), bytes):
        del body["file"]
    body.pop("known_speaker_references", None)
    content = Content(limit_bytes)
    return Known(Operation.TEXT, (), SETTINGS).asked(content, call, body)


def _output(reply: Reply) -> Output:
    """Every text in the reply, whatever its format. Raises ValueError for one of no known type."""
    if reply.media_type == "application/json":
        content = Content(LIMIT_BYTES)
        content.everything(reply_object(reply), "assistant", "output")
        return Output(tuple(content.parts), problem=content.problem)
    if reply.media_type.startswith(_TEXTS):
        text = reply.body.decode("utf-8")
        return Output((TextPart(text, "assistant", "output"),) if text else ())
    raise ValueError("a transcript of no known type")


class _Events:
    """Reads `transcript.text.delta`, `.segment` and `.done`; what comes again is not read twice."""

    def __init__(self) -> None:
        self._said = ""
        self._segments = 0
        self._whole: list[str] = []

    def read(self, event: Event) -> Sequence[tuple[str, str]]:
        """The texts in an event as (channel, delta) pairs. Raises ValueError for one unreadable."""
        body = loaded(event)
        if body is None:
            return ()
        self._whole = []
        rest = list(delta_rest(body, _EVENT, "", spare=IDENTIFIER))
        delta, whole = get(body, "delta"), get(body, "text")
        if not isinstance(delta, str | None) or not isinstance(whole, str | None):
            raise ValueError("a text that is none")  # noqa: TRY004  its shape
        if delta:
            self._said += delta
            return [("content:0", delta), *rest]
        if whole and whole != self._said:
            self._segments += 1
            self._whole = [f"segment:{self._segments}"]
            return [(self._whole[0], whole), *rest]
        return rest

    def ended(self, event: Event) -> Sequence[str]:
        """The channels that end with this event."""
        kind = get(loaded(event), "type")
        return [*self._whole, "content:0"] if kind == "transcript.text.done" else self._whole

    def failed(self, event: Event) -> bool:
        """Whether the server tells of an error within the stream."""
        return get(loaded(event), "error") is not None

    def head(self, event: Event, keep: int) -> Event | None:
        """The event with the first `keep` code points of its text, where it is a delta."""
        delta = get(loaded(event), "delta")
        if not delta:
            return None
        cut = {"type": get(loaded(event), "type"), "delta": delta[:keep]}
        return replace(event, data=json.dumps(cut))

    def stop(self, decision: Decision) -> Event:
        """An event that OpenAI's own clients raise as an APIError: there is no other end."""
        del decision
        error = {"message": _STOPPED, "type": "invalid_request_error", "code": "content_filter"}
        return Event(json.dumps({"error": {**error, "param": None}}))


TRANSCRIPTIONS = Codec(
    "openai.audio.transcriptions", Operation.TEXT, DIALECT, _read, _output, _Events
)
TRANSLATIONS = Codec("openai.audio.translations", Operation.TEXT, DIALECT, _read, _output)
