"""The detector `edit.upload`: whether an uploaded picture is to be changed.

No detector of faces is asked here, so whoever uploads a picture is presumed to show a person.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import ClassVar

from guardrail.detect.base import Document
from guardrail.detect.lexicon import Hit, Lexicon
from guardrail.records import FactName, Finding, Kind, Role

_EDIT, _QUESTION = "edit", "question"
_NOT_ASKING = frozenset({"assistant", "system", "developer"})
_PRESUMED = 0.5
_LEADING, _ENDING = 16, 8  # characters a question word may be from either end


class UploadEdit:
    """Reports an `edit` of a photo, and the person presumed to be in it.

    An operation that edits is one, whether or not the picture came along; so is any other visual
    operation with a picture, and a conversation with one whose words ask for a change. A plain
    question about a picture only mentions who is in it; words that are neither depict.
    """

    name: ClassVar[str] = "edit.upload"
    version: ClassVar[str] = "1"
    provides: ClassVar[frozenset[FactName]] = frozenset({"edit", "persons"})
    cost: ClassVar[float] = 1.0
    inline: ClassVar[bool] = True

    def __init__(self) -> None:
        self._lexicon = _lexicon()

    def detect(self, document: Document) -> Iterable[Finding]:
        """Report on the uploaded pictures and the parts not seen before; no spans."""
        operation = document.operation
        if operation.edits or (operation.visual and document.images):
            return [self._edit(), self._person(Role.DEPICTED)]
        if not document.images:
            return []
        asked = [self._asked(document, i) for i in range(document.fresh, len(document.parts))]
        if _EDIT in asked:
            return [self._edit(), self._person(Role.DEPICTED)]
        unclear = "unclear" in asked
        return [self._person(Role.DEPICTED if unclear else Role.MENTIONED)]

    def _asked(self, document: Document, part: int) -> str:
        text = document.parts[part]
        if text.role in _NOT_ASKING and text.origin != "tool_arguments":
            return ""
        hits = self._lexicon.hits(document.views(part))
        if any(hit.entry.label == _EDIT for hit in hits):
            return _EDIT
        asks = any(_leads_or_ends(hit) for hit in hits) or not text.text.strip()
        return _QUESTION if asks else "unclear"

    def _edit(self) -> Finding:
        return Finding(detector=self.name, version=self.version, label="edit", value="photo")

    def _person(self, role: Role) -> Finding:
        return Finding(
            detector=self.name,
            version=self.version,
            label="person",
            value=Kind.UPLOADED,
            role=role,
            score=_PRESUMED,
        )


def _leads_or_ends(hit: Hit) -> bool:
    """Whether a question word stands where it asks, not where it only joins two clauses."""
    return hit.start <= _LEADING or len(hit.view.text) - hit.end <= _ENDING


@cache
def _lexicon() -> Lexicon:
    return Lexicon.load("guardrail.detect.cues", "edit.tsv")
