"""Which policies decided: what each says stands in the log from its first attempt on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from guardrail.log.event import LogEntry
    from guardrail.records import PolicyRef

EVENT = "policy"
_SHORT = ("id", "action", "reason", "floor", "law")
_MOST = 60_000


class Policies:
    """What this process knows of policies, and which of them it has seen to be in the log."""

    def __init__(self) -> None:
        self._texts: dict[str, Mapping[str, object]] = {}

    def add(self, policy: PolicyRef, text: Mapping[str, object]) -> None:
        """Make known what a policy says. text: what its digest was made from."""
        self._texts[policy.digest] = text

    def is_due(self, policy: PolicyRef) -> bool:
        """Whether the log may not have it yet."""
        return policy.digest in self._texts

    def entry(self, policy: PolicyRef, last: LogEntry | None) -> dict[str, Any] | None:
        """The fields of its entry; None where the `last` one of this kind is its own."""
        if last is not None and json.loads(last.body)["digest"] == policy.digest:
            return None
        text = self._texts[policy.digest]
        whole = len(json.dumps(text, ensure_ascii=False).encode()) <= _MOST
        return {
            "policy": str(policy),
            "name": policy.name,
            "version": policy.version,
            "digest": policy.digest,
            "whole": whole,
            "text": text if whole else _short(text),
        }

    def done(self, policy: PolicyRef) -> None:
        """The log has it."""
        self._texts.pop(policy.digest, None)


def _short(text: Mapping[str, Any]) -> dict[str, Any]:
    """Its rules without their conditions, for a policy that does not fit into an entry."""
    rules = [{name: rule[name] for name in _SHORT} for rule in text["rules"]]
    places = {
        code: [{name: rule[name] for name in _SHORT} for rule in rules]
        for code, rules in text["overlays"].items()
    }
    return {"rules": rules, "overlays": places}
