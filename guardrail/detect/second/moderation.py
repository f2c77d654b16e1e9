"""A backend: an endpoint that answers as OpenAI's `POST /moderations` does."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

from guardrail.detect.second.opinion import BadAnswer
from guardrail.errors import ConfigurationError, DetectorUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from guardrail.policy.second import Moderation

_LARGEST = 1_000_000  # bytes of an answer
_OK = 200


class ModerationEndpoint:
    """Sends each text in doubt there, and nothing else: no caller, no conversation.

    limit: seconds for one text, all told; redirects are not followed, nothing is tried twice.
    """

    def __init__(self, there: Moderation, labels: tuple[str, ...], limit: float) -> None:
        self.version = f"moderation:{there.model or 'default'}"
        self._url = f"{there.url}/moderations"
        self._model = {"model": there.model} if there.model else {}
        self._labels = labels
        self._limit = limit
        self._client = _client(there, limit)

    def scores(self, text: str) -> Mapping[str, float]:
        """Its `category_scores`; BadAnswer where they are not as they should be."""
        body = {"input": text, **self._model}
        end = time.monotonic() + self._limit
        with self._client.stream("POST", self._url, json=body) as response:
            if response.status_code != _OK:
                raise BadAnswer(f"status {response.status_code}")
            answer = bytearray()
            for piece in response.iter_bytes():
                answer += piece
                if len(answer) > _LARGEST:
                    raise BadAnswer("too large")
                if time.monotonic() > end:
                    raise TimeoutError
        return _scores(answer, self._labels)


def _client(there: Moderation, limit: float) -> httpx.Client:
    try:
        import httpx
    except ImportError as error:
        raise DetectorUnavailable(
            "the second stage needs httpx: pip install 'likeness-guardrail[moderation]'"
        ) from error
    return httpx.Client(timeout=limit, headers=_headers(there), follow_redirects=False)


def _headers(there: Moderation) -> dict[str, str]:
    if not there.key_env:
        return {}
    key = os.environ.get(there.key_env, "").strip()
    if not key:
        raise ConfigurationError(f"the second stage's key is not in ${there.key_env}")
    return {"Authorization": f"Bearer {key}"}


def _scores(answer: bytes | bytearray, labels: tuple[str, ...]) -> dict[str, float]:
    try:
        body: Any = json.loads(answer)
        (result,) = body["results"]
        found = result["category_scores"]
        return {label: _number(found[label]) for label in labels}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadAnswer("not a moderation") from None


def _number(score: object) -> float:
    if isinstance(score, bool) or not isinstance(score, int | float):
        raise BadAnswer("a score is no number")
    return float(score)
