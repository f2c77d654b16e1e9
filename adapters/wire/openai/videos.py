"""Films: `POST .../videos`, and what is made from another film.

Nobody here can look into a film. One that is to be made is judged by what is asked; one that is to
be changed is not readable, uploaded or kept by the provider; one that is fetched is on record.
"""

from __future__ import annotations

from collections.abc import Callable

from guardrail.adapters.wire.codec import Asked, Codec
from guardrail.adapters.wire.content import Content
from guardrail.adapters.wire.http import Call, Reply
from guardrail.adapters.wire.openai.dialect import DIALECT
from guardrail.adapters.wire.openai.fields import Known, add_pictures
from guardrail.adapters.wire.openai.images import json_or_form
from guardrail.adapters.wire.openai.rest import leftover, with_content
from guardrail.adapters.wire.replied import LIMIT_BYTES
from guardrail.adapters.wire.strict import reply_object
from guardrail.records import Image, Operation, Output, Request

SETTINGS = frozenset({"model", "seconds", "size", "user"})
"""Fields that steer the model and bring in no content; every other is read."""

_JOB = frozenset(
    {
        "completed_at", "created_at", "expires_at", "id", "model", "object", "progress", "prompt",
        "remixed_from_video_id", "seconds", "size", "status",
    }
)  # fmt: skip
_READ = ("prompt", "input_reference", "video")


def _reads(operation: Operation) -> Callable[[Call, int], Asked]:
    def read(call: Call, limit_bytes: int) -> Asked:
        body = json_or_form(call, limit_bytes)
        content = Content(limit_bytes)
        content.text(body.get("prompt"), origin="prompt")
        add_pictures(content, body.get("input_reference"))
        if operation is Operation.VIDEO_EDIT:
            content.unreadable("the film that is to be changed cannot be screened")
        elif body.get("video") is not None:
            content.unreadable("a film cannot be screened")
        return Known(operation, _READ, SETTINGS).asked(content, call, body)

    return read


def _job(reply: Reply) -> Output:
    """A job says nothing but what was asked, unless it failed. Raises ValueError for no job."""
    body = reply_object(reply)
    if not isinstance(body.get("id"), str):
        raise ValueError("a job without an id")  # noqa: TRY004  its shape
    content = Content(LIMIT_BYTES)
    leftover(content, body, _JOB)
    return with_content(Output(), content)


def _fetch(call: Call, limit_bytes: int) -> Asked:
    del call, limit_bytes
    return Asked(Request(Operation.VIDEO_GENERATE))


def _film(reply: Reply) -> Output:
    """A still of a film is a picture. Raises ValueError for what is neither still nor film."""
    if reply.media_type.startswith("image/"):
        return Output(images=(Image(reply.body),))
    if not reply.media_type.startswith(("video/", "application/octet-stream")):
        raise ValueError("a reply that is no film")
    return Output()


VIDEOS = Codec(
    "openai.videos", Operation.VIDEO_GENERATE, DIALECT, _reads(Operation.VIDEO_GENERATE), _job
)
CHANGES = Codec(
    "openai.videos.edits", Operation.VIDEO_EDIT, DIALECT, _reads(Operation.VIDEO_EDIT), _job
)
CONTENT = Codec("openai.videos.content", Operation.VIDEO_GENERATE, DIALECT, _fetch, _film)
