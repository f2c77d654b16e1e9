"""Counts the entries of a pack's log anew, to hold its figures against them."""

from __future__ import annotations

import csv
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from guardrail.audit.data import harmless
from guardrail.audit.formats import day
from guardrail.audit.inquiry import InquiryModel, read_inquiry
from guardrail.chain.entry import body_of
from guardrail.chain.tiles import bundles_of, decode_bundle
from guardrail.log.index import event_of
from guardrail.log.times import parse_time
from guardrail.policy.jurisdictions import around

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEPT = "data/attempts_kept.csv"
_DAY = 86_400_000_000_000
_DECIDED = ("action", "rule", "reason")


def differing(pack: Path, size: int) -> list[str]:
    """What the table of attempts kept in full says otherwise than the pack's own entries.

    size: entries of the log. Raises ConfigurationError, EvidenceError, and what a strange file
    makes it (ValueError, KeyError, TypeError, OSError).
    """
    told = _told(pack / KEPT)
    found = _found(pack, size, read_inquiry(pack / "inquiry.json"))
    return [
        f"{KEPT}: {told[key]:,} where the entries have {found[key]:,} ({', '.join(key)})"
        for key in sorted({*told, *found})
        if told[key] != found[key]
    ]


def _told(path: Path) -> Counter[tuple[str, ...]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))[1:]
    return Counter({tuple(row[:-1]): int(row[-1]) for row in rows})


def _found(pack: Path, size: int, inquiry: InquiryModel) -> Counter[tuple[str, ...]]:
    attempts: dict[str, dict[str, Any]] = {}
    for body in _bodies(pack, size):
        event = event_of(body)
        if event in {"opened", "closed"}:
            attempts.setdefault(body["id"], {})[event] = body
    keys = (_key(entries, inquiry) for entries in attempts.values())
    return Counter(key for key in keys if key is not None)


def _bodies(pack: Path, size: int) -> Iterator[dict[str, Any]]:
    for tile in bundles_of(size):
        data = (pack / "evidence" / "log" / tile.path).read_bytes()
        for entry in decode_bundle(tile, data):
            yield json.loads(body_of(entry))


def _key(entries: dict[str, dict[str, Any]], inquiry: InquiryModel) -> tuple[str, ...] | None:
    """What an attempt counts as; None where it was not asked about."""
    closed = entries.get("closed", {})
    asked = entries.get("opened") or closed["opened"]
    scope, place = inquiry.scope, asked["jurisdiction"]["code"]
    at = _ns(asked["at"])
    meant = (
        scope.start <= at < scope.end
        and (not scope.jurisdictions or around(place) & set(scope.jurisdictions))
        and (not scope.operations or asked["operation"] in scope.operations)
    )
    if not meant:
        return None
    last = closed or asked
    stage = closed["stage"] if closed else asked["decision"]["stage"]
    decided = [last["decision"][name] for name in _DECIDED]
    where = [asked["operation"], place, asked["tier"], asked["policy"]]
    cells = [*where, stage, *decided, closed.get("outcome", "")]
    return (day((at + scope.offset) // _DAY), *(str(harmless(cell)) for cell in cells))


def _ns(text: str) -> int:
    whole, _, rest = text.removesuffix("Z").partition(".")
    return parse_time(whole) + int(rest or 0)
