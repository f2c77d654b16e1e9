"""What a text does with the people in it: shows them, names them as makers, or mentions them."""

from __future__ import annotations

import re
from functools import cache, cached_property
from typing import TYPE_CHECKING

from guardrail.detect.persons.lexicon import rows
from guardrail.records import Operation, Role

if TYPE_CHECKING:
    from guardrail.records import TextPart

_REACH = 60
_MAKER = re.compile(
    r"\bby\b|style|inspir|influen|based|reminiscent|homage|tribute|artist|work|la $"
    r"|[\uff1a:はの]\s*$|[^\x00-\u2fff]\s*$"
)
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

    def __init__(self, text: str, part: TextPart, operation: Operation) -> None:
        self.text = text
        self._visual = operation.visual or part.origin == "tool_arguments"
        self._output = part.origin == "output"
        self._said = self._visual or part.role == "assistant"

    @cached_property
    def _pictures(self) -> bool:
        return self._visual or pattern("picture").search(self.text) is not None

    @cached_property
    def _generates(self) -> bool:
        return pattern("generate").search(self.text) is not None

    @cached_property
    def _depicts(self) -> bool:
        if self._said:
            return self._visual or self._output
        return self._generates or pattern("inform").search(self.text) is None

    def role(self, start: int, end: int, before: tuple[int, Role] | None, *, name: bool) -> Role:
        """The role of the person at `start`..`end` of the canonical view.

        before: where the person named before ends, and their role.
        """
        if name and self._creates(start, end, before):
            return Role.CREATOR
        if not self._depicts:
            return Role.MENTIONED
        if not (name or self._visual or self._generates or self._pictures):
            return Role.MENTIONED
        return Role.DEPICTED

    def _creates(self, start: int, end: int, before: tuple[int, Role] | None) -> bool:
        if before and before[1] is Role.CREATOR and _CHAIN.fullmatch(self.text, before[0], start):
            return True
        if pattern("creator_after").match(self.text[end : end + _REACH]):
            return True
        lead = self.text[max(0, start - _REACH) : start]
        if not _MAKER.search(lead):
            return False
        if pattern("creator_before").search(lead):
            return True
        return (
            pattern("art_by").search(lead) is not None
            and self._pictures
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
