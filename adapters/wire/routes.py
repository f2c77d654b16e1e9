"""Which codec a call belongs to. What nobody knows is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from guardrail.adapters.wire.codec import Asked, BadCall, Codec, Dialect
from guardrail.adapters.wire.http import Call, Reply
from guardrail.records import Operation, Output

UNKNOWN = "unknown"
"""The name of the codec that refuses what nobody knows."""

_ODD = re.compile(r"//|%|\\|;|/\.\.?(/|$)")
"""Spellings of a path that one server may read otherwise than another."""
_OVERRIDES = ("x-http-method-override", "x-http-method", "x-method-override")
"""Headers by which a server may take a call for one of another method."""


@dataclass(frozen=True, slots=True)
class Passed:
    """A route that generates nothing: passed on unread. why: for whoever reads the table."""

    why: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the table.

    methods: upper case. path: a pattern for the end of a path, after any prefix.
    """

    methods: frozenset[str]
    path: re.Pattern[str]
    target: Codec | Passed

    @classmethod
    def of(cls, methods: str, path: str, target: Codec | Passed) -> Entry:
        """A row from `"GET HEAD"` and a regular expression such as `/images/(edits|variations)`."""
        return cls(frozenset(methods.split()), re.compile(rf"(?:/[^/]+)*?{path}/?"), target)


@dataclass(frozen=True, slots=True)
class Routes:
    """The table, in order; the first row that fits counts.

    dialect: in whose words an unknown route is refused, by its call.
    """

    entries: Sequence[Entry]
    dialect: Callable[[Call], Dialect]

    def find(self, call: Call) -> Codec | Passed:
        """Where a call belongs; a codec that refuses everything, where nobody knows."""
        if not is_odd(call.path) and not any(map(call.header, _OVERRIDES)):
            for entry in self.entries:
                if call.method in entry.methods and entry.path.fullmatch(call.path):
                    return entry.target
        return _unknown(self.dialect(call))


def is_odd(path: str) -> bool:
    """Whether one server may read a path otherwise than another."""
    return _ODD.search(path) is not None


def _unknown(dialect: Dialect) -> Codec:
    return Codec(UNKNOWN, Operation.CHAT, dialect, _refuse, _nothing)


def _refuse(call: Call, limit_bytes: int) -> Asked:
    del limit_bytes
    raise BadCall(
        f"{call.method} on this path is not screened, so it is not passed on.",
        status=404,
        code="unguarded_operation",
    )


def _nothing(reply: Reply) -> Output:
    del reply
    raise ValueError("an unknown route has no reply")
