"""Sums over what was read: pure, and the same in every language."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from guardrail.audit.records import Count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from guardrail.audit.history import Version
    from guardrail.audit.records import Group

_DAY = 86_400_000_000_000
WINDOW = 14


@dataclass(frozen=True, slots=True)
class Tally:
    """Attempts by how they ended. kept: of them in full in the log."""

    opened: int = 0
    released: int = 0
    refused: int = 0
    gated: int = 0
    failed: int = 0
    cancelled: int = 0
    kept: int = 0

    @property
    def unfinished(self) -> int:
        """Opened, and not ended so far."""
        ended = self.released + self.refused + self.gated + self.failed + self.cancelled
        return self.opened - ended

    @property
    def stopped(self) -> float | None:
        """Refused and gated, as a share of all; None of none."""
        return (self.refused + self.gated) / self.opened if self.opened else None

    @property
    def cells(self) -> tuple[int | float | None, ...]:
        """In the order tables show them."""
        return (
            self.opened,
            self.released,
            self.refused,
            self.gated,
            self.failed,
            self.cancelled,
            self.unfinished,
            self.kept,
            self.stopped,
        )


def tally(counts: Iterable[Count], groups: Iterable[Group] = ()) -> Tally:
    """All of them together."""
    return by(counts, groups, lambda _: ()).get((), Tally())


def by(
    counts: Iterable[Count],
    groups: Iterable[Group],
    key: Callable[[Count | Group], Any],
) -> dict[Any, Tally]:
    """Tallies by a key, sorted by it."""
    sums: dict[Any, list[int]] = defaultdict(lambda: [0] * 7)
    for count in counts:
        found = sums[key(count)]
        numbers = (
            count.opened,
            count.released,
            count.refused,
            count.gated,
            count.failed,
            count.cancelled,
        )
        for place, number in enumerate(numbers):
            found[place] += number
    for group in groups:
        sums[key(group)][6] += group.attempts
    return {name: Tally(*sums[name]) for name in sorted(sums)}


def of_groups(
    groups: Iterable[Group], key: Callable[[Group], Any]
) -> list[tuple[Any, Counter[str]]]:
    """Attempts kept in full by a key, each with how they ended; the largest first."""
    sums: dict[Any, Counter[str]] = defaultdict(Counter)
    for group in groups:
        sums[key(group)][group.outcome or "open"] += group.attempts
    return sorted(sums.items(), key=lambda item: (-item[1].total(), item[0]))


@dataclass(frozen=True, slots=True)
class Change:
    """One change of policy, and as many days on either side of it. days: how many, at most."""

    before: Version
    after: Version
    days: int
    old: Tally
    new: Tally
    rules_old: Counter[str]
    rules_new: Counter[str]


def changes(
    history: Sequence[Version],
    counts: Sequence[Count],
    groups: Sequence[Group],
    span: tuple[int, int, int],
) -> list[Change]:
    """Every change of policy in the period, with equal windows before and after it.

    span: first day, day after the last, and offset (ns). A window is up to 14 whole days, and ends
    where the policy does or the period does; a day on which both decided is in neither. Attempts
    count to the policy that decided them.
    """
    return [
        _change(before, after, counts, groups, span)
        for before, after in pairwise(history)
        if span[0] <= _day(after.since, span) < span[1]
    ]


def _change(
    before: Version,
    after: Version,
    counts: Sequence[Count],
    groups: Sequence[Group],
    span: tuple[int, int, int],
) -> Change:
    first, last, _ = span
    turn = _day(after.since, span)
    start = turn + _is_shared(before, after, counts, span)
    begun = max(first, _day(before.since, span))
    ended = last if after.until is None else min(last, _day(after.until, span))
    days = max(1, min(WINDOW, turn - begun, ended - start))
    old = _window(before.ref, turn - days, turn)
    new = _window(after.ref, start, start + days)
    return Change(
        before,
        after,
        days,
        tally(filter(old, counts), filter(old, groups)),
        tally(filter(new, counts), filter(new, groups)),
        _rules(filter(old, groups)),
        _rules(filter(new, groups)),
    )


def _day(at: int, span: tuple[int, int, int]) -> int:
    return (at + span[2]) // _DAY


def _is_shared(
    before: Version, after: Version, counts: Iterable[Count], span: tuple[int, int, int]
) -> bool:
    """Whether both policies decided on the day of the change."""
    if after.seq:
        return (after.since + span[2]) % _DAY != 0
    there = {count.policy for count in counts if count.day == _day(after.since, span)}
    return {before.ref, after.ref} <= there


def _window(ref: str, first: int, last: int) -> Callable[[Any], bool]:
    return lambda one: one.policy == ref and first <= one.day < last


def _rules(groups: Iterable[Group]) -> Counter[str]:
    found: Counter[str] = Counter()
    for group in groups:
        if group.action != "allow":
            found[group.rule] += group.attempts
    return found


def quantile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank quantile of sorted values; None of none."""
    if not values:
        return None
    return values[max(0, -(-int(share * 1000) * len(values) // 1000) - 1)]
