"""Normalised views of a text, each mapping its ranges back to the original."""

from guardrail.text.scripts import (
    has_han,
    has_hangul,
    has_japanese,
    has_kana,
    is_latin,
    script_runs,
    scripts_of,
)
from guardrail.text.views import View, Views, fold

__all__ = [
    "View",
    "Views",
    "fold",
    "has_han",
    "has_hangul",
    "has_japanese",
    "has_kana",
    "is_latin",
    "script_runs",
    "scripts_of",
]
