"""JSON read so that no other reader can take it for something else."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from guardrail.adapters.wire.codec import BadCall
from guardrail.adapters.wire.http import Call, Reply, parameter


def json_object(call: Call) -> dict[str, Any]:
    """The JSON object in a call's body.

    Raises BadCall, saying where, for another content type, bytes that are not UTF-8, a name that
    stands twice, numbers JSON does not know, nesting too deep to read, or anything but an object.
    """
    if call.media_type and call.media_type != "application/json":
        raise BadCall(
            "The content type must be application/json.",
            status=415,
            code="unsupported_media_type",
        )
    if parameter(call.header("content-type"), "charset").lower() not in ("", "utf-8", "utf8"):
        raise BadCall("The body must be UTF-8.", status=415, code="unsupported_charset")
    no_encoding(call)
    try:
        text = call.body.whole().decode("utf-8")
        value = _CALLS.decode(text)
    except UnicodeDecodeError as problem:
        raise BadCall(f"The body is not UTF-8 (byte {problem.start}).") from None
    except json.JSONDecodeError as problem:
        where = f"line {problem.lineno} column {problem.colno}"
        raise BadCall(f"The body is not JSON: {problem.msg}, {where}.") from None
    except RecursionError:
        raise BadCall("The body is nested too deep.") from None
    if not isinstance(value, dict):
        raise BadCall("The body must be a JSON object.")
    return value


def no_encoding(call: Call) -> None:
    """Raise BadCall for a body that is compressed."""
    if call.header("content-encoding"):
        raise BadCall(
            "A body with a content encoding is not read: send it plain.",
            status=415,
            code="unsupported_content_encoding",
        )


def reply_object(reply: Reply) -> dict[str, Any]:
    """The JSON object in a reply. Raises ValueError for any other, or a name that stands twice."""
    try:
        value = _REPLIES.decode(reply.body.decode("utf-8"))
    except BadCall as problem:
        raise ValueError(str(problem)) from None
    if not isinstance(value, dict):
        raise ValueError("a reply that is no object")  # noqa: TRY004  its shape
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise BadCall("A name stands twice in one object of the body.")
    return value


def _no_constant(name: str) -> NoReturn:
    raise BadCall(f"{name} is no JSON number.")


_CALLS = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant)
_REPLIES = json.JSONDecoder(object_pairs_hook=_once)
