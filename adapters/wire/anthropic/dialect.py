"""Errors as Anthropic's clients understand them.

Source: https://docs.anthropic.com/en/api/errors
"""

from __future__ import annotations

import json

from guardrail.adapters.wire.http import Reply
from guardrail.adapters.wire.openai.errors import as_openai_error
from guardrail.errors import RequestStopped

_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_KNOWN = frozenset(_KINDS.values())
_SERVER_ERROR = 500


class AnthropicDialect:
    """`{"type": "error", "error": {"type", "message", "details"}}`; a stop is never retried."""

    def stopped(self, stopped: RequestStopped) -> Reply:
        """400 `invalid_request_error` when refused, 403 `permission_error` when gated.

        `error.details.error_code` is `moderation_blocked` or what the gate asks for, as in
        OpenAI's shape, whose other fields stand beside it.
        """
        status, body = as_openai_error(stopped)
        told = {name: value for name, value in body["error"].items() if name != "param"}
        error = {**told, "details": {"error_code": told["code"]}}
        return Reply.of(status, {"type": "error", "error": error}, ("x-should-retry", "false"))

    def failed(self, status: int, code: str, message: str) -> Reply:
        """An error that is no decision."""
        return Reply.of(status, _error(status, code, message))

    def broken(self, code: str, message: str) -> bytes:
        """An event that Anthropic's own clients raise as an APIStatusError."""
        data = json.dumps(_error(_SERVER_ERROR, code, message))
        return f"event: error\ndata: {data}\n\n".encode()


def _error(status: int, code: str, message: str) -> dict[str, object]:
    server = status >= _SERVER_ERROR
    kind = _KINDS.get(status, "api_error" if server else "invalid_request_error")
    kind = code if code in _KNOWN else kind
    error = {"type": kind, "message": message, "code": code, "details": {"error_code": code}}
    return {"type": "error", "error": error}


DIALECT = AnthropicDialect()
