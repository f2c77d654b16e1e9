"""Errors as OpenAI's clients understand them."""

from __future__ import annotations

import json

from guardrail.adapters.wire.http import Reply
from guardrail.adapters.wire.openai.errors import as_openai_error
from guardrail.errors import RequestStopped

_KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_SERVER_ERROR = 500


class OpenAIDialect:
    """`{"error": {"message", "type", "param", "code"}}`; a stop is never worth a retry."""

    def stopped(self, stopped: RequestStopped) -> Reply:
        """As `as_openai_error`."""
        status, body = as_openai_error(stopped)
        return Reply.of(status, body, ("x-should-retry", "false"))

    def failed(self, status: int, code: str, message: str) -> Reply:
        """An error that is no decision."""
        return Reply.of(status, _error(status, code, message))

    def broken(self, code: str, message: str) -> bytes:
        """An event that OpenAI's own clients raise as an APIError."""
        return f"data: {json.dumps(_error(_SERVER_ERROR, code, message))}\n\n".encode()


def _error(status: int, code: str, message: str) -> dict[str, object]:
    kind = "server_error" if status >= _SERVER_ERROR else "invalid_request_error"
    kind = _KINDS.get(status, kind)
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


DIALECT = OpenAIDialect()
