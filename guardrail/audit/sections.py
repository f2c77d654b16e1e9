"""The parts a report can have, by the names that templates and questions use."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

SectionName: TypeAlias = Literal[
    "summary",
    "answers",
    "controls",
    "changes",
    "volumes",
    "rules",
    "latency",
    "coverage",
    "repeat",
    "samples",
    "dsa",
    "custody",
    "evidence",
    "limits",
]
SECTIONS: tuple[SectionName, ...] = get_args(SectionName)
