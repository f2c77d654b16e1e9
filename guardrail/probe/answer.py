"""What came back of a probe, and what it says."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from guardrail.adapters.wire.http import Headers, joined

_STOPS = frozenset({"moderation_blocked", "subscription_required", "age_verification_required"})
_CUTS = frozenset({"content_filter", "refusal", "safety", "prohibited_content", "response.refusal"})
_CODES = ("error_code", "code", "reason", "type", "status")
UNGUARDED = "unguarded_operation"
LOG_UNAVAILABLE = "log_unavailable"
_ERRORS = 400


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as a client gets it.

    status: the HTTP status; 0 where there was no answer, and `problem` says why.
    seen: the error that a library's own client raises; empty over plain HTTP.
    """

    status: int
    headers: Headers = ()
    body: bytes = field(default=b"", repr=False)
    seen: str = ""
    problem: str = ""

    @property
    def answered(self) -> bool:
        """Whether it is no error."""
        return 0 < self.status < _ERRORS

    @property
    def code(self) -> str:
        """The code of an error, whatever the protocol; empty where there is none."""
        if self.answered:
            return ""
        found = dict(_leaves(_json(self.body)))
        for wanted in _CODES:
            for path, value in found.items():
                if path.rpartition(".")[2] == wanted and not value.isdecimal():
                    return value.lower()
        return ""

    @property
    def stopped(self) -> bool:
        """Whether the guard refused or gated it."""
        return not self.answered and bool(self._values() & _STOPS)

    @property
    def unguarded(self) -> bool:
        """Whether the guard refused it as something that it cannot screen."""
        return not self.answered and UNGUARDED in self._values()

    @property
    def cut(self) -> bool:
        """Whether it says that something was withheld."""
        return self.stopped or bool(self._values() & (_CUTS | _STOPS))

    @property
    def after_model(self) -> bool:
        """Whether it was refused for what the model had said."""
        stages = ("moderation_stage", "stage")
        return any(
            path.rpartition(".")[2] in stages and value in ("output", "stream")
            for path, value in _leaves(_json(self.body))
        )

    @property
    def attempt(self) -> str:
        """The id of the attempt in the log; empty where it names none."""
        if header := joined(self.headers, "x-guardrail-attempt"):
            return header
        for value in self._parsed():
            for path, leaf in _leaves(value):
                if path.rpartition(".")[2] == "attempt":
                    return leaf
        return ""

    @property
    def told(self) -> str:
        """What its client is told, in a few words."""
        if self.problem:
            return self.problem
        words = f"{self.status} {self.code}".strip()
        return f"{self.seen}: {words}" if self.seen else words

    def says(self, words: str) -> bool:
        """Whether the words are in it: in one text, or in the pieces of a stream put together."""
        wanted = words.lower()
        if wanted in self.body.decode("utf-8", "replace").lower():
            return True
        pieces: dict[str, list[str]] = defaultdict(list)
        for value in self._parsed():
            for path, leaf in _leaves(value):
                pieces[path].append(leaf)
        return any(wanted in "".join(leaves).lower() for leaves in pieces.values())

    def _values(self) -> frozenset[str]:
        return frozenset(leaf.lower() for value in self._parsed() for _, leaf in _leaves(value))

    def _parsed(self) -> Iterator[Any]:
        """The bodies in it: of every event where it is a stream."""
        whole = _json(self.body)
        if whole is not None:
            yield whole
            return
        for line in self.body.splitlines():
            if line.startswith(b"data:"):
                yield _json(line[5:])


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    left: list[tuple[str, Any]] = [(path, value)]
    while left:
        where, item = left.pop()
        if isinstance(item, str):
            yield where, item
        elif isinstance(item, Mapping):
            left.extend((f"{where}.{name}", item[name]) for name in reversed(list(item)))
        elif isinstance(item, list):
            left.extend((f"{where}.{at}", item[at]) for at in reversed(range(len(item))))
