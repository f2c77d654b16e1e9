"""JSON read so that no other reader can take it for something else."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from guardrail.adapters.wire.codec import BadCall
from guardrail.adapters.wire.http import Call, Reply, parameter

MAX_COMMAS = 500_000
"""Commas in a body of JSON: what has more has more values than are ever screened."""

_MAX_TYPE = 500


def json_object(call: Call) -> dict[str, Any]:
    """The JSON object in a call's body.

    Raises BadCall, saying where, for another content type, bytes that are not UTF-8, a name that
    stands twice, numbers JSON does not know or of thousands of digits, nesting too deep to read,
    more than `MAX_COMMAS`, or anything but an object.
    """
    plainly_typed(call)
    if call.media_type and call.media_type != "application/json":
        raise BadCall(
            "The content type must be application/json.",
            status=415,
            code="unsupported_media_type",
        )
    if parameter(call.header("content-type"), "charset").lower() not in ("", "utf-8", "utf8"):
        raise BadCall("The body must be UTF-8.", status=415, code="unsupported_charset")
    no_encoding(call)
    data = call.body.whole()
    if data.count(b",") > MAX_COMMAS:
        raise BadCall(
            f"The body has more than {MAX_COMMAS} commas.", status=413, code="request_too_large"
        )
    try:
        text = data.decode("utf-8")
        value = _CALLS.decode(text)
    except UnicodeDecodeError as problem:
        raise BadCall(f"The body is not UTF-8 (byte {problem.start}).") from None
    except json.JSONDecodeError as problem:
        where = f"line {problem.lineno} column {problem.colno}"
        raise BadCall(f"The body is not JSON: {problem.msg}, {where}.") from None
    except RecursionError:
        raise BadCall("The body is nested too deep.") from None
    except ValueError:
        raise BadCall("The body has a number of too many digits.") from None
    if not isinstance(value, dict):
        raise BadCall("The body must be a JSON object.")
    return value


def plainly_typed(call: Call) -> None:
    """Raise BadCall for a content type that is longer than any needs to be, or not ASCII."""
    kind = call.header("content-type")
    if len(kind) > _MAX_TYPE or not (kind.isascii() and kind.isprintable()):
        raise BadCall(
            f"A content type has at most {_MAX_TYPE} characters, all of them plain ASCII.",
            status=415,
            code="unsupported_media_type",
        )


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
    value = answered(reply.body.decode("utf-8"))
    if not isinstance(value, dict):
        raise ValueError("a reply that is no object")  # noqa: TRY004  its shape
    return value


def answered(text: str) -> Any:
    """What a server's JSON says.

    Raises ValueError, for a name that stands twice too: each reader takes another of the two.
    """
    try:
        return _REPLIES.decode(text)
    except BadCall as problem:
        raise ValueError(str(problem)) from None
    except RecursionError:
        raise ValueError("a reply nested too deep") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise BadCall("A name stands twice in one object of the body.")
    return value


def _no_constant(name: str) -> NoReturn:
    raise BadCall(f"{name} is no JSON number.")


_CALLS = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant)
_REPLIES = json.JSONDecoder(object_pairs_hook=_once)
