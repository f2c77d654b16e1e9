"""Proves from outside that every surface screens and logs, or names the hole.

What is sent is data (`plan.yaml`), what it says is judged by pure functions (`judge`), and a door
(`doors`) is how something is called: over HTTP, in process, or as a library's function.
"""

from __future__ import annotations

from guardrail.probe.judge import Row
from guardrail.probe.plan import KINDS, MARKER
from guardrail.probe.run import MAX_REQUESTS, Prober, Settings, probed
from guardrail.probe.target import ADAPTERS, Opening, opened

__all__ = [
    "ADAPTERS",
    "KINDS",
    "MARKER",
    "MAX_REQUESTS",
    "Opening",
    "Prober",
    "Row",
    "Settings",
    "opened",
    "probed",
]
