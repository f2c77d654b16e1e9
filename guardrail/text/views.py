"""The normalised views of one text, made on demand."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Literal

from guardrail.text import skeleton as _skeleton
from guardrail.text.spans import Clusters

if TYPE_CHECKING:
    from collections.abc import Callable

    from guardrail.text.spans import Edits

_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
_UNSET = object()


class View:
    """A normalised text whose ranges map back to the original.

    text: the normalised text.
    """

    __slots__ = ("_clusters", "_edits", "text")

    def __init__(self, text: str, clusters: Clusters, edits: tuple[Edits, ...] = ()) -> None:
        self.text = text
        self._clusters = clusters
        self._edits = edits

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The original's half-open range behind `start`..`end` of this view, in code points.

        Both lie in [0, len(text)], `start <= end`. The result is widened to whole extended
        grapheme clusters (UAX 29). Monotone: a range further right never maps further left. An
        empty range maps to an empty one, or, where it falls inside a cluster or inside what one
        rewriting produced, to the whole of that.

        Raises:
            IndexError: the range is not one of this view.

        """
        if not 0 <= start <= end <= len(self.text):
            raise IndexError(f"{start}..{end} is not a range of a view of {len(self.text)}")
        for edits in self._edits:
            start, end = edits.locate(start, end)
        return self._clusters.widen(start, end)

    @property
    def raw(self) -> str:
        """The original text."""
        return self._clusters.raw

    def derive(self, text: str, edits: Edits) -> View:
        """A view made from this one; `edits` say where its positions moved."""
        return View(text, self._clusters, (edits, *self._edits) if edits else self._edits)


class Views:
    """Every normalised view of one text, each made when first asked for.

    raw: the text as received; lone surrogates are kept.
    """

    __slots__ = (
        "_canonical",
        "_clusters",
        "_folded",
        "_kana",
        "_skeleton",
        "_tricks",
        "_undone",
        "raw",
    )

    def __init__(self, text: str) -> None:
        self.raw = text
        self._clusters = Clusters(text)
        self._canonical: View | None = None
        self._kana: View | None = None
        self._skeleton: object = _UNSET
        self._folded = False
        self._tricks: frozenset[str] = frozenset()
        self._undone: frozenset[str] | None = None

    @property
    def canonical(self) -> View:
        """Invisible and bidi characters removed, NFKC, confusables and case folded."""
        if self._canonical is None:
            self._canonical = self._make_canonical()
        return self._canonical

    @property
    def kana(self) -> View:
        """Canonical with hiragana for katakana, full-size kana, no long marks or middle dots.

        The same object as `canonical` where the text has no kana.
        """
        if self._kana is None:
            self._kana = self.canonical
            if not self.raw.isascii():
                from guardrail.text.kana import unify

                self._kana = unify(self.canonical)
        return self._kana

    @property
    def skeleton(self) -> View | None:
        """Leet, separators and repeated letters undone; None when nothing looks disguised.

        Kana in it are unified as in `kana`. Where a disguise can be read in two ways, both
        readings stand side by side, parted by a space, and map to the whole disguise.
        """
        if self._skeleton is _UNSET:
            self._skeleton, self._tricks = _skeleton.undo(self.canonical)
        return self._skeleton if isinstance(self._skeleton, View) else None

    @property
    def undone(self) -> frozenset[str]:
        """The disguises undone in `canonical` and `skeleton`.

        Any of `invisible`, `bidi`, `width`, `confusable`, `leet`, `separators`, `repeats`.
        Ordinary uses are not reported: emoji sequences, Persian joiners, full-width letters in
        Japanese text.
        """
        if self._undone is None:
            self._undone = self._all_undone()
        return self._undone

    @property
    def whole(self) -> View:
        """The text as received."""
        return View(self.raw, self._clusters)

    def settled(self, choose: Callable[[str, str, str], str]) -> tuple[View, list[tuple[int, int]]]:
        """Canonical with what is surely a disguise undone, each place read in one way.

        With it come the half-open ranges of the original that were rewritten, code points.
        Leet is left as it is. choose: what a place reads, given the disguise, what is written
        there, and its readings parted by spaces.
        """
        if not self.undone & _skeleton.TRICKS:
            return self.canonical, []
        return _skeleton.settle(self.canonical, choose)

    def read_elsewhere(self) -> None:
        """Show no skeleton from now on: what it says is read as a text of its own."""
        _ = self.undone
        self._skeleton = None

    def _all_undone(self) -> frozenset[str]:
        _ = self.skeleton
        found = self._tricks
        if not _is_simple(self.raw):
            from guardrail.text.canonical import disguises

            found |= disguises(self.raw)
        return found | {"confusable"} if self._folded else found

    def _make_canonical(self) -> View:
        if _is_simple(self.raw):
            return View(self.raw.lower(), self._clusters)
        normalise, unmask = _folding()
        text, edits = normalise(self.raw)
        folded = unmask(text)
        self._folded = folded != text
        return View(folded, self._clusters, (edits,) if edits else ())


def fold(term: str, view: Literal["canonical", "kana"]) -> str:
    """Normalise a lexicon term the way the named view does, so that the two can be compared."""
    if view == "kana" and not term.isascii():
        return Views(term).kana.text
    if _is_simple(term):
        return term.lower()
    normalise, unmask = _folding()
    return unmask(normalise(term)[0])


@cache
def _folding() -> tuple[Callable[[str], tuple[str, Edits]], Callable[[str], str]]:
    """What folds a text that is not simple, imported when first needed."""
    from guardrail.text.canonical import normalise
    from guardrail.text.confusables import unmask

    return normalise, unmask


def _is_simple(text: str) -> bool:
    return text.isascii() and (text.isprintable() or not _CONTROL.search(text))
