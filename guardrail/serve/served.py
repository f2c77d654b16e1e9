"""The routes a gateway has, by their paths; nothing else is reached through it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from guardrail.adapters.asgi_http import refusing
from guardrail.adapters.wire.codec import BadCall, Codec, Dialect
from guardrail.adapters.wire.http import Call
from guardrail.adapters.wire.routes import UNKNOWN, Passed, Routes

PATHS = (
    "POST /v1/chat/completions",
    "POST /v1/completions",
    "POST /v1/responses",
    "POST /v1/images/generations",
    "POST /v1/images/edits",
    "POST /v1/images/variations",
    "POST /v1/videos",
    "POST /v1/audio/speech",
    "POST /v1/audio/transcriptions",
    "POST /v1/audio/translations",
    "POST /v1/moderations",
    "POST /v1/embeddings",
    "POST /v1/messages",
    "POST /v1/messages/count_tokens",
    *(
        f"POST /{version}/models/{{model}}:{function}"
        for version in ("v1", "v1beta")
        for function in ("generateContent", "streamGenerateContent", "countTokens", "embedContent")
    ),
    "GET /v1/models",
    "GET /v1/models/{model}",
)
"""What is offered, where the table of routes knows it.

What a provider keeps (files, stored replies, films, batches) is not: all callers share one account
there, and could read one another's.
"""

_MODEL = r"[A-Za-z0-9][A-Za-z0-9._@/-]{0,199}"


@dataclass(frozen=True, slots=True)
class Row:
    """One route. path: as in PATHS. pattern: what fits it; None where only `path` itself does."""

    method: str
    path: str
    target: Codec | Passed
    pattern: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class Served:
    """The routes of a gateway."""

    rows: Sequence[Row]
    exact: Mapping[tuple[str, str], Row]
    others: Sequence[Row]
    routes: Routes

    @classmethod
    def of(cls, routes: Routes) -> Self:
        """Those of PATHS that the table knows."""
        rows = [row for line in PATHS if (row := _row(line, routes)) is not None]
        exact = {(row.method, row.path): row for row in rows if row.pattern is None}
        return cls(rows, exact, [row for row in rows if row.pattern is not None], routes)

    def find(self, call: Call) -> Row:
        """Where a call belongs; a row with a codec that refuses it, where there is none."""
        row = self.exact.get((call.method, call.path))
        if row is not None:
            return row
        for row in self.others:
            fits = row.pattern is not None and row.pattern.fullmatch(call.path)
            if fits and row.method == call.method and self.routes.find(call) is row.target:
                return row
        return Row(call.method, "", _unserved(call, self.routes.dialect(call)))


def _unserved(call: Call, dialect: Dialect) -> Codec:
    told = f"This gateway does not have {call.method} on this path."
    return refusing(Passed(""), dialect, BadCall(told, status=404, code="unguarded_operation"))


def _row(line: str, routes: Routes) -> Row | None:
    method, _, path = line.partition(" ")
    target = routes.find(Call(method, path.replace("{model}", "m")))
    if isinstance(target, Codec) and target.name == UNKNOWN:
        return None
    pattern = None
    if "{model}" in path:
        before, _, after = path.partition("{model}")
        pattern = re.compile(re.escape(before) + _MODEL + re.escape(after))
    return Row(method, path, target, pattern)
