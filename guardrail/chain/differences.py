"""From differing hashes to what was done: edited, moved, pushed in, taken out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from guardrail.chain.faults import Fault, FaultKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from guardrail.chain.walk import Difference


@dataclass(frozen=True, slots=True)
class _Found:
    index: int
    kind: FaultKind
    detail: str


def explain(
    differences: Mapping[int, Difference], total: int, *, complete: bool = True
) -> list[Fault]:
    """Name what was done to the entries, by a record that a signed root bears out.

    total: entries that were read. An entry with the bytes of another place was moved; one with
    bytes of no place was added if the entry recorded there stands elsewhere, and edited if not.
    complete: whether all differences are here; if not, only what was moved can be told.
    """
    places = {found.recorded: index for index, found in differences.items() if found.recorded}
    owns = {found.own for found in differences.values() if found.own}
    found = [
        result
        for index, difference in sorted(differences.items())
        for result in _judge(index, difference, places, owns, total)
        if complete or result.kind is FaultKind.MOVED
    ]
    return list(collapse(found))


def runs(indices: Iterable[int], kind: FaultKind, detail: str) -> list[Fault]:
    """One fault of `kind` for every run of indices."""
    return list(collapse([_Found(index, kind, detail) for index in sorted(indices)]))


def _judge(
    index: int,
    difference: Difference,
    places: Mapping[bytes, int],
    owns: set[bytes],
    total: int,
) -> Iterator[_Found]:
    own, recorded = difference.own, difference.recorded
    gone = recorded is not None and recorded not in owns
    if own is None:
        if gone and index >= total:
            yield _Found(index, FaultKind.TRUNCATED, "recorded and signed, but not there")
        return
    if own in places:
        if gone:
            detail = "the entry recorded here is gone, and its number went to another"
            yield _Found(index, FaultKind.MISSING, detail)
        yield _Found(index, FaultKind.MOVED, _shift(index - places[own]))
    elif gone:
        yield _Found(index, FaultKind.EDITED, "its bytes are not those that were signed")
    elif recorded is not None:
        yield _Found(index, FaultKind.ADDED, "an entry that was not recorded here")


def _shift(offset: int) -> str:
    where = "after" if offset > 0 else "before"
    return f"stands {abs(offset)} {where} where it was recorded"


def collapse(found: Iterable[_Found]) -> Iterator[Fault]:
    """Runs of one kind and detail as one fault, in order of their first entry."""
    open_runs: dict[tuple[FaultKind, str], list[int]] = {}
    done: list[tuple[int, int, FaultKind, str]] = []
    for item in found:
        run = open_runs.get((item.kind, item.detail))
        if run is not None and run[1] + 1 == item.index:
            run[1] = item.index
            continue
        if run is not None:
            done.append((run[0], run[1], item.kind, item.detail))
        open_runs[item.kind, item.detail] = [item.index, item.index]
    done += [(run[0], run[1], *key) for key, run in open_runs.items()]
    for first, last, kind, detail in sorted(done):
        yield Fault(kind, detail, first + 1, last + 1)
