"""The access log: a line of JSON for each call, with nothing of what was asked or answered."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from typing import TextIO

from guardrail.serve.record import Record


def told(record: Record, method: str, guarded: float) -> dict[str, object]:
    """What a line says. guarded: seconds until the answer began, without the upstream's."""
    whole = time.perf_counter() - record.began
    line: dict[str, object] = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "method": method,
        "path": record.path or "unknown",
        "status": record.status,
        "ms": round(whole * 1e3, 2),
        "guard_ms": round(guarded * 1e3, 2),
        "upstream_ms": round(record.upstream * 1e3, 2),
    }
    further = {
        "route": record.route,
        "key": record.key,
        "upstream": record.upstream_name,
        "attempt": record.attempt,
        "decision": record.decision,
        "reason": record.reason,
        "outcome": record.outcome,
        "error": record.error,
    }
    return line | {name: value for name, value in further.items() if value}


def write_line(line: dict[str, object], stream: TextIO | None = None) -> None:
    """Write a line in one piece; where nobody takes it, it is dropped."""
    out = stream or sys.stderr
    try:
        out.write(json.dumps(line) + "\n")
        out.flush()
    except (OSError, ValueError):
        return
