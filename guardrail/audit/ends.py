"""What the ends of attempts say: how long they took, what failed, what could not be scanned."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from guardrail.audit.tallies import quantile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LIMIT = 10_000
SHARES = (0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Latency:
    """Times from opening to end, ms. p50, p95, p99: nearest rank."""

    attempts: int
    p50: float | None
    p95: float | None
    p99: float | None
    longest: float | None


@dataclass(frozen=True, slots=True)
class Ends:
    """What was read of the ends of attempts kept in full.

    read: how many were; stride: one entry in so many was looked at, 1 for all.
    latency: by outcome, and `all`. errors: types of exceptions, by outcome. scans: detector,
    version and status. unscanned: facts. severities: how sexual. models: called or not.
    """

    read: int
    stride: int
    latency: tuple[tuple[str, Latency], ...]
    errors: Counter[tuple[str, str]]
    scans: Counter[tuple[str, str, str]]
    unscanned: Counter[str]
    severities: Counter[str]
    called: int


def seqs_of(first: int, last: int) -> tuple[range, int]:
    """The entries to look at between two, and the stride: at most 10,000, evenly spread."""
    if not first:
        return range(0), 1
    stride = max(1, -(-(last - first + 1) // LIMIT))
    return range(first, last + 1, stride), stride


def ends(bodies: Iterable[Mapping[str, Any]], stride: int) -> Ends:
    """Everything that is counted of ends."""
    times: dict[str, list[float]] = {}
    found = Ends(0, stride, (), Counter(), Counter(), Counter(), Counter(), 0)
    read = called = 0
    for body in bodies:
        read += 1
        called += bool(body.get("model_called"))
        outcome = str(body.get("outcome", ""))
        if isinstance(taken := body.get("ms"), int | float):
            times.setdefault(outcome, []).append(float(taken))
            times.setdefault("all", []).append(float(taken))
        _count(found, body, outcome)
    latency = tuple((name, _latency(values)) for name, values in sorted(times.items()))
    return Ends(
        read,
        stride,
        latency,
        found.errors,
        found.scans,
        found.unscanned,
        found.severities,
        called,
    )


def _count(found: Ends, body: Mapping[str, Any], outcome: str) -> None:
    facts = body.get("facts", {})
    if body.get("error"):
        found.errors[outcome, str(body["error"])] += 1
    for scan in body.get("scans", ()):
        key = (str(scan.get("detector")), str(scan.get("version")), str(scan.get("status")))
        found.scans[key] += 1
    for fact in facts.get("unscanned", ()):
        found.unscanned[str(fact)] += 1
    found.severities[str(facts.get("sexual", {}).get("severity", "none"))] += 1


def _latency(values: list[float]) -> Latency:
    ordered = sorted(values)
    p50, p95, p99 = (quantile(ordered, share) for share in SHARES)
    return Latency(len(ordered), p50, p95, p99, ordered[-1] if ordered else None)
