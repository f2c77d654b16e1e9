"""Which parts of a conversation its newest turn speaks about, told from their words alone.

A turn leans on those before it ("now without the coat", "the same with her"), or stands alone. What
stands alone releases what was said before; how far, `Thread` says. In doubt a turn leans.
An application's own instructions ("never show nudity, of Jane Doe least of all") are not what a
user asks for, nor is what an assistant says in declining.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from guardrail.detect.intent import cues as intent_cues
from guardrail.detect.lexicon import Hit, Lexicon

if TYPE_CHECKING:
    from guardrail.detect.base import Document
    from guardrail.text import Views

_FEWEST, _SHORT, _LEAD = 4.0, 12.0, 30  # words, words, characters
_ARTICLE_REACH = 24
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]")
_SPACED = re.compile("[^\\W_\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]+")
_ASKS = re.compile("[?\uff1f\u061f]|か[。\\s]*$")
_ORDERS, _ANSWERS = frozenset({"system", "developer"}), frozenset({"assistant"})
_CONVERSATION, _REFUSAL = 2, 300  # parts, characters
_CLAUSE = re.compile("[.,;:!?\u3002\uff0c\uff1b\uff01\uff1f\n]")


@dataclass(frozen=True, slots=True)
class Thread:
    """What the newest turn builds on.

    released: parts of the request it does not build on, by index.
    forbidding: instructions that forbid things: never built on.
    declining: answers that decline: only the people in them are built on.
    own: whether it names a subject of its own, so that even a sexual request does not mean
        whoever was spoken of in the released parts.
    newest: the first part of the newest turn; 0 where it is the only one.
    open: whether it leans back past the beginning of the request, into an earlier one.
    far: whether it may mean anything said before, however long ago.
    """

    released: frozenset[int] = frozenset()
    forbidding: frozenset[int] = frozenset()
    declining: frozenset[int] = frozenset()
    own: bool = False
    newest: int = 0
    open: bool = False
    far: bool = False


WHOLE = Thread()
"""Nothing is released."""


@dataclass(frozen=True, slots=True)
class _Turn:
    leans: bool
    far: bool
    own: bool


def latest_thread(document: Document, *, continued: bool = False) -> Thread:
    """Tell what the newest turn of a request builds on.

    continued: whether the request itself goes on from earlier ones of its conversation.
    Instructions to a model that draws always count: what comes of them is not text that is read
    again.
    """
    if len(document.parts) < _CONVERSATION and not continued:
        return WHOLE
    starts = _user_turns(document)
    if not starts:
        return WHOLE
    instructions = frozenset[int]() if document.operation.visual else _parts(document, _ORDERS)
    thread = Thread()
    if len(starts) > 1 or continued:
        thread = _thread(document, starts)
    return replace(
        thread,
        forbidding=frozenset(i for i in instructions if _says(document.views(i), "forbids")),
        declining=frozenset(i for i in _parts(document, _ANSWERS) if _declines(document, i)),
    )


def _thread(document: Document, starts: Sequence[int]) -> Thread:
    at = len(starts) - 1
    turn = _read(document, starts, at)
    while turn.leans and not turn.far and at:
        at -= 1
        turn = _read(document, starts, at)
    leans = turn.leans or turn.far
    first = 0 if leans else starts[at]
    released = frozenset(i for i in range(first) if document.parts[i].role not in _ORDERS)
    return Thread(released, own=turn.own, newest=starts[-1], open=leans, far=turn.far)


def _parts(document: Document, roles: frozenset[str]) -> frozenset[int]:
    said = enumerate(document.parts)
    return frozenset(i for i, part in said if part.role in roles and part.origin == "message")


def _declines(document: Document, part: int) -> bool:
    short = len(document.parts[part].text) <= _REFUSAL
    return short and _says(document.views(part), "declines")


def _says(views: Views, label: str) -> bool:
    return any(hit.entry.label == label for hit in _declines_lexicon().hits(views))


def _user_turns(document: Document) -> list[int]:
    """The first part of every turn of the user's, in order."""
    starts: list[int] = []
    before: tuple[str, int] | None = None
    for index, part in enumerate(document.parts):
        if part.origin == "output":
            break
        here = (part.role, part.turn)
        if part.role == "user" and here != before:
            starts.append(index)
        before = here
    return starts


def _read(document: Document, starts: Sequence[int], at: int) -> _Turn:
    end = starts[at + 1] if at + 1 < len(starts) else len(document.parts)
    views = [document.views(i) for i in range(starts[at], end) if document.parts[i].role == "user"]
    visual = document.operation.visual
    turns = [_read_text(v, visual=visual) for v in views if v.raw.strip()]
    return _Turn(
        leans=all(turn.leans for turn in turns),
        far=any(turn.far for turn in turns),
        own=any(turn.own for turn in turns) and not any(turn.far for turn in turns),
    )


def _read_text(views: Views, *, visual: bool) -> _Turn:
    text = views.canonical.text
    length = _words(text)
    hits = [hit for hit in _lexicon().hits(views) if hit.view is views.canonical]
    lead = len(text) if length <= _SHORT else (_LEAD if not _CJK.search(text) else _LEAD // 2)
    fresh = _of(hits, "fresh")
    leading = [h for h in hits if h.start < lead and not _within(h, fresh)]
    definite = _nouns(hits, text, "definite")
    far = bool(_of(leading, "far"))
    own = bool(_of(hits, "subject") or _nouns(hits, text, "indefinite")) and not definite
    alone = bool(fresh) or (
        length >= _FEWEST
        and not _of(leading, "back")
        and not any(h.start < lead for h in definite)
        and (own or (visual and length >= _SHORT / 2) or _asks(views))
    )
    return _Turn(leans=not alone, far=far and not fresh, own=own and not _of(hits, "far"))


def _of(hits: Sequence[Hit], label: str) -> list[Hit]:
    return [hit for hit in hits if hit.entry.label == label]


def _within(hit: Hit, others: Sequence[Hit]) -> bool:
    return any(hit is not o and o.start <= hit.start and hit.end <= o.end for o in others)


def _nouns(hits: Sequence[Hit], text: str, article: str) -> list[Hit]:
    """People with such an article as the last one in front of them."""
    articles = sorted((h for h in hits if h.entry.label in ("definite", "indefinite")), key=_start)
    found = []
    for noun in _of(hits, "noun"):
        near = [a for a in articles if a.end <= noun.start <= a.end + _ARTICLE_REACH]
        if near and near[-1].entry.label == article:
            between = text[near[-1].end : noun.start]
            found += [] if _CLAUSE.search(between) else [noun]
    return found


def _start(hit: Hit) -> int:
    return hit.start


def _asks(views: Views) -> bool:
    return bool(_ASKS.search(views.canonical.text)) or bool(intent_cues().hits(views))


def _words(text: str) -> float:
    """About how many words a text has; two characters count as one where none are written."""
    return len(_SPACED.findall(text)) + len(_CJK.findall(text)) / 2


@cache
def _lexicon() -> Lexicon:
    return Lexicon.load("guardrail.detect.cues", "turns.tsv")


@cache
def _declines_lexicon() -> Lexicon:
    return Lexicon.load("guardrail.detect.cues", "declines.tsv")
