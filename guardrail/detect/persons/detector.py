"""The detector of persons: gathers what the recognisers saw and says kind and role."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from guardrail.detect.persons.alphabets import AlphabetNames
from guardrail.detect.persons.chinese import ChineseNames
from guardrail.detect.persons.hits import Hit, select
from guardrail.detect.persons.index import Entry, NameIndex
from guardrail.detect.persons.japanese import JapaneseNames
from guardrail.detect.persons.korean import KoreanNames
from guardrail.detect.persons.latin import LatinNames
from guardrail.detect.persons.references import References
from guardrail.detect.persons.roles import Setting, in_context, load_roles, of_franchise, of_thing
from guardrail.detect.persons.segmentation import Page
from guardrail.records import FactName, Finding, Kind, Role, Span
from guardrail.text import fold
from guardrail.text.scripts import has_han, has_hangul, has_kana

if TYPE_CHECKING:
    from guardrail.detect.base import Document
    from guardrail.text import View, Views

_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
_CHINESE = re.compile("[的了是在我你他她们們这這那就都和对對说說吗嗎呢吧个個也不到]")
_KNOWN_SCORE = 0.97
_CONTEXT_SCORE = 0.75
_MIN_DISGUISED = 6
_SHORT = 60


class PersonNames:
    """Finds personal names and references to persons, with kind and role.

    trained: whether trained taggers revise what the rules find.
    """

    name = "person.names"
    version = "1"
    provides: frozenset[FactName] = frozenset({"persons"})
    cost = 80.0
    inline = True

    def __init__(self, index: NameIndex | None = None, *, trained: bool = True) -> None:
        self._index = index or NameIndex.shipped()
        self._latin = LatinNames(trained=trained)
        self._japanese = JapaneseNames(trained=trained)
        self._chinese = ChineseNames(trained=trained)
        self._korean = KoreanNames(trained=trained)
        self._alphabets = AlphabetNames()
        self._references = References()
        load_roles()

    def detect(self, document: Document) -> Iterable[Finding]:
        """One finding a person seen in the document's new parts."""
        for number, part, views in document.new_parts():
            hits = select(self._hits(views))
            if not hits:
                continue
            view = views.canonical
            setting = Setting(view.text, part, document.operation)
            for hit, role in _with_roles(hits, views, setting):
                yield Finding(
                    detector=self.name,
                    version=self.version,
                    label="person",
                    value=hit.kind.value,
                    span=Span(number, hit.start, hit.end),
                    score=hit.score,
                    role=role,
                    name=hit.name,
                )

    def _hits(self, views: Views) -> list[Hit]:
        view = views.canonical
        hits = list(self._listed(view, self._index.find(view.text), views.raw))
        if views.kana is not view:
            kana = views.kana
            hits += self._listed(kana, self._index.find_kana(kana.text), views.raw)
        if views.skeleton is not None:
            hits += self._disguised(views.skeleton)
        hits += self._recognised(views)
        hits += self._references.find(view)
        return hits

    def _listed(self, view: View, entries: Iterable[Entry], raw: str) -> Iterator[Hit]:
        for entry in entries:
            start, end = view.span(entry.start, entry.end)
            if entry.thing and (
                not (entry.kind or entry.context) or of_thing(view.text, entry.start, entry.end)
            ):
                yield Hit(start, end, Kind.FICTIONAL, _KNOWN_SCORE, thing=True)
                continue
            if entry.kind is None:
                continue
            if entry.context and not self._fits(view, entry, raw[start:end]):
                continue
            score = _CONTEXT_SCORE if entry.context else _KNOWN_SCORE
            yield Hit(start, end, entry.kind, score, known=True, maker=entry.maker)

    @staticmethod
    def _fits(view: View, entry: Entry, surface: str) -> bool:
        """Whether an ordinary word is meant as the name of somebody well known here."""
        text = view.text
        if entry.kind is Kind.FICTIONAL and not of_franchise(text):
            return False
        if in_context(text, entry.start, entry.end):
            return True
        return (
            surface[0].isupper()
            and not surface.isupper()
            and entry.start > 1
            and text[entry.start - 1] == " "
            and text[entry.start - 2] not in ".!?:|"
        )

    def _disguised(self, view: View) -> Iterator[Hit]:
        """Full names in a text whose letters were spaced out or replaced."""
        offsets = [i for i, c in enumerate(view.text) if c != " " or view.text[i - 1 : i] != " "]
        text = "".join([view.text[i] for i in offsets])
        found = [
            (e.start, e.end, e.kind, True)
            for e in self._index.find(text)
            if e.kind and not e.context and e.end - e.start >= _MIN_DISGUISED
        ]
        found += [(h.start, h.end, h.kind, False) for h in self._latin.find(text)]
        for start, end, kind, known in found:
            if known or " " in text[start:end]:
                span = view.span(offsets[start], offsets[end - 1] + 1)
                yield Hit(*span, kind, 0.9 if known else 0.6, known=known)

    def _recognised(self, views: Views) -> list[Hit]:
        raw = views.raw
        hits: list[Hit] = []
        if _LATIN.search(raw):
            hits += self._latin.find(raw)
        view = views.canonical
        if raw.isascii():
            return hits
        if view.text != raw.lower() and _LATIN.search(view.text):
            hits += [_mapped(hit, view) for hit in self._latin.find(view.text)]
        if has_kana(raw):
            hits += self._japanese.find(raw)
        elif has_han(raw):
            hits += self._chinese.find(raw)
            if len(raw) <= _SHORT and not _CHINESE.search(raw):
                hits += self._japanese_in_han(raw)
        if has_hangul(raw):
            hits += self._korean.find(raw)
        hits += self._alphabets.find(raw)
        return hits

    def _japanese_in_han(self, raw: str) -> list[Hit]:
        """Full Japanese names in a text without kana, but for what is a Chinese word."""
        hits = self._japanese.find(raw, full_only=True)
        if not hits:
            return hits
        page = Page(raw)
        return [hit for hit in hits if not page.is_word(hit.start, hit.end)]


def _mapped(hit: Hit, view: View) -> Hit:
    start, end = view.span(hit.start, hit.end)
    return replace(hit, start=start, end=end)


def _with_roles(hits: list[Hit], views: Views, setting: Setting) -> Iterator[tuple[Hit, Role]]:
    """Each person with a role, looked up where the canonical view has them."""
    last: tuple[int, Role] | None = None
    for hit, start, end in _placed(hits, views):
        kind = hit.kind
        if (hit.name and not hit.known and setting.invented(start, end)) or (
            kind is Kind.RELATIONAL and setting.of_nobody(start, end)
        ):
            kind = Kind.FICTIONAL
        role = setting.role(replace(hit, start=start, end=end), last)
        last = (end, role)
        yield replace(hit, kind=kind) if kind is not hit.kind else hit, role


def _placed(hits: list[Hit], views: Views) -> Iterator[tuple[Hit, int, int]]:
    """Each person with their place in the canonical view."""
    text = views.canonical.text
    if len(text) == len(views.raw):
        for hit in hits:
            yield hit, hit.start, hit.end
        return
    done = 0
    for hit in hits:
        needle = fold(views.raw[hit.start : hit.end], "canonical")
        start = max(text.find(needle, done), done)
        done = min(len(text), start + len(needle))
        yield hit, min(start, done), done
