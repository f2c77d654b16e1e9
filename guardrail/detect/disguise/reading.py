"""The reading of a request's parts: what they say once every sure disguise is undone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from guardrail.detect.disguise.changes import changed
from guardrail.detect.disguise.dense import is_dense_odd, read_dense
from guardrail.detect.disguise.direction import is_dense
from guardrail.detect.disguise.encoded import LONG, encoded, may_be_encoded
from guardrail.detect.disguise.fragments import across, joined, may_be_joined
from guardrail.detect.disguise.marks import REVERSED
from guardrail.detect.disguise.marks import marked as marks_of_tokens
from guardrail.detect.disguise.names import are_near, corrected
from guardrail.detect.disguise.romaji import SOUND, TRICK, may_be_romaji, read_romaji
from guardrail.detect.disguise.segments import chosen
from guardrail.detect.disguise.syllabaries import TRICK as SYLLABARY
from guardrail.detect.disguise.syllabaries import is_swapped, respelled
from guardrail.detect.disguise.turned import MANY, SPELLING, is_backwards, turned
from guardrail.text import Views

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from guardrail.detect.disguise.changes import Change
    from guardrail.text import View

    Range = tuple[int, int]

_ROUNDS = 3
_WEAK = str.maketrans("", "", "nwvkqu")
_HALF_WIDTH = re.compile("[\uff66-\uff9d]{2}")
_LEGIBLE = frozenset({SPELLING})
_SPELLED = frozenset({TRICK, SOUND, SYLLABARY})  # how Japanese is written hides nothing


class Reading(NamedTuple):
    """What a part says undisguised.

    text: the undisguised text. undone: names of the disguises.
    rewritten: half-open ranges of the part that say nothing as they are written, code points.
    translated: those whose words the text has in another script.
    joined: whether the text says what the message before says too.
    """

    text: str
    undone: frozenset[str]
    rewritten: tuple[Range, ...]
    translated: tuple[Range, ...]
    joined: bool
    steps: tuple[View | None, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The part's half-open range behind a range of `text`, code points."""
        size = len(self.text)
        for view in self.steps:
            if view is None:  # written backwards
                start, end = size - end, size - start
            else:
                start, end = view.span(start, end)
        return start, end


def read(views: Views, before: str = "", *, close: bool = False) -> Reading | None:
    """The reading of a text; None where it is as it is written.

    before: the text of the message in front of it, whose last word it may go on with.
    close: whether nobody spoke between the two.
    """
    if not (before or views.undone or _is_odd(views.raw)):
        return None
    draft = _Draft(views)
    draft.decode()
    draft.settle()
    draft.go_on(before, close=close)
    flipped = draft.turn()
    if not draft.rewrote:
        return None
    text = draft.view.text
    steps: tuple[View | None, ...] = tuple(reversed(draft.steps))
    if flipped:
        text, steps = text[::-1], (None, *steps)
    undone = frozenset(draft.tricks - _SPELLED)
    rewritten, translated = tuple(draft.rewritten), tuple(draft.translated)
    return Reading(text, undone, rewritten, translated, draft.joined, steps)


def _is_odd(text: str) -> bool:
    """A quick test that lets through every text with a disguise of words or an encoded run."""
    if not text.isascii() and (is_dense_odd(text) or _HALF_WIDTH.search(text) or is_swapped(text)):
        return True
    tokens = text.replace("_", " ").replace(",", " ").split()
    bare, marked = marks_of_tokens(tokens)
    marks = "".join(marked)
    if marks and (marks.translate(_WEAK) or marks.count("q") > 1 or _slips(marks)):
        return True
    if marks and are_near(bare, marked):
        return True
    if "k" in marks and may_be_romaji(text, tokens, marked):
        return True
    longest = max(map(len, tokens), default=0)
    return longest > LONG or "13" in text or may_be_encoded(text) or may_be_joined(text)


def _slips(marks: str) -> bool:
    """Whether slips are many among the words that no list has; a letter too few counts less."""
    firm = marks.count("w")
    if not firm:
        return False
    weak = marks.count("v")
    return 2 * firm + weak > _FEW and firm + weak >= MANY * (firm + weak + marks.count("u"))


_FEW = 2


