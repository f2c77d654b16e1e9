"""Terms read from TSV files and found in a text's views, with word boundaries for each script."""

from __future__ import annotations

import csv
import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from itertools import accumulate, product
from typing import TYPE_CHECKING, NamedTuple

from ahocorasick_rs import AhoCorasick

from guardrail.text import View, Views, fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

FLAGS = frozenset({"stem", "inside", "plural", "kana", "word", "bare", "exact", "whole"})
EXCEPT = "except"  # the label of embedding words: a hit inside one of them is not reported

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_HANGUL = "\u1100-\u11ff\u3130-\u318f\uac00-\ud7ff"
_is_unspaced = re.compile(f"[{_UNSPACED}]").match
_is_hangul = re.compile(f"[{_HANGUL}]").match
_is_arabic = re.compile("[\u0620-\u06ff]").match
_is_spaced = re.compile(
    f"[^\\W_{_UNSPACED}{_HANGUL}]|[\u0300-\u036f\u064b-\u0652\u0900-\u0dff]"
).match
_RUNS = tuple(
    re.compile(f"[{r}]").match for r in ("\u30a1-\u30ff", "\u3041-\u309f", "\u3400-\u9fff")
)
_PROCLITIC = re.compile("[وف]?(?:[بلك]|ال|[بك]ال|لل)?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_HYPHEN = ("-", " ", "_", "")
_TO_HIRAGANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
_TO_KATAKANA = {code: code + 0x60 for code in range(0x3041, 0x3097)}
_VARYING = frozenset({"bare", "kana"})  # flags that give a term further forms
_SHORT = 4  # a shorter term says nothing in the skeleton


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a lexicon.

    label: what the term stands for, as its data file defines.
    weight: its strength, as its data file defines.
    """

    term: str
    label: str
    weight: float
    flags: frozenset[str] = frozenset()


class Hit(NamedTuple):
    """One occurrence of a term: a half-open range of `view.text`.

    in_skeleton: whether the term shows only once disguises are undone.
    """

    entry: Entry
    start: int
    end: int
    view: View
    in_skeleton: bool

    @property
    def span(self) -> tuple[int, int]:
        """The half-open range of the original text, code points."""
        return self.view.span(self.start, self.end)


class _Pattern(NamedTuple):
    entry: Entry
    left: Callable[[str, int], bool]
    right: Callable[[str, int], bool]


class Lexicon:
    """A set of terms, found in one pass over each view.

    A term matches whole words. Scripts written without spaces have no word boundary; Korean has
    one in front only; Arabic words may carry proclitics. In a term, a hyphen stands for a hyphen,
    a space, an underscore or nothing, and a space also for an underscore. Flags change that:
    `stem` any ending, `inside` anything on either side, `plural` also with -s or -es, `word` not
    within a longer run of the same kana or Han script, `bare` also without diacritics, `kana`
    also in the other kana and, from four letters, without long marks, `exact` never in the
    skeleton, `whole` hides shorter terms inside it (for the detector to honour).
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = tuple(entries)
        self._forms = [(form, e) for e in self.entries for form in _forms(e)]
        self._plain = _Automaton(self._forms)

    @cached_property
    def _kana(self) -> _Automaton:
        forms = [(_fold_kana(e.term), e) for e in self.entries if "kana" in e.flags]
        return _Automaton([(form, e) for form, e in forms if len(form) >= _SHORT])

    @cached_property
    def _skeleton(self) -> _Automaton:
        forms = [(_fold_kana(form), e) for form, e in self._forms if "exact" not in e.flags]
        return _Automaton([(form, e) for form, e in forms if _says_something(form)])

    @classmethod
    def load(cls, package: str, *names: str) -> Lexicon:
        """Read TSV files (term, label, weight, flags; `#` comments) of a package.

        Raises ValueError naming file and line where one cannot be read.
        """
        return cls(entry for name in names for entry in _read(package, name))

    def hits(self, views: Views) -> list[Hit]:
        """Every occurrence, in no particular order; the shorter of two nested ones included."""
        canonical = views.canonical
        hits = self._plain.find(canonical, in_skeleton=False)
        if views.kana is not canonical:
            hits += self._kana.find(views.kana, in_skeleton=False)
        if views.skeleton is not None:
            hits += self._skeleton.find(views.skeleton, in_skeleton=True)
        return _unshielded(hits) if len(hits) > 1 else [h for h in hits if h.entry.label != EXCEPT]


class _Automaton:
    def __init__(self, forms: Sequence[tuple[str, Entry]]) -> None:
        unique = {(form, e.term, e.label): e for form, e in forms}
        self._forms = [(form, e) for (form, _, _), e in unique.items()]
        self._met: dict[int, _Pattern] = {}  # few of the forms are ever met
        self._search = AhoCorasick([form for form, _ in self._forms]) if unique else None

    def find(self, view: View, *, in_skeleton: bool) -> list[Hit]:
        if self._search is None:
            return []
        text, met = view.text, self._met
        if not text.isascii():
            text = _SURROGATE.sub("\ufffd", text)  # the automaton reads UTF-8
        return [
            Hit(p.entry, start, end, view, in_skeleton)
            for i, start, end in self._search.find_matches_as_indexes(text, overlapping=True)
            if (p := met.get(i) or self._meet(i)).left(text, start) and p.right(text, end)
        ]

    def _meet(self, index: int) -> _Pattern:
        pattern = self._met[index] = _pattern(*self._forms[index])
        return pattern


def _unshielded(hits: list[Hit]) -> list[Hit]:
    """Drop repeats (the same term seen in two views) and hits within an embedding word."""
    first = hits[0].view
    if all(h.view is first and h.entry.label != EXCEPT for h in hits):
        return hits
    spans = [(hit, hit.span) for hit in hits]
    shields = sorted(span for hit, span in spans if hit.entry.label == EXCEPT)
    starts = [start for start, _ in shields]
    reach = list(accumulate((end for _, end in shields), max))
    kept: dict[tuple[int, tuple[int, int]], Hit] = {}
    for hit, span in spans:
        before = bisect_right(starts, span[0])
        if hit.entry.label != EXCEPT and not (before and span[1] <= reach[before - 1]):
            kept.setdefault((id(hit.entry), span), hit)
    return list(kept.values())


def _read(package: str, name: str) -> Iterator[Entry]:
    text = files(package).joinpath(name).read_text("utf-8")
    rows = csv.reader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    for number, row in enumerate(rows, 1):
        if not row or not row[0] or row[0].startswith("#"):
            continue
        yield _entry(row, f"{name}:{number}")


def _entry(row: list[str], where: str) -> Entry:
    term, label, weight, flags = (*row, "", "", "")[:4]
    try:
        entry = Entry(term.strip(), label, float(weight), _flags(flags))
    except ValueError:
        raise ValueError(f"{where}: weight {weight!r} is not a number") from None
    if not label or entry.flags - FLAGS:
        raise ValueError(f"{where}: no label, or a flag other than {sorted(FLAGS)}")
    return entry


@lru_cache(maxsize=256)
def _flags(text: str) -> frozenset[str]:
    return frozenset(text.replace(",", " ").split())


def _fold_kana(term: str) -> str:
    return term.lower() if term.isascii() else fold(term, "kana")


def _forms(entry: Entry) -> list[str]:
    term = entry.term
    term = term.lower() if term.isascii() else fold(term, "canonical")
    if "-" not in term and entry.flags.isdisjoint(_VARYING):
        return [term, term.replace(" ", "_")] if " " in term else [term]
    terms = [term, _bare(term)] if "bare" in entry.flags else [term]
    if "kana" in entry.flags:
        terms += [term.translate(_TO_HIRAGANA), term.translate(_TO_KATAKANA)]
    return list(dict.fromkeys(v for t in terms for v in _variants(t)))


def _says_something(form: str) -> bool:
    """Whether a form is long enough to mean anything in a text whose disguises were undone."""
    shortest = _SHORT if form.isascii() else 2
    return len(form) >= shortest and form.replace(" ", "").isalpha()


def _variants(term: str) -> Iterator[str]:
    if "-" not in term and " " not in term:
        yield term
        return
    choices = [_HYPHEN if part == "-" else (part,) for part in re.split("(-)", term)]
    for form in map("".join, product(*choices)):
        yield form
        if " " in form:
            yield form.replace(" ", "_")


def _bare(term: str) -> str:
    from unicodedata import combining, normalize

    letters = (c for c in normalize("NFD", term) if not combining(c))
    return normalize("NFC", "".join(letters)).replace("đ", "d").replace("\u0131", "i")


def _pattern(form: str, entry: Entry) -> _Pattern:
    flags = entry.flags
    if "inside" in flags:
        return _Pattern(entry, _anywhere, _anywhere)
    right = _anywhere if "stem" in flags else _end(form[-1], word="word" in flags)
    if right is _word_end and "plural" in flags:
        right = _plural_end
    return _Pattern(entry, _start(form[0], word="word" in flags), right)


@lru_cache(maxsize=4096)
def _start(first: str, *, word: bool) -> Callable[[str, int], bool]:
    if _is_unspaced(first):
        return _run_check(first, -1) if word else _anywhere
    if _is_hangul(first):
        return _hangul_start
    if _is_arabic(first):
        return _arabic_start
    return _word_start if first.isalnum() else _anywhere


@lru_cache(maxsize=4096)
def _end(last: str, *, word: bool) -> Callable[[str, int], bool]:
    if _is_unspaced(last):
        return _run_check(last, 0) if word else _anywhere
    return _word_end if last.isalnum() and not _is_hangul(last) else _anywhere


@lru_cache(maxsize=256)
def _run_check(char: str, offset: int) -> Callable[[str, int], bool]:
    run = next((r for r in _RUNS if r(char)), None)
    if run is None:
        return _anywhere
    return lambda text, at: not (0 <= at + offset < len(text) and run(text[at + offset]))


def _anywhere(_text: str, _at: int) -> bool:
    return True


def _word_start(text: str, at: int) -> bool:
    return at == 0 or not _is_spaced(text[at - 1])


def _word_end(text: str, at: int) -> bool:
    return at == len(text) or not _is_spaced(text[at])


def _plural_end(text: str, at: int) -> bool:
    return (
        _word_end(text, at)
        or (text[at] == "s" and _word_end(text, at + 1))
        or (text.startswith("es", at) and _word_end(text, at + 2))
    )


def _hangul_start(text: str, at: int) -> bool:
    return at == 0 or not _is_hangul(text[at - 1])


def _arabic_start(text: str, at: int) -> bool:
    word = at
    while word > 0 and at - word < _SHORT and _is_spaced(text[word - 1]):
        word -= 1
    return word == at or (_word_start(text, word) and bool(_PROCLITIC.fullmatch(text, word, at)))
