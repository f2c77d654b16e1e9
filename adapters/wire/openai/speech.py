"""Speech: `POST .../audio/speech`. The text is screened; how it sounds nobody can look into."""

from __future__ import annotations

from guardrail.adapters.wire.codec import Asked, Codec
from guardrail.adapters.wire.content import Content
from guardrail.adapters.wire.http import Call, Reply
from guardrail.adapters.wire.openai.dialect import DIALECT
from guardrail.adapters.wire.openai.fields import Known
from guardrail.adapters.wire.strict import json_object
from guardrail.records import Operation, Output

SETTINGS = frozenset({"model", "response_format", "speed", "stream_format", "voice"})
"""Fields that steer the model and bring in no content; every other is read."""

_SOUND = ("audio/", "application/octet-stream", "text/event-stream")


def _read(call: Call, limit_bytes: int) -> Asked:
    body = json_object(call)
    content = Content(limit_bytes)
    content.text(body.get("input"), origin="prompt")
    content.text(body.get("instructions"), "system", "prompt")
    return Known(Operation.TEXT, ("input", "instructions"), SETTINGS).asked(content, call, body)


def _output(reply: Reply) -> Output:
    """Nothing to screen in sound; anything else is no speech. Raises ValueError for it."""
    if not reply.media_type.startswith(_SOUND):
        raise ValueError("a reply that is no sound")
    return Output()


SPEECH = Codec("openai.audio.speech", Operation.TEXT, DIALECT, _read, _output)
