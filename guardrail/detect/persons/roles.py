"""What a text does with the people in it: shows them, names them as makers, or mentions them."""

from __future__ import annotations

import re
from functools import cache, cached_property
from typing import TYPE_CHECKING

from guardrail.detect.persons.lexicon import rows
from guardrail.detect.persons.wording import Wording, said, words
from guardrail.records import Operation, Role

if TYPE_CHECKING:
    from guardrail.detect.persons.hits import Hit
    from guardrail.records import TextPart

_ONE_BY_ONE = frozenset({"picture", "generate", "inform"})
_REACH = 60
_FAR = 400
_MAKER = re.compile(
    r"(?:\b(?:by|of|from|like|to|la|styles?|inspired|artists?|painters?|photographers?|directors?"
    r"|masters?|great|legendary|famous|modern|the|von|vom|an|par|por|pela|pelo|da|di|de|du|del"
    r"|della|do|dos|em|en|a|al|van|door|av|af|med|stylu|gaya|karya|oleh)"
    r"|\bd['’]|[\uff1a:はの]|[^\x00-\u2fff])[\s\W]*$"
)
_THIRD = ("his ", "her ", "their ")
_BY = re.compile(r"\bby\b\W*$")
_TAG_BEFORE = re.compile(r"[,|]\s*(?:and )?$")
_TAG_AFTER = re.compile(r"\s*(?:[,|.]|$|and |& )")
_CHAIN = re.compile(
    r"(?:['’]s)?[\s,&/+|;]*(?:and|&|y|et|und|e|with|by|や|と|、|和|与)?[\s,]*(?:the )?"
)
_LIST = re.compile(
    r"(?:['’]s)?[\s,&/+|;]*(?:(?:and |by |& )?[^\W\d_]+(?: [^\W\d_]+)?\s*(?:,|and|&)\s*){0,6}"
    r"(?:and |& |by )?"
)


@cache
def wordings(group: str) -> tuple[Wording, ...]:
    """The wordings of one group of the role data."""
    return tuple(Wording.of(*rest) for label, *rest in rows("roles.tsv") if label == group)


@cache
def pattern(group: str) -> re.Pattern[str]:
    """All expressions of one group of the role data as one pattern."""
    return re.compile("|".join(f"(?:{w.source})" for w in wordings(group)))


def load_roles() -> None:
    """Compile what nearly every text with people in it needs."""
    for group in {label for label, *_ in rows("roles.tsv")} - _ONE_BY_ONE:
        pattern(group)
    for group in _ONE_BY_ONE:
        for wording in wordings(group):
            _ = wording.pattern


class Setting:
    """How one part of a request treats the people it speaks of.

    text: the part's canonical view.
    """

    def __init__(self, text: str, part: TextPart, operation: Operation) -> None:
        self.text = text
        self._visual = operation.visual or part.origin == "tool_arguments"
        self._shows = self._visual or part.origin == "output"

    @cached_property
    def _words(self) -> frozenset[str]:
        return words(self.text)

    @cached_property
    def _pictures(self) -> bool:
        return self._visual or said(wordings("picture"), self.text, self._words)

    @cached_property
    def _generates(self) -> bool:
        return said(wordings("generate"), self.text, self._words)

    @cached_property
    def _depicts(self) -> bool:
        if self._shows:
            return True
        return self._generates or not said(wordings("inform"), self.text, self._words)

    def role(self, hit: Hit, before: tuple[int, Role] | None) -> Role:
        """The role of a person whose place is one in the canonical view.

        before: where the person named before ends, and their role.
        """
        if hit.name and (
            self._goes_on(hit, before) or self._creates(hit) or self._tagged(hit, before)
        ):
            return Role.CREATOR
        if not self._depicts:
            return Role.MENTIONED
        if not (hit.name or self._visual or self._generates or self._pictures):
            return Role.MENTIONED
        return Role.DEPICTED

    def _goes_on(self, hit: Hit, before: tuple[int, Role] | None) -> bool:
        """Whether the name goes on with a list of makers; no star may hide in one."""
        if before is None or before[1] is not Role.CREATOR or (hit.known and not hit.maker):
            return False
        gap = _LIST if hit.maker else _CHAIN
        return gap.fullmatch(self.text, before[0], hit.start) is not None

    def invented(self, start: int, end: int) -> bool:
        """Whether the text says outright that the one named at `start`..`end` is made up."""
        text, have = self.text, self._words
        if any(w.applies(have) for w in wordings("invented")):
            lead = text[max(0, start - _REACH) : start]
            if pattern("invented").search(lead):
                return True
            return pattern("invented_after").match(text[end : end + _REACH]) is not None
        return False

    def of_nobody(self, start: int, end: int) -> bool:
        """Whether a relation is a part to be played, or that of somebody made up."""
        text = self.text
        lead = text[max(0, start - _FAR) : start]
        if text.startswith(_THIRD, start) and pattern("indefinite").search(lead):
            return True
        if pattern("played_after").match(text[end : end + _REACH]):
            return True
        return pattern("played").search(text[max(0, start - _REACH) : end]) is not None

    def _creates(self, hit: Hit) -> bool:
        after = self.text[hit.end : hit.end + _REACH]
        if pattern("creator_after").match(after):
            return True
        lead = self.text[max(0, hit.start - _REACH) : hit.start]
        if hit.maker and self._made(lead, after):
            return True
        if not _MAKER.search(lead):
            return False
        if _BY.search(lead) and not (hit.known and not hit.maker):
            by = pattern("art_by" if self._pictures else "made_by")
            if by.search(lead):
                return self._not_done(lead)
        return pattern("creator_before").search(lead) is not None

    def _made(self, lead: str, after: str) -> bool:
        """Whether the words beside one who makes pictures speak of the works."""
        if pattern("not_maker").match(after):
            return False
        if pattern("maker_after").match(after) or pattern("maker_before").search(lead):
            return True
        return not self._depicts and not self._shows

    @staticmethod
    def _not_done(lead: str) -> bool:
        """Whether what stands before "by" is a thing, not what somebody does to another."""
        if pattern("not_art_by").search(lead):
            return False
        return (
            not pattern("done_by").search(lead) or pattern("made_by_hand").search(lead) is not None
        )

    def _tagged(self, hit: Hit, before: tuple[int, Role] | None) -> bool:
        """Whether one who makes pictures stands among the style words after the subject."""
        if not (hit.maker and hit.start and self._visual):
            return False
        shown = before is not None and before[1] is not Role.CREATOR
        if shown and before and _CHAIN.fullmatch(self.text, before[0], hit.start):
            return False
        lead = self.text[max(0, hit.start - _FAR) : hit.start]
        return bool(
            _TAG_BEFORE.search(lead)
            and _TAG_AFTER.match(self.text, hit.end)
            and pattern("art_tail").search(lead)
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


def of_thing(text: str, start: int, end: int) -> bool:
    """Whether the words around a name that a thing may have speak of the thing."""
    lead = text[max(0, start - _REACH) : start]
    return (
        pattern("thing_after").match(text[end : end + _REACH]) is not None
        or pattern("thing_before").search(lead) is not None
    )
