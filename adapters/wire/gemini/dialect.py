"""Errors as Google's clients understand them.

Source: https://cloud.google.com/apis/design/errors
"""

from __future__ import annotations

import json

from guardrail.adapters.wire.http import Reply
from guardrail.adapters.wire.openai.errors import as_openai_error
from guardrail.errors import RequestStopped

_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_SERVER_ERROR = 500
_INFO = "type.googleapis.com/google.rpc.ErrorInfo"


class GeminiDialect:
    """`{"error": {"code", "message", "status", "details"}}`, our code as reason in the details."""

    def stopped(self, stopped: RequestStopped) -> Reply:
        """400 `INVALID_ARGUMENT` when refused, 403 `PERMISSION_DENIED` when gated.

        The `ErrorInfo` in the details has the reason `MODERATION_BLOCKED`, or what the gate asks
        for, and `attempt`, `category` and `stage` as metadata.
        """
        status, body = as_openai_error(stopped)
        told = body["error"]
        about = told.get("moderation_details") or {}
        metadata = {"attempt": stopped.attempt, "category": stopped.decision.reason}
        if stage := about.get("moderation_stage"):
            metadata["stage"] = stage
        error = _error(status, told["code"], stopped.message, metadata)
        return Reply.of(status, {"error": error}, ("x-should-retry", "false"))

    def failed(self, status: int, code: str, message: str) -> Reply:
        """An error that is no decision."""
        return Reply.of(status, {"error": _error(status, code, message, {})})

    def broken(self, code: str, message: str) -> bytes:
        """An event that Google's own clients raise as an APIError."""
        error = {"error": _error(_SERVER_ERROR, code, message, {})}
        return f"data: {json.dumps(error)}\n\n".encode()


def _error(status: int, code: str, message: str, metadata: dict[str, str]) -> dict[str, object]:
    kind = "INTERNAL" if status >= _SERVER_ERROR else "INVALID_ARGUMENT"
    info = {"@type": _INFO, "reason": code.upper(), "domain": "guardrail", "metadata": metadata}
    kind = _STATUSES.get(status, kind)
    return {"code": status, "message": message, "status": kind, "details": [info]}


DIALECT = GeminiDialect()
