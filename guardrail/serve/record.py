"""What is known of the call in hand, for figures and for the access log; never a text of it."""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(slots=True)
class Record:
    """One call. Times are seconds.

    route: the codec's name. path: as the OpenAPI document has it; empty for one it has not.
    key: the name of the caller's key. attempt: its id in the log.
    decision, reason, outcome: how the attempt ended, once it has.
    error: the name of what went wrong. upstream: time spent waiting for it.
    """

    route: str = "unknown"
    path: str = ""
    key: str = ""
    model: str = ""
    attempt: str = ""
    decision: str = ""
    reason: str = ""
    outcome: str = ""
    error: str = ""
    status: int = 0
    upstream: float = 0.0
    upstream_name: str = ""
    began: float = field(default_factory=time.perf_counter)


current: ContextVar[Record | None] = ContextVar("guardrail_call", default=None)
"""The call that the running task answers."""
