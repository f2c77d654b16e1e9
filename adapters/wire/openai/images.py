"""Pictures: `POST .../images/generations`, `.../images/edits` and `.../images/variations`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from guardrail.adapters.wire.codec import Asked, Codec
from guardrail.adapters.wire.content import Content
from guardrail.adapters.wire.http import Call, Reply
from guardrail.adapters.wire.multipart import arguments, form
from guardrail.adapters.wire.openai.dialect import DIALECT
from guardrail.adapters.wire.openai.fields import Known, add_pictures, is_on
from guardrail.adapters.wire.openai.rest import leftover, with_content
from guardrail.adapters.wire.replied import LIMIT_BYTES, images_output
from guardrail.adapters.wire.strict import json_object, reply_object
from guardrail.records import Operation, Output

SETTINGS = frozenset(
    {
        "background", "input_fidelity", "model", "moderation", "n", "output_compression",
        "output_format", "partial_images", "quality", "response_format", "size", "stream", "user",
    }
)  # fmt: skip
"""Fields that steer the model and bring in no content; every other is read."""

PICTURES = ("image", "images", "mask")
"""Fields that are pictures."""

_REPLY = frozenset({"background", "created", "data", "output_format", "quality", "size", "usage"})
_PICTURE = frozenset({"b64_json", "revised_prompt", "url"})


def json_or_form(call: Call, limit_bytes: int) -> dict[str, Any]:
    """The arguments of a call, given as JSON or as a form. Raises BadCall."""
    if call.media_type == "multipart/form-data":
        return arguments(form(call, limit_bytes))
    return json_object(call)


def _reads(operation: Operation) -> Callable[[Call, int], Asked]:
    def read(call: Call, limit_bytes: int) -> Asked:
        body = json_or_form(call, limit_bytes)
        content = Content(limit_bytes)
        content.text(body.get("prompt"), origin="prompt")
        for name in PICTURES:
            add_pictures(content, body.get(name))
        if is_on(body.get("stream")):
            content.unreadable("a streamed picture cannot be screened: ask without `stream`")
        return Known(operation, ("prompt", *PICTURES), SETTINGS).asked(content, call, body)

    return read


def _output(reply: Reply) -> Output:
    body = reply_object(reply)
    content = Content(LIMIT_BYTES)
    leftover(content, body, _REPLY)
    for picture in body.get("data") or ():
        leftover(content, picture, _PICTURE)
    return with_content(images_output(body), content)


def _codec(name: str, operation: Operation) -> Codec:
    return Codec(f"openai.images.{name}", operation, DIALECT, _reads(operation), _output)


GENERATIONS = _codec("generations", Operation.IMAGE_GENERATE)
EDITS = _codec("edits", Operation.IMAGE_EDIT)
VARIATIONS = _codec("variations", Operation.IMAGE_VARIATION)
