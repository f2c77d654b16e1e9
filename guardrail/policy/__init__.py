"""The policy: what is allowed to whom, read from YAML and judged without side effects."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from guardrail.policy.engine import BoundPolicy, Need
from guardrail.policy.model import Policy
from guardrail.policy.rule import Limits, Rule, When

__all__ = ["BoundPolicy", "Limits", "Need", "Policy", "Rule", "When", "load_policy"]


def load_policy(source: str | Path, *, known_detectors: Collection[str] | None = None) -> Policy:
    """Read a policy: the name of a shipped one, or a path.

    known_detectors: names the policy may list; None leaves them unchecked.
    Raises PolicyError with everything that is wrong, ConfigurationError when there is no file.
    """
    from guardrail.policy.loader import load

    return load(source, known_detectors=known_detectors).policy
