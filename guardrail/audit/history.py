"""Which policy was in force when, and which of its rules: from the log's own entries.

Where a log holds no entry of the kind `policy`, what attempts were decided by stands in.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from guardrail.audit.records import Count, Event

_DAY = 86_400_000_000_000


@dataclass(frozen=True, slots=True)
class Control:
    """One rule as a policy entry states it, and when it was in force.

    since, until: ns; until is None while it still is. policy: name and version it came with.
    """

    rule: str
    action: str
    reason: str
    law: tuple[str, ...]
    floor: bool
    overlay: str
    description: str
    policy: str
    since: int
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """A policy in force. ref: as attempts name it; seq: its entry, 0 where it is only inferred."""

    ref: str
    since: int
    until: int | None
    seq: int = 0
    rules: tuple[Mapping[str, Any], ...] = ()

    @property
    def short(self) -> str:
        """Name, version and the first characters of the digest."""
        return short(self.ref)


def short(ref: str) -> str:
    """Name, version and the first characters of the digest of `name@version sha256:...`."""
    name, _, digest = ref.partition(" sha256:")
    return f"{name} {digest[:8]}" if digest else name


def versions(events: Sequence[Event], counts: Iterable[Count], offset: int) -> tuple[Version, ...]:
    """Policies in force, oldest first, from `policy` entries, else from what attempts name."""
    found = [_stated(event) for event in events]
    known = {version.ref for version in found}
    first: dict[str, int] = {}
    for count in sorted(counts, key=lambda count: (count.day, count.policy)):
        if count.policy not in known:
            first.setdefault(count.policy, count.day * _DAY - offset)
    found += [Version(ref, since, None) for ref, since in first.items()]
    found.sort(key=lambda version: version.since)
    ends = [*(version.since for version in found[1:]), None]
    return tuple(replace(version, until=end) for version, end in zip(found, ends, strict=False))


def _stated(event: Event) -> Version:
    text = event.body.get("text", {})
    rules = [dict(rule, overlay="") for rule in text.get("rules", ())]
    for place, more in text.get("overlays", {}).items():
        rules += [dict(rule, overlay=place) for rule in more]
    ref = str(event.body.get("policy", "?"))
    return Version(ref, event.at, None, event.seq, tuple(rules))


def controls(history: Sequence[Version]) -> tuple[Control, ...]:
    """Every rule that ever was in force, with the days it was; a changed rule counts as another."""
    running: dict[str, Control] = {}
    ended: list[Control] = []
    for version in history:
        stated = {_key(rule): rule for rule in version.rules}
        gone = [key for key in running if key not in stated]
        ended += [replace(running.pop(key), until=version.since) for key in gone]
        for key, rule in stated.items():
            if key not in running:
                running[key] = _control(rule, version)
    return tuple(sorted([*ended, *running.values()], key=lambda one: (one.since, one.rule)))


def _key(rule: Mapping[str, Any]) -> str:
    return json.dumps(rule, sort_keys=True)


def _control(rule: Mapping[str, Any], version: Version) -> Control:
    law = rule.get("law", ())
    return Control(
        str(rule.get("id", "?")),
        str(rule.get("action", "")),
        str(rule.get("reason", "")),
        tuple(map(str, law)) if isinstance(law, list) else (),
        bool(rule.get("floor")),
        str(rule.get("overlay", "")),
        str(rule.get("description", "")),
        version.short,
        version.since,
    )
