"""The words of reports, in each language."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml


class Words:
    """What a report says, by key, in one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._texts = catalogue(language)

    def __call__(self, key: str, **values: Any) -> str:
        """The text of a key, with values put in."""
        return self._texts[key].format(**values) if values else self._texts[key]

    def code(self, kind: str, value: str) -> str:
        """What a code of the log is called; the code itself where it has no other name."""
        return self._texts.get(f"{kind}.{value}", value)


@cache
def catalogue(language: str) -> dict[str, str]:
    """Every text of a language, by key such as `summary.title`."""
    text = files("guardrail.audit.words").joinpath(f"{language}.yaml").read_text("utf-8")
    found: dict[str, str] = {}
    for part, entries in yaml.safe_load(text).items():
        found |= {f"{part}.{key}": " ".join(value.split()) for key, value in entries.items()}
    return found
