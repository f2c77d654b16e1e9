"""Questions to a judge in which the text judged can be nothing but text."""

from __future__ import annotations

import re
import secrets
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from guardrail.text import Views

if TYPE_CHECKING:
    from collections.abc import Mapping

    from guardrail.adapters.judge.families import Family

VERDICTS = ("none", "suggestive", "nudity", "explicit")
QUOTE = "> "
_SIGNS = str.maketrans("<>[]{}|`", "\u2039\u203a()()\u00a6'")
_JOINERS = "\u200c\u200d"  # that Persian, Indic scripts and emoji are written with
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn")
_TAGS = range(0xE0000, 0xE1000)
_TOKEN = re.compile(r"<[|/\s]*\w[^<>]*>|\|>|<\||\[/?\s*inst|<<\s*sys", re.IGNORECASE)
_CODE = re.compile(r"(?=[a-zA-Z0-9+/_-]*[A-Z0-9+/])[a-zA-Z0-9+/_-]{20,}|(?:[.-]+[ /]+){6,}")


@dataclass(frozen=True, slots=True)
class Question:
    """What a judge is asked. check: what its answer must hold; empty: nothing."""

    messages: tuple[Mapping[str, str], ...]
    check: str = ""


def question(family: Family, text: str) -> Question:
    """Ask about a text, with marks that it cannot know.

    Raises ValueError where nothing of the text can be shown.
    """
    if family.layout == "raw":
        return Question(_said("user", text))
    lines = plain_lines(text)
    if not any(lines):
        raise ValueError("nothing of the text can be shown")
    if family.layout == "line":
        return Question(_said("user", " ".join(line for line in lines if line)))
    fence, check = _mark(text), _mark(text)
    marks = {"fence": fence, "check": check}
    parts = [one and one.substitute(marks).strip() for one in (family.before, family.after)]
    before, after = (part or "" for part in parts)
    quoted = [QUOTE + line for line in lines]
    asked = "\n".join((before, f"[{fence}]", *quoted, f"[/{fence}]", after))
    system = family.system.substitute(marks) if family.system else ""
    return Question((*_said("system", system), *_said("user", asked)), check)


def plain_lines(text: str) -> list[str]:
    """The lines of a text, without anything that a model may take for more than text.

    No angle, square or curly bracket, bar or backquote is left, in any width, so no token of a
    chat format either; no control, format, private or tag character but the joiners that
    languages need. All that any standard calls a line break breaks the line.
    """
    return [_visible(line.translate(_SIGNS)).strip() for line in _folded(text).splitlines()]


def speaks(family: Family, text: str) -> bool:
    """Whether a text may speak to its judge: in words, tokens, a code or disguised."""
    folded = _folded(text)
    views = Views(text)
    return bool(
        views.undone
        or any(_is_hidden(char) for char in folded if char not in "\r\n\t")
        or _TOKEN.search(folded)
        or _CODE.search(folded)
        or family.address.search(folded.casefold())
        or family.address.search(views.canonical.text)
    )


@cache
def schema() -> dict[str, Any]:
    """The `response_format` of a JSON answer; it does not say what `check` is."""
    fields = {
        "check": {"type": "string"},
        "verdict": {"type": "string", "enum": list(VERDICTS)},
        "minor": {"type": "boolean"},
    }
    shape = {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }
    named = {"name": "verdict", "strict": True, "schema": shape}
    return {"type": "json_schema", "json_schema": named}


def _said(role: str, content: str) -> tuple[Mapping[str, str], ...]:
    return ({"role": role, "content": content},)


def _mark(text: str) -> str:
    """A mark that is not in the text."""
    while (mark := secrets.token_hex(8)) in text:
        continue
    return mark


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _visible(line: str) -> str:
    return "".join(" " if _is_hidden(char) else char for char in line)


def _is_hidden(char: str) -> bool:
    if char in _JOINERS:
        return False
    return ord(char) in _TAGS or unicodedata.category(char) in _HIDDEN
