"""Pieces of a stream read in fields that no reader knows."""

from __future__ import annotations

import re
from collections.abc import Iterator

from guardrail.adapters.wire.content import MAX_VALUES, items, odd_names

_MARKS = frozenset({"format", "id", "index", "object", "signature", "type"})
_DATA = re.compile(r"data:", re.IGNORECASE)


def delta_rest(
    value: object, known: frozenset[str], where: str, *, spare: re.Pattern[str] | None = None
) -> Iterator[tuple[str, str]]:
    """Texts in the fields of a mapping that have other names: one channel a place.

    where: the channels' beginning, such as `other:0`. spare: texts to leave out.

    Raises ValueError for what no stream can be screened of.
    """
    if not isinstance(value, dict) or not value.keys() - known:
        return
    rest = {name: value[name] for name in value if name not in known}
    left: list[tuple[str, object]] = [(where, rest)]
    looked = 0
    while left:
        place, item = left.pop()
        looked += 1
        if looked > MAX_VALUES:
            raise ValueError("too many values to screen")
        if isinstance(item, str) and item and not (spare and spare.fullmatch(item)):
            if _DATA.match(item):
                raise ValueError("data in a stream cannot be screened")
            yield place, item
        elif isinstance(item, list | dict):
            left.extend(reversed([(f"{place}:{name}", one) for name, one in _inside(item)]))


def as_pair(channel: str, delta: object) -> Iterator[tuple[str, str]]:
    """A delta in its channel; nothing for None and for an empty one. Raises ValueError for else."""
    if isinstance(delta, str):
        if delta:
            yield channel, delta
    elif delta is not None:
        raise ValueError(f"a delta given as {type(delta).__name__}")


def _inside(item: object) -> Iterator[tuple[str, object]]:
    pairs = item.items() if isinstance(item, dict) else enumerate(items(item))
    if isinstance(item, dict):
        yield from (("", name) for name in odd_names(item))
    for name, one in pairs:
        if name not in _MARKS:
            yield str(name), one
