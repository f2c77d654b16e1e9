"""What a text does with the people in it: shows them, names them as makers, or mentions them."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from guardrail.detect.persons.lexicon import rows
from guardrail.records import Operation, Role

if TYPE_CHECKING:
    from guardrail.records import TextPart

_REACH = 90
_CHAIN = re.compile(
    r"(?:['’]s)?[\s,&/+|;]*(?:and|&|y|et|und|e|with|by|や|と|、|和|与)?[\s,]*(?:the )?"
)


@cache
def pattern(group: str) -> re.Pattern[str]:
    """All expressions of one group of the role data as one pattern."""
    return re.compile("|".join(f"(?:{p})" for label, p in rows("roles.tsv") if label == group))


class Setting:
    """How one part of a request treats the people it speaks of.

    text: the part's canonical view.
    """

    __slots__ = ("_depicts", "_pictures", "_visual", "text")

    def __init__(self, text: str, part: TextPart, operation: Operation) -> None:
        self.text = text
        self._visual = operation.visual or part.origin == "tool_arguments"
        self._pictures = self._visual or pattern("picture").search(text) is not None
        self._depicts = self._visual or (
            part.role != "assistant" and (self._generates() or not self._informs())
        )

    def _generates(self) -> bool:
        return pattern("generate").search(self.text) is not None

    def _informs(self) -> bool:
        return pattern("inform").search(self.text) is not None

    def role(self, start: int, end: int, before: tuple[int, Role] | None, *, name: bool) -> Role:
        """The role of the person at `start`..`end` of the canonical view.

        before: where the person named before ends, and their role.
        """
        if name and self._creates(start, end, before):
            return Role.CREATOR
        if not self._depicts:
            return Role.MENTIONED
        if not name and not self._visual and not self._pictures and not self._generates():
            return Role.MENTIONED
        return Role.DEPICTED

    def _creates(self, start: int, end: int, before: tuple[int, Role] | None) -> bool:
        if before and before[1] is Role.CREATOR and _CHAIN.fullmatch(self.text, before[0], start):
            return True
        lead = self.text[max(0, start - _REACH) : start]
        if pattern("creator_before").search(lead):
            return True
        if pattern("creator_after").match(self.text[end : end + _REACH]):
            return True
        return (
            self._pictures
            and pattern("art_by").search(lead) is not None
            and pattern("not_art_by").search(lead) is None
        )


def invented(text: str, start: int, end: int) -> bool:
    """Whether the text says outright that the one named at `start`..`end` is made up."""
    lead = text[max(0, start - _REACH) : start]
    return (
        pattern("invented").search(lead) is not None
        or pattern("invented_after").match(text[end : end + _REACH]) is not None
    )


def in_context(text: str, start: int, end: int) -> bool:
    """Whether the words around an ordinary word make it a person's name."""
    lead = text[max(0, start - _REACH) : start]
    return (
        pattern("context_before").search(lead) is not None
        or pattern("context_after").match(text[end : end + _REACH]) is not None
    )


def of_franchise(text: str) -> bool:
    """Whether the text speaks of characters of films, games or comics."""
    return pattern("franchise").search(text) is not None
