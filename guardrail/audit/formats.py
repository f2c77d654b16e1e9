"""Numbers and times as a report prints them; data files keep them as they are."""

from __future__ import annotations

from guardrail.audit.document import Cell, Kind
from guardrail.audit.inquiry import moment_of

DASH = "–"


def shown(value: Cell, kind: Kind) -> str:
    """A cell as text: counts in thousands, shares of 1 as per cent; nothing as a dash."""
    if value is None or value == "":
        return DASH
    if isinstance(value, str):
        return value
    if kind == "share":
        return f"{value * 100:.1f} %"
    if kind == "ms":
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def zone(utc_offset: int) -> str:
    """How the report calls its clock."""
    return f"UTC{utc_offset:+d}" if utc_offset else "UTC"


def day(number: int) -> str:
    """A day since the epoch as `2026-01-16`."""
    return moment_of(number * 86_400_000_000_000).strftime("%Y-%m-%d")


def minute(at: int, utc_offset: int) -> str:
    """`at` (ns) to the minute."""
    return moment_of(at, utc_offset).strftime("%Y-%m-%d %H:%M")


def second(at: int, utc_offset: int) -> str:
    """`at` (ns) to the second."""
    return moment_of(at, utc_offset).strftime("%Y-%m-%d %H:%M:%S")