class _Draft:
    """A reading on its way: the views it went through, the last of them being read."""

    def __init__(self, views: Views) -> None:
        self.views = views
        self.view = views.whole
        self.steps = [self.view]
        self.tricks: set[str] = set()
        self.rewritten: list[Range] = []
        self.translated: list[Range] = []
        self.rewrote = False
        self.half_width = False
        self.joined = False

    def change(self, changes: Iterable[Change]) -> bool:
        """Make changes; whether there were any."""
        view, done = changed(self.view, changes)
        for change in done:
            self.tricks.add(change.trick)
            if change.trick not in _LEGIBLE:
                self.rewritten.append(self._place(change.start, change.end))
            if change.trick == TRICK:
                self.translated.append(self._place(change.start, change.end))
        if any(change.trick == SYLLABARY for change in done):
            whole = self._place(0, len(self.view.text))
            self.rewritten.append(whole)
            self.translated.append(whole)
        self.view = self.steps[-1] = view
        self.rewrote |= bool(done)
        return bool(done)

    def decode(self) -> None:
        """Decode what is encoded and join what is in pieces; that makes a text of its own."""
        for _ in range(_ROUNDS):
            text = self.view.text
            longest = max(map(len, text.split()), default=0)
            pieces = joined(text) if may_be_joined(text) else ()
            if not self.change([*encoded(text, longest), *pieces]):
                return
            self.views = Views(self.view.text)
            self.view = self.views.whole
            self.steps.append(self.view)

    def settle(self) -> None:
        """Undo what the skeleton undoes."""
        self.half_width = _HALF_WIDTH.search(self.view.text) is not None
        if self.views.undone or self.half_width:
            self.tricks |= self.views.undone
            self.rewrote = True
            settled, places = self.views.settled(chosen)
            self.view = self.steps[-1] = settled
            before = self.steps[:-1]
            settled_at = [_through(before, *place) for place in places]
            self.rewritten += settled_at
            self.translated += [place for place in settled_at if self._is_dense(place)]

    def _is_dense(self, place: Range) -> bool:
        raw = self.steps[0].raw
        return place[0] < len(raw) and is_dense(raw[place[0]])

    def go_on(self, before: str, *, close: bool) -> None:
        """Read on from the message before, where this one does: what it says is said of both."""
        if before and (found := across(before, self.view.text, close=close)):
            change, cut = found
            whole = self._place(0, len(self.view.text))
            self.view, _ = changed(self.view, [change])
            self.steps[-1] = self.view
            self.rewrote = self.joined = True
            self.rewritten.append(whole)
            self.translated.append(whole)
            if cut:
                self.tricks.add(change.trick)

    def turn(self) -> bool:
        """Undo what is done to words; whether the text is written backwards as a whole."""
        for _ in range(_ROUNDS):
            changes, flipped = self._changes()
            if flipped:
                self.tricks.add(REVERSED)
                self.rewrote = True
                self.rewritten.append(self._place(0, len(self.view.text)))
                return True
            if not changes or not self.change(changes):
                break
        return False

    def _changes(self) -> tuple[list[Change], bool]:
        """What may be undone in the words of a text, and whether it is backwards as a whole."""
        text, tricks = self.view.text, self.tricks
        tokens = text.replace("_", " ").replace(",", " ").split()
        bare, marked = marks_of_tokens(tokens)
        marks = set("".join(marked))
        if changes := self._japanese(marks):
            return changes, False
        changes = [] if text.isascii() else list(read_dense(text, parted="separators" in tricks))
        if marks or tricks or "13" in text:
            if not marks.isdisjoint("rRq") and is_backwards(text):
                return [], True
            changes += turned(text, marks, tricks)
            if "n" in marks and are_near(bare, marked):
                changes += corrected(text)
        return changes, False

    def _japanese(self, marks: Collection[str]) -> list[Change]:
        """Japanese as it is usually written, where it stands in Latin letters or the other kana."""
        text = self.view.text
        if "k" in marks and (read := list(read_romaji(text))):
            return read
        if text.isascii() or SYLLABARY in self.tricks:
            return []
        return list(respelled(text, sure=self.half_width))

    def _place(self, start: int, end: int) -> Range:
        return _through(self.steps, start, end)


def _through(steps: Iterable[View], start: int, end: int) -> Range:
    for view in reversed(tuple(steps)):
        start, end = view.span(start, end)
    return start, end
