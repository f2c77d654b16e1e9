"""One HTTP POST: bounded in time and size, no redirects, every failure one clear line."""

from __future__ import annotations

import time
from http.client import HTTPException
from typing import IO, Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from guardrail import __version__
from guardrail.errors import GuardrailError

_PIECE = 65_536


class Unreachable(GuardrailError):
    """No answer came, or none that can be read; trying again later may help."""


class Reply(NamedTuple):
    """status: HTTP, 200 to 599. kind: content type without parameters, in lower case."""

    status: int
    kind: str
    body: bytes


class _Stay(HTTPRedirectHandler):
    """Answers with a redirect are answers: a body is not sent elsewhere."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow none."""


_opener = build_opener(_Stay)


def post(url: str, body: bytes, kind: str, *, timeout: float, limit: int) -> Reply:
    """Send `body` and read the answer.

    timeout: seconds in which all of it must be done. limit: bytes of an answer that are read;
    a longer one is Unreachable. Proxies are those of the environment. Raises Unreachable.
    """
    until = time.monotonic() + timeout
    headers = {"Content-Type": kind, "User-Agent": f"guardrail/{__version__}"}
    request = Request(url, data=body, headers=headers, method="POST")  # noqa: S310 (http or https: checked where it is read)
    try:
        try:
            answer = _opener.open(request, timeout=timeout)
        except HTTPError as error:
            answer = error
        with answer:
            found = answer.headers.get("Content-Type") or ""
            data = _read(answer, until, limit)
            return Reply(answer.status or 0, found.partition(";")[0].strip().lower(), data)
    except (OSError, HTTPException, ValueError) as error:
        raise Unreachable(_cause(error)) from None


def _read(answer: IO[bytes], until: float, limit: int) -> bytes:
    data = b""
    read = getattr(answer, "read1", answer.read)
    while len(data) <= limit:
        if time.monotonic() > until:
            raise TimeoutError("the answer takes too long")
        piece = read(_PIECE)
        if not piece:
            return data
        data += piece
    raise ValueError(f"an answer of more than {limit} bytes")


def _cause(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return "".join(sign if sign.isprintable() else "?" for sign in text[:200])
